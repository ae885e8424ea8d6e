"""One era: an empty cloud, a fleet that is edited all the time, and processes that die by SIGKILL while they act.

Kills are aimed: the local cloud's recorder is watched, and the axe falls when so many more writes took effect, plus a
few milliseconds; others fall at any time. Which edits, faults and kills there are follows from the seed; what they
meet does not, as these are real processes.
"""

import contextlib
import random
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.outside.edits import edit
from tests.outside.processes import CloudProcess, Host, fleet_repository, kill

FAULTS = (
    [],
    [{"kind": "lost_response", "rate": 0.05}, {"kind": "lost_request", "rate": 0.05}],
    [{"kind": "error", "status": 503, "rate": 0.08}, {"kind": "error", "status": 503, "effect": True, "rate": 0.04}],
    [{"kind": "error", "status": 429, "retryAfter": 1, "rate": 0.05}, {"kind": "stale_read", "rate": 0.05}],
    [{"kind": "late_operation", "seconds": 3000, "rate": 0.2}, {"kind": "latency", "seconds": [0, 0.05], "rate": 0.2}],
    [{"kind": "half_finished", "rate": 0.03}, {"kind": "stale_list", "rate": 0.1}],
)
IDLE = 1.5
"""Seconds without a write after which there is nothing to aim at: an edit is made, or the axe falls anyway."""
LONGEST = 12.0
"""Seconds after which the axe falls whatever happens."""
FULL = (1_024, 8_192, 65_536)
"""Bytes after which the disk is full: before the first intent, among the intents, in the history."""


@dataclass
class Tally:
    """What was done to the processes: kills by what was killed, and writes that took effect in between."""

    kills: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    effects: int = 0
    cut: int = 0
    seconds: float = 0.0

    def add(self, more: "Tally") -> None:
        self.kills += more.kills
        self.other += more.other
        self.effects += more.effects
        self.cut += more.cut
        self.seconds += more.seconds

    def __str__(self) -> str:
        kills = self.kills.total()
        rows = [f"{count} {what}" for what, count in sorted((self.kills + self.other).items())]
        pace = kills / (self.seconds / 60) if self.seconds else 0.0
        return (
            f"{kills} kills survived ({self.cut} with an apply cut off in the middle), {pace:.1f} a minute, "
            f"{self.effects} effects seen; {', '.join(rows)}"
        )


BREAKERS = 150.0
"""Seconds within which projects that were paused for their many faults are at work again."""


class Era:
    """`folder` holds fleet, history, cloud and hosts. `two_hosts`: another one acts while ours stands still."""

    def __init__(self, folder: Path, seed: int, *, two_hosts: bool = False) -> None:
        self.chance, self.seed, self.two_hosts = random.Random(seed), seed, two_hosts
        self.fleet = fleet_repository(folder / "fleet")
        self.cloud = CloudProcess(folder / "cloud", seed)
        self.cloud.boot()
        self.host, self.other = (
            Host(folder / name, self.fleet, folder / "history.git", self.cloud) for name in ("one", "two")
        )
        self.tally, self._mark = Tally(), 0
        self.edits: list[str] = []

    def close(self) -> None:
        self.cloud.end(signal.SIGKILL)

    def reign(self, kills: int) -> None:
        """Let so many processes die."""
        began = time.monotonic()
        while self.tally.kills.total() < kills:
            if self.chance.random() < 0.15:
                self.cloud.arm(self.chance.choice(FAULTS))
            self._life()
        self.tally.effects = self.cloud.listen()
        self.tally.seconds = time.monotonic() - began

    def settle(self) -> None:
        """No more faults or kills: the fleet converges. Raises AssertionError when it does not."""
        self.cloud.arm([])
        said = ""
        if self.two_hosts:
            self.other.run("apply", "--yes")  # gives back what leases it still holds
        tries, patient = 6, time.monotonic() + BREAKERS
        while tries:
            code, said = self.host.run("serve", "--once")
            if code == 0 and self.host.run("plan", "--detailed-exitcode")[0] == 0:
                return
            if "breaker: " in said and time.monotonic() < patient:
                time.sleep(5)  # what so many faults have paused goes on by itself
            else:
                tries -= 1
        raise AssertionError(f"it does not converge (seed {self.seed}): {said[-3000:]}")

    # --- lives ------------------------------------------------------------------------------------------------------

    def _life(self) -> None:
        """One process, from its start to its end."""
        draw = self.chance.random()
        if draw < 0.08:
            return self._full_disk()
        if draw < 0.18:
            return self._one_shot()
        if draw < 0.26:
            return self._stopped()
        process = self._serve()
        self._until(process, self.chance.randint(1, 6))
        if draw < 0.36:
            self.cloud.end(signal.SIGKILL)
            self.tally.kills["cloud"] += 1
            time.sleep(self.chance.random() * 0.4)
            self.cloud.boot()
            self._until(process, self.chance.randint(1, 3))
        return self._fell(process, "serve")

    def _serve(self) -> "subprocess.Popen[bytes]":
        return self.host.start("serve", "--interval", str(self.chance.choice((1, 2, 60))))

    def _one_shot(self) -> None:
        process = self.host.start("apply", "--yes")
        self._until(process, self.chance.randint(1, 12))
        self._fell(process, "apply")

    def _full_disk(self) -> None:
        process = self.host.start("serve", "--interval", "1", largest_file=self.chance.choice(FULL))
        self.tally.other["full disk"] += 1
        self._until(process, 40, longest=3.0)
        self._fell(process, "serve")

    def _stopped(self) -> None:
        """A process that stands still, while another host goes on if there is one, and then acts on what it knew."""
        process = self._serve()
        self._until(process, self.chance.randint(1, 4))
        process.send_signal(signal.SIGSTOP)
        self.tally.other["stopped and continued"] += 1
        if self.two_hosts and self.chance.random() < 0.5:
            self._while_stopped(process)
        else:
            time.sleep(self.chance.random())
            process.send_signal(signal.SIGCONT)
            self._until(process, self.chance.randint(1, 4), longest=3.0)
            self._fell(process, "serve")

    def _while_stopped(self, process: "subprocess.Popen[bytes]") -> None:
        """Another host applies, and dies; then it starts again, as what it had begun stands under its lease."""
        edit(self.fleet, self.chance)
        second = self.other.start("apply", "--yes")
        self._until(second, self.chance.randint(2, 20))
        process.send_signal(signal.SIGCONT)
        self._until(process, self.chance.randint(1, 4), longest=3.0)
        self._fell(second, "apply of a second host")
        self._fell(process, "serve")
        self.other.run("apply", "--yes")

    def _fell(self, process: "subprocess.Popen[bytes]", what: str) -> None:
        before = self._writes()
        if kill(process):
            self.tally.kills[what] += 1
            self.tally.cut += before > self._mark

    # --- aiming -----------------------------------------------------------------------------------------------------

    def _until(self, process: "subprocess.Popen[bytes]", writes: int, longest: float = LONGEST) -> None:
        """Watch until so many more writes took effect, or nothing happens, or it is time; then a few ms more."""
        self._mark = first = last = self._writes()
        end, quiet = time.monotonic() + longest * self.chance.uniform(0.3, 1.0), time.monotonic() + IDLE + 1.5
        edited = False
        while time.monotonic() < end and process.poll() is None:
            now = self._writes()
            if now - first >= writes:
                time.sleep(self.chance.choice((0.0, 0.0, 0.002, 0.005, 0.01, 0.03)))
                return
            if now > last:
                last, quiet = now, time.monotonic() + IDLE
            elif time.monotonic() > quiet:
                if edited:
                    return
                for _ in range(self.chance.randint(1, 3)):
                    self.edits.append(edit(self.fleet, self.chance))
                edited, quiet = True, time.monotonic() + IDLE
            time.sleep(0.003)

    def _writes(self) -> int:
        with contextlib.suppress(OSError):
            return self.cloud.listen()
        return sum(1 for call in self.cloud.calls if call["wrote"])
