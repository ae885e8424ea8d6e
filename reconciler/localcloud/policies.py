"""IAM policies: one per resource, with an etag that a read-modify-write must bring back."""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import aborted, invalid
from reconciler.localcloud.values import Json, etag_like

EMPTY_ETAG = "ACAB"
_KNOWN_MEMBERS = (
    "user:", "serviceAccount:", "group:", "domain:", "principal:", "principalSet:", "deleted:", "projectOwner:",
    "projectEditor:", "projectViewer:",
)  # fmt: skip
_NO_MEMBER = (
    "Invalid member: {}. Members must start with one of user:, serviceAccount:, group:, domain: or be allUsers."
)
_NO_ROLE = (
    'The role name must be in the form "roles/{role}", "organizations/{organization_id}/roles/{role}", or '
    '"projects/{project_id}/roles/{role}".'
)
_CHANGED = (
    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "
    "The request's ETag '{sent}' did not match the current policy's ETag '{stored}'."
)


def key_of(call: Call, resource: str) -> str:
    return f"iam/{call.service}/{projects.canonical(call.state, resource)}"


def read(call: Call, resource: str) -> Json:
    stored = call.state.get(key_of(call, resource))
    return stored or {"version": 1, "etag": EMPTY_ETAG}


def write(call: Call, resource: str, policy: Json) -> Json:
    """Replace the policy. GoogleError 409 ABORTED when the etag is stale, 400 for a member without a known prefix."""
    stored = read(call, resource)
    sent = policy.get("etag")
    if sent and _padded(sent) != _padded(stored["etag"]):
        raise aborted(_CHANGED.format(sent=sent, stored=stored["etag"]))
    bindings = _normalised(policy.get("bindings") or [])
    kept: Json = {"version": 3 if any("condition" in b for b in bindings) else 1, "etag": "Bw" + etag_like(call.rng, 7)}
    if bindings:
        kept["bindings"] = bindings
    if policy.get("auditConfigs"):
        kept["auditConfigs"] = policy["auditConfigs"]
    call.state.put(key_of(call, resource), kept)
    return kept


def _padded(etag: str) -> str:
    # Clients may re-encode bytes in the URL-safe alphabet.
    return etag.rstrip("=").replace("-", "+").replace("_", "/")


def _normalised(bindings: list[Json]) -> list[Json]:
    by_role: dict[tuple[str, str], Json] = {}
    for binding in bindings:
        for member in binding.get("members", []):
            if member not in ("allUsers", "allAuthenticatedUsers") and not member.startswith(_KNOWN_MEMBERS):
                raise invalid(_NO_MEMBER.format(member))
        if not binding.get("role"):
            raise invalid(_NO_ROLE)
        key = (binding["role"], str(binding.get("condition", "")))
        merged = by_role.setdefault(key, {**binding, "members": []})
        merged["members"] = sorted({*merged["members"], *binding.get("members", [])})
    return [binding for _, binding in sorted(by_role.items()) if binding["members"]]
