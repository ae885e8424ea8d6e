"""What goes on beside the loop of `aipress serve`: the clone's remote, and the front door where one is open."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from reconciler.daemon.following import Following
from reconciler.daemon.serve import Reported
from reconciler.daemon.waking import Bell
from reconciler.model.outcome import Event
from reconciler.model.ports import Progress


class Hearing(Protocol):
    """The front door: hears what happens, to tell it who asks. Only `opened` raises."""

    def opened(self, bell: Bell) -> AbstractContextManager[None]: ...

    def tick(self, *, working: bool) -> None: ...

    def told(self, reported: Reported) -> None: ...

    def fetched(self, failure: str) -> None: ...


class Company:
    """serve.Beside. `tell` says something to a person."""

    def __init__(self, following: Following | None, door: Hearing | None, tell: Callable[[str], None]) -> None:
        self._following = following
        self._door = door
        self._tell = tell

    def opened(self, bell: Bell) -> AbstractContextManager[None]:
        """Raises AipressError when the door cannot be opened."""
        return nullcontext() if self._door is None else self._door.opened(bell)

    def tick(self, *, working: bool) -> None:
        if self._door is not None:
            self._door.tick(working=working)

    def fetch(self, *, rung: bool) -> None:
        if self._following is not None:
            self._following.fetch(rung=rung, heard=self._fetched, tell=self._tell)

    def before(self, progress: Progress) -> Progress:
        """The same, and the door knows that something moves within a cycle."""

        def heard(event: Event) -> None:
            self.tick(working=True)
            progress(event)

        return heard

    def then(self, report: Callable[[Reported], None]) -> Callable[[Reported], None]:
        """The same, and the door knows how a cycle ended."""

        def heard(reported: Reported) -> None:
            if self._door is not None:
                self._door.told(reported)
            report(reported)

        return heard

    def _fetched(self, failure: str) -> None:
        if self._door is not None:
            self._door.fetched(failure)
