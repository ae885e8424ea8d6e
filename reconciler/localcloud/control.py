"""The control door under /_aipress/, which Google does not have: faults, lags, limits, quotas, time, calls …"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from reconciler.localcloud import consistency, limits
from reconciler.localcloud.house import House, told
from reconciler.localcloud.values import Json, Request, Response

PREFIX = "/_aipress/"
# Dates end with the year 9999, and some are set years ahead.
_LAST_SECOND = 221_845_392_000


def answer(house: House, request: Request, body: Json) -> Response:
    """Answer one control request; a wrong one gets 400 with what to send instead."""
    found = DOORS.get((request.verb, request.path.removeprefix(PREFIX)))
    one = request.path.removeprefix(f"{PREFIX}faults/")
    if found is None and request.verb == "DELETE" and one.isdecimal() and len(one) < 20:
        found = _disarm
    if found is None:
        known = ", ".join(f"{verb} {path}" for verb, path in DOORS)
        message = f"{request.verb} {request.path} is not part of the control door; it has: {known}, DELETE faults/ID"
        return Response(404, {"error": message})
    if not body and found is not _seed and request.body.strip() not in (b"", b"{}"):
        return Response(400, {"error": "the body must be one JSON object"})
    try:
        answered = found(house, request, body)
        return Response(200, answered, {"content-type": "application/json; charset=UTF-8"})
    except (LookupError, OSError, TypeError, ValueError) as error:
        return Response(400, {"error": str(error)})


def _status(house: House) -> Json:
    counts = {name: number for name, number in house.rows.counts().items() if name != "count"}
    return {
        "counts": counts,
        "timeScale": house.settings.time_scale,
        "strictServices": house.settings.strict_services,
        "seed": house.seed,
        "now": house.now,
        "uptime": house.clock() - house.started,
        "writes": house.writes,
        "calls": house.counted,
        "pending": counts.get("pending", 0),
    }


def _get_status(house: House, *_: object) -> Json:
    return _status(house)


def _reset(house: House, *_: object) -> Json:
    house.reset()
    return {"reset": True}


def _faults(house: House, *_: object) -> Json:
    return {"faults": [fault.printed() for fault in house.faults.armed], "seed": house.faults.seed}


def _arm(house: House, _: Request, body: Json) -> Json:
    """One fault, or `{"faults": [...], "seed": N}`: all of them or, when one is wrong, none."""
    if "faults" not in body:
        return house.faults.add(body, house.now).printed()
    house.arm(body)
    return _faults(house)


def _disarm(house: House, request: Request, _: Json) -> Json:
    own = int(request.path.rpartition("/")[2])
    if not house.faults.remove(own):
        raise ValueError(f"no fault has the id {own}; GET {PREFIX}faults lists them")
    return _faults(house)


def _clear(house: House, *_: object) -> Json:
    house.faults.clear()
    return _faults(house)


def _calls(house: House, request: Request, _: Json) -> bytes:
    return b'{"calls":[%b],"last":%d}' % (b",".join(told(house, request.query)), house.counted)


def _seed(house: House, request: Request, _: Json) -> Json:
    return {"stored": house.plant(request.body)}


def _file(house: House, body: Json) -> Path:
    """Where a snapshot is: a file by its whole path, or by a name in the state directory."""
    file, name = body.get("file", ""), body.get("name", "")
    if set(body) - {"file", "name"} or bool(file) == bool(name) or not isinstance(file or name, str):
        raise ValueError('say where: {"file": "/whole/path"} or {"name": "before-the-test"}')
    if name:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
            raise ValueError(f"{name!r} is no name for a snapshot: letters, digits, dots, hyphens and underscores")
        folder = house.rows.path.parent / "snapshots"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{name}.sqlite"
    if not Path(file).is_absolute() or not Path(file).parent.is_dir():
        raise ValueError(f"{file!r} must be a whole path in a folder that is there")
    return Path(file)


def _snapshot(house: House, _: Request, body: Json) -> Json:
    file = _file(house, body)
    return {"file": str(file), "bytes": house.snapshot(file)}


def _restore(house: House, _: Request, body: Json) -> Json:
    file = _file(house, body)
    house.restore(file)
    return {"file": str(file), "now": house.now}


def _keys(house: House, request: Request, _: Json) -> Json:
    """Names of what is there, ours left out: those that contain a text, a page at a time."""
    asked = {name: values[0] for name, values in request.query.items()}
    if unknown := sorted(set(asked) - {"contains", "after", "limit"}):
        raise ValueError(f"no filter is named {', '.join(unknown)}; known are: contains, after, limit")
    most = int(asked.get("limit", "1000"))
    found = list(islice(house.keys(asked.get("contains", ""), asked.get("after", "")), most))
    return {"keys": found, "next": found[-1] if len(found) == most else ""}


def _limits(house: House, *_: object) -> Json:
    return {"limits": limits.printed(house.settings)}


def _limit(house: House, _: Request, body: Json) -> Json:
    house.configure(limits=limits.set_from(body, house.settings.limits))
    return _limits(house)


def _quotas(house: House, *_: object) -> Json:
    return {"quotas": house.quotas.printed()}


def _quota(house: House, _: Request, body: Json) -> Json:
    house.quotas.set_from(body)
    return _quotas(house)


def _lags(house: House, *_: object) -> Json:
    return {"consistency": house.lags.printed()}


def _lag(house: House, _: Request, body: Json) -> Json:
    house.lags = consistency.parsed(body)
    return _lags(house)


def _time(house: House, _: Request, body: Json) -> Json:
    seconds = body.get("advance")
    if set(body) != {"advance"} or not isinstance(seconds, int | float) or not 0 <= seconds < 1e10:
        raise ValueError('time goes forward: {"advance": 60}, in seconds')
    if house.now + seconds > _LAST_SECOND:
        raise ValueError("time ends with the year 9000: nothing could be dated afterwards; POST reset begins anew")
    return {"now": house.advance(float(seconds))}


DOORS: dict[tuple[str, str], Callable[[House, Request, Json], Json | bytes]] = {
    ("GET", "status"): _get_status, ("POST", "reset"): _reset,
    ("GET", "faults"): _faults, ("POST", "faults"): _arm, ("DELETE", "faults"): _clear,
    ("GET", "calls"): _calls,
    ("GET", "keys"): _keys, ("POST", "seed"): _seed,
    ("POST", "snapshot"): _snapshot, ("POST", "restore"): _restore,
    ("GET", "limits"): _limits, ("POST", "limits"): _limit,
    ("GET", "quotas"): _quotas, ("POST", "quotas"): _quota,
    ("GET", "consistency"): _lags, ("POST", "consistency"): _lag,
    ("POST", "time"): _time,
}  # fmt: skip
