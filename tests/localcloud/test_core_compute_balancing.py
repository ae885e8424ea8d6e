"""Load balancing and its guards by the pure core: from health check to forwarding rule, policies, certificates."""

from __future__ import annotations

from typing import Any

from tests.localcloud.test_core_compute import P, make


def test_a_load_balancer_from_its_parts_and_taken_apart_in_order(world: Any) -> None:
    make(world, "healthChecks", {"name": "check", "type": "HTTP"})
    service = make(world, "backendServices", {"name": "web", "healthChecks": ["global/healthChecks/check"]})
    assert (service["protocol"], service["port"], service["timeoutSec"]) == ("HTTP", 80, 30)
    make(world, "urlMaps", {"name": "map", "defaultService": "global/backendServices/web"})
    make(world, "targetHttpProxies", {"name": "proxy", "urlMap": "global/urlMaps/map"})
    make(world, "addresses", {"name": "ip"})
    body = {"name": "rule", "target": "global/targetHttpProxies/proxy", "portRange": "80", "labels": {"a": "b"}}
    rule = make(world, "forwardingRules", {**body, "IPAddress": "global/addresses/ip"})
    assert (rule["portRange"], rule["IPProtocol"], "labels" in rule) == ("80-80", "TCP", False)
    address = world.ask("GET", f"{P}/global/addresses/ip")[1]
    assert (address["status"], address["users"], address["address"]) == (
        "IN_USE",
        [rule["selfLink"]],
        rule["IPAddress"],
    )
    status, answer = world.ask("DELETE", f"{P}/global/urlMaps/map")
    assert (status, answer["error"]["errors"][0]["reason"]) == (400, "resourceInUseByAnotherResource")
    assert answer["error"]["message"] == (
        "The url_map resource 'projects/acme-eu-001/global/urlMaps/map' is already being used by "
        "'projects/acme-eu-001/global/targetHttpProxies/proxy'"
    )
    assert world.ask("DELETE", f"{P}/global/addresses/ip")[0] == 400
    for path in (
        "forwardingRules/rule",
        "targetHttpProxies/proxy",
        "urlMaps/map",
        "backendServices/web",
        "addresses/ip",
    ):
        assert world.ask("DELETE", f"{P}/global/{path}")[0] == 200, path


def test_rules_of_a_policy_are_kept_by_priority(world: Any) -> None:
    policy = make(world, "securityPolicies", {"name": "armor"})
    assert [rule["priority"] for rule in policy["rules"]] == [2147483647]
    path = f"{P}/global/securityPolicies/armor"
    match = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["192.0.2.0/24"]}}
    rule = {"priority": 1000, "action": "deny(403)", "match": match}
    assert world.ask("POST", f"{path}/addRule", rule)[1]["operationType"] == "AddRule"
    assert world.ask("POST", f"{path}/addRule", rule)[0] == 400
    got = world.ask("GET", f"{path}/getRule", priority=1000)[1]
    assert (got["kind"], got["preview"], got["description"]) == ("compute#securityPolicyRule", False, "")
    assert world.ask("POST", f"{path}/patchRule", {"action": "allow"}, priority=1000)[0] == 200
    rules = world.ask("GET", path)[1]["rules"]
    assert [(one["priority"], one["action"]) for one in rules] == [(1000, "allow"), (2147483647, "allow")]
    assert world.ask("POST", f"{path}/removeRule", priority=1000)[0] == 200
    status, answer = world.ask("GET", f"{path}/getRule", priority=1000)
    said = "The security policy does not contain a rule at priority 1000."
    assert (status, answer["error"]["message"]) == (400, f"Invalid value for field 'priority': '1000'. {said}")


def test_an_organisations_policy_is_named_by_a_number_that_the_operation_tells(world: Any) -> None:
    base = "/compute/compute/v1/locations/global"
    body = {"shortName": "edge", "parent": "organizations/111111111111"}
    _, operation = world.ask("POST", f"{base}/firewallPolicies", body, parentId="organizations/111111111111")
    assert (operation["operationType"], "targetId" in operation) == ("createFirewallPolicy", False)
    assert operation["name"].startswith("org-111111111111-")
    world.pass_time(60)
    _, done = world.ask("GET", f"{base}/operations/{operation['name']}")
    policy = world.ask("GET", f"{base}/firewallPolicies/{done['targetId']}")[1]
    assert (policy["name"], policy["displayName"], policy["ruleTupleCount"]) == (done["targetId"], "edge", 8)
    assert [rule["action"] for rule in policy["rules"]] == ["goto_next"] * 4
    listed = world.ask("GET", f"{base}/firewallPolicies", parentId="organizations/111111111111")[1]
    assert [row["name"] for row in listed["items"]] == [policy["name"]]
    assert world.ask("POST", f"{base}/firewallPolicies", body, parentId="organizations/111111111111")[0] == 409
    target = {"attachmentTarget": "organizations/111111111111", "name": "all"}
    assert world.ask("POST", f"{base}/firewallPolicies/{policy['name']}/addAssociation", target)[0] == 200
    bonds = world.ask("GET", f"{base}/firewallPolicies/listAssociations", targetResource="organizations/111111111111")[
        1
    ]
    assert [(bond["name"], bond["firewallPolicyId"]) for bond in bonds["associations"]] == [("all", policy["name"])]


def test_a_verb_sets_the_field_it_names(world: Any) -> None:
    make(world, "backendServices", {"name": "web"})
    for name in ("edge", "armor"):
        make(world, "securityPolicies", {"name": name})
    path = f"{P}/global/backendServices/web"
    for verb, name in (("setEdgeSecurityPolicy", "edge"), ("setSecurityPolicy", "armor")):
        assert world.ask("POST", f"{path}/{verb}", {"securityPolicy": f"global/securityPolicies/{name}"})[0] == 200
    service = world.ask("GET", path)[1]
    assert service["edgeSecurityPolicy"].endswith("/edge")
    assert service["securityPolicy"].endswith("/armor")


# An EC certificate made for this test, valid to 2036-11-24; its key was thrown away.
PEM = """-----BEGIN CERTIFICATE-----
MIIBgjCCASegAwIBAgIUNeUVK3fgWP65PknaQz1M0CxYQp8wCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wHhcNMjYxMTI3MDMwNzUyWhcNMzYxMTI0
MDMwNzUyWjAWMRQwEgYDVQQDDAtleGFtcGxlLmNvbTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABFzL7CKu9e2rF0jE+mCGYjlwU600wkEz166v2dt5yW6E36U88WFb
mZvNSPiPi9RItwsuhoCzormlMCLIzFW2r+6jUzBRMB0GA1UdDgQWBBQaw04TuNx/
m4aDoT/xd3m9ZkpFtzAfBgNVHSMEGDAWgBQaw04TuNx/m4aDoT/xd3m9ZkpFtzAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQC8OB6vkPhcUoChXVIg
MWzSvy6YzGPHBLptHoOwFCAmLQIhAM1FHmYnxeJry0OzwBZB4qerTACja9k1JYLA
opzIjOav
-----END CERTIFICATE-----
"""


def test_a_certificate_of_ones_own_shows_when_it_ends_and_never_its_key(world: Any) -> None:
    stored = make(world, "sslCertificates", {"name": "own", "certificate": PEM, "privateKey": "hush"})
    assert (stored["type"], stored["selfManaged"]) == ("SELF_MANAGED", {"certificate": PEM})
    assert stored["expireTime"].startswith("2036-11-24T")
    assert "hush" not in str(stored)
    managed = make(
        world, "sslCertificates", {"name": "m", "type": "MANAGED", "managed": {"domains": ["a.example.com"]}}
    )
    assert managed["managed"]["domainStatus"] == {"a.example.com": "PROVISIONING"}
    assert world.ask("POST", f"{P}/global/sslCertificates", {"name": "none"})[0] == 400
