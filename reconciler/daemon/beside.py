"""What goes on beside the loop of `aipress serve`: the clone's remote, the front door, and whoever else hears of it."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Protocol

from reconciler.daemon.following import Following
from reconciler.daemon.reviewing import Reviewing
from reconciler.daemon.serve import Begun, Reported
from reconciler.daemon.waking import Bell
from reconciler.model.ids import Address, Scope
from reconciler.model.outcome import Event
from reconciler.model.plan import Plan
from reconciler.model.ports import Progress

_LOG = logging.getLogger(__name__)


class Hearing(Protocol):
    """Hears what happens, to tell it to others: the front door, logs, messages. Only `opened` raises."""

    def opened(self, bell: Bell) -> AbstractContextManager[None]: ...

    def tick(self, *, working: bool) -> None: ...

    def begins(self, cycle: Begun) -> None: ...

    def happened(self, event: Event) -> None:
        """Within a cycle, from any thread."""

    def told(self, reported: Reported) -> None: ...

    def fetched(self, failure: str) -> None: ...


class Hearer:
    """A Hearing that lets everything pass: what one does not care for it leaves as it is here."""

    def opened(self, bell: Bell) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def tick(self, *, working: bool) -> None:
        """Nothing to do."""

    def begins(self, cycle: Begun) -> None:
        """Nothing to do."""

    def happened(self, event: Event) -> None:
        """Nothing to do."""

    def told(self, reported: Reported) -> None:
        """Nothing to do."""

    def fetched(self, failure: str) -> None:
        """Nothing to do."""


class Several:
    """Many who hear, as one. What one of them gets wrong is logged, and stops neither the loop nor the rest."""

    def __init__(self, hearings: Sequence[Hearing]) -> None:
        self._hearings = tuple(hearings)

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:
        """Raises what one of them raises."""
        with ExitStack() as stack:
            for one in self._hearings:
                stack.enter_context(one.opened(bell))
            yield

    def tick(self, *, working: bool) -> None:
        self._each(lambda one: one.tick(working=working))

    def begins(self, cycle: Begun) -> None:
        self._each(lambda one: one.begins(cycle))

    def happened(self, event: Event) -> None:
        self._each(lambda one: one.happened(event))

    def told(self, reported: Reported) -> None:
        self._each(lambda one: one.told(reported))

    def fetched(self, failure: str) -> None:
        self._each(lambda one: one.fetched(failure))

    def _each(self, tell: Callable[[Hearing], None]) -> None:
        for one in self._hearings:
            try:
                tell(one)
            except Exception as error:
                _LOG.error("%s could not hear what happened; the loop goes on", type(one).__name__, exc_info=error)


class Merging(Protocol):
    """What follows a merge (daemon/merges.py)."""

    def withhold(self, plan: Plan) -> Mapping[Address, str]: ...

    def asked_for(self) -> Scope | None: ...


class Company:
    """serve.Beside. `tell` says something to a person."""

    def __init__(
        self, following: Following | None, door: Hearing | None, tell: Callable[[str], None],
        reviewing: Reviewing | None = None, merges: Merging | None = None,
    ) -> None:  # fmt: skip
        self._following = following
        self._door = door
        self._tell = tell
        self._reviewing = reviewing
        self._merges = merges

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:
        """Raises AipressError when the door cannot be opened."""
        with ExitStack() as stack:
            if self._door is not None:
                stack.enter_context(self._door.opened(bell))
            if self._reviewing is not None:
                stack.enter_context(self._reviewing.opened(bell))
            yield

    def tick(self, *, working: bool) -> None:
        if self._door is not None:
            self._door.tick(working=working)

    def fetch(self, *, rung: bool) -> None:
        if self._following is not None:
            self._following.fetch(rung=rung, heard=self._fetched, tell=self._tell)

    def begins(self, cycle: Begun) -> None:
        if self._door is not None:
            self._door.begins(cycle)

    def withhold(self, plan: Plan) -> Mapping[Address, str]:
        return {} if self._merges is None else self._merges.withhold(plan)

    def asked_for(self) -> Scope | None:
        return None if self._merges is None else self._merges.asked_for()

    def before(self, progress: Progress) -> Progress:
        """The same, and the door knows that something moves within a cycle."""

        def heard(event: Event) -> None:
            self.tick(working=True)
            if self._door is not None:
                self._door.happened(event)
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
