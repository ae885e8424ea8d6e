"""Cloud KMS v1: key rings that never go, keys with their primary version, versions that are destroyed in a month.

Shapes and defaults are recorded; rotation and the wording of refusals are from the documentation
(https://cloud.google.com/kms/docs). Encrypting is a stand-in that only gives back what was put in: it protects nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from reconciler.localcloud import crc32c, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import exists, failed_precondition, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, seconds_of, timestamp, uuid_like

_ALGORITHMS = {
    "ENCRYPT_DECRYPT": "GOOGLE_SYMMETRIC_ENCRYPTION", "RAW_ENCRYPT_DECRYPT": "AES_256_GCM", "MAC": "HMAC_SHA256",
}  # fmt: skip
_DESTROY_SECONDS = "2592000s"
_MINIMUM_ROTATION = 86_400
_MASK_OF_STATE = ("ENABLED", "DISABLED")


def _check_id(own: str, field: str) -> None:
    # The expression is in the descriptions of both parameters.
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,63}", own):
        raise invalid("Request contains an invalid argument.", (field, "must match `[a-zA-Z0-9_-]{1,63}`"))


def _create_ring(call: Call) -> Answer:
    path = f"{generic.path_of(call)}/{call.query('keyRingId')}"
    if not call.query("keyRingId"):
        raise invalid("KeyRing ID is required.", ("key_ring_id", "required"))
    _check_id(call.query("keyRingId"), "key_ring_id")
    key = generic.key_of(call, path)
    name = projects.with_id(call.state, path)
    if call.state.get(key) is not None:
        raise exists(f"KeyRing {name} already exists.")
    row = {"name": name, "createTime": call.stamp}
    call.state.put(key, row)
    return row


def _create_key(call: Call) -> Answer:
    parent = call.subject
    generic.load(call, parent)
    own = call.query("cryptoKeyId")
    if not own:
        raise invalid("CryptoKey ID is required.", ("crypto_key_id", "required"))
    _check_id(own, "crypto_key_id")
    path = projects.with_id(call.state, f"{parent}/cryptoKeys/{own}")
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists(f"CryptoKey {path} already exists.")
    purpose = call.body.get("purpose", "CRYPTO_KEY_PURPOSE_UNSPECIFIED")
    template = dict(call.body.get("versionTemplate") or {})
    if purpose == "CRYPTO_KEY_PURPOSE_UNSPECIFIED":
        raise invalid("CryptoKey purpose must be specified.", ("crypto_key.purpose", "required"))
    if "algorithm" not in template and purpose not in _ALGORITHMS:
        raise invalid("version_template.algorithm must be specified for this purpose.")
    template.setdefault("algorithm", _ALGORITHMS.get(purpose, ""))
    template.setdefault("protectionLevel", "SOFTWARE")
    if (call.body.get("rotationPeriod") is None) != (call.body.get("nextRotationTime") is None):
        raise invalid("rotation_period and next_rotation_time must be set together.")
    _check_rotation(call.body)
    row: Json = {
        "destroyScheduledDuration": _DESTROY_SECONDS, **call.body, "name": path, "createTime": call.stamp,
        "versionTemplate": template,
    }  # fmt: skip
    call.state.put(generic.key_of(call, path), row)
    if not call.flag("skipInitialVersionCreation"):
        row = _add_version(call, row)
    return row


def _check_rotation(body: Json) -> None:
    period = str(body.get("rotationPeriod") or "")
    if period and float(period.removesuffix("s")) < _MINIMUM_ROTATION:
        raise invalid("rotation_period must be at least 24 hours.", ("rotation_period", "too short"))


def _add_version(call: Call, key: Json) -> Json:
    """Give a key its next version, which is primary if it is the first and the key encrypts; returns the key."""
    number = 1 + sum(1 for _ in call.state.scan(_versions(call, key["name"])))
    name = f"{key['name']}/cryptoKeyVersions/{number}"
    template = key["versionTemplate"]
    version: Json = {
        "name": name, "state": "ENABLED", "protectionLevel": template["protectionLevel"],
        "algorithm": template["algorithm"], "createTime": call.stamp, "generateTime": call.stamp,
    }  # fmt: skip
    call.state.put(generic.key_of(call, name), version)
    if number == 1 and key["purpose"] in ("ENCRYPT_DECRYPT", "RAW_ENCRYPT_DECRYPT"):
        key = {**key, "primary": version}
        call.state.put(generic.key_of(call, key["name"]), key)
    return key


def _versions(call: Call, key: str) -> str:
    return generic.key_of(call, f"{key}/cryptoKeyVersions/1")[:-1]


def _create_version(call: Call) -> Answer:
    key = generic.load(call, call.subject)
    before = {name for name, _ in call.state.scan(_versions(call, key["name"]))}
    _add_version(call, key)
    return next(row for name, row in call.state.scan(_versions(call, key["name"])) if name not in before)


def _list(call: Call) -> Answer:
    """Lists of KMS also say how many there are in all."""
    answer = generic.listed(call)
    parent, _, collection = generic.path_of(call).rpartition("/")
    total = sum(1 for _ in generic.scan_all(call, parent, collection))
    return {**answer, "totalSize": total} if isinstance(answer, dict) and total else answer


def _update_key(call: Call) -> Answer:
    row = generic.load(call, call.subject)
    mask = call.query("updateMask")
    if not mask:
        raise invalid("The update_mask must be specified.", ("update_mask", "required"))
    changed = masked(row, call.body, mask, call.api.schema("CryptoKey")["properties"])
    for name in ("purpose", "destroyScheduledDuration", "importOnly"):
        if changed.get(name) != row.get(name):
            raise invalid(f"The field {name} of a CryptoKey is immutable.", ("update_mask", "immutable"))
    _check_rotation(changed)
    changed |= {"name": row["name"], "createTime": row["createTime"]}
    call.state.put(generic.key_of(call, call.subject), changed)
    return changed


def _set_version(call: Call, row: Json) -> Json:
    """Store a version, and in its key too where it is the primary one."""
    call.state.put(generic.key_of(call, row["name"]), row)
    key_path = row["name"].rpartition("/cryptoKeyVersions/")[0]
    key = call.state.get(generic.key_of(call, key_path))
    if key is not None and (key.get("primary") or {}).get("name") == row["name"]:
        call.state.put(generic.key_of(call, key_path), {**key, "primary": row})
    return row


def _update_version(call: Call) -> Answer:
    row = generic.load(call, call.subject)
    wanted = call.body.get("state")
    if wanted not in _MASK_OF_STATE or row["state"] not in _MASK_OF_STATE:
        raise failed_precondition(f"{row['name']} is not enabled or disabled, current state is: {row['state']}.")
    return _set_version(call, {**row, "state": wanted})


def _primary(call: Call) -> Answer:
    key = generic.load(call, call.subject)
    path = f"{call.subject}/cryptoKeyVersions/{call.body.get('cryptoKeyVersionId', '')}"
    key = {**key, "primary": generic.load(call, path)}
    call.state.put(generic.key_of(call, call.subject), key)
    return key


def _destroy(call: Call) -> Answer:
    row = generic.load(call, call.subject)
    if row["state"] in ("DESTROYED", "DESTROY_SCHEDULED"):
        raise failed_precondition(f"{row['name']} is already destroyed or scheduled for it: {row['state']}.")
    key = generic.load(call, call.subject.rpartition("/cryptoKeyVersions/")[0])
    seconds = float(str(key["destroyScheduledDuration"]).removesuffix("s"))
    return _set_version(call, {**row, "state": "DESTROY_SCHEDULED", "destroyTime": timestamp(call.now + seconds)})


def _restore(call: Call) -> Answer:
    row = generic.load(call, call.subject)
    if row["state"] != "DESTROY_SCHEDULED" or seconds_of(row["destroyTime"]) <= call.now:
        raise failed_precondition(f"{row['name']} is not scheduled for destruction.")
    return _set_version(call, {name: row[name] for name in row if name != "destroyTime"} | {"state": "DISABLED"})


# --- a stand-in for encryption -----------------------------------------------------------------------------------

SEAL_BYTES = 8
_VERIFIED = {
    "plaintextCrc32c": "verifiedPlaintextCrc32c",
    "additionalAuthenticatedDataCrc32c": "verifiedAdditionalAuthenticatedDataCrc32c",
}


def _crossed(name: str, raw: bytes) -> bytes:
    """`raw` crossed with bytes that the version's name gives: reversible, and no protection at all."""
    stream, counter = b"", 0
    while len(stream) < len(raw):
        stream += hashlib.sha256(f"{name}/{counter}".encode()).digest()
        counter += 1
    return bytes(left ^ right for left, right in zip(raw, stream, strict=False))


def _seal(name: str, extra: bytes, plain: bytes) -> bytes:
    """What makes a changed ciphertext, or other additional data than it was made with, fail to decrypt."""
    return hashlib.sha256(b"\0".join((name.encode(), hashlib.sha256(extra).digest(), plain))).digest()[:SEAL_BYTES]


def _checked(call: Call, name: str) -> bytes:
    """The bytes of a field. Its checksum, where the caller sent one, must be theirs (Cloud KMS's data integrity
    guidelines; gcloud sends one always, and takes an answer that does not confirm it for corrupted)."""
    raw = _bytes(call, name)
    sent = call.body.get(f"{name}Crc32c")
    if sent is not None and str(sent) != str(crc32c.of(raw)):
        field = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        raise invalid(f"The checksum in field {field}_crc32c did not match the data in field {field}.")
    return raw


def _bytes(call: Call, name: str) -> bytes:
    try:
        return base64.b64decode(str(call.body.get(name, "")), validate=True)
    except binascii.Error as error:
        raise invalid(f"Invalid value at '{name}' (TYPE_BYTES), Base64 decoding failed") from error


def _encrypt(call: Call) -> Answer:
    path = call.subject
    if "/cryptoKeyVersions/" not in path:
        key = generic.load(call, path)
        if "primary" not in key:
            raise failed_precondition(f"{key['name']} has no primary version.")
        path = key["primary"]["name"]
    version = generic.load(call, path)
    if version["state"] != "ENABLED":
        raise failed_precondition(f"{version['name']} is not enabled, current state is: {version['state']}.")
    plain, extra = _checked(call, "plaintext"), _checked(call, "additionalAuthenticatedData")
    sealed = _seal(version["name"], extra, plain) + _crossed(version["name"], plain)
    cipher = version["name"].rsplit("/", 1)[1].encode() + b"|" + sealed
    return {
        "name": version["name"], "ciphertext": base64.b64encode(cipher).decode(),
        "ciphertextCrc32c": str(crc32c.of(cipher)), "protectionLevel": version["protectionLevel"],
        **{name: True for sent, name in _VERIFIED.items() if sent in call.body},
    }  # fmt: skip


def _decrypt(call: Call) -> Answer:
    generic.load(call, call.subject)
    number, found, sealed = _checked(call, "ciphertext").partition(b"|")
    extra = _checked(call, "additionalAuthenticatedData")
    path = f"{call.subject}/cryptoKeyVersions/{number.decode('ascii', 'replace')}"
    version = call.state.get(generic.key_of(call, path)) if found else None
    if version is None:
        raise invalid("Decryption failed: the ciphertext is invalid.")
    if version["state"] != "ENABLED":
        raise failed_precondition(f"{version['name']} is not enabled, current state is: {version['state']}.")
    plain = _crossed(version["name"], sealed[SEAL_BYTES:])
    if sealed[:SEAL_BYTES] != _seal(version["name"], extra, plain):
        raise invalid("Decryption failed: the ciphertext is invalid.")
    return {
        "plaintext": base64.b64encode(plain).decode(), "plaintextCrc32c": str(crc32c.of(plain)), "usedPrimary": True,
        "protectionLevel": version["protectionLevel"],
    }  # fmt: skip


def _handle(call: Call) -> Answer:
    """Autokey: a handle for a resource type, with the key that Autokey made for it."""
    own = call.query("keyHandleId") or uuid_like(call.rng)
    path = projects.with_id(call.state, f"{call.subject}/keyHandles/{own}")
    project = projects.find(call.state, projects.of(path))
    if project is None:
        raise not_found()
    service = str(call.body.get("resourceTypeSelector", "")).lower().replace(".googleapis.com/", "-")
    ring = f"projects/{project['projectId']}/locations/{path.split('/')[3]}/keyRings/autokey"
    row: Json = {
        "name": path, "resourceTypeSelector": call.body.get("resourceTypeSelector", ""),
        "kmsKey": f"{ring}/cryptoKeys/{project['number']}-{service}-{own[:8]}",
    }  # fmt: skip
    call.state.put(generic.key_of(call, path), row)
    return generic.result(call, path, row)


_RINGS = "cloudkms.projects.locations.keyRings."
_KEYS, _VERSIONS = f"{_RINGS}cryptoKeys.", f"{_RINGS}cryptoKeys.cryptoKeyVersions."
METHODS = {
    f"{_RINGS}create": _create_ring, f"{_RINGS}list": _list, f"{_KEYS}create": _create_key, f"{_KEYS}list": _list,
    f"{_KEYS}patch": _update_key, f"{_KEYS}updatePrimaryVersion": _primary, f"{_KEYS}encrypt": _encrypt,
    f"{_KEYS}decrypt": _decrypt, f"{_VERSIONS}create": _create_version, f"{_VERSIONS}list": _list,
    f"{_VERSIONS}patch": _update_version, f"{_VERSIONS}destroy": _destroy, f"{_VERSIONS}restore": _restore,
    "cloudkms.projects.locations.keyHandles.create": _handle,
}  # fmt: skip
