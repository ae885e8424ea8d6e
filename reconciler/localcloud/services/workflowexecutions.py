"""Workflow Executions v1: an execution is ACTIVE for a few seconds, then it has succeeded.

No workflow is interpreted here: the result is always `null`, and an argument is only checked to be JSON.
Callbacks and steps, which need a workflow that runs, are not there (501).
"""

from __future__ import annotations

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import failed_precondition, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, seconds_of, timestamp, uuid_like

_SECONDS = 3.0
_BASE = "workflowexecutions.projects.locations.workflows.executions."


def _workflow(call: Call, path: str) -> Json:
    row = call.state.get(f"workflows.workflows/{projects.canonical(call.state, path)}")
    if row is None:
        raise not_found(f"Resource '{projects.with_id(call.state, path)}' was not found")
    return row


def _create(call: Call) -> Answer:
    path = projects.canonical(call.state, call.subject)
    workflow = _workflow(call, path)
    argument = call.body.get("argument")
    try:
        orjson.loads(argument or "null")
    except ValueError as error:
        raise invalid("argument is not valid JSON.", ("execution.argument", "invalid JSON")) from error
    name = f"{path}/executions/{uuid_like(call.rng)}"
    row: Json = {
        **{key: call.body[key] for key in ("argument", "callLogLevel", "labels") if key in call.body},
        "name": name, "state": "ACTIVE", "startTime": call.stamp, "createTime": call.stamp,
        "workflowRevisionId": workflow.get("revisionId", ""), "status": {"currentSteps": []},
    }  # fmt: skip
    call.state.put(generic.key_of(call, name), row)
    return row


def _seen(call: Call, row: Json) -> Json:
    """What a reader sees now."""
    ends = seconds_of(row["startTime"]) + _SECONDS / call.settings.time_scale
    if row["state"] != "ACTIVE" or call.now < ends:
        return row
    duration = f"{_SECONDS / call.settings.time_scale:.9f}s"
    return {**row, "state": "SUCCEEDED", "endTime": timestamp(ends), "duration": duration, "result": "null"}


def _get(call: Call) -> Answer:
    return _seen(call, generic.load(call, call.subject))


def _list(call: Call) -> Answer:
    """Newest first, as the API says."""
    _workflow(call, call.subject)
    rows = [(key, _seen(call, row)) for key, row in generic.scan_all(call, call.subject, "executions")]
    rows.sort(key=lambda item: (item[1]["startTime"], item[0]), reverse=True)
    start = generic.start_of(call)
    position = next((index + 1 for index, (key, _) in enumerate(rows) if key == start), 0)
    found, token = generic.page(call, rows[position:])
    return ({"executions": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _cancel(call: Call) -> Answer:
    row = _seen(call, generic.load(call, call.subject))
    if row["state"] != "ACTIVE":
        raise failed_precondition(f"Execution {row['name']} is not active.")
    row |= {"state": "CANCELLED", "endTime": call.stamp}
    call.state.put(generic.key_of(call, call.subject), row)
    return row


METHODS = {f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}list": _list, f"{_BASE}cancel": _cancel}
