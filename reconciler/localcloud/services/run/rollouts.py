"""Services and worker pools: a change is stored at once, rolls out as an operation, and makes at most one revision.

Both API versions come through here with the resource in v2 form: `created` and `changed` judge, fill and store it,
and start the operation; the finisher brings the revision up, moves the traffic, and says what went wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.operations import Ending, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.run import conditions, names, needs, revisions, rules, traffic
from reconciler.localcloud.services.run.conditions import Problem
from reconciler.localcloud.services.run.defaults import complete
from reconciler.localcloud.services.run.kinds import POOL, SERVICE, Kind
from reconciler.localcloud.services.run.rules import Words
from reconciler.localcloud.values import Json, uuid_like

TYPE = "type.googleapis.com/google.cloud.run.v2."
USER = "user@example.com"
_FINISHER = "run.rolled_out"
SERVER_SET = (
    "name", "uid", "generation", "createTime", "updateTime", "creator", "lastModifier", "observedGeneration", "uri",
    "urls", "terminalCondition", "conditions", "latestReadyRevision", "latestCreatedRevision", "trafficStatuses",
    "instanceSplitStatuses", "reconciling", "etag", "satisfiesPzs", "latestCreatedExecution", "executionCount",
    "containerStatuses", "logUri", "deleteTime", "expireTime",
)  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What somebody wants: the resource in v2 form, how complaints call its fields, and whether it is only a check."""

    kind: Kind
    body: Json
    words: Words
    validate_only: bool = False
    force: bool = False


def created(call: Call, wish: Wish, path: str) -> tuple[Json, Json]:
    """A new service or worker pool: its row and its operation's row."""
    row = stamped(call, wish, path)
    _begin(call, wish, row, None)
    return row, start(call, wish.kind, row, _FINISHER, store=not wish.validate_only)


def stamped(call: Call, wish: Wish, path: str) -> Json:
    """A judged and filled row of a new resource of any kind. Raises GoogleError 400 for what breaks a rule."""
    body = {name: value for name, value in wish.body.items() if name not in SERVER_SET}
    rules.check(wish.words, wish.kind, body)
    if wish.kind is SERVICE:
        rules.check_traffic(wish.words, names.own(path), body.get("traffic") or [])
    row = {
        **body, "name": path, "uid": uuid_like(call.rng), "generation": "1", "createTime": call.stamp,
        "updateTime": call.stamp, "creator": USER, "lastModifier": USER,
    }  # fmt: skip
    complete(wish.kind, row, names.number_of(call.state, path))
    row["etag"] = names.etag(call.now, call.rng, path)
    return row


def changed(call: Call, wish: Wish, before: Json) -> tuple[Json, Json]:
    """The row that the wish makes of `before`, and its operation's row: finished already when nothing changes."""
    kind = wish.kind
    rules.check(wish.words, kind, wish.body)
    if kind is SERVICE:
        rules.check_traffic(wish.words, names.own(before["name"]), wish.body.get("traffic") or [])
    row = {**{name: before[name] for name in SERVER_SET if name in before}, **settings(wish.body)}
    complete(kind, row, names.number_of(call.state, row["name"]))
    if settings(row) == settings(before) and not wish.force:
        work = Work(
            operations.location_name(call, row["name"]), "", metadata={"@type": TYPE + kind.message, **before},
            response_type=TYPE + kind.message,
        )  # fmt: skip
        return before, operations.finished(call, work, before)
    row |= {
        "generation": str(int(before["generation"]) + 1), "updateTime": call.stamp, "lastModifier": USER,
        "etag": names.etag(call.now, call.rng, row["name"]),
    }  # fmt: skip
    _begin(call, wish, row, before)
    return row, start(call, kind, row, _FINISHER, store=not wish.validate_only)


def settings(row: Json) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in SERVER_SET}


def _begin(call: Call, wish: Wish, row: Json, before: Json | None) -> None:
    """The state while a roll-out runs: a new revision if the template changed, and not ready."""
    needs.act_as(needs.Place.of(call.state, row["name"]), row["template"])
    row["reconciling"] = True
    row["terminalCondition"] = conditions.condition("Ready", "CONDITION_RECONCILING", call.stamp)
    row["conditions"] = conditions.waiting(call.stamp, *_parts(wish.kind))
    if before is None or before["template"] != row["template"] or wish.force:
        path = revisions.named(call, row)
        if not wish.validate_only:
            made = revisions.make(call, wish.kind, row, path)
            call.state.put(revisions.key_of(call.state, path), made)
            revisions.trim(call.state, row)
        row["latestCreatedRevision"] = path


def _parts(kind: Kind) -> tuple[str, ...]:
    return ("RoutesReady", "ConfigurationsReady") if kind is SERVICE else ("ConfigurationsReady",)


def start(call: Call, kind: Kind, row: Json, finisher: str, *, store: bool) -> Json:
    """Store the row and start its operation; a request that only validates is done at once and stores nothing."""
    key = generic.key_of(call, row["name"])
    metadata = {"@type": TYPE + kind.message, **row}
    name = operations.location_name(call, row["name"])
    if not store:
        work = Work(name, "", metadata=metadata, response_type=TYPE + kind.message)
        return operations.finished(call, work, row)
    call.state.put(key, row)
    call.state.put(operation_key(call, row["name"]), {"id": names.own(name)})
    args = {"key": key, "uid": row["uid"], "generation": row["generation"], "kind": kind.word}
    if "latestCreatedRevision" in row:
        args["revision"] = row["latestCreatedRevision"]
    return operations.start(call, Work(name, finisher, args, metadata, TYPE + kind.message))


def operation_key(call: Call, path: str) -> str:
    """Where the id of a resource's last operation is kept, which the v1 form prints as an annotation."""
    return "run.operation/" + projects.canonical(call.state, path)


def of_operation(ending: Ending) -> Json | None:
    """The row that an operation is about; none when it is gone, though another of its name may be there."""
    row = ending.state.get(ending.args["key"])
    return row if row is not None and row["uid"] == ending.args["uid"] else None


def rolled_out(ending: Ending) -> None:
    """Finisher: the newest generation has rolled out, or has failed to; what served before goes on serving then."""
    kind = SERVICE if ending.args["kind"] == SERVICE.word else POOL
    row = of_operation(ending)
    if row is None:
        return
    if row["generation"] != ending.args["generation"]:
        # Overtaken by another change: only the revision of this one is brought up.
        path = ending.args["revision"]
        if revisions.waits(ending.state, path):
            made = ending.state.get(revisions.key_of(ending.state, path)) or {}
            revisions.settle(ending.moment, path, needs.problem(needs.Place.of(ending.state, row["name"]), made))
        tell(ending, row, kind.message)
        return
    row.pop("reconciling", None)
    serving = traffic.serving(row)
    problem = _brought_up(ending, row)
    if problem is None:
        problem = traffic.route(ending.state, kind, row)
        _tell_parts(row, ending.stamp, kind, "RoutesReady", problem)
    else:
        _tell_parts(row, ending.stamp, kind, "ConfigurationsReady", problem)
    if problem is None:
        row["observedGeneration"] = row["generation"]
    revisions.activate(ending.moment, row["name"], serving, traffic.serving(row))
    ending.state.put(ending.args["key"], row)
    if problem is not None:
        ending.failed = problem.failure
    tell(ending, row, kind.message)


def _brought_up(ending: Ending, row: Json) -> Problem | None:
    """The newest revision is ready now, or was, or why it is not.

    One that failed before is nobody's concern any more when the traffic no longer follows the latest: that is how
    people roll back.
    """
    path = row["latestCreatedRevision"]
    if not revisions.waits(ending.state, path):
        told = revisions.standing(ending.state, path)
        if told is None:
            row["latestReadyRevision"] = path
        return conditions.failed_by(ending) or (told if traffic.follows_latest(row) else None)
    brought = conditions.failed_by(ending)
    found = brought or needs.problem(needs.Place.of(ending.state, row["name"]), row["template"])
    told = revisions.settle(ending.moment, path, found)
    if told is None:
        row["latestReadyRevision"] = path
    return brought or told


def _tell_parts(row: Json, stamp: str, kind: Kind, blamed: str, problem: Problem | None) -> None:
    """Ready, and the conditions of the parts: the blamed one failed; routes wait for a configuration that failed."""
    parts = _parts(kind)
    if problem is None:
        row["terminalCondition"] = conditions.condition("Ready", "CONDITION_SUCCEEDED", stamp)
        row["conditions"] = conditions.succeeded(stamp, *parts)
        return
    row["terminalCondition"] = conditions.failed("Ready", stamp, problem)
    still = "CONDITION_SUCCEEDED" if blamed == "RoutesReady" or row.get("trafficStatuses") else "CONDITION_RECONCILING"
    row["conditions"] = [
        conditions.failed(part, stamp, problem) if part == blamed else conditions.condition(part, still, stamp)
        for part in parts
    ]


def tell(ending: Ending, row: Json, message: str) -> None:
    """Response and metadata of a finished operation are both the resource as it is now (recordings)."""
    ending.response = row
    ending.row["metadata"] = {"@type": TYPE + message, **row}
