"""Networks by the pure core: the default one, subnetworks, peerings, addresses, VPN, Shared VPC."""

from __future__ import annotations

from typing import Any

from tests.localcloud.test_core_compute import LINK, P, make


def test_every_project_has_the_default_network_with_a_subnetwork_in_every_region(world: Any) -> None:
    _, network = world.ask("GET", f"{P}/global/networks/default")
    assert network["autoCreateSubnetworks"] is True
    regions = [row["name"] for row in world.ask("GET", f"{P}/regions")[1]["items"]]
    assert network["subnetworks"] == [f"{LINK}/regions/{name}/subnetworks/default" for name in regions]
    _, subnet = world.ask("GET", f"{P}/regions/europe-west1/subnetworks/default")
    assert (subnet["ipCidrRange"], subnet["gatewayAddress"]) == ("10.132.0.0/20", "10.132.0.1")
    firewalls = [row["name"] for row in world.ask("GET", f"{P}/global/firewalls")[1]["items"]]
    assert firewalls == ["default-allow-icmp", "default-allow-internal", "default-allow-rdp", "default-allow-ssh"]


def test_a_network_that_is_used_fails_in_its_operation(world: Any) -> None:
    make(world, "networks", {"name": "net", "autoCreateSubnetworks": False})
    body = {"name": "sub", "network": "global/networks/net", "ipCidrRange": "10.0.0.0/24"}
    make(world, "subnetworks", body, "regions/us-east1")
    _, operation = world.ask("DELETE", f"{P}/global/networks/net")
    assert operation["status"] == "RUNNING"
    world.pass_time(60)
    _, done = world.ask("GET", f"{P}/global/operations/{operation['name']}")
    assert (done["httpErrorStatusCode"], done["error"]["errors"][0]["code"]) == (
        400, "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
    )  # fmt: skip
    assert world.ask("DELETE", f"{P}/regions/us-east1/subnetworks/sub")[0] == 200
    assert world.ask("DELETE", f"{P}/global/networks/net")[0] == 200
    assert world.ask("GET", f"{P}/global/networks/net")[0] == 404
    overlapping = {**body, "network": "global/networks/default", "ipCidrRange": "10.132.0.0/24"}
    assert world.ask("POST", f"{P}/regions/us-east1/subnetworks", overlapping)[0] == 400


def test_two_networks_peer_when_both_want_it(world: Any) -> None:
    for name in ("one", "two"):
        make(world, "networks", {"name": name, "autoCreateSubnetworks": False})
    for name, other in (("one", "two"), ("two", "one")):
        peering = {"name": "to", "network": f"global/networks/{other}", "exchangeSubnetRoutes": True}
        assert world.ask("POST", f"{P}/global/networks/{name}/addPeering", {"networkPeering": peering})[0] == 200
        state = world.ask("GET", f"{P}/global/networks/{name}")[1]["peerings"][0]["state"]
        assert state == {"one": "INACTIVE", "two": "ACTIVE"}[name]
    assert world.ask("GET", f"{P}/global/networks/one")[1]["peerings"][0]["state"] == "ACTIVE"
    assert world.ask("POST", f"{P}/global/networks/two/removePeering", {"name": "to"})[0] == 200
    assert world.ask("GET", f"{P}/global/networks/one")[1]["peerings"][0]["state"] == "INACTIVE"


def test_reserved_addresses_of_a_subnetwork_are_its_own_and_differ(world: Any) -> None:
    found = []
    for name in ("a", "b"):
        body = {"name": name, "addressType": "INTERNAL", "subnetwork": "regions/us-east1/subnetworks/default"}
        found.append(make(world, "addresses", body, "regions/us-east1")["address"])
    assert found == ["10.142.0.2", "10.142.0.3"]
    body = {"name": "psa", "addressType": "INTERNAL", "purpose": "VPC_PEERING", "prefixLength": 16}
    span = make(world, "addresses", {**body, "network": "global/networks/default"})
    assert span["address"].endswith(".0.0")
    assert not 128 <= int(span["address"].split(".")[1]) <= 255


def test_a_network_can_be_used_only_when_its_creation_has_ended(world: Any) -> None:
    make(world, "networks", {"name": "net", "autoCreateSubnetworks": False})
    body = {"name": "sub", "network": "global/networks/net", "ipCidrRange": "10.0.0.0/24"}
    world.pass_time(1)
    for verb, path, sent in (("POST", "regions/us-east1/subnetworks", body), ("DELETE", "global/networks/net", None)):
        status, answer = world.ask(verb, f"{P}/{path}", sent)
        assert (status, answer["error"]["errors"][0]["reason"]) == (400, "resourceNotReady")
        assert answer["error"]["message"] == "The resource 'projects/acme-eu-001/global/networks/net' is not ready"
    world.pass_time(60)
    assert world.ask("POST", f"{P}/regions/us-east1/subnetworks", body)[0] == 200


def test_a_host_project_shares_its_networks(world: Any) -> None:
    world.project("acme-eu-002")
    other = "/compute/compute/v1/projects/acme-eu-002"
    resource = {"xpnResource": {"id": "acme-eu-002", "type": "PROJECT"}}
    assert world.ask("POST", f"{P}/enableXpnResource", resource)[0] == 400
    assert world.ask("POST", f"{P}/enableXpnHost")[0] == 200
    assert world.ask("POST", f"{P}/enableXpnResource", resource)[0] == 200
    assert world.ask("GET", f"{P}/getXpnResources")[1]["resources"] == [{"id": "acme-eu-002", "type": "PROJECT"}]
    assert world.ask("GET", f"{other}/getXpnHost")[1]["name"] == "acme-eu-001"
    assert world.ask("POST", f"{P}/disableXpnResource", resource)[0] == 200
    assert world.ask("GET", f"{other}/getXpnHost")[1] == {}


def test_the_secret_of_a_tunnel_is_never_shown(world: Any) -> None:
    place = "regions/us-east1"
    gateway = make(world, "vpnGateways", {"name": "gate", "network": "global/networks/default"}, place)
    assert [one["id"] for one in gateway["vpnInterfaces"]] == [0, 1]
    body = {"name": "t", "vpnGateway": f"{place}/vpnGateways/gate", "sharedSecret": "hush", "peerIp": "192.0.2.1"}
    tunnel = make(world, "vpnTunnels", body, place)
    assert "hush" not in str(tunnel)
    assert (tunnel["sharedSecret"], len(tunnel["sharedSecretHash"])) == ("*************", 27)
    assert world.ask("DELETE", f"{P}/{place}/vpnGateways/gate")[0] == 400


def test_a_router_translates_addresses_as_google_fills_it_in(world: Any) -> None:
    place = "regions/us-east1"
    make(world, "routers", {"name": "r", "network": "global/networks/default"}, place)
    nat = {
        "name": "nat", "natIpAllocateOption": "AUTO_ONLY", "natIps": [],
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
    }  # fmt: skip
    assert world.ask("PATCH", f"{P}/{place}/routers/r", {"nats": [nat]})[0] == 200
    router = world.ask("GET", f"{P}/{place}/routers/r")[1]
    assert router["encryptedInterconnectRouter"] is False
    assert router["nats"] == [{
        **{key: value for key, value in nat.items() if value != []}, "type": "PUBLIC", "autoNetworkTier": "PREMIUM",
        "endpointTypes": ["ENDPOINT_TYPE_VM"], "effectiveTcpTimeWaitTimeoutSec": 120,
    }]  # fmt: skip
    status = world.ask("GET", f"{P}/{place}/routers/r/getRouterStatus")[1]["result"]
    assert [one["name"] for one in status["natStatus"]] == ["nat"]
    refused, answer = world.ask("PATCH", f"{P}/{place}/routers/r", {"nats": [{"natIpAllocateOption": "AUTO_ONLY"}]})
    assert (refused, answer["error"]["message"]) == (400, "Required field 'resource.nats[0].name' not specified")
    assert world.ask("PATCH", f"{P}/{place}/routers/r", {"nats": []})[0] == 200
    assert "nats" not in world.ask("GET", f"{P}/{place}/routers/r")[1]
