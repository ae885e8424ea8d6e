"""Certificates: client certificates, the server's authorities, ephemeral ones, and what a connector asks first.

The light data plane has no TLS, so what stands between BEGIN and END is not X.509: nothing, as in the recordings.
Names, numbers, fingerprints and times are those of a certificate. Names of the authority, and that it lives 3,650 days
and a minute: samples of real instances. A client certificate's private key is shown once, by the insert.
"""

from __future__ import annotations

import re

from reconciler.localcloud.call import Answer, Behaviour, Call, Moment
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.sqladmin.target import (
    amend,
    free,
    key,
    link,
    load,
    operation,
    place,
    refused,
    running,
)  # fmt: skip
from reconciler.localcloud.values import Json, digits, hexadecimal, milliseconds, uuid_like

_DAY = 86_400
_LIFE = 3650 * _DAY + 60
_MOST_CLIENTS = 10
_COMMON_NAME = re.compile(r"[a-zA-Z.\-_ 0-9]+")


def _pem(kind: str) -> str:
    return f"-----BEGIN {kind}-----\n-----END {kind}-----\n"


def certificate(moment: Moment, instance: str, common_name: str, life: int) -> Json:
    """A new certificate that lives for `life` seconds."""
    return {
        "kind": "sql#sslCert", "certSerialNumber": digits(moment.rng, 10), "cert": _pem("CERTIFICATE"),
        "commonName": common_name, "sha1Fingerprint": hexadecimal(moment.rng, 40), "instance": instance,
        "createTime": milliseconds(moment.now), "expirationTime": milliseconds(moment.now + life),
    }  # fmt: skip


def authority(moment: Moment, instance: str) -> Json:
    """A new certificate authority of an instance."""
    name = f"C=US,O=Google\\, Inc,CN=Google Cloud SQL Server CA,dnQualifier={uuid_like(moment.rng)}"
    return {**certificate(moment, instance, name, _LIFE), "certSerialNumber": "0"}


# --- client certificates ---------------------------------------------------------------------------------------


def _key(call: Call, fingerprint: str) -> str:
    return f"sqladmin.sslCerts/{place(call)}/sslCerts/{fingerprint}"


def _clients(call: Call) -> list[Json]:
    return [row for _, row in call.state.scan(f"sqladmin.sslCerts/{place(call)}/")]


def _insert(call: Call) -> Answer:
    row, name = running(call), call.body.get("commonName", "")
    if not _COMMON_NAME.fullmatch(name) or len(name) > 64:
        raise refused(f"Invalid common name ({name}).")
    there = _clients(call)
    if any(cert["commonName"] == name for cert in there):
        raise GoogleError(409, "The certificate already exists.", reason="sslCertAlreadyExists")
    if len(there) >= _MOST_CLIENTS:
        raise refused(f"The instance already has {_MOST_CLIENTS} client certificates.")
    cert = certificate(call, row["name"], name, _LIFE)
    cert["selfLink"] = link(call, f"instances/{row['name']}/sslCerts/{cert['sha1Fingerprint']}")
    began = operation(call, "UPDATE", "sqladmin.nothing", {})
    call.state.put(_key(call, cert["sha1Fingerprint"]), cert)
    return {
        "kind": "sql#sslCertsInsert", "operation": began, "serverCaCert": row.get("serverCaCert", {}),
        "clientCert": {"certInfo": cert, "certPrivateKey": _pem("RSA PRIVATE KEY")},
    }  # fmt: skip


def _client(call: Call) -> Json:
    load(call)
    cert = call.state.get(_key(call, call.params["sha1Fingerprint"]))
    if cert is None:
        raise GoogleError(404, "The SSL certificate does not exist.", reason="sslCertDoesNotExist")
    return cert


def _get(call: Call) -> Answer:
    return _client(call)


def _list(call: Call) -> Answer:
    load(call)
    found = _clients(call)
    return {"kind": "sql#sslCertsList"} | ({"items": found} if found else {})


def _delete(call: Call) -> Answer:
    fingerprint = _client(call)["sha1Fingerprint"]
    running(call)
    return operation(call, "UPDATE", "sqladmin.client_gone", {"key": _key(call, fingerprint)})


def _client_gone(ending: Ending) -> None:
    free(ending)
    if not ending.failed:
        ending.state.delete(ending.args["key"])


def _ephemeral(call: Call) -> Answer:
    """A certificate for the caller's own public key, good for an hour."""
    row = running(call)
    if not call.body.get("public_key") and not call.body.get("publicKey"):
        raise refused("Missing parameter: public_key.")
    return certificate(call, row["name"], "sql-client", 3600)


def _generate_ephemeral(call: Call) -> Answer:
    row = running(call)
    if not call.body.get("public_key") and not call.body.get("publicKey"):
        raise refused("Missing parameter: public_key.")
    return {"ephemeralCert": certificate(call, row["name"], "sql-client", 3600)}


# --- the server's authorities ----------------------------------------------------------------------------------


def _authorities(call: Call) -> list[Json]:
    """All authorities: the one in use and, after addServerCa, the one to come."""
    row = load(call)
    own = [row["serverCaCert"]] if "serverCaCert" in row else []
    return own + [cert for _, cert in call.state.scan(f"sqladmin.serverCas/{place(call)}/")]


def _list_authorities(call: Call) -> Answer:
    found = _authorities(call)
    active = {"activeVersion": found[0]["sha1Fingerprint"]} if found else {}
    return {"kind": "sql#instancesListServerCas"} | ({"certs": found} if found else {}) | active


def _add_authority(call: Call) -> Answer:
    row = running(call)
    coming = authority(call, row["name"])
    return operation(call, "UPDATE", "sqladmin.authority_added", {"cert": coming})


def _authority_added(ending: Ending) -> None:
    """Only one is to come at a time: another takes its place."""
    free(ending)
    if ending.failed:
        return
    prefix = f"sqladmin.serverCas/{ending.args['place']}/"
    for old, _ in list(ending.state.scan(prefix)):
        ending.state.delete(old)
    ending.state.put(f"{prefix}serverCas/{ending.args['cert']['sha1Fingerprint']}", ending.args["cert"])


def _rotate(call: Call) -> Answer:
    running(call)
    wished = call.body.get("rotateServerCaContext", {}).get("nextVersion", "")
    coming = _authorities(call)[1:]
    chosen = next((cert for cert in coming if wished in ("", cert["sha1Fingerprint"])), None)
    if chosen is None:
        raise refused("No upcoming/previous Server CA Certificate exists.")
    return operation(call, "UPDATE", "sqladmin.authority_turned", {"cert": chosen})


def _authority_turned(ending: Ending) -> None:
    """The one to come is in use; the one before stays, for rolling back."""
    free(ending)
    row = ending.state.get(key(ending.args["place"]))
    if row is None or ending.failed:
        return
    cert, prefix = ending.args["cert"], f"sqladmin.serverCas/{ending.args['place']}/serverCas/"
    ending.state.delete(f"{prefix}{cert['sha1Fingerprint']}")
    ending.state.put(f"{prefix}{row['serverCaCert']['sha1Fingerprint']}", row["serverCaCert"])
    amend(ending, ending.args["place"], {"serverCaCert": cert})


def _reset(call: Call) -> Answer:
    """All client certificates go, and a new authority signs the server's (…/configure-ssl-instance)."""
    row = running(call)
    return operation(call, "UPDATE", "sqladmin.ssl_reset", {"cert": authority(call, row["name"])})


def _ssl_reset(ending: Ending) -> None:
    free(ending)
    if ending.failed:
        return
    for collection in ("sslCerts", "serverCas"):
        for old, _ in list(ending.state.scan(f"sqladmin.{collection}/{ending.args['place']}/")):
            ending.state.delete(old)
    amend(ending, ending.args["place"], {"serverCaCert": ending.args["cert"]})


# --- connectors ------------------------------------------------------------------------------------------------

_CONNECT = ("serverCaCert", "ipAddresses", "region", "databaseVersion", "backendType", "dnsName", "dnsNames")


def _connect(call: Call) -> Answer:
    return connect_settings(load(call))


def connect_settings(row: Json) -> Json:
    """What a connector must know of an instance to reach it."""
    network = row["settings"]["ipConfiguration"]
    return {
        "kind": "sql#connectSettings", **{name: row[name] for name in _CONNECT if name in row},
        "pscEnabled": bool(network.get("pscConfig", {}).get("pscEnabled")),
        "serverCaMode": network.get("serverCaMode", "GOOGLE_MANAGED_INTERNAL_CA"),
    }  # fmt: skip


FINISHERS: dict[str, Finisher] = {
    "sqladmin.client_gone": _client_gone, "sqladmin.authority_added": _authority_added,
    "sqladmin.authority_turned": _authority_turned, "sqladmin.ssl_reset": _ssl_reset,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    "sql.sslCerts.insert": _insert, "sql.sslCerts.get": _get, "sql.sslCerts.list": _list,
    "sql.sslCerts.delete": _delete, "sql.sslCerts.createEphemeral": _ephemeral,
    "sql.connect.generateEphemeral": _generate_ephemeral, "sql.connect.generateEphemeralCert": _generate_ephemeral,
    "sql.connect.get": _connect, "sql.instances.listServerCas": _list_authorities,
    "sql.instances.addServerCa": _add_authority, "sql.instances.rotateServerCa": _rotate,
    "sql.instances.resetSslConfig": _reset,
}  # fmt: skip
