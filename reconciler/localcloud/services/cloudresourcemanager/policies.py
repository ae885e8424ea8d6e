"""Organisation policies as Resource Manager v1 has them: a constraint set on a resource, inherited by what is below.

Constraints are not enforced anywhere; they are kept and read. Shapes from the discovery document.
"""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import aborted, forbidden, invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.values import Json, etag_like

# A few of https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints.
CONSTRAINTS: dict[str, tuple[str, bool]] = {
    "constraints/compute.skipDefaultNetworkCreation": ("Skip default network creation", True),
    "constraints/compute.vmExternalIpAccess": ("Define allowed external IPs for VM instances", False),
    "constraints/gcp.resourceLocations": ("Google Cloud Platform - Resource Location Restriction", False),
    "constraints/iam.allowedPolicyMemberDomains": ("Domain restricted sharing", False),
    "constraints/iam.disableServiceAccountKeyCreation": ("Disable service account key creation", True),
    "constraints/run.allowedIngress": ("Allowed ingress settings (Cloud Run)", False),
    "constraints/sql.restrictPublicIp": ("Restrict Public IP access on Cloud SQL instances", True),
    "constraints/storage.publicAccessPrevention": ("Enforce Public Access Prevention", True),
    "constraints/storage.uniformBucketLevelAccess": ("Enforce uniform bucket-level access", True),
}


def _resource(call: Call) -> str:
    name = call.subject
    row = hierarchy.container(call.state, name)
    if row is None:
        raise forbidden()
    return f"projects/{row['number']}" if name.startswith("projects/") else name


def _constraint(value: object) -> str:
    name = str(value or "")
    if not name.startswith("constraints/") or len(name.split("/")) != 2:
        raise invalid("Request contains an invalid argument.", ("constraint", "must be constraints/{name}"))
    return name


def _key(resource: str, constraint: str) -> str:
    return f"cloudresourcemanager.orgPolicies/{resource}/{constraint}"


def _empty(constraint: str) -> Json:
    return {"constraint": constraint, "etag": "BwAAAAAAAAA="}


def _get(call: Call) -> Answer:
    resource, constraint = _resource(call), _constraint(call.body.get("constraint"))
    return call.state.get(_key(resource, constraint)) or _empty(constraint)


def _set(call: Call) -> Answer:
    resource, policy = _resource(call), call.body.get("policy") or {}
    constraint = _constraint(policy.get("constraint"))
    stored = call.state.get(_key(resource, constraint)) or _empty(constraint)
    if policy.get("etag") and policy["etag"] != stored["etag"]:
        raise aborted("The etag provided does not match the current etag of the policy.")
    if sum(name in policy for name in ("listPolicy", "booleanPolicy", "restoreDefault")) != 1:
        raise invalid(
            "Request contains an invalid argument.",
            ("policy", "exactly one of list_policy, boolean_policy and restore_default"),
        )
    row = {**policy, "constraint": constraint, "updateTime": call.stamp, "etag": "Bw" + etag_like(call.rng, 7)[2:]}
    call.state.put(_key(resource, constraint), row)
    return row


def _clear(call: Call) -> Answer:
    resource, constraint = _resource(call), _constraint(call.body.get("constraint"))
    stored = call.state.get(_key(resource, constraint))
    if stored and call.body.get("etag") and call.body["etag"] != stored["etag"]:
        raise aborted("The etag provided does not match the current etag of the policy.")
    call.state.delete(_key(resource, constraint))
    return {}


def _list(call: Call) -> Answer:
    rows = call.state.scan(f"cloudresourcemanager.orgPolicies/{_resource(call)}/", generic.start_of(call))
    found, token = generic.page(call, rows)
    return ({"policies": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _effective(call: Call) -> Answer:
    """The nearest policy that is set from the resource upwards; lists that inherit are not merged."""
    resource, constraint = _resource(call), _constraint(call.body.get("constraint"))
    for level in [resource, *hierarchy.ancestors(call.state, resource)]:
        stored = call.state.get(_key(level, constraint))
        if stored and "restoreDefault" not in stored:
            return {name: value for name, value in stored.items() if name not in ("etag", "updateTime")}
        if stored:
            break
    boolean = CONSTRAINTS.get(constraint, ("", False))[1]
    return {"constraint": constraint} | ({"booleanPolicy": {}} if boolean else {"listPolicy": {"allValues": "ALLOW"}})


def _available(call: Call) -> Answer:
    _resource(call)
    return {
        "constraints": [
            {"name": name, "displayName": shown, "constraintDefault": "ALLOW"}
            | ({"booleanConstraint": {}} if boolean else {"listConstraint": {"supportsUnder": True}})
            for name, (shown, boolean) in CONSTRAINTS.items()
        ]
    }


_OWN = {
    "getOrgPolicy": _get, "setOrgPolicy": _set, "clearOrgPolicy": _clear, "listOrgPolicies": _list,
    "getEffectiveOrgPolicy": _effective, "listAvailableOrgPolicyConstraints": _available,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    f"cloudresourcemanager.{kind}.{verb}": behaviour
    for kind in ("organizations", "folders", "projects")
    for verb, behaviour in _OWN.items()
}
