"""Incidents of a change, or of our own mistake, that reached everybody before anybody saw what it did."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from reconciler.model.outcome import Result
from reconciler.planning import guards
from tests.cycle.many_sites import ManySites
from tests.cycle.small_world import SmallWorld
from tests.incidents.playing import ACME, applied, deletions


@pytest.fixture
def many(tmp_path: Path) -> ManySites:
    """Ten sites of one tier, applied."""
    made = ManySites(tmp_path)
    assert made.apply(allow="blast-radius").exit_code == 0
    return made


def test_crowdstrike_july_2024_configuration_data_meets_a_canary_first(many: ManySites) -> None:
    """Content that passed its validator went to 8.5 million machines at once. Safeguard: what a tier says is data like
    any other change, and reaches one canary, then few, then the rest."""
    many.bigger("768Mi")
    many.apply()
    assert many.wrote() == ["site-03"]
    many.apply()
    assert many.wrote() == []  # the canary bakes
    assert sorted(many.memory().values()).count("768Mi") == 1


def test_amazon_s3_february_2017_a_slip_of_the_hand_does_not_take_many(small: SmallWorld) -> None:
    """A number mistyped on a command line took away more servers than the rest could do without; and Facebook 2021: the
    tool that should have stopped the command had a bug itself. Safeguard: the same cap stands a second time right
    before each write, and does not rely on the plan having been judged."""
    names = [f"many-{n}" for n in range(9)]
    for number, name in enumerate(names):
        (small.fleet / f"shards/eu-001/tenants/{name}").mkdir()
        text = small.read(ACME).replace("acme-bakery", name).replace("k3v9x2ma", f"m{number}q4m8xz")
        (small.fleet / f"shards/eu-001/tenants/{name}/tenant.yaml").write_text(text)
    small.write("README.md", "Many sites with a staging environment.\n")
    assert applied(small).exit_code == 0
    small.cloud.effects.clear()
    for name in names:
        path = f"shards/eu-001/tenants/{name}/tenant.yaml"
        text = small.read(path).replace(f"staging.{name}.example] }}", f"staging.{name}.example], state: deleted }}")
        (small.fleet / path).write_text(text)
    small.write("README.md", "No staging environments any more.\n")
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(guards, "GUARDS", (nobody_objects,))
        met = applied(small)
    assert met.plan.refused() == ()
    assert len(deletions(small)) == 5
    kept = [i for i in met.outcome.items.values() if i.result is Result.SKIPPED and i.message.startswith("deletes: ")]
    assert len(kept) == 4


def nobody_objects(*_facts: object) -> Iterable[guards.GuardVerdict]:
    """A guard with a bug."""
    return ()
