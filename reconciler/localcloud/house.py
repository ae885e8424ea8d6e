"""One running cloud: the core with its stored state, clock, faults, lags and call log. No HTTP in here."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.localcloud import consistency, faults, limits, operations, projects, recorder
from reconciler.localcloud.call import Settings
from reconciler.localcloud.consistency import Lags, Reading
from reconciler.localcloud.core import Cloud, Route
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.faults import Fault, Faults, Met
from reconciler.localcloud.past import Past, PastRows, touched
from reconciler.localcloud.quotas import Quotas, asked_of
from reconciler.localcloud.recorder import Recorder
from reconciler.localcloud.seeding import Seeds
from reconciler.localcloud.state import Rows, State
from reconciler.localcloud.store import SqliteRows, is_snapshot
from reconciler.localcloud.values import Json, Request, Response

_NOTHING = b""
_SETTLED_AT_ONCE = 500
# Rows that no read may see as they were: bookkeeping, and operations (their clients would wait for ever).
_ALWAYS_FRESH = ("operations/", "pending/", "timers/", "expiry/", "count/", "meta/")


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
    lags: Lags = field(default_factory=Lags)
    quotas: Quotas = field(default_factory=Quotas)
    calls: Recorder = field(default_factory=Recorder)
    past: Past = field(default_factory=Past)
    writes: int = 0
    counted: int = 0

    def __post_init__(self) -> None:
        self._given = self.settings
        self._given_lags = self.lags
        self._quotas_on = self.quotas.on
        self.cloud = Cloud(settings=self.settings)
        self.faults.seed = self.faults.seed or self.seed
        self.started = self.clock()
        self._boot()

    def _boot(self, least: int = 0) -> None:
        """Every start draws ids from a new stream, or a restart would make the same ones again."""
        state = State(self.rows)
        meta = state.get("meta/cloud") or {"boots": 0, "ahead": 0.0}
        meta["boots"] = max(meta["boots"], least) + 1
        self._boots, self._ahead = meta["boots"], float(meta["ahead"])
        state.put("meta/cloud", meta)
        state.commit()

    def configure(self, **changes: Any) -> None:
        """Other settings from the next request on; they last as long as the process, and a reset undoes them."""
        self.settings = replace(self.settings, **changes)
        self.cloud.settings = self.settings

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
        """Forget state, faults, lags, limits and quotas; the call log stays, because tests read it afterwards."""
        self.rows.clear()
        self.faults.clear()
        self.past.clear()
        self.lags = self._given_lags
        self.quotas = Quotas(self._quotas_on)
        self.configure(**vars(self._given))
        self._ahead = 0.0
        self._boot()

    def plant(self, lines: bytes) -> int:
        """Store finished resources (see `seeding`); returns how many. Raises ValueError, and stores none then."""
        seeds = Seeds(State(self.rows), self.cloud.library)
        rows = seeds.rows(lines)
        self.rows.load(rows)
        for collection in seeds.collections & limits.LIMITS.keys():
            self.rows.commit(limits.recounted(collection, self.rows.names(f"{collection}/")))
        self.writes += len(rows)
        return len(rows)

    def snapshot(self, target: Path) -> int:
        """Copy the whole state into a file; returns its size."""
        if target.exists() and not is_snapshot(target):
            raise ValueError(f"{target} is there and no snapshot; it stays as it is")
        return self.rows.snapshot(target)

    def restore(self, source: Path) -> None:
        """Go back to a snapshot: state and time. Ids that are made afterwards are new ones. Raises ValueError."""
        boots = self._boots
        self.rows.restore(source)
        self.past.clear()
        self._boot(boots)

    def keys(self, contains: str, after: str) -> Iterator[str]:
        """The names of all that is there, in order, bookkeeping left out."""
        low, most = after + "\0", 10_000
        while page := self.rows.keys(low, most):
            yield from (key for key in page if contains in key and not key.startswith(recorder.HOUSEKEEPING))
            low = page[-1] + "\0"

    def arm(self, wish: Json) -> None:
        """Arm the faults of a file (`{"faults": [...], "seed": N}`), all or none. Raises ValueError."""
        wishes = faults.listed(wish)
        self.faults.seed = wish.get("seed", self.faults.seed)
        for each in wishes:
            self.faults.add(each, self.now)

    def answer(self, request: Request) -> Outcome:
        """Handle one request durably: what it wrote is committed when this returns."""
        self.counted += 1
        now, route = self.now, self._route(request)
        caller = recorder.caller_of(request.headers)
        method = route.method.id if route else ""
        resource = recorder.resource_of(request, method)
        struck: list[Fault] = []
        if route and self.faults.armed:
            met = Met(route.service, method, request.path, resource, recorder.said(caller), now)
            struck = self.faults.hits(met)
        over = self._over_quota(request, route, caller, now) if route and self.quotas.on else None
        if over:
            response, wrote = over, list[str]()
        elif struck:
            response, wrote = self._struck(request, route, struck, now)
        else:
            response, wrote = self._fresh(request, route, now)
        self.calls.add({
            "n": self.counted, "time": now, "method": method, "service": route.service if route else "",
            "verb": request.verb, "path": request.path, "resource": resource, "caller": caller,
            "preconditions": recorder.preconditions(request), "status": response.status,
            "mutating": route.method.mutating if route else False, "wrote": recorder.wrote(wrote),
            "faults": [fault.id for fault in struck],
        })  # fmt: skip
        delay = sum(fault.wait() for fault in struck if fault.kind == "latency")
        return Outcome(response, delay, faults.of_kind(struck, "lost_response", "lost_request") is not None)

    def _route(self, request: Request) -> Route | None:
        try:
            return self.cloud.route(request)
        except GoogleError:
            return None

    def _over_quota(self, request: Request, route: Route, caller: Json, now: float) -> Response | None:
        try:
            self.quotas.take(asked_of(State(self.rows), route, request, caller), now, self.settings.time_scale)
        except GoogleError as error:
            return error.response(route.service)
        return None

    def _struck(
        self, request: Request, route: Route | None, struck: list[Fault], now: float
    ) -> tuple[Response, list[str]]:
        """Answer a call that faults strike."""
        refusal = faults.of_kind(struck, "error")
        service = route.service if route else ""
        if refusal and not refusal.effect:
            return _refused(refusal, service), []
        if faults.of_kind(struck, "lost_request"):
            return Response(0), []
        if half := faults.of_kind(struck, "half_finished"):
            request = replace(request, half_finish=half.message or "INTERNAL: An internal error has occurred.")
        if late := faults.of_kind(struck, "late_operation"):
            request = replace(request, operation_delay=late.wait())
        if faults.of_kind(struck, "stuck_operation"):
            request = replace(request, operation_delay=float("inf"))
        old = faults.stale(struck, route.method.name) if route and route.method.verb == "GET" else None
        if old:
            return self._stale(request, service, old.behind, now), []
        response, wrote = self._fresh(request, route, now)
        return (_refused(refusal, service) if refusal else response), wrote

    def _fresh(self, request: Request, route: Route | None, now: float) -> tuple[Response, list[str]]:
        """Answer from the state as it is, or as the lags of eventual consistency let it be seen."""
        rows: Rows = self.rows
        withheld = False
        if route and self.lags.any():
            reading = Reading(route.service, route.method.id, now, self.settings.time_scale)
            earlier = consistency.earlier(self.past, self.lags, reading)
            rows = PastRows(self.rows, earlier) if earlier else rows
            subject = projects.canonical(State(self.rows), next(iter(route.params.values()), ""))
            withheld = consistency.withheld(self.past, self.lags, reading, subject)
        rng = self._rng()
        self._settle(now, rng, everything=rows is not self.rows)
        state = State(rows)
        response = self.cloud.handle(state, request, now, rng, route)
        wrote = [key for key, raw in state.writes.items() if raw is not state.settled.get(key, _NOTHING)]
        self._commit(state, now)
        return (Response(200, {}) if withheld and response.status == 200 else response), wrote

    def _stale(self, request: Request, service: str, behind: int, now: float) -> Response:
        """Answer a read as it would have been answered before the last `behind` changes to what it reads."""
        self._settle(now, self._rng(), everything=True)
        probe = State(self.rows)
        self.cloud.handle(probe, request, now, self._rng())
        seen, own = touched(probe.read, probe.scanned), (*consistency.own_keys(service), f"iam/{service}/")
        earlier = self.past.changes_ago(behind, lambda key: key.startswith(own) and seen(key))
        return self.cloud.handle(State(PastRows(self.rows, earlier)), request, now, self._rng())

    def _settle(self, now: float, rng: random.Random, *, everything: bool) -> None:
        """Commit what time has brought about, in pieces; a few the request itself may settle in its own commit."""
        while everything or operations.many_due(self.rows, now, _SETTLED_AT_ONCE):
            state = State(self.rows)
            more = self.cloud.settle_some(state, now, rng, _SETTLED_AT_ONCE)
            limits.count(state)
            self._commit(state, now)
            if not more:
                return

    def _rng(self) -> random.Random:
        return random.Random(f"{self.seed}/{self._boots}/{self.counted}")  # noqa: S311 - ids that repeat by seed

    def _commit(self, state: State, now: float) -> None:
        if state.writes:
            self.past.record(now, state.overwritten(_ALWAYS_FRESH))
            self.writes += state.commit()


def _refused(fault: Fault, service: str) -> Response:
    headers = {"Retry-After": f"{fault.retry_after:g}"} if fault.retry_after else {}
    message = fault.message or "The service is currently unavailable."
    return GoogleError(fault.status, message, reason=fault.reason, headers=headers).response(service)


def told(house: House, query: Mapping[str, list[str]]) -> list[bytes]:
    """The recorded calls that a query asks for, as JSON. Raises ValueError for a wrong one."""
    since = int((query.get("since") or ["0"])[0])
    return recorder.filtered(house.calls.since(since), query)
