"""Deny policies, IAM v2: attached to an organisation, folder or project, whose name is percent-encoded in theirs.

From the discovery document and https://cloud.google.com/iam/docs/deny-access; they are kept, and deny nobody.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import aborted, exists, forbidden, invalid, not_found
from reconciler.localcloud.operations import Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, etag_like, hexadecimal, uuid_like

_HOST = "cloudresourcemanager.googleapis.com/"
_ID = re.compile(r"[a-z][a-z0-9.-]{2,62}")
_MOST_POLICIES = 500
_TYPE = "type.googleapis.com/google.iam.v2."


def _path(call: Call) -> tuple[str, str]:
    """The name of the policy's parent, with the project's number, and the policy's own id (empty for a parent)."""
    whole = unquote(call.subject).removeprefix("policies/")
    point, _, own = whole.partition("/denypolicies")
    resource = point.removeprefix(_HOST)
    if not point.startswith(_HOST) or resource.partition("/")[0] not in ("projects", "folders", "organizations"):
        raise invalid("Request contains an invalid argument.", ("name", f"must be policies/{_HOST}…/denypolicies"))
    if resource.startswith("projects/") and projects.find(call.state, projects.of(resource)) is None:
        raise forbidden()
    shown = quote(_HOST + projects.canonical(call.state, resource), safe="")
    return f"policies/{shown}/denypolicies", own.strip("/")


def _row_key(parent: str, own: str) -> str:
    return f"iam.denypolicies/{parent}/{own}"


def _load(call: Call) -> tuple[str, Json]:
    parent, own = _path(call)
    row = call.state.get(_row_key(parent, own))
    if row is None:
        raise not_found()
    return _row_key(parent, own), row


def _checked(body: Json) -> Json:
    rules = body.get("rules") or []
    if not all((rule.get("denyRule") or {}).get("deniedPrincipals") for rule in rules):
        raise invalid("Request contains an invalid argument.", ("policy.rules", "each needs denied principals"))
    return {name: body[name] for name in ("displayName", "annotations", "rules") if body.get(name)}


def _create(call: Call) -> Answer:
    parent, _ = _path(call)
    own = call.query("policyId")
    if not _ID.fullmatch(own):
        raise invalid("Request contains an invalid argument.", ("policy_id", "3 to 63 of a-z, 0-9, - and ."))
    if call.state.get(_row_key(parent, own)) is not None:
        raise exists("Requested entity already exists")
    if sum(1 for _ in call.state.scan(_row_key(parent, ""))) >= _MOST_POLICIES:
        raise invalid(f"A resource has at most {_MOST_POLICIES} deny policies.")
    row: Json = {
        **_checked(call.body), "name": f"{parent}/{own}", "uid": uuid_like(call.rng), "kind": "DenyPolicy",
        "etag": etag_like(call.rng), "createTime": call.stamp, "updateTime": call.stamp,
    }  # fmt: skip
    call.state.put(_row_key(parent, own), row)
    return _started(call, row)


def _started(call: Call, row: Json) -> Json:
    metadata = {"@type": _TYPE + "PolicyOperationMetadata", "createTime": call.stamp}
    name = f"{row['name']}/operations/{hexadecimal(call.rng, 16)}"
    work = Work(unquote(name), "generic.done", {"response": row}, metadata, _TYPE + "Policy")
    return {**operations.rendered(operations.start(call, work)), "name": name}


def _get(call: Call) -> Answer:
    return _load(call)[1]


def _list(call: Call) -> Answer:
    """Without the rules, as the documentation says of a list."""
    parent, _ = _path(call)
    found, token = generic.page(call, call.state.scan(_row_key(parent, ""), generic.start_of(call)))
    shown = [{name: value for name, value in row.items() if name != "rules"} for row in found]
    return ({"policies": shown} if shown else {}) | ({"nextPageToken": token} if token else {})


def _same(call: Call, row: Json) -> None:
    sent = call.body.get("etag") or call.query("etag")
    if sent and sent != row["etag"]:
        raise aborted("The etag provided does not match the current etag of the policy.")


def _update(call: Call) -> Answer:
    key, row = _load(call)
    _same(call, row)
    kept = {name: row[name] for name in ("name", "uid", "kind", "createTime")}
    row = {**kept, **_checked(call.body), "updateTime": call.stamp, "etag": etag_like(call.rng)}
    call.state.put(key, row)
    return _started(call, row)


def _delete(call: Call) -> Answer:
    key, row = _load(call)
    _same(call, row)
    call.state.delete(key)
    return _started(call, {**row, "deleteTime": call.stamp, "updateTime": call.stamp})


def _operation(call: Call) -> Answer:
    row = operations.find(call, unquote(call.subject))
    head, _, tail = row["name"].removeprefix("policies/").partition("/denypolicies/")
    return {**operations.rendered(row), "name": f"policies/{quote(head, safe='')}/denypolicies/{tail}"}


METHODS: dict[str, Behaviour] = {
    "iam.policies.createPolicy": _create, "iam.policies.get": _get, "iam.policies.listPolicies": _list,
    "iam.policies.update": _update, "iam.policies.delete": _delete, "iam.policies.operations.get": _operation,
}  # fmt: skip
