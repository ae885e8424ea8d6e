"""`aipress status --watch`: the table, then what changes, until all is in sync and well."""

from pathlib import Path

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.status import follow, well
from tests.cycle.small_world import SmallWorld

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


def test_it_tells_what_changes_and_ends_when_all_is_well(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    apply(small.world(), ApplyRequest())
    small.write(ACME, small.read(ACME).replace("tier: silver", "tier: bronze"))
    looks = follow(small.world(), (), 5.0)
    first = next(looks)
    (open_,) = [row for row in first if not well(row)]
    assert (open_.target, open_.sync) == ("tenant/acme-bakery", "OutOfSync")
    assert len(first) > 1, "the first look tells everything"
    begun = small.clock.at
    apply(small.world(), ApplyRequest())
    rest = list(looks)
    assert [[row.sync for row in rows if row.target == "tenant/acme-bakery"] for rows in rest] == [["Synced"]]
    assert {row.target for rows in rest for row in rows} <= {row.target for row in first}
    assert (small.clock.at - begun).total_seconds() >= 5


def test_where_all_is_well_it_looks_once(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    apply(small.world(), ApplyRequest())
    begun = small.clock.at
    assert len(list(follow(small.world(), (), 5.0))) == 1
    assert small.clock.at == begun
