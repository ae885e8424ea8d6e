"""IAM policies: one per resource, with an etag that a read-modify-write must bring back.

Sources: the Policy message in the discovery documents (versions, conditions, order), https://cloud.google.com/iam/quotas
(1,500 principals), https://cloud.google.com/iam/docs/troubleshooting-withcond, and messages as users reported them in
issue threads of terraform-provider-google (#5218, #25093, #4965, #5107) and vault-plugin-secrets-gcp (#88).
"""

from __future__ import annotations

import base64
import hashlib
import re

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call, Moment
from reconciler.localcloud.errors import aborted, invalid
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

EMPTY_ETAG = "ACAB"
MOST_MEMBERS = 1500
_KNOWN_MEMBERS = (
    "user:", "serviceAccount:", "group:", "domain:", "principal:", "principalSet:", "deleted:", "projectOwner:",
    "projectEditor:", "projectViewer:",
)  # fmt: skip
_PUBLIC = ("allUsers", "allAuthenticatedUsers")
_UNKNOWN_MEMBER = "The member {} is of an unknown type. Please set a valid type prefix for the member."
_NO_TYPE = 'Policy members must be of the form "<type>:<value>".'
_NO_ROLE = (
    'The role name must be in the form "roles/{role}", "organizations/{organization_id}/roles/{role}", or '
    '"projects/{project_id}/roles/{role}".'
)
_CHANGED = (
    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "
    "The request's ETag '{sent}' did not match the current policy's ETag '{stored}'."
)
_OLD_VERSION = (
    "Specified policy version ({}) cannot be less than the existing policy version (3). For more information, please "
    "refer to https://cloud.google.com/iam/docs/policies#versions."
)
_TOO_OLD = (
    "Specified policy version ({}) does not support conditional role bindings: a policy with conditions must have "
    "version 3. For more information, please refer to https://cloud.google.com/iam/docs/policies#versions."
)
_BASIC = ("owner", "editor", "viewer", "browser")
_ROLE = re.compile(r"(?:roles|(?:projects|organizations)/[^/]+/roles)/[A-Za-z0-9_.]+")
_ACCOUNT = re.compile(r"serviceAccount:([^?]+@([^?@]+)\.iam\.gserviceaccount\.com)$")
_DELETED = re.compile(r"deleted:(serviceAccount:[^?]+)\?uid=(\d+)$")


def key_of(call: Call, resource: str) -> str:
    return f"iam/{call.service}/{projects.canonical(call.state, resource)}"


def read(call: Call, resource: str) -> Json:
    """The policy as this reader may see it: without version 3 asked for, conditions are folded into the role's name."""
    stored = call.state.get(key_of(call, resource))
    if stored is None:
        return {"etag": EMPTY_ETAG}
    asked = _asked_version(call)
    if asked not in (0, 1, 3):
        raise invalid("Request contains an invalid argument.")
    seen = shown(call.state, stored)
    if seen["version"] == 3 and asked < 3:
        seen |= {"version": 1, "bindings": [_folded(binding) for binding in seen["bindings"]]}
    return seen


def write(call: Call, resource: str, policy: Json) -> Json:
    """Replace the policy. GoogleError 409 ABORTED when the etag is stale, 400 for a member or role that is not one."""
    stored = call.state.get(key_of(call, resource)) or {"version": 1, "etag": EMPTY_ETAG}
    sent = policy.get("etag")
    if sent and _padded(sent) != _padded(stored["etag"]):
        raise aborted(_CHANGED.format(sent=sent, stored=stored["etag"]))
    bindings = policy.get("bindings") or []
    if "bindings" not in policy and call.body.get("updateMask") and "bindings" not in call.body["updateMask"]:
        bindings = stored.get("bindings", [])
    for binding in bindings:
        _check(call, binding)
    audits = policy.get("auditConfigs") or []
    _check_size(bindings, audits)
    merged = _normalised(bindings)
    conditional = any("condition" in binding for binding in merged)
    _check_version(policy, stored, conditional=conditional)
    kept: Json = {"version": 3 if conditional else 1, "etag": _new_etag(call, stored["etag"])}
    if merged:
        kept["bindings"] = merged
    if audits:
        kept["auditConfigs"] = audits
    uids = _identities(call.state, merged)
    if uids:
        kept["uids"] = uids
    call.state.put(key_of(call, resource), kept)
    return shown(call.state, kept)


def grant(moment: Moment, key: str, role: str, member: str) -> None:
    """Add a member without a read-modify-write: what Google does for its own service agents. `key` is of `key_of`."""
    stored = moment.state.get(key) or {"version": 1, "etag": EMPTY_ETAG}
    bindings = stored.get("bindings", [])
    if any(b["role"] == role and member in b["members"] and "condition" not in b for b in bindings):
        return
    stored["bindings"] = _normalised([*bindings, {"role": role, "members": [member]}])
    stored["etag"] = _new_etag(moment, stored["etag"])
    moment.state.put(key, stored)


# --- reading ---------------------------------------------------------------------------------------------------


def _asked_version(call: Call) -> int:
    options = call.body.get("options")
    asked = options.get("requestedPolicyVersion", 0) if isinstance(options, dict) else 0
    for name in ("options.requestedPolicyVersion", "optionsRequestedPolicyVersion"):
        asked = asked or call.whole(name, 0)
    return int(asked)


def shown(state: State, stored: Json) -> Json:
    """A stored policy in Google's words: an account that is gone shows as `deleted:`, until it is undeleted."""
    seen = {name: value for name, value in stored.items() if name != "uids"}
    uids = stored.get("uids") or {}
    if uids:
        now = {member: _as_of(state, member, uid) for member, uid in uids.items()}
        seen["bindings"] = [
            {**binding, "members": [now.get(member, member) for member in binding["members"]]}
            for binding in seen.get("bindings", [])
        ]
    return seen


def _as_of(state: State, member: str, uid: str) -> str:
    gone = _DELETED.match(member)
    plain = gone[1] if gone else member
    alive = (state.get(f"iam.uniqueid/{uid}") or {}).get("email") == plain.partition(":")[2]
    return plain if alive else f"deleted:{plain}?uid={uid}"


def _folded(binding: Json) -> Json:
    if "condition" not in binding:
        return binding
    digest = hashlib.sha256(orjson.dumps(binding["condition"], option=orjson.OPT_SORT_KEYS)).hexdigest()[:20]
    return {"role": f"{binding['role']}_withcond_{digest}", "members": binding["members"]}


# --- writing ---------------------------------------------------------------------------------------------------


def _check(call: Call, binding: Json) -> None:
    role = binding.get("role") or ""
    if not _ROLE.fullmatch(role):
        raise invalid(_NO_ROLE)
    _check_role(call, role)
    for member in binding.get("members") or []:
        if member in _PUBLIC or member.startswith(_KNOWN_MEMBERS):
            _check_account(call.state, member)
        elif call.service == "cloudresourcemanager" and ":" not in member:
            raise invalid(_NO_TYPE)
        else:
            raise invalid(_UNKNOWN_MEMBER.format(member))


def _check_role(call: Call, role: str) -> None:
    """Predefined roles are named after an API, except four; a custom one must exist where it says."""
    owner, _, own = role.rpartition("roles/")
    if not owner:
        if ("." not in own and own not in _BASIC) or "_withcond_" in own:
            raise invalid(f"Role {role} is not supported for this resource.")
        return
    ours = owner.startswith("organizations/") or projects.find(call.state, projects.of(owner)) is not None
    row = call.state.get(f"iam.roles/{projects.canonical(call.state, role)}")
    if ours and (row is None or row.get("deleted")):
        raise invalid(f"Role ({role}) does not exist in the resource's hierarchy.")


def _check_account(state: State, member: str) -> None:
    """An account in a project of ours must be there; those of others, and Google's own, are taken at their word."""
    found = _ACCOUNT.match(member)
    project = projects.find(state, found[2]) if found else None
    if found and project and _account(state, project, found[1]) is None:
        raise invalid(f"Service account {found[1]} does not exist.")


def _account(state: State, project: Json, email: str) -> Json | None:
    return state.get(f"iam.serviceAccounts/projects/{project['number']}/serviceAccounts/{email}")


def _identities(state: State, bindings: list[Json]) -> dict[str, str]:
    """Which account each member means: an address may come back, the account that had it does not."""
    found: dict[str, str] = {}
    for member in {member for binding in bindings for member in binding["members"]}:
        gone, plain = _DELETED.match(member), _ACCOUNT.match(member)
        project = projects.find(state, plain[2]) if plain else None
        row = _account(state, project, plain[1]) if plain and project else None
        if gone or row:
            found[member] = gone[2] if gone else (row or {})["uniqueId"]
    return found


def _check_size(bindings: list[Json], audits: list[Json]) -> None:
    """Every occurrence counts, exemptions from audit logs too."""
    count = sum(len(binding.get("members") or []) for binding in bindings)
    for audit in audits:
        count += sum(len(log.get("exemptedMembers") or []) for log in audit.get("auditLogConfigs") or [])
    if count > MOST_MEMBERS:
        raise invalid(
            f"The number of members in the policy ({count:,}) is larger than the maximum allowed size {MOST_MEMBERS:,}."
        )


def _check_version(policy: Json, stored: Json, *, conditional: bool) -> None:
    """Without an etag a conditional policy may be overwritten by one of version 1: the documentation warns of it."""
    version = policy.get("version") or 0
    if version not in (0, 1, 3):
        raise invalid("Request contains an invalid argument.")
    if conditional and version != 3:
        raise invalid(_TOO_OLD.format(version))
    if stored["version"] == 3 and version != 3 and policy.get("etag"):
        raise invalid(_OLD_VERSION.format(version))


def _new_etag(moment: Moment, before: str) -> str:
    """Eight bytes, the first two nearly constant, as they are a time in microseconds; never the one before."""
    made = before
    while made == before:
        made = base64.b64encode(b"\x07\x06" + moment.rng.randbytes(6)).decode()
    return made


def _padded(etag: str) -> str:
    # Clients may re-encode bytes in the URL-safe alphabet.
    return etag.rstrip("=").replace("-", "+").replace("_", "/")


def _normalised(bindings: list[Json]) -> list[Json]:
    by_role: dict[tuple[str, str], Json] = {}
    for binding in bindings:
        condition = binding.get("condition") or {}
        kept = {name: value for name, value in condition.items() if value}
        merged = by_role.setdefault(
            (binding["role"], str(sorted(kept.items()))),
            {"role": binding["role"], "members": []} | ({"condition": kept} if kept else {}),
        )
        merged["members"] = sorted({*merged["members"], *(binding.get("members") or [])})
    return [binding for _, binding in sorted(by_role.items()) if binding["members"]]
