"""An apply while it runs: drawn on a terminal, in lines everywhere else. Both on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from reconciler.cli.terminal import Terminal
from reconciler.model.ids import Address
from reconciler.model.outcome import Event, EventKind
from reconciler.report.escape import cut, plain
from reconciler.report.progress import doing, event_line, has_a_line, subject

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

ENDED = (EventKind.COMPLETE, EventKind.ERRORED, EventKind.SKIPPED)
SHOWN = 12
"""Most running changes drawn at once: more do not fit beside what scrolls up."""


class Following(Protocol):
    """What takes the events of an apply."""

    def __call__(self, event: Event) -> None: ...

    def expect(self, changes: int) -> None:
        """How many changes there will be, as soon as that is known."""


@contextmanager
def following(terminal: Terminal) -> Iterator[Following]:
    """Nothing is drawn before the first event: a question may come before it."""
    if not terminal.draws:
        yield Lines(terminal)
        return
    view = _Drawn(terminal)
    try:
        yield view
    finally:
        view.close()


class Lines:
    """One line for each event that has one, as it comes: pipes, logs, `serve`."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __call__(self, event: Event) -> None:
        if has_a_line(event):
            self._terminal.note(event_line(event, self._terminal.aside))

    def expect(self, changes: int) -> None:
        del changes


class _Drawn:
    """Running changes stay at the bottom with their time, under a count; finished ones scroll up."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._progress: Progress | None = None
        self._overall: TaskID | None = None
        self._running: dict[Address, TaskID] = {}
        self._ended = dict.fromkeys(ENDED, 0)
        self._expected = 0

    def expect(self, changes: int) -> None:
        self._expected = changes

    def __call__(self, event: Event) -> None:
        from rich.text import Text

        progress, address = self._started(), event.change.address
        if event.kind is EventKind.START and len(self._running) < SHOWN:
            self._running[address] = progress.add_task(_label(event), total=None)
        elif event.kind is EventKind.PROGRESS and address in self._running:
            progress.update(self._running[address], description=_label(event))
        elif event.kind in ENDED:
            if address in self._running:
                progress.remove_task(self._running.pop(address))
            self._ended[event.kind] += 1
            if has_a_line(event):
                progress.console.print(Text.from_ansi(event_line(event, self._terminal.aside)), soft_wrap=True)
        if self._overall is not None:
            progress.update(self._overall, description=self._count())

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _count(self) -> str:
        ended = sum(self._ended.values())
        of = f"/{self._expected:,}" if self._expected else ""
        bad = self._ended[EventKind.ERRORED]
        skipped = self._ended[EventKind.SKIPPED]
        tail = (f", {bad:,} failed" if bad else "") + (f", {skipped:,} skipped" if skipped else "")
        return f"{ended:,}{of} done{tail}"

    def _started(self) -> "Progress":
        if self._progress is None:
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            console = Console(stderr=True, markup=False, no_color=not self._terminal.aside.colour)
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            self._progress = Progress(*columns, console=console, transient=True)
            self._overall = self._progress.add_task(self._count(), total=None)
            self._progress.start()
        return self._progress


def _label(event: Event) -> str:
    said = f"  {cut(plain(event.message), 60)}" if event.message else ""
    return f"{doing(event.change)} {subject(event.change.address)}{said}"
