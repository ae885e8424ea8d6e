"""What a fleet costs: the parts add up, what is shared is divided by connections, and nothing is lost on the way."""

import csv
import io
from dataclasses import replace

import pytest

from reconciler.desired.cost import Amount, Costing, FleetCost, ShardCost, TenantCost
from reconciler.kinds.pricebook import public
from reconciler.kinds.prices import Pricer
from reconciler.model.resource import Desired, Resource
from reconciler.report.costs import cost_csv, cost_json, cost_tables
from tests.planning.given import INSTANCE, fleet, resource
from tests.planning.test_cost import instance, site


def grant(name: str, connections: int) -> Resource:
    return resource(f"tenant/{name}/sql.grant/production", {"maxUserConnections": connections})


def costed(*resources: Resource) -> FleetCost:
    costing = Costing(fleet(), Pricer(public()))
    costing.shard("eu-001", Desired({r.address: r for r in resources}))
    return costing.done()


def test_what_is_shared_is_divided_by_connections_and_adds_up() -> None:
    made = costed(instance("100"), site("a", 1), grant("a", 30), site("b", 0), grant("b", 10))
    (shard,), (a, b) = made.shards, made.tenants
    assert a.shared.fixed == pytest.approx(3 * b.shared.fixed, abs=3) and a.shared.fixed > 0
    assert a.shared.fixed + b.shared.fixed == shard.shared.fixed
    assert a.own.fixed == shard.sites.fixed and b.own.fixed == 0
    assert sum(t.whole.whole for t in made.tenants) == shard.whole.whole == made.whole.whole


def test_an_empty_shard_costs_what_it_shares_and_nobody_pays_for_it() -> None:
    made = costed(instance("100"))
    assert made.tenants == () and made.whole.fixed == made.shards[0].shared.fixed > 0


def test_what_has_no_price_is_counted_and_in_no_sum() -> None:
    odd = resource(INSTANCE, {"settings": {"tier": "db-perf-optimized-N-2"}})
    made = costed(odd, site("a", 0))
    assert made.unpriced == {"sql.instance: machine type 'db-perf-optimized-N-2'": 1} and made.whole.whole == 0
    assert "not priced: 1 × sql.instance" in cost_tables(made, made.tenants, None)
    assert cost_json(made, (), None)["not_priced"] == [
        {"what": "sql.instance: machine type 'db-perf-optimized-N-2'", "objects": 1}
    ]


def test_the_fleets_own_objects_are_told_and_divided_by_nobody() -> None:
    costing = Costing(fleet(), Pricer(public()))
    costing.own([resource("fleet/secret.version/token", {"state": "ENABLED"}), site("a", 3)])
    made = costing.done()
    assert made.own == Amount(60_000, 0) == made.whole


def test_hostile_names_take_no_effect_in_a_table_or_a_spreadsheet() -> None:
    bad = '=HYPERLINK("http://evil","x"),\x1b[31m\u202e'
    tenant = TenantCost(bad, "@sum(1)", "-silver", Amount(1, 2), Amount(3, 4), 5)
    whole = replace(costed(site("a", 0)), shards=(ShardCost("+s", Amount(3, 4), Amount(1, 2), (tenant,)),))
    (_, row) = csv.reader(io.StringIO(cost_csv([tenant])))
    assert all(text[0] == "'" for text in row[:3]) and "\x1b" not in row[0] and "\u202e" not in row[0]
    assert row[3:] == ["0.000001", "0.000002", "0.000003", "0.000004", "0.000010"]
    text = cost_tables(whole, [tenant], None)
    assert "\x1b" not in text and "\u202e" not in text
