"""Cloud Run v2 as Google's clients speak it: services, worker pools, their revisions, IAM and operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.operations import Ending, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.run import names, rollouts, rules, traffic
from reconciler.localcloud.services.run.kinds import MESSAGES, POOL, SERVICE, Kind
from reconciler.localcloud.services.run.rollouts import SERVER_SET, TYPE, Wish
from reconciler.localcloud.values import Json, timestamp

_KEPT_SECONDS = 30 * 86400  # a deleted resource expires thirty days on (recordings)
_CHILDREN = {"services": ("revisions",), "workerPools": ("revisions",), "jobs": ("executions", "tasks"),
             "executions": ("tasks",)}  # fmt: skip


def chosen(call: Call, kind: Kind) -> str:
    """The id of a new resource: the caller's, or one made here (serviceId and its like are optional)."""
    wanted = call.query(kind.id_query) or names.generated(call.rng, f"{kind.word.replace('_', '')}-")
    names.check_name(wanted, f"Violation in Create{kind.message}Request.{kind.word}_id")
    return wanted


def wish(call: Call, kind: Kind, verb: str, body: Json) -> Wish:
    words = rules.v2_words(kind, verb)
    return Wish(kind, body, words, call.flag("validateOnly"), call.flag("forceNewRevision"))


def create(kind: Kind) -> Behaviour:
    def behaviour(call: Call) -> Answer:
        path = names.new_path(call, kind, call.subject, chosen(call, kind))
        return operations.rendered(rollouts.created(call, wish(call, kind, "Create", call.body), path)[1])

    return behaviour


def patch(kind: Kind, make: Behaviour) -> Behaviour:
    """Update, or with allowMissing create."""

    def behaviour(call: Call) -> Answer:
        before = call.state.get(generic.key_of(call, call.subject))
        if before is None:
            if not call.flag("allowMissing"):
                raise names.missing(call.subject)
            return make(as_create(call, kind))
        names.check_etag(call, before)
        return operations.rendered(rollouts.changed(call, wish(call, kind, "Update", merged(call, before)), before)[1])

    return behaviour


def as_create(call: Call, kind: Kind) -> Call:
    """The create request that a patch with allowMissing amounts to."""
    parent, _, own = call.subject.rpartition(f"/{kind.collection}/")
    request = replace(call.request, query={**call.request.query, kind.id_query: [own]})
    return replace(call, params={"parent": parent}, request=request)


def merged(call: Call, before: Json) -> Json:
    """The masked fields from the body; without a mask the body replaces all that people set."""
    body = {name: value for name, value in call.body.items() if name not in SERVER_SET}
    if call.query("updateMask"):
        known = call.api.schema(call.method.request)["properties"]
        body = masked(rollouts.settings(before), body, call.query("updateMask"), known)
    return rollouts.settings(body)


def get(call: Call) -> Answer:
    return names.load(call, call.subject)


def listed(call: Call) -> Answer:
    """Pages of resources under a parent; of a service or job that is not there, nothing (recalled)."""
    return generic.listed(call)


def delete(call: Call) -> Answer:
    row = names.load(call, call.subject)
    names.check_etag(call, row)
    if call.flag("validateOnly"):
        message = MESSAGES[call.subject.split("/")[-2]]
        work = Work(
            operations.location_name(call, row["name"]), "", metadata={"@type": TYPE + message, **row},
            response_type=TYPE + message,
        )  # fmt: skip
        return operations.rendered(operations.finished(call, work, row))
    return operations.rendered(deleted(call, call.subject, row))


def deleted(call: Call, path: str, row: Json) -> Json:
    """Take a resource, what it owns and its policy away; returns the operation's row.

    What is deleted can be seen in its operation only: one generation on, first pending, then done (recordings).
    """
    collection = path.split("/")[-2]
    for key in owned(call, path, collection):
        call.state.delete(key)
    call.state.delete(generic.key_of(call, path))
    call.state.delete(policies.key_of(call, path))
    call.state.delete(rollouts.operation_key(call, row["name"]))
    gone: Json = {
        **row, "deleteTime": call.stamp, "expireTime": timestamp(call.now + _KEPT_SECONDS),
        "generation": str(int(row.get("generation", "0")) + 1),
        "etag": names.etag(call.now, call.rng, row["name"]),
    }  # fmt: skip
    pending = {**gone, "reconciling": True}
    if "terminalCondition" in gone:
        pending["terminalCondition"] = {**gone["terminalCondition"], "state": "CONDITION_PENDING"}
    kind = TYPE + MESSAGES[collection]
    work = Work(
        operations.location_name(call, row["name"]), "run.deleted", {"row": gone}, {"@type": kind, **pending}, kind
    )
    return operations.start(call, work)


def owned(call: Call, path: str, collection: str) -> Iterator[str]:
    whole = projects.canonical(call.state, path)
    for child in _CHILDREN.get(collection, ()):
        yield from [key for key, _ in call.state.scan(f"run.{child}/{whole}/")]


def gone(ending: Ending) -> None:
    row = {**ending.args["row"]}
    row["observedGeneration"] = row["generation"]
    row.pop("reconciling", None)
    if "terminalCondition" in row:
        row["terminalCondition"] = {**row["terminalCondition"], "state": "CONDITION_SUCCEEDED"}
    rollouts.tell(ending, row, ending.row["responseType"].removeprefix(TYPE))


def delete_revision(call: Call) -> Answer:
    owner = names.load(call, call.subject.rpartition("/revisions/")[0])
    names.load(call, call.subject)
    traffic.check_unused(owner, call.subject)
    return delete(call)


# --- IAM and operations ----------------------------------------------------------------------------------------


def get_policy(call: Call) -> Answer:
    names.load(call, call.subject)
    return policies.read(call, call.subject)


def set_policy(call: Call) -> Answer:
    names.load(call, call.subject)
    return policies.write(call, call.subject, call.body.get("policy", {}))


def test_permissions(call: Call) -> Answer:
    """Never a 404 (discovery document): gcloud asks before it makes a service what it may do with it."""
    return {"permissions": call.body.get("permissions", [])} if call.body.get("permissions") else {}


def delete_operation(call: Call) -> Answer:
    """The record goes; what the operation is doing goes on, so one that runs is kept until it is done."""
    row = operations.find(call, call.subject)
    if row["done"]:
        call.state.delete(operations.key_of(call.state, call.service, row["name"]))
    return {}


def wait(call: Call) -> Answer:
    """Answers at once with the latest state, as Google may (discovery document, operations.wait)."""
    return operations.rendered(operations.find(call, call.subject))


def list_operations(call: Call) -> Answer:
    where = projects.canonical(call.state, call.subject)
    rows = call.state.scan(f"operations/{call.service}/{where}/operations/", generic.start_of(call))
    wanted = {"done:true": True, "done=true": True, "done:false": False, "done=false": False}.get(call.query("filter"))
    shown = ((key, row) for key, row in rows if wanted is None or row["done"] == wanted)
    found, token = generic.page(call, shown)
    result: Json = {"operations": [operations.rendered(row) for row in found]} if found else {}
    return result | ({"nextPageToken": token} if token else {})


_AT = "run.projects.locations."


def _of(kind: Kind) -> dict[str, Behaviour]:
    make = create(kind)
    own = f"{_AT}{kind.collection}."
    return {
        f"{own}create": make, f"{own}get": get, f"{own}patch": patch(kind, make), f"{own}delete": delete,
        f"{own}list": listed, f"{own}revisions.get": get, f"{own}revisions.delete": delete_revision,
        f"{own}revisions.list": listed, **iam(kind),
    }  # fmt: skip


def iam(kind: Kind) -> dict[str, Behaviour]:
    own = f"{_AT}{kind.collection}."
    return {
        f"{own}getIamPolicy": get_policy, f"{own}setIamPolicy": set_policy,
        f"{own}testIamPermissions": test_permissions,
    }  # fmt: skip


METHODS: dict[str, Behaviour] = {
    **_of(SERVICE), **_of(POOL),
    f"{_AT}operations.get": wait, f"{_AT}operations.wait": wait, f"{_AT}operations.delete": delete_operation,
    f"{_AT}operations.list": list_operations,
}  # fmt: skip
