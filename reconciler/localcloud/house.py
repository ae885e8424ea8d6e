"""One running cloud: the core with its stored state, clock, faults and call log. No HTTP in here."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from reconciler.localcloud.call import Settings
from reconciler.localcloud.core import Cloud, Route
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.faults import Fault, Faults
from reconciler.localcloud.state import State
from reconciler.localcloud.store import SqliteRows
from reconciler.localcloud.values import Json, Request, Response

_REMEMBERED_LISTS = 512
_REMEMBERED_CALLS = 200_000


@dataclass(frozen=True)
class Outcome:
    """An answer with what the door must do besides sending it: wait first, or drop the connection instead."""

    response: Response
    delay: float = 0.0
    lost: bool = False


@dataclass
class House:
    """`clock` gives the real time in seconds; virtual time is ahead of it by what the control door advanced."""

    rows: SqliteRows
    settings: Settings
    seed: int
    clock: Callable[[], float]
    cloud: Cloud = field(init=False)
    faults: Faults = field(default_factory=Faults)
    calls: deque[Json] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_CALLS))
    writes: int = 0
    counted: int = 0

    def __post_init__(self) -> None:
        self.cloud = Cloud(settings=self.settings)
        self._lists: OrderedDict[str, Response] = OrderedDict()
        self.started = self.clock()
        self._boot()

    def _boot(self) -> None:
        """Every start draws ids from a new stream, or a restart would make the same ones again."""
        state = State(self.rows)
        meta = state.get("meta/cloud") or {"boots": 0, "ahead": 0.0}
        meta["boots"] += 1
        self._boots, self._ahead = meta["boots"], float(meta["ahead"])
        state.put("meta/cloud", meta)
        state.commit()

    @property
    def now(self) -> float:
        return self.clock() + self._ahead

    def advance(self, seconds: float) -> float:
        self._ahead += seconds
        state = State(self.rows)
        state.put("meta/cloud", {"boots": self._boots, "ahead": self._ahead})
        state.commit()
        return self.now

    def reset(self) -> None:
        self.rows.clear()
        self.faults.armed.clear()
        self._lists.clear()
        self._ahead = 0.0
        self._boot()

    def answer(self, request: Request) -> Outcome:
        """Handle one request durably: what it wrote is committed when this returns."""
        self.counted += 1
        route = self._route(request)
        struck = self.faults.hits(route.service, route.method.id, request.path) if route else []
        delay = sum(fault.seconds for fault in struck if fault.kind == "latency")
        refusal = next((fault for fault in struck if fault.kind == "error"), None)
        if refusal and route:
            response = _refused(refusal, route.service)
        else:
            half = next((fault for fault in struck if fault.kind == "half_finished"), None)
            if half:
                request = replace(request, half_finish=half.message or "INTERNAL: An internal error has occurred.")
            response = self._perform(request)
            if route and route.method.name == "list":
                response = self._list(request, response, stale=any(fault.kind == "stale_list" for fault in struck))
        self._log(request, route, response)
        return Outcome(response, delay, any(fault.kind == "lost_response" for fault in struck))

    def _route(self, request: Request) -> Route | None:
        try:
            return self.cloud.route(request)
        except GoogleError:
            return None

    def _perform(self, request: Request) -> Response:
        state = State(self.rows)
        rng = random.Random(f"{self.seed}/{self._boots}/{self.counted}")  # noqa: S311 - ids that repeat by seed
        response = self.cloud.handle(state, request, self.now, rng)
        self.writes += state.commit()
        return response

    def _list(self, request: Request, fresh: Response, *, stale: bool) -> Response:
        """Remember what a list said; a stale one repeats the answer before, or says that there is nothing."""
        key = request.path + "?" + repr(sorted(request.query.items()))
        if stale:
            return self._lists.get(key, Response(200, {}))
        self._lists[key] = fresh
        self._lists.move_to_end(key)
        while len(self._lists) > _REMEMBERED_LISTS:
            self._lists.popitem(last=False)
        return fresh

    def _log(self, request: Request, route: Route | None, response: Response) -> None:
        self.calls.append({
            "n": self.counted, "method": route.method.id if route else "", "service": route.service if route else "",
            "verb": request.verb, "path": request.path, "status": response.status,
            "mutating": route.method.mutating if route else False,
        })  # fmt: skip


def _refused(fault: Fault, service: str) -> Response:
    headers = {"Retry-After": f"{fault.retry_after:g}"} if fault.retry_after else {}
    message = fault.message or "The service is currently unavailable."
    return GoogleError(fault.status, message, headers=headers).response(service)
