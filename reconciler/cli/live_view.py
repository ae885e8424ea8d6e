"""An apply while it runs: drawn on a terminal, in lines everywhere else. Both on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler.cli.terminal import Terminal
from reconciler.model.ids import Address
from reconciler.model.outcome import Event, EventKind
from reconciler.report.escape import cut, plain
from reconciler.report.progress import doing, event_line, subject

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

ENDED = (EventKind.COMPLETE, EventKind.ERRORED, EventKind.SKIPPED)


@contextmanager
def following(terminal: Terminal) -> Iterator[Callable[[Event], None]]:
    """What to call with each event. Nothing is drawn before the first one: a question may come before it."""
    if not terminal.draws:
        yield lambda event: terminal.note(event_line(event, terminal.aside))
        return
    view = _Drawn(terminal)
    try:
        yield view.take
    finally:
        view.close()


class _Drawn:
    """Running changes stay at the bottom with their time; finished ones scroll up. Events come from one thread."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._progress: Progress | None = None
        self._running: dict[Address, TaskID] = {}

    def take(self, event: Event) -> None:
        from rich.text import Text

        progress = self._started()
        address = event.change.address
        if event.kind is EventKind.START:
            self._running[address] = progress.add_task(_label(event), total=None)
        elif event.kind is EventKind.PROGRESS and address in self._running:
            progress.update(self._running[address], description=_label(event))
        elif event.kind in ENDED:
            if address in self._running:
                progress.remove_task(self._running.pop(address))
            line = event_line(event, self._terminal.aside)
            progress.console.print(Text.from_ansi(line), soft_wrap=True)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _started(self) -> "Progress":
        if self._progress is None:
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            console = Console(stderr=True, markup=False, no_color=not self._terminal.aside.colour)
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            self._progress = Progress(*columns, console=console, transient=True)
            self._progress.start()
        return self._progress


def _label(event: Event) -> str:
    said = f"  {cut(plain(event.message), 60)}" if event.message else ""
    return f"{doing(event.change)} {subject(event.change.address)}{said}"
