"""The standard methods of compute by rule from its discovery document: insert, get, list, patch, update, delete.

Every collection works alike; what differs is in the tables of `facts`. A method that changes something answers with
an operation. What is changed is seen at once; only the operation takes its time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson

from reconciler.localcloud import policies
from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.api.masks import masked, merged
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.compute import filters, work
from reconciler.localcloud.services.compute.facts import kind_of
from reconciler.localcloud.services.compute.kinds import Draft, refused
from reconciler.localcloud.services.compute.places import (
    STORED,
    Place,
    key_of,
    parsed,
    place_of,
    prefix_of,
    shown,
    stored_at,
)
from reconciler.localcloud.services.compute.references import refuse_dangling
from reconciler.localcloud.services.compute.shapes import accepted, completed
from reconciler.localcloud.services.compute.standing import by_rule
from reconciler.localcloud.services.compute.world import pacific
from reconciler.localcloud.values import Json, digits, etag_like, seconds_of

# The fingerprint of no labels at all, which never differs in the real cloud (recalled).
_NO_LABELS = "42WmSpB8rSM="
_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
# How a resource may be addressed: by its name or by its number (https://github.com/rapid7/insightconnect-plugins/pull/751).
_ADDRESS = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?|[1-9][0-9]{0,19}")
_PRINTS = ("fingerprint", "labelFingerprint")
_FIXED = ("id", "name", "kind", "selfLink", "selfLinkWithId", "creationTimestamp", "region", "zone")


# --- reading ---------------------------------------------------------------------------------------------------


def load(call: Call, place: Place) -> tuple[Place, Json]:
    """The resource at `place` (a numeric id finds its name). GoogleError 404 in Google's words."""
    found = stored_at(call.state, place)
    if found is not None:
        return found
    if not _ADDRESS.fullmatch(place.name):
        field = next((name for name, value in call.params.items() if value == place.name), "resource")
        raise refused(field, place.name, f"Must be a match of regex '{_ADDRESS.pattern}'")
    raise missing(place)


def missing(place: Place) -> GoogleError:
    return GoogleError(404, f"The resource '{place.path}' was not found", reason="notFound")


def visible(call: Call, stored: Json) -> Json:
    """A stored resource as this version of the API shows it."""
    result = shown(call.api.version, stored)
    return result if isinstance(result, dict) else {}


def get(call: Call) -> Answer:
    return visible(call, load(call, place_of(call))[1])


def listed(call: Call) -> Answer:
    """list and aggregatedList, with filter, order and pages."""
    place = place_of(call)
    parent = place.parent.removesuffix("/aggregated")
    rows: Iterable[tuple[str, Json]] = call.state.scan(
        prefix_of(call.state, place.collection, parent), generic.start_of(call)
    )
    wanted = filters.compiled(call)
    if call.query("orderBy"):
        rows = filters.ordered(call, list(rows))
    found, token = generic.page(call, ((key, row) for key, row in rows if wanted(row)), 500, 500)
    return filters.answered(call, place, found, token)


# --- writing ---------------------------------------------------------------------------------------------------


def insert(call: Call) -> Answer:
    """Create from the request's body under its name."""
    if not call.body:
        # https://github.com/googleapis/google-api-python-client/issues/608, of an empty body too.
        raise GoogleError(400, "Required field 'resource' not specified", reason="required")
    body = accepted(call.api, _schema(call), call.body)
    target = named_in(place_of(call), body)
    stored = make(call, target, body)
    return work.started(call, target, str(stored["id"]))


def named_in(place: Place, body: Json) -> Place:
    """Where a new resource belongs by the name in its body. GoogleError 400 for what is no name."""
    name = str(body.get("name", ""))
    if not _NAME.fullmatch(name):
        raise refused("resource.name", name, f"Must be a match of regex '{_NAME.pattern}'")
    return place.named(name)


def insert_as(call: Call, collection: Place, body: Json) -> Answer:
    """Create under a number that the server makes; the operation tells it only when it is done (recorded)."""
    number = digits(call.rng, 12)
    place = collection.named(number)
    link = f"{place.link}/{number}"
    stored = make(call, place, body, id=number, selfLinkWithId=link)
    return work.started(call, place, str(stored["id"]), untold=True)


def make(call: Call, place: Place, body: Json, **given: Any) -> Json:
    """Store a new resource at `place`, filled in by its kind. GoogleError 409 if there is one, 400 for a bad body."""
    if call.state.get(key_of(call.state, place)) is not None:
        raise GoogleError(409, f"The resource '{place.path}' already exists", reason="alreadyExists")
    kind = kind_of(place.collection)
    for name in kind.required:
        if body.get(name) in (None, "", []):
            raise GoogleError(400, f"Required field 'resource.{name}' not specified", reason="required")
    schema = schema_of(call, place.collection)
    own = {key: value for key, value in body.items() if key not in _PRINTS and key not in kind.later}
    draft = Draft(call, place, completed(call, schema, {**kind.defaults, **own}, place.project))
    draft.body |= _identity(call, place, schema) | given
    refuse_dangling(call, place, draft.body)
    if kind.fill:
        kind.fill(draft)
    return store(call, place, draft.body)


def store(call: Call, place: Place, body: Json) -> Json:
    """Store a resource as it is now, with new fingerprints; secrets are dropped."""
    known = schema_of(call, place.collection).get("properties", {})
    dropped = kind_of(place.collection).dropped
    kept = {key: value for key, value in body.items() if key not in dropped}
    if "labelFingerprint" in known:
        kept["labelFingerprint"] = _label_fingerprint(kept.get("labels") or {})
    if "fingerprint" in known:
        kept["fingerprint"] = etag_like(call.rng)
    if not kept.get("labels"):
        kept.pop("labels", None)
    for name, value in kept.items():
        if name.endswith("Timestamp") and isinstance(value, str) and value.endswith("Z"):
            kept[name] = pacific(seconds_of(value))
    call.state.put(key_of(call.state, place), kept)
    return kept


def _label_fingerprint(labels: Json) -> str:
    if not labels:
        return _NO_LABELS
    text = json.dumps(labels, sort_keys=True).encode()
    return base64.b64encode(hashlib.sha256(text).digest()[:8]).decode()


def _identity(call: Call, place: Place, schema: Json) -> Json:
    number, words = digits(call.rng, 19), place.scope.split("/")
    known: Json = {
        "id": number, "name": place.name, "creationTimestamp": call.stamp, "selfLink": place.link,
        "selfLinkWithId": f"{STORED}{place.named(number).path}",
        "kind": schema.get("properties", {}).get("kind", {}).get("default"),
    }  # fmt: skip
    if len(words) == 2:
        known[words[0][:-1]] = STORED + place.parent
    return {key: value for key, value in known.items() if key in schema.get("properties", {}) and value is not None}


def schema_of(call: Call, collection: str) -> Json:
    """The schema of a collection's resources: what its `get` answers."""
    return call.api.schema(_schema_name(call.api, collection))


@cache
def _schema_name(api: Api, collection: str) -> str:
    for method in api.methods:
        if method.name == "get" and method.template.split("/")[-2:-1] == [collection]:
            return method.response
    return collection[0].upper() + collection[1:].removesuffix("s")


def _schema(call: Call) -> Json:
    return call.api.schema(call.method.request)


def change(call: Call) -> Answer:
    """patch (merged, nulls remove) and update (replaced)."""
    place = place_of(call)
    if not place.name:
        # Some updates name their resource in the query (`autoscalers.update`).
        singular = place.collection.removesuffix("s")
        place = place.named(call.query(singular) or str(call.body.get("name", "")))
    place, before = load(call, place)
    check_fingerprint(call.body, before)
    body = accepted(call.api, _schema(call), call.body)
    if call.query("updateMask"):
        changed = masked(before, body, call.query("updateMask"))
    elif call.method.verb == "PUT":
        server_set = {
            key: value for key, value in before.items() if key not in accepted(call.api, _schema(call), before)
        }
        changed = {**kind_of(place.collection).defaults, **server_set, **body}
    else:
        changed = merged(merged(before, body), _nulls(orjson.loads(call.request.body or b"{}"), before))
    return changed_to(call, place, before, changed)


def _nulls(sent: Any, stored: Any) -> Json:
    """The parts of a patch that are null, of what is stored: they remove a field. (`call.body` has none.)"""
    found: Json = {}
    for name, value in sent.items() if isinstance(sent, dict) and isinstance(stored, dict) else ():
        if value is None and name in stored:
            found[name] = None
        elif inner := _nulls(value, stored.get(name)):
            found[name] = inner
    return found


def changed_to(call: Call, place: Place, before: Json, changed: Json) -> Answer:
    """Store `changed` in place of `before` and answer with the operation. GoogleError 400 for an immutable field."""
    kind, schema = kind_of(place.collection), schema_of(call, place.collection)
    body = completed(call, schema, changed, place.project)
    body |= {name: before[name] for name in _FIXED if name in before}
    for name in kind.immutable:
        if before.get(name) is not None and body.get(name) not in (None, before[name]):
            raise refused(f"resource.{name}", body[name], "Field is immutable and cannot be changed.")
    work.refuse_unready(call, place)
    refuse_dangling(call, place, body, before)
    draft = Draft(call, place, body, before)
    if kind.fill:
        kind.fill(draft)
    store(call, place, draft.body)
    return work.started(call, place, str(before["id"]))


def check_fingerprint(sent: Json, stored: Json, name: str = "fingerprint", said: str = "Invalid fingerprint.") -> None:
    """Refuse (GoogleError 412) a change that was made on an older state."""
    if sent.get(name) is not None and stored.get(name) and _plain(sent[name]) != _plain(stored[name]):
        raise GoogleError(412, said, reason="conditionNotMet")


def _plain(fingerprint: object) -> str:
    # Clients may re-encode bytes in the URL-safe alphabet, as gcloud does.
    return str(fingerprint).rstrip("=").replace("-", "+").replace("_", "/")


def set_labels(call: Call) -> Answer:
    """setLabels: with the fingerprint of the labels that are replaced. The same labels again change nothing."""
    place, before = load(call, place_of(call))
    labels = call.body.get("labels") or {}
    if labels != (before.get("labels") or {}):
        sent = {"labelFingerprint": call.body.get("labelFingerprint", "")}
        said = "Labels fingerprint either invalid or resource labels have changed"
        check_fingerprint(sent, before, "labelFingerprint", said)
    kept = {**before, "labels": labels, "labelFingerprint": _label_fingerprint(labels)}
    if not labels:
        del kept["labels"]
    call.state.put(key_of(call.state, place), kept)
    return work.started(call, place, str(before["id"]))


def absent(call: Call, place: Place) -> bool:
    return call.state.get(key_of(call.state, place)) is None


def delete(call: Call, ignoring: frozenset[str] = frozenset()) -> Answer:
    """Delete, unless another resource (but one of `ignoring`, by its link) refers to it."""
    place, stored = load(call, place_of(call))
    work.refuse_unready(call, place)
    kind = kind_of(place.collection)
    user = user_of(call, place, stored, ignoring)
    if user is not None:
        noun = kind.noun or re.sub(r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), _singular(place))
        said = f"The {noun} resource '{place.path}' is already being used by '{user.path}'"
        if kind.late:
            failure = work.Failure("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", said)
            return work.started(call, place, str(stored["id"]), failure)
        raise GoogleError(400, said, reason="resourceInUseByAnotherResource")
    call.state.delete(key_of(call.state, place))
    call.state.delete(policies.key_of(call, place.path))
    return work.started(call, place, str(stored["id"]))


def _singular(place: Place) -> str:
    name = place.collection
    return name[:-3] + "y" if name.endswith("ies") else name[:-2] if name.endswith("sses") else name.removesuffix("s")


def user_of(call: Call, place: Place, stored: Json, ignoring: frozenset[str] = frozenset()) -> Place | None:
    """A resource that refers to this one."""
    for link in stored.get("users", []):
        if isinstance(link, str) and place.collection in ("addresses", "disks"):
            return parsed(link)
    for collection in kind_of(place.collection).used_by:
        for _, row in call.state.scan(prefix_of(call.state, collection, f"projects/{place.project}")):
            if row["selfLink"] not in ignoring and refers(row, str(stored["selfLink"])):
                return parsed(str(row["selfLink"]))
    return None


def refers(value: Any, link: str) -> bool:
    """Whether a link occurs anywhere in a value, apart from its own selfLink."""
    if isinstance(value, dict):
        return any(refers(inner, link) for key, inner in value.items() if key != "selfLink")
    if isinstance(value, list):
        return any(refers(inner, link) for inner in value)
    return bool(value == link)


# --- everything else -------------------------------------------------------------------------------------------


def answer(call: Call) -> Answer:
    """Any method of compute that has no behaviour of its own."""
    verb, owner = call.method.name, call.method.id.split(".")[-2]
    if owner.lower().endswith("operations"):
        return work.answered(call)
    if verb in ("getIamPolicy", "setIamPolicy", "testIamPermissions"):
        return _access(call, load(call, place_of(call))[0])
    if verb == "insert":
        return insert(call)
    if verb in ("patch", "update"):
        return change(call)
    if verb == "delete":
        return delete(call)
    if verb == "setLabels":
        return set_labels(call)
    if verb in ("list", "aggregatedList"):
        return listed(call)
    if verb == "get":
        return get(call)
    return _other(call)


def _access(call: Call, place: Place) -> Answer:
    """Who may do what with one resource. A policy may come in `policy` or, as of old, as the body itself."""
    if call.method.name == "getIamPolicy":
        return policies.read(call, place.path)
    if call.method.name == "setIamPolicy":
        return policies.write(call, place.path, call.body.get("policy") or call.body)
    return {"permissions": call.body.get("permissions", [])}


def _other(call: Call) -> Answer:
    """A custom verb whose fields are fields of the resource sets them (`setTarget`); 501 for all others."""
    place = place_of(call)
    if place.name and by_rule(call.api, call.method):
        place, stored = load(call, place)
        changed = _set(call, place, stored)
        if changed is not None:
            return changed_to(call, place, stored, changed)
    said = f"The local cloud has no behaviour for {call.method.id}."
    raise GoogleError(501, said, reason="notImplemented")


def _set(call: Call, place: Place, stored: Json) -> Json | None:
    known = schema_of(call, place.collection).get("properties", {})
    body = accepted(call.api, _schema(call), call.body)
    sent = {key: value for key, value in body.items() if key != "fingerprint"}
    wanted = _schema(call).get("properties", {})
    field = call.method.name.removeprefix("set")
    field = field[:1].lower() + field[1:]
    if field in known and len(wanted) == 1 and known[field].get("type") == "string":
        return {**stored, field: next(iter(sent.values()), None)}
    if wanted and all(key in known for key in wanted if key != "fingerprint"):
        check_fingerprint(body, stored)
        return {**stored, **sent}
    # `setTags` sends the message itself: its field has the verb's name.
    if call.method.name.startswith("set") and known.get(field, {}).get("$ref") == call.method.request:
        check_fingerprint(body, stored.get(field, {}))
        return {**stored, field: {**sent, **({"fingerprint": etag_like(call.rng)} if "fingerprint" in wanted else {})}}
    return None


def with_links(call: Call, place: Place, body: Json) -> Json:
    """A body with its links in full."""
    result: Json = completed(call, schema_of(call, place.collection), body, place.project)
    return result
