"""Cloud Billing v1: which account pays for a project, and the one account that exists from the start."""

from __future__ import annotations

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import forbidden, invalid
from reconciler.localcloud.values import Json

_ACCOUNT: Json = {
    "name": projects.BILLING_ACCOUNT, "open": True, "displayName": "Local cloud", "masterBillingAccount": "",
    "parent": projects.ORGANISATION, "currencyCode": "USD",
}  # fmt: skip


def _link(call: Call) -> tuple[str, Json]:
    row = projects.find(call.state, projects.of(call.subject))
    if row is None:
        raise forbidden()
    key = f"cloudbilling.projects/{row['number']}"
    base = {"name": f"projects/{row['projectId']}/billingInfo", "projectId": row["projectId"]}
    stored = call.state.get(key) or {"billingAccountName": "", "billingEnabled": False}
    return key, {**base, **stored}


def _get_link(call: Call) -> Answer:
    return _link(call)[1]


def _set_link(call: Call) -> Answer:
    key, row = _link(call)
    account = call.body.get("billingAccountName", "")
    if account and account != projects.BILLING_ACCOUNT:
        if not account.startswith("billingAccounts/"):
            raise invalid("The billing account name must be of the form billingAccounts/{billing_account_id}.")
        raise forbidden()
    changed = {"billingAccountName": account, "billingEnabled": bool(account)}
    call.state.put(key, changed)
    return {**row, **changed}


def _accounts(_: Call) -> Answer:
    return {"billingAccounts": [_ACCOUNT]}


def _account(call: Call) -> Answer:
    if call.subject != projects.BILLING_ACCOUNT:
        raise forbidden()
    return _ACCOUNT


def _linked(call: Call) -> Answer:
    found = []
    for key, row in call.state.scan("cloudbilling.projects/"):
        if row["billingAccountName"] == call.subject:
            project = projects.find(call.state, key.rsplit("/", 1)[1]) or {}
            own = project.get("projectId", "")
            found.append({"name": f"projects/{own}/billingInfo", "projectId": own, **row})
    return {"projectBillingInfo": found}


def _get_policy(call: Call) -> Answer:
    return policies.read(call, call.subject)


METHODS = {
    "cloudbilling.projects.getBillingInfo": _get_link, "cloudbilling.projects.updateBillingInfo": _set_link,
    "cloudbilling.billingAccounts.list": _accounts, "cloudbilling.billingAccounts.get": _account,
    "cloudbilling.billingAccounts.projects.list": _linked, "cloudbilling.billingAccounts.getIamPolicy": _get_policy,
}  # fmt: skip
