"""IAM: accounts and what identifies them, keys, roles, identity pools, deny policies, credentials."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

ACCOUNTS = "/iam/v1/projects/acme-eu-001/serviceAccounts"
EMAIL = "builder@acme-eu-001.iam.gserviceaccount.com"
ROLES = "/iam/v1/projects/acme-eu-001/roles"
POOLS = "/iam/v1/projects/acme-eu-001/locations/global/workloadIdentityPools"
DAY = 86_400


def message(answer: Any) -> str:
    return str(answer["error"]["message"])


@pytest.fixture
def account(world: Any) -> Any:
    status, row = world.ask("POST", ACCOUNTS, {"accountId": "builder", "serviceAccount": {"displayName": "B"}})
    assert status == 200
    return row


# --- accounts --------------------------------------------------------------------------------------------------


def test_an_account_answers_to_its_address_and_its_number(world: Any, account: Any) -> None:
    for name in (EMAIL, account["uniqueId"]):
        assert world.ask("GET", f"{ACCOUNTS}/{name}")[1] == account
        assert world.ask("GET", f"/iam/v1/projects/-/serviceAccounts/{name}")[1] == account
    assert message(world.ask("GET", f"{ACCOUNTS}/none@x.iam.gserviceaccount.com")[1]) == "Unknown service account"


def test_only_the_texts_of_an_account_change(world: Any, account: Any) -> None:
    wish = {"serviceAccount": {"description": "builds", "email": "x"}, "updateMask": "description"}
    assert world.ask("PATCH", f"{ACCOUNTS}/{EMAIL}", wish)[1] == {**account, "description": "builds"}
    put = world.ask("PUT", f"{ACCOUNTS}/{EMAIL}", {"displayName": "C", "etag": account["etag"]})[1]
    assert put == {**account, "displayName": "C"}
    long = {"serviceAccount": {"displayName": "x" * 101}, "updateMask": "displayName"}
    assert world.ask("PATCH", f"{ACCOUNTS}/{EMAIL}", long)[0] == 400


def test_a_deleted_account_is_undeleted_by_number_within_30_days(world: Any, account: Any) -> None:
    number = account["uniqueId"]
    world.ask("DELETE", f"{ACCOUNTS}/{EMAIL}")
    assert message(world.ask("GET", f"{ACCOUNTS}/{number}")[1]) == f"Account deleted: {number}"
    world.pass_time(29 * DAY)
    assert world.ask("POST", f"/iam/v1/projects/-/serviceAccounts/{number}:undelete", {})[0] == 200
    assert world.ask("GET", f"{ACCOUNTS}/{EMAIL}")[1] == account
    world.ask("DELETE", f"{ACCOUNTS}/{EMAIL}")
    world.pass_time(31 * DAY)
    assert world.ask("POST", f"{ACCOUNTS}/{number}:undelete", {})[0] == 404


# --- keys ------------------------------------------------------------------------------------------------------


def test_a_key_is_a_credentials_file_once_and_never_again(world: Any, account: Any) -> None:
    status, key = world.ask("POST", f"{ACCOUNTS}/{EMAIL}/keys", {})
    assert status == 200
    file = json.loads(base64.b64decode(key["privateKeyData"]))
    assert (file["type"], file["client_email"]) == ("service_account", EMAIL)
    assert file["private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert (key["validBeforeTime"], key["keyType"]) == ("9999-12-31T23:59:59Z", "USER_MANAGED")
    read = world.ask("GET", "/iam/v1/" + key["name"])[1]
    assert "privateKeyData" not in read
    assert read["name"] == key["name"]
    both = world.ask("GET", f"{ACCOUNTS}/{EMAIL}/keys")[1]["keys"]
    assert sorted(row["keyType"] for row in both) == ["SYSTEM_MANAGED", "USER_MANAGED"]
    mine = world.ask("GET", f"{ACCOUNTS}/{EMAIL}/keys", keyTypes="USER_MANAGED")[1]["keys"]
    assert [row["name"] for row in mine] == [key["name"]]


def test_a_key_is_turned_off_uploaded_and_deleted(world: Any, account: Any) -> None:
    wrong = world.ask("POST", f"{ACCOUNTS}/{EMAIL}/keys:upload", {"publicKeyData": "eA=="})
    assert wrong[0] == 400
    pem = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n").decode()
    key = world.ask("POST", f"{ACCOUNTS}/{EMAIL}/keys:upload", {"publicKeyData": pem})[1]
    assert key["keyOrigin"] == "USER_PROVIDED"
    path = "/iam/v1/" + key["name"]
    world.ask("POST", f"{path}:disable", {})
    assert world.ask("GET", path)[1]["disabled"] is True
    world.ask("POST", f"{path}:enable", {})
    assert world.ask("GET", path, publicKeyType="TYPE_X509_PEM_FILE")[1]["publicKeyData"] == pem
    assert world.ask("DELETE", path) == (200, {})
    own = key["name"].rpartition("/")[2]
    assert world.ask("DELETE", path)[1]["error"]["message"] == f"Service account key {own} does not exist."


# --- roles -----------------------------------------------------------------------------------------------------


def test_a_custom_role_lives_and_is_deleted_softly(world: Any) -> None:
    wish = {"title": "T", "includedPermissions": ["run.services.list", "run.services.get"], "stage": "GA"}
    status, role = world.ask("POST", ROLES, {"roleId": "deployer", "role": wish})
    assert status == 200
    assert role["name"] == "projects/acme-eu-001/roles/deployer"
    assert role["includedPermissions"] == ["run.services.get", "run.services.list"]
    again = world.ask("POST", ROLES, {"roleId": "deployer", "role": wish})
    assert (again[0], message(again[1])) == (409, "A role named deployer in projects/acme-eu-001 already exists.")
    changed = world.ask("PATCH", f"{ROLES}/deployer", {"title": "U", "etag": role["etag"]}, updateMask="title")[1]
    assert (changed["title"], changed["stage"]) == ("U", "GA")
    assert world.ask("PATCH", f"{ROLES}/deployer", {"title": "V", "etag": role["etag"]}, updateMask="title")[0] == 409
    assert "includedPermissions" not in world.ask("GET", ROLES)[1]["roles"][0]
    assert world.ask("GET", ROLES, view="FULL")[1]["roles"][0] == changed
    assert world.ask("DELETE", f"{ROLES}/deployer")[1]["deleted"] is True
    assert world.ask("GET", ROLES)[1] == {}
    assert world.ask("GET", f"{ROLES}/deployer")[1]["deleted"] is True
    marked = world.ask("POST", ROLES, {"roleId": "deployer", "role": wish})[1]
    assert message(marked) == "You can't create a role_id (deployer) which has been marked for deletion."
    assert "deleted" not in world.ask("POST", f"{ROLES}/deployer:undelete", {})[1]
    world.ask("DELETE", f"{ROLES}/deployer")
    world.pass_time(8 * DAY)
    assert world.ask("POST", f"{ROLES}/deployer:undelete", {})[0] == 400
    world.pass_time(30 * DAY)
    assert message(world.ask("GET", f"{ROLES}/deployer")[1]) == (
        "The role named projects/acme-eu-001/roles/deployer was not found."
    )
    assert world.ask("POST", ROLES, {"roleId": "deployer", "role": wish})[0] == 200


@pytest.mark.parametrize("permission", ["run", "run.services.*", "resourcemanager.projects.list"])
def test_a_permission_that_is_not_valid_is_named(world: Any, permission: str) -> None:
    status, answer = world.ask("POST", ROLES, {"roleId": "mine", "role": {"includedPermissions": [permission]}})
    assert (status, message(answer)) == (400, f"Permission {permission} is not valid.")


def test_a_custom_role_can_be_granted_until_it_is_deleted(world: Any) -> None:
    world.ask("POST", ROLES, {"roleId": "mine", "role": {"title": "T"}})
    grant = {"policy": {"bindings": [{"role": "projects/acme-eu-001/roles/mine", "members": ["user:a@example.com"]}]}}
    path = "/cloudresourcemanager/v3/projects/acme-eu-001:setIamPolicy"
    assert world.ask("POST", path, grant)[0] == 200
    world.ask("DELETE", f"{ROLES}/mine")
    assert world.ask("POST", path, grant)[0] == 400


def test_predefined_roles_are_read_and_searched(world: Any) -> None:
    role = world.ask("GET", "/iam/v1/roles/run.invoker")[1]
    assert (role["title"], role["etag"]) == ("Cloud Run Invoker", "AA==")
    assert "run.routes.invoke" in role["includedPermissions"]
    assert world.ask("GET", "/iam/v1/roles/aiplatform.customCodeServiceAgent")[0] == 200
    assert message(world.ask("GET", "/iam/v1/roles/none")[1]) == "The role named roles/none was not found."
    first = world.ask("GET", "/iam/v1/roles", pageSize=3)[1]
    second = world.ask("GET", "/iam/v1/roles", pageSize=3, pageToken=first["nextPageToken"])[1]
    assert first["roles"][-1]["name"] < second["roles"][0]["name"]
    where = {"fullResourceName": "//cloudresourcemanager.googleapis.com/projects/acme-eu-001", "pageSize": 2}
    assert len(world.ask("POST", "/iam/v1/roles:queryGrantableRoles", where)[1]["roles"]) == 2


# --- pools, denials, credentials -------------------------------------------------------------------------------


def test_an_identity_pool_and_its_provider(world: Any) -> None:
    assert world.ask("POST", POOLS, {}, workloadIdentityPoolId="no")[0] == 400
    made = world.ask("POST", POOLS, {"displayName": "CI"}, workloadIdentityPoolId="ci-pool")[1]
    pool = world.done("/iam/v1/", made)["response"]
    assert pool["state"] == "ACTIVE"
    providers = f"{POOLS}/ci-pool/providers"
    wish = {"oidc": {"issuerUri": "https://ci.example.com"}}
    assert world.ask("POST", providers, wish, workloadIdentityPoolProviderId="github")[0] == 400
    wish["attributeMapping"] = {"google.subject": "assertion.sub"}
    assert world.ask("POST", providers, wish, workloadIdentityPoolProviderId="github")[0] == 200
    assert len(world.ask("GET", providers)[1]["workloadIdentityPoolProviders"]) == 1
    world.ask("DELETE", f"{POOLS}/ci-pool")
    assert world.ask("GET", f"{POOLS}/ci-pool")[1]["state"] == "DELETED"
    assert world.ask("GET", POOLS)[1] == {}
    assert world.ask("POST", POOLS, {}, workloadIdentityPoolId="ci-pool")[0] == 409
    assert world.ask("POST", f"{POOLS}/ci-pool:undelete", {})[0] == 200
    assert world.ask("GET", f"{POOLS}/ci-pool")[1]["state"] == "ACTIVE"


def test_a_workforce_pool_belongs_to_an_organisation(world: Any) -> None:
    base = "/iam/v1/locations/global/workforcePools"
    assert world.ask("POST", base, {"parent": "projects/acme-eu-001"}, workforcePoolId="staff")[0] == 400
    made = world.ask("POST", base, {"parent": "organizations/111111111111"}, workforcePoolId="staff")[1]
    pool = world.done("/iam/v1/", made)["response"]
    assert (pool["name"], pool["sessionDuration"]) == ("locations/global/workforcePools/staff", "3600s")
    wish = {
        "oidc": {"issuerUri": "https://x", "clientId": "c"},
        "attributeMapping": {"google.subject": "assertion.sub"},
    }
    assert world.ask("POST", f"{base}/staff/providers", wish, workforcePoolProviderId="okta")[0] == 200
    assert len(world.ask("GET", f"{base}/staff/providers")[1]["workforcePoolProviders"]) == 1
    assert world.ask("GET", base, parent="organizations/111111111111")[1]["workforcePools"] == [
        {name: value for name, value in pool.items() if name != "@type"}
    ]
    world.ask("DELETE", f"{base}/staff")
    assert world.ask("GET", f"{base}/staff")[1]["state"] == "DELETED"


def test_deny_policies_hang_on_a_resource(world: Any) -> None:
    point = quote("cloudresourcemanager.googleapis.com/projects/acme-eu-001", safe="")
    base = f"/iam/v2/policies/{point}/denypolicies"
    rule = {"denyRule": {"deniedPrincipals": ["principalSet://goog/public:all"], "deniedPermissions": ["a.b/c.d"]}}
    made = world.ask("POST", base, {"rules": [rule]}, policyId="no-keys")[1]
    done = world.done("/iam/v2/", made)
    assert done["name"] == made["name"]
    policy = world.ask("GET", f"{base}/no-keys")[1]
    assert policy == {name: value for name, value in done["response"].items() if name != "@type"}
    assert policy["kind"] == "DenyPolicy"
    assert "rules" not in world.ask("GET", base)[1]["policies"][0]
    assert world.ask("PUT", f"{base}/no-keys", {"rules": [rule], "etag": "eA=="})[0] == 409
    assert world.ask("DELETE", f"{base}/no-keys", etag=policy["etag"])[0] == 200
    assert world.ask("GET", f"{base}/no-keys")[0] == 404


def test_tokens_and_signatures_of_an_account(world: Any, account: Any) -> None:
    base = f"/iamcredentials/v1/projects/-/serviceAccounts/{EMAIL}"
    scope = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    token = world.ask("POST", f"{base}:generateAccessToken", scope)[1]
    assert token["accessToken"].startswith("ya29.")
    assert world.ask("POST", f"{base}:generateAccessToken", {**scope, "lifetime": "7200s"})[0] == 400
    blob = world.ask("POST", f"{base}:signBlob", {"payload": "aGk="})[1]
    assert len(base64.b64decode(blob["signedBlob"])) == 256
    assert world.ask("POST", f"{base}:signBlob", {"payload": "aGk="})[1] == blob
    jwt = world.ask("POST", f"{base}:generateIdToken", {"audience": "https://x", "includeEmail": True})[1]["token"]
    claims = json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "=="))
    assert (claims["aud"], claims["email"]) == ("https://x", EMAIL)
    assert world.ask("GET", f"{base}/allowedLocations") == (200, {"locations": [], "encodedLocations": "0x0"})
    gone = world.ask("POST", f"{base.replace('builder', 'nobody')}:signBlob", {"payload": "aGk="})
    assert (gone[0], message(gone[1])) == (
        404, f"Not found; Gaia id not found for email {EMAIL.replace('builder', 'nobody')}",
    )  # fmt: skip
