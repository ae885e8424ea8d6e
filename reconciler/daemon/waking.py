"""What wakes the loop and what ends it: signals, refs that move, and the bell that a webhook rings."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bell:
    """`wake`: look now. `stopping`: end. `news`: a pull request has some. Any thread may ring."""

    wake: threading.Event = field(default_factory=threading.Event)
    news: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    _rung: threading.Event = field(default_factory=threading.Event)

    def ring(self) -> None:
        """The fleet repository is said to have moved, wherever it comes from."""
        self._rung.set()
        self.wake.set()

    def answered(self) -> bool:
        """Whether it was rung since this was asked last."""
        rung = self._rung.is_set()
        self._rung.clear()
        return rung

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()
        self.news.set()


@contextmanager
def signals(bell: Bell) -> Iterator[None]:
    def stop(_signal: int, _frame: object) -> None:
        bell.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def watching(folder: Path | None, bell: Bell) -> Iterator[None]:
    """Wakes the loop when refs move. The interval remains for what a watch misses (network file systems)."""
    if folder is None:
        yield
        return

    def follow() -> None:
        from watchfiles import watch as changes  # noqa: PLC0415 - an extra that only the daemon has

        def is_ref(_change: object, path: str) -> bool:
            return "/refs/" in path or path.endswith(("/HEAD", "/packed-refs"))

        for _ in changes(folder, watch_filter=is_ref, stop_event=bell.stopping, raise_interrupt=False):
            bell.wake.set()

    thread = threading.Thread(target=follow, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        bell.stopping.set()
        thread.join(timeout=5)
