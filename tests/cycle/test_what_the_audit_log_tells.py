"""Every decision and every write, through the actions that a person asks for."""

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.audit import Records, Wanted, read, verify
from reconciler.actions.holds import pause, resume
from reconciler.model.errors import AipressError, InputError, RefusedError
from reconciler.model.ids import Target
from reconciler.report.audit import exported
from tests.cycle.small_world import SmallWorld
from tests.doubles import Killed, Script

TENANT = Target.parse("tenant/acme-bakery")


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path)


def kept(small: SmallWorld) -> Records:
    world = small.world()
    log = (small.folder / "state" / "store").read_text().strip()
    return Records(world.repository, world.history, world.audit, world.clock, log)


def told(small: SmallWorld, target: Target | None = None) -> list[Any]:
    return [row.note for row in read(kept(small), Wanted(target=target))]


def test_each_write_is_told_before_and_after_with_who_why_commit_and_plan(small: SmallWorld) -> None:
    done = apply(small.world(), ApplyRequest(trigger="push"))
    notes = told(small)
    begun, answered = ([n for n in notes if n.what == what] for what in ("write.begun", "write.answered"))
    assert len(begun) == small.cloud.count("begin") > 10
    assert {n.detail["request"] for n in begun} == {n.detail["request"] for n in answered}
    for note in (*begun, *answered):
        assert (note.actor, note.trigger, note.plan) == ("jo@example.org", "push", done.plan.digest)
        assert note.commit == done.plan.fleet_head
    whats = [n.what for n in notes]
    assert whats.index("apply.begun") < whats.index("write.begun") < whats.index("version.published")
    assert whats[-1] == "apply.ended"


def test_an_apply_that_does_nothing_is_silent(small: SmallWorld) -> None:
    apply(small.world(), ApplyRequest())
    before = len(told(small))
    apply(small.world(), ApplyRequest())
    assert len(told(small)) == before


def test_what_a_daemon_meets_again_at_every_look_is_told_once(small: SmallWorld) -> None:
    apply(small.world(), ApplyRequest())
    pause(small.world(), TENANT, "migration")
    text = small.read("shards/eu-001/tenants/acme-bakery/tenant.yaml")
    small.write("shards/eu-001/tenants/acme-bakery/tenant.yaml", f"{text}  runtime:\n    memory: 2Gi\n")
    daemon = small.world()
    apply(daemon, ApplyRequest())
    before = [note.what for note in told(small)]
    assert before[-2:] == ["items.left_out", "apply.begun"]
    apply(daemon, ApplyRequest())
    for _ in range(2):
        with pytest.raises(RefusedError):
            apply(daemon, ApplyRequest(expect="sha256:0"))
    assert [note.what for note in told(small)] == [*before, "apply.refused"]


def test_what_was_not_there_to_lift_is_not_told_as_lifted(small: SmallWorld) -> None:
    apply(small.world(), ApplyRequest())
    before = len(told(small))
    with pytest.raises(InputError):
        resume(small.world(), TENANT)
    assert len(told(small)) == before


def test_what_somebody_else_lifted_first_is_told_as_that(small: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = pause(small.world(), TENANT, "migration")
    history = small.world().history
    assert small.world().history.clear_hold(str(TENANT), "al")
    monkeypatch.setattr(history, "holds", lambda: [hold])  # what this host saw a moment ago
    assert not history.clear_hold(str(TENANT), "jo")
    assert [(n.what, n.actor) for n in told(small)][-2:] == [("hold.lifted", "jo"), ("hold.lifted.refused", "jo")]
    assert not history.drop_holds([hold], "jo", "over")
    assert [n.what for n in told(small)][-2:] == ["hold.over", "hold.over.refused"]


def test_each_version_names_the_newest_record_and_the_log_is_whole(small: SmallWorld) -> None:
    apply(small.world(), ApplyRequest())
    found = verify(kept(small))
    assert not found.broken
    assert found.anchors == len(small.world().history.heads())


def test_a_log_whose_end_was_cut_off_does_not_fit_the_versions(small: SmallWorld) -> None:
    apply(small.world(), ApplyRequest())
    (path,) = (small.folder / "state" / "audit").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 3]))
    assert {"cut off" in one.what for one in verify(kept(small)).broken} == {True}


def test_what_cannot_be_recorded_is_not_written_to_the_cloud(small: SmallWorld) -> None:
    (small.folder / "state").mkdir()
    (small.folder / "state" / "audit").write_text("a file where the folder should be")
    with pytest.raises(AipressError, match="audit log"):
        apply(small.world(), ApplyRequest())
    assert not small.cloud.count("begin")


def test_a_killed_process_leaves_the_write_behind_that_it_began(small: SmallWorld) -> None:
    small.cloud.script(Script("begin", kind="project", kill="after"))
    with pytest.raises(Killed):
        apply(small.world(), ApplyRequest())
    notes = told(small)
    begun = {n.detail["request"] for n in notes if n.what == "write.begun"}
    answered = {n.detail["request"] for n in notes if n.what == "write.answered"}
    assert begun - answered
    apply(small.world(), ApplyRequest())
    assert not verify(kept(small)).broken


def test_a_refused_apply_a_hold_and_what_it_keeps_are_told(small: SmallWorld) -> None:
    world = small.world()
    with pytest.raises(RefusedError):
        apply(world, ApplyRequest(confirm=lambda _plan: False))
    apply(small.world(), ApplyRequest())
    pause(small.world(), TENANT, "=cmd()\x1b[2J")
    text = small.read("shards/eu-001/tenants/acme-bakery/tenant.yaml")
    small.write("shards/eu-001/tenants/acme-bakery/tenant.yaml", f"{text}  runtime:\n    memory: 2Gi\n")
    apply(small.world(), ApplyRequest())
    resume(small.world(), TENANT)
    notes = {n.what: n for n in told(small)}
    assert "declined" in notes["apply.refused"].detail["why"]
    assert "paused" in notes["items.left_out"].detail["why"] or "hold" in notes["items.left_out"].detail["why"]
    assert notes["hold.set"].actor == notes["hold.lifted"].actor == "jo@example.org"
    mine = {n.what for n in told(small, TENANT)}
    assert {"hold.set", "hold.lifted", "write.begun"} <= mine
    others = told(small, Target.parse("tenant/acme-bakery@staging"))
    assert len(others) < len(told(small, TENANT))


def test_other_systems_get_it_without_anything_taking_effect(small: SmallWorld) -> None:
    pause(small.world(), Target.parse("fleet"), "=cmd()\x1b[2J")
    rows = list(read(kept(small), Wanted()))
    csv = "".join(exported(rows, "csv"))
    assert "\x1b" not in csv
    events = [json.loads(line) for line in exported(rows, "cloudevents")]
    assert [event["id"] for event in events] == ["1", "2"]
    assert {event["specversion"] for event in events} == {"1.0"}
    assert events[1]["type"] == "io.aipress.audit.hold.set"
    again = [json.loads(line) for line in exported(rows, "ndjson")]
    assert again[1]["prev"].startswith("sha256:")
