"""Certificate Manager v1: what Google fills in on DNS authorizations and managed certificates (recordings).

Everything else is generic. Managed certificates stay PROVISIONING: nobody answers the challenge here.
"""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import failed_precondition
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic, lro
from reconciler.localcloud.values import uuid_like

_BASE = "certificatemanager.projects.locations."
_NO_CONFIG = "INVALID_ARGUMENT: invalid name"


def _create_authorization(call: Call) -> Answer:
    domain = call.body.get("domain", "")
    where = "" if "/locations/global" in generic.path_of(call) else f"_{uuid_like(call.rng)[:8]}"
    call.body |= {
        "type": "PER_PROJECT_RECORD" if where else "FIXED_RECORD", **call.body,
        "dnsResourceRecord": {
            "name": f"_acme-challenge{where}.{domain}.", "type": "CNAME",
            "data": f"{uuid_like(call.rng)}.{call.rng.randrange(1, 20)}.authorize.certificatemanager.goog.",
        },
    }  # fmt: skip
    return generic.create(call)


def _create_certificate(call: Call) -> Answer:
    """An issuance config that is not there fails the operation, not the request (recordings)."""
    managed = call.body.get("managed")
    if managed is None:
        return generic.create(call)
    config = managed.get("issuanceConfig")
    if config and call.state.get(generic.key_of(call, config)) is None:
        path = f"{generic.path_of(call)}/{generic.fit(generic.chosen_id(call, 'certificates'))}"
        return lro.started(call, path, "certificatemanager.refused", {})
    domains = managed.get("domains", [])
    call.body["sanDnsnames"] = list(domains)
    call.body["managed"] = {
        **managed, "state": "PROVISIONING",
        "authorizationAttemptInfo": [{"domain": domain, "state": "AUTHORIZING"} for domain in domains],
    }  # fmt: skip
    if managed.get("dnsAuthorizations"):
        told = [projects.canonical(call.state, name) for name in managed["dnsAuthorizations"]]
        call.body["managed"]["dnsAuthorizations"] = told
    return generic.create(call)


def _create_config(call: Call) -> Answer:
    inner = (call.body.get("certificateAuthorityConfig") or {}).get("certificateAuthorityServiceConfig")
    if isinstance(inner, dict) and inner.get("caPool"):
        inner["caPool"] = projects.canonical(call.state, inner["caPool"])
    return generic.create(call)


def _create_entry(call: Call) -> Answer:
    call.body |= {"state": "ACTIVE"}
    return generic.create(call)


def _delete_map(call: Call) -> Answer:
    """A map with entries stays (https://cloud.google.com/certificate-manager/docs/maps)."""
    path = generic.path_of(call)
    if next(iter(generic.scan_all(call, path, "certificateMapEntries")), None) is not None:
        raise failed_precondition(f"can't delete certificate map that is referenced by certificate map entries: {path}")
    return generic.delete(call)


def _refused(ending: Ending) -> None:
    ending.failed = ending.failed or _NO_CONFIG


METHODS = {
    f"{_BASE}dnsAuthorizations.create": _create_authorization, f"{_BASE}certificates.create": _create_certificate,
    f"{_BASE}certificateIssuanceConfigs.create": _create_config, f"{_BASE}certificateMaps.delete": _delete_map,
    f"{_BASE}certificateMaps.certificateMapEntries.create": _create_entry,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"certificatemanager.refused": _refused}
