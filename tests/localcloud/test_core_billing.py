"""Billing: accounts, links, the price list, budgets; and organisation policies in their own API."""

from __future__ import annotations

from typing import Any

import pytest

BILLING = "/cloudbilling/v1/"
ACCOUNT = "billingAccounts/000000-AAAAAA-BBBBBB"
BUDGETS = f"/billingbudgets/v1/{ACCOUNT}/budgets"
POLICIES = "/orgpolicy/v2/projects/acme-eu-001/policies"
TEN = {"amount": {"specifiedAmount": {"units": "10"}}}


def test_a_project_is_linked_to_the_account_and_listed_with_it(world: Any) -> None:
    path = f"{BILLING}projects/acme-eu-001/billingInfo"
    assert world.ask("GET", path)[1]["billingEnabled"] is False
    link = world.ask("PUT", path, {"billingAccountName": ACCOUNT})[1]
    assert link["billingEnabled"] is True
    assert world.ask("GET", f"{BILLING}{ACCOUNT}/projects")[1]["projectBillingInfo"] == [link]
    assert world.ask("PUT", path, {"billingAccountName": "mine"})[0] == 400
    assert world.ask("PUT", path, {"billingAccountName": "billingAccounts/111111-111111-111111"})[0] == 403
    world.ask("DELETE", "/cloudresourcemanager/v3/projects/acme-eu-001")
    assert world.ask("PUT", path, {"billingAccountName": ""})[0] == 400


def test_an_account_is_renamed_and_others_are_forbidden(world: Any) -> None:
    row = world.ask("PATCH", f"{BILLING}{ACCOUNT}", {"displayName": "Fleet"}, updateMask="displayName")[1]
    assert (row["displayName"], row["open"]) == ("Fleet", True)
    assert world.ask("GET", f"{BILLING}billingAccounts", filter="open=true")[1]["billingAccounts"] == [row]
    assert world.ask("GET", f"{BILLING}billingAccounts", filter="open=false")[1]["billingAccounts"] == []
    assert world.ask("GET", f"{BILLING}billingAccounts/111111-111111-111111")[0] == 403


def test_the_price_list_can_be_read(world: Any) -> None:
    services = {row["displayName"]: row["name"] for row in world.ask("GET", f"{BILLING}services")[1]["services"]}
    skus = world.ask("GET", f"{BILLING}{services['Cloud Run']}/skus")[1]["skus"]
    cpu = next(sku for sku in skus if sku["description"].startswith("Services CPU (Request"))
    rates = cpu["pricingInfo"][0]["pricingExpression"]["tieredRates"]
    assert [rate["unitPrice"]["nanos"] for rate in rates] == [0, 24_000]
    first = world.ask("GET", f"{BILLING}{services['Cloud Run']}/skus", pageSize=2)[1]
    assert first["nextPageToken"]
    assert world.ask("GET", f"{BILLING}services/none/skus")[0] == 404


def test_a_budget_gets_its_defaults_and_a_name(world: Any) -> None:
    number = world.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"]
    wish = {
        **TEN,
        "budgetFilter": {"projects": ["projects/acme-eu-001"]},
        "thresholdRules": [{"thresholdPercent": 0.5}],
    }
    status, budget = world.ask("POST", BUDGETS, wish)
    assert status == 200
    assert budget["budgetFilter"] == {
        "projects": [number], "calendarPeriod": "MONTH", "creditTypesTreatment": "INCLUDE_ALL_CREDITS",
    }  # fmt: skip
    assert budget["amount"]["specifiedAmount"] == {"currencyCode": "USD", "units": "10"}
    assert budget["thresholdRules"] == [{"thresholdPercent": 0.5, "spendBasis": "CURRENT_SPEND"}]
    path = f"/billingbudgets/v1/{budget['name']}"
    changed = world.ask("PATCH", path, {"displayName": "Ten"}, updateMask="displayName")[1]
    assert (changed["displayName"], changed["amount"]) == ("Ten", budget["amount"])
    assert world.ask("PATCH", path, {"displayName": "T", "etag": budget["etag"]}, updateMask="displayName")[0] == 409
    assert world.ask("GET", BUDGETS)[1]["budgets"] == [changed]
    assert world.ask("DELETE", path) == (200, {})
    assert world.ask("GET", path)[0] == 404


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"amount": {"specifiedAmount": {"units": "1", "currencyCode": "EUR"}}},
        {**TEN, "thresholdRules": [{"thresholdPercent": 0}]},
        {**TEN, "budgetFilter": {"creditTypes": ["DISCOUNT"]}},
        {**TEN, "displayName": "x" * 61},
    ],
)
def test_a_budget_that_cannot_be_is_refused(world: Any, wish: Any) -> None:
    assert world.ask("POST", BUDGETS, wish)[0] == 400


def test_an_organisation_policy_of_its_own_api(world: Any) -> None:
    name = "projects/acme-eu-001/policies/sql.restrictPublicIp"
    wish = {"name": name, "spec": {"rules": [{"enforce": True}]}}
    status, policy = world.ask("POST", POLICIES, wish)
    assert status == 200
    assert {"etag", "updateTime"} <= set(policy["spec"])
    assert world.ask("POST", POLICIES, wish)[0] == 409
    effective = world.ask("GET", f"{POLICIES}/sql.restrictPublicIp:getEffectivePolicy")[1]
    assert effective["spec"] == {"rules": [{"enforce": True}]}
    stale = {**policy, "spec": {"rules": [{"enforce": False}], "etag": "eA=="}}
    assert world.ask("PATCH", f"{POLICIES}/sql.restrictPublicIp", stale)[0] == 409
    fresh = {"spec": {"rules": [{"enforce": False}], "etag": policy["spec"]["etag"]}}
    assert world.ask("PATCH", f"{POLICIES}/sql.restrictPublicIp", fresh)[1]["spec"]["rules"] == [{"enforce": False}]
    assert world.ask("DELETE", f"{POLICIES}/sql.restrictPublicIp") == (200, {})
    assert world.ask("GET", f"{POLICIES}/sql.restrictPublicIp")[0] == 404
