"""The threads that carry requests out: one request in, one response out, nothing decided."""

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from reconciler.applying.exchange import (
    Answered,
    Begin,
    Broken,
    Close,
    Closed,
    Observed,
    Poll,
    Recorded,
    RecordIntent,
    Request,
    Reread,
    Response,
    Stopped,
)
from reconciler.applying.state import State, must_go_on
from reconciler.model.errors import AipressError
from reconciler.model.ids import Address
from reconciler.model.plan import Change
from reconciler.model.ports import Clock, Cloud, Intent, Journal, StopSwitch

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
class Tools:
    """What carrying out needs. `plan`: the digest of the plan that is walked."""

    cloud: Cloud
    journal: Journal
    clock: Clock
    stop: StopSwitch
    plan: str


@dataclass(frozen=True, slots=True)
class _Died:
    """A thread met something that is no Exception: the process is being ended."""

    error: BaseException


@dataclass(slots=True)
class Crew:
    """Daemon threads. `reason`: why no first effect may happen any more ("" while it may). `left`: nothing may."""

    tools: Tools
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
            active, request = job
            try:
                response = self._carried_out(active, request)
            except AipressError as error:
                response = Broken(f"{error}. {error.hint}" if error.hint else str(error))
            except Exception as error:  # whatever breaks one change is told as that change's failure
                _LOG.debug("a request of %s broke", active.change.address, exc_info=error)
                response = Broken(bug(error))
            except BaseException as error:  # the walking thread must not wait for this one for ever
                self._answers.put(_Died(error))
                return
            self._answers.put((active.change.address, response))

    def _carried_out(self, active: Active, request: Request) -> Response:
        tools, change = self.tools, active.change
        if isinstance(request, Reread):
            body = active.state.body or change.body
            return Observed(tools.cloud.get(change.address.kind, change.name, change.parent, body))
        if isinstance(request, RecordIntent):
            tools.journal.record(Intent(request.intent, tools.plan, change.to_json(), tools.clock.now()))
            return Recorded()
        if isinstance(request, Begin):
            stopped = self._forbidden(active)
            return Stopped(stopped) if stopped else Answered(tools.cloud.begin(request.call))
        if isinstance(request, Poll):
            return Answered(tools.cloud.poll(change.address.kind, request.operation, request.call))
        if isinstance(request, Close):
            tools.journal.close(request.intent)
            return Closed()
        raise TypeError(f"not a request to carry out: {request!r}")

    def _forbidden(self, active: Active) -> str:
        """Why an effect must not happen now. An interrupt lets what has begun go on; the stop switch lets nothing."""
        if self.left:
            return "left"
        begun = active.state.calls > 1 or must_go_on(active.change, active.state)
        return self.tools.stop.stopped() or ("" if begun else self.reason)


def bug(error: Exception) -> str:
    """The message of an exception that nobody expected: its type and first line, no more."""
    text = (str(error).splitlines() or [""])[0][:200]
    return f"a bug of aipress, please report it: {type(error).__name__}: {text}"
