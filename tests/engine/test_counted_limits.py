"""Limits while a plan is walked: counted before the effect, after a restart, by one thread for all."""

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.engine.ledger import FileLedger
from reconciler.engine.limits import CountedLimits
from reconciler.model.bounds import Bounds
from reconciler.model.effect import Effect, Mishap, Row
from reconciler.model.errors import AipressError, Failure, Next
from reconciler.model.hold import Hold
from reconciler.model.order import Order
from reconciler.model.outcome import ItemOutcome, Outcome, Result
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.ports import Call
from tests.applying.builders import LABELS, OWNER, change, planned
from tests.doubles import FakeCloud, Killed, Script
from tests.engine.rig import FastClock, Rig


def nobody() -> Sequence[Hold]:
    return ()


def rig(folder: Path, holds: Callable[[], Sequence[Hold]] = nobody, old: Rig | None = None) -> Rig:
    """What a new process would have, on the state folder and the cloud of an `old` one."""
    clock = old.clock if old else FastClock()
    made = Rig(old.cloud if old else FakeCloud(clock=clock), clock=clock)
    made.limits = CountedLimits(FileLedger(folder), clock, holds)
    return made


def purge(cloud: FakeCloud, tenant: str, approval: str = "2026-11-05") -> Change:
    name = f"projects/p/secrets/{tenant}"
    cloud.put("secret", name, {"labels": LABELS})
    text = f"purges/{tenant}/{OWNER}/{approval}" if approval else ""
    resource = f"tenant/{tenant}/secret/production"
    return planned(cloud, resource, name, {"labels": LABELS}, action=Action.DELETE, approval=text)


def update(cloud: FakeCloud, tenant: str, ingress: str = "B") -> Change:
    name = f"projects/p/locations/r/services/{tenant}"
    cloud.put("run.service", name, {"labels": LABELS, "ingress": "A"})
    return planned(cloud, f"tenant/{tenant}/run.service/production", name, {"labels": LABELS, "ingress": ingress})


def results(outcome: Outcome) -> list[str]:
    return sorted(str(item.result) for item in outcome.items.values())


@pytest.fixture(params=["threads", "durable"])
def driver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rig, "driver", request.param)
    monkeypatch.setattr(Rig, "folder", tmp_path / "engine", raising=False)


# --- caps over threads, restarts, crashes and hosts -----------------------------------------------------------------


@pytest.mark.usefixtures("driver")
def test_of_many_purges_at_once_exactly_five_go(tmp_path: Path) -> None:
    made = rig(tmp_path)
    made.parallel = 8
    outcome = made.apply([purge(made.cloud, f"t{n}") for n in range(12)])
    assert results(outcome) == ["done"] * 5 + ["skipped"] * 7
    assert len(made.cloud.effects) == 5
    assert "guards.destroys.perHour" in next(i.message for i in outcome.items.values() if i.result is Result.SKIPPED)


@pytest.mark.usefixtures("driver")
def test_a_restart_resets_no_counter(tmp_path: Path) -> None:
    first = rig(tmp_path)
    first.apply([purge(first.cloud, f"t{n}") for n in range(3)])
    again = rig(tmp_path, old=first)
    assert results(again.apply([purge(again.cloud, f"u{n}") for n in range(3)])) == ["done", "done", "skipped"]
    again.clock.sleep(3600)
    later = rig(tmp_path, old=again)
    assert results(later.apply([purge(later.cloud, "v")])) == ["done"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_effect_is_counted_before_it_is_made(tmp_path: Path, when: str) -> None:
    made = rig(tmp_path)
    doomed = purge(made.cloud, "t0")
    made.cloud.script(Script("begin", kill=when))
    with pytest.raises(Killed):
        made.apply([doomed])
    [row] = FileLedger(tmp_path).rows(made.clock.now() - timedelta(hours=1))
    assert isinstance(row, Effect)
    assert (row.action, row.tenant, row.holds_data) == ("delete", "t0", True)


def test_what_another_host_did_counts_and_what_this_one_did_counts_once(tmp_path: Path) -> None:
    made = rig(tmp_path)
    mine = [purge(made.cloud, f"t{n}") for n in range(2)]
    made.apply(mine)
    plan = Plan("local:test", "", "c0ffee", {"shard/s": None}, tuple(mine)).digest

    def told(tenant: str, plan: str) -> Effect:
        resource = f"tenant/{tenant}/secret/production"
        return Effect("", made.clock.now(), plan, "c", "s", resource, "delete", live=False, holds_data=True)

    again = rig(tmp_path, old=made)
    again.bounds = Bounds(
        before=(told("t0", plan), told("t1", plan), told("elsewhere-1", "x"), told("elsewhere-2", "x"))
    )
    assert results(again.apply([purge(again.cloud, f"u{n}") for n in range(2)])) == ["done", "skipped"]
    lost = rig(tmp_path / "another host", old=again)
    lost.bounds = again.bounds
    assert results(lost.apply([purge(lost.cloud, f"v{n}") for n in range(2)])) == ["done", "skipped"]


def test_an_approval_that_ends_while_the_plan_is_walked_ends_the_purge(tmp_path: Path) -> None:
    made = rig(tmp_path)
    made.parallel = 1
    changes = [purge(made.cloud, "a", "2026-11-01"), purge(made.cloud, "b", "2026-11-01"), purge(made.cloud, "c", "")]
    made.on_event = lambda event: made.clock.sleep(86_400 if str(event.kind) == "apply_complete" else 0)
    outcome = made.apply(changes)
    assert results(outcome) == ["done", "skipped", "skipped"]
    assert "expired on 2026-11-01" in outcome.items[changes[1].address].message
    assert "nobody approved" in outcome.items[changes[2].address].message


def test_live_sites_change_at_the_pace_and_not_faster(tmp_path: Path) -> None:
    made = rig(tmp_path)
    tenants = [f"t{n}" for n in range(8)]
    made.bounds = Bounds(live={"s": tuple(tenants)}, sites=8)
    begun = made.clock.now()
    assert results(made.apply([update(made.cloud, name) for name in tenants])) == ["done"] * 8
    assert 3.0 <= (made.clock.now() - begun).total_seconds() < 10


def test_creating_what_is_new_is_not_slowed(tmp_path: Path) -> None:
    made = rig(tmp_path)
    made.bounds = Bounds(live={"s": ("other",)}, sites=5000)
    new = [change(f"tenant/n{n}/secret/production", f"projects/p/secrets/n{n}", {"labels": LABELS}) for n in range(40)]
    begun = made.clock.now()
    assert results(made.apply(new)) == ["done"] * 40
    assert (made.clock.now() - begun).total_seconds() < 2


# --- a sick cloud ---------------------------------------------------------------------------------------------------


def test_a_sick_project_is_paused_and_comes_back_by_itself(tmp_path: Path) -> None:
    made = rig(tmp_path)
    made.cloud.script(Script("begin", failure=Failure(Next.PERSON, "no", 403, forbidden=True), times=30))
    new = [change(f"tenant/n{n}/secret/production", f"projects/p/secrets/n{n}", {"labels": LABELS}) for n in range(40)]
    outcome = made.apply(new)
    assert outcome.count(Result.FAILED) >= 20
    assert outcome.count(Result.SKIPPED) >= 10
    assert made.cloud.count("begin") < 30
    why = next(i.message for i in outcome.items.values() if i.result is Result.SKIPPED)
    assert "guards.breakers.errorPercent" in why
    again = rig(tmp_path, old=made)
    assert results(again.apply(new[:1])) == ["skipped"]
    made.cloud._scripts.clear()
    made.clock.sleep(300)
    after = rig(tmp_path, old=again)
    assert results(after.apply(new)) == ["done"] * 40


def tripped(tmp_path: Path, cloud: FakeCloud, clock: FastClock) -> Rig:
    """A process that has just found a project's breaker open for its whole pause."""
    made = Rig(cloud, clock=clock)
    made.limits = CountedLimits(FileLedger(tmp_path), clock, nobody)
    made.cloud.script(Script("begin", failure=Failure(Next.PERSON, "no", 403, forbidden=True), times=30))
    new = [change(f"tenant/o{n}/secret/production", f"projects/p/secrets/o{n}", {"labels": LABELS}) for n in range(40)]
    assert made.apply(new).count(Result.FAILED) >= 20
    made.cloud._scripts.clear()
    made.clock.sleep(300)
    return rig(tmp_path, old=made)


def test_nobody_waits_for_a_project_to_be_tried_out_by_a_dead_process(tmp_path: Path) -> None:
    """Seen from outside: a shard stood still for half an hour after a SIGKILL in the middle of that one call."""
    clock = FastClock()
    made = tripped(tmp_path, FakeCloud(clock=clock), clock)
    new = [change(f"tenant/n{n}/secret/production", f"projects/p/secrets/n{n}", {"labels": LABELS}) for n in range(9)]
    made.cloud.script(Script("begin", kill="before"))
    with pytest.raises(Killed):
        made.apply(new)
    at = clock.now()
    assert results(rig(tmp_path, old=made).apply(new)) == ["done"] * 9
    assert clock.now() - at < timedelta(minutes=1)


def test_a_project_is_tried_out_when_its_call_is_accepted_however_long_the_work_takes(tmp_path: Path) -> None:
    clock = FastClock()
    made = tripped(tmp_path, FakeCloud(clock=clock, polls=20), clock)
    made.parallel = 8
    new = [change(f"tenant/n{n}/secret/production", f"projects/p/secrets/n{n}", {"labels": LABELS}) for n in range(8)]
    before = len(made.cloud.calls)
    assert results(made.apply(new)) == ["done"] * 8
    calls = [(method, name) for method, _, name in made.cloud.calls[before:]]
    first = next(name for method, name in calls if method.startswith("begin"))
    polls = [n for n, call in enumerate(calls) if call == ("poll", first)]
    begins = [n for n, (method, _) in enumerate(calls) if method.startswith("begin")]
    assert len(begins) == 8 and max(begins) < polls[10], "the others did not wait for the first one's operation"


def test_another_project_goes_on_until_two_are_sick(tmp_path: Path) -> None:
    made = rig(tmp_path)
    made.parallel, made.bounds = 1, Bounds(shards=3)
    made.cloud.script(Script("begin", name="projects/sick*", failure=Failure(Next.BUG, "what"), times=1000))

    def new(project: str) -> list[Change]:
        names = [f"{project}-{n}" for n in range(21)]
        rows = [
            change(f"tenant/{n}/secret/production", f"projects/{project}/secrets/{n}", {"labels": LABELS})
            for n in names
        ]
        return [replace(one, shard=project) for one in rows]

    outcome = made.apply([*new("sick1"), *new("fine")])
    assert {i.result for i in outcome.items.values() if i.change.shard == "fine"} == {Result.DONE}
    outcome = made.apply([*new("sick2"), *new("fine2")])
    assert outcome.stopped.startswith("breaker: 2 of 3 projects are paused")
    assert {i.result for i in outcome.items.values() if i.change.shard == "fine2"} == {Result.INTERRUPTED}


@pytest.mark.usefixtures("driver")
def test_repeats_end_when_the_cloud_is_sick_all_over(tmp_path: Path) -> None:
    made = rig(tmp_path)
    made.parallel = 1
    made.cloud.script(Script("begin", failure=Failure(Next.RETRY, "503", 503), times=1000))
    new = [change(f"tenant/n{n}/secret/production", f"projects/p/secrets/n{n}", {"labels": LABELS}) for n in range(6)]
    outcome = made.apply([replace(one, shard=f"s{n}") for n, one in enumerate(new)])
    assert made.cloud.count("begin") == 6 + 20  # six first calls, twenty repeats
    assert "guards.retries.percent" in " ".join(item.message for item in outcome.items.values())


def test_what_came_of_an_effect_counts_though_the_disk_is_full(tmp_path: Path) -> None:
    made = rig(tmp_path)
    ledger = FullLater(tmp_path, after=1)
    made.limits = CountedLimits(ledger, made.clock, nobody)
    assert results(made.apply([purge(made.cloud, "a"), purge(made.cloud, "b")])) == ["done", "failed"]
    assert len(made.cloud.effects) == 1


class FullLater(FileLedger):
    """A disk that is full after so many rows."""

    def __init__(self, folder: Path, after: int) -> None:
        super().__init__(folder)
        self.left = after

    def append(self, row: Row, *, sync: bool) -> None:
        self.left -= 1
        if self.left < 0:
            self._opened(row.at.date())
            os.close(self._handle)
            self._handle = os.open("/dev/full", os.O_WRONLY)
        super().append(row, sync=sync)


def test_what_could_not_be_written_down_was_not_done_and_does_not_count(tmp_path: Path) -> None:
    class Full(FileLedger):
        full = True

        def append(self, row: Row, *, sync: bool) -> None:
            if self.full:
                raise AipressError("no space left")
            super().append(row, sync=sync)

    clock = FastClock()
    cloud, ledger = FakeCloud(clock=clock), Full(tmp_path)
    changes = [purge(cloud, f"t{n}") for n in range(10)]
    limits = CountedLimits(ledger, clock, nobody)
    limits.opened(Order(Plan("c", "", "h", {"shard/s": None}, tuple(changes))))

    def asked(one: Change) -> object:
        return limits.ask(one, Call(one.action, one.address.kind, one.name, one.parent, one.body))

    for one in changes[:5]:
        with pytest.raises(AipressError, match="no space left"):
            asked(one)
    ledger.full = False
    assert [asked(one) for one in changes[5:]] == [None] * 5, "five an hour"


# --- holds ----------------------------------------------------------------------------------------------------------


def test_a_hold_that_comes_while_a_plan_is_walked_is_honoured_within_five_seconds(tmp_path: Path) -> None:
    holds: list[Hold] = []
    made = rig(tmp_path, lambda: tuple(holds))
    made.parallel = 1
    names = ["a", "b", "c"]
    changes = [change(f"tenant/{n}/secret/production", f"projects/p/secrets/{n}", {"labels": LABELS}) for n in names]

    def pause(event: object) -> None:
        if str(getattr(event, "kind", "")) == "apply_complete" and not holds:
            holds.append(Hold("tenant/b", "incident", "jo", made.clock.now(), None))
            made.clock.sleep(5)

    made.on_event = pause
    outcome = made.apply(changes)
    assert [str(outcome.items[c.address].result) for c in changes] == ["done", "skipped", "done"]
    assert (
        "by jo until resumed: incident; `aipress resume tenant/b` lifts it" in outcome.items[changes[1].address].message
    )


@pytest.mark.usefixtures("driver")
def test_holds_that_cannot_be_read_stop_everything(tmp_path: Path) -> None:
    def unreadable() -> Sequence[Hold]:
        raise OSError("the disk is gone")

    made = rig(tmp_path, unreadable)
    outcome = made.apply([change("tenant/a/secret/production", "projects/p/secrets/a", {"labels": LABELS})])
    assert results(outcome) == ["interrupted"]
    assert "counts as on hold" in next(iter(outcome.items.values())).message
    assert made.cloud.effects == []


def test_an_order_passes_only_the_holds_it_has_leave_for(tmp_path: Path) -> None:
    clock = FastClock()
    one = change("tenant/a/secret/production", "projects/p/secrets/a", {"labels": LABELS})
    holds = [Hold("tenant/a", "rolled back", "jo", clock.now(), None, "rollback")]
    made = rig(tmp_path, lambda: tuple(holds))
    assert isinstance(made.limits, CountedLimits)
    call = first_call(one)

    def order(allow: frozenset[str] = frozenset()) -> Order:
        return Order(Plan("c", "", "h", {"shard/s": None}, (one,)), bounds=Bounds(allow=allow))

    made.limits.opened(order())
    assert made.limits.ask(one, call) is None  # it binds some units only, and planning has seen to that
    holds[0] = replace(holds[0], reason="rolled back while the plan is walked")
    made.clock.sleep(5)
    assert made.limits.ask(one, call) is not None
    holds[:] = [Hold("tenant/a", "incident", "jo", clock.now(), None)]
    made.limits.opened(order())
    assert made.limits.ask(one, call) is not None
    made.limits.opened(order(frozenset({"hold"})))
    assert made.limits.ask(one, call) is None
    holds.append(Hold("shard/s", "and this too", "jo", clock.now(), None))
    made.clock.sleep(5)
    assert made.limits.ask(one, call) is not None


def first_call(one: Change) -> Call:
    return Call(Action.CREATE, one.address.kind, one.name, one.parent, one.body, request_id="x")


# --- quarantine -----------------------------------------------------------------------------------------------------


def failing(commit: str, tenant: str = "a", result: Result = Result.FAILED) -> tuple[Order, Outcome]:
    rows = [change(f"tenant/{tenant}/{kind}/production", f"x/{kind}", {}) for kind in ("secret", "run.service")]
    plan = Plan("c", "", commit, {"shard/s": None}, tuple(rows))
    return Order(plan, actor="jo"), Outcome({c.address: ItemOutcome(c, result, "it said no") for c in rows})


def test_the_third_failure_at_one_commit_parks_a_tenant(tmp_path: Path) -> None:
    clock = FastClock()

    def settled(commit: str, result: Result = Result.FAILED) -> Sequence[Hold]:
        return CountedLimits(FileLedger(tmp_path), clock, nobody).settled(*failing(commit, result=result))

    assert settled("c1") == []
    assert settled("c1") == []
    assert settled("c2") == []
    assert settled("c1", Result.STALE) == []
    [hold] = settled("c1")
    assert (hold.target, hold.kind, hold.commit, hold.actor, hold.until) == ("tenant/a", "quarantine", "c1", "jo", None)
    assert hold.reason == "it failed 3 times at commit c1; the last time: secret: it said no"
    clock.sleep(7 * 86_400)
    assert settled("c1") == []


def test_what_is_a_shards_own_is_never_parked(tmp_path: Path) -> None:
    limits = CountedLimits(FileLedger(tmp_path), FastClock(), nobody)
    one = change("shard/s/sql.instance/main", "x", {})
    order = Order(Plan("c", "", "c1", {"shard/s": None}, (one,)))
    for _ in range(4):
        assert limits.settled(order, Outcome({one.address: ItemOutcome(one, Result.FAILED)})) == []


# --- the ledger -----------------------------------------------------------------------------------------------------


def row(clock: FastClock, tenant: str) -> Mishap:
    return Mishap(clock.now(), tenant, "c", "Grüße\n")


def test_a_torn_or_foreign_line_costs_that_line_alone(tmp_path: Path) -> None:
    clock = FastClock()
    since = clock.now() - timedelta(seconds=1)
    a, b, c = (row(clock, name) for name in "abc")
    FileLedger(tmp_path).append(a, sync=True)
    [path] = (tmp_path / "effects").iterdir()
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole + whole[:cut])
        ledger = FileLedger(tmp_path)
        ledger.append(c, sync=False)
        assert ledger.rows(since) == ([a, a, c] if cut == len(whole) - 1 else [a, c])
        assert bool(ledger.notice) is (0 < cut < len(whole) - 1)
    path.write_bytes(whole + b'{"row":"effect"}\n[]\n\xff\n' + whole)
    ledger = FileLedger(tmp_path)
    ledger.append(b, sync=True)
    assert ledger.rows(since) == [a, a, b]
    assert "3 lines" in ledger.notice
    assert path.stat().st_mode & 0o077 == 0


def test_a_ledger_that_nobody_holds_keeps_no_file_open(tmp_path: Path) -> None:
    def still_open() -> list[str]:
        links = [Path(f"/proc/self/fd/{number}") for number in range(1024)]
        return [str(file.readlink()) for file in links if file.is_symlink() and str(tmp_path) in str(file.readlink())]

    ledger = FileLedger(tmp_path)
    ledger.append(row(FastClock(), "a"), sync=False)
    assert len(still_open()) == 1
    del ledger
    gc.collect()
    assert still_open() == []


def test_a_ledger_keeps_eight_days(tmp_path: Path) -> None:
    clock, ledger = FastClock(), FileLedger(tmp_path)
    for _ in range(12):
        ledger.append(row(clock, "a"), sync=False)
        clock.sleep(86_400)
    names = sorted(path.name for path in (tmp_path / "effects").iterdir())
    assert (len(names), names[0]) == (9, "2026-11-04.jsonl")
    assert len(ledger.rows(clock.now() - timedelta(days=7, hours=12))) == 7


@pytest.mark.usefixtures("driver")
def test_a_ledger_that_cannot_be_read_stops_the_apply(tmp_path: Path) -> None:
    (tmp_path / "effects" / "2026-11-01.jsonl").mkdir(parents=True)
    made = rig(tmp_path)
    with pytest.raises(Exception, match="cannot be read"):
        made.apply([purge(made.cloud, "a")])
    assert made.cloud.effects == []


def test_an_order_with_its_bounds_survives_being_written_down() -> None:
    effect = Effect("", FastClock().now(), "p", "c", "s", "tenant/a/secret/x", "delete", live=True, holds_data=True)
    bounds = Bounds(allow=frozenset({"hold"}), sites=7, shards=2, live={"s": ("a",)}, before=(effect,))
    one = change("tenant/a/secret/production", "x", {})
    order = Order(Plan("c", "", "h", {"shard/s": None}, (one,)), {one.address: "why"}, "jo", "serve", {}, bounds)
    assert Order.from_json(order.to_json()) == order
