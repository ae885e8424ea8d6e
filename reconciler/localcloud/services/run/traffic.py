"""Where a service's requests go: targets resolved to revisions, with their addresses; the same for worker pools."""

from __future__ import annotations

from reconciler.localcloud.errors import failed_precondition
from reconciler.localcloud.services.run import names, revisions
from reconciler.localcloud.services.run.conditions import Problem
from reconciler.localcloud.services.run.kinds import SERVICE, Kind
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json


def serving(row: Json) -> set[str]:
    """The names of the revisions that get requests or instances now, tagged ones included."""
    statuses = [*(row.get("trafficStatuses") or []), *(row.get("instanceSplitStatuses") or [])]
    latest = names.own(row.get("latestReadyRevision", ""))
    return {status.get("revision") or latest for status in statuses} - {""}


def follows_latest(row: Json) -> bool:
    """Whether any target is the latest revision, whichever that is."""
    targets = [*(row.get("traffic") or []), *(row.get("instanceSplits") or [])]
    return any(not target.get("revision") for target in targets)


def route(state: State, kind: Kind, row: Json) -> Problem | None:
    """Point the traffic where the row wants it. A target that is not there leaves everything as it was."""
    field = "traffic" if kind is SERVICE else "instanceSplits"
    for target in row.get(field) or []:
        own = target.get("revision")
        if own and state.get(revisions.key_of(state, f"{row['name']}/revisions/{own}")) is None:
            # terraform-docs-samples#269
            said = f"Revision '{own}' does not exist or is deleted. Update all traffic to route to currently available"
            return Problem(f"{said} revisions.", "", "FAILED_PRECONDITION")
    if kind is SERVICE:
        row["trafficStatuses"] = [_status(state, row, target) for target in row["traffic"]]
    else:
        row["instanceSplitStatuses"] = [dict(target) for target in row["instanceSplits"]]
    return None


def _status(state: State, row: Json, target: Json) -> Json:
    status = {name: value for name, value in target.items() if value}
    if target.get("tag"):
        place = names.region_in(row["name"])
        number = names.number_of(state, row["name"])
        status["uri"] = names.addresses(names.own(row["name"]), number, place, target["tag"])[0]
    return status


def check_unused(owner: Json, path: str) -> None:
    """Raises GoogleError 400 for a revision that is the latest, or serves traffic or is to serve it."""
    own = names.own(path)
    targets = [*(owner.get("traffic") or []), *(owner.get("instanceSplits") or [])]
    if own in serving(owner) or own in [target.get("revision") for target in targets]:
        raise failed_precondition(f"Revision '{own}' cannot be deleted because it is serving traffic.")
    if own in (names.own(owner.get(name, "")) for name in ("latestCreatedRevision", "latestReadyRevision")):
        raise failed_precondition(f"Revision '{own}' is the latest revision and cannot be deleted.")
