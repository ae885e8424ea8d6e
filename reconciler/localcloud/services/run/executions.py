"""Executions of jobs and their tasks: they start, run and end in virtual time, or are cancelled on the way.

Names and conditions as gcloud prints them (recalled; the recordings hold no execution); reasons and counts from the
discovery document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Answer, Behaviour, Call, Moment
from reconciler.localcloud.errors import exists, failed_precondition
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.run import conditions, names, needs, resources
from reconciler.localcloud.services.run.conditions import Problem
from reconciler.localcloud.services.run.rollouts import TYPE, USER, of_operation, tell
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, seconds_of, uuid_like

_STARTS_AFTER = 5.0
_TASK = (
    "serviceAccount", "timeout", "maxRetries", "containers", "volumes", "executionEnvironment", "encryptionKey",
    "vpcAccess", "nodeSelector", "gpuZonalRedundancyDisabled",
)  # fmt: skip
_LOGS = (
    "https://console.cloud.google.com/logs/viewer?project={project}&advancedFilter="
    "resource.type%3D%22cloud_run_job%22%0Aresource.labels.job_name%3D%22{job}%22%0A"
    "labels.%22run.googleapis.com/execution_name%22%3D%22{execution}%22"
)


def key_of(state: State, path: str) -> str:
    return "run.executions/" + projects.canonical(state, path)


def begin(call: Call, job: Json, overrides: Json, suffix: str = "") -> tuple[Json, Json]:
    """A new execution of a job: its row and the row of the operation that ends with it."""
    owner = names.own(job["name"])
    own = f"{owner}-{suffix}" if suffix else names.generated(call.rng, f"{owner}-")
    path = f"{job['name']}/executions/{own}"
    if call.state.get(key_of(call.state, path)) is not None:
        raise exists(f"Resource '{own}' already exists.")
    wanted, task = job["template"], _overridden(job["template"]["template"], overrides)
    count = overrides.get("taskCount") or wanted.get("taskCount") or 1
    project = projects.of(projects.with_id(call.state, path))
    row: Json = {
        **{name: wanted[name] for name in ("labels", "annotations", "client", "clientVersion") if wanted.get(name)},
        "name": path, "uid": uuid_like(call.rng), "generation": "1", "createTime": call.stamp,
        "updateTime": call.stamp, "creator": USER, "job": owner, "launchStage": job["launchStage"],
        "taskCount": count, "parallelism": min(wanted.get("parallelism") or count, count), "template": task,
        "reconciling": True, "logUri": _LOGS.format(project=project, job=owner, execution=own),
        "conditions": conditions.waiting(call.stamp, "Completed"),
        "etag": names.etag(call.now, call.rng, path),
    }  # fmt: skip
    call.state.put(key_of(call.state, path), row)
    for index in range(count):
        _put_task(call.state, _task(call, row, index))
    job["executionCount"] = job.get("executionCount", 0) + 1
    job["latestCreatedExecution"] = {
        "name": own, "createTime": call.stamp, "completionStatus": "EXECUTION_RUNNING",
    }  # fmt: skip
    call.state.put(generic.key_of(call, job["name"]), job)
    args = {"key": key_of(call.state, path), "uid": row["uid"], "path": path}
    soon = _STARTS_AFTER / call.settings.time_scale
    operations.later(call, f"run.start/{path}", soon, "run.execution_started", args)
    metadata = {"@type": TYPE + "Execution", **row}
    name = operations.location_name(call, path)
    return row, operations.start(call, Work(name, "run.executed", args, metadata, TYPE + "Execution"))


def _overridden(template: Json, overrides: Json) -> Json:
    """The job's task template with one run's own arguments, variables and time."""
    task = {**template}
    if overrides.get("timeout"):
        task["timeout"] = overrides["timeout"]
    containers = [{**container} for container in task["containers"]]
    for override in overrides.get("containerOverrides") or []:
        named = [found for found in containers if found.get("name", "") == override.get("name", "")]
        for container in named or containers[:1]:
            if override.get("clearArgs"):
                container.pop("args", None)
            elif override.get("args"):
                container["args"] = override["args"]
            merged = {variable["name"]: variable for variable in container.get("env") or []}
            merged |= {variable["name"]: variable for variable in override.get("env") or [] if variable.get("name")}
            if merged:
                container["env"] = list(merged.values())
    task["containers"] = containers
    return task


def _task(call: Call, execution: Json, index: int) -> Json:
    own = names.own(execution["name"])
    path = f"{execution['name']}/tasks/{own}-task{index}"
    template = execution["template"]
    row: Json = {name: template[name] for name in _TASK if name in template}
    return row | {
        "name": path, "uid": uuid_like(call.rng), "generation": "1", "createTime": call.stamp,
        "scheduledTime": call.stamp, "updateTime": call.stamp, "job": execution["job"], "execution": own,
        "reconciling": True, "conditions": conditions.waiting(call.stamp, "Completed"),
        "etag": names.etag(call.now, call.rng, path), "logUri": execution["logUri"],
        **({"index": index} if index else {}),
    }  # fmt: skip


def _put_task(state: State, row: Json) -> None:
    state.put("run.tasks/" + projects.canonical(state, row["name"]), row)


def _tasks(state: State, execution: str) -> Iterator[Json]:
    for _, row in list(state.scan("run.tasks/" + projects.canonical(state, f"{execution}/tasks/"))):
        yield row


def _running(row: Json | None) -> bool:
    return row is not None and "completionTime" not in row


def started(ending: Ending) -> None:
    """Finisher: containers are up; up to `parallelism` tasks run."""
    row = of_operation(ending)
    if row is not None and _running(row):
        _start(ending.moment, row)


def _start(moment: Moment, row: Json) -> None:
    stamp = moment.stamp
    row |= {"startTime": stamp, "runningCount": row["parallelism"], "updateTime": stamp}
    row["conditions"] = [
        *conditions.waiting(stamp, "Completed"), *conditions.succeeded(stamp, "ResourcesAvailable"),
        conditions.condition("Started", "CONDITION_SUCCEEDED", stamp, message=_since(moment, row, "Started "
                             "deployed execution in", "createTime")),
        *conditions.succeeded(stamp, "ContainerReady"),
    ]  # fmt: skip
    moment.state.put(key_of(moment.state, row["name"]), row)
    for task in _tasks(moment.state, row["name"]):
        parts = [*conditions.waiting(stamp, "Completed"), *conditions.succeeded(stamp, "ResourcesAvailable", "Started")]
        _put_task(moment.state, task | {"startTime": stamp, "updateTime": stamp, "conditions": parts})


def _since(moment: Moment, row: Json, words: str, field: str) -> str:
    return f"{words} {moment.now - seconds_of(row[field]):.2f}s."


def executed(ending: Ending) -> None:
    """Finisher: every task has ended, well or with the problem that a fault or something missing brought."""
    path = ending.args["path"]
    row = of_operation(ending)
    if row is None:
        return
    if _running(row):
        own = names.own(path)
        if "startTime" not in row:
            # Nobody asked between start and end, so both are settled now: the end is what comes first.
            when = seconds_of(row["createTime"]) + _STARTS_AFTER / ending.moment.settings.time_scale
            _start(replace(ending.moment, now=when), row)
        problem = needs.problem(needs.Place.of(ending.state, path), row["template"], "spec.template.spec")
        if ending.failed:
            told = f"Task {own}-task0 failed with message: The container exited with an error."
            problem = Problem(told, "NON_ZERO_EXIT_CODE", "UNKNOWN")
        _complete(ending.moment, row, problem)
    failed: Json = next((found for found in row["conditions"] if found["type"] == "Completed"), {})
    if failed.get("state") == "CONDITION_FAILED":
        code = "CANCELLED" if failed.get("executionReason") == "CANCELLED" else "INTERNAL"
        ending.failed = f"{code}: {failed['message']}"
    tell(ending, row, "Execution")


def _complete(moment: Moment, row: Json, problem: Problem | None, count: str = "failedCount") -> None:
    stamp, tasks = moment.stamp, list(_tasks(moment.state, row["name"]))
    for name in ("reconciling", "runningCount"):
        row.pop(name, None)
    row.setdefault("startTime", stamp)
    row |= {"completionTime": stamp, "updateTime": stamp, "observedGeneration": "1"}
    kept = [found for found in row["conditions"] if found["type"] != "Completed"]
    if problem is None:
        said = _since(moment, row, "Execution completed successfully in", "createTime")
        done = conditions.condition("Completed", "CONDITION_SUCCEEDED", stamp, message=said)
        row["succeededCount"] = len(tasks)
    else:
        field = "reason" if problem.reason.endswith(("_FAILED", "_FOUND")) else "executionReason"
        done = conditions.failed("Completed", stamp, problem, field)
        row[count] = len(tasks)
    row["conditions"] = [done, *kept]
    moment.state.put(key_of(moment.state, row["name"]), row)
    for task in tasks:
        _end_task(moment, task, problem)
    _tell_job(moment, row, problem, count)


def _end_task(moment: Moment, task: Json, problem: Problem | None) -> None:
    task.pop("reconciling", None)
    task |= {"completionTime": moment.stamp, "updateTime": moment.stamp, "observedGeneration": "1"}
    if problem is None:
        task["lastAttemptResult"] = {"status": {}}
        task["conditions"] = conditions.succeeded(moment.stamp, "Completed", "ResourcesAvailable", "Started")
    else:
        failed = problem.reason == "NON_ZERO_EXIT_CODE"
        if failed:
            task["lastAttemptResult"] = {"exitCode": 1, "status": {"code": 2, "message": problem.message}}
            task["retried"] = task.get("maxRetries", 0)
        field = "executionReason" if failed or problem.reason == "CANCELLED" else "reason"
        task["conditions"] = [conditions.failed("Completed", moment.stamp, problem, field)]
    _put_task(moment.state, task)


def _tell_job(moment: Moment, row: Json, problem: Problem | None, count: str) -> None:
    """The job's reference to its latest execution says how it ended."""
    key = "run.jobs/" + projects.canonical(moment.state, row["name"].partition("/executions/")[0])
    job = moment.state.get(key)
    latest = (job or {}).get("latestCreatedExecution") or {}
    if job is None or latest.get("name") != names.own(row["name"]):
        return
    ended = "SUCCEEDED" if problem is None else "CANCELLED" if count == "cancelledCount" else "FAILED"
    latest |= {"completionTime": moment.stamp, "completionStatus": f"EXECUTION_{ended}"}
    moment.state.put(key, job)


def cancelled(call: Call, path: str) -> Json:
    """Stop an execution; returns its row. Raises GoogleError 400 when there is nothing left to stop."""
    row = names.load(call, path)
    if not _running(row):
        raise failed_precondition(f"Execution '{names.own(path)}' has already completed and cannot be cancelled.")
    _complete(call, row, Problem("Execution was cancelled.", "CANCELLED", "CANCELLED"), "cancelledCount")
    return row


# --- v2 --------------------------------------------------------------------------------------------------------


def _run(call: Call) -> Answer:
    job = names.load(call, call.subject)
    names.check_etag(call, job)
    if call.body.get("validateOnly"):
        work = Work(operations.location_name(call, job["name"]), "", metadata={"@type": TYPE + "Execution"})
        return operations.rendered(operations.finished(call, work, None))
    return operations.rendered(begin(call, job, call.body.get("overrides") or {})[1])


def _cancel(call: Call) -> Answer:
    names.check_etag(call, names.load(call, call.subject))
    row = names.load(call, call.subject) if call.body.get("validateOnly") else cancelled(call, call.subject)
    work = Work(
        operations.location_name(call, row["name"]), "", metadata={"@type": TYPE + "Execution", **row},
        response_type=TYPE + "Execution",
    )  # fmt: skip
    return operations.rendered(operations.finished(call, work, row))


_AT = "run.projects.locations.jobs."
METHODS: dict[str, Behaviour] = {
    f"{_AT}run": _run, f"{_AT}executions.cancel": _cancel, f"{_AT}executions.get": resources.get,
    f"{_AT}executions.list": resources.listed, f"{_AT}executions.delete": resources.delete,
    f"{_AT}executions.tasks.get": resources.get, f"{_AT}executions.tasks.list": resources.listed,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"run.execution_started": started, "run.executed": executed}
