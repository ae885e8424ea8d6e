"""The price book and what it makes of a body: worked figures, regions, what is free, what has no price."""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.catalog import KINDS
from reconciler.kinds.pricebook import Basis, book_of, public, read_book
from reconciler.kinds.prices import PRICED, Price, Pricer, Traffic
from reconciler.model.spec_prices import Assumed, PriceName, Prices
from reconciler.source.rules import REGIONS

TEXT = files("reconciler.kinds").joinpath("prices.json").read_text("utf-8")
TRAFFIC = {"silver": Traffic(100_000, 25, 250)}
HERE = "projects/p/locations/us-central1/services/s"


def instance(tier: str, gigabytes: object, availability: str = "ZONAL", **more: Any) -> Price:
    settings = {"tier": tier, "dataDiskSizeGb": gigabytes, "availabilityType": availability, **more}
    return Pricer(public()).price("sql.instance", "projects/p/instances/i", {"settings": settings})


def service(kept: object, idle: bool = True, cpu: str = "1", memory: str = "512Mi", **labels: str) -> Price:
    return priced(prices=None, name=HERE, body=service_body(kept, idle, cpu, memory, **labels))


def service_body(
    kept: object, idle: bool = True, cpu: str = "1", memory: str = "512Mi", **labels: str
) -> dict[str, Any]:
    container = {"resources": {"limits": {"cpu": cpu, "memory": memory}, "cpuIdle": idle}}
    named = {f"aipress-{key}": value for key, value in labels.items()}
    return {"labels": named, "template": {"scaling": {"minInstanceCount": kept}, "containers": [container]}}


def priced(prices: Prices | None, name: str, body: Mapping[str, Any], kind: str = "run.service") -> Price:
    return Pricer(book_of(prices), TRAFFIC).price(kind, name, body)


def visited(**more: str) -> Price:
    return service(0, tier="silver", state="active", environment="production", **more)


def test_the_worked_figures_of_the_research() -> None:
    assert instance("db-custom-16-65536", "2048").fixed == pytest.approx(1_160_000_000, rel=0.01)
    assert service(1).fixed == pytest.approx(10_000_000, rel=0.05)
    assert 20 * priced(None, "s", {"state": "ENABLED"}, "secret.version").fixed == 1_200_000


def test_a_standby_doubles_an_instance_and_disk_counts_as_number_or_text() -> None:
    assert instance("db-custom-2-8192", "100", "REGIONAL").fixed == 2 * instance("db-custom-2-8192", 100).fixed
    small = [instance(tier, 10).fixed for tier in ("db-f1-micro", "db-g1-small", "db-custom-2-8192")]
    assert 0 < small[0] < small[1] < small[2]


def test_units_do_not_matter_and_an_always_on_cpu_costs_more() -> None:
    assert service(1, cpu="1000m", memory="0.5Gi") == service(1)
    assert service("2").fixed == 2 * service(1).fixed
    assert service(1, idle=False).fixed > 3 * service(1).fixed
    assert service(0).fixed == 0


def test_use_is_an_estimate_apart_and_of_live_production_sites_alone() -> None:
    # 100,000 visits × 0.2 × 3 requests × 0.4 s: 24,000 s of 1 vCPU and 0.5 GiB; 5 GB kept, 50 GB sent
    by_hand = Decimal(24_000) * (Decimal("0.000024") + Decimal("0.00000125")) + Decimal("0.06") * Decimal("0.4")
    by_hand += 5 * Decimal("0.02") + 50 * Decimal("0.12")
    assert visited().use == int(by_hand * 10**6) and visited().fixed == 0
    assert service(0, tier="silver", state="active", environment="staging").use == 0
    assert service(0, tier="silver", state="suspended", environment="production").use == 0
    assert instance("db-custom-2-8192", 100, backupConfiguration={"enabled": True}).use == 4_000_000


def test_a_tier_nobody_knows_is_said_and_not_zero_in_silence() -> None:
    price = service(1, tier="platinum", state="active", environment="production")
    assert "platinum" in price.unpriced and price.fixed == service(1).fixed and price.use == 0


def test_every_kind_is_priced_free_or_said_to_have_no_price() -> None:
    book = public()
    assert KINDS.keys() <= PRICED | book.free.keys() | book.not_priced.keys()
    assert not PRICED & book.free.keys() and not (PRICED | book.free.keys()) & book.not_priced.keys()
    assert "new.kind" in Pricer(book).price("new.kind", "n", {}).unpriced


def test_the_book_knows_every_region_and_every_name_that_fleet_yaml_may_give() -> None:
    book = public()
    assert book.factors.keys() >= REGIONS
    assert book.prices.keys() == set(get_args(PriceName)) and book.assumptions.keys() == set(get_args(Assumed))
    assert all(line.source and line.date for line in book.prices.values())


def test_another_region_has_its_own_price_and_is_an_estimate() -> None:
    zurich = priced(None, "projects/p/locations/europe-west6/services/s", service_body(1))
    assert zurich.fixed == service(1).fixed * 14 // 10
    assert {line.basis for line in zurich.lines} == {Basis.ESTIMATED}
    assert {line.basis for line in service(1).lines} == {Basis.PUBLISHED}


def test_a_region_the_book_lacks_has_no_price() -> None:
    moon = priced(None, "projects/p/locations/moon-north1/services/s", service_body(1))
    assert moon.lines == () and "moon-north1" in moon.unpriced


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("run.service", {}),
        ("run.service", {"template": None}),
        ("run.service", {"template": {"scaling": {"minInstanceCount": "x"}, "containers": []}}),
        ("run.service", {"template": {"containers": [{"resources": {"limits": {"cpu": "lots"}}}]}}),
        ("sql.instance", {"settings": {"tier": 5}}),
        ("sql.instance", {"settings": {"tier": "db-perf-optimized-N-2"}}),
        ("sql.instance", {"settings": {"tier": "db-custom-2-8192", "edition": "ENTERPRISE_PLUS"}}),
        ("sql.instance", {"settings": {"tier": "db-custom-2-8192", "dataDiskSizeGb": "many"}}),
    ],
)
def test_what_cannot_be_priced_says_so(kind: str, body: dict[str, Any]) -> None:
    found = priced(None, HERE, body, kind)
    assert found.unpriced.startswith(f"{kind}: ") and found.lines == ()


def test_a_fleets_own_prices_and_discount() -> None:
    own = Prices.model_validate(
        {
            "discountPercent": "25",
            "assumptions": {"shareOfTier": "0.4"},
            "lines": {
                "run.idle.cpu": {
                    "usd": "0.000001", "regions": {"europe-west6": "0.000002"}, "source": "contract 7",
                    "date": "2026-11-01",
                }
            },
        }
    )  # fmt: skip
    here = priced(own, HERE, service_body(1))
    cpu, memory = here.lines
    assert (cpu.micros, cpu.basis) == (2_628_000, Basis.MEASURED)
    assert memory.micros == service(1).lines[1].micros * 75 // 100
    there = priced(own, "projects/p/locations/europe-west6/services/s", service_body(1))
    assert there.lines[0].micros == 2 * cpu.micros
    doubled = priced(own, HERE, service_body(0, tier="silver", state="active", environment="production"))
    assert doubled.use == pytest.approx(visited().use * 2 * 0.75, abs=5)
    assert book_of(own).origin.endswith("less 25 %, 1 from fleet.yaml")


@given(
    st.integers(0, 100), st.sampled_from(["250m", "1", "2", "8"]), st.sampled_from(["128Mi", "512Mi", "3Gi"]),
    st.sampled_from(sorted(REGIONS)), st.booleans(),
)  # fmt: skip
def test_a_price_is_the_sum_of_its_lines_in_whole_millionths(
    kept: int, cpu: str, memory: str, region: str, idle: bool
) -> None:
    body = service_body(kept, idle, cpu, memory, tier="silver", state="active", environment="production")
    found = priced(None, f"projects/p/locations/{region}/services/s", body)
    assert all(type(line.micros) is int and line.micros >= 0 for line in found.lines)
    assert found.fixed + found.use == sum(line.micros for line in found.lines)
    assert not found.unpriced


@pytest.mark.parametrize(
    ("wrong", "instead"),
    [
        ('"0.0413"', "0.0413"),
        ('"sql.vcpu"', '"sql.cpu"'),
        ('"published"', '"guessed"'),
        ('"aipress.prices/1"', '"aipress.prices/2"'),
        ('"region": "us-central1"', '"region": "us-central1", "region": "us-central1"'),
        ('"date"', '"when"'),
    ],
)
def test_the_book_is_read_strictly(wrong: str, instead: str) -> None:
    assert read_book(TEXT).date == json.loads(TEXT)["date"]
    with pytest.raises(ValueError):
        read_book(TEXT.replace(wrong, instead, 1))


def test_alike_bodies_are_priced_once_and_different_books_do_not_mix() -> None:
    dear = replace(public(), own=Prices.model_validate({"discountPercent": "50"}))
    assert Pricer(dear).price("run.service", HERE, service_body(1)).fixed * 2 == pytest.approx(service(1).fixed, abs=4)
