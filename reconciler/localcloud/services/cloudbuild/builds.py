"""Builds: submitted, queued, worked on, finished by the clock; cancelled, retried, approved, found again."""

from __future__ import annotations

import base64

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import failed_precondition, not_found
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.operations import Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudbuild import course, substitutions
from reconciler.localcloud.services.cloudbuild.checks import check, seconds
from reconciler.localcloud.services.cloudbuild.ends import FINAL, TYPE, built, cancelled, metadata_of
from reconciler.localcloud.values import Json, seconds_of, timestamp, uuid_like

_NEVER = 1e9
_LANGUAGE = Language(
    aliases={"build_id": "id", "trigger_id": "buildTriggerId", "build_trigger_id": "buildTriggerId"}, anywhere=("id",)
)


def project_of(call: Call) -> Json:
    own = call.params.get("projectId") or projects.of(call.subject)
    row = projects.find(call.state, own)
    if row is None:
        raise not_found()
    return row


def place_of(call: Call) -> str:
    """The location in a regional path; `global` for the old ones."""
    parts = call.subject.split("/")
    return parts[3] if len(parts) > 3 and parts[2] == "locations" else "global"


def _key(call: Call, own: str) -> str:
    return f"cloudbuild.builds/projects/{project_of(call)['number']}/builds/{own}"


# --- submitting ------------------------------------------------------------------------------------------------


def _create(call: Call) -> Answer:
    return submit(call, call.body)


def submit(call: Call, asked: Json, extra: Json | None = None, built_in: Json | None = None) -> Json:
    """Start a build; `extra` are fields that the server sets, `built_in` the substitutions of a trigger."""
    project, own, place = project_of(call), uuid_like(call.rng), place_of(call)
    substitutions.check_keys(asked.get("substitutions") or {})
    check(asked)
    substitutions.check_template(asked)
    account = f"{project['number']}-compute@developer.gserviceaccount.com"
    known = {
        "PROJECT_ID": project["projectId"], "PROJECT_NUMBER": project["number"], "BUILD_ID": own, "LOCATION": place,
        "SERVICE_ACCOUNT_EMAIL": account, **(built_in or {}),
    }  # fmt: skip
    build = substitutions.applied(asked, known)
    images = build.get("images") or (build.get("artifacts") or {}).get("images") or []
    build |= {
        "timeout": build.get("timeout") or course.DEFAULT_TIMEOUT, "queueTtl": build.get("queueTtl") or "3600s",
        "logsBucket": build.get("logsBucket") or f"gs://{project['number']}.cloudbuild-logs.googleusercontent.com",
        "serviceAccount": build.get("serviceAccount") or f"projects/{project['projectId']}/serviceAccounts/{account}",
        "id": own, "projectId": project["projectId"], "status": "QUEUED", "createTime": call.stamp,
        "name": f"projects/{project['number']}/locations/{place}/builds/{own}", "logUrl": _log_url(own, place, project),
        "artifacts": {**({"images": images} if images else {}), **(build.get("artifacts") or {})},
        **({"images": images} if images else {}), **(extra or {}),
    }  # fmt: skip
    if (build.get("options") or {}).get("logging") in ("CLOUD_LOGGING_ONLY", "STACKDRIVER_ONLY", "NONE"):
        del build["logsBucket"]
    if not build["artifacts"]:
        del build["artifacts"]
    if build.get("source", {}).get("storageSource"):
        build["sourceProvenance"] = {"resolvedStorageSource": build["source"]["storageSource"]}
    call.state.put(_key(call, own), build)
    work = Work(
        _operation_name(project, place, own), "cloudbuild.built", {"key": _key(call, own)}, metadata_of(build),
        TYPE + "Build", seconds=_NEVER if build["status"] == "PENDING" else _length(build),
    )  # fmt: skip
    call.state.put(f"cloudbuild.operation/{own}", {"name": work.name})
    return operations.rendered(operations.start(call, work))


def _log_url(own: str, place: str, project: Json) -> str:
    region = "" if place == "global" else f";region={place}"
    return f"https://console.cloud.google.com/cloud-build/builds{region}/{own}?project={project['number']}"


def _operation_name(project: Json, place: str, own: str) -> str:
    encoded = base64.b64encode(own.encode()).decode()
    if place == "global":
        return f"operations/build/{project['projectId']}/{encoded}"
    return f"projects/{project['projectId']}/locations/{place}/operations/{encoded.rstrip('=')}"


def _length(build: Json) -> float:
    way = course.of(build)
    return way.queued + way.ends


# --- reading ---------------------------------------------------------------------------------------------------


def _seen(call: Call, build: Json) -> Json:
    """What a reader sees now: work begins a few seconds after queueing."""
    build = {name: value for name, value in build.items() if name != "approvedAfter"}
    if build["status"] != "QUEUED":
        return build
    scale = call.settings.time_scale
    began = seconds_of(build["createTime"]) + course.QUEUED / scale
    if seconds(build["queueTtl"]) >= course.QUEUED and call.now >= began:
        return {**build, "status": "WORKING", "startTime": timestamp(began)}
    return build


def _load(call: Call) -> Json:
    own = call.params.get("id") or call.subject.rsplit("/", 1)[-1]
    build = call.state.get(_key(call, own))
    if build is None:
        raise not_found()
    return build


def _get(call: Call) -> Answer:
    return _seen(call, _load(call))


def _list(call: Call) -> Answer:
    """Newest first."""
    place, wanted = place_of(call), predicate(call.query("filter"), _LANGUAGE)
    rows = [(key, _seen(call, row)) for key, row in call.state.scan(_key(call, ""))]
    kept = [(key, row) for key, row in rows if (place == "-" or f"/locations/{place}/" in row["name"]) and wanted(row)]
    kept.sort(key=lambda item: (item[1]["createTime"], item[0]), reverse=True)
    start = generic.start_of(call)
    position = next((index + 1 for index, (key, _) in enumerate(kept) if key == start), 0)
    found, token = generic.page(call, kept[position:])
    return ({"builds": found} if found else {}) | ({"nextPageToken": token} if token else {})


# --- deciding about one ----------------------------------------------------------------------------------------


def _operation(call: Call, build: Json) -> Json | None:
    name = (call.state.get(f"cloudbuild.operation/{build['id']}") or {"name": ""})["name"]
    return call.state.get(operations.key_of(call.state, "cloudbuild", name))


def _cancel(call: Call) -> Answer:
    build = _load(call)
    if build["status"] in FINAL:
        raise failed_precondition(f"build {build['id']} is already complete")
    cancelled(call, build)
    if "approval" in build and build["approval"]["state"] == "PENDING":
        build["approval"]["state"] = "CANCELLED"
    call.state.put(_key(call, build["id"]), build)
    row = _operation(call, build)
    if row is not None:
        operations.cancel(call, row)
    return _seen(call, build)


def _retry(call: Call) -> Answer:
    """A new build of what the old one was asked for."""
    old = _load(call)
    if old["status"] not in FINAL:
        raise failed_precondition(f"build {old['id']} is not complete")
    kept = ("source", "images", "artifacts", "substitutions", "tags", "options", "timeout", "queueTtl",
            "availableSecrets", "secrets", "dependencies")  # fmt: skip
    asked = {name: old[name] for name in kept if name in old}
    server = ("status", "timing", "pullTiming", "exitCode")
    asked["steps"] = [{name: value for name, value in step.items() if name not in server} for step in old["steps"]]
    # Parameters were filled in already; their keys are no longer in the template.
    asked["options"] = {**asked.get("options", {}), "substitutionOption": "ALLOW_LOOSE"}
    extra: Json = {name: old[name] for name in ("buildTriggerId", "serviceAccount", "logsBucket") if name in old}
    return submit(call, asked, extra)


def _approve(call: Call) -> Answer:
    build = _load(call)
    if build.get("approval", {}).get("state") != "PENDING":
        raise failed_precondition(f"build {build['id']} is not pending approval")
    result = call.body.get("approvalResult") or {}
    approved = result.get("decision") == "APPROVED"
    row = _operation(call, build)
    build["approval"] |= {
        "state": "APPROVED" if approved else "REJECTED",
        "result": {**result, "approverAccount": "user@example.com", "approvalTime": call.stamp},
    }
    if approved:
        build |= {"status": "QUEUED", "approvedAfter": (call.now - seconds_of(build["createTime"]))
                  * call.settings.time_scale}  # fmt: skip
        call.state.put(_key(call, build["id"]), build)
        if row is not None:
            operations.end_at(call, row, call.now + _length(build) / call.settings.time_scale, row["ends"])
    else:
        cancelled(call, build)
        call.state.put(_key(call, build["id"]), build)
        if row is not None:
            operations.cancel(call, row)
    name = (row or {"name": ""})["name"]
    return {"name": name, "metadata": metadata_of(build), "done": not approved}


def _default_account(call: Call) -> Answer:
    project = project_of(call)
    account = f"{project['number']}-compute@developer.gserviceaccount.com"
    return {
        "name": f"projects/{project['number']}/locations/{place_of(call)}/defaultServiceAccount",
        "serviceAccountEmail": f"projects/{project['projectId']}/serviceAccounts/{account}",
    }


def _operation_of(call: Call) -> Answer:
    """An operation by its own name; by the id of its build, as gcloud asks for it; below a worker pool (recording)."""
    place, _, below = call.subject.partition("/workerPools/")
    if below:
        row = operations.find(call, f"{place}/operations/{below.rpartition('/')[2]}")
        return {**operations.rendered(row), "name": call.subject}
    pointer = call.state.get(f"cloudbuild.operation/{call.subject.rsplit('/', 1)[-1]}")
    return operations.rendered(operations.find(call, pointer["name"] if pointer else call.subject))


def with_mask(stored: Json, body: Json, mask: str) -> Json:
    """The masked fields of `body`, or the whole of it."""
    return masked(stored, body, mask) if mask else body


_BASES = ("cloudbuild.projects.builds.", "cloudbuild.projects.locations.builds.")
_OWN = {"create": _create, "get": _get, "list": _list, "cancel": _cancel, "retry": _retry, "approve": _approve}
METHODS = {base + name: behaviour for base in _BASES for name, behaviour in _OWN.items()} | {
    "cloudbuild.projects.locations.getDefaultServiceAccount": _default_account,
    "cloudbuild.projects.locations.operations.get": _operation_of,
}
FINISHERS: dict[str, Finisher] = {"cloudbuild.built": built}
