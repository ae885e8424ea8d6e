"""Networks, subnetworks, addresses, routes, routers, firewalls, attachments.

From the recordings; firewalls, VPN and interconnects from the descriptions of the discovery document.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute.addresses import free_external, free_internal
from reconciler.localcloud.services.compute.kinds import Draft, Kind, refused
from reconciler.localcloud.services.compute.places import STORED, parsed, stored_at
from reconciler.localcloud.values import uuid_like

_PROXY_ONLY = ("REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY", "INTERNAL_HTTPS_LOAD_BALANCER")


def _network(draft: Draft) -> None:
    body = draft.body
    if "IPv4Range" not in body:
        draft.default("routingConfig", {})
        body["routingConfig"] = {
            "routingMode": "REGIONAL", "bgpBestPathSelectionMode": "LEGACY", **body["routingConfig"],
        }  # fmt: skip
    mtu = body.get("mtu")
    if mtu is not None and not 1300 <= int(mtu) <= 8896:
        raise refused("resource.mtu", mtu, "must be greater than or equal to 1300 and less than or equal to 8896")


def _subnetwork(draft: Draft) -> None:
    body = draft.body
    try:
        span = ipaddress.ip_network(str(body.get("ipCidrRange", "")))
    except ValueError as error:
        said = "Must be a valid IPV4 CIDR address range."
        raise refused("resource.ipCidrRange", body.get("ipCidrRange", ""), said) from error
    body["gatewayAddress"] = str(span.network_address + 1)
    draft.default("purpose", "PRIVATE")
    draft.default("state", "READY")
    if body["purpose"] in _PROXY_ONLY:
        draft.default("role", "ACTIVE")
    elif body["purpose"] not in ("PRIVATE_SERVICE_CONNECT", "PRIVATE_NAT"):
        draft.default("stackType", "IPV4_ONLY")
    if "logConfig" in body:
        body["enableFlowLogs"] = bool(body["logConfig"].get("enable"))
    elif body.get("enableFlowLogs"):
        body["logConfig"] = {"enable": True}
    if not body.get("secondaryIpRanges"):
        body.pop("secondaryIpRanges", None)


def _address(draft: Draft) -> None:
    """An address is taken from the subnetwork it names, or from the internet's documentation ranges."""
    body, regional = draft.body, draft.place.scope != "global"
    internal = body["addressType"] == "INTERNAL"
    if internal and regional:
        draft.default("purpose", "GCE_ENDPOINT")
    if regional:
        draft.default("networkTier", "PREMIUM")
    if draft.before is None and not body.get("address"):
        body["address"] = free_internal(draft) if internal else free_external(draft)
    draft.default("status", "RESERVED")


def _firewall(draft: Draft) -> None:
    body = draft.body
    if not body.get("allowed") and not body.get("denied"):
        raise refused("resource", "", "Either allowed or denied must be specified.")
    if body["direction"] == "INGRESS":
        if not any(body.get(name) for name in ("sourceRanges", "sourceTags", "sourceServiceAccounts")):
            body["sourceRanges"] = ["0.0.0.0/0"]
    elif not body.get("destinationRanges"):
        body["destinationRanges"] = ["0.0.0.0/0"]
    draft.default("network", f"{STORED}projects/{draft.place.project}/global/networks/default")


def _route(draft: Draft) -> None:
    gateway = "default-internet-gateway"
    if draft.body.get("nextHopGateway") == gateway:
        draft.body["nextHopGateway"] = f"{STORED}projects/{draft.place.project}/global/gateways/{gateway}"


def _router(draft: Draft) -> None:
    draft.default("encryptedInterconnectRouter", False)
    for index, nat in enumerate(draft.body.get("nats", [])):
        if not nat.get("name"):
            raise GoogleError(400, f"Required field 'resource.nats[{index}].name' not specified", reason="required")
        nat.setdefault("type", "PUBLIC")
        nat.setdefault("endpointTypes", ["ENDPOINT_TYPE_VM"])
        nat["effectiveTcpTimeWaitTimeoutSec"] = nat.get("tcpTimeWaitTimeoutSec", 120)
        if nat["type"] == "PUBLIC":
            nat.setdefault("autoNetworkTier", "PREMIUM")
        else:
            nat.setdefault("enableDynamicPortAllocation", True)
            # Recorded: a private gateway does not show it.
            nat.pop("natIpAllocateOption", None)


def _attachment(draft: Draft) -> None:
    """A network attachment shows the network of its subnetworks."""
    for link in draft.body.get("subnetworks", [])[:1]:
        place = parsed(str(link))
        found = stored_at(draft.call.state, place) if place else None
        if found:
            draft.body["network"] = found[1].get("network")


def _vpn_gateway(draft: Draft) -> None:
    """A gateway of two interfaces, each with an address of its own."""
    if not draft.body.get("vpnInterfaces"):
        draft.body["vpnInterfaces"] = [{"id": one, "ipAddress": free_external(draft)} for one in (0, 1)]


def _tunnel(draft: Draft) -> None:
    """The secret is never shown, but for its hash and stars."""
    secret = str(draft.body.get("sharedSecret", ""))
    if secret and set(secret) != {"*"}:
        digest = hashlib.sha256(secret.encode()).digest()[:20]
        draft.body["sharedSecretHash"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        draft.body["sharedSecret"] = "*" * 13


def _interconnect_attachment(draft: Draft) -> None:
    body = draft.body
    if body["type"] == "PARTNER":
        zone = body.get("edgeAvailabilityDomain", "AVAILABILITY_DOMAIN_ANY").rsplit("_", 1)[-1].lower()
        draft.default("edgeAvailabilityDomain", "AVAILABILITY_DOMAIN_ANY")
        draft.default("pairingKey", f"{uuid_like(draft.call.rng)}/{draft.place.scope.rsplit('/', 1)[-1]}/{zone}")
        draft.default("state", "PENDING_PARTNER")
    draft.default("state", "UNPROVISIONED" if body["type"] == "DEDICATED" else "ACTIVE")


def _mirroring(draft: Draft) -> None:
    """A mirroring shows its network and collector also by their canonical URL."""
    for name in ("network", "collectorIlb"):
        at = parsed(str(draft.body.get(name, {}).get("url", "")))
        found = stored_at(draft.call.state, at) if at else None
        if at and found:
            draft.body[name]["canonicalUrl"] = at.named(str(found[1]["id"])).link


_NETWORK_USERS = (
    "firewalls", "subnetworks", "routers", "routes", "addresses", "forwardingRules", "instances", "networkAttachments",
    "networkEndpointGroups", "vpnGateways", "targetVpnGateways", "packetMirrorings",
)  # fmt: skip
KINDS: dict[str, Kind] = {
    "networks": Kind(
        defaults={"networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL"},
        fill=_network,
        dotted=frozenset({"patch"}),
        used_by=_NETWORK_USERS,
        late=True,
        unready=True,
    ),
    "subnetworks": Kind(
        defaults={
            "privateIpGoogleAccess": False, "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
            "allowSubnetCidrRoutesOverlap": False, "enableFlowLogs": False,
        },
        fill=_subnetwork,
        required=("network", "ipCidrRange"),
        immutable=frozenset({"network"}),
        used_by=("instances", "forwardingRules", "addresses", "networkAttachments", "serviceAttachments", "routers"),
        late=True,
        unready=True,
    ),
    "addresses": Kind(defaults={"description": "", "addressType": "EXTERNAL"}, fill=_address),
    "firewalls": Kind(
        defaults={
            "description": "", "priority": 1000, "direction": "INGRESS", "disabled": False,
            "logConfig": {"enable": False},
        },
        fill=_firewall,
        immutable=frozenset({"network", "direction"}),
    ),
    "routes": Kind(defaults={"priority": 1000}, fill=_route, required=("network", "destRange")),
    "routers": Kind(fill=_router, required=("network",), immutable=frozenset({"network"})),
    "networkAttachments": Kind(fill=_attachment, dotted=True),
    "networkEdgeSecurityServices": Kind(
        verbs={
            "insert": "createNetworkEdgeSecurityService", "patch": "updateNetworkEdgeSecurityService",
            "delete": "deleteNetworkEdgeSecurityService",
        },
    ),
    "packetMirrorings": Kind(
        defaults={"priority": 1000, "enable": "TRUE"}, fill=_mirroring, required=("network", "collectorIlb")
    ),
    "vpnTunnels": Kind(
        defaults={
            "ikeVersion": 2, "status": "NO_INCOMING_PACKETS", "detailedStatus": "No incoming packets from peer",
            "localTrafficSelector": ["0.0.0.0/0"], "remoteTrafficSelector": ["0.0.0.0/0"],
        },
        fill=_tunnel,
        later=frozenset({"labels"}),
    ),
    "targetVpnGateways": Kind(defaults={"status": "READY"}, required=("network",), used_by=("vpnTunnels",)),
    "vpnGateways": Kind(
        defaults={"stackType": "IPV4_ONLY", "gatewayIpVersion": "IPV4"},
        fill=_vpn_gateway,
        required=("network",),
        later=frozenset({"labels"}),
        used_by=("vpnTunnels",),
    ),
    "externalVpnGateways": Kind(later=frozenset({"labels"}), used_by=("vpnTunnels",)),
    "interconnectAttachments": Kind(
        defaults={
            "adminEnabled": True, "mtu": 1440, "type": "DEDICATED", "encryption": "NONE",
            "operationalStatus": "OS_UNPROVISIONED",
        },
        fill=_interconnect_attachment,
    ),
}  # fmt: skip
MESSAGES: dict[str, Mapping[str, Any]] = {
    "RouterInterface": {"ipVersion": "IPV4"},
    "PacketMirroringFilter": {"direction": "BOTH"},
    "RouterBgpPeer": {
        "advertiseMode": "DEFAULT", "enable": "TRUE", "enableIpv6": False, "managementType": "MANAGED_BY_USER",
    },
    "RouterBgp": {"advertiseMode": "DEFAULT", "keepaliveInterval": 20},
}  # fmt: skip
