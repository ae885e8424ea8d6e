"""Many observers of a cycle as one: who counts and who traces. What one of them gets wrong stops nothing."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from reconciler.model.observing import CloudCall, Operated
from reconciler.model.plan import Change
from reconciler.model.ports import Observer

_LOG = logging.getLogger(__name__)


class Observers:
    """ports.Observer. Observers are added before the first cycle."""

    def __init__(self) -> None:
        self._all: list[Observer] = []

    def add(self, observer: Observer) -> None:
        self._all.append(observer)

    def phase(self, name: str) -> AbstractContextManager[None]:
        return self._around(lambda one: one.phase(name))

    def working(self, change: Change) -> AbstractContextManager[None]:
        return self._around(lambda one: one.working(change))

    def called(self, call: CloudCall) -> None:
        self._each(lambda one: one.called(call))

    def waited(self, api: str, seconds: float) -> None:
        self._each(lambda one: one.waited(api, seconds))

    def operated(self, operation: Operated) -> None:
        self._each(lambda one: one.operated(operation))

    @contextmanager
    def _around(self, make: Callable[[Observer], AbstractContextManager[None]]) -> Iterator[None]:
        with ExitStack() as stack:
            self._each(lambda one: stack.enter_context(_Safe(make(one))))
            yield

    def _each(self, tell: Callable[[Observer], object]) -> None:
        for one in self._all:
            try:
                tell(one)
            except Exception as error:
                _LOG.error("%s could not observe; the cycle goes on", type(one).__name__, exc_info=error)


class _Safe:
    """A block whose end cannot fail, and swallows nothing."""

    def __init__(self, inner: AbstractContextManager[None]) -> None:
        self._inner = inner

    def __enter__(self) -> None:
        self._inner.__enter__()

    def __exit__(self, *_ended: object) -> None:
        try:
            self._inner.__exit__(None, None, None)
        except Exception as error:
            _LOG.error("an observer could not end; the cycle goes on", exc_info=error)
