"""Says on the code host how far the newest commit is, and on its pull requests what came of them; in a thread of its
own, so that a host that is slow or away delays no cycle. Only the newest word counts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.actions.pull_request import Telling, tell
from reconciler.daemon.waking import Bell
from reconciler.model.convergence import Convergence
from reconciler.model.errors import AipressError
from reconciler.model.forge import Check, Conclusion, Forge
from reconciler.model.mark import Mark

NAME = "aipress/converge"
PAUSE = 10.0
"""Seconds between two words about one commit: GitHub keeps at most 1,000 statuses of a commit and name."""
_LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Word:
    """`comments`: pull request's number -> the mark and the whole text."""

    check: Check
    comments: tuple[tuple[int, Mark, str], ...] = ()


@dataclass(slots=True)
class Announcing:
    """`failed` hears why nothing could be said, once until it works again ("" : it does)."""

    forge: Forge
    failed: Callable[[str], None]
    _next: Word | None = None
    _news: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _said: Check | None = None

    def say(self, word: Word) -> None:
        """From any thread. Comments of a word that was not said yet are not lost."""
        with self._lock:
            before = self._next.comments if self._next else ()
            told = {number for number, _, _ in word.comments}
            kept = tuple(one for one in before if one[0] not in told)
            self._next = Word(word.check, (*kept, *word.comments))
        self._news.set()

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:
        thread = threading.Thread(target=self._run, args=(bell,), name="announcing", daemon=True)
        thread.start()
        try:
            yield
        finally:
            bell.stop()
            self._news.set()
            thread.join(timeout=10)

    def _run(self, bell: Bell) -> None:
        failures = 0
        while True:
            self._news.wait()
            self._news.clear()
            fine = self.once()
            if bell.stopping.is_set():
                return
            failures = 0 if fine else failures + 1
            bell.stopping.wait(min(PAUSE * 2.0**failures, _LONGEST))
            if not fine:
                self._news.set()

    def once(self) -> bool:
        """The newest word; it stays when it could not be said. Never raises."""
        with self._lock:
            word, self._next = self._next, None
        if word is None:
            return True
        try:
            if word.check != self._said:
                self.forge.put_status(word.check)
                self._said = word.check
            for number, mark, text in word.comments:
                tell(self.forge, Telling(number, mark, lambda _part, text=text: text))  # type: ignore[misc]
        except AipressError as error:
            self.failed(str(error))
            with self._lock:
                newer = self._next
                self._next = word
            if newer is not None:
                self.say(newer)
            return False
        self.failed("")
        return True


def check_of(now: Convergence, title: str) -> Check:
    """Of a commit: pending while something is open, a failure once something failed."""
    conclusion = Conclusion.SUCCESS
    if now.open:
        conclusion = Conclusion.PENDING
    if now.failed:
        conclusion = Conclusion.FAILURE
    return Check(NAME, now.commit, conclusion, title)
