"""What a secret may say of itself; each refusal names the field. From the discovery document's descriptions.

Times that have passed are accepted, although Google refuses them: a recording of last year would not replay. They
are kept, and nothing happens at them.
"""

from __future__ import annotations

import re

from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.values import Json, seconds_of, timestamp

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_ANNOTATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+")
_REGION = re.compile(r"[a-z]+-[a-z]+\d+")
_KMS = re.compile(r"projects/[^/]+/locations/([^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+")
_MOST_LABELS, _MOST_TOPICS, _MOST_ALIASES, _MOST_ANNOTATION_BYTES = 64, 10, 50, 16 * 1024
_CENTURY = 3_153_600_000


def duration(text: str) -> float:
    return float(text.removesuffix("s"))


def check_id(own: str) -> None:
    if not _ID.fullmatch(own):
        raise invalid(f"The provided Secret ID [{own}] does not match the expected format [[a-zA-Z_0-9]+]")


def _refused(field: str, what: str) -> GoogleError:
    return invalid(f"Invalid value for secret.{field}: {what}", (f"secret.{field}", what))


def check(row: Json, *, regional: bool) -> None:
    _check_replication(row, regional=regional)
    _check_labels(row.get("labels") or {})
    _check_annotations(row.get("annotations") or {})
    topics = row.get("topics") or []
    if len(topics) > _MOST_TOPICS:
        raise _refused("topics", f"at most {_MOST_TOPICS} topics are allowed")
    for topic in topics:
        if not _TOPIC.fullmatch(topic.get("name") or ""):
            raise _refused("topics.name", "must have the form projects/*/topics/*")
    _check_rotation(row.get("rotation") or {}, topics)
    aliases = row.get("versionAliases") or {}
    if len(aliases) > _MOST_ALIASES:
        raise _refused("version_aliases", f"at most {_MOST_ALIASES} aliases are allowed")
    for alias in aliases:
        if not _ALIAS.fullmatch(alias) or alias in ("latest", "NEW"):
            raise _refused("version_aliases", f"{alias} is not an alias")
    if "versionDestroyTtl" in row and not 86_400 <= duration(row["versionDestroyTtl"]) <= 1000 * 86_400:
        raise _refused("version_destroy_ttl", "must be between 24 hours and 1000 days")


def _check_labels(labels: Json) -> None:
    if len(labels) > _MOST_LABELS:
        raise _refused("labels", f"at most {_MOST_LABELS} labels are allowed")
    for key, value in labels.items():
        if not _word(key, 1) or not (key[0].islower() or _caseless(key[0])):
            raise _refused("labels", f"the key {key} must be 1 to 63 of lower case letters, digits, - and _")
        if not isinstance(value, str) or not _word(value, 0):
            raise _refused("labels", f"the value {value} must be 0 to 63 of lower case letters, digits, - and _")


def _word(text: str, least: int) -> bool:
    letters = all(letter in "_-" or letter.isdigit() or letter.islower() or _caseless(letter) for letter in text)
    return letters and least <= len(text) <= 63 and len(text.encode()) <= 128


def _caseless(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


def _check_annotations(annotations: Json) -> None:
    if any(not _ANNOTATION.fullmatch(key) for key in annotations):
        raise _refused("annotations", "keys must be 1 to 63 of letters, digits, -, _ and .")
    if sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items()) > _MOST_ANNOTATION_BYTES:
        raise _refused("annotations", "keys and values must be less than 16 KiB together")


def _check_rotation(rotation: Json, topics: list[Json]) -> None:
    if not rotation:
        return
    if not topics:
        raise _refused("rotation", "topics must be set when rotation is set")
    period = rotation.get("rotationPeriod")
    if period and not rotation.get("nextRotationTime"):
        raise _refused("rotation", "next_rotation_time must be set if rotation_period is set")
    if period and not 3600 <= duration(period) <= _CENTURY:
        raise _refused("rotation.rotation_period", "must be at least 3600s and at most 3153600000s")


def _check_replication(row: Json, *, regional: bool) -> None:
    replication = row.get("replication")
    if regional:
        if replication:
            raise _refused("replication", "must not be set for a regional secret")
        return
    if not replication or not {"automatic", "userManaged"} & set(replication):
        raise invalid("Secret.replication must be provided.", ("secret.replication", "required"))
    if row.get("customerManagedEncryption"):
        raise _refused("customer_managed_encryption", "is for regional secrets; use the replication's")
    if "automatic" in replication:
        _check_key(replication["automatic"] or {}, "global")
        return
    replicas = (replication["userManaged"] or {}).get("replicas") or []
    places = [replica.get("location") or "" for replica in replicas]
    if not replicas or len(set(places)) != len(places) or not all(_REGION.fullmatch(place) for place in places):
        raise _refused("replication.user_managed.replicas", "must name one location or more, each once")
    encrypted = [replica for replica in replicas if replica.get("customerManagedEncryption")]
    if encrypted and len(encrypted) != len(replicas):
        raise _refused("replication.user_managed.replicas", "all or none have customer_managed_encryption")
    for replica in replicas:
        _check_key(replica, replica["location"])


def _check_key(holder: Json, place: str) -> None:
    encryption = holder.get("customerManagedEncryption")
    if not encryption:
        return
    found = _KMS.fullmatch(encryption.get("kmsKeyName") or "")
    if found is None or found[1] != place:
        raise _refused("customer_managed_encryption.kms_key_name", f"must be a key in the location {place}")


def with_expiry(call: Call, row: Json) -> Json:
    """`ttl` becomes a time. Both at once is one too many for the message."""
    if call.body.get("ttl") and call.body.get("expireTime"):
        raise invalid(
            "Invalid value at 'secret' (oneof), oneof field 'expiration' is already set. Cannot set 'ttl'",
            ("secret", "oneof field 'expiration' is already set. Cannot set 'ttl'"),
        )
    row = {name: value for name, value in row.items() if name != "ttl"}
    if call.body.get("ttl"):
        row["expireTime"] = timestamp(call.now + duration(call.body["ttl"]))
    for name in ("expireTime",):
        if name in row:
            when_of(row[name], name)
    return row


def when_of(text: str, field: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise invalid(
            f"Invalid value at 'secret.{field}' (type.googleapis.com/google.protobuf.Timestamp), \"{text}\""
        ) from error
