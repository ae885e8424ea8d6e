"""`aipress why`: each thing that can stop a target is told, with who, why and the way out; and what comes next."""

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.holds import Window, pause
from reconciler.actions.rollback import RollbackRequest, commit, propose
from reconciler.actions.why import Why, why
from reconciler.model.errors import InputError
from reconciler.model.hold import Hold, HoldKind
from reconciler.model.ids import Target
from reconciler.report.why import why_text
from tests.cycle.many_sites import ManySites
from tests.cycle.small_world import SmallWorld

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
TENANT = Target.parse("tenant/acme-bakery")


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    assert apply(made.world(), ApplyRequest()).exit_code == 0
    return made


def bigger(small: SmallWorld) -> None:
    small.write(ACME, small.read(ACME).replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))


def asked(small: SmallWorld, target: str = "tenant/acme-bakery") -> tuple[Why, str]:
    found = why(small.world(), Target.parse(target))
    return found, why_text(found, small.clock.now())


def test_what_is_in_order_says_what_was_applied_by_whom_and_that_nothing_comes(small: SmallWorld) -> None:
    small.clock.at += timedelta(hours=2)
    found, text = asked(small)
    assert (found.stops, found.next, found.guards) == ((), (), ())
    assert found.version is not None and found.version.label == "eu-001/1"
    assert text.startswith("tenant/acme-bakery: Synced, ")
    assert "Applied  eu-001/1 2 h ago by jo@example.org (apply), commit " in text
    assert text.endswith("The next apply has nothing to do here.\n")


def test_what_changed_in_git_would_be_done_next(small: SmallWorld) -> None:
    bigger(small)
    found, text = asked(small)
    assert {(step.action, step.stopped) for step in found.next} == {("update", "")}
    assert "template.containers[0].resources.limits.memory" in text
    assert text.endswith("The next apply does 2 changes here: aipress apply tenant/acme-bakery\n")


@pytest.mark.parametrize("target", ["fleet", "shard/eu-001", "tenant/acme-bakery"])
def test_a_pause_says_who_why_and_how_to_end_it(small: SmallWorld, target: str) -> None:
    bigger(small)
    pause(small.world(), Target.parse(target), "an incident", Window("2h"))
    found, text = asked(small)
    assert [(stop.kind, stop.target, stop.way_out) for stop in found.stops] == [
        ("pause", target, f"aipress resume {target}")
    ]
    assert "on hold by jo@example.org until 2026-11-23 11:00Z: an incident" in text
    assert "The next apply does none of this: 2 changes would not run now." in text
    assert [g.guard for g in found.guards] == ["hold"]


def test_one_environment_on_hold_leaves_the_other(small: SmallWorld) -> None:
    bigger(small)
    pause(small.world(), Target.parse("tenant/acme-bakery@staging"), "a demo")
    found, text = asked(small)
    assert [bool(step.stopped) for step in found.next] == [False, True]
    assert "The next apply does 1 change here, and leaves 1 change alone" in text
    assert asked(small, "tenant/acme-bakery@production")[0].stops == ()


def test_a_freeze_to_come_and_a_quarantine_are_told(small: SmallWorld) -> None:
    pause(small.world(), TENANT, "black friday", Window("3d", "1d"))
    head = small.world().repository.resolve("HEAD")
    now = small.clock.now()
    small.world().history.set_hold(
        Hold(str(TENANT), "failed 3 times", "aipress", now, None, HoldKind.QUARANTINE.value, head)
    )
    found, text = asked(small)
    assert {stop.kind for stop in found.stops} == {"freeze", "quarantine"}
    assert "(freeze) by jo@example.org from 2026-11-24 09:00Z until 2026-11-26 09:00Z: black friday" in text
    assert "(quarantine) by aipress until resumed: failed 3 times" in text


def test_what_was_rolled_back_from_and_is_asked_for_again(small: SmallWorld) -> None:
    bigger(small)
    apply(small.world(), ApplyRequest())
    again = small.read(ACME)
    commit(small.world(), propose(small.world(), RollbackRequest((TENANT,), reason="pages were slow")))
    apply(small.world(), ApplyRequest())
    small.write(ACME, again)
    found, text = asked(small)
    assert [(stop.kind, stop.way_out) for stop in found.stops] == [("poisoned", "aipress resume tenant/acme-bakery")]
    assert "jo@example.org rolled back from eu-001/2 to eu-001/1 (pages were slow)" in text
    assert "poisoned refuse: this is the state that" in text


def test_a_wrong_file_says_where(small: SmallWorld) -> None:
    small.write(ACME, small.read(ACME).replace("tier: silver", "tier: slver"))
    found, text = asked(small)
    assert [stop.kind for stop in found.stops] == ["file"]
    assert text.startswith("tenant/acme-bakery: Frozen, ")
    assert f"{ACME}:" in text


def test_a_tug_of_war_names_the_field_and_the_guard(small: SmallWorld) -> None:
    for _ in range(2):
        name = next(n for k, n in small.cloud.objects if k == "run.service" and "acme" in n)
        body = small.cloud.body("run.service", name)
        small.cloud.put("run.service", name, {**body, "template": {**body["template"], "timeout": "7s"}})
        found, text = asked(small)
        apply(small.world(), ApplyRequest())
        small.clock.at += timedelta(minutes=5)
    assert [g.guard for g in found.guards] == ["tug-of-war"]
    assert "`template.timeout` was put back less than 60 minutes ago" in text
    assert found.next[0].drift and found.next[0].stopped.startswith("tug-of-war")


def test_a_later_wave_is_told_before_and_after_it_begins(tmp_path: Path) -> None:
    many = ManySites(tmp_path)
    many.apply()
    many.bigger()
    before, _ = asked(many, "tenant/site-07")
    assert {step.stopped for step in before.next} <= {
        "would be walked in wave 3 of 3, after those before it", ""
    }  # fmt: skip
    many.apply()
    after, text = asked(many, "tenant/site-07")
    assert all("waits for wave 3 of 3 of waves" in step.stopped for step in after.next)
    assert "(wave 1 bakes until 2026-11-23 09:10Z)" in text


def test_a_shard_and_the_fleet_tell_what_below_them_is_not_in_order(small: SmallWorld) -> None:
    bigger(small)
    for target in ("shard/eu-001", "fleet"):
        found, text = asked(small, target)
        assert [row.target for row in found.below if row.sync == "OutOfSync"] == ["tenant/acme-bakery"]
        assert "tenant/acme-bakery  OutOfSync" in text
    assert asked(small, "shard/us-001")[0].next == ()


def test_a_tenant_without_a_file_is_found_where_a_version_records_it(small: SmallWorld) -> None:
    (small.fleet / ACME).unlink()
    small._commit("Gone")
    assert asked(small)[1].startswith("tenant/acme-bakery: Kept, ")
    with pytest.raises(InputError, match="no version records tenant/nobody"):
        asked(small, "tenant/nobody")


def test_what_was_never_applied_says_so(tmp_path: Path) -> None:
    found, text = asked(SmallWorld(tmp_path))
    assert found.version is None
    assert "Applied  never: no version has tried anything of it" in text
    assert {step.action for step in found.next} == {"create"}


def test_what_somebody_else_wrote_steers_no_terminal(small: SmallWorld) -> None:
    bigger(small)
    pause(small.world(), TENANT, "\x1b[2Jall is well\nSynced")
    _, text = asked(small)
    assert "\x1b" not in text
    assert not any(line.startswith("Synced") for line in text.splitlines())
