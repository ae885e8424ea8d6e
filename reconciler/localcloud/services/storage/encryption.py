"""Customer-supplied and customer-managed keys: accepted, checked and shown; contents are not really encrypted.

Words and reasons: https://cloud.google.com/storage/docs/json_api/v1/status-codes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.values import Json

_HEADER = "x-goog-encryption-"
_SOURCE = "x-goog-copy-source-encryption-"


def _sent(call: Call, prefix: str) -> str:
    """The SHA-256 of the key in the request's headers, or nothing. GoogleError 400 for a malformed one."""
    headers = call.request.headers
    algorithm, key, digest = (headers.get(prefix + name, "") for name in ("algorithm", "key", "key-sha256"))
    if not (algorithm or key or digest):
        return ""
    if algorithm != "AES256":
        message = 'Missing an encryption algorithm, or the provided algorithm is not "AES256."'
        raise GoogleError(400, message, reason="customerEncryptionAlgorithmIsInvalid")
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        message = (
            "Missing an encryption key, or it is not base64 encoded, or it does not meet the required length of the "
            "encryption algorithm."
        )
        raise GoogleError(400, message, reason="customerEncryptionKeyFormatIsInvalid")
    actual = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    if actual != digest:
        message = (
            "Missing a SHA256 hash of the encryption key, or it is not base64 encoded, or it does not match the "
            "encryption key."
        )
        raise GoogleError(400, message, reason="customerEncryptionKeySha256IsInvalid")
    return actual


def declared(call: Call, owner: Json) -> Json:
    """What a new object says about its key."""
    digest = _sent(call, _HEADER)
    if digest:
        return {"customerEncryption": {"encryptionAlgorithm": "AES256", "keySha256": digest}}
    key = (
        call.query("kmsKeyName")
        or call.query("destinationKmsKeyName")
        or (owner.get("encryption") or {}).get("defaultKmsKeyName", "")
    )
    if not key:
        return {}
    return {"kmsKeyName": key if "/cryptoKeyVersions/" in key else f"{key}/cryptoKeyVersions/1"}


def unlocked(call: Call, row: Json, *, source: bool = False) -> bool:
    """Whether the request's key opens the object; GoogleError 400 when it is the wrong one or there is none to open."""
    digest = _sent(call, _SOURCE if source else _HEADER)
    held = (row.get("customerEncryption") or {}).get("keySha256", "")
    if digest and not held:
        message = "The target object is not encrypted by a customer-supplied encryption key."
        raise GoogleError(400, message, reason="resourceNotEncryptedWithCustomerEncryptionKey")
    if digest and digest != held:
        raise GoogleError(400, "The provided encryption key is incorrect.", reason="customerEncryptionKeyIsIncorrect")
    return digest == str(held)


def must_open(call: Call, row: Json, *, source: bool = False) -> None:
    if not unlocked(call, row, source=source):
        message = "The target object is encrypted by a customer-supplied encryption key."
        raise GoogleError(400, message, reason="resourceIsEncryptedWithCustomerEncryptionKey")
