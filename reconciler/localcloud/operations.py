"""Long-running operations: started with a real duration, finished by the clock, at the latest when somebody reads.

A finisher brings about what the operation was for; until then the resource shows that it is not ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call, Moment
from reconciler.localcloud.errors import NUMBERS, not_found
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, timestamp, uuid_like

# Seconds in the real cloud, by discovery method id (typical values from Google's documentation and recordings).
DURATIONS = {
    "run.projects.locations.services.create": 15.0,
    "run.projects.locations.services.patch": 15.0,
    "run.projects.locations.services.delete": 5.0,
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
    "cloudbuild.projects.builds.create": 90.0,
    "cloudbuild.projects.locations.builds.create": 90.0,
    "redis.projects.locations.instances.create": 300.0,
}
DEFAULT_DURATION = 5.0
# A finished operation is forgotten after a day of virtual time, or they would outnumber everything else.
_KEPT_SECONDS = 86_400.0


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
    """Record a running operation that ends after its scaled duration; returns its row."""
    seconds = DURATIONS.get(call.method.id, DEFAULT_DURATION) / call.settings.time_scale
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
    call.state.put(f"pending/{_sortable(row['ends'])}/{key}", {})
    return row


def finished(call: Call, work: Work, response: Json | None) -> Json:
    """An operation that is done when it is answered; returns its row."""
    row = start(call, work)
    key = key_of(call.state, call.service, work.name)
    call.state.delete(f"pending/{_sortable(row['ends'])}/{key}")
    row |= {"done": True, "ends": call.now, "response": response}
    call.state.put(key, row)
    call.state.put(f"expiry/{_sortable(call.now + _KEPT_SECONDS)}/{key}", {})
    return row


def _sortable(when: float) -> str:
    return f"{when:020.6f}"


def settle(moment: Moment, finishers: dict[str, Finisher]) -> None:
    """Finish every operation whose time has come, in the order in which they end."""
    state = moment.state
    for expiry_key, _ in list(_due(state, "expiry/", moment.now)):
        state.delete(expiry_key)
        state.delete(expiry_key.split("/", 2)[2])
    while due := list(_due(state, "pending/", moment.now)):
        for pending_key, ends in due:
            _finish(Moment(state, ends, moment.rng, moment.settings), pending_key, finishers)


def _due(state: State, prefix: str, now: float) -> Iterator[tuple[str, float]]:
    for key, _ in state.scan(prefix, until=f"{prefix}{_sortable(now)}~"):
        yield key, float(key.split("/", 2)[1])


def _finish(moment: Moment, pending_key: str, finishers: dict[str, Finisher]) -> None:
    state, key = moment.state, pending_key.split("/", 2)[2]
    state.delete(pending_key)
    row = state.get(key)
    if row is None or row["done"]:
        return
    ending = Ending(moment, row, row.get("fail", ""))
    finisher = finishers.get(row["finisher"])
    if finisher:
        finisher(ending)
    row["done"] = True
    if ending.failed:
        code, _, message = ending.failed.partition(": ")
        known = code in NUMBERS
        row["error"] = {"code": NUMBERS[code] if known else 13, "message": message if known else ending.failed}
    else:
        row["response"] = ending.response
    state.put(key, row)
    state.put(f"expiry/{_sortable(moment.now + _KEPT_SECONDS)}/{key}", {})


def rendered(row: Json) -> Json:
    """google.longrunning.Operation. The response is parsed strictly by the clients: it holds known fields only."""
    result: Json = {"name": row["name"]}
    if row["metadata"] is not None:
        result["metadata"] = row["metadata"]
    if row["done"]:
        result["done"] = True
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
