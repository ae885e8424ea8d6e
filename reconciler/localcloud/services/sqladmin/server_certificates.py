"""Server certificates of instances with an authority of Certificate Authority Service; an instance by its DNS name.

https://cloud.google.com/sql/docs/mysql/configure-ssl-instance#server-certs. Instances with the default authority for
each instance have none of their own to rotate; the words of that refusal are ours.
"""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.sqladmin.certificates import certificate, connect_settings
from reconciler.localcloud.services.sqladmin.target import free, operation, place, refused, running
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_YEAR = 31_536_000
_INTERNAL = "GOOGLE_MANAGED_INTERNAL_CA"


def _key(where: str) -> str:
    return f"sqladmin.serverCertificates/{where}"


def _kept(state: State, where: str) -> Json:
    """{"active": certificate, "coming": certificate or None}; empty before the first reading."""
    return state.get(_key(where)) or {}


def _own(call: Call) -> tuple[Json, Json]:
    """The instance of the call and its certificates. GoogleError 400 where the authority is the instance's own."""
    row = running(call)
    if row["settings"]["ipConfiguration"].get("serverCaMode", _INTERNAL) == _INTERNAL:
        raise refused("Server certificates are only supported for instances that use Certificate Authority Service.")
    kept = _kept(call.state, place(call))
    if not kept:
        kept = {"active": certificate(call, row["name"], _common_name(row), _YEAR), "coming": None}
        call.state.put(_key(place(call)), kept)
    return row, kept


def _common_name(row: Json) -> str:
    return f"CN={row['project']}:{row['name']}"


def _list(call: Call) -> Answer:
    row, kept = _own(call)
    found = [kept["active"], *([kept["coming"]] if kept["coming"] else [])]
    return {
        "kind": "sql#instancesListServerCertificates", "caCerts": [row["serverCaCert"]], "serverCerts": found,
        "activeVersion": kept["active"]["sha1Fingerprint"],
    }  # fmt: skip


def _add(call: Call) -> Answer:
    row, kept = _own(call)
    coming = certificate(call, row["name"], _common_name(row), _YEAR)
    return operation(call, "UPDATE", "sqladmin.server_certificates", {"kept": {**kept, "coming": coming}})


def _rotate(call: Call) -> Answer:
    _, kept = _own(call)
    wished = call.body.get("rotateServerCertificateContext", {}).get("nextVersion", "")
    coming = kept["coming"]
    if not coming or wished not in ("", coming["sha1Fingerprint"]):
        raise refused("No upcoming/previous Server Certificate exists.")
    return operation(
        call, "UPDATE", "sqladmin.server_certificates", {"kept": {"active": coming, "coming": kept["active"]}}
    )


def _changed(ending: Ending) -> None:
    free(ending)
    if not ending.failed:
        ending.state.put(_key(ending.args["place"]), ending.args["kept"])


def _resolve(call: Call) -> Answer:
    """What a connector asks that knows only the DNS name of an instance."""
    wished = call.params["dnsName"].rstrip(".")
    for _, row in call.state.scan("sqladmin.instances/"):
        if wished and row["region"] == call.params["location"] and row.get("dnsName", "").rstrip(".") == wished:
            return connect_settings(row)
    raise GoogleError(404, "The Cloud SQL instance does not exist.", reason="instanceDoesNotExist")


FINISHERS: dict[str, Finisher] = {"sqladmin.server_certificates": _changed}
METHODS: dict[str, Behaviour] = {
    "sql.instances.ListServerCertificates": _list, "sql.instances.addServerCertificate": _add,
    "sql.instances.RotateServerCertificate": _rotate, "sql.connect.resolve": _resolve,
}  # fmt: skip
