"""Anywhere caches: one per bucket and zone, made by an operation, then paused, resumed and disabled."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.storage import folders
from reconciler.localcloud.services.storage.rules import LINK, bucket_of, required
from reconciler.localcloud.values import Json, milliseconds

_TYPE = "type.googleapis.com/google.storage.control.v2.AnywhereCache"


def _key(bucket: str, own: str) -> str:
    return f"storage.anywhereCaches/{bucket}/{own}"


def _insert(call: Call) -> Answer:
    bucket, zone = bucket_of(call)["name"], call.body.get("zone", "")
    if not zone:
        raise required()
    if call.state.get(_key(bucket, zone)) is not None:
        raise GoogleError(409, "The anywhere cache already exists.", reason="conflict")
    stamp = milliseconds(call.now)
    row: Json = {
        "kind": "storage#anywhereCache", "id": f"{bucket}/{zone}", "bucket": bucket, "anywhereCacheId": zone,
        "selfLink": f"{LINK}{bucket}/anywhereCaches/{zone}", "zone": zone, "state": "creating", "createTime": stamp,
        "updateTime": stamp, "ttl": call.body.get("ttl", "86400s"), "pendingUpdate": False,
        "admissionPolicy": call.body.get("admissionPolicy", "admit-on-first-miss"),
    }  # fmt: skip
    call.state.put(_key(bucket, zone), row)
    return folders.operation(call, "storage.cache_changed", {"key": _key(bucket, zone), "change": {}}, _TYPE)


def _changed(ending: Ending) -> None:
    row = ending.state.get(ending.args["key"])
    if row is None:
        return
    row |= {**ending.args["change"], "state": "running", "updateTime": milliseconds(ending.moment.now)}
    row["pendingUpdate"] = False
    ending.state.put(ending.args["key"], row)
    ending.response = {"name": f"projects/_/buckets/{row['bucket']}/anywhereCaches/{row['anywhereCacheId']}"}


def _cache(call: Call) -> Json:
    row = call.state.get(_key(bucket_of(call)["name"], call.params["anywhereCacheId"]))
    if row is None:
        raise GoogleError(404, "The specified anywhere cache does not exist.", reason="notFound")
    return row


def _get(call: Call) -> Answer:
    return _cache(call)


def _list(call: Call) -> Answer:
    prefix = _key(bucket_of(call)["name"], "")
    found, token = generic.page(call, call.state.scan(prefix, generic.start_of(call)))
    return (
        {"kind": "storage#anywhereCaches"}
        | ({"items": found} if found else {})
        | ({"nextPageToken": token} if token else {})
    )


def _update(call: Call) -> Answer:
    row = _cache(call)
    change = {name: call.body[name] for name in ("ttl", "admissionPolicy") if name in call.body}
    key = _key(row["bucket"], row["anywhereCacheId"])
    call.state.put(key, {**row, "pendingUpdate": True})
    return folders.operation(call, "storage.cache_changed", {"key": key, "change": change}, _TYPE)


def _set(call: Call) -> Answer:
    row = _cache(call)
    state = {"pause": "paused", "resume": "running", "disable": "disabled"}[call.method.name]
    if row["state"] == "disabled" and state == "paused":
        raise GoogleError(409, "The anywhere cache is disabled.", reason="conflict")
    row |= {"state": state, "updateTime": milliseconds(call.now)}
    call.state.put(_key(row["bucket"], row["anywhereCacheId"]), row)
    return row


_A = "storage.anywhereCaches."
METHODS = {
    f"{_A}insert": _insert, f"{_A}get": _get, f"{_A}list": _list, f"{_A}update": _update,
    **{f"{_A}{verb}": _set for verb in ("pause", "resume", "disable")},
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"storage.cache_changed": _changed}
