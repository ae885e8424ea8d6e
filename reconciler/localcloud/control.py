"""The control door under /_aipress/, which Google does not have: status, reset, faults, calls, time."""

from __future__ import annotations

from reconciler.localcloud.house import House
from reconciler.localcloud.values import Json, Request, Response

PREFIX = "/_aipress/"


def answer(house: House, request: Request, body: Json) -> Response:
    """Answer one control request; a wrong one gets 400 with what to send instead."""
    match request.verb, request.path.removeprefix(PREFIX):
        case "GET", "status":
            return Response(200, _status(house))
        case "POST", "reset":
            house.reset()
            return Response(200, {"reset": True})
        case "GET", "faults":
            return Response(200, {"faults": [fault.printed() for fault in house.faults.armed]})
        case "POST", "faults":
            return _arm(house, body)
        case "DELETE", "faults":
            house.faults.armed.clear()
            return Response(200, {"faults": []})
        case "GET", "calls":
            since = int((request.query.get("since") or ["0"])[0])
            return Response(200, {"calls": [call for call in house.calls if call["n"] > since], "last": house.counted})
        case "POST", "time":
            return Response(200, {"now": house.advance(float(body.get("advance", 0)))})
        case _:
            known = "GET status, POST reset, GET|POST|DELETE faults, GET calls?since=N, POST time"
            return Response(
                404, {"error": f"{request.verb} {request.path} is not part of the control door; it has: {known}"}
            )


def _status(house: House) -> Json:
    counts = house.rows.counts()
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


def _arm(house: House, body: Json) -> Response:
    try:
        return Response(200, house.faults.add(body).printed())
    except (TypeError, ValueError) as error:
        return Response(400, {"error": str(error)})
