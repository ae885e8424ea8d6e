"""Secret Manager v1: secrets, versions and their payloads. Names carry the project's number, as in the recordings."""

from __future__ import annotations

import base64
import binascii
import re

from reconciler.localcloud import crc32c, policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import exists, failed_precondition, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, hexadecimal, timestamp

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LARGEST = 64 * 1024  # https://cloud.google.com/secret-manager/quotas: 64 KiB per payload


def _etag(call: Call) -> str:
    return f'"{hexadecimal(call.rng, 12)}"'


def _path(call: Call) -> str:
    return projects.canonical(call.state, call.subject)


def _secret(call: Call, path: str) -> Json:
    row = call.state.get(generic.key_of(call, path))
    if row is None:
        raise not_found(f"Secret [{path}] not found.")
    return row


def _create(call: Call) -> Answer:
    own = call.query("secretId")
    if not _ID.fullmatch(own):
        raise invalid(f"The provided Secret ID [{own}] does not match the expected format [[a-zA-Z_0-9]+]")
    if not call.body.get("replication"):
        raise invalid("Secret.replication must be provided.", ("secret.replication", "required"))
    path = f"{_path(call)}/secrets/{own}"
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists(f"Secret [{path}] already exists.")
    body = {name: value for name, value in call.body.items() if name not in ("name", "etag", "ttl")}
    row = {**body, "name": path, "createTime": call.stamp, "etag": _etag(call)}
    if call.body.get("ttl"):
        row["expireTime"] = timestamp(call.now + float(call.body["ttl"].removesuffix("s")))
    call.state.put(generic.key_of(call, path), row)
    return row


def _get(call: Call) -> Answer:
    return _secret(call, _path(call))


def _check_etag(call: Call, row: Json) -> None:
    sent = call.body.get("etag") or call.query("etag")
    if sent and sent != row["etag"]:
        raise failed_precondition("The etag provided does not match the current etag of the resource.")


def _patch(call: Call) -> Answer:
    path = _path(call)
    row = _secret(call, path)
    _check_etag(call, row)
    mask = call.query("updateMask")
    if not mask:
        raise invalid("An update_mask must be provided.", ("update_mask", "required"))
    changed = masked(row, call.body, mask, call.api.schema("Secret")["properties"])
    if changed.get("replication") != row.get("replication"):
        raise invalid(
            "The replication policy of a secret cannot be changed.", ("update_mask", "replication is immutable")
        )
    if changed.pop("ttl", None):
        changed["expireTime"] = timestamp(call.now + float(call.body["ttl"].removesuffix("s")))
    changed |= {"name": path, "createTime": row["createTime"], "etag": _etag(call)}
    call.state.put(generic.key_of(call, path), changed)
    return changed


def _delete(call: Call) -> Answer:
    path = _path(call)
    _check_etag(call, _secret(call, path))
    key = generic.key_of(call, path)
    for collection in ("versions", "payloads"):
        for child, _ in list(call.state.scan(f"secretmanager.{collection}/{path}/versions/")):
            call.state.delete(child)
    call.state.delete(key)
    call.state.delete(f"secretmanager.latest/{path}")
    call.state.delete(policies.key_of(call, path))
    return {}


def _add(call: Call) -> Answer:
    path = _path(call)
    secret = _secret(call, path)
    payload = call.body.get("payload") or {}
    try:
        data = base64.b64decode(payload.get("data", ""), altchars=b"-_" if "-" in payload.get("data", "") else None)
    except binascii.Error as error:
        raise invalid("Invalid value at 'payload.data' (TYPE_BYTES), Base64 decoding failed") from error
    if not data:
        raise invalid("Secret Payload cannot be empty.")
    if len(data) > _LARGEST:
        raise invalid("The file size is larger than the maximum allowed: the payload must be at most 65536 bytes.")
    checksum = crc32c.of(data)
    if "dataCrc32c" in payload and int(payload["dataCrc32c"]) != checksum:
        raise invalid("Checksum mismatch: data_crc32c does not match the payload.", ("payload.data_crc32c", "mismatch"))
    latest = call.state.get(f"secretmanager.latest/{path}") or {"number": 0}
    number = latest["number"] + 1
    replica = "userManaged" if "userManaged" in secret["replication"] else "automatic"
    own = f"{path}/versions/{number}"
    status: Json = {"automatic": {}}
    if replica == "userManaged":
        status = {
            "userManaged": {
                "replicas": [
                    {"location": r.get("location", "")}
                    for r in secret["replication"]["userManaged"].get("replicas", [])
                ]
            }
        }
    row: Json = {
        "name": own,
        "createTime": call.stamp,
        "state": "ENABLED",
        "replicationStatus": status,
        "etag": _etag(call),
    }
    if "dataCrc32c" in payload:
        row["clientSpecifiedPayloadChecksum"] = True
    call.state.put(generic.key_of(call, own), row)
    call.state.put(
        f"secretmanager.payloads/{own}", {"data": base64.b64encode(data).decode(), "dataCrc32c": str(checksum)}
    )
    call.state.put(f"secretmanager.latest/{path}", {"number": number})
    return row


def _version_path(call: Call) -> str:
    """The path with `latest` resolved: the newest version, whatever its state."""
    path = _path(call)
    secret, _, number = path.rpartition("/versions/")
    if number == "latest":
        latest = call.state.get(f"secretmanager.latest/{secret}")
        number = str(latest["number"]) if latest else "latest"
    return f"{secret}/versions/{number}"


def _version(call: Call) -> Json:
    path = _version_path(call)
    row = call.state.get(generic.key_of(call, path))
    if row is None:
        secret, _, _ = path.rpartition("/versions/")
        if call.state.get(generic.key_of(call, secret)) is None:
            raise not_found(f"Secret [{secret}] not found or has no versions.")
        raise not_found(f"Secret Version [{path}] not found.")
    return row


def _access(call: Call) -> Answer:
    row = _version(call)
    if row["state"] != "ENABLED":
        raise failed_precondition(f"Secret Version [{row['name']}] is in {row['state']} state.")
    return {"name": row["name"], "payload": call.state.get(f"secretmanager.payloads/{row['name']}")}


def _turn(state: str) -> Behaviour:
    def turn(call: Call) -> Answer:
        row = _version(call)
        _check_etag(call, row)
        if row["state"] == "DESTROYED":
            raise failed_precondition(f"Secret Version [{row['name']}] is in DESTROYED state.")
        row |= {"state": state, "etag": _etag(call)}
        if state == "DESTROYED":
            row["destroyTime"] = call.stamp
            call.state.delete(f"secretmanager.payloads/{row['name']}")
        call.state.put(generic.key_of(call, row["name"]), row)
        return row

    return turn


def _list(call: Call) -> Answer:
    """Secrets of a project or versions of a secret (newest first), with `totalSize`."""
    collection = "versions" if "/secrets/" in call.subject else "secrets"
    if collection == "versions":
        _secret(call, _path(call))
    rows = [
        item
        for item in call.state.scan(f"secretmanager.{collection}/{_path(call)}/{collection}/")
        if _wanted(call, item[1])
    ]
    if collection == "versions":
        rows.sort(key=lambda item: -int(item[0].rsplit("/", 1)[1]))
    start = generic.start_of(call)
    position = next((index + 1 for index, (key, _) in enumerate(rows) if key == start), 0)
    found, token = generic.page(call, rows[position:], default=25000, most=25000)
    result: Json = {collection: found} if found else {}
    return result | {"totalSize": len(rows)} | ({"nextPageToken": token} if token else {})


def _wanted(call: Call, row: Json) -> bool:
    """`labels.k=v`, `name:part` and `state:ENABLED` terms, joined by AND."""
    for term in filter(None, re.split(r"\s+AND\s+", call.query("filter"))):
        key, _, wanted = re.sub(r"\s*([:=])\s*", r"\1", term).replace(":", "=", 1).partition("=")
        wanted = wanted.strip('"')
        value = row.get("labels", {}).get(key[7:]) if key.startswith("labels.") else row.get(key)
        matches = value is not None and (wanted in value if key == "name" else value == wanted)
        if not matches:
            return False
    return True


def _get_policy(call: Call) -> Answer:
    _secret(call, _path(call))
    return policies.read(call, call.subject)


def _set_policy(call: Call) -> Answer:
    _secret(call, _path(call))
    return policies.write(call, call.subject, call.body.get("policy", {}))


_BASE = "secretmanager.projects.secrets."
METHODS = {
    f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}patch": _patch, f"{_BASE}delete": _delete,
    f"{_BASE}list": _list,
    f"{_BASE}addVersion": _add, f"{_BASE}getIamPolicy": _get_policy, f"{_BASE}setIamPolicy": _set_policy,
    f"{_BASE}versions.get": _version, f"{_BASE}versions.list": _list, f"{_BASE}versions.access": _access,
    f"{_BASE}versions.enable": _turn("ENABLED"), f"{_BASE}versions.disable": _turn("DISABLED"),
    f"{_BASE}versions.destroy": _turn("DESTROYED"),
}  # fmt: skip
