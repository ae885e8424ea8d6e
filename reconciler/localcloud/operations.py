"""Long-running operations: started with a real duration, finished by the clock, at the latest when somebody reads.

A finisher brings about what the operation was for; until then the resource shows that it is not ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call, Moment, Settings
from reconciler.localcloud.errors import NUMBERS, not_found
from reconciler.localcloud.state import Rows, State
from reconciler.localcloud.values import Json, timestamp, uuid_like

# Seconds in the real cloud, by discovery method id (typical values from Google's documentation and recordings).
DURATIONS = {
    "run.projects.locations.services.create": 15.0,
    "run.projects.locations.services.patch": 15.0,
    "run.projects.locations.services.delete": 5.0,
    "run.projects.locations.services.replaceService": 15.0,
    "run.namespaces.services.create": 15.0,
    "run.namespaces.services.replaceService": 15.0,
    "run.projects.locations.jobs.run": 30.0,
    "run.namespaces.jobs.run": 30.0,
    "sql.instances.insert": 480.0,
    "sql.instances.clone": 600.0,
    "sql.instances.restoreBackup": 420.0,
    "sql.instances.delete": 60.0,
    "sql.instances.patch": 60.0,
    "sql.instances.update": 60.0,
    "sql.instances.restart": 45.0,
    "sql.instances.export": 90.0,
    "sql.instances.import": 90.0,
    "sql.backupRuns.insert": 90.0,
    "sql.databases.insert": 5.0,
    "sql.users.insert": 5.0,
    "cloudresourcemanager.projects.create": 10.0,
    "cloudresourcemanager.folders.create": 5.0,
    "serviceusage.services.enable": 8.0,
    "serviceusage.services.batchEnable": 20.0,
    "artifactregistry.projects.locations.repositories.create": 4.0,
    "redis.projects.locations.instances.create": 300.0,
    "redis.projects.locations.clusters.create": 600.0,
    "servicenetworking.services.connections.create": 60.0,
    "sql.instances.failover": 60.0,
    "sql.instances.promoteReplica": 120.0,
    "sql.instances.switchover": 120.0,
    "compute.instances.insert": 15.0,
    "compute.instances.delete": 30.0,
    "compute.instances.stop": 20.0,
    "compute.images.insert": 30.0,
    "compute.machineImages.insert": 60.0,
    "compute.instanceGroupManagers.delete": 60.0,
    "compute.regionInstanceGroupManagers.delete": 60.0,
}
DEFAULT_DURATION = 5.0
# A request to a control plane of Google and its answer, in seconds: recalled, not measured; the order is what counts.
ROUND_TRIP = 0.1
# A finished operation is forgotten after a day of virtual time, or they would outnumber everything else.
_KEPT_SECONDS = 86_400.0
# However fast the time: a client must find what it started.
_KEPT_AT_LEAST = 7_200.0
# When many are due, each request forgets some, so that none has to wait.
_FORGOTTEN_AT_ONCE = 500
ALL = 1 << 62
_NEVER = 1e9


@dataclass
class Ending:
    """What a finisher is given, and what it may add: a response, metadata, or an error of its own."""

    moment: Moment
    row: Json
    failed: str = ""
    response: Json | None = None

    @property
    def state(self) -> State:
        return self.moment.state

    @property
    def args(self) -> Json:
        args: Json = self.row["args"]
        return args

    @property
    def stamp(self) -> str:
        return self.moment.stamp


Finisher = Callable[[Ending], None]


@dataclass(frozen=True)
class Work:
    """What an operation is for. `name` is the full operation name; the response gets `response_type` as its @type."""

    name: str
    finisher: str
    args: Json = field(default_factory=dict)
    metadata: Json | None = None
    response_type: str = ""
    extra: Json = field(default_factory=dict)
    seconds: float | None = None


def key_of(state: State, service: str, name: str) -> str:
    return f"operations/{service}/{projects.canonical(state, name)}"


def location_name(call: Call, parent: str) -> str:
    """`projects/*/locations/*/operations/<uuid>` for the place that `parent` is in, with the project's id.

    Outside projects, and in Resource Manager, operations have no parent.
    """
    if call.service == "cloudresourcemanager" or not parent.startswith("projects/"):
        return f"operations/{uuid_like(call.rng)}"
    parts = projects.with_id(call.state, parent).split("/")
    return "/".join([*parts[:4], "operations", uuid_like(call.rng)])


def start(call: Call, work: Work) -> Json:
    """Record a running operation that ends after its scaled duration; returns its row.

    One that would end within a round trip to Google has ended when somebody can ask again: no client there could see
    it running, although here the next request comes in a millisecond.
    """
    delay = call.request.operation_delay
    usual = DURATIONS.get(call.method.id, DEFAULT_DURATION) if work.seconds is None else work.seconds
    seconds = (usual + min(delay, _NEVER)) / call.settings.time_scale
    if seconds <= ROUND_TRIP:
        seconds = 0.0
    row: Json = {
        "name": work.name,
        "service": call.service,
        "started": call.now,
        "ends": call.now + seconds,
        "done": False,
        "finisher": work.finisher,
        "args": work.args,
        "metadata": work.metadata,
        "responseType": work.response_type,
        "extra": work.extra,
    }
    if call.request.half_finish:
        row["fail"] = call.request.half_finish
    key = key_of(call.state, call.service, work.name)
    call.state.put(key, row)
    if delay < _NEVER:
        call.state.put(f"pending/{_sortable(row['ends'])}/{key}", {})
    return row


def finished(call: Call, work: Work, response: Json | None) -> Json:
    """An operation that is done when it is answered; returns its row."""
    row = start(call, work)
    key = key_of(call.state, call.service, work.name)
    call.state.delete(f"pending/{_sortable(row['ends'])}/{key}")
    row |= {"done": True, "ends": call.now, "response": response}
    call.state.put(key, row)
    call.state.put(f"expiry/{_sortable(call.now + _kept(call.settings))}/{key}", {})
    return row


def later(moment: Moment, key: str, seconds: float, finisher: str, args: Json) -> None:
    """Have `finisher` run after `seconds` of virtual time, whatever the time scale: days of grace, expiry dates.

    `key` is a name of the caller's for it: deleting the row under it calls it off, another call replaces it.
    """
    ends = moment.now + max(seconds, 0.0)
    row = {"done": False, "finisher": finisher, "args": args, "ends": ends, "timer": True}
    moment.state.put(key, row)
    moment.state.put(f"timers/{_sortable(ends)}/{key}", {})


def _kept(settings: Settings) -> float:
    return max(_KEPT_SECONDS / settings.time_scale, _KEPT_AT_LEAST)


def _sortable(when: float) -> str:
    return f"{when:020.6f}"


def many_due(rows: Rows, now: float, many: int) -> bool:
    """Whether more than `many` operations wait to be settled."""
    until = f"{_sortable(now)}~"
    return any(len(rows.scan(prefix, prefix + until, many + 1)) > many for prefix in ("pending/", "timers/"))


def settle(moment: Moment, finishers: dict[str, Finisher], most: int = ALL) -> bool:
    """Finish the operations whose time has come, in the order in which they end; whether `most` were not enough."""
    state = moment.state
    for expiry_key, _ in list(islice(_due(state, "expiry/", moment.now), _FORGOTTEN_AT_ONCE)):
        state.delete(expiry_key)
        state.delete(expiry_key.split("/", 2)[2])
    for prefix in ("pending/", "timers/"):
        while most > 0 and (due := list(islice(_due(state, prefix, moment.now), most))):
            for pending_key, ends in due:
                _finish(Moment(state, ends, moment.rng, moment.settings), pending_key, finishers)
            most -= len(due)
    return most <= 0


def _due(state: State, prefix: str, now: float) -> Iterator[tuple[str, float]]:
    for key, _ in state.scan(prefix, until=f"{prefix}{_sortable(now)}~"):
        yield key, float(key.split("/", 2)[1])


def _finish(moment: Moment, pending_key: str, finishers: dict[str, Finisher]) -> None:
    state, key = moment.state, pending_key.split("/", 2)[2]
    state.delete(pending_key)
    row = state.get(key)
    if row is None or row["done"] or row["ends"] > moment.now + 1e-5:
        return
    ending = Ending(moment, row, row.get("fail", ""))
    finisher = finishers.get(row["finisher"])
    if row.get("timer"):
        state.delete(key)  # before it ends, so that an end may set the next one under the same key
    if finisher:
        finisher(ending)
    if row.get("timer"):
        return
    row["done"] = True
    if ending.failed:
        code, _, message = ending.failed.partition(": ")
        known = code in NUMBERS
        row["error"] = {"code": NUMBERS[code] if known else 13, "message": message if known else ending.failed}
    else:
        row["response"] = ending.response
    state.put(key, row)
    state.put(f"expiry/{_sortable(moment.now + _kept(moment.settings))}/{key}", {})


def cancel(call: Call, row: Json) -> None:
    """End a running operation now, with Google's code 1; a finished one stays as it is."""
    if not row["done"]:
        end_at(call, {**row, "fail": "CANCELLED: The operation was cancelled."}, call.now, row["ends"])


def end_at(call: Call, row: Json, when: float, before: float) -> None:
    """Have a running operation, that was to end at `before`, end at `when`."""
    key = key_of(call.state, call.service, row["name"])
    call.state.delete(f"pending/{_sortable(before)}/{key}")
    call.state.put(key, {**row, "ends": when})
    call.state.put(f"pending/{_sortable(when)}/{key}", {})


def rendered(row: Json) -> Json:
    """google.longrunning.Operation. The response is parsed strictly by the clients: it holds known fields only.

    Services whose metadata names target and verb print `done` also while it runs, and the end (recordings).
    """
    result: Json = {"name": row["name"]}
    metadata = row["metadata"]
    shared = metadata is not None and "verb" in metadata and "target" in metadata
    if metadata is not None:
        result["metadata"] = {**metadata, "endTime": timestamp(row["ends"])} if shared and row["done"] else metadata
    if row["done"] or shared:
        result["done"] = row["done"]
    if row["done"]:
        if "error" in row:
            result["error"] = row["error"]
        elif row["responseType"]:
            result["response"] = {"@type": row["responseType"], **(row.get("response") or {})}
    return result


def find(call: Call, name: str) -> Json:
    row = call.state.get(key_of(call.state, call.service, name))
    if row is None:
        raise not_found(
            f"Operation not found: {name}" if call.service == "serviceusage" else "Requested entity was not found."
        )
    return row


def times(row: Json) -> tuple[str, str]:
    """Start and end (empty while it runs) of an operation as timestamps."""
    return timestamp(row["started"]), timestamp(row["ends"]) if row["done"] else ""
