"""IAM v1: service accounts. What identifies one is its uniqueId: an address may come back, an owner does not."""

from __future__ import annotations

import re

from reconciler.localcloud import policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, exists, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, digits, etag_like

_ID = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])")
_COLLECTION = "iam.serviceAccounts"


def _row(call: Call, *, policy: bool = False) -> tuple[str, Json]:
    """The key and row by address or uniqueId; `projects/-` looks the project up in the address."""
    head, _, own = call.subject.partition("/serviceAccounts/")
    own = own.split("/")[0]
    if own.isdigit():
        pointer = call.state.get(f"iam.uniqueid/{own}")
        own = pointer["email"] if pointer else own
    project = head.removeprefix("projects/")
    if project == "-" and "@" in own:
        project = own.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
    key = f"{_COLLECTION}/{projects.canonical(call.state, f'projects/{project}')}/serviceAccounts/{own}"
    row = call.state.get(key)
    if row is None:
        raise not_found(
            f"Service account projects/{project}/serviceAccounts/{own} does not exist."
            if policy
            else "Unknown service account"
        )
    return key, row


def _create(call: Call) -> Answer:
    own = call.body.get("accountId", "")
    if not _ID.fullmatch(own) or not 6 <= len(own) <= 30:
        short = not 6 <= len(own) <= 30
        raise invalid(
            f'The account ID "{own}" ' + ("does not have a length between 6 and 30." if short else "is invalid.")
        )
    project = projects.find(call.state, projects.of(call.subject))
    if project is None:
        raise GoogleError(404, "Unknown project")
    email = f"{own}@{project['projectId']}.iam.gserviceaccount.com"
    key = f"{_COLLECTION}/projects/{project['number']}/serviceAccounts/{email}"
    if call.state.get(key) is not None:
        raise exists(f"Service account {own} already exists within project projects/{project['projectId']}.")
    wish = call.body.get("serviceAccount") or {}
    unique = digits(call.rng, 21)
    row: Json = {
        "name": f"projects/{project['projectId']}/serviceAccounts/{email}", "projectId": project["projectId"],
        "uniqueId": unique, "email": email, "etag": etag_like(call.rng), "oauth2ClientId": unique,
    }  # fmt: skip
    row |= {name: wish[name] for name in ("displayName", "description") if wish.get(name)}
    call.state.put(key, row)
    call.state.put(f"iam.uniqueid/{unique}", {"email": email})
    return row


def _get(call: Call) -> Answer:
    return _row(call)[1]


def _list(call: Call) -> Answer:
    prefix = f"{_COLLECTION}/{projects.canonical(call.state, call.subject)}/serviceAccounts/"
    found, token = generic.page(call, call.state.scan(prefix, generic.start_of(call)), default=20, most=100)
    return ({"accounts": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _patch(call: Call) -> Answer:
    key, row = _row(call)
    wish = call.body.get("serviceAccount") or call.body
    if wish.get("etag") and wish["etag"] != row["etag"]:
        raise GoogleError(
            409,
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
            "ABORTED",
        )
    mask = call.body.get("updateMask") or ",".join(name for name in ("displayName", "description") if name in wish)
    changed = masked(row, {name: value for name, value in wish.items() if value}, mask) if mask else row
    changed = {
        **row,
        **{n: changed[n] for n in ("displayName", "description") if n in changed},
        "etag": etag_like(call.rng),
    }
    for name in ("displayName", "description"):
        if name in row and name in mask and not wish.get(name):
            changed.pop(name, None)
    call.state.put(key, changed)
    return changed


def _delete(call: Call) -> Answer:
    key, row = _row(call)
    call.state.delete(key)
    call.state.put(f"iam.deleted/{row['uniqueId']}", {"key": key, "row": row})
    call.state.delete(policies.key_of(call, row["name"]))
    return {}


def _undelete(call: Call) -> Answer:
    unique = call.subject.rsplit("/", 1)[1].split(":")[0]
    gone = call.state.get(f"iam.deleted/{unique}")
    if gone is None or call.state.get(gone["key"]) is not None:
        raise not_found(f"Service account {unique} is not deleted.")
    call.state.put(gone["key"], gone["row"])
    call.state.delete(f"iam.deleted/{unique}")
    return {"restoredAccount": gone["row"]}


def _disable(call: Call) -> Answer:
    key, row = _row(call)
    call.state.put(key, {**row, "disabled": True, "etag": etag_like(call.rng)})
    return {}


def _enable(call: Call) -> Answer:
    key, row = _row(call)
    call.state.put(
        key, {**{name: value for name, value in row.items() if name != "disabled"}, "etag": etag_like(call.rng)}
    )
    return {}


def _get_policy(call: Call) -> Answer:
    return policies.read(call, _row(call, policy=True)[1]["name"])


def _set_policy(call: Call) -> Answer:
    return policies.write(call, _row(call, policy=True)[1]["name"], call.body.get("policy", {}))


_BASE = "iam.projects.serviceAccounts."
METHODS = {
    f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}list": _list, f"{_BASE}patch": _patch,
    f"{_BASE}update": _patch,
    f"{_BASE}delete": _delete, f"{_BASE}undelete": _undelete, f"{_BASE}disable": _disable, f"{_BASE}enable": _enable,
    f"{_BASE}getIamPolicy": _get_policy, f"{_BASE}setIamPolicy": _set_policy,
}  # fmt: skip
