"""Cloud Scheduler v1: jobs that can be paused, resumed and run. Nothing is sent to a target here.

From the discovery document and https://cloud.google.com/scheduler/docs; there are no recordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import exists, failed_precondition, invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, timestamp

_ID = re.compile(r"[a-zA-Z0-9_-]{1,500}")
_FIELD = r"[\d*/,\-A-Za-z?#]+"
_CRON = re.compile(
    rf"{_FIELD}( {_FIELD}){{4}}|every .+|(first|second|third|fourth|\d+(st|nd|rd|th)).* .+", re.IGNORECASE
)
_TARGETS = ("httpTarget", "pubsubTarget", "appEngineHttpTarget")
_RETRY = {"maxRetryDuration": "0s", "minBackoffDuration": "5s", "maxBackoffDuration": "3600s", "maxDoublings": 5}
_BASE = "cloudscheduler.projects.locations.jobs."


def _complete(call: Call, row: Json) -> Json:
    if sum(name in row for name in _TARGETS) != 1:
        raise invalid("Job must have exactly one target.", ("job.target", "exactly one of the targets must be set"))
    if not _CRON.fullmatch(str(row.get("schedule", "")).strip()):
        raise invalid("Schedule or time zone is invalid.", ("job.schedule", "invalid schedule"))
    row.setdefault("timeZone", "Etc/UTC")
    row["retryConfig"] = {**_RETRY, **(row.get("retryConfig") or {})}
    if "pubsubTarget" not in row:
        row.setdefault("attemptDeadline", "180s")
    if isinstance(row.get("httpTarget"), dict):
        row["httpTarget"] = {"httpMethod": "POST", **row["httpTarget"]}
    # The schedule is not interpreted: what is told is that there is a next time.
    row["scheduleTime"] = timestamp(call.now + 3600)
    row["userUpdateTime"] = call.stamp
    return row


def _create(call: Call) -> Answer:
    parent = projects.with_id(call.state, generic.path_of(call))
    name = str(call.body.get("name", ""))
    own = name.rsplit("/", 1)[-1] or f"job-{call.rng.randrange(10**18)}"
    if not _ID.fullmatch(own) or (name and name.rpartition("/")[0] != parent):
        raise invalid(f'Job name must be formatted: "{parent}/<JOB_ID>".', ("job.name", "invalid name"))
    path = f"{parent}/{own}"
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists(f"Job {path} already exists.")
    row = _complete(call, {**call.body, "name": path, "state": "ENABLED"})
    call.state.put(generic.key_of(call, path), row)
    return row


def _patch(call: Call) -> Answer:
    stored = generic.load(call, call.subject)
    changed = generic.taken(call, stored)
    row = _complete(call, {**changed, "name": stored["name"], "state": stored["state"]})
    call.state.put(generic.key_of(call, call.subject), row)
    return row


def _turn(wanted: str, needed: str) -> Callable[[Call], Answer]:
    def turn(call: Call) -> Answer:
        row = generic.load(call, call.subject)
        if row["state"] not in (needed, wanted):
            raise failed_precondition(f"Job is not {needed.lower()}.")
        row["state"] = wanted
        call.state.put(generic.key_of(call, call.subject), row)
        return row

    return turn


def _run(call: Call) -> Answer:
    row = generic.load(call, call.subject)
    row |= {"lastAttemptTime": call.stamp, "status": {}}
    call.state.put(generic.key_of(call, call.subject), row)
    return row


METHODS: dict[str, Callable[[Call], Answer]] = {
    f"{_BASE}create": _create, f"{_BASE}patch": _patch, f"{_BASE}pause": _turn("PAUSED", "ENABLED"),
    f"{_BASE}resume": _turn("ENABLED", "PAUSED"), f"{_BASE}run": _run,
}  # fmt: skip
