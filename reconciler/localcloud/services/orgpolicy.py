"""Organisation policies, v2: one per constraint on an organisation, folder or project; kept, and enforced nowhere.

From the discovery document; the constraints are those that Resource Manager v1 knows here.
"""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import aborted, exists, forbidden, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.services.cloudresourcemanager.policies import CONSTRAINTS
from reconciler.localcloud.values import Json, etag_like


def _resource(call: Call) -> str:
    """The resource that a policy is on, a project with its number. GoogleError 403 if it is not there."""
    name = "/".join(call.subject.split("/")[:2])
    if hierarchy.container(call.state, name) is None:
        raise forbidden()
    return projects.canonical(call.state, name)


def _key(resource: str, constraint: str) -> str:
    return f"orgpolicy.policies/{resource}/policies/{constraint}"


def _stamped(call: Call, row: Json) -> Json:
    """Server-set fields stand inside the specifications."""
    for field in ("spec", "dryRunSpec"):
        if row.get(field) is not None:
            row[field] = {**row[field], "etag": etag_like(call.rng, 16), "updateTime": call.stamp}
    return {**row, "etag": etag_like(call.rng, 16)}


def _check(row: Json) -> None:
    if not row.get("spec") and not row.get("dryRunSpec"):
        raise invalid("Request contains an invalid argument.", ("policy.spec", "a spec or a dry_run_spec"))
    for rule in (row.get("spec") or {}).get("rules") or []:
        if sum(name in rule for name in ("values", "allowAll", "denyAll", "enforce")) != 1:
            raise invalid("Request contains an invalid argument.", ("policy.spec.rules", "one kind of value each"))


def _create(call: Call) -> Answer:
    resource, constraint = _resource(call), str(call.body.get("name") or "").rpartition("/")[2]
    if not constraint:
        raise invalid("Request contains an invalid argument.", ("policy.name", "required"))
    if call.state.get(_key(resource, constraint)) is not None:
        raise exists("Requested entity already exists")
    _check(call.body)
    row = _stamped(call, {**call.body, "name": f"{resource}/policies/{constraint}"})
    call.state.put(_key(resource, constraint), row)
    return row


def _load(call: Call) -> tuple[str, Json]:
    key = _key(_resource(call), call.subject.rpartition("/")[2])
    row = call.state.get(key)
    if row is None:
        raise not_found()
    return key, row


def _get(call: Call) -> Answer:
    return _load(call)[1]


def _same(sent: list[str | None], row: Json) -> None:
    known = {row.get("etag"), (row.get("spec") or {}).get("etag")}
    if any(one and one not in known for one in sent):
        raise aborted("The etag provided does not match the current etag of the policy.")


def _patch(call: Call) -> Answer:
    key, row = _load(call)
    _same([call.body.get("etag"), (call.body.get("spec") or {}).get("etag")], row)
    mask = (call.query("updateMask") or "*").replace("policy.", "")
    known = call.api.schema("GoogleCloudOrgpolicyV2Policy")["properties"]
    changed = masked(row, call.body, mask, known) if mask != "*" else {**row, **call.body}
    _check(changed)
    changed = _stamped(call, {**changed, "name": row["name"]})
    call.state.put(key, changed)
    return changed


def _delete(call: Call) -> Answer:
    key, row = _load(call)
    _same([call.query("etag")], row)
    call.state.delete(key)
    return {}


def _list(call: Call) -> Answer:
    found, token = generic.page(call, call.state.scan(_key(_resource(call), ""), generic.start_of(call)))
    return ({"policies": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _effective(call: Call) -> Answer:
    """The nearest policy upwards that does not give way to its parent's."""
    resource, constraint = _resource(call), call.subject.rpartition("/")[2]
    for level in [resource, *hierarchy.ancestors(call.state, resource)]:
        row = call.state.get(_key(level, constraint))
        spec = (row or {}).get("spec") or {}
        if row and not spec.get("inheritFromParent") and not spec.get("reset"):
            rules = {"rules": spec["rules"]} if spec.get("rules") else {}
            return {"name": f"{resource}/policies/{constraint}", "spec": rules}
    return {"name": f"{resource}/policies/{constraint}", "spec": {"rules": [_default(constraint)]}}


def _default(constraint: str) -> Json:
    boolean = CONSTRAINTS.get(f"constraints/{constraint}", ("", False))[1]
    return {"enforce": False} if boolean else {"allowAll": True}


def _constraints(call: Call) -> Answer:
    resource = _resource(call)
    return {
        "constraints": [
            {"name": f"{resource}/{name}", "displayName": shown, "constraintDefault": "ALLOW"}
            | ({"booleanConstraint": {}} if boolean else {"listConstraint": {"supportsUnder": True}})
            for name, (shown, boolean) in CONSTRAINTS.items()
        ]
    }


_OWN: dict[str, Behaviour] = {
    "policies.create": _create, "policies.get": _get, "policies.patch": _patch, "policies.delete": _delete,
    "policies.list": _list, "policies.getEffectivePolicy": _effective, "constraints.list": _constraints,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    f"orgpolicy.{kind}.{verb}": behaviour
    for kind in ("organizations", "folders", "projects")
    for verb, behaviour in _OWN.items()
}
