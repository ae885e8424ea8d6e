"""Guards are tried out at every start: one that is lost, or has no case, is never noticed too late."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.selftest import require_guards
from reconciler.applying import limits
from reconciler.applying import selftest as rules
from reconciler.daemon.serve import Watch, once, run
from reconciler.model.errors import AipressError
from reconciler.planning import guards
from reconciler.planning import selftest as plans
from tests.cycle.small_world import SmallWorld

NAMES = [guard.__name__ for guard in guards.GUARDS]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    require_guards.cache_clear()
    yield
    require_guards.cache_clear()


def test_all_is_well() -> None:
    require_guards()


def test_every_guard_and_every_rule_has_a_case() -> None:
    assert {case.guard for case in plans.cases()} == {*NAMES, "_blocked"}
    assert rules.cases().keys() == limits.RULES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_guard_that_is_lost_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "GUARDS", tuple(g for g in guards.GUARDS if g.__name__ != name))
    assert set(plans.lost_guards()) == {case.verdict for case in plans.cases() if case.guard == name}


@pytest.mark.parametrize("name", limits.RULES)
def test_a_rule_that_is_lost_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RULES", {n: rule for n, rule in limits.RULES.items() if n != name})
    assert list(rules.lost_rules()) == [name]


def test_nothing_starts_without_its_guards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = SmallWorld(tmp_path)
    monkeypatch.setattr(guards, "GUARDS", tuple(g for g in guards.GUARDS if g.__name__ != "shrink"))
    watch = Watch(None, 60, lambda event: None, lambda reported: None)
    for start in (lambda: apply(small.world(), ApplyRequest()), lambda: once(small.world(), watch)):
        with pytest.raises(AipressError, match="the guard shrink let a plan through"):
            start()
    with pytest.raises(AipressError, match="the guard shrink let a plan through"):
        run(small.world(), watch)
    assert small.cloud.calls == []
