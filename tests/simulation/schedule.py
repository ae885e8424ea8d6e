"""A schedule: one scenario, one seed, and what goes wrong. `run` plays it and says what was broken.

A perturbation is plain JSON, so that a schedule can be written down, shrunk and played again:

    {"kind": "death", "at": 17, "elsewhere": 0}              the process dies at the 17th moment; so many cycles that
                                                             follow run on another host, which takes the fleet over
    {"kind": "fault", "wish": {...}}                         a fault of localcloud/faults.py, armed at the start
    {"kind": "short", "method": "*.list", "after": 2, "times": 1}    a list whose last page is missing
    {"kind": "lags", "lags": {...}}                          eventual consistency (localcloud/consistency.py)
    {"kind": "pause", "at": 17, "seconds": 3600, "cycles": 1}        paused while another host runs whole cycles
    {"kind": "console", "at": 17, "act": "…"}                somebody changes something (console.py)
    {"kind": "stop", "at": 17}                               the stop switch is thrown, and lifted after the cycle
    {"kind": "forget", "at": 17, "tear": 0}                  the journal of intents is lost (or its last bytes are)
    {"kind": "lose", "at": 17, "what": "all"}                the engine's database is ("orders", "steps": that part)
    {"kind": "clock", "at": 17, "by": 86400}                 this host's clock jumps
    {"kind": "twice"} | {"kind": "missed"}                   each trigger comes twice | all but the last are lost
"""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from reconciler.actions.plan import difference
from reconciler.localcloud import consistency
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.house import Outcome
from reconciler.localcloud.values import Request, Response
from reconciler.model.ids import Scope
from tests.engine.memory_dbos import Kept
from tests.simulation import console
from tests.simulation.drivers import THREADS
from tests.simulation.invariants import Golden, Watched, broken, logged
from tests.simulation.realm import INTERVAL, Death, Host, Place, Point, Realm, Snapshot
from tests.simulation.scenarios import Scenario, Step

Perturbation = Mapping[str, Any]
MOST_CYCLES = 14
"""Cycles until a run must be quiet once nothing goes wrong any more."""
HEALED = 6000.0
"""Seconds after which a cloud that was out of order is in order again: operations are over, lags have passed."""


@dataclass(frozen=True)
class Schedule:
    """`engine`: which walks (drivers.py); its moments are its own."""

    scenario: str
    seed: int
    wrong: tuple[Perturbation, ...] = ()
    engine: str = THREADS

    def to_json(self) -> dict[str, Any]:
        wrong = [dict(one) for one in self.wrong]
        return {"scenario": self.scenario, "seed": self.seed, "wrong": wrong, "engine": self.engine}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Schedule":
        return cls(row["scenario"], row["seed"], tuple(row["wrong"]), row.get("engine", THREADS))


@dataclass
class Played:
    """What a schedule came to. `broken`: the invariants that did not hold, in words."""

    schedule: Schedule
    broken: list[str]
    points: Sequence[Point] = ()
    cycles: int = 0
    deaths: int = 0
    calls: int = 0
    struck: Mapping[str, int] = field(default_factory=dict)
    trace: str = ""
    died_in: Sequence[str] = ()


@dataclass(frozen=True)
class Clean:
    """A run that nothing disturbed: how it ended, and its moments."""

    golden: Golden
    points: Sequence[Point]


class Player:
    """Plays schedules of one scenario from one snapshot. What a run comes to that nothing disturbs is made once for
    each engine, and must be the same for both."""

    def __init__(self, place: Place, scenario: Scenario, folder: Path) -> None:
        self.place, self.scenario, self.folder = place, scenario, folder
        self._number = 0
        before = None if scenario.first else applied(place, scenario.fleet)
        if before is None:
            place.push(place.commit(scenario.fleet, "The fleet", onto="none"))
        base = Realm(place, folder / "base", 0, before)
        with base.real():
            for step in scenario.setup:
                step(base)
                settle(base, "the set-up is applied")
        self.start: Snapshot = base.snapshot(folder / "start")
        shutil.rmtree(base.folder)
        self._clean: dict[str, Clean] = {}
        self.clean(THREADS)

    @property
    def points(self) -> Sequence[Point]:
        return self.clean(THREADS).points

    def clean(self, engine: str) -> Clean:
        """Raises AssertionError when it is not quiet in the end, or ends otherwise than another engine's."""
        if engine not in self._clean:
            run = _Run(self, Schedule(self.scenario.name, 0, engine=engine))
            try:
                golden = run.golden()
            finally:
                run.end()
            for other, clean in self._clean.items():
                unlike = clean.golden.unlike(golden)
                assert not unlike, f"{self.scenario.name} ends otherwise with {engine} than with {other}: {unlike[0]}"
            self._clean[engine] = Clean(golden, tuple(run.realm.points))
        return self._clean[engine]

    def play(self, schedule: Schedule, *, whole: bool = True, tell: Callable[[str], None] | None = None) -> Played:
        """`whole`: also the plan after the end must be empty (it follows from equal states, and costs a cycle).
        `tell` hears of every moment, call and cycle."""
        self.clean(schedule.engine)  # before: a place has one fleet repository
        run = _Run(self, schedule, tell)
        try:
            return run.played(whole)
        finally:
            run.end()

    def fork(self, seed: int, engine: str) -> Realm:
        self._number += 1
        return Realm(self.place, self.folder / f"run-{self._number}", seed, self.start, engine)


def applied(place: Place, files: Mapping[str, str]) -> Snapshot:
    """These files as a fleet that is applied; made once."""
    key = str(sorted(files.items()))
    if key not in place.applied:
        place.push(place.commit(files, "The fleet", onto="none"))
        realm = Realm(place, place.folder / f"applied-{len(place.applied)}", 0)
        with realm.real():
            settle(realm, "the fleet is applied")
        place.applied[key] = realm.snapshot(place.folder / f"applied-{len(place.applied)}-snapshot")
        shutil.rmtree(realm.folder)
    return place.applied[key]


def settle(realm: Realm, what: str) -> None:
    """Cycles until nothing is left to change. Raises AssertionError."""
    for _ in range(MOST_CYCLES):
        report = realm.cycle()
        realm.true.pass_by(INTERVAL)
        if quiet(report):
            return
    raise AssertionError(f"{what}: not quiet after {MOST_CYCLES} cycles: {said(report)}")


def quiet(report: Any) -> bool:
    applied = report.applied
    return applied is not None and not (applied.plan.changes or applied.plan.to_record) and applied.exit_code == 0


def said(report: Any) -> str:
    if report.applied is None:
        return f"{report.error} ({report.error.hint})"
    items = [f"{a} {i.result}: {i.message}" for a, i in report.applied.outcome.items.items() if i.result != "done"]
    verdicts = [f"{v.guard}: {v.message}" for v in report.applied.plan.refused()]
    left = [f"{c.address} {c.action}" for c in report.applied.plan.changes]
    return "; ".join([*verdicts, *items] or left)[:1500]


class _Run:
    def __init__(self, player: Player, schedule: Schedule, tell: Callable[[str], None] | None = None) -> None:
        self.tell = tell
        self.died_in: list[str] = []
        self.player, self.schedule = player, schedule
        self.realm = player.fork(schedule.seed, schedule.engine)
        self.watched = Watched()
        self.other: Host | None = None
        self.away, self.took_over = 0, False
        self.deaths = self.cycles = 0
        self.nested = False
        self.heard = self.fired = 0
        self.broken: list[str] = []
        self.stuck: list[Fault] = []
        self.chance = random.Random(f"run {schedule.seed}")
        self.shorts = [dict(one, seen=0) for one in schedule.wrong if one["kind"] == "short"]
        self.due: dict[int, list[Perturbation]] = {}
        for one in schedule.wrong:
            if "at" in one:
                self.due.setdefault(one["at"], []).append(one)

    def end(self) -> None:
        shutil.rmtree(self.realm.folder, ignore_errors=True)

    # --- playing ----------------------------------------------------------------------------------------------------

    @property
    def wanted(self) -> Golden:
        return self.player.clean(self.schedule.engine).golden

    def golden(self) -> Golden:
        with self.realm.real():
            self._steps()
            settle(self.realm, self.player.scenario.name)
            return Golden.of(self.realm)

    def played(self, whole: bool) -> Played:
        realm = self.realm
        with realm.real():
            realm.on_point, carry_after = self._at, self.player.place.binding.after
            if self.shorts:
                self.player.place.binding.after = lambda call, out: self._shortened(call, carry_after(call, out))
            self._arm()
            self._steps()
            self._heal()
            end = self._until_quiet(whole)
            self.broken += [] if self._hangs() else end
            self.broken += broken(realm, self.wanted, self.watched, self.schedule.wrong, alike=not self._hangs())
        calls = realm.house.counted
        return Played(
            self.schedule, self.broken, realm.points, self.cycles, self.deaths, calls, self._struck(), realm.trace(),
            self.died_in,
        )  # fmt: skip

    def _hangs(self) -> bool:
        """An operation of the cloud never ends: what waits for it cannot end either, and no harm is all that counts.

        Or a revision of a site ends in an error of the cloud's own: its tenant is parked until a person looks."""
        halves = {fault.id for fault in self.realm.house.faults.armed if fault.kind == "half_finished"}
        return any(fault.kind == "stuck_operation" and fault.hit for fault in self.stuck) or any(
            halves & set(call["faults"]) for call in logged(self.realm) if call["method"].startswith("run.")
        )

    def _struck(self) -> Counter[str]:
        """fault · method -> how often."""
        kinds = {fault.id: fault.kind for fault in self.realm.house.faults.armed}
        return Counter(f"{kinds[n]} · {c['method']}" for c in logged(self.realm) for n in c["faults"] if n in kinds)

    def _arm(self) -> None:
        house = self.realm.house
        for one in self.schedule.wrong:
            if one["kind"] == "fault":
                house.faults.add(dict(one["wish"]), house.now)
            elif one["kind"] == "lags":
                house.lags = consistency.parsed(dict(one["lags"]))

    def _steps(self) -> None:
        """Each step is followed by the cycle that its push triggers, unless that trigger is lost."""
        kinds = {one["kind"] for one in self.schedule.wrong}
        steps, before = self.player.scenario.steps, self.realm.place.head
        for number, step in enumerate(steps):
            self._step(step)
            if "missed" in kinds and number < len(steps) - 1:
                continue
            for _ in range(2 if "twice" in kinds else 1):
                self._cycle(before)
            before = self.realm.place.head
        if not steps:
            self._cycle("")

    def _step(self, step: Step) -> None:
        """What a person does; a command that is killed is given again."""
        try:
            step(self.realm)
        except Death as death:
            self.deaths += 1
            self._said(f"--- a command died {death}")
            self._step(step)

    def _cycle(self, before: str = "") -> Any:
        """One cycle: of what a commit changed (as the daemon does), or of everything. None: the process died."""
        realm, scope = self.realm, Scope()
        self.cycles += 1
        try:
            if before and before != realm.place.head:
                repository = realm.process(realm.hosts[0]).repository
                scope = difference(repository, before, realm.place.head, Scope())
            report = realm.cycle(self._on_duty(), scope, take_over=self.took_over)
        except Death as death:
            self.deaths += 1
            self._said(f"--- cycle {self.cycles}: died {death}")
            return None
        else:
            self._said(f"--- cycle {self.cycles}: {'quiet' if quiet(report) else said(report)}")
            return report
        finally:
            realm.true.pass_by(INTERVAL)
            self._lift()

    def _on_duty(self) -> Host:
        """The first host, or the one that stands in for it."""
        self.away -= 1
        return self._second() if self.away >= 0 else self.realm.hosts[0]

    def _second(self) -> Host:
        self.other = self.other or self.realm.host()
        return self.other

    def _lift(self) -> None:
        for host in self.realm.hosts:
            (host.folder / "STOP").unlink(missing_ok=True)
        self.watched.stopped_at = None

    def _heal(self) -> None:
        """Nothing goes wrong any more; what was slow is over."""
        if any(one["kind"] in ("fault", "lags", "short", "stop", "clock") for one in self.schedule.wrong):
            self.realm.true.pass_by(HEALED)
        self.shorts.clear()
        self.stuck = [f for f in self.realm.house.faults.armed if f.kind == "stuck_operation"]
        self.realm.house.faults.armed = [replace(f, times=1, hit=1) for f in self.realm.house.faults.armed]
        self.realm.house.lags = consistency.Lags()
        for host in self.realm.hosts:
            host.clock.off = 0.0

    def _until_quiet(self, whole: bool) -> list[str]:
        """Cycles over everything until there is nothing to do. Without perturbations left, within MOST_CYCLES."""
        for turn in range(2 if self._hangs() else MOST_CYCLES):
            fired, elsewhere = self.fired, self.away > 0
            report = self._cycle()
            if report is None or self.fired > fired:
                continue  # what happened meanwhile may not have been seen
            if elsewhere:  # and then the first host comes back, with what it had left open
                self.away = 0 if quiet(report) else self.away
                continue
            if quiet(report):
                return []
            if not whole and turn == 0 and self._ended_alike(report):
                return []
        return [f"not quiet after {MOST_CYCLES} cycles: {said(report) if report else 'it died in each'}"]

    def _ended_alike(self, report: Any) -> bool:
        """Whether everything was done and all is as in the undisturbed run, from which an empty plan followed."""
        if report.applied is None or report.applied.exit_code != 0:
            return False
        return not self.wanted.differences(self.realm)

    # --- what goes wrong --------------------------------------------------------------------------------------------

    def _said(self, text: str) -> None:
        if self.tell is not None:
            for call in logged(self.realm)[self.heard :]:
                faults = f" faults {call['faults']}" if call["faults"] else ""
                if call["mutating"] or faults:
                    self.tell(f"      {call['method']} {call['resource']} -> {call['status']}{faults}")
            self.heard = self.realm.house.counted
            self.tell(text)

    def _at(self, point: Point) -> None:
        self._said(f"    {self.realm.true.at:%H:%M:%S} {point.number} {point.phase} {point.address} {point.method}")
        if self.watched.stopped_at is not None and point.phase == "before a call":
            self.watched.after_stop(point)
        if self.nested:
            return
        for one in self.due.get(point.number, ()):
            self.fired += 1
            self._do(one, point)

    def _do(self, one: Perturbation, point: Point) -> None:
        realm, kind = self.realm, one["kind"]
        if kind == "death":
            self.died_in.append(point.cell)
            self.away = one.get("elsewhere", 0)
            self.took_over = self.took_over or self.away > 0
            raise Death(f"at {point}")
        if kind == "stop":
            (realm.hosts[0].folder / "STOP").write_text("the simulation says so")
            self.watched.stopped_at = point
        elif kind == "forget":
            self._forget(one.get("tear", 0))
        elif kind == "lose":
            _lose(realm.hosts[0], one.get("what", "all"))
        elif kind == "clock":
            realm.hosts[0].clock.off += one["by"]
        elif kind == "console":
            self.watched.touched |= console.do(one["act"], realm, self.chance)
        elif kind == "pause" and "publish" not in point.phase:
            self._pause(one)

    def _forget(self, tear: int) -> None:
        journal = self.realm.hosts[0].folder / "intents.jsonl"
        if not journal.exists():
            return
        if tear:
            content = journal.read_bytes()
            journal.write_bytes(content[: max(0, len(content) - tear)])
        else:
            journal.unlink()

    def _pause(self, one: Perturbation) -> None:
        """This process stands still; another host, which shares history and cloud, runs whole cycles."""
        realm, other = self.realm, self._second()
        self.nested, before = True, (realm.at_work, realm.effects, realm.walked)
        try:
            realm.true.pass_by(one["seconds"] / 2)
            for _ in range(one.get("cycles", 1)):
                realm.cycle(other, take_over=one.get("takeOver", False))
            realm.true.pass_by(one["seconds"] / 2)
        finally:
            self.nested, (realm.at_work, realm.effects, realm.walked) = False, before

    def _shortened(self, call: Request, outcome: Outcome) -> Outcome:
        body = outcome.response.body
        if call.verb != "GET" or not isinstance(body, dict) or outcome.response.status != 200:
            return outcome
        method = self.realm.method(call)
        for short in self.shorts:
            if not fnmatchcase(method, short["method"]) or not method.endswith("list"):
                continue
            short["seen"] += 1
            if not short.get("after", 0) < short["seen"] <= short.get("after", 0) + short.get("times", 1):
                continue
            cut = {k: v[: len(v) // 2] if isinstance(v, list) else v for k, v in body.items() if k != "nextPageToken"}
            return replace(outcome, response=Response(200, cut, outcome.response.headers))
        return outcome


def _lose(host: Host, what: str) -> None:
    """The engine's database is gone: a process that has it open goes on with a file that has no name any more."""
    if what in ("all", "orders"):
        for file in host.folder.glob("engine.sqlite*"):
            file.unlink()
    if what in ("all", "steps"):
        host.kept = Kept()
