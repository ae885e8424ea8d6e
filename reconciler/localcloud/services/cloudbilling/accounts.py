"""Which account pays for a project, and the one account that exists from the start."""

from __future__ import annotations

import re

from reconciler.localcloud import policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import failed_precondition, forbidden, invalid
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.services import generic
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_ACCOUNT: Json = {
    "name": projects.BILLING_ACCOUNT, "open": True, "displayName": "Local cloud", "masterBillingAccount": "",
    "parent": projects.ORGANISATION, "currencyCode": "USD",
}  # fmt: skip
_NAME = re.compile(r"billingAccounts/[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}")
_QUERIES = Language({"master_billing_account": "masterBillingAccount"})


def account(state: State, name: str) -> Json:
    """GoogleError 403 for an account that is not ours."""
    if name != projects.BILLING_ACCOUNT:
        raise forbidden()
    return {**_ACCOUNT, **(state.get(f"cloudbilling.accounts/{name}") or {})}


# --- the link of a project -------------------------------------------------------------------------------------


def _link(call: Call) -> tuple[str, Json]:
    row = projects.find(call.state, projects.of(call.subject))
    if row is None or row.get("pending"):
        raise forbidden()
    key = f"cloudbilling.projects/{row['number']}"
    base = {"name": f"projects/{row['projectId']}/billingInfo", "projectId": row["projectId"]}
    stored = call.state.get(key) or {"billingAccountName": "", "billingEnabled": False}
    return key, {**base, **stored}


def _get_link(call: Call) -> Answer:
    return _link(call)[1]


def _set_link(call: Call) -> Answer:
    key, row = _link(call)
    wanted = call.body.get("billingAccountName") or ""
    if wanted and wanted != projects.BILLING_ACCOUNT:
        if not _NAME.fullmatch(wanted):
            raise invalid("The billing account name must be of the form billingAccounts/{billing_account_id}.")
        raise forbidden()
    if (projects.find(call.state, row["projectId"]) or row).get("state", "ACTIVE") != "ACTIVE":
        raise failed_precondition("Precondition check failed.")
    changed = {"billingAccountName": wanted, "billingEnabled": bool(wanted)}
    call.state.put(key, changed)
    return {**row, **changed}


def _linked(call: Call) -> Answer:
    account(call.state, call.subject)
    rows = call.state.scan("cloudbilling.projects/", generic.start_of(call))
    found, token = generic.page(call, _told(call, rows), most=100)
    return {"projectBillingInfo": found, "nextPageToken": token}


def _told(call: Call, rows: generic.Rows) -> generic.Rows:
    for key, row in rows:
        project = projects.find(call.state, key.rpartition("/")[2])
        if row["billingAccountName"] == call.subject and project:
            own = project["projectId"]
            yield key, {"name": f"projects/{own}/billingInfo", "projectId": own, **row}


# --- accounts --------------------------------------------------------------------------------------------------


def _list(call: Call) -> Answer:
    """Of an organisation, or all; `filter` knows open and master_billing_account."""
    own = account(call.state, projects.BILLING_ACCOUNT)
    if call.subject.startswith("organizations/") and call.subject != projects.ORGANISATION:
        raise forbidden()
    found = [own] if predicate(call.query("filter"), _QUERIES)(own) else []
    return {"billingAccounts": found, "nextPageToken": ""}


def _get(call: Call) -> Answer:
    return account(call.state, call.subject)


def _patch(call: Call) -> Answer:
    row = account(call.state, call.subject)
    mask = call.query("updateMask") or "displayName"
    if any(path.strip() not in ("displayName", "display_name") for path in mask.split(",")):
        raise invalid("Request contains an invalid argument.", ("update_mask", "only display_name can be changed"))
    name = masked(row, call.body, mask).get("displayName") or ""
    if not name:
        raise invalid("Request contains an invalid argument.", ("account.display_name", "must not be empty"))
    call.state.put(f"cloudbilling.accounts/{call.subject}", {"displayName": name})
    return account(call.state, call.subject)


def _sub_accounts(call: Call) -> Answer:
    account(call.state, call.subject)
    return {}


def _get_policy(call: Call) -> Answer:
    account(call.state, call.subject)
    return policies.read(call, call.subject)


def _set_policy(call: Call) -> Answer:
    account(call.state, call.subject)
    return policies.write(call, call.subject, call.body.get("policy") or {})


def _test(call: Call) -> Answer:
    account(call.state, call.subject)
    asked = call.body.get("permissions") or []
    return {"permissions": asked} if asked else {}


_BASE = "cloudbilling.billingAccounts."
METHODS: dict[str, Behaviour] = {
    "cloudbilling.projects.getBillingInfo": _get_link, "cloudbilling.projects.updateBillingInfo": _set_link,
    "cloudbilling.organizations.billingAccounts.list": _list,
    f"{_BASE}list": _list, f"{_BASE}get": _get, f"{_BASE}patch": _patch, f"{_BASE}projects.list": _linked,
    f"{_BASE}subAccounts.list": _sub_accounts, f"{_BASE}getIamPolicy": _get_policy,
    f"{_BASE}setIamPolicy": _set_policy, f"{_BASE}testIamPermissions": _test,
}  # fmt: skip
