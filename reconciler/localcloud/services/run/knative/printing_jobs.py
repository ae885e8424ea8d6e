"""Jobs, executions and tasks in v1 form (samples for jobs; conditions and counts as gcloud prints them)."""

from __future__ import annotations

from reconciler.localcloud.services.run import names
from reconciler.localcloud.services.run.knative import templates
from reconciler.localcloud.services.run.knative.printing import (
    RUNNING,
    Home,
    client_notes,
    condition,
    metadata,
    owned_by,
    stage_note,
    status_of,
)
from reconciler.localcloud.services.run.knative.templates import RUN
from reconciler.localcloud.values import Json

_COUNTS = ("cancelledCount", "failedCount", "retriedCount", "runningCount", "succeededCount")


def job(row: Json, home: Home) -> Json:
    notes = client_notes(row) | stage_note(row) | {
        f"{RUN}creator": row.get("creator"), f"{RUN}lastModifier": row.get("lastModifier"),
        f"{RUN}operation-id": home.operation,
    }  # fmt: skip
    template = _execution_template(row["template"], home)
    spec: Json = {"template": template}
    spec |= {name: row[name] for name in ("startExecutionToken", "runExecutionToken") if row.get(name)}
    status = status_of(row)
    if row.get("executionCount"):
        status["executionCount"] = row["executionCount"]
    if row.get("latestCreatedExecution"):
        status["latestCreatedExecution"] = _reference(row["latestCreatedExecution"])
    return {
        "apiVersion": RUNNING, "kind": "Job",
        "metadata": metadata(row, home, "jobs", notes, {f"{RUN}lastUpdatedTime": row["updateTime"]}),
        "spec": spec, "status": status,
    }  # fmt: skip


def _reference(latest: Json) -> Json:
    table = {
        "name": "name", "createTime": "creationTimestamp", "completionTime": "completionTimestamp",
        "completionStatus": "completionStatus", "deleteTime": "deletionTimestamp",
    }  # fmt: skip
    return {there: latest[name] for name, there in table.items() if name in latest}


def _execution_template(execution: Json, home: Home) -> Json:
    """An execution's metadata and spec; the annotations also say what v2 has in the task's template."""
    meta, spec = _task_spec(execution["template"], home)
    notes = {**(execution.get("annotations") or {}), **meta["annotations"]}
    notes |= {key: value for key, value in client_notes(execution).items() if value}
    result: Json = {"metadata": {"annotations": dict(sorted(notes.items()))}}
    if execution.get("labels"):
        result["metadata"]["labels"] = execution["labels"]
    wanted = {name: execution[name] for name in ("parallelism", "taskCount") if execution.get(name)}
    result["spec"] = {**wanted, "template": {"spec": spec}}
    return result


def _task_spec(task: Json, home: Home) -> tuple[Json, Json]:
    meta, spec = templates.printed(task, home.both)
    if "maxRetries" in task:
        spec["maxRetries"] = task["maxRetries"]
    if "timeoutSeconds" in spec:
        spec["timeoutSeconds"] = str(spec["timeoutSeconds"])  # an int64 here, unlike in revisions
    return meta, spec


def execution(row: Json, home: Home, owner: Json) -> Json:
    whole = _execution_template(row, home)
    notes = {
        **whole["metadata"]["annotations"], f"{RUN}creator": row.get("creator"),
        f"{RUN}lastModifier": row.get("creator"),
    }  # fmt: skip
    labels = {
        f"{RUN}job": row["job"], f"{RUN}jobUid": owner.get("uid", ""),
        f"{RUN}jobGeneration": owner.get("generation", ""), f"{RUN}runningState": _running_state(row),
    }  # fmt: skip
    meta = metadata(row, home, "executions", notes, {key: value for key, value in labels.items() if value})
    if owner:
        meta["ownerReferences"] = [owned_by("Job", row["job"], owner["uid"], RUNNING)]
    status: Json = {"conditions": [condition(one) for one in row.get("conditions", [])], "logUri": row.get("logUri")}
    status |= {name: row[name] for name in (*_COUNTS, "startTime", "completionTime") if name in row}
    status["observedGeneration"] = int(row["generation"])
    return {"apiVersion": RUNNING, "kind": "Execution", "metadata": meta, "spec": whole["spec"], "status": status}


def _running_state(row: Json) -> str:
    if "completionTime" in row:
        return "Completed"
    return "Running" if "startTime" in row else "Pending"


def task(row: Json, home: Home) -> Json:
    _, spec = _task_spec(row, home)
    owner = names.own(row["name"].rpartition("/tasks/")[0])
    labels = {
        f"{RUN}job": row["job"], f"{RUN}execution": owner, f"{RUN}taskIndex": str(row.get("index", 0)),
        f"{RUN}runningState": _task_state(row),
    }  # fmt: skip
    status: Json = {
        "conditions": [condition(one) for one in row.get("conditions", [])], "logUri": row.get("logUri"),
        "index": row.get("index", 0), "observedGeneration": int(row["generation"]),
    }  # fmt: skip
    status |= {name: row[name] for name in ("startTime", "completionTime", "retried") if name in row}
    if "lastAttemptResult" in row:
        status["lastAttemptResult"] = row["lastAttemptResult"]
    return {
        "apiVersion": RUNNING, "kind": "Task", "metadata": metadata(row, home, "tasks", {}, labels), "spec": spec,
        "status": status,
    }  # fmt: skip


def _task_state(row: Json) -> str:
    if "completionTime" not in row:
        return "Running" if "startTime" in row else "Pending"
    done: Json = next((one for one in row["conditions"] if one["type"] == "Completed"), {})
    if done.get("executionReason") == "CANCELLED":
        return "Cancelled"
    return "Succeeded" if done.get("state") == "CONDITION_SUCCEEDED" else "Failed"
