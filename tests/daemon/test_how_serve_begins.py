"""How `serve` begins: not all hosts at once, what was left open first, and only looking after a change of release."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler import assemble
from reconciler.actions.apply import ApplyRequest, apply
from reconciler.daemon.serve import Reported, Start, Watch, run
from reconciler.engine.release import ReleaseMark
from reconciler.model.ids import Target
from tests.cycle.small_world import SmallWorld
from tests.doubles import Killed, Script, Unclaimed


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path)


@dataclass
class Loop:
    """Runs `serve` for so many cycles, then ends it as SIGTERM does."""

    small: SmallWorld
    start: Start | None
    cycles: int
    told: list[Reported] = field(default_factory=list)

    def run(self) -> list[Reported]:
        watch = Watch(None, 0, lambda event: None, self._hear, start=self.start)
        assert run(self.small.world(), watch) == 0
        return self.told

    def _hear(self, reported: Reported) -> None:
        self.told.append(reported)
        self.small.clock.sleep(60)
        if len(self.told) >= self.cycles:
            signal.raise_signal(signal.SIGTERM)


def nothing() -> Sequence[Target]:
    return ()


def mark(small: SmallWorld, release: str) -> ReleaseMark:
    return ReleaseMark(small.folder / "state", release)


def test_a_new_release_looks_first_and_acts_then(small: SmallWorld) -> None:
    Loop(small, Start(0, mark(small, "1.0"), nothing), 1).run()
    made = len(small.cloud.effects)
    small.cloud.effects.clear()
    acme = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
    small.write(acme, small.read(acme).replace("displayName:", "displayName: The"))
    first, second = Loop(small, Start(0, mark(small, "1.1"), nothing), 2).run()
    assert made > 0
    assert first.trigger == "start, looking only"
    assert first.applied is not None and first.applied.exit_code == 5
    assert first.applied.outcome.items == {} and first.applied.versions == ()
    assert "from 1.0" in next(iter(first.applied.skipped.values()))
    assert second.applied is not None and second.applied.exit_code == 0
    assert small.cloud.effects != []
    assert mark(small, "1.1").before() == ""
    assert mark(small, "1.2").before() == "1.1"


def test_the_first_start_of_all_and_the_same_release_act_at_once(small: SmallWorld) -> None:
    [first] = Loop(small, Start(0, mark(small, "1.0"), nothing), 1).run()
    assert first.applied is not None and first.applied.versions
    [again] = Loop(small, Start(0, mark(small, "1.0"), nothing), 1).run()
    assert again.trigger == "start"


def test_a_look_that_fails_is_taken_again_before_anything_is_done(small: SmallWorld) -> None:
    mark(small, "1.0").set()
    good = small.read("fleet.yaml")
    small.write("fleet.yaml", "kind: [")
    [broken] = Loop(small, Start(0, mark(small, "1.1"), nothing), 1).run()
    assert broken.error is not None
    assert mark(small, "1.1").before() == "1.0"
    small.write("fleet.yaml", good)
    [looked] = Loop(small, Start(0, mark(small, "1.1"), nothing), 1).run()
    assert looked.trigger == "start, looking only"
    assert small.cloud.effects == []


def test_what_was_left_open_is_finished_before_the_look(small: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    mark(small, "1.0").set()
    small.parallel = 1  # nothing of the dead process goes on beside us
    small.cloud.script(Script("begin", "secret", "*", kill="after"))
    with pytest.raises(Killed):
        apply(small.world(), ApplyRequest())
    monkeypatch.chdir(small.fleet)
    chosen = assemble.settings({"directory": str(small.fleet), "state": str(small.folder / "state"), "cloud": "local"})
    left = assemble.start_of(chosen).unfinished()
    assert len(left) >= 1
    small.clock.sleep(3600)  # the dead process's leases have run out
    finished, looked = Loop(small, Start(0, mark(small, "1.1"), lambda: left), 2).run()
    assert (finished.trigger, looked.trigger) == ("what was left open", "start, looking only")
    assert finished.applied is not None
    assert {a.target.whole for a in finished.applied.outcome.items if a.kind == "secret"} <= set(left)


def test_a_host_begins_at_a_moment_of_its_own(small: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def delay(host: str, jitter: str, cloud: str = "local") -> float:
        monkeypatch.setattr("platform.node", lambda: host)
        flags = {"directory": str(small.fleet), "state": str(small.folder), "cloud": cloud, "start_jitter": jitter}
        return assemble.start_of(assemble.settings(flags)).delay

    moments = {delay(f"host-{n}", "300") for n in range(50)}
    assert len(moments) == 50
    assert all(0 <= moment < 300 for moment in moments)
    assert max(moments) - min(moments) > 200
    assert delay("host-1", "300") == delay("host-1", "300")
    assert delay("host-1", "") == 0
    assert delay("host-1", "", "gcp") == delay("host-1", "300")


class Ending(Unclaimed):
    """SIGTERM comes with the first look at whether the fleet is still ours."""

    def stopped(self) -> str:
        signal.raise_signal(signal.SIGTERM)
        return ""


def test_a_stop_while_it_waits_ends_it(small: SmallWorld) -> None:
    world = replace(small.world(), tenure=Ending())
    watch = Watch(None, 60, lambda event: None, lambda reported: None, start=Start(300, mark(small, "1.0"), nothing))
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)  # it is also asked once all is over
    try:
        assert run(world, watch) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert small.cloud.calls == []
