"""The threads of the plain driver: one request in, one response out, nothing decided."""

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from reconciler.applying.exchange import Begin, Broken, Request, Response, Stopped
from reconciler.applying.state import State, must_go_on
from reconciler.engine.bug import bug
from reconciler.engine.effects import Effects
from reconciler.model.errors import AipressError
from reconciler.model.ids import Address
from reconciler.model.plan import Change

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Active:
    """A change at work: its machine's state, and what was told about it (`told` when, `said` what)."""

    change: Change
    state: State
    since: datetime
    told: datetime
    said: str = ""
    stoppable: bool = False


@dataclass(frozen=True, slots=True)
class _Died:
    """A thread met something that is no Exception: the process is being ended."""

    error: BaseException


@dataclass(slots=True)
class Crew:
    """Daemon threads. `plan`: the digest of the plan that is walked. `reason`: why no first effect may happen any more
    ("" while it may). `left`: nothing may."""

    effects: Effects
    plan: str
    reason: str = ""
    left: bool = False
    busy: int = 0
    _size: int = 0
    _jobs: "SimpleQueue[tuple[Active, Request] | None]" = field(default_factory=SimpleQueue)
    _answers: "SimpleQueue[tuple[Address, Response] | _Died | None]" = field(default_factory=SimpleQueue)

    def muster(self, size: int) -> None:
        self._size = size
        for _ in range(size):
            threading.Thread(target=self._work, daemon=True, name="aipress-apply").start()

    def dismiss(self) -> None:
        """Nobody waits for what is still being carried out."""
        self.left = True
        for _ in range(self._size):
            self._jobs.put(None)

    def give(self, active: Active, request: Request) -> None:
        self.busy += 1
        self._jobs.put((active, request))

    def take(self, seconds: float) -> tuple[Address, Response] | None:
        """The next response, or None after so many seconds or a nudge. Raises what ended a thread."""
        try:
            answer = self._answers.get(timeout=seconds)
        except Empty:
            return None
        if isinstance(answer, _Died):
            raise answer.error
        if answer is not None:
            self.busy -= 1
        return answer

    def nudge(self) -> None:
        """Wake who waits in `take`. Safe in a signal handler."""
        self._answers.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self.left:
            try:
                answer = self.done(*job)
            except BaseException as error:  # the walking thread must not wait for this one for ever
                self._answers.put(_Died(error))
                return
            self._answers.put((job[0].change.address, answer))

    def done(self, active: Active, request: Request) -> Response:
        """Carry one request out, here and now. What breaks it is an answer; only the process's end is raised."""
        try:
            return self._carried_out(active, request)
        except AipressError as error:
            return Broken(f"{error}. {error.hint}" if error.hint else str(error))
        except Exception as error:  # whatever breaks one change is told as that change's failure
            _LOG.debug("a request of %s broke", active.change.address, exc_info=error)
            return Broken(bug(error))

    def _carried_out(self, active: Active, request: Request) -> Response:
        if isinstance(request, Begin) and (why := self._leaving(active)):
            return Stopped(why)
        return self.effects.carry_out(active.change, active.state, request, self.plan)

    def _leaving(self, active: Active) -> str:
        """Why an effect must not happen now: an interrupt lets what has begun go on."""
        if self.left:
            return "left"
        begun = active.state.calls > 1 or must_go_on(active.change, active.state)
        return "" if begun else self.reason
