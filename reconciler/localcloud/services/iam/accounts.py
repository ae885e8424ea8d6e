"""Service accounts. What identifies one is its uniqueId: an address may come back, an owner does not.

Texts from the recordings and samples; rules from the discovery document and
https://cloud.google.com/iam/docs/service-accounts-delete-undelete (30 days to undelete).
"""

from __future__ import annotations

import re

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call, Moment
from reconciler.localcloud.errors import GoogleError, aborted, exists, failed_precondition, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, digits

_ID = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])")
COLLECTION = "iam.serviceAccounts"
# Every service account's etag, in every sample.
_ETAG = "MDEwMjE5MjA="
_GRACE_SECONDS = 30 * 86_400.0
_TEXTS = {"displayName": 100, "description": 256}
_SUFFIX = ".iam.gserviceaccount.com"


def key_of(number: str, email: str) -> str:
    return f"{COLLECTION}/projects/{number}/serviceAccounts/{email}"


def row_of(call: Call, *, named: bool = False) -> tuple[str, Json]:
    """The key and row by address or uniqueId; `projects/-` looks the project up in the address.

    `named` says which of Google's two texts tells that it is not there.
    """
    head, _, own = call.subject.partition("/serviceAccounts/")
    own = own.split("/")[0]
    if own.isdigit():
        if call.state.get(f"iam.deleted/{own}") is not None:
            raise not_found(f"Account deleted: {own}")
        pointer = call.state.get(f"iam.uniqueid/{own}")
        own = pointer["email"] if pointer else own
    project = head.removeprefix("projects/")
    if project == "-" and "@" in own:
        project = own.partition("@")[2].removesuffix(_SUFFIX)
    number = projects.canonical(call.state, f"projects/{project}").removeprefix("projects/")
    row = call.state.get(key_of(number, own))
    if row is None:
        raise not_found(
            f"Service account projects/{project}/serviceAccounts/{own} does not exist."
            if named
            else "Unknown service account"
        )
    return key_of(number, own), row


def _check_texts(wish: Json) -> None:
    for name, most in _TEXTS.items():
        if len(str(wish.get(name) or "").encode()) > most:
            shown = re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)
            raise invalid(f"The {shown} must be at most {most} bytes long.", (f"service_account.{shown}", "too long"))


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
    email = f"{own}@{project['projectId']}{_SUFFIX}"
    key = key_of(project["number"], email)
    if call.state.get(key) is not None:
        raise exists(f"Service account {own} already exists within project projects/{project['projectId']}.")
    wish = call.body.get("serviceAccount") or {}
    _check_texts(wish)
    unique = "1" + digits(call.rng, 20)
    row: Json = {
        "name": f"projects/{project['projectId']}/serviceAccounts/{email}", "projectId": project["projectId"],
        "uniqueId": unique, "email": email, "etag": _ETAG, "oauth2ClientId": unique,
    }  # fmt: skip
    row |= {name: wish[name] for name in _TEXTS if wish.get(name)}
    _put(call, key, row)
    return row


def _put(call: Moment, key: str, row: Json) -> None:
    call.state.put(key, row)
    call.state.put(f"iam.uniqueid/{row['uniqueId']}", {"email": row["email"]})


def default_of_compute(moment: Moment, project: Json) -> None:
    """`<number>-compute@developer.gserviceaccount.com`, which every project with Compute Engine has."""
    email = f"{project['number']}-compute@developer.gserviceaccount.com"
    key = key_of(project["number"], email)
    if moment.state.get(key) is None:
        unique = "1" + digits(moment.rng, 20)
        _put(moment, key, {
            "name": f"projects/{project['projectId']}/serviceAccounts/{email}", "projectId": project["projectId"],
            "uniqueId": unique, "email": email, "displayName": "Compute Engine default service account",
            "etag": _ETAG, "oauth2ClientId": unique,
        })  # fmt: skip


def _get(call: Call) -> Answer:
    return row_of(call)[1]


def _list(call: Call) -> Answer:
    prefix = f"{COLLECTION}/{projects.canonical(call.state, call.subject)}/serviceAccounts/"
    found, token = generic.page(call, call.state.scan(prefix, generic.start_of(call)), default=20, most=100)
    return ({"accounts": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _patch(call: Call) -> Answer:
    """PATCH brings the account and a mask; PUT the account itself, whose two texts are taken as they are."""
    key, row = row_of(call)
    put = call.method.verb == "PUT"
    wish = call.body if put else call.body.get("serviceAccount") or {}
    if wish.get("etag") and wish["etag"] != row["etag"]:
        raise aborted(
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
        )
    _check_texts(wish)
    mask = "displayName,description" if put else call.body.get("updateMask") or ",".join(n for n in _TEXTS if n in wish)
    changed = masked(row, {name: value for name, value in wish.items() if value}, mask) if mask else row
    kept = {name: value for name, value in row.items() if name not in _TEXTS}
    changed = {**kept, **{name: changed[name] for name in _TEXTS if name in changed}}
    call.state.put(key, changed)
    return changed


def _delete(call: Call) -> Answer:
    key, row = row_of(call)
    call.state.delete(key)
    call.state.delete(f"iam.uniqueid/{row['uniqueId']}")
    call.state.put(f"iam.deleted/{row['uniqueId']}", {"key": key, "row": row})
    call.state.delete(policies.key_of(call, row["name"]))
    for child, _ in list(call.state.scan(f"iam.keys/{key.partition('/')[2]}/keys/")):
        call.state.delete(child)
    args = {"unique": row["uniqueId"]}
    operations.later(call, f"iam.purge/{row['uniqueId']}", _GRACE_SECONDS, "iam.account_purged", args)
    return {}


def _purged(ending: Ending) -> None:
    ending.state.delete(f"iam.deleted/{ending.args['unique']}")


def _undelete(call: Call) -> Answer:
    unique = call.subject.rsplit("/", 1)[1].split(":")[0]
    gone = call.state.get(f"iam.deleted/{unique}")
    if gone is None:
        raise not_found(f"Service account {unique} does not exist.")
    if call.state.get(gone["key"]) is not None:
        raise failed_precondition(f"Service account {gone['row']['email']} already exists.")
    _put(call, gone["key"], gone["row"])
    call.state.delete(f"iam.deleted/{unique}")
    call.state.delete(f"iam.purge/{unique}")
    return {"restoredAccount": gone["row"]}


def _disable(call: Call) -> Answer:
    key, row = row_of(call)
    call.state.put(key, {**row, "disabled": True})
    return {}


def _enable(call: Call) -> Answer:
    key, row = row_of(call)
    call.state.put(key, {name: value for name, value in row.items() if name != "disabled"})
    return {}


def _get_policy(call: Call) -> Answer:
    return policies.read(call, row_of(call, named=True)[1]["name"])


def _set_policy(call: Call) -> Answer:
    return policies.write(call, row_of(call, named=True)[1]["name"], call.body.get("policy") or {})


def _test(call: Call) -> Answer:
    row_of(call, named=True)
    asked = call.body.get("permissions") or []
    return {"permissions": asked} if asked else {}


_BASE = "iam.projects.serviceAccounts."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}list": _list, f"{_BASE}patch": _patch,
    f"{_BASE}update": _patch, f"{_BASE}delete": _delete, f"{_BASE}undelete": _undelete, f"{_BASE}disable": _disable,
    f"{_BASE}enable": _enable, f"{_BASE}getIamPolicy": _get_policy, f"{_BASE}setIamPolicy": _set_policy,
    f"{_BASE}testIamPermissions": _test,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"iam.account_purged": _purged}
