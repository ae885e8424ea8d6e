"""The instance that a call is about: where it is, whether it runs, and its one operation at a time."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Work
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, hexadecimal, milliseconds, uuid_like

_BUSY = (
    "Operation failed because another operation was already in progress. Try your request after the current "
    "operation is complete."
)
# Fields of the discovery document's Operation that only some methods fill; behaviours hand them over as `context`.
Context = Json


def refused(what: str, reason: str = "invalid") -> GoogleError:
    """Cloud SQL's usual refusal: 400 with the words `Invalid request`."""
    return GoogleError(400, f"Invalid request: {what}", reason=reason)


def place(call: Call, instance: str = "") -> str:
    """`projects/<number>/instances/<name>` of the call, or of another instance of its project."""
    own = instance or call.params["instance"]
    return projects.canonical(call.state, f"projects/{call.params['project']}/instances/{own}")


def key(where: str) -> str:
    return f"sqladmin.instances/{where}"


def name_of(where: str) -> str:
    return where.rsplit("/", 1)[1]


def project_id(call: Call) -> str:
    return str(
        (projects.find(call.state, call.params["project"]) or {"projectId": call.params["project"]})["projectId"]
    )


def link(call: Call, rest: str) -> str:
    return f"https://sqladmin.googleapis.com/sql/v1beta4/projects/{project_id(call)}/{rest}"


def load(call: Call, instance: str = "") -> Json:
    row = call.state.get(key(place(call, instance)))
    if row is None:
        raise GoogleError(404, "The Cloud SQL instance does not exist.", reason="instanceDoesNotExist")
    return row


def stopped(row: Json) -> bool:
    """An instance that its owner has stopped still says RUNNABLE (samples of a stopped instance)."""
    policy: str = row["settings"].get("activationPolicy", "")
    return str(row["state"]) != "RUNNABLE" or policy == "NEVER"


def running(call: Call, instance: str = "") -> Json:
    row = load(call, instance)
    if stopped(row):
        raise refused("Invalid request since instance is not running.")
    return row


def unlocked(state: State, places: Iterator[str] | list[str]) -> None:
    """GoogleError 409 when one of the instances has an operation in progress."""
    for where in places:
        if state.get(f"sqladmin.busy/{where}") is not None:
            raise GoogleError(409, _BUSY, reason="operationInProgress")


def operation(call: Call, kind: str, finisher: str, args: Json, context: Context | None = None) -> Json:
    """Start the one operation that an instance may have. GoogleError 409 while another is running.

    `args` may name another target (`place`) and further instances that are busy meanwhile (`also`).
    """
    where = args.get("place") or place(call)
    locked = [where, *args.get("also", [])]
    unlocked(call.state, locked)
    own, target = uuid_like(call.rng), name_of(where)
    name = f"projects/{call.params['project']}/operations/{own}"
    extra: Json = {
        "kind": "sql#operation", "name": own, "operationType": kind, "targetId": target,
        "targetProject": project_id(call), "targetLink": link(call, f"instances/{target}"),
        "selfLink": link(call, f"operations/{own}"), "user": "user@example.com", "insertTime": milliseconds(call.now),
        **(context or {}),
    }  # fmt: skip
    row = operations.start(call, Work(name, finisher, {**args, "place": where}, extra=extra))
    for busy in locked:
        call.state.put(f"sqladmin.busy/{busy}", {"operation": own})
    return {**extra, "status": "PENDING"} if not row["done"] else shown(row)


def shown(row: Json) -> Json:
    """An operation in Cloud SQL's own shape: an error is a list, and DONE says nothing about success."""
    started, ended = milliseconds(row["started"]), milliseconds(row["ends"])
    result = {**row["extra"], "status": "DONE" if row["done"] else "RUNNING", "startTime": started}
    if row["done"]:
        result["endTime"] = ended
    if "error" in row:
        code = row.get("sqlCode") or ("INTERNAL_ERROR" if row["error"]["code"] == 13 else "ERROR_RDBMS")
        result["error"] = {
            "kind": "sql#operationErrors",
            "errors": [{"kind": "sql#operationError", "code": code, "message": row["error"]["message"]}],
        }
    return result


def fail(ending: Ending, code: str, message: str) -> None:
    """Let the operation end with an error of Cloud SQL's own code."""
    ending.row["sqlCode"] = code
    ending.failed = f"INVALID_ARGUMENT: {message}"


def free(ending: Ending) -> None:
    """The instances may have their next operation."""
    for where in [ending.args["place"], *ending.args.get("also", [])]:
        ending.state.delete(f"sqladmin.busy/{where}")


def changed(ending: Ending, row: Json) -> Json:
    """A copy of an instance that has changed: the next settings version and another etag."""
    version = int(row["settings"]["settingsVersion"]) + 1
    return {
        **row,
        "settings": {**row["settings"], "settingsVersion": str(version)},
        "etag": hexadecimal(ending.moment.rng, 64),
    }


def amend(ending: Ending, where: str, change: Json) -> None:
    """Write fields into an instance that is there; a value of None removes the field."""
    row = ending.state.get(key(where))
    if row is None:
        return
    row = changed(ending, row) | change
    ending.state.put(key(where), {name: value for name, value in row.items() if value is not None})
