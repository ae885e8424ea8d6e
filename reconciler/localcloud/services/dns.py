"""Cloud DNS v1 and v1beta2: zones with their records and changes, server policies, response policies.

Shapes from recordings and the discovery document. The recordings' errors are worded as a mock's; ours are Google's
(https://cloud.google.com/dns/docs/error-messages and what its clients print).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.localcloud import policies, projects
from reconciler.localcloud.api.kinds import with_kinds
from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, digits, milliseconds, seconds_of

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_PENDING_SECONDS = 5.0
_SERVERS = "abcde"
_SOA = "{server} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"


def _project(call: Call) -> str:
    return projects.canonical(call.state, f"projects/{call.params['project']}")


def _absent(what: str, own: str) -> GoogleError:
    return GoogleError(404, f"The '{what}' resource named '{own}' does not exist.", reason="notFound")


def _there(what: str, own: str) -> GoogleError:
    return GoogleError(409, f"The resource '{what}' named '{own}' already exists", reason="alreadyExists")


def _invalid(what: str, value: object) -> GoogleError:
    return GoogleError(400, f"Invalid value for '{what}': '{value}'", reason="invalid")


def _told(call: Call, row: Json, schema: str) -> Json:
    result: Json = with_kinds(call.api, call.api.schema(schema), row)
    return result


def _check_name(call: Call, entity: str) -> str:
    own = str(call.body.get("name", ""))
    if not _NAME.fullmatch(own):
        raise _invalid(f"entity.{entity}.name", own)
    return own


# --- zones -----------------------------------------------------------------------------------------------------


def _zone_key(call: Call, own: str = "") -> str:
    return f"dns.managedZones/{_project(call)}/managedZones/{own or call.params['managedZone']}"


def _zone(call: Call) -> Json:
    """By name or by number, as the API allows."""
    row = call.state.get(_zone_key(call))
    if row is None and call.params["managedZone"].isdigit():
        rows = call.state.scan(f"dns.managedZones/{_project(call)}/managedZones/")
        row = next((zone for _, zone in rows if zone["id"] == call.params["managedZone"]), None)
    if row is None:
        raise _absent("parameters.managedZone", call.params["managedZone"])
    return row


def _create_zone(call: Call) -> Answer:
    own, domain = _check_name(call, "managedZone"), str(call.body.get("dnsName", ""))
    if not domain.endswith("."):
        raise _invalid("entity.managedZone.dnsName", domain)
    if call.state.get(_zone_key(call, own)) is not None:
        raise _there("entity.managedZone", own)
    letter = call.rng.choice(_SERVERS)
    row: Json = {
        "visibility": "public", "description": "", **call.body, "id": digits(call.rng, 19),
        "creationTime": milliseconds(call.now),
        "nameServers": [f"ns-cloud-{letter}{number}.googledomains.com." for number in range(1, 5)],
    }  # fmt: skip
    row.setdefault("cloudLoggingConfig", {})
    call.state.put(_zone_key(call, own), row)
    servers = row["nameServers"]
    _put_set(call, row, {"name": domain, "type": "NS", "ttl": 21600, "rrdatas": servers})
    _put_set(call, row, {"name": domain, "type": "SOA", "ttl": 21600, "rrdatas": [_SOA.format(server=servers[0])]})
    return _told(call, row, "ManagedZone")


def _get_zone(call: Call) -> Answer:
    return _told(call, _zone(call), "ManagedZone")


def _list_zones(call: Call) -> Answer:
    rows = call.state.scan(f"dns.managedZones/{_project(call)}/managedZones/", generic.start_of(call))
    wanted = call.query("dnsName")
    shown = ((key, _told(call, row, "ManagedZone")) for key, row in rows if wanted in ("", row["dnsName"]))
    return _page(call, shown, "managedZones", "dns#managedZonesListResponse")


def _page(call: Call, rows: generic.Rows, name: str, kind: str) -> Json:
    found, token = generic.page(call, rows)
    kinds = {"kind": kind} if "kind" in call.api.schema(call.method.response)["properties"] else {}
    return kinds | {name: found} | ({"nextPageToken": token} if token else {})


def _change_zone(call: Call) -> Answer:
    before = _zone(call)
    wish = {name: value for name, value in call.body.items() if name not in ("id", "creationTime", "nameServers")}
    kept = {name: before[name] for name in ("name", "dnsName", "id", "creationTime", "nameServers", "visibility")}
    after = merged(before, wish) if call.method.name == "patch" else {"cloudLoggingConfig": {}, **wish}
    after |= kept
    call.state.put(_zone_key(call, before["name"]), after)
    return {
        "kind": "dns#operation", "id": digits(call.rng, 19), "startTime": milliseconds(call.now), "status": "done",
        "type": "update", "user": "user@example.com",
        "zoneContext": {"oldValue": _told(call, before, "ManagedZone"), "newValue": _told(call, after, "ManagedZone")},
    }  # fmt: skip


def _delete_zone(call: Call) -> Answer:
    zone = _zone(call)
    sets = list(call.state.scan(_sets(zone)))
    if any(row["type"] not in ("NS", "SOA") or row["name"] != zone["dnsName"] for _, row in sets):
        raise GoogleError(
            400,
            f"The resource 'entity.managedZone' named '{zone['name']}' cannot be deleted because it contains one or "
            "more 'resource records'.",
            reason="containerNotEmpty",
        )
    for key, _ in [*sets, *call.state.scan(f"dns.changes/{zone['id']}/")]:
        call.state.delete(key)
    call.state.delete(_zone_key(call, zone["name"]))
    call.state.delete(policies.key_of(call, f"{_project(call)}/managedZones/{zone['name']}"))
    return {}


# --- records and changes -----------------------------------------------------------------------------------------


def _sets(zone: Json) -> str:
    return f"dns.rrsets/{zone['id']}/"


def _set_key(zone: Json, name: str, kind: str) -> str:
    # In the order in which Google lists them: by name from the root on, then by type. The apex comes before what is
    # under it (recalled): "!" and " " sort before all that a label may have.
    turned = "!".join(reversed(name.rstrip(".").split(".")))
    return f"{_sets(zone)}{turned}! {kind}"


def _put_set(call: Call, zone: Json, row: Json) -> None:
    call.state.put(_set_key(zone, row["name"], row["type"]), row)


def _check_set(zone: Json, row: Json, where: str) -> None:
    name = str(row.get("name", ""))
    if not name.endswith(".") or not f".{name}".endswith(f".{zone['dnsName']}"):
        raise _invalid(f"{where}.name", name)
    if not row.get("type"):
        raise _invalid(f"{where}.type", "")


def _create_change(call: Call) -> Answer:
    """All deletions and additions, or none: a deletion must say exactly what is there."""
    zone = _zone(call)
    for index, row in enumerate(call.body.get("deletions", [])):
        where = f"entity.change.deletions[{index}]"
        _check_set(zone, row, where)
        stored = call.state.get(_set_key(zone, row["name"], row["type"]))
        if stored is None:
            raise _absent(where, f"{row['name']} ({row['type']})")
        if any(stored.get(name) != row[name] for name in ("ttl", "rrdatas") if name in row):
            raise GoogleError(412, f"Precondition not met for '{where}'", "FAILED_PRECONDITION", "conditionNotMet")
        call.state.delete(_set_key(zone, row["name"], row["type"]))
    for index, row in enumerate(call.body.get("additions", [])):
        where = f"entity.change.additions[{index}]"
        _check_set(zone, row, where)
        if call.state.get(_set_key(zone, row["name"], row["type"])) is not None:
            raise _there(where, f"{row['name']} ({row['type']})")
        _put_set(call, zone, row)
    number = str(1 + sum(1 for _ in call.state.scan(f"dns.changes/{zone['id']}/")))
    change: Json = {
        **{name: call.body[name] for name in ("additions", "deletions") if call.body.get(name)}, "id": number,
        "startTime": milliseconds(call.now), "visibility": zone["visibility"],
    }  # fmt: skip
    call.state.put(f"dns.changes/{zone['id']}/{int(number):012d}", change)
    return _seen(call, change)


def _seen(call: Call, change: Json) -> Json:
    """A change of a public zone takes a few seconds; one of a private zone is done at once (recordings)."""
    row = {name: value for name, value in change.items() if name != "visibility"}
    ends = seconds_of(row["startTime"]) + _PENDING_SECONDS / call.settings.time_scale
    row["status"] = "done" if change["visibility"] == "private" or call.now >= ends else "pending"
    return _told(call, row, "Change")


def _get_change(call: Call) -> Answer:
    zone, own = _zone(call), call.params["changeId"]
    row = call.state.get(f"dns.changes/{zone['id']}/{int(own):012d}") if own.isdigit() and len(own) < 12 else None
    if row is None:
        raise _absent("parameters.changeId", own)
    return _seen(call, row)


def _list_changes(call: Call) -> Answer:
    zone = _zone(call)
    rows = call.state.scan(f"dns.changes/{zone['id']}/", generic.start_of(call))
    return _page(call, ((key, _seen(call, row)) for key, row in rows), "changes", "dns#changesListResponse")


def _list_sets(call: Call) -> Answer:
    zone, name, kind = _zone(call), call.query("name"), call.query("type")
    rows = call.state.scan(_sets(zone), generic.start_of(call))
    shown = (
        (key, _told(call, row, "ResourceRecordSet"))
        for key, row in rows
        if name in ("", row["name"]) and kind in ("", row["type"])
    )
    return _page(call, shown, "rrsets", "dns#resourceRecordSetsListResponse")


def _set_of(call: Call) -> tuple[Json, str, Json]:
    zone, name, kind = _zone(call), call.params["name"], call.params["type"]
    key = _set_key(zone, name, kind)
    row = call.state.get(key)
    if row is None:
        raise _absent("parameters.rrset", f"{name} ({kind})")
    return zone, key, row


def _create_set(call: Call) -> Answer:
    zone = _zone(call)
    _check_set(zone, call.body, "entity.rrset")
    if call.state.get(_set_key(zone, call.body["name"], call.body["type"])) is not None:
        raise _there("entity.rrset", f"{call.body['name']} ({call.body['type']})")
    _put_set(call, zone, call.body)
    return _told(call, call.body, "ResourceRecordSet")


def _get_set(call: Call) -> Answer:
    return _told(call, _set_of(call)[2], "ResourceRecordSet")


def _patch_set(call: Call) -> Answer:
    zone, key, row = _set_of(call)
    changed = {**row, **call.body}
    _check_set(zone, changed, "entity.rrset")
    call.state.delete(key)
    _put_set(call, zone, changed)
    return _told(call, changed, "ResourceRecordSet")


def _delete_set(call: Call) -> Answer:
    call.state.delete(_set_of(call)[1])
    return {}


# --- policies: a name, and an envelope around every change ------------------------------------------------------------


@dataclass(frozen=True)
class _Named:
    """A collection whose resources are found by a name of their own and come back from changes as `{word: …}`."""

    word: str
    collection: str
    schema: str
    name: str

    def methods(self) -> dict[str, Callable[[Call], Answer]]:
        found = {
            "create": self.create, "get": self.get, "list": self.list, "patch": self.change, "update": self.change,
            "delete": self.delete,
        }  # fmt: skip
        return {f"dns.{self.collection}.{verb}": answer for verb, answer in found.items()}

    def key(self, call: Call, own: str) -> str:
        parent = call.params.get("responsePolicy", "") if self.word == "responsePolicyRule" else ""
        if parent and call.state.get(f"dns.responsePolicies/{_project(call)}/{parent}") is None:
            raise _absent("parameters.responsePolicy", parent)
        return f"dns.{self.collection}/{_project(call)}/" + (f"{parent}/" if parent else "") + own

    def load(self, call: Call) -> tuple[str, Json]:
        where = self.key(call, call.params[self.word])
        row = call.state.get(where)
        if row is None:
            raise _absent(f"parameters.{self.word}", call.params[self.word])
        return where, row

    def create(self, call: Call) -> Answer:
        own = str(call.body.get(self.name, ""))
        if not _NAME.fullmatch(own):
            raise _invalid(f"entity.{self.word}.name", own)
        if call.state.get(self.key(call, own)) is not None:
            raise _there(f"entity.{self.word}", own)
        row = dict(call.body)
        if "id" in call.api.schema(self.schema)["properties"]:
            row["id"] = digits(call.rng, 19)
        call.state.put(self.key(call, own), row)
        return _told(call, row, self.schema)

    def get(self, call: Call) -> Answer:
        return _told(call, self.load(call)[1], self.schema)

    def list(self, call: Call) -> Answer:
        rows = call.state.scan(self.key(call, ""), generic.start_of(call))
        shown = ((at, _told(call, row, self.schema)) for at, row in rows)
        return _page(call, shown, self.collection, f"dns#{self.collection}ListResponse")

    def change(self, call: Call) -> Answer:
        where, before = self.load(call)
        after = merged(before, call.body) if call.method.name == "patch" else dict(call.body)
        after |= {name: before[name] for name in ("id", self.name) if name in before}
        after = {name: value for name, value in after.items() if value != []}
        call.state.put(where, after)
        return {self.word: _told(call, after, self.schema)}

    def delete(self, call: Call) -> Answer:
        call.state.delete(self.load(call)[0])
        return {}


_NAMED = (
    _Named("policy", "policies", "Policy", "name"),
    _Named("responsePolicy", "responsePolicies", "ResponsePolicy", "responsePolicyName"),
    _Named("responsePolicyRule", "responsePolicyRules", "ResponsePolicyRule", "ruleName"),
)


def _quota(call: Call) -> Answer:
    """https://cloud.google.com/dns/quotas"""
    row = projects.find(call.state, call.params["project"]) or {}
    quota = {
        "kind": "dns#quota", "managedZones": 10000, "rrsetsPerManagedZone": 10000, "rrsetAdditionsPerChange": 1000,
        "rrsetDeletionsPerChange": 1000, "totalRrdataSizePerChange": 100000, "resourceRecordsPerRrset": 100,
    }  # fmt: skip
    own = row.get("projectId", call.params["project"])
    return {"kind": "dns#project", "number": row.get("number", "0"), "id": own, "quota": quota}


METHODS = {
    "dns.managedZones.create": _create_zone, "dns.managedZones.get": _get_zone, "dns.managedZones.list": _list_zones,
    "dns.managedZones.patch": _change_zone, "dns.managedZones.update": _change_zone,
    "dns.managedZones.delete": _delete_zone, "dns.changes.create": _create_change, "dns.changes.get": _get_change,
    "dns.changes.list": _list_changes, "dns.resourceRecordSets.list": _list_sets,
    "dns.resourceRecordSets.create": _create_set, "dns.resourceRecordSets.get": _get_set,
    "dns.resourceRecordSets.patch": _patch_set, "dns.resourceRecordSets.delete": _delete_set,
    "dns.projects.get": _quota,
    **{method: answer for one in _NAMED for method, answer in one.methods().items()},
}  # fmt: skip
