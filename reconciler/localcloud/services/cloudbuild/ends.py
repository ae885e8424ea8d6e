"""How a build ends: by its course, by a fault, or because it was cancelled; and what it leaves behind.

On this plane nothing is executed; an image's digest is a function of what was asked for, so that the same build gives
the same one.
"""

from __future__ import annotations

import hashlib

import orjson

from reconciler.localcloud.call import Moment
from reconciler.localcloud.operations import Ending
from reconciler.localcloud.services.cloudbuild import course
from reconciler.localcloud.services.logging import entries
from reconciler.localcloud.services.storage import deposits
from reconciler.localcloud.values import Json, seconds_of, timestamp

TYPE = "type.googleapis.com/google.devtools.cloudbuild.v1."
FINAL = frozenset({"SUCCESS", "FAILURE", "CANCELLED", "TIMEOUT", "INTERNAL_ERROR", "EXPIRED"})


def metadata_of(build: Json) -> Json:
    return {"@type": TYPE + "BuildOperationMetadata", "build": build}


def _since(moment: Moment, build: Json, after: float) -> str:
    return timestamp(min(seconds_of(build["createTime"]) + after / moment.settings.time_scale, moment.now))


def built(ending: Ending) -> None:
    """The end of a build's operation: by its course, by a fault, or because it was cancelled."""
    moment, build = ending.moment, ending.state.get(ending.args["key"])
    if build is None:
        return
    if build["status"] not in FINAL:
        way = course.of(build)
        code = ending.failed.partition(": ")[0]
        if code == "CANCELLED":
            cancelled(moment, build)
        elif ending.failed:
            _broken(moment, build, ending.failed.partition(": ")[2] or ending.failed)
        else:
            _finished(moment, build, way)
            _write_log(moment, build, course.log(build, way))
        ending.state.put(ending.args["key"], build)
    ending.row["metadata"] = metadata_of(build)
    ending.response = build
    if build["status"] not in ("SUCCESS", "CANCELLED") and not ending.failed:
        ending.failed = "UNKNOWN: " + (build.get("statusDetail") or f"Build ended with status {build['status']}")


def cancelled(moment: Moment, build: Json) -> None:
    build |= {"status": "CANCELLED", "finishTime": moment.stamp}
    begun = seconds_of(build["createTime"]) + course.QUEUED / moment.settings.time_scale
    if moment.now >= begun:
        build.setdefault("startTime", timestamp(begun))


def _broken(moment: Moment, build: Json, detail: str) -> None:
    build |= {
        "status": "FAILURE", "startTime": _since(moment, build, course.QUEUED), "finishTime": moment.stamp,
        "statusDetail": detail, "failureInfo": {"type": "USER_BUILD_STEP", "detail": detail},
    }  # fmt: skip


def _finished(moment: Moment, build: Json, way: course.Course) -> None:
    build |= {"status": way.status, "finishTime": moment.stamp}
    if way.status == "EXPIRED":
        return
    base = build.get("approvedAfter", 0.0) + way.queued

    def at(after: float) -> str:
        return _since(moment, build, base + after)

    build["startTime"] = at(0)
    timing = {"BUILD": {"startTime": at(way.fetched), "endTime": at(way.built)}}
    if build.get("source"):
        timing["FETCHSOURCE"] = {"startTime": at(0), "endTime": at(way.fetched)}
    if way.status == "SUCCESS" and build.get("images"):
        timing["PUSH"] = {"startTime": at(way.built), "endTime": at(way.ends)}
    build["timing"] = timing
    build["steps"] = [
        step if leg.status == "QUEUED" else {
            **step, "status": leg.status, "timing": {"startTime": at(leg.begins), "endTime": at(leg.ends)},
            "pullTiming": {"startTime": at(leg.begins), "endTime": at(min(leg.pulled, leg.ends))},
            **({"exitCode": leg.code} if leg.code else {}),
        }
        for step, leg in zip(build["steps"], way.legs, strict=True)
    ]  # fmt: skip
    if way.detail:
        build |= {"statusDetail": way.detail, "failureInfo": {"type": "USER_BUILD_STEP", "detail": way.detail}}
    if way.status == "SUCCESS":
        build["results"] = _results(build, timing.get("PUSH"))


def _results(build: Json, pushed: Json | None) -> Json:
    result: Json = {
        "buildStepImages": [_sum(step["name"]) for step in build["steps"]],
        "buildStepOutputs": [""] * len(build["steps"]),
    }
    if build.get("images"):
        result["images"] = [
            {"name": image, "digest": _digest(build, image), "pushTiming": pushed} for image in build["images"]
        ]
    objects = (build.get("artifacts") or {}).get("objects")
    if objects:
        result |= {
            "numArtifacts": str(len(objects["paths"])),
            "artifactManifest": f"{objects['location'].rstrip('/')}/artifacts-{build['id']}.json",
        }
    return result


def _sum(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _digest(build: Json, image: str) -> str:
    """What was asked for decides; ids and times do not."""
    asked = {name: build.get(name) for name in ("source", "substitutions", "images")}
    steps = [{name: step.get(name) for name in ("name", "args", "script", "entrypoint", "env")}
             for step in build["steps"]]  # fmt: skip
    told = orjson.dumps([asked, steps, image], option=orjson.OPT_SORT_KEYS).replace(build["id"].encode(), b"")
    return "sha256:" + hashlib.sha256(told).hexdigest()


def _write_log(moment: Moment, build: Json, text: str) -> None:
    """To the logs bucket, and to Cloud Logging, as the build's options say."""
    mode = (build.get("options") or {}).get("logging", "LOGGING_UNSPECIFIED")
    number = build["name"].split("/")[1]
    if build.get("logsBucket") and mode != "NONE":
        bucket, _, folder = build["logsBucket"].removeprefix("gs://").partition("/")
        name = f"{folder.strip('/')}/log-{build['id']}.txt".lstrip("/")
        if bucket == f"{number}.cloudbuild-logs.googleusercontent.com":
            deposits.own_bucket(moment, bucket)
        deposits.put(moment, bucket, name, text.encode())
    if mode in ("LOGGING_UNSPECIFIED", "LEGACY", "CLOUD_LOGGING_ONLY", "STACKDRIVER_ONLY"):
        labels = {"build_id": build["id"], "build_trigger_id": build.get("buildTriggerId", "")}
        for index, line in enumerate(text.splitlines()):
            if line:
                entries.record(moment, f"projects/{number}", {
                    "logName": f"projects/{build['projectId']}/logs/cloudbuild", "textPayload": line,
                    "resource": {"type": "build", "labels": labels}, "severity": "INFO",
                    "insertId": f"{build['id']}-{index}", "labels": {"build_tags": ",".join(build.get("tags") or [])},
                })  # fmt: skip
