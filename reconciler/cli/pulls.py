"""What `serve` prints about pull requests."""

from reconciler.actions.pull_request import Came
from reconciler.cli.voice import Voice
from reconciler.daemon.reviewing import Told
from reconciler.report.escape import plain
from reconciler.report.values import took


class Pulls:
    """A failure that stays the same is told once, and once more when it is over."""

    def __init__(self, terminal: Voice) -> None:
        self._terminal = terminal
        self._failing: dict[int, str] = {}
        self._unsaid = ""
        self._line = ""

    def told(self, told: Told) -> None:
        which = f"pull request {told.number}" if told.number else "pull requests"
        if told.error is not None:
            if self._failing.get(told.number) != str(told.error):
                self._failing[told.number] = str(told.error)
                self._terminal.warn(f"{which}: {plain(str(told.error))}\n  help: {plain(told.error.hint)}")
            return
        self._failing.pop(0, None)
        if self._failing.pop(told.number, None) is not None:
            self._terminal.note(f"{which}: it works again")
        found = told.reviewed
        if found is None or found.came is Came.LEFT:
            return
        waited = f", {took(told.waited)} after the first word of it" if told.waited is not None else ""
        why = f": {plain(found.why)}" if found.why else ""
        self._terminal.note(
            f"{which} at {found.pull.head[:12]}: {found.result}, its comment is {found.came}{waited}{why}"
        )

    def converges(self, line: str) -> None:
        """How far the newest commit is: each time that it changed."""
        if line != self._line:
            self._line = line
            self._terminal.note(line)

    def unsaid(self, why: str) -> None:
        """Why the code host could not be told; "" : it could."""
        if why != self._unsaid:
            self._unsaid = why
            if why:
                self._terminal.warn(f"the code host was not told how far the commit is: {plain(why)}")
