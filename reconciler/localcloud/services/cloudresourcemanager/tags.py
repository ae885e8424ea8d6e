"""Tag keys and values, v3: names made by the server, short names unique under one parent, holds.

Shapes and operations as in the recordings; rules from the messages in the discovery document and
https://cloud.google.com/resource-manager/docs/tags/tags-creating-and-managing.
"""

from __future__ import annotations

import re

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, aborted, exists, failed_precondition, invalid
from reconciler.localcloud.operations import Work
from reconciler.localcloud.regular import pattern
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.services.cloudresourcemanager.hierarchy import PACKAGE, denied
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, digits, etag_like, uuid_like

_SHORT = re.compile(r"[A-Za-z0-9](?:[^'\"\\/]{0,254}[A-Za-z0-9])?")
_MOST = 1000  # keys under one parent, values of one key
_CHANGEABLE = ("description", "allowedValuesRegex")


def row_key(kind: str, name: str) -> str:
    return f"cloudresourcemanager.{kind}/{name}"


def find(state: State, kind: str, name: str) -> Json | None:
    return state.get(row_key(kind, name))


def by_full_name(state: State, kind: str, full: str) -> Json | None:
    pointer = state.get(f"cloudresourcemanager.namespaced/{kind}/{full}")
    return find(state, kind, pointer["name"]) if pointer else None


def _kind(call: Call) -> str:
    return call.method.id.split(".")[1]


def _load(call: Call, verb: str) -> Json:
    row = find(call.state, _kind(call), call.subject)
    if row is None:
        raise denied(call, verb, call.subject)
    return row


def _parent(call: Call, kind: str) -> tuple[str, str]:
    """The parent as stored and how it begins the namespaced name: a key's is its project's id or organisation's."""
    wanted = str(call.body.get("parent") or "")
    if kind == "tagValues":
        key = find(call.state, "tagKeys", wanted)
        if key is None:
            raise denied(call, "get", wanted)
        return wanted, key["namespacedName"]
    if wanted.partition("/")[0] not in ("organizations", "projects"):
        raise invalid(
            "Request contains an invalid argument.", ("tag_key.parent", "organizations/{id} or projects/{id}")
        )
    row = hierarchy.container(call.state, wanted)
    if row is None:
        raise denied(call, "get", wanted)
    if wanted.startswith("projects/"):
        return f"projects/{row['number']}", row["projectId"]
    return wanted, wanted.partition("/")[2]


def _create(call: Call) -> Answer:
    kind, body = _kind(call), call.body
    short = body.get("shortName") or ""
    if not _SHORT.fullmatch(short):
        raise invalid("Request contains an invalid argument.", ("short_name", "must be 1 to 256 characters"))
    parent, prefix = _parent(call, kind)
    full = f"{prefix}/{short}"
    _check_allowed(call, parent, short)
    if by_full_name(call.state, kind, full) is not None:
        raise exists(f"A {_singular(kind)} with short_name '{short}' already exists under {parent}.")
    if sum(1 for _ in call.state.scan(f"cloudresourcemanager.tagged/{parent}/{kind}/")) >= _MOST:
        raise GoogleError(429, f"The limit of {_MOST} {kind} under {parent} is reached.")
    name = f"{kind}/2814{digits(call.rng, 11)}"
    row: Json = {
        **{k: v for k, v in body.items() if k not in ("name", "etag", "namespacedName")}, "name": name,
        "parent": parent, "shortName": short, "namespacedName": full, "createTime": call.stamp,
        "updateTime": call.stamp, "etag": etag_like(call.rng),
    }  # fmt: skip
    if not call.flag("validateOnly"):
        call.state.put(row_key(kind, name), row)
        call.state.put(f"cloudresourcemanager.namespaced/{kind}/{full}", {"name": name})
        call.state.put(f"cloudresourcemanager.tagged/{parent}/{kind}/{name.rpartition('/')[2]}", {})
    return _started(call, f"Create{_singular(kind)}", row)


def _check_allowed(call: Call, parent: str, short: str) -> None:
    key = find(call.state, "tagKeys", parent)
    allowed = (key or {}).get("allowedValuesRegex")
    try:
        fits = not allowed or pattern(allowed).fullmatch(short)
    except re.error:
        fits = False
    if not fits:
        raise invalid("Request contains an invalid argument.", ("short_name", f"must match {allowed}"))


def _singular(kind: str) -> str:
    return kind[0].upper() + kind[1:].removesuffix("s")


def _started(call: Call, verb: str, row: Json, kind: str = "") -> Json:
    short = "".join(letter for letter in verb if letter.isupper()).lower()
    work = Work(
        f"operations/r{short}.{digits(call.rng, 19)}", "generic.done", {"response": row},
        {"@type": f"{PACKAGE}.{verb}Metadata"}, kind or f"{PACKAGE}.{_singular(_kind(call))}",
    )  # fmt: skip
    return operations.rendered(operations.start(call, work))


def _get(call: Call) -> Answer:
    return _load(call, "get")


def _named(call: Call) -> Answer:
    name = call.query("name")
    row = by_full_name(call.state, _kind(call), name)
    if row is None:
        raise GoogleError(403, f"Permission denied on resource '{name}' (or it may not exist).")
    return row


def _list(call: Call) -> Answer:
    kind, parent = _kind(call), projects.canonical(call.state, call.query("parent"))
    known = find(call.state, "tagKeys", parent) if kind == "tagValues" else hierarchy.container(call.state, parent)
    if known is None:
        raise denied(call, "list", parent or "tagKeys")
    pointers = call.state.scan(f"cloudresourcemanager.tagged/{parent}/{kind}/", generic.start_of(call))
    rows = ((key, find(call.state, kind, f"{kind}/{key.rpartition('/')[2]}") or {}) for key, _ in pointers)
    found, token = generic.page(call, rows, most=300)
    return ({kind: found} if found else {}) | ({"nextPageToken": token} if token else {})


def _patch(call: Call) -> Answer:
    row, kind = _load(call, "update"), _kind(call)
    _check_etag(call, row)
    mask = call.query("updateMask") or ",".join(name for name in _CHANGEABLE if name in call.body)
    for path in filter(None, mask.split(",")):
        if path.strip() not in (*_CHANGEABLE, "allowed_values_regex", "etag", "*"):
            raise invalid("Request contains an invalid argument.", ("update_mask", f"{path} cannot be changed"))
    changed = masked(row, {k: v for k, v in call.body.items() if k in _CHANGEABLE}, mask) if mask else row
    kept = {name: row[name] for name in ("name", "parent", "shortName", "namespacedName", "createTime")}
    changed = {**changed, **kept, "updateTime": call.stamp, "etag": etag_like(call.rng)}
    if not call.flag("validateOnly"):
        call.state.put(row_key(kind, row["name"]), changed)
    return hierarchy.at_once(f"{PACKAGE}.{_singular(kind)}", changed)


def _check_etag(call: Call, row: Json) -> None:
    sent = call.body.get("etag") or call.query("etag")
    if sent and sent != row["etag"]:
        raise aborted("The etag provided does not match the current etag of the resource.")


def _delete(call: Call) -> Answer:
    row, kind = _load(call, "delete"), _kind(call)
    _check_etag(call, row)
    own = row["name"]
    if kind == "tagKeys" and any(True for _ in call.state.scan(f"cloudresourcemanager.tagged/{own}/")):
        raise failed_precondition("Cannot delete a TagKey with existing TagValues.")
    if any(True for _ in call.state.scan(f"cloudresourcemanager.bound/{own}/")):
        raise failed_precondition("Cannot delete tag value still attached to resources.")
    if any(True for _ in call.state.scan(f"cloudresourcemanager.tagHolds/{own}/")):
        raise failed_precondition("Cannot delete tag value with existing TagHolds.")
    if not call.flag("validateOnly"):
        call.state.delete(row_key(kind, own))
        call.state.delete(f"cloudresourcemanager.namespaced/{kind}/{row['namespacedName']}")
        call.state.delete(f"cloudresourcemanager.tagged/{row['parent']}/{kind}/{own.rpartition('/')[2]}")
        call.state.delete(policies.key_of(call, own))
    return _started(call, f"Delete{_singular(kind)}", row)


# --- holds -----------------------------------------------------------------------------------------------------


def _value(call: Call, name: str) -> None:
    if find(call.state, "tagValues", name) is None:
        raise denied(call, "get", name)


def _create_hold(call: Call) -> Answer:
    _value(call, call.subject)
    if not 0 < len(call.body.get("holder") or "") < 200:
        raise invalid("Request contains an invalid argument.", ("tag_hold.holder", "must be 1 to 200 characters"))
    prefix = f"cloudresourcemanager.tagHolds/{call.subject}/"
    twin = (call.body["holder"], call.body.get("origin"))
    if any((row["holder"], row.get("origin")) == twin for _, row in call.state.scan(prefix)):
        raise exists("Requested entity already exists")
    row: Json = {
        **call.body, "name": f"{call.subject}/tagHolds/{uuid_like(call.rng)}", "createTime": call.stamp,
    }  # fmt: skip
    if not call.flag("validateOnly"):
        call.state.put(f"cloudresourcemanager.tagHolds/{row['name']}", row)
    return _started(call, "CreateTagHold", row, f"{PACKAGE}.TagHold")


def _list_holds(call: Call) -> Answer:
    _value(call, call.subject)
    rows = call.state.scan(f"cloudresourcemanager.tagHolds/{call.subject}/", generic.start_of(call))
    found, token = generic.page(call, rows)
    return ({"tagHolds": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _delete_hold(call: Call) -> Answer:
    key = f"cloudresourcemanager.tagHolds/{call.subject}"
    if call.state.get(key) is None:
        raise denied(call, "delete", call.subject)
    if not call.flag("validateOnly"):
        call.state.delete(key)
    return _started(call, "DeleteTagHold", {}, "type.googleapis.com/google.protobuf.Empty")


_OWN: dict[str, Behaviour] = {
    "create": _create,
    "get": _get,
    "list": _list,
    "patch": _patch,
    "delete": _delete,
    "getNamespaced": _named,
}
METHODS: dict[str, Behaviour] = {
    f"cloudresourcemanager.{kind}.{verb}": behaviour
    for kind in ("tagKeys", "tagValues")
    for verb, behaviour in _OWN.items()
} | {
    "cloudresourcemanager.tagValues.tagHolds.create": _create_hold,
    "cloudresourcemanager.tagValues.tagHolds.list": _list_holds,
    "cloudresourcemanager.tagValues.tagHolds.delete": _delete_hold,
}
