"""Budgets of a billing account, v1: named by the server, with the defaults that the discovery document states."""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import aborted, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudbilling.accounts import account
from reconciler.localcloud.values import Json, hexadecimal, uuid_like

_FIELDS = ("displayName", "budgetFilter", "amount", "thresholdRules", "notificationsRule", "ownershipScope")


def _bad(field: str, what: str) -> Exception:
    return invalid("Request contains an invalid argument.", (f"budget.{field}", what))


def _kept(call: Call, body: Json, currency: str) -> Json:
    """A budget as Google keeps it: numbers for projects, defaults filled in. GoogleError 400 for what cannot be."""
    row = {name: body[name] for name in _FIELDS if body.get(name) not in (None, "")}
    if len(row.get("displayName", "")) > 60:
        raise _bad("display_name", "at most 60 characters")
    row["amount"] = _amount(row.get("amount") or {}, currency)
    found = dict(row.get("budgetFilter") or {})
    if found.get("calendarPeriod") and found.get("customPeriod"):
        raise _bad("budget_filter", "a calendar_period or a custom_period")
    if not found.get("customPeriod"):
        found.setdefault("calendarPeriod", "MONTH")
    found.setdefault("creditTypesTreatment", "INCLUDE_ALL_CREDITS")
    if bool(found.get("creditTypes")) != (found["creditTypesTreatment"] == "INCLUDE_SPECIFIED_CREDITS"):
        raise _bad("budget_filter.credit_types", "go with INCLUDE_SPECIFIED_CREDITS")
    if found.get("projects"):
        found["projects"] = [projects.canonical(call.state, name) for name in found["projects"]]
    row["budgetFilter"] = found
    row["thresholdRules"] = [_threshold(rule) for rule in row.get("thresholdRules") or []]
    if not row["thresholdRules"]:
        del row["thresholdRules"]
    row["notificationsRule"] = _rule(row.get("notificationsRule") or {})
    return row


def _amount(amount: Json, currency: str) -> Json:
    money = amount.get("specifiedAmount")
    if (money is None) == (amount.get("lastPeriodAmount") is None):
        raise _bad("amount", "a specified_amount or the last_period_amount")
    if money is None:
        return {"lastPeriodAmount": {}}
    if money.get("currencyCode", currency) != currency:
        raise _bad("amount.specified_amount.currency_code", f"must be the account's, {currency}")
    return {"specifiedAmount": {"currencyCode": currency, **money}}


def _threshold(rule: Json) -> Json:
    if not float(rule.get("thresholdPercent") or 0) > 0:
        raise _bad("threshold_rules.threshold_percent", "must be more than 0")
    basis = rule.get("spendBasis")
    if basis in (None, "BASIS_UNSPECIFIED"):
        basis = "CURRENT_SPEND"
    return {"thresholdPercent": rule["thresholdPercent"], "spendBasis": basis}


def _rule(rule: Json) -> Json:
    if rule.get("pubsubTopic"):
        if rule.get("schemaVersion", "1.0") != "1.0":
            raise _bad("notifications_rule.schema_version", "only 1.0 is known")
        rule = {**rule, "schemaVersion": "1.0"}
    if len(rule.get("monitoringNotificationChannels") or []) > 5:
        raise _bad("notifications_rule.monitoring_notification_channels", "at most 5")
    return rule


def _key(name: str) -> str:
    return f"billingbudgets.budgets/{name}"


def _create(call: Call) -> Answer:
    currency = account(call.state, call.subject)["currencyCode"]
    name = f"{call.subject}/budgets/{uuid_like(call.rng)}"
    row = {"name": name, **_kept(call, call.body, currency), "etag": hexadecimal(call.rng, 16)}
    call.state.put(_key(name), row)
    return row


def _load(call: Call) -> Json:
    account(call.state, call.subject.partition("/budgets/")[0])
    row = call.state.get(_key(call.subject))
    if row is None:
        raise not_found()
    return row


def _get(call: Call) -> Answer:
    return _load(call)


def _patch(call: Call) -> Answer:
    row = _load(call)
    sent = call.body.get("etag")
    if sent and sent != row["etag"]:
        raise aborted("The etag provided does not match the current etag of the budget.")
    mask = call.query("updateMask")
    known = call.api.schema("GoogleCloudBillingBudgetsV1Budget")["properties"]
    wish = masked(row, call.body, mask, known) if mask else {**row, **call.body}
    currency = account(call.state, call.subject.partition("/budgets/")[0])["currencyCode"]
    row = {"name": row["name"], **_kept(call, wish, currency), "etag": hexadecimal(call.rng, 16)}
    call.state.put(_key(row["name"]), row)
    return row


def _delete(call: Call) -> Answer:
    _load(call)
    call.state.delete(_key(call.subject))
    return {}


def _list(call: Call) -> Answer:
    account(call.state, call.subject)
    rows = call.state.scan(_key(f"{call.subject}/budgets/"), generic.start_of(call))
    found, token = generic.page(call, rows)
    return ({"budgets": found} if found else {}) | ({"nextPageToken": token} if token else {})


_BASE = "billingbudgets.billingAccounts.budgets."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}patch": _patch, f"{_BASE}delete": _delete,
    f"{_BASE}list": _list,
}  # fmt: skip
