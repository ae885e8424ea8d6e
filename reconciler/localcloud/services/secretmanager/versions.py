"""Versions of a secret: numbered from 1, `latest` is the newest whatever its state, an alias names any."""

from __future__ import annotations

import base64
import binascii

from reconciler.localcloud import crc32c, operations
from reconciler.localcloud.call import Answer, Behaviour, Call, Moment
from reconciler.localcloud.errors import failed_precondition, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.secretmanager import events, rules, secrets
from reconciler.localcloud.services.secretmanager.secrets import check_etag, path_of
from reconciler.localcloud.values import Json, timestamp

_LARGEST = 64 * 1024  # https://cloud.google.com/secret-manager/quotas: 64 KiB per payload


def _row_key(name: str) -> str:
    return f"secretmanager.versions/{name}"


def _payload(call: Call) -> tuple[bytes, int, bool]:
    """The bytes, their checksum, and whether the caller sent one to compare."""
    payload = call.body.get("payload") or {}
    text = str(payload.get("data") or "")
    try:
        data = base64.b64decode(text, altchars=b"-_" if "-" in text or "_" in text else None)
    except (binascii.Error, ValueError) as error:
        raise invalid("Invalid value at 'payload.data' (TYPE_BYTES), Base64 decoding failed") from error
    if not data:
        raise invalid("Secret Payload cannot be empty.")
    if len(data) > _LARGEST:
        raise invalid("The file size is larger than the maximum allowed: the payload must be at most 65536 bytes.")
    checksum = crc32c.of(data)
    sent = payload.get("dataCrc32c")
    if sent is not None and int(sent) != checksum:
        raise invalid("Checksum mismatch: data_crc32c does not match the payload.", ("payload.data_crc32c", "mismatch"))
    return data, checksum, sent is not None


def _add(call: Call) -> Answer:
    path = path_of(call)
    secret = secrets.load(call, path)
    data, checksum, compared = _payload(call)
    number = (call.state.get(f"secretmanager.latest/{path}") or {"number": 0})["number"] + 1
    own = f"{path}/versions/{number}"
    row: Json = {
        "name": own, "createTime": call.stamp, "state": "ENABLED", **_placed(secret), "etag": secrets.etag(call),
    }  # fmt: skip
    if compared:
        row["clientSpecifiedPayloadChecksum"] = True
    call.state.put(_row_key(own), row)
    call.state.put(
        f"secretmanager.payloads/{own}", {"data": base64.b64encode(data).decode(), "dataCrc32c": str(checksum)}
    )
    call.state.put(f"secretmanager.latest/{path}", {"number": number})
    events.tell(call, secret, "SECRET_VERSION_ADD", row)
    return row


def _placed(secret: Json) -> Json:
    """Where a new version is, and under which key: as the secret says now."""
    if "replication" not in secret:
        return _encrypted(secret)
    if "userManaged" in secret["replication"]:
        replicas = (secret["replication"]["userManaged"] or {}).get("replicas") or []
        shown = [{"location": replica["location"], **_encrypted(replica)} for replica in replicas]
        return {"replicationStatus": {"userManaged": {"replicas": shown}}}
    return {"replicationStatus": {"automatic": _encrypted(secret["replication"]["automatic"] or {})}}


def _encrypted(holder: Json) -> Json:
    name = (holder.get("customerManagedEncryption") or {}).get("kmsKeyName")
    status = {"kmsKeyVersionName": f"{name}/cryptoKeyVersions/1"}
    return {"customerManagedEncryption": status} if name else {}


def _load(call: Call) -> Json:
    path, _, word = path_of(call).rpartition("/versions/")
    secret = call.state.get(secrets.key_of(path))
    number = word
    if word == "latest":
        number = str((call.state.get(f"secretmanager.latest/{path}") or {"number": "latest"})["number"])
    elif not word.isdigit():
        number = str(((secret or {}).get("versionAliases") or {}).get(word, word))
    row = call.state.get(_row_key(f"{path}/versions/{number}"))
    if row is None:
        if secret is None or (word == "latest" and number == "latest"):
            raise not_found(f"Secret [{path}] not found or has no versions.")
        raise not_found(f"Secret Version [{path}/versions/{number}] not found.")
    return row


def _get(call: Call) -> Answer:
    return _load(call)


def _access(call: Call) -> Answer:
    row = _load(call)
    if row["state"] != "ENABLED":
        raise failed_precondition(f"Secret Version [{row['name']}] is in {row['state']} state.")
    return {"name": row["name"], "payload": call.state.get(f"secretmanager.payloads/{row['name']}")}


def _list(call: Call) -> Answer:
    """Newest first."""
    path = path_of(call)
    secrets.load(call, path)
    rows = [row for _, row in call.state.scan(_row_key(f"{path}/versions/"))]
    rows.sort(key=lambda row: -int(row["name"].rpartition("/")[2]))
    return secrets.listed(call, "versions", rows)


def _alive(call: Call) -> Json:
    row = _load(call)
    check_etag(call, row)
    if row["state"] == "DESTROYED":
        raise failed_precondition(f"Secret Version [{row['name']}] is in DESTROYED state.")
    return row


def _turn(call: Call) -> Answer:
    """Enabling also calls off a destruction that was waiting."""
    row = _alive(call)
    state = "ENABLED" if call.method.name == "enable" else "DISABLED"
    row |= {"state": state, "etag": secrets.etag(call)}
    if state == "ENABLED" and row.pop("scheduledDestroyTime", None):
        call.state.delete(f"secretmanager.destroyed/{row['name']}")
    call.state.put(_row_key(row["name"]), row)
    _tell(call, "SECRET_VERSION_ENABLE" if state == "ENABLED" else "SECRET_VERSION_DISABLE", row)
    return row


def _tell(moment: Moment, event: str, row: Json) -> None:
    secret = moment.state.get(secrets.key_of(row["name"].rpartition("/versions/")[0]))
    if secret is not None:
        events.tell(moment, secret, event, row)


def _destroy(call: Call) -> Answer:
    """At once, or, where the secret has a delay for it, disabled now and destroyed then."""
    row = _alive(call)
    secret = secrets.load(call, row["name"].rpartition("/versions/")[0])
    delay = secret.get("versionDestroyTtl")
    if not delay:
        return _destroyed(call, row)
    if "scheduledDestroyTime" in row:
        return row
    seconds = rules.duration(delay)
    row |= {"state": "DISABLED", "scheduledDestroyTime": timestamp(call.now + seconds), "etag": secrets.etag(call)}
    call.state.put(_row_key(row["name"]), row)
    _tell(call, "SECRET_VERSION_DESTROY_SCHEDULED", row)
    timer = f"secretmanager.destroyed/{row['name']}"
    operations.later(call, timer, seconds, "secretmanager.destroyed", {"name": row["name"]})
    return row


def _destroyed(moment: Moment, row: Json) -> Json:
    row = {name: value for name, value in row.items() if name != "scheduledDestroyTime"}
    row |= {"state": "DESTROYED", "destroyTime": moment.stamp, "etag": secrets.etag(moment)}
    moment.state.put(_row_key(row["name"]), row)
    moment.state.delete(f"secretmanager.payloads/{row['name']}")
    _tell(moment, "SECRET_VERSION_DESTROY", row)
    return row


def _ended(ending: Ending) -> None:
    row = ending.state.get(_row_key(ending.args["name"]))
    if row and row["state"] != "DESTROYED":
        _destroyed(ending.moment, row)


_OWN: dict[str, Behaviour] = {
    "versions.get": _get, "versions.list": _list, "versions.access": _access, "versions.enable": _turn,
    "versions.disable": _turn, "versions.destroy": _destroy, "addVersion": _add,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {base + verb: behaviour for base in secrets.BASES for verb, behaviour in _OWN.items()}
FINISHERS: dict[str, Finisher] = {"secretmanager.destroyed": _ended}
