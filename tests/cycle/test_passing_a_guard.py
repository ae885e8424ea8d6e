"""`--allow`: a guard is passed for one apply, and the history says for good who did it, which, and why."""

from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.holds import pause
from reconciler.actions.rollback import Immediate, RollbackRequest, now, propose
from reconciler.model.ids import Target
from reconciler.model.version import Version
from tests.cycle.many_sites import ManySites
from tests.cycle.small_world import SmallWorld

TENANT = Target.parse("tenant/acme-bakery")
ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    assert apply(made.world(), ApplyRequest()).exit_code == 0
    pause(made.world(), TENANT, "an incident")
    made.write(ACME, made.read(ACME).replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))
    return made


def newest(small: SmallWorld) -> Version:
    version = small.world().history.head("eu-001")
    assert version is not None
    return version


def test_who_passed_which_guard_and_why_stands_in_the_version(small: SmallWorld) -> None:
    request = ApplyRequest(allow=frozenset({"hold", "shrink"}), reason="the shop is down")
    assert apply(small.world(), request).exit_code == 0
    version = newest(small)
    assert version.trigger == "apply, past the guards hold, shrink: the shop is down"
    assert version.actor == "jo@example.org"
    assert version.to_json()["trigger"] == version.trigger


def test_that_nobody_said_why_is_said_too(small: SmallWorld) -> None:
    assert apply(small.world(), ApplyRequest(allow=frozenset({"hold"}))).exit_code == 0
    assert newest(small).trigger == "apply, past the guard hold: no reason given"


def test_it_is_over_with_that_apply(small: SmallWorld) -> None:
    apply(small.world(), ApplyRequest(allow=frozenset({"hold"}), reason="the shop is down"))
    small.write(ACME, small.read(ACME).replace("memory: 1Gi", "memory: 2Gi"))
    assert apply(small.world(), ApplyRequest()).exit_code == 5
    assert newest(small).number == 2


def test_an_apply_that_passed_nothing_says_nothing(small: SmallWorld) -> None:
    small.write(ACME, small.read(ACME).replace("  runtime: { memory: 1Gi }\n", ""))
    apply(small.world(), ApplyRequest(reason="unused"))
    assert newest(small).trigger == "apply"


def test_a_rollback_at_once_says_it_and_is_still_known_as_a_rollback(small: SmallWorld) -> None:
    apply(small.world(), ApplyRequest(allow=frozenset({"hold"}), reason="the shop is down"))
    proposal = propose(small.world(), RollbackRequest((TENANT,), "eu-001/1", reason="pages were slow"))
    until = small.clock.now().replace(hour=20)
    now(small.world(), proposal, Immediate(until, lambda _event: None, frozenset({"hold"})))
    version = newest(small)
    assert version.trigger == "rollback to eu-001/1, past the guard hold: pages were slow"
    assert version.returned


def test_many_sites_at_once_in_no_waves_say_it(tmp_path: Path) -> None:
    many = ManySites(tmp_path)
    many.apply()
    many.bigger()
    apply(many.world(), ApplyRequest(allow=frozenset({"blast-radius"}), reason="an exploit is out"))
    head = many.world().history.head("eu-001")
    assert head is not None and head.trigger == "apply, past the guard blast-radius: an exploit is out"
