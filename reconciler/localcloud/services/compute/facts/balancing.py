"""Backends, health checks, URL maps, proxies, certificates, forwarding rules, security policies.

From the recordings; ports of health checks and defaults of caches from the descriptions of the discovery document;
the features of SSL policies from https://cloud.google.com/load-balancing/docs/ssl-policies-concepts.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.services.compute.addresses import free_external, free_internal
from reconciler.localcloud.services.compute.kinds import Draft, Kind, refused
from reconciler.localcloud.services.compute.places import STORED, key_of, parsed, stored_at
from reconciler.localcloud.values import digits

_HTTP = ("HTTP", "HTTPS", "HTTP2", "H2C")
# check's property: (default port, and what else is always shown)
_CHECKS: dict[str, tuple[str, int, Mapping[str, Any]]] = {
    "TCP": ("tcpHealthCheck", 80, {"proxyHeader": "NONE"}), "SSL": ("sslHealthCheck", 443, {"proxyHeader": "NONE"}),
    "HTTP": ("httpHealthCheck", 80, {"proxyHeader": "NONE", "requestPath": "/"}),
    "HTTPS": ("httpsHealthCheck", 443, {"proxyHeader": "NONE", "requestPath": "/"}),
    "HTTP2": ("http2HealthCheck", 443, {"proxyHeader": "NONE", "requestPath": "/"}), "GRPC": ("grpcHealthCheck", 0, {}),
    "GRPC_WITH_TLS": ("grpcTlsHealthCheck", 0, {}),
}  # fmt: skip


def _backend_service(draft: Draft) -> None:
    body = draft.body
    draft.default("loadBalancingScheme", "EXTERNAL")
    draft.default("protocol", "TCP" if body["loadBalancingScheme"] == "INTERNAL" else "HTTP")
    if body["loadBalancingScheme"] != "INTERNAL":
        draft.default("affinityCookieTtlSec", 0)
    if body["protocol"] in _HTTP:
        draft.default("port", 80)
        draft.default("portName", "http")
    draft.default("connectionDraining", {"drainingTimeoutSec": 0})
    iap = {"enabled": False, "oauth2ClientId": "", **body.get("iap", {})}
    if "oauth2ClientSecret" in iap or "oauth2ClientSecretSha256" not in iap:
        secret = str(iap.pop("oauth2ClientSecret", ""))
        iap["oauth2ClientSecretSha256"] = hashlib.sha256(secret.encode()).hexdigest()
    body["iap"] = iap
    if body.get("enableCDN"):
        body["cdnPolicy"] = _cached(body.get("cdnPolicy", {}))
    scheme = body["loadBalancingScheme"]
    for index, backend in enumerate(body.get("backends", [])):
        backend.setdefault("balancingMode", "CONNECTION" if scheme == "INTERNAL" else "UTILIZATION")
        if scheme == "INTERNAL" and backend["balancingMode"] != "CONNECTION":
            said = "Balancing mode must be CONNECTION for an INTERNAL backend service."
            raise refused(f"resource.backends[{index}].balancingMode", backend["balancingMode"], said)
        if scheme != "INTERNAL":
            backend.setdefault("capacityScaler", 1)


def _cached(policy: dict[str, Any]) -> dict[str, Any]:
    """What Cloud CDN does when nobody says otherwise (BackendServiceCdnPolicy's descriptions)."""
    mode = policy.get("cacheMode", "CACHE_ALL_STATIC")
    known: dict[str, Any] = {"cacheMode": mode, "signedUrlCacheMaxAgeSec": "0"}
    if mode == "CACHE_ALL_STATIC":
        known |= {"clientTtl": 3600, "defaultTtl": 3600, "maxTtl": 86400}
    if mode == "FORCE_CACHE_ALL":
        known |= {"clientTtl": 3600, "defaultTtl": 3600}
    if "cacheKeyPolicy" not in policy:
        known["cacheKeyPolicy"] = {"includeHost": True, "includeProtocol": True, "includeQueryString": True}
    return {**known, **policy}


def _backend_bucket(draft: Draft) -> None:
    if draft.body.get("enableCdn"):
        policy = _cached(draft.body.get("cdnPolicy", {}))
        if "cacheKeyPolicy" not in draft.body.get("cdnPolicy", {}):
            del policy["cacheKeyPolicy"]
        draft.body["cdnPolicy"] = policy


def _health_check(draft: Draft) -> None:
    body = draft.body
    given = next((kind for kind, (name, _, _) in _CHECKS.items() if name in body), "")
    kind = str(body.get("type") or given)
    if kind not in _CHECKS:
        raise refused("resource.type", kind, "Type must be specified.")
    body["type"] = kind
    name, port, shown = _CHECKS[kind]
    check = {**shown, **body.get(name, {})}
    if port and "portName" not in check and check.get("portSpecification", "USE_FIXED_PORT") == "USE_FIXED_PORT":
        check.setdefault("port", port)
    body[name] = check
    if int(body["timeoutSec"]) > int(body["checkIntervalSec"]):
        said = f"The timeout should be smaller than or equal to the check interval ({body['checkIntervalSec']})."
        raise refused("resource.timeoutSec", body["timeoutSec"], said)


def _url_map(draft: Draft) -> None:
    body = draft.body
    if not any(body.get(name) for name in ("defaultService", "defaultUrlRedirect", "defaultRouteAction")):
        said = "Default service, default URL redirect or default route action must be specified."
        raise refused("resource.defaultService", "", said)
    known = {matcher.get("name") for matcher in body.get("pathMatchers", [])}
    for index, rule in enumerate(body.get("hostRules", [])):
        if rule.get("pathMatcher") not in known:
            said = "Reference to a path matcher that does not exist."
            raise refused(f"resource.hostRules[{index}].pathMatcher", rule.get("pathMatcher", ""), said)


# Cipher suites of each profile, weakest profile first; a stronger one is a subset of a weaker.
_RESTRICTED = tuple(
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
)
_MODERN = (
    *_RESTRICTED,
    *(f"TLS_ECDHE_{key}_WITH_AES_{size}_CBC_SHA" for key in ("ECDSA", "RSA") for size in (128, 256)),
)
COMPATIBLE = (
    *_MODERN,
    *(f"TLS_RSA_WITH_{cipher}" for cipher in (
        "3DES_EDE_CBC_SHA", "AES_128_CBC_SHA", "AES_128_GCM_SHA256", "AES_256_CBC_SHA", "AES_256_GCM_SHA384")),
)  # fmt: skip
_PROFILES = {"COMPATIBLE": COMPATIBLE, "MODERN": _MODERN, "RESTRICTED": _RESTRICTED}


def _ssl_policy(draft: Draft) -> None:
    body = draft.body
    custom = body.get("customFeatures")
    if body["profile"] == "CUSTOM":
        if not custom:
            said = "Custom features must be specified when using the CUSTOM profile."
            raise refused("resource.customFeatures", "", said)
        body["enabledFeatures"] = sorted(custom)
    elif custom:
        raise refused("resource.customFeatures", "", "Custom features can only be specified with the CUSTOM profile.")
    else:
        body["enabledFeatures"] = sorted(_PROFILES.get(body["profile"], COMPATIBLE))


DEFAULT_RULE = 2147483647


def _security_policy(draft: Draft) -> None:
    """A policy always has a rule for all that no other matches; its rules are shown in the order of priority."""
    body = draft.body
    rules = body.get("rules", [])
    if body["type"] in ("CLOUD_ARMOR", "CLOUD_ARMOR_EDGE") and all(r.get("priority") != DEFAULT_RULE for r in rules):
        rules = [*rules, {
            "kind": "compute#securityPolicyRule", "description": "default rule", "priority": DEFAULT_RULE,
            "match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}, "action": "allow",
            "preview": False,
        }]  # fmt: skip
    seen = [rule.get("priority", 0) for rule in rules]
    for priority in seen:
        if seen.count(priority) > 1:
            raise refused("resource.rules", priority, "Cannot have rules with the same priorities.")
    body["rules"] = sorted(rules, key=lambda rule: int(rule.get("priority", 0)))


def _forwarding_rule(draft: Draft) -> None:
    body, place = draft.body, draft.place
    consumer = "/serviceAttachments/" in str(body.get("target", "")) or str(body.get("target", "")) in (
        "all-apis", "vpc-sc",
    )  # fmt: skip
    if not consumer:
        draft.default("loadBalancingScheme", "EXTERNAL")
    scheme = body.get("loadBalancingScheme", "")
    draft.default("IPProtocol", "TCP")
    draft.default("networkTier", "PREMIUM")
    ports = str(body.get("portRange", ""))
    if ports and "-" not in ports:
        body["portRange"] = f"{ports}-{ports}"
    if scheme.startswith("INTERNAL"):
        subnetwork = parsed(str(body.get("subnetwork", "")))
        found = stored_at(draft.call.state, subnetwork) if subnetwork else None
        network = found[1].get("network") if found else None
        draft.default("network", network or f"{STORED}projects/{place.project}/global/networks/default")
    _assign(draft, internal=scheme.startswith("INTERNAL") or consumer)
    if consumer:
        draft.default("pscConnectionId", digits(draft.call.rng, 17))
        draft.default("pscConnectionStatus", "ACCEPTED")
    if body.get("serviceLabel"):
        region = place.scope.rsplit("/", 1)[-1]
        body["serviceName"] = f"{body['serviceLabel']}.{place.name}.il4.{region}.lb.{place.project}.internal"


def _assign(draft: Draft, *, internal: bool) -> None:
    """The address of a forwarding rule: a reserved one by its link, which is then in use, or a new ephemeral one."""
    body = draft.body
    reserved = parsed(str(body.get("IPAddress", "")))
    if reserved and draft.before is None:
        found = stored_at(draft.call.state, reserved)
        if found and found[1].get("address"):
            row = found[1]
            row |= {"status": "IN_USE", "users": [*row.get("users", []), body["selfLink"]]}
            draft.call.state.put(key_of(draft.call.state, found[0]), row)
            body["IPAddress"] = row["address"]
    if not body.get("IPAddress"):
        body["IPAddress"] = free_internal(draft) if internal else free_external(draft)


def _certificate(draft: Draft) -> None:
    """Managed certificates are provisioning until their domains point here; nobody can know, so they stay so."""
    body = draft.body
    if body.get("managed"):
        body["type"] = "MANAGED"
        body["managed"].setdefault("status", "PROVISIONING")
        body["managed"].setdefault("domainStatus", dict.fromkeys(body["managed"].get("domains", []), "PROVISIONING"))
    else:
        own = body.get("selfManaged", {})
        certificate = body.get("certificate") or own.get("certificate")
        if draft.before is None and not certificate:
            raise refused("resource.certificate", "", "The SSL certificate could not be parsed.")
        body |= {"type": "SELF_MANAGED", "certificate": certificate, "selfManaged": {"certificate": certificate}}
        expiry = _expiry(str(certificate))
        if expiry:
            body["expireTime"] = expiry


def _expiry(pem: str) -> str:
    """When a PEM certificate ends: the second time in its DER, which is that of its validity; empty if unreadable."""
    try:
        inside = pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END", maxsplit=1)[0]
        der = base64.b64decode("".join(inside.split()))
    except (IndexError, ValueError):
        return ""
    times = re.findall(rb"\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z", der)
    if len(times) < 2:
        return ""
    short, long = times[1]
    text = long.decode() or ("20" if short[:2] < b"50" else "19") + short.decode()
    day, hour = f"{text[:4]}-{text[4:6]}-{text[6:8]}", f"{text[8:10]}:{text[10:12]}:{text[12:14]}"
    return f"{day}T{hour}.000-00:00"


def _tuples(rule: dict[str, Any]) -> int:
    """Recorded: every attribute of a rule counts one, a domain name a hundred."""
    match = rule.get("match", {})
    count = 100 * sum(len(match.get(name, [])) for name in ("srcFqdns", "destFqdns"))
    count += sum(len(value) for name, value in match.items() if isinstance(value, list) and "Fqdns" not in name)
    count += sum(len(layer.get("ports", [])) for layer in match.get("layer4Configs", []))
    return count + len(rule.get("targetResources", [])) + len(rule.get("targetServiceAccounts", []))


def _firewall_policy(draft: Draft) -> None:
    """Four rules at the end pass everything on; each rule and the policy show how much they cost."""
    body = draft.body
    rules = list(body.get("rules", []))
    seen = {rule.get("priority") for rule in rules}
    for offset, (side, field, span, what) in enumerate((
        ("EGRESS", "destIpRanges", "::/0", "egress rule ipv6"), ("INGRESS", "srcIpRanges", "::/0", "ingress rule ipv6"),
        ("EGRESS", "destIpRanges", "0.0.0.0/0", "egress rule"), ("INGRESS", "srcIpRanges", "0.0.0.0/0", "ingress rule"),
    )):  # fmt: skip
        if DEFAULT_RULE - 3 + offset not in seen:
            rules.append({
                "kind": "compute#firewallPolicyRule", "priority": DEFAULT_RULE - 3 + offset, "action": "goto_next",
                "description": f"default {what}", "direction": side, "enableLogging": False,
                "match": {field: [span], "layer4Configs": [{"ipProtocol": "all"}]},
            })  # fmt: skip
    for rule in rules:
        rule["ruleTupleCount"] = _tuples(rule)
    body["rules"] = sorted(rules, key=lambda rule: int(rule.get("priority", 0)))
    body["ruleTupleCount"] = sum(rule["ruleTupleCount"] for rule in rules)


KINDS: dict[str, Kind] = {
    "firewallPolicies": Kind(
        fill=_firewall_policy,
        verbs={
            "insert": "createFirewallPolicy", "delete": "deleteFirewallPolicy", "patch": "patchFirewallPolicy",
            "addRule": "addFirewallRuleToFirewallPolicy", "patchRule": "patchFirewallRuleInFirewallPolicy",
            "removeRule": "removeFirewallRuleFromFirewallPolicy", "addAssociation": "addAssociation",
        },
    ),
    "backendServices": Kind(
        defaults={"description": "", "sessionAffinity": "NONE", "timeoutSec": 30},
        fill=_backend_service,
        used_by=("urlMaps", "targetTcpProxies", "targetSslProxies", "forwardingRules"),
        immutable=frozenset({"loadBalancingScheme"}),
    ),
    "backendBuckets": Kind(fill=_backend_bucket, required=("bucketName",), used_by=("urlMaps",)),
    "healthChecks": Kind(
        defaults={"checkIntervalSec": 5, "timeoutSec": 5, "healthyThreshold": 2, "unhealthyThreshold": 2},
        fill=_health_check,
        used_by=("backendServices", "instanceGroupManagers", "targetPools"),
    ),
    "httpHealthChecks": Kind(
        defaults={
            "checkIntervalSec": 5, "timeoutSec": 5, "healthyThreshold": 2, "unhealthyThreshold": 2, "port": 80,
            "requestPath": "/", "proxyHeader": "NONE",
        },
        used_by=("backendServices", "targetPools"),
    ),
    "httpsHealthChecks": Kind(
        defaults={
            "checkIntervalSec": 5, "timeoutSec": 5, "healthyThreshold": 2, "unhealthyThreshold": 2, "port": 443,
            "requestPath": "/", "proxyHeader": "NONE",
        },
        used_by=("backendServices", "targetPools"),
    ),
    "urlMaps": Kind(fill=_url_map, used_by=("targetHttpProxies", "targetHttpsProxies", "targetGrpcProxies")),
    "targetHttpProxies": Kind(required=("urlMap",), verbs={"setUrlMap": "SetUrlMap"}, used_by=("forwardingRules",)),
    "targetHttpsProxies": Kind(
        defaults={"quicOverride": "NONE", "tlsEarlyData": "DISABLED"},
        required=("urlMap",),
        verbs={"setUrlMap": "SetUrlMap"},
        dotted=frozenset({"setQuicOverride", "setSslPolicy", "setCertificateMap"}),
        used_by=("forwardingRules",),
    ),
    "targetGrpcProxies": Kind(dotted=True, required=("urlMap",), used_by=("forwardingRules",)),
    "targetTcpProxies": Kind(
        defaults={"proxyHeader": "NONE"},
        required=("service",),
        verbs={
            "setBackendService": "TargetTcpProxySetBackendService",
            "setProxyHeader": "TargetTcpProxySetProxyHeader",
        },
        used_by=("forwardingRules",),
    ),
    "targetSslProxies": Kind(
        defaults={"proxyHeader": "NONE"},
        required=("service",),
        verbs={
            "setBackendService": "TargetSslProxySetBackendService",
            "setProxyHeader": "TargetSslProxySetProxyHeader",
        },
        used_by=("forwardingRules",),
    ),
    "targetPools": Kind(defaults={"sessionAffinity": "NONE"}, used_by=("forwardingRules", "instanceGroupManagers")),
    "targetInstances": Kind(defaults={"natPolicy": "NO_NAT"}, used_by=("forwardingRules",)),
    "forwardingRules": Kind(
        defaults={"description": ""},
        fill=_forwarding_rule,
        verbs={"setTarget": "SetTarget"},
        later=frozenset({"labels"}),
        used_by=("serviceAttachments",),
    ),
    "sslPolicies": Kind(
        defaults={"profile": "COMPATIBLE", "minTlsVersion": "TLS_1_0"},
        fill=_ssl_policy,
        dotted=frozenset({"patch"}),
        used_by=("targetHttpsProxies", "targetSslProxies"),
    ),
    "sslCertificates": Kind(
        fill=_certificate, dropped=frozenset({"privateKey"}), used_by=("targetHttpsProxies", "targetSslProxies")
    ),
    "securityPolicies": Kind(
        defaults={"description": "", "type": "CLOUD_ARMOR"},
        fill=_security_policy,
        verbs={"addRule": "AddRule", "patchRule": "PatchRule", "removeRule": "RemoveRule"},
        used_by=("backendServices", "backendBuckets", "networkEdgeSecurityServices"),
    ),
    "serviceAttachments": Kind(required=("targetService", "natSubnets")),
    "networkEndpointGroups": Kind(defaults={"size": 0}, used_by=("backendServices",)),
}  # fmt: skip
MESSAGES: dict[str, Mapping[str, Any]] = {
    "SecurityPolicyRule": {"description": "", "preview": False},
    "FirewallPolicyRule": {"description": ""},
    "UrlMapTest": {"description": ""},
    "Duration": {"nanos": 0},
}
