"""The log of `aipress serve`: notices, and what libraries say, as one line each. Whatever fails here ends nothing."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from reconciler.daemon.notices import alike
from reconciler.model.notice import Grade, Notice, Place
from reconciler.report.cloud_logging import again
from reconciler.report.repeats import Repeats

ALWAYS = frozenset({
    "cycle.started", "cycle.finished", "change.start", "change.progress", "change.complete", "remark",
    "webhook.received",
})  # fmt: skip
"""What is told each time: each tells something else. Everything else is told once and then counted."""
_GRADES = ((logging.CRITICAL, Grade.CRITICAL), (logging.ERROR, Grade.ERROR), (logging.WARNING, Grade.WARNING))
_HOME = Path(__file__).parents[2]


class LogBook:
    """A sink of notices. `spell`: a notice as one line with its line feed; `write`: where it goes. Safe for threads."""

    def __init__(self, spell: Callable[[Notice], str], write: Callable[[str], None]) -> None:
        self._spell = spell
        self._write = write
        self._lock = threading.Lock()
        self._repeats = Repeats()
        self.lost = 0

    def take(self, notice: Notice) -> None:
        """Never raises: `lost` counts the lines that could not be made or written."""
        try:
            with self._lock:
                self._take(notice)
        except Exception:  # a full disk, a closed pipe, a notice of a wrong shape: there is nowhere left to say it
            self.lost += 1

    def _take(self, notice: Notice) -> None:
        if notice.kind not in ALWAYS:
            said = self._repeats.hear(notice.key + notice.once, notice.at)
            if not said.tell:
                return
            if said.left_out:
                notice = replace(notice, what=notice.what + again(said.left_out, f"{said.since:%H:%M}Z"))
        if notice.kind == "cycle.finished":
            self._over(notice)
        self._write(self._spell(notice))

    def say(self, grade: Grade, text: str, at: datetime) -> None:
        """A remark of the command."""
        what, _, rest = text.partition("\n")
        self.take(Notice("remark", grade, at, what, fix=rest.strip().removeprefix("help: ")))

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Meanwhile, what libraries and we say through `logging` goes here and nowhere else."""
        root, handler = logging.getLogger(), _FromLogging(self)
        before, level = root.handlers[:], root.level
        root.handlers[:] = [handler]
        root.setLevel(logging.WARNING)
        try:
            yield
        finally:
            root.handlers[:] = before
            root.setLevel(level)

    def _over(self, notice: Notice) -> None:
        """A cycle went through: what kept it from that is over."""
        times, since = self._repeats.over("cycle.failed\n")
        if times and since is not None:
            what = f"cycles go through again; {times:,} failed since {since:%H:%M}Z"
            mended = replace(notice, kind="cycle.recovered", grade=Grade.NOTICE, what=what, why="", more={})
            self._write(self._spell(mended))


class _FromLogging(logging.Handler):
    def __init__(self, book: LogBook) -> None:
        super().__init__()
        self._book = book

    def emit(self, record: logging.LogRecord) -> None:
        self._book.take(notice_of(record))


def notice_of(record: logging.LogRecord) -> Notice:
    """What somebody said through `logging`."""
    grade = next((grade for level, grade in _GRADES if record.levelno >= level), Grade.INFO)
    file = record.pathname
    with suppress(ValueError):
        file = str(Path(file).relative_to(_HOME))
    more: dict[str, object] = {"logger": record.name, "thread": record.threadName or ""}
    if record.exc_info:
        more["stack_trace"] = logging.Formatter().formatException(record.exc_info)
    try:
        what = record.getMessage()
    except Exception:  # a library that formats its own words wrongly
        what = str(record.msg)
    place = Place(file, record.lineno, record.funcName or "")
    at, cause = datetime.fromtimestamp(record.created, UTC), f"{record.name} {alike(what)}"
    return Notice("log", grade, at, what, cause=cause, more=more, place=place)
