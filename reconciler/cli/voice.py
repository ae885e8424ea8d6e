"""How `aipress serve` speaks: to a person on a terminal, or in lines of a structured log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.cli.live_view import Lines
from reconciler.cli.terminal import Terminal
from reconciler.model.errors import AipressError
from reconciler.model.notice import Grade, Notice
from reconciler.model.outcome import Event

if TYPE_CHECKING:
    from reconciler.daemon.logbook import LogBook


@dataclass(frozen=True, slots=True)
class Voice:
    """`structured`: standard error holds log lines and nothing else."""

    terminal: Terminal
    book: "LogBook"
    structured: bool

    def note(self, text: str) -> None:
        if self.structured:
            self.book.say(Grade.INFO, text, datetime.now(UTC))
        else:
            self.terminal.note(text)

    def warn(self, text: str) -> None:
        if self.structured:
            self.book.say(Grade.WARNING, text, datetime.now(UTC))
        else:
            self.terminal.warn(text)

    def progress(self) -> Callable[[Event], None]:
        """What a change comes to, for a person; a structured log has it from elsewhere."""
        return _nothing if self.structured else Lines(self.terminal)

    def spoken(self, command: Callable[[], int]) -> int:
        """The command's exit code; how it failed is a line of the log, too."""
        with self.book.installed():
            try:
                return command()
            except AipressError as error:
                if not self.structured:
                    raise
                self.book.take(_ended(error, error.hint))
                if self.terminal.json:
                    raise
                return error.exit_code
            except Exception as error:
                if self.structured:
                    self.book.take(_ended(error, "this is a bug of ours: please report it"))
                raise


def _ended(error: Exception, hint: str) -> Notice:
    grade = Grade.ERROR if isinstance(error, AipressError) else Grade.CRITICAL
    more: dict[str, object] = {"error": type(error).__name__}
    if grade is Grade.CRITICAL:
        import traceback

        more["stack_trace"] = "".join(traceback.format_exception(error))
    return Notice("daemon.failed", grade, datetime.now(UTC), "the daemon ended", why=str(error), fix=hint, more=more)


def _nothing(_event: Event) -> None:
    """It is told elsewhere."""
