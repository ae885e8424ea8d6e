"""The cost line: the worked figures of the price list, and what is free."""

import pytest

from reconciler.kinds.catalog import KINDS
from reconciler.kinds.prices import monthly_usd


def instance(tier: str, gigabytes: object, availability: str = "ZONAL") -> float:
    settings = {"tier": tier, "dataDiskSizeGb": gigabytes, "availabilityType": availability}
    return monthly_usd("sql.instance", {"settings": settings})


def service(kept: object, idle: bool = True, cpu: str = "1", memory: str = "512Mi") -> float:
    container = {"resources": {"limits": {"cpu": cpu, "memory": memory}, "cpuIdle": idle}}
    return monthly_usd("run.service", {"template": {"scaling": {"minInstanceCount": kept}, "containers": [container]}})


def test_the_worked_figures_of_the_price_list() -> None:
    assert instance("db-custom-16-65536", "2048") == pytest.approx(1160, rel=0.01)
    assert service(1) == pytest.approx(10, rel=0.05)
    assert 20 * monthly_usd("secret.version", {}) == pytest.approx(1.20)


def test_a_standby_doubles_an_instance_and_disk_counts_as_number_or_text() -> None:
    assert instance("db-custom-2-8192", "100", "REGIONAL") == pytest.approx(2 * instance("db-custom-2-8192", 100))
    assert 0 < instance("db-f1-micro", 10) < instance("db-g1-small", 10) < instance("db-custom-2-8192", 10)


def test_units_do_not_matter_and_an_always_on_cpu_costs_more() -> None:
    assert service(1, cpu="1000m", memory="0.5Gi") == service(1)
    assert service("2") == pytest.approx(2 * service(1), abs=0.01)
    assert service(1, idle=False) > 3 * service(1)


def test_scaling_to_zero_and_the_other_kinds_are_free() -> None:
    assert service(0) == 0
    assert {kind for kind in KINDS if monthly_usd(kind, {"settings": {"tier": "db-f1-micro"}})} == {
        "sql.instance", "secret.version",
    }  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"template": None}, {"template": {"containers": [3]}}, {"settings": {"tier": 5}}])
def test_a_body_of_another_shape_costs_nothing_and_breaks_nothing(body: dict[str, object]) -> None:
    assert monthly_usd("run.service", body) == 0
    assert monthly_usd("sql.instance", body) == 0
