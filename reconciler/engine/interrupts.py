"""Ctrl-C and SIGTERM while a plan is walked: counted, not thrown, so that no step is torn in the middle."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """`count` is how often someone asked to stop since the block began. `on_each` must be safe in a signal handler."""

    def __init__(self, on_each: Callable[[], None]) -> None:
        self.count = 0
        self._on_each = on_each

    def add(self) -> None:
        self.count += 1
        self._on_each()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Only the main thread may set signal handlers; elsewhere the stop switch does the same job."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def arrived(_number: int, _frame: FrameType | None) -> None:
            self.add()

        before = {number: signal.signal(number, arrived) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, signal.SIG_DFL if old is None else old)
