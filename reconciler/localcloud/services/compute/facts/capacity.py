"""Reserved and sole-tenant capacity: reservations, future reservations, node templates and groups (recorded)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.localcloud import projects
from reconciler.localcloud.services.compute.kinds import Draft, Kind, refused
from reconciler.localcloud.values import Json

_SECONDS = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$")


def later(stamp: str, duration: Json) -> str:
    """A timestamp with nanoseconds, moved by a Duration message."""
    found = _SECONDS.match(stamp)
    if found is None:
        raise refused("resource.timeWindow.startTime", stamp, "The time is not in RFC 3339 format.")
    nanos = int((found[2] or "").ljust(9, "0")) + int(duration.get("nanos", 0))
    try:
        whole = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).astimezone(UTC)
        whole += timedelta(seconds=int(duration.get("seconds", 0)) + nanos // 10**9)
    except (ValueError, OverflowError) as error:
        raise refused("resource.timeWindow.duration", str(duration), "The duration is out of range.") from error
    rest = nanos % 10**9
    shown = "" if not rest else f".{rest:09d}"
    while len(shown) > 4 and shown.endswith("000"):
        shown = shown[:-3]
    return f"{whole:%Y-%m-%dT%H:%M:%S}{shown}Z"


def _shared(draft: Draft) -> None:
    """Projects that capacity is shared with are kept by number, also as a list."""
    share = draft.body.get("shareSettings")
    if not share:
        return
    chosen = share.get("projectMap") or {}
    if share.get("shareType") == "SPECIFIC_PROJECTS" and not chosen and draft.before is None:
        raise refused("resource.shareSettings.projectMap", "", "Must specify at least one project.")
    numbers: list[str] = []
    for name in chosen:
        row = projects.find(draft.call.state, str(name))
        numbers.append(row["number"] if row else str(name))
    if chosen:
        share["projectMap"] = {number: {"projectId": number} for number in numbers}
        share["projects"] = numbers


def _reservation(draft: Draft) -> None:
    _shared(draft)
    body = draft.body
    held = body.get("specificReservation")
    if held is None:
        if draft.before is None and not body.get("aggregateReservation"):
            raise refused("resource.specificReservation", "", "A specific or aggregate reservation must be given.")
        return
    if int(held.get("count", 0)) < 1:
        raise refused("resource.specificReservation.count", held.get("count", 0), "The count must be at least 1.")
    held["assuredCount"] = held["count"] = str(held["count"])
    held.setdefault("inUseCount", "0")


def _future(draft: Draft) -> None:
    body = draft.body
    _shared(draft)
    deleting = body.pop("autoDeleteAutoCreatedReservations", None)
    for name in ("enableEmergentMaintenance", "schedulingType"):
        body.pop(name, None)
    if body.get("shareSettings", {}).get("shareType") == "LOCAL":
        del body["shareSettings"]
    window = body.get("timeWindow") or {}
    if not window.get("startTime"):
        raise refused("resource.timeWindow.startTime", "", "The start time must be specified.")
    length = window.pop("duration", None)
    if length:
        window["endTime"] = later(window["startTime"], length)
    if not window.get("endTime"):
        raise refused("resource.timeWindow", "", "Either an end time or a duration must be specified.")
    kept = body.pop("autoCreatedReservationsDuration", None)
    if kept:
        body["autoCreatedReservationsDeleteTime"] = later(window["startTime"], kept)
    elif deleting:
        draft.default("autoCreatedReservationsDeleteTime", window["endTime"])
    if deleting is False:
        body.pop("autoCreatedReservationsDeleteTime", None)
    if draft.before is not None:
        # Recorded: a description appears, empty, once anything was changed.
        draft.default("description", "")
    draft.default("selfLinkWithId", draft.place.named(str(body.get("id", draft.place.name))).link)
    status = body.setdefault("status", {"procurementStatus": "DRAFTING"})
    if body.get("planningStatus") == "SUBMITTED" and status["procurementStatus"] == "DRAFTING":
        status["procurementStatus"] = "PENDING_APPROVAL"
    status["existingMatchingUsageInfo"] = {"count": "0", "timestamp": draft.call.stamp}


def _node_template(draft: Draft) -> None:
    if not draft.body.get("nodeType") and not draft.body.get("nodeTypeFlexibility") and draft.before is None:
        raise refused("resource.nodeType", "", "Either a node type or its flexibility must be specified.")


MESSAGES: dict[str, Mapping[str, Any]] = {}
KINDS: dict[str, Kind] = {
    "reservations": Kind(
        defaults={"status": "READY", "specificReservationRequired": False, "resourceStatus":
                  {"specificSkuAllocation": {}}, "reservationSharingPolicy": {"serviceShareType": "DISALLOW_ALL"}},
        fill=_reservation,
        verbs={"update": "compute.allocations.update"},
    ),
    "futureReservations": Kind(
        defaults={"planningStatus": "DRAFT", "specificReservationRequired": False}, fill=_future
    ),
    "nodeTemplates": Kind(
        defaults={"status": "READY", "cpuOvercommitType": "NONE", "serverBinding":
                  {"type": "RESTART_NODE_ON_ANY_SERVER"}},
        fill=_node_template, dotted=True, used_by=("nodeGroups",),
    ),
    "nodeGroups": Kind(
        defaults={"status": "READY", "maintenancePolicy": "DEFAULT", "maintenanceInterval": "AS_NEEDED", "size": 0},
        required=("nodeTemplate",),
        dotted=True,
    ),
}  # fmt: skip
