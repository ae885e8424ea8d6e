"""What every file of Cloud SQL needs: where an instance is, whether it runs, and its one operation at a time."""

from __future__ import annotations

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Work
from reconciler.localcloud.values import Json, milliseconds, uuid_like


def place(call: Call) -> str:
    """`projects/<number>/instances/<name>` of the call."""
    return projects.canonical(call.state, f"projects/{call.params['project']}/instances/{call.params['instance']}")


def project_id(call: Call) -> str:
    return str(
        (projects.find(call.state, call.params["project"]) or {"projectId": call.params["project"]})["projectId"]
    )


def link(call: Call, rest: str) -> str:
    return f"https://sqladmin.googleapis.com/sql/v1beta4/projects/{project_id(call)}/{rest}"


def load(call: Call) -> Json:
    row = call.state.get(f"sqladmin.instances/{place(call)}")
    if row is None:
        raise GoogleError(404, "The Cloud SQL instance does not exist.", reason="instanceDoesNotExist")
    return row


def running(call: Call) -> Json:
    row = load(call)
    if row["state"] != "RUNNABLE":
        raise GoogleError(400, "Invalid request: Invalid request since instance is not running.", reason="invalid")
    return row


def operation(call: Call, kind: str, finisher: str, args: Json) -> Json:
    """Start the one operation that the instance may have. GoogleError 409 while another is running."""
    where = place(call)
    busy = call.state.get(f"sqladmin.busy/{where}")
    if busy is not None:
        raise GoogleError(
            409,
            "Operation failed because another operation was already in progress. Try your request after the current "
            "operation is complete.",
            reason="operationInProgress",
        )
    own = uuid_like(call.rng)
    name = f"projects/{call.params['project']}/operations/{own}"
    extra: Json = {
        "kind": "sql#operation", "name": own, "operationType": kind, "targetId": call.params["instance"],
        "targetProject": project_id(call), "targetLink": link(call, f"instances/{call.params['instance']}"),
        "selfLink": link(call, f"operations/{own}"), "user": "user@example.com", "insertTime": milliseconds(call.now),
    }  # fmt: skip
    row = operations.start(call, Work(name, finisher, {**args, "place": where}, extra=extra))
    call.state.put(f"sqladmin.busy/{where}", {"operation": own})
    return {**extra, "status": "PENDING"} if not row["done"] else shown(row)


def shown(row: Json) -> Json:
    """An operation in Cloud SQL's own shape: an error is a list, and DONE says nothing about success."""
    started, ended = milliseconds(row["started"]), milliseconds(row["ends"])
    result = {**row["extra"], "status": "DONE" if row["done"] else "RUNNING", "startTime": started}
    if row["done"]:
        result["endTime"] = ended
    if "error" in row:
        code = "INTERNAL_ERROR" if row["error"]["code"] == 13 else "ERROR_RDBMS"
        result["error"] = {
            "kind": "sql#operationErrors",
            "errors": [{"kind": "sql#operationError", "code": code, "message": row["error"]["message"]}],
        }
    return result


def free(ending: Ending) -> None:
    """The instance may have its next operation."""
    ending.state.delete(f"sqladmin.busy/{ending.args['place']}")
