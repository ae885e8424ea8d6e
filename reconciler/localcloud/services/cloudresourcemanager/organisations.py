"""The one organisation, in the shapes of v1 and v3, and where a project stands in it."""

from __future__ import annotations

from reconciler.localcloud import operations
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import forbidden
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.services.cloudresourcemanager.hierarchy import ORGANISATION, denied
from reconciler.localcloud.values import Json

# v1 writes owner.directoryCustomerId (or directorycustomerid), v3 domain.
_QUERIES = Language(
    {
        "owner.directoryCustomerId": "directoryCustomerId",
        "owner.directorycustomerid": "directoryCustomerId",
        "domain": "displayName",
    },
    anywhere=("displayName",),
)


def _shown(call: Call) -> Json:
    if call.api.version != "v1":
        return dict(ORGANISATION)
    return {
        "name": ORGANISATION["name"], "displayName": ORGANISATION["displayName"], "lifecycleState": "ACTIVE",
        "owner": {"directoryCustomerId": ORGANISATION["directoryCustomerId"]},
        "creationTime": ORGANISATION["createTime"][:-4] + "Z",
    }  # fmt: skip


def _get(call: Call) -> Answer:
    if call.subject != ORGANISATION["name"]:
        raise denied(call, "get", call.subject)
    return _shown(call)


def _search(call: Call) -> Answer:
    wanted = call.query("query") or call.body.get("filter") or call.body.get("query") or ""
    return {"organizations": [_shown(call)]} if predicate(wanted, _QUERIES)(ORGANISATION) else {}


def _ancestry(call: Call) -> Answer:
    row = hierarchy.project(call.state, call.params["projectId"])
    if row is None:
        raise forbidden()
    chain = [f"projects/{row['projectId']}", *hierarchy.ancestors(call.state, f"projects/{row['number']}")]
    split = (name.split("/") for name in chain)
    return {"ancestor": [{"resourceId": {"type": kind.removesuffix("s"), "id": own}} for kind, own in split]}


def _operation(call: Call) -> Answer:
    return operations.rendered(operations.find(call, call.subject))


METHODS: dict[str, Behaviour] = {
    "cloudresourcemanager.organizations.get": _get, "cloudresourcemanager.organizations.search": _search,
    "cloudresourcemanager.projects.getAncestry": _ancestry, "cloudresourcemanager.operations.get": _operation,
}  # fmt: skip
