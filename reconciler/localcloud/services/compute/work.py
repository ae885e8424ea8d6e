"""compute#operation: how changes are answered, read, listed and waited for.

The shape is from the recordings: RUNNING with progress 0 at first, DONE with progress 100 and an endTime later; an
organisation's operations are under locations/global; an error carries its HTTP status beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.compute import filters
from reconciler.localcloud.services.compute.facts import kind_of
from reconciler.localcloud.services.compute.places import STORED, Place, key_of, place_of, shown
from reconciler.localcloud.services.compute.world import pacific
from reconciler.localcloud.values import Json, digits


@dataclass(frozen=True)
class Failure:
    """An error that shows only when the operation has ended."""

    code: str
    message: str
    status: int = 400
    words: str = "BAD REQUEST"


def started(
    call: Call, place: Place, target: str = "", failure: Failure | None = None, *, untold: bool = False
) -> Json:
    """Start the operation of this call on the resource at `place`, whose numeric id is `target`.

    `untold`: the target is not shown before the operation is done.
    """
    kind = kind_of(place.collection)
    row = _row(call, place, target)
    if failure:
        row["error"] = {"errors": [{"code": failure.code, "message": failure.message}]}
        row |= {"httpErrorStatusCode": failure.status, "httpErrorMessage": failure.words}
    if untold:
        row["untold"] = True
    args = _begun(call, place) if call.method.name == "insert" else {}
    work = Work(_scope(place) + "/operations/" + row["name"], "compute.done", args, extra=row)
    # Recorded: labels are set at once, except on what lives in a zone.
    labelled = call.method.name == "setLabels" and not place.scope.startswith("zones/")
    if call.query("requestId"):
        call.state.put(_asked_key(call), {"name": work.name})
    if labelled or call.method.name in kind.at_once:
        return _shown(call, operations.finished(call, work, None))
    return _shown(call, operations.start(call, work))


def _begun(call: Call, place: Place) -> Json:
    """Mark a new resource as not ready yet, where its kind says so; what `done` needs to undo it."""
    kind = kind_of(place.collection)
    args: Json = {}
    if kind.unready:
        args["busy"] = f"compute.busy/{place.path}"
        call.state.put(args["busy"], {"since": call.now})
    stored = call.state.get(key_of(call.state, place)) if kind.until else None
    if stored is not None:
        args |= {"key": key_of(call.state, place), "until": kind.until, "status": stored["status"]}
        call.state.put(args["key"], stored | {"status": kind.until})
    return args


def _scope(place: Place) -> str:
    words = place.parent.split("/")
    return "/".join(words[: 2 if words[0] == "locations" else 3 if words[2] == "global" else 4])


def _row(call: Call, place: Place, target: str) -> Json:
    kind, scope = kind_of(place.collection), _scope(place)
    name = f"operation-{int(call.now * 1000)}-{_hex(call, 13)}-{_hex(call, 8)}-{_hex(call, 8)}"
    if scope.startswith("locations/"):
        # gcloud reads the organisation from the name (api_lib/compute/operations/poller.py).
        name = f"org-{projects.ORGANISATION.split('/')[1]}-{name}"
    verb = kind.verbs.get(call.method.name, call.method.name)
    dotted = kind.dotted if isinstance(kind.dotted, bool) else call.method.name in kind.dotted
    if dotted and call.method.name not in kind.verbs:
        verb = f"compute.{place.collection}.{call.method.name}"
    row: Json = {
        "kind": "compute#operation", "id": digits(call.rng, 19), "name": name, "operationType": verb,
        "insertTime": pacific(call.now), "startTime": pacific(call.now), "progress": 0, "user": "user@example.com",
        "targetLink": place.link if place.collection else f"{STORED}projects/{place.project}",
        "selfLink": f"{STORED}{scope}/operations/{name}",
    }  # fmt: skip
    if target:
        row["targetId"] = target
    for word in ("zones", "regions"):
        if f"/{word}/" in scope:
            row[word[:-1]] = STORED + scope
    if call.query("requestId"):
        row["clientOperationId"] = call.query("requestId")
    return row


def _hex(call: Call, size: int) -> str:
    return f"{call.rng.getrandbits(size * 4):0{size}x}"


def repeated(call: Call) -> Json | None:
    """The operation that an earlier request with the same `requestId` started, if there is one."""
    if not call.query("requestId") or not call.method.mutating:
        return None
    found = call.state.get(_asked_key(call))
    row = call.state.get(operations.key_of(call.state, "compute", found["name"])) if found else None
    return _shown(call, row) if row else None


def _asked_key(call: Call) -> str:
    """A request id means the same request: the same method on the same place."""
    return f"compute.asked/{place_of(call).path}/{call.method.id}/{call.query('requestId')}"


def done(ending: Ending) -> None:
    """What an operation was for is stored when it starts; what was not ready until now is."""
    if ending.args.get("busy"):
        ending.state.delete(ending.args["busy"])
    stored = ending.state.get(ending.args["key"]) if "key" in ending.args else None
    if stored is not None and stored["status"] == ending.args["until"]:
        ending.state.put(ending.args["key"], stored | {"status": ending.args["status"]})


def refuse_unready(call: Call, place: Place) -> None:
    """GoogleError 400 while the creation of a network (recorded), a machine, a disk and their like runs.

    What happens in the instant of the creation belongs to it: the network's own route, and tests without time.
    """
    if kind_of(place.collection).unready:
        busy = call.state.get(f"compute.busy/{place.path}")
        if busy is not None and busy["since"] < call.now:
            raise GoogleError(400, f"The resource '{place.path}' is not ready", reason="resourceNotReady")


def _shown(call: Call, row: Json) -> Json:
    extra: Json = row["extra"]
    late = {key: value for key, value in extra.items() if key in ("error", "httpErrorStatusCode", "httpErrorMessage")}
    untold = ("untold", "targetId", "targetLink") if "untold" in extra and not row["done"] else ("untold",)
    result = {key: value for key, value in extra.items() if key not in late and key not in untold}
    if not row["done"]:
        result["status"] = "RUNNING"
    else:
        result |= {"status": "DONE", "progress": 100, "endTime": pacific(row["ends"]), **late}
        if "error" in row:
            result["error"] = {"errors": [{"code": "INTERNAL_ERROR", "message": row["error"]["message"]}]}
            result |= {"httpErrorStatusCode": 500, "httpErrorMessage": "INTERNAL SERVER ERROR"}
    answer = shown(call.api.version, result)
    return answer if isinstance(answer, dict) else {}


def answered(call: Call) -> Answer:
    """get, wait, delete, list and aggregatedList of globalOperations, regionOperations and their like."""
    if call.method.name in ("list", "aggregatedList"):
        return _listed(call)
    place = place_of(call)
    row = call.state.get(operations.key_of(call.state, "compute", place.path))
    if row is None:
        raise GoogleError(404, f"The resource '{place.path}' was not found", reason="notFound")
    if call.method.name == "delete":
        call.state.delete(operations.key_of(call.state, "compute", place.path))
        return {}
    return _shown(call, row)


def _listed(call: Call) -> Answer:
    place = place_of(call)
    parent = place.parent.removesuffix("/aggregated")
    prefix = operations.key_of(call.state, "compute", projects.canonical(call.state, parent)) + "/"
    wanted = filters.compiled(call)
    if call.method.name == "aggregatedList":
        rows = ((key, row) for key, row in call.state.scan(prefix, generic.start_of(call)))
    else:
        rows = ((key, row) for key, row in call.state.scan(f"{prefix}operations/", generic.start_of(call)))
    pairs = ((key, _shown(call, row)) for key, row in rows)
    found, token = generic.page(call, ((key, row) for key, row in pairs if wanted(row)), 500, 500)
    return filters.answered(call, place, found, token)
