"""Which tag values are bound to which resources, and what a resource inherits.

A binding's name is `tagBindings/<resource, percent-encoded>/<tag value>`; its operation is done when it is answered
and has no name (recordings).
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import exists, failed_precondition, forbidden, invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudresourcemanager import hierarchy, tags
from reconciler.localcloud.services.cloudresourcemanager.hierarchy import PACKAGE, denied
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_MANAGER = "//cloudresourcemanager.googleapis.com/"
_MOST = 50  # tags on one resource


def _resource(state: State, full: str) -> str:
    """A full resource name with the project's number in it; GoogleError 403 for a project or folder that is not."""
    head, found, rest = full.partition("/projects/")
    if found:
        own, slash, tail = rest.partition("/")
        row = hierarchy.project(state, own)
        if row is None:
            raise forbidden()
        return f"{head}/projects/{row['number']}{slash}{tail}"
    if full.startswith(_MANAGER) and hierarchy.container(state, full.removeprefix(_MANAGER)) is None:
        raise forbidden()
    return full


def _row_key(resource: str, value: str) -> str:
    return f"cloudresourcemanager.tagBindings/{quote(resource, safe='')}/{value}"


def _create(call: Call) -> Answer:
    body, state = call.body, call.state
    if not str(body.get("parent") or "").startswith("//"):
        raise invalid("Request contains an invalid argument.", ("tag_binding.parent", "must be a full resource name"))
    wanted = body.get("tagValue") or ""
    if wanted:
        value = tags.find(state, "tagValues", wanted)
    else:
        value = tags.by_full_name(state, "tagValues", body.get("tagValueNamespacedName") or "")
    if value is None:
        raise denied(call, "get", wanted or "tagValues")
    resource = _resource(state, body["parent"])
    prefix = f"cloudresourcemanager.tagBindings/{quote(resource, safe='')}/"
    bound = [row for _, row in state.scan(prefix)]
    if any((tags.find(state, "tagValues", row["tagValue"]) or {}).get("parent") == value["parent"] for row in bound):
        raise exists("A binding already exists between the given resource and TagValue.")
    if len(bound) >= _MOST:
        raise failed_precondition(f"A resource can have at most {_MOST} tags.")
    row: Json = {
        "name": f"tagBindings/{quote(resource, safe='')}/{value['name']}", "parent": resource,
        "tagValue": value["name"], "tagValueNamespacedName": value["namespacedName"],
    }  # fmt: skip
    if not call.flag("validateOnly"):
        state.put(_row_key(resource, value["name"]), row)
        state.put(f"cloudresourcemanager.bound/{value['name']}/{quote(resource, safe='')}", {})
    return hierarchy.at_once(f"{PACKAGE}.TagBinding", row)


def _list(call: Call) -> Answer:
    """Without the namespaced name, which the real list leaves out too (recordings)."""
    if not call.query("parent"):
        raise invalid("Request contains an invalid argument.", ("parent", "required"))
    prefix = f"cloudresourcemanager.tagBindings/{quote(_resource(call.state, call.query('parent')), safe='')}/"
    found, token = generic.page(call, call.state.scan(prefix, generic.start_of(call)), most=300)
    shown = [{name: row[name] for name in ("name", "parent", "tagValue")} for row in found]
    return ({"tagBindings": shown} if shown else {}) | ({"nextPageToken": token} if token else {})


def _delete(call: Call) -> Answer:
    """Clients encode the resource in the name once or twice."""
    name = unquote(call.subject.removeprefix("tagBindings/"))
    full, _, number = name.rpartition("/tagValues/")
    resource, value = _resource(call.state, full), f"tagValues/{number}"
    if call.state.get(_row_key(resource, value)) is None:
        raise denied(call, "delete", call.subject)
    call.state.delete(_row_key(resource, value))
    call.state.delete(f"cloudresourcemanager.bound/{value}/{quote(resource, safe='')}")
    return hierarchy.at_once("type.googleapis.com/google.protobuf.Empty", {})


def _effective(call: Call) -> Answer:
    """A resource's own tags, and of each other key the nearest ancestor's."""
    if not call.query("parent"):
        raise invalid("Request contains an invalid argument.", ("parent", "required"))
    own = _resource(call.state, call.query("parent"))
    found: dict[str, Json] = {}
    for level in [own, *_above(call.state, own)]:
        prefix = f"cloudresourcemanager.tagBindings/{quote(level, safe='')}/"
        for _, binding in call.state.scan(prefix):
            value = tags.find(call.state, "tagValues", binding["tagValue"])
            key = tags.find(call.state, "tagKeys", value["parent"]) if value else None
            if value and key:
                tag = {
                    "tagValue": value["name"], "namespacedTagValue": value["namespacedName"], "tagKey": key["name"],
                    "namespacedTagKey": key["namespacedName"], "tagKeyParentName": key["parent"],
                }  # fmt: skip
                found.setdefault(key["name"], tag | ({"inherited": True} if level != own else {}))
    start = generic.start_of(call)
    shown, token = generic.page(call, [item for item in sorted(found.items()) if item[0] > start], most=300)
    return ({"effectiveTags": shown} if shown else {}) | ({"nextPageToken": token} if token else {})


def _above(state: State, full: str) -> list[str]:
    name = full.removeprefix(_MANAGER)
    chain: list[str] = []
    if not full.startswith(_MANAGER):
        project = projects.of(full[full.find("/projects/") + 1 :]) if "/projects/" in full else ""
        if not project:
            return []
        name = f"projects/{project}"
        chain = [name]
    return [_MANAGER + above for above in [*chain, *hierarchy.ancestors(state, name)]]


METHODS: dict[str, Behaviour] = {
    "cloudresourcemanager.tagBindings.create": _create, "cloudresourcemanager.tagBindings.list": _list,
    "cloudresourcemanager.tagBindings.delete": _delete, "cloudresourcemanager.effectiveTags.list": _effective,
}  # fmt: skip
