"""What buckets, folders and objects share: preconditions, absences, etags, patches, in Cloud Storage's words."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

LINK = "https://www.googleapis.com/storage/v1/b/"


def no_bucket() -> GoogleError:
    return GoogleError(404, "The specified bucket does not exist.", reason="notFound")


def no_object(bucket: str, name: str) -> GoogleError:
    return GoogleError(404, f"No such object: {bucket}/{name}", reason="notFound")


def unmet() -> GoogleError:
    return GoogleError(412, "At least one of the pre-conditions you specified did not hold.", reason="conditionNotMet")


def refused(message: str) -> GoogleError:
    return GoogleError(400, message, reason="invalid")


def required(what: str = "Required") -> GoogleError:
    return GoogleError(400, what, reason="required")


def bucket_key(name: str) -> str:
    return f"storage.b/{name}"


def bucket_of(call: Call, name: str = "") -> Json:
    """The live bucket of this name (by default the one in the path). GoogleError 404."""
    row = call.state.get(bucket_key(name or call.params["bucket"]))
    if row is None:
        raise no_bucket()
    return row


def uniform(bucket: Json) -> bool:
    return bool(bucket["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"])


def at_least_one(state: State, prefix: str) -> bool:
    return next(iter(state.scan(prefix)), None) is not None


def check(call: Call, row: Json | None, prefix: str = "if") -> None:
    """ifGenerationMatch and its kin against `row` (None: there is no such object, its generation is 0).

    GoogleError 412 when one does not hold; 304 for the NotMatch kind on a read.
    """
    for field in ("generation", "metageneration"):
        current = (row or {}).get(field, "0")
        wanted = call.query(f"{prefix}{field.capitalize()}Match")
        if wanted and wanted != current:
            raise unmet()
        unwanted = call.query(f"{prefix}{field.capitalize()}NotMatch")
        if unwanted and unwanted == current:
            raise GoogleError(304, "Not Modified") if call.request.verb == "GET" else unmet()


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def bucket_etag(metageneration: str) -> str:
    """`CAE=` for metageneration 1, `CAI=` for 2: a message whose field 1 is the number (samples)."""
    return base64.b64encode(b"\x08" + _varint(int(metageneration))).decode()


def object_etag(generation: str, metageneration: str) -> str:
    """`CJ…EAE=`: field 1 is the generation, field 2 the metageneration (documentation's examples)."""
    return base64.b64encode(b"\x08" + _varint(int(generation)) + b"\x10" + _varint(int(metageneration))).decode()


def with_nulls(call: Call) -> Json:
    """The checked body with the nulls of the raw one put back: in a patch they remove what they stand for."""
    try:
        raw = orjson.loads(call.request.body) if call.request.body else {}
    except ValueError:
        raw = {}
    return _overlaid(call.body, raw) if isinstance(raw, dict) else call.body


def _overlaid(checked: Json, raw: Json) -> Json:
    result: dict[str, Any] = dict(checked)
    for key, value in raw.items():
        if value is None:
            result[key] = None
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _overlaid(result[key], value)
    return result
