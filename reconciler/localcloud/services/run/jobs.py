"""Jobs: stored, filled and made ready; and instances, which have the same simple life."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.localcloud import operations
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.operations import Ending
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.run import conditions, executions, names, needs, resources, rollouts, rules
from reconciler.localcloud.services.run.defaults import complete
from reconciler.localcloud.services.run.kinds import INSTANCE, JOB, Kind
from reconciler.localcloud.services.run.rollouts import SERVER_SET, Wish, settings
from reconciler.localcloud.values import Json

_PENDING = "CONDITION_PENDING"


def runner(kind: Kind, row: Json) -> Json:
    """The part of a row that names containers, accounts and networks."""
    found: Json = row if kind is INSTANCE else row["template"]["template"]
    return found


def created(call: Call, wish: Wish, path: str) -> tuple[Json, Json]:
    row = rollouts.stamped(call, wish, path)
    needs.act_as(needs.Place.of(call.state, path), runner(wish.kind, row))
    row |= {"reconciling": True, "terminalCondition": {"state": _PENDING}}
    if wish.kind is JOB:
        row["latestCreatedExecution"] = {}
    return row, _started(call, wish, row, {})


def changed(call: Call, wish: Wish, before: Json) -> tuple[Json, Json]:
    """A job moves on with every patch, even one that changes nothing (recalled: `generation` counts patches)."""
    rules.check(wish.words, wish.kind, wish.body)
    row = {**{name: before[name] for name in SERVER_SET if name in before}, **settings(wish.body)}
    complete(wish.kind, row, names.number_of(call.state, row["name"]))
    needs.act_as(needs.Place.of(call.state, row["name"]), runner(wish.kind, row))
    row |= {
        "reconciling": True, "terminalCondition": conditions.condition("Ready", _PENDING, call.stamp),
        "generation": str(int(row["generation"]) + 1), "updateTime": call.stamp, "lastModifier": rollouts.USER,
        "etag": names.etag(call.now, call.rng, row["name"]),
    }  # fmt: skip
    return row, _started(call, wish, row, before)


def _started(call: Call, wish: Wish, row: Json, before: Json) -> Json:
    """The operation's row; a new token in a job also runs it, under the name that the token makes."""
    operation = rollouts.start(call, wish.kind, row, "run.made_ready", store=not wish.validate_only)
    for name in ("startExecutionToken", "runExecutionToken"):
        if row.get(name) and row[name] != before.get(name) and not wish.validate_only:
            executions.begin(call, row, {}, row[name])
    return operation


def made_ready(ending: Ending) -> None:
    """Finisher: what a job needs is there, or the job is not ready and says why."""
    row = rollouts.of_operation(ending)
    if row is None:
        return
    kind = JOB if ending.args["kind"] == JOB.word else INSTANCE
    place = needs.Place.of(ending.state, row["name"])
    prefix = "spec.template.spec.template.spec" if kind is JOB else "spec"
    problem = conditions.failed_by(ending) or needs.problem(place, runner(kind, row), prefix)
    row.pop("reconciling", None)
    if problem is None:
        row["observedGeneration"] = row["generation"]
        row["terminalCondition"] = conditions.condition("Ready", "CONDITION_SUCCEEDED", ending.stamp)
        row.pop("conditions", None)  # none beside the terminal one in the recordings
    else:
        row["terminalCondition"] = conditions.failed("Ready", ending.stamp, problem)
        row["conditions"] = [conditions.failed("ResourcesAvailable", ending.stamp, problem)]
        ending.failed = problem.failure
    ending.state.put(ending.args["key"], row)
    rollouts.tell(ending, row, kind.message)


def _create(kind: Kind) -> Behaviour:
    def behaviour(call: Call) -> Answer:
        path = names.new_path(call, kind, call.subject, resources.chosen(call, kind))
        return operations.rendered(created(call, resources.wish(call, kind, "Create", call.body), path)[1])

    return behaviour


def _patch(kind: Kind) -> Behaviour:
    def behaviour(call: Call) -> Answer:
        before = call.state.get(generic.key_of(call, call.subject))
        if before is None:
            if not call.flag("allowMissing"):
                raise names.missing(call.subject)
            return _create(kind)(resources.as_create(call, kind))
        names.check_etag(call, before)
        wish = resources.wish(call, kind, "Update", resources.merged(call, before))
        return operations.rendered(changed(call, wish, before)[1])

    return behaviour


def started(call: Call, path: str) -> Json:
    return _turned(call, path, "CONDITION_SUCCEEDED", "")


def stopped(call: Call, path: str) -> Json:
    return _turned(call, path, "CONDITION_FAILED", "Instance stopped.")


def _turned(call: Call, path: str, state: str, said: str) -> Json:
    """The row of an instance whose condition says at once whether it runs.

    Not by `instanceReason`, which is newer than the clients: they break on a field that they do not know.
    """
    row = names.load(call, path)
    names.check_etag(call, row)
    why = {"message": said} if said else {}
    row["terminalCondition"] = conditions.condition("Ready", state, call.stamp, **why)
    row["etag"] = names.etag(call.now, call.rng, row["name"])
    call.state.put(generic.key_of(call, path), row)
    return row


def _switch(turn: Callable[[Call, str], Json]) -> Behaviour:
    def behaviour(call: Call) -> Answer:
        row = turn(call, call.subject)
        metadata = {"@type": rollouts.TYPE + "Instance", **row}
        name = operations.location_name(call, row["name"])
        work = operations.Work(name, "generic.done", {"response": row}, metadata, rollouts.TYPE + "Instance")
        return operations.rendered(operations.start(call, work))

    return behaviour


def _of(kind: Kind) -> dict[str, Behaviour]:
    own = f"run.projects.locations.{kind.collection}."
    return {
        f"{own}create": _create(kind), f"{own}get": resources.get, f"{own}patch": _patch(kind),
        f"{own}delete": resources.delete, f"{own}list": resources.listed, **resources.iam(kind),
    }  # fmt: skip


METHODS: dict[str, Behaviour] = {
    **_of(JOB), **_of(INSTANCE),
    "run.projects.locations.instances.start": _switch(started),
    "run.projects.locations.instances.stop": _switch(stopped),
}  # fmt: skip
