"""Links from a log bucket to a BigQuery dataset: made and deleted by operations, one dataset each."""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import failed_precondition
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic, lro
from reconciler.localcloud.services.logging import buckets
from reconciler.localcloud.services.logging.names import (
    absent,
    checked_id,
    everywhere,
    key,
    nanoseconds,
    own_of,
    taken,
    without_zero,
)
from reconciler.localcloud.values import Json


def _load(call: Call) -> Json:
    row = call.state.get(key(call, call.subject))
    if row is None:
        raise absent(f"Link `{own_of(call.subject)}` does not exist")
    return row


def _create(call: Call) -> Answer:
    bucket = buckets.load(call, call.subject)
    own = checked_id("Link", call.query("linkId"))
    path = f"{call.subject}/links/{own}"
    if call.state.get(key(call, path)) is not None:
        raise taken(f"Link `{own}` already exists")
    if not bucket.get("analyticsEnabled"):
        raise failed_precondition(f"Bucket `{own_of(bucket['name'])}` does not have Log Analytics enabled.")
    shown = projects.with_id(call.state, path)
    dataset = f"bigquery.googleapis.com/{'/'.join(shown.split('/')[:2])}/datasets/{own}"
    row = without_zero({
        **call.body, "name": shown, "createTime": nanoseconds(call), "lifecycleState": "ACTIVE",
        "bigqueryDataset": {"datasetId": dataset},
    })  # fmt: skip
    return lro.started(call, path, "logging.link_made", {"key": key(call, path), "row": row})


def _made(ending: Ending) -> None:
    ending.state.put(ending.args["key"], ending.args["row"])
    ending.response = ending.args["row"]


def _get(call: Call) -> Answer:
    return _load(call)


def _delete(call: Call) -> Answer:
    _load(call)
    call.state.delete(key(call, call.subject))
    return lro.started(call, call.subject, "generic.done", {"response": {}})


def _list(call: Call) -> Answer:
    buckets.load(call, call.subject)
    found, token = generic.page(call, generic.scan(call, call.subject, "links"))
    return ({"links": found} if found else {}) | ({"nextPageToken": token} if token else {})


METHODS = everywhere("locations.buckets.links", {"create": _create, "get": _get, "list": _list, "delete": _delete})
FINISHERS: dict[str, Finisher] = {"logging.link_made": _made}
