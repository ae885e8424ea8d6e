"""Says on the code host how far the newest commit is, and on its pull requests what came of them; in a thread of its
own, so that a host that is slow or away delays no cycle. Only the newest word counts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.actions.pull_request import Telling, tell
from reconciler.daemon.waking import Bell
from reconciler.model.convergence import Convergence
from reconciler.model.errors import AipressError, InputError
from reconciler.model.forge import Check, Conclusion, Forge
from reconciler.model.mark import Mark

NAME = "aipress/converge"
PAUSE = 10.0
"""Seconds between two words about one commit, at first."""
SLOWER = 50
"""After so many words about one commit the pause is twice as long, after twice as many three times: GitHub keeps 1,000
statuses of a commit and name, and with this 900 are said in a day."""
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
    _many: int = 0
    """Words about the commit of `_said`."""

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
            bell.stopping.wait(min(self.pause * 2.0**failures, _LONGEST) if failures else self.pause)
            if not fine:
                self._news.set()

    @property
    def pause(self) -> float:
        """Seconds until the next word."""
        return PAUSE * (1 + self._many / SLOWER)

    def once(self) -> bool:
        """The newest word; it stays when it could not be said. Never raises."""
        with self._lock:
            word, self._next = self._next, None
        if word is None:
            return True
        try:
            if word.check != self._said:
                self.forge.put_status(word.check)
                again = self._said is not None and self._said.commit == word.check.commit
                self._said, self._many = word.check, self._many + 1 if again else 1
            for number, mark, text in word.comments:
                self._comment(number, mark, text)
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

    def _comment(self, number: int, mark: Mark, text: str) -> None:
        """A pull request that is gone keeps no other from being told."""
        try:
            tell(self.forge, Telling(number, mark, lambda _part: text))
        except InputError as error:
            self.failed(f"pull request {number}: {error}")


def check_of(now: Convergence, title: str) -> Check:
    """Of a commit: pending while something is open, a failure once something failed."""
    conclusion = Conclusion.SUCCESS
    if now.open:
        conclusion = Conclusion.PENDING
    if now.failed:
        conclusion = Conclusion.FAILURE
    return Check(NAME, now.commit, conclusion, title)
