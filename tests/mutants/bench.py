"""Where mutants are tried: a copy of the working tree that nothing else uses, so that the checkout is never touched."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
LONGEST = 120
"""Seconds of one try; a mutant that makes tests wait for ever is a killed one."""
_PASSED, _FAILED = 0, 1
"""pytest's exit codes; any other means that the tests did not run."""


class StaleError(Exception):
    """The list does not fit the code any more."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one try ended: `killed` by a failing test (or by the clock), or all passed. `said`: pytest's last lines."""

    mutant: Mutant
    killed: bool
    seconds: float
    said: str


class Bench:
    """One copy in memory, where there is a file system in memory; close it."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-", dir=memory if os.access(memory, os.W_OK) else None))
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True,
            text=True, check=True,
        ).stdout  # fmt: skip
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)
        # by content, as a mutant may be as long as the original and of the same second
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "reconciler", "tests"]
        subprocess.run([sys.executable, *compiling], cwd=self.folder, check=False, env=self._environment())

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def healthy(self, mutants: Sequence[Mutant]) -> tuple[bool, str]:
        """Whether their tests pass on the code as it is, without which nothing that follows means anything."""
        for slow in (False, True):
            tests = sorted({test for mutant in mutants if mutant.slow == slow for test in mutant.tests})
            code, said = self._pytest(tests, LONGEST * 5, "-n2", *_marked(slow)) if tests else (_PASSED, "")
            if code != _PASSED:
                return False, said
        return True, ""

    def tried(self, mutant: Mutant) -> Ended:
        """Plant it, run its tests, take it out again. Raises StaleError when it cannot be planted or tested."""
        file = self.folder / mutant.file
        text = file.read_text()
        began = time.monotonic()
        file.write_text(planted(mutant, text))
        try:
            code, said = self._pytest(mutant.tests, LONGEST, "-x", "-n0", *_marked(mutant.slow))
        finally:
            file.write_text(text)
        if code not in (_PASSED, _FAILED):
            raise StaleError(f"{mutant.name}: its tests did not run (pytest ended with {code}):\n{said}")
        return Ended(mutant, code == _FAILED, time.monotonic() - began, said)

    def _pytest(self, tests: Sequence[str], seconds: float, *flags: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-q", *flags, "-p", "no:cacheprovider", "--no-header", *tests]
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=self._environment(), start_new_session=True,
        )  # fmt: skip
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return _FAILED, f"still running after {seconds:.0f} s"
        return process.returncode, "\n".join(said.splitlines()[-12:])

    def _environment(self) -> dict[str, str]:
        """Hypothesis draws the same examples each time: a mutant is not killed by luck."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("AIPRESS_", "GIT_", "PYTEST_"))}
        return {**own, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def _marked(slow: bool) -> tuple[str, ...]:
    return () if slow else ("-m", "not slow")


def planted(mutant: Mutant, text: str) -> str:
    """The file's text with the bug in it. Raises StaleError when the text to replace is not there exactly once."""
    count = text.count(mutant.old)
    if count != 1:
        raise StaleError(
            f"{mutant.file}: the text of the mutant `{mutant.breaks}` occurs {count} times, it must be once:\n"
            f"    {mutant.old}\n"
            "Write it anew for the code as it is now (tests/mutants/), or take it out if this bug cannot be made now."
        )
    return text.replace(mutant.old, mutant.new)
