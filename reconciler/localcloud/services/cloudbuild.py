"""Cloud Build v1: builds that pass QUEUED, WORKING and SUCCESS as time passes; triggers and pools are generic.

There are no recordings of builds: shapes are from the discovery document and the documentation. On the light data
plane nothing is executed; an image's digest is a function of what was asked for, so the same build gives the same one.
"""

from __future__ import annotations

import base64
import hashlib
import re

import orjson

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import failed_precondition, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, seconds_of, timestamp, uuid_like

_TYPE = "type.googleapis.com/google.devtools.cloudbuild.v1."
_QUEUED_SECONDS = 3.0
_FINAL = frozenset({"SUCCESS", "FAILURE", "CANCELLED", "TIMEOUT", "INTERNAL_ERROR", "EXPIRED"})


def _project(call: Call) -> Json:
    own = call.params.get("projectId") or projects.of(call.subject)
    row = projects.find(call.state, own)
    if row is None:
        raise not_found()
    return row


def _place(call: Call) -> str:
    """The location in a regional path; `global` for the old ones."""
    parts = call.subject.split("/")
    return parts[3] if len(parts) > 3 and parts[2] == "locations" else "global"


def _key(call: Call, own: str) -> str:
    return f"cloudbuild.builds/projects/{_project(call)['number']}/builds/{own}"


def _digest(build: Json, image: str) -> str:
    asked = {name: build.get(name) for name in ("source", "steps", "substitutions", "images", "artifacts")}
    return "sha256:" + hashlib.sha256(orjson.dumps([asked, image], option=orjson.OPT_SORT_KEYS)).hexdigest()


def _create(call: Call) -> Answer:
    if not call.body.get("steps"):
        raise invalid("invalid build: no build steps specified", ("build.steps", "required"))
    project, own, place = _project(call), uuid_like(call.rng), _place(call)
    account = (
        f"projects/{project['projectId']}/serviceAccounts/{project['number']}-compute@developer.gserviceaccount.com"
    )
    build: Json = {
        "timeout": "600s", "queueTtl": "3600s", **call.body, "id": own, "projectId": project["projectId"],
        "status": "QUEUED",
        "name": f"projects/{project['number']}/locations/{place}/builds/{own}", "createTime": call.stamp,
        "logUrl": f"https://console.cloud.google.com/cloud-build/builds/{own}?project={project['number']}",
        "serviceAccount": call.body.get("serviceAccount", account),
        "artifacts": {"images": call.body.get("images", []), **call.body.get("artifacts", {})},
    }  # fmt: skip
    call.state.put(_key(call, own), build)
    encoded = base64.b64encode(own.encode()).decode()
    if place == "global":
        name = f"operations/build/{project['projectId']}/{encoded}"
    else:
        name = f"projects/{project['projectId']}/locations/{place}/operations/{encoded.rstrip('=')}"
    metadata = {"@type": _TYPE + "BuildOperationMetadata", "build": build}
    work = Work(name, "cloudbuild.built", {"key": _key(call, own), "operation": name}, metadata, _TYPE + "Build")
    call.state.put(f"cloudbuild.operation/{own}", {"name": name})
    return operations.rendered(operations.start(call, work))


def _built(ending: Ending) -> None:
    build = ending.state.get(ending.args["key"])
    if build is None:
        return
    if build["status"] not in _FINAL:
        began = min(
            seconds_of(build["createTime"]) + _QUEUED_SECONDS / ending.moment.settings.time_scale, ending.moment.now
        )
        build |= {
            "status": "FAILURE" if ending.failed else "SUCCESS",
            "startTime": timestamp(began),
            "finishTime": ending.stamp,
        }
        if ending.failed:
            build["statusDetail"] = ending.failed.rpartition(": ")[2]
            build["failureInfo"] = {"type": "USER_BUILD_STEP", "detail": build["statusDetail"]}
        else:
            pushed = {"startTime": build["startTime"], "endTime": ending.stamp}
            images = [
                {"name": image, "digest": _digest(build, image), "pushTiming": pushed}
                for image in build.get("images", [])
            ]
            build["results"] = {"buildStepImages": [""] * len(build["steps"])} | ({"images": images} if images else {})
            build["steps"] = [{**step, "status": "SUCCESS"} for step in build["steps"]]
        ending.state.put(ending.args["key"], build)
    ending.row["metadata"] = {"@type": _TYPE + "BuildOperationMetadata", "build": build}
    ending.response = build


def _seen(call: Call, build: Json) -> Json:
    """What a reader sees now: work begins a few seconds after queueing."""
    began = seconds_of(build["createTime"]) + _QUEUED_SECONDS / call.settings.time_scale
    if build["status"] == "QUEUED" and call.now >= began:
        return {**build, "status": "WORKING", "startTime": timestamp(began)}
    return build


def _build(call: Call) -> Json:
    own = call.params.get("id") or call.subject.rsplit("/", 1)[-1]
    build = call.state.get(_key(call, own))
    if build is None:
        raise not_found()
    return build


def _get(call: Call) -> Answer:
    return _seen(call, _build(call))


def _list(call: Call) -> Answer:
    """Newest first; the filter knows `field=value` terms joined by AND, and `tags=`."""
    place = _place(call)
    wanted = re.findall(r"(\w+)\s*=\s*\"?([^\s\"]+)\"?", call.query("filter"))
    rows = [(key, _seen(call, row)) for key, row in call.state.scan(_key(call, ""))]
    kept = [
        (key, row)
        for key, row in rows
        if (place == "-" or f"/locations/{place}/" in row["name"]) and _matches(row, wanted)
    ]
    kept.sort(key=lambda item: (item[1]["createTime"], item[0]), reverse=True)
    start = generic.start_of(call)
    position = next((index + 1 for index, (key, _) in enumerate(kept) if key == start), 0)
    found, token = generic.page(call, kept[position:])
    return ({"builds": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _matches(row: Json, terms: list[tuple[str, str]]) -> bool:
    names = {"trigger_id": "buildTriggerId", "build_trigger_id": "buildTriggerId", "build_id": "id"}
    for field, value in terms:
        held = row.get(names.get(field, field))
        if (value not in held) if isinstance(held, list) else (held != value):
            return False
    return True


def _cancel(call: Call) -> Answer:
    build = _build(call)
    if build["status"] in _FINAL:
        raise failed_precondition(f"build {build['id']} is already complete")
    build |= {"status": "CANCELLED", "finishTime": call.stamp}
    call.state.put(_key(call, build["id"]), build)
    name = (call.state.get(f"cloudbuild.operation/{build['id']}") or {"name": ""})["name"]
    key = operations.key_of(call.state, "cloudbuild", name)
    row = call.state.get(key)
    if row is not None:
        error = {"code": 1, "message": "Build has been cancelled."}
        call.state.put(
            key,
            {
                **row,
                "done": True,
                "ends": call.now,
                "error": error,
                "metadata": {"@type": _TYPE + "BuildOperationMetadata", "build": build},
            },
        )
    return build


_BASES = ("cloudbuild.projects.builds.", "cloudbuild.projects.locations.builds.")
_OWN = {"create": _create, "get": _get, "list": _list, "cancel": _cancel}
METHODS = {base + name: behaviour for base in _BASES for name, behaviour in _OWN.items()}
FINISHERS: dict[str, Finisher] = {"cloudbuild.built": _built}
