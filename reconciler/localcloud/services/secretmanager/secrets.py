"""Secrets: names carry the project's number, as in the recordings; lists are newest first."""

from __future__ import annotations

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call, Moment
from reconciler.localcloud.errors import exists, failed_precondition, invalid, not_found
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.secretmanager import events, rules
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, hexadecimal, timestamp

_SENT = frozenset({
    "replication", "labels", "topics", "expireTime", "ttl", "rotation", "versionAliases", "annotations",
    "versionDestroyTtl", "customerManagedEncryption", "secretType",
})  # fmt: skip
QUERIES = Language({"create_time": "createTime"}, contains=True, anywhere=("name",))
_MOST = 25_000


def etag(moment: Moment) -> str:
    return f'"{hexadecimal(moment.rng, 14)}"'


def path_of(call: Call) -> str:
    return projects.canonical(call.state, call.subject)


def key_of(path: str) -> str:
    return f"secretmanager.secrets/{path}"


def load(call: Call, path: str) -> Json:
    row = call.state.get(key_of(path))
    if row is None:
        raise not_found(f"Secret [{path}] not found.")
    return row


def check_etag(call: Call, row: Json) -> None:
    sent = call.body.get("etag") or call.query("etag")
    if sent and sent != row["etag"]:
        raise failed_precondition("The etag provided does not match the current etag of the resource.")


def _create(call: Call) -> Answer:
    own, parent = call.query("secretId"), path_of(call)
    rules.check_id(own)
    regional = "/locations/" in parent
    row = rules.with_expiry(call, {name: value for name, value in call.body.items() if name in _SENT})
    rules.check(row, regional=regional)
    if row.get("versionAliases"):
        raise invalid("Invalid value for secret.version_aliases: the secret has no versions yet")
    path = f"{parent}/secrets/{own}"
    if call.state.get(key_of(path)) is not None:
        raise exists(f"Secret [{path}] already exists.")
    row |= {"name": path, "createTime": call.stamp, "etag": etag(call)}
    _put(call, row)
    events.tell(call, row, "SECRET_CREATE")
    return row


def _put(call: Call, row: Json) -> None:
    """Keep a secret, and set the clocks that its times ask for; a time that has passed sets none."""
    path = row["name"]
    call.state.put(key_of(path), row)
    for field, finisher in (("expireTime", "expired"), ("nextRotationTime", "rotated")):
        holder = row if field == "expireTime" else row.get("rotation") or {}
        timer = f"secretmanager.{finisher}/{path}"
        seconds = rules.when_of(holder[field], field) - call.now if holder.get(field) else 0.0
        if seconds > 0:
            operations.later(call, timer, seconds, f"secretmanager.{finisher}", {"path": path})
        elif call.state.get(timer) is not None:
            call.state.delete(timer)


def _get(call: Call) -> Answer:
    return load(call, path_of(call))


def _patch(call: Call) -> Answer:
    path = path_of(call)
    row = load(call, path)
    check_etag(call, row)
    mask = call.query("updateMask")
    if not mask:
        raise invalid("An update_mask must be provided.", ("update_mask", "required"))
    body = {name: value for name, value in call.body.items() if name in _SENT}
    changed = rules.with_expiry(call, masked(row, body, mask, call.api.schema("Secret")["properties"]))
    if _places(changed) != _places(row):
        raise invalid(
            "The replication policy of a secret cannot be changed.", ("update_mask", "replication is immutable")
        )
    rules.check(changed, regional="/locations/" in path)
    _check_aliases(call, path, changed.get("versionAliases") or {})
    changed |= {"name": path, "createTime": row["createTime"], "etag": etag(call)}
    _put(call, changed)
    events.tell(call, changed, "SECRET_UPDATE")
    return changed


def _places(row: Json) -> object:
    """What of a replication may never change: everything but the keys."""
    replication = row.get("replication") or {}
    replicas = (replication.get("userManaged") or {}).get("replicas") or []
    return sorted(replication), [replica.get("location") for replica in replicas]


def _check_aliases(call: Call, path: str, aliases: Json) -> None:
    for alias, number in aliases.items():
        version = call.state.get(f"secretmanager.versions/{path}/versions/{number}")
        if version is None or version["state"] == "DESTROYED":
            raise failed_precondition(f"Secret Version [{path}/versions/{number}] for alias {alias} does not exist.")


def _delete(call: Call) -> Answer:
    path = path_of(call)
    row = load(call, path)
    check_etag(call, row)
    remove(call.state, path)
    events.tell(call, row, "SECRET_DELETE")
    return {}


def remove(state: State, path: str) -> None:
    for collection in ("versions", "payloads", "destroyed"):
        for child, _ in list(state.scan(f"secretmanager.{collection}/{path}/versions/")):
            state.delete(child)
    for row in (f"{kind}/{path}" for kind in ("secrets", "latest", "expired", "rotated")):
        if state.get(f"secretmanager.{row}") is not None:
            state.delete(f"secretmanager.{row}")
    state.delete(f"iam/secretmanager/{path}")


def _expired(ending: Ending) -> None:
    row = ending.state.get(key_of(ending.args["path"]))
    remove(ending.state, ending.args["path"])
    if row is not None:
        events.tell(ending.moment, {**row, "expireTime": ending.stamp}, "SECRET_DELETE")


def _rotated(ending: Ending) -> None:
    """The time has come: the next is a period later, or there is none."""
    row = ending.state.get(key_of(ending.args["path"]))
    if row is None or not row.get("rotation"):
        return
    rotation = dict(row["rotation"])
    period = rotation.get("rotationPeriod")
    if period:
        seconds = rules.duration(period)
        rotation["nextRotationTime"] = timestamp(ending.moment.now + seconds)
        timer = f"secretmanager.rotated/{row['name']}"
        operations.later(ending.moment, timer, seconds, "secretmanager.rotated", {"path": row["name"]})
    else:
        rotation.pop("nextRotationTime", None)
    row = {**row, "rotation": rotation, "etag": etag(ending.moment)}
    ending.state.put(key_of(row["name"]), row)
    events.tell(ending.moment, row, "SECRET_ROTATE")


def listed(call: Call, collection: str, rows: list[Json]) -> Answer:
    """A page of `rows`, which are in their order already; a filter hides the total, as documented."""
    text = call.query("filter")
    wanted = predicate(text, QUERIES)
    kept = [(str(at), row) for at, row in enumerate(row for row in rows if wanted(row))]
    start = generic.start_of(call)
    if start and not (start.isdecimal() and len(start) < 10):
        raise invalid("The page token is invalid.")
    found, token = generic.page(call, kept[int(start) + 1 if start else 0 :], default=_MOST, most=_MOST)
    result: Json = {collection: found} if found else {}
    total = {} if text or not rows else {"totalSize": len(rows)}
    return result | total | ({"nextPageToken": token} if token else {})


def _list(call: Call) -> Answer:
    rows = [row for _, row in call.state.scan(f"{key_of(path_of(call))}/secrets/")]
    rows.sort(key=lambda row: str(row["createTime"]), reverse=True)
    return listed(call, "secrets", rows)


def _get_policy(call: Call) -> Answer:
    load(call, path_of(call))
    return policies.read(call, call.subject)


def _set_policy(call: Call) -> Answer:
    load(call, path_of(call))
    return policies.write(call, call.subject, call.body.get("policy") or {})


def _test(call: Call) -> Answer:
    load(call, path_of(call))
    asked = call.body.get("permissions") or []
    return {"permissions": asked} if asked else {}


BASES = ("secretmanager.projects.secrets.", "secretmanager.projects.locations.secrets.")
_OWN: dict[str, Behaviour] = {
    "create": _create, "get": _get, "patch": _patch, "delete": _delete, "list": _list,
    "getIamPolicy": _get_policy, "setIamPolicy": _set_policy, "testIamPermissions": _test,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {base + verb: behaviour for base in BASES for verb, behaviour in _OWN.items()}
FINISHERS: dict[str, Finisher] = {"secretmanager.expired": _expired, "secretmanager.rotated": _rotated}
