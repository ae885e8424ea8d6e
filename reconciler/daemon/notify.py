"""Sends notices to where the settings say, from threads of their own: the loop hands them over and goes on.

Each event once, each trouble once and then counted, not too many at a time, and nothing waits for a receiver. What
cannot be delivered is said in the log; it was only ever a message, the log and the history have it all.
"""

import json
import logging
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.daemon.beside import Hearer
from reconciler.daemon.posting import Post, Sent, signed
from reconciler.daemon.waking import Bell
from reconciler.model.notice import Grade, Notice
from reconciler.model.ports import Clock
from reconciler.report.cloud_logging import again
from reconciler.report.messages import CONTENT_TYPE, cloud_event, identity, slack
from reconciler.report.redact import Seam
from reconciler.report.repeats import Repeats

KINDS = frozenset({
    "apply.failed", "cycle.failed", "guard.refused", "drift.found", "drift.undone", "waves.paused", "waves.aborted",
    "tenant.quarantined", "commit.converged", "stop.thrown", "stop.lifted", "daemon.took_over",
})  # fmt: skip
"""What is worth a message."""
MOST_WAITING = 200
"""Messages of one target that wait; a newer one pushes the oldest out."""
BURST, WINDOW = 20, timedelta(minutes=10)
"""Most messages of one target within so long; what is more is told in one message when the time is over."""
TRIES = 8
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds; each pause is twice the one before."""
FAREWELL = 5.0
"""Seconds that the end of the daemon waits for what is on its way."""
REMEMBERED = 10_000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """`name`: of the setting that says where it is; `url` may be a secret itself. `secret` signs CloudEvents."""

    name: str
    url: str
    form: str
    secret: str = ""


class Notifier(Hearer):
    """A sink of notices, and beside.Hearing so that its threads live as long as the loop. `counted` hears of each
    message's end (target, "sent" | "failed" | "dropped")."""

    def __init__(self, targets: Sequence["Courier"], kinds: frozenset[str] = KINDS) -> None:
        self.couriers = tuple(targets)
        self._kinds = kinds
        self._lock = threading.Lock()
        self._repeats = Repeats()
        self._told: OrderedDict[str, None] = OrderedDict()

    def take(self, notice: Notice) -> None:
        """Never waits, never raises."""
        if notice.kind not in self._kinds:
            return
        with self._lock:
            if notice.once:
                if (known := f"{notice.kind}\n{notice.once}") in self._told:
                    return
                self._told[known] = None
                if len(self._told) > REMEMBERED:
                    self._told.popitem(last=False)
            else:
                said = self._repeats.hear(notice.key, notice.at)
                if not said.tell:
                    return
                notice = replace(notice, what=notice.what + again(said.left_out, f"{said.since:%H:%M}Z"))
        for courier in self.couriers:
            courier.put(notice)

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:  # noqa: ARG002
        for courier in self.couriers:
            courier.start()
        try:
            yield
        finally:
            for courier in self.couriers:
                courier.end()


class Courier:
    """Takes messages to one target, in order, from its own thread. `post` sends; `fleet`: its name. `rest` waits
    between two tries, and says whether to give up."""

    def __init__(self, target: Target, fleet: str, seam: Seam, clock: Clock, post: Post) -> None:
        self.target = target
        self.counted: Callable[[str, str], None] = lambda _name, _how: None
        self._fleet, self._seam, self._clock, self._post = fleet, seam, clock, post
        self._waiting: deque[Notice] = deque()
        self._wake, self._stopping = threading.Condition(), threading.Event()
        self.rest: Callable[[float], bool] = self._stopping.wait
        self._sent: deque[datetime] = deque(maxlen=BURST)
        self._left_out: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._work, name=f"notify-{target.name}", daemon=True)

    def put(self, notice: Notice) -> None:
        with self._wake:
            if len(self._waiting) >= MOST_WAITING:
                self._left_out[self._waiting.popleft().kind] += 1
                self.counted(self.target.name, "dropped")
            self._waiting.append(notice)
            self._wake.notify()

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """What is on its way has a few seconds; a receiver that hangs keeps nobody."""
        with self._wake:
            self._stopping.set()
            self._wake.notify()
        self._thread.join(FAREWELL)

    # --- its thread -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (notice := self._next()) is not None:
            try:
                self._deliver(notice)
            except Exception as error:  # a bug of ours: this message's end, never the thread's
                self.counted(self.target.name, "failed")
                _LOG.error("a message for %s could not be made", self.target.name, exc_info=error)

    def _next(self) -> Notice | None:
        """The next message, waited for; None at the end. Within the limit the oldest, beyond it all of them as one."""
        with self._wake:
            while True:
                rest = self._until_free()
                if rest <= 0 and (self._waiting or self._left_out):
                    return self._taken()
                if self._stopping.is_set():
                    return None
                self._wake.wait(min(rest, 60.0) if rest > 0 else 60.0)

    def _until_free(self) -> float:
        """Seconds until one more may be sent."""
        if len(self._sent) < BURST:
            return 0.0
        return (self._sent[0] + WINDOW - self._clock.now()).total_seconds()

    def _taken(self) -> Notice:
        self._sent.append(self._clock.now())
        last = len(self._sent) == BURST and self._sent[0] + WINDOW > self._clock.now()
        if not self._left_out and not (last and len(self._waiting) > 1):
            return self._waiting.popleft()
        counts = self._left_out + Counter(notice.kind for notice in self._waiting)
        worst = max(self._waiting, key=lambda notice: list(Grade).index(notice.grade), default=None)
        self._waiting.clear()
        self._left_out = Counter()
        told = ", ".join(f"{n:,} × {kind}" for kind, n in counts.most_common(12))
        return Notice(
            "notices.gathered", worst.grade if worst else Grade.WARNING, self._clock.now(),
            f"{sum(counts.values()):,} more messages, too many to send one by one: {told}",
            why=f"the worst of them: {worst.what}" if worst else "", fix="aipress status, and the log, have them all",
            count=sum(counts.values()),
        )  # fmt: skip

    def _deliver(self, notice: Notice) -> None:
        pause = FIRST_PAUSE
        for attempt in range(1, TRIES + 1):
            sent = self._try(notice)
            if sent.ok:
                self.counted(self.target.name, "sent")
                return
            if not sent.again or attempt == TRIES or self.rest(max(pause, sent.retry_after)):
                break
            pause = min(2 * pause, LONGEST_PAUSE)
        self.counted(self.target.name, "failed")
        _LOG.warning("a message (%s) could not be delivered to %s: %s", notice.kind, self.target.name, sent.why)

    def _try(self, notice: Notice) -> Sent:
        return self._post(self.target.url, *self._message(notice))

    def _message(self, notice: Notice) -> tuple[Mapping[str, str], bytes]:
        named = {"user-agent": "aipress"}
        if self.target.form == "slack":
            body = json.dumps(slack(notice, self._fleet, self._seam)).encode()
            return {**named, "content-type": "application/json; charset=utf-8"}, body
        body = json.dumps(cloud_event(notice, self._fleet, self._seam), allow_nan=False).encode()
        at, key = int(self._clock.now().timestamp()), identity(notice, self._fleet)
        proof = signed(self.target.secret, key, at, body) if self.target.secret else {}
        return {**named, "content-type": CONTENT_TYPE, **proof}, body
