"""Every seed in a child process of its own, held to what one file may cost: `python -m tests.fuzz.limits [TARGET…]`.

The kernel enforces it (RLIMIT_CPU, RLIMIT_AS above what the process has at its start), so a parser that recurses in C
or allocates without end ends as a killed child and a line that says so. Prints one JSON line per seed.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fuzz import repositories, seeds_git, seeds_history
from tests.fuzz.corpus import BYTES, content, found
from tests.fuzz.targets import TARGETS

MIB = 1024 * 1024


@dataclass(frozen=True)
class Allowance:
    """CPU seconds and MiB above the start."""

    cpu: int
    memory: int


ONE_FILE = Allowance(1, 256)
"""DESIGN and the issue: at most 1 s of CPU and 256 MiB for each file."""
REPOSITORY = Allowance(20, 512)
"""A whole repository of up to 20,000 files, or one that says it has 10^18."""


@dataclass(frozen=True)
class Cost:
    """What a seed came to. `ended` is "" when the work returned, else why it did not. `peak` MiB above the start."""

    target: str
    name: str
    ended: str
    cpu: float
    peak: int


def measured(work: Callable[[], object], allowed: Allowance) -> tuple[str, float, int]:
    """Run in a forked child under the limits: (why it did not return or "", CPU seconds, peak MiB above the start)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "the child died"
        try:
            os.close(reading)
            _confine(allowed)
            work()
            said = ""
        except MemoryError:
            said = f"more than {allowed.memory} MiB"
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {str(error)[:300]} ({Path(where.filename).name}:{where.lineno})"
        finally:
            with contextlib.suppress(BaseException):
                os.write(writing, said.encode("utf-8", "replace"))
            os._exit(0 if not said else 1)
    os.close(writing)
    start = _resident()
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        signal = os.WTERMSIG(status)
        said = f"killed by signal {signal}" + (f": more than {allowed.cpu} s of CPU" if signal == 24 else "")
    return said, used.ru_utime + used.ru_stime, max(0, used.ru_maxrss // 1024 - start)


def _confine(allowed: Allowance) -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = size + allowed.memory * MIB
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (allowed.cpu, allowed.cpu + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // MIB


def costs(wanted: Sequence[str] = (), names: Sequence[str] = ()) -> Iterator[Cost]:
    """Of every seed of these targets (none: all)."""
    for target, seeds in BYTES.items():
        for name, seed in {**seeds, **found(target)}.items():
            if (not wanted or target in wanted) and (not names or name in names):
                given = content(seed)
                yield Cost(target, name, *measured(lambda t=target, g=given: TARGETS[t](g), ONE_FILE))  # type: ignore[misc]
    for target, every in (("git", tuple(seeds_git.SEEDS)), ("history", tuple(seeds_history.SEEDS))):
        for name in every:
            if (not wanted or target in wanted) and (not names or name in names):
                yield _of_repository(target, name)


def _of_repository(target: str, name: str) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        path, note = Path(folder, "r.git"), Path(folder, "commit")
        if target == "git":  # made in a child too: what making it takes is not what reading it takes
            made, _, _ = measured(lambda: note.write_text(repositories.hostile_fleet(path, name)), Allowance(60, 2048))
            commit = note.read_text() if note.is_file() else ""
            result = measured(lambda: repositories.read_fleet(path, commit), REPOSITORY)
        else:
            made, _, _ = measured(lambda: repositories.hostile_history(path, name), Allowance(60, 2048))
            result = measured(lambda: repositories.read_history(path), REPOSITORY)
    return Cost(target, name, f"the seed cannot be made: {made}", 0.0, 0) if made else Cost(target, name, *result)


if __name__ == "__main__":
    for cost in costs(sys.argv[1:]):
        print(json.dumps(asdict(cost)), flush=True)
