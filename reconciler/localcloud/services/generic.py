"""What every Google API does alike: list, get, create, patch, delete, IAM, with operations where the model says so."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import replace

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.bodies import snake
from reconciler.localcloud.api.discovery import Api, Method
from reconciler.localcloud.api.masks import masked, merged
from reconciler.localcloud.api.model import body_behaviour, resource_behaviour, wrapped_in
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, exists, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import lro, places
from reconciler.localcloud.values import Json, digits, etag_like, uuid_like

# How a service words that something is not there (recordings); others say it as `not_found` does.
_NOT_FOUND = {
    "cloudkms": "{kind} {name} not found.",
    "pubsub": "Resource not found (resource={own}).",
    "spanner": "{words} not found: {name}",
}
# Collections whose names are told with the project's number (recordings).
_NUMBERED = frozenset({"dashboards", "feeds", "savedQueries"})
_OF_OPERATIONS = frozenset({"get", "list", "wait", "cancel", "delete"})
_OWN_NAMES = ("dns", "bigquery", "storage")


Rows = Iterable[tuple[str, Json]]


def by_rule(api: Api, method: Method) -> bool:
    """Whether `answer` has an answer for a method; all others get 501."""
    collection = method.id.split(".")[-2]
    if method.name in ("getIamPolicy", "setIamPolicy", "testIamPermissions", "patch", "update", "delete"):
        return True
    if "operations" in collection.lower():
        return method.name in _OF_OPERATIONS
    if method.name in ("create", "insert"):
        return _makes_resource(api, method)
    if ":" in method.template.rsplit("/", 1)[-1]:
        return False
    return method.verb == "GET" and (method.name in ("get", "list") or bool(_list_property(api, method)))


def answer(call: Call) -> Answer:
    """Answer any method from the API model alone."""
    verb = call.method.name
    if not by_rule(call.api, call.method):
        return _other(call)
    if verb == "getIamPolicy":
        return policies.read(call, call.subject)
    if verb == "setIamPolicy":
        return policies.write(call, call.subject, call.body.get("policy", call.body))
    if verb == "testIamPermissions":
        return {"permissions": call.body.get("permissions", [])}
    collection = call.method.id.split(".")[-2]
    if "operations" in collection.lower():
        return _operation(call)
    if collection == "locations" and verb in ("list", "get"):
        return places.answer(call)
    if verb in ("create", "insert"):
        return create(call)
    if verb in ("patch", "update"):
        return update(call)
    if verb == "delete":
        return delete(call)
    return listed(call) if _list_property(call.api, call.method) else get(call)


# --- names -----------------------------------------------------------------------------------------------------


def path_of(call: Call) -> str:
    """The request's path after the version and without a custom verb, decoded: the resource's name or its parent's."""
    path = call.method.template
    for name, value in call.params.items():
        path = path.replace(f"{{+{name}}}", value).replace(f"{{{name}}}", value)
    path = path.removeprefix(call.api.base)
    path = re.sub(r"^(sql/)?v\d+\w*/", "", path)
    return path.split(":")[0] if ":" in call.method.template.rsplit("/", 1)[-1] else path


def key_of(call: Call, path: str) -> str:
    """The key of a resource path: `<service>.<collection>/<path with the project's number>`."""
    parts = path.strip("/").split("/")
    collection = parts[-2] if len(parts) > 1 else parts[-1]
    return f"{call.service}.{collection}/{projects.canonical(call.state, '/'.join(parts))}"


def load(call: Call, path: str) -> Json:
    stored = call.state.get(key_of(call, path))
    if stored is None:
        raise missing(call, path)
    return stored


def missing(call: Call, path: str) -> GoogleError:
    *_, collection, own = f"/{projects.with_id(call.state, path)}".split("/")
    word = collection.removesuffix("s")
    said = _NOT_FOUND.get(call.service)
    if said is None and lro.shares_metadata(call.api):
        said = "Resource '{name}' was not found"
    if said is None:
        return not_found()
    words = re.sub(r"(?<=[a-z])([A-Z])", lambda found: " " + found[1].lower(), word).capitalize()
    name = projects.with_id(call.state, path)
    return not_found(said.format(kind=word[:1].upper() + word[1:], words=words, name=name, own=own))


# --- pages -----------------------------------------------------------------------------------------------------


def page(call: Call, rows: Iterable[tuple[str, Json]], default: int = 100, most: int = 1000) -> tuple[list[Json], str]:
    """One page of `rows` (which must start after `start_of(call)`) and the token of the next, or an empty one."""
    asked = call.body.get("pageSize")  # a search by POST asks in its body
    size = asked if isinstance(asked, int) else call.whole("pageSize", call.whole("maxResults", 0))
    if size < 0:
        raise invalid("page_size must be non-negative")
    size = min(size or default, most)
    found: list[Json] = []
    last = ""
    for key, value in rows:
        if len(found) == size:
            return found, base64.urlsafe_b64encode(last.encode()).decode()
        found.append(value)
        last = key
    return found, ""


def start_of(call: Call) -> str:
    """The key after which the page that `pageToken` asks for begins."""
    token = call.query("pageToken") or str(call.body.get("pageToken") or "")
    try:
        return base64.b64decode(token.encode(), b"-_", validate=True).decode() if token else ""
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("The page token is invalid.") from error


def scan(call: Call, parent: str, collection: str) -> Iterable[tuple[str, Json]]:
    """The resources of a collection under `parent`, from the asked page on; `-` stands for any one segment."""
    return _scan(call, parent, collection, start_of(call))


def scan_all(call: Call, parent: str, collection: str) -> Iterable[tuple[str, Json]]:
    """Like `scan`, from the first on, whatever page is asked for."""
    return _scan(call, parent, collection, "")


def _scan(call: Call, parent: str, collection: str, start: str) -> Iterable[tuple[str, Json]]:
    path = projects.canonical(call.state, parent.strip("/"))
    wild = path.find("/-")
    prefix = f"{call.service}.{collection}/" + (path[: wild + 1] if wild >= 0 else f"{path}/{collection}/".lstrip("/"))
    return call.state.scan(prefix, start)


def _list_property(api: Api, method: Method) -> str:
    """The field of a list's answer that holds the resources; empty for what is no list."""
    properties = api.schema(method.response).get("properties", {})
    if method.verb != "GET" or ("nextPageToken" not in properties and method.name != "list"):
        return ""
    for name, schema in properties.items():
        if schema.get("type") == "array" and name not in ("unreachable", "unreachables", "missingZones"):
            return str(name)
    return ""


def listed(call: Call) -> Answer:
    name = _list_property(call.api, call.method)
    parent, _, collection = path_of(call).strip("/").rpartition("/")
    found, token = page(call, scan(call, parent, collection))
    schema = call.api.schema(call.method.response)["properties"]
    result: Json = {prop: inner["default"] for prop, inner in schema.items() if prop == "kind" and "default" in inner}
    if found:
        result[name] = [_listed(call, schema[name].get("items", {}), row) for row in found]
    return result | ({"nextPageToken": token} if token else {})


def _listed(call: Call, schema: Json, row: Json) -> Json:
    """A row as a list shows it: some lists have a shorter form of the resource."""
    known = call.api.resolve(schema).get("properties")
    if not known:
        return row
    result: Json = {}
    for name, value in row.items():
        if name in known:
            inner = isinstance(value, dict) and "properties" in known[name]
            result[name] = _listed(call, known[name], value) if inner else value
    return result


# --- the standard methods --------------------------------------------------------------------------------------


def get(call: Call) -> Answer:
    return load(call, path_of(call))


def chosen_id(call: Call, collection: str) -> str:
    """The id of a new resource: from `<kind>Id` in the query or body, from the body's name, or made by the server."""
    for name in call.method.query_parameters:
        if name.endswith("Id") and name not in ("requestId", "userId") and call.query(name):
            return call.query(name)
    if call.method.name == "insert" or call.service in _OWN_NAMES:
        return str(call.body.get("name") or call.body.get("id") or digits(call.rng, 19))
    kind = collection.removesuffix("s")
    reference = call.body.get(f"{kind}Reference")
    if isinstance(reference, dict) and reference.get(f"{kind}Id"):
        return str(reference[f"{kind}Id"])
    singular = f"{kind}Id"
    for name in (singular, "id", "name"):
        if isinstance(call.body.get(name), str) and call.body[name]:
            return str(call.body[name]).rsplit("/", 1)[-1]
    return uuid_like(call.rng)


def fit(own: str) -> str:
    """An id that stays one segment of a name. GoogleError 400 for any other: it would stand under another parent."""
    if not _ID.fullmatch(own) or own in (".", "..", "-"):
        raise invalid("Request contains an invalid argument.", ("name", f"{own!r} is not a valid id."))
    return own


def resource_schema(call: Call) -> Json:
    """The discovery schema of what is created or changed."""
    schema = call.api.schema(call.method.request)
    inner = wrapped_in(call.api, call.method)
    return call.api.resolve(schema["properties"][inner]) if inner and inner in schema.get("properties", {}) else schema


def _makes_resource(api: Api, method: Method) -> bool:
    """Whether what comes back is what was sent in, at once or in an operation; some `create` methods only act."""
    response = method.response
    return response.endswith("Operation") or response in (method.request, "Empty") or bool(wrapped_in(api, method))


def unwrap(call: Call) -> None:
    """Make the body the resource itself where a request carries it in one of its fields."""
    inner = wrapped_in(call.api, call.method)
    if inner:
        if call.body.get("updateMask"):
            mask = str(call.body["updateMask"])
            call.request = replace(call.request, query={**call.request.query, "updateMask": [mask]})
        call.body = dict(call.body.get(inner) or {})


def create(call: Call) -> Answer:
    if not _makes_resource(call.api, call.method):
        return _other(call)
    parent = path_of(call).strip("/")
    collection = parent.rsplit("/", 1)[-1]
    path = f"{parent}/{fit(chosen_id(call, collection))}"
    require_fields(call)
    unwrap(call)
    if call.method.verb == "PUT":
        path, collection = parent, parent.split("/")[-2]
    require_parent(call, path)
    if call.state.get(key_of(call, path)) is not None:
        raise exists(f"Resource '{projects.with_id(call.state, path)}' already exists")
    stored = _filled(call, path, call.body)
    call.state.put(key_of(call, path), stored)
    return result(call, path, stored)


_ID = re.compile(r"[^/\s\x00-\x1f\x7f]{1,1024}")
_PLACE = re.compile(r"(projects|organizations|folders|billingAccounts)/[^/]+(/locations/[^/]+)?|")


def require_parent(call: Call, path: str) -> None:
    """GoogleError 404 when the resource under which `path` stands is itself one that does not exist."""
    parent = "/".join(path.strip("/").split("/")[:-2])
    if _PLACE.fullmatch(parent) or call.service in _OWN_NAMES:
        return
    found = call.api.match("GET", call.method.template.split("{")[0] + parent)
    if found is not None and found[0].name == "get" and found[0].id not in call.own:
        load(call, parent)


def require_fields(call: Call) -> None:
    """GoogleError 400 for what the API's protos call required and the body lacks; a name is in the path as well."""
    for name in sorted(body_behaviour(call.api, call.method).required - {"name", "parent"}):
        if name not in call.body and name not in call.params and not call.query(name):
            where = snake(name)
            raise invalid(f"Required field '{where}' is not set.", (where, "Required field is not set."))


def _filled(call: Call, path: str, body: Json) -> Json:
    """The fields that servers fill in, as far as the schema has them."""
    properties = resource_schema(call).get("properties", {})
    shown = projects.with_id(call.state, path)
    if f"/{path}".split("/")[-2] in _NUMBERED:
        shown = projects.canonical(call.state, path)
    own = shown.rsplit("/", 1)[-1] if call.service in _OWN_NAMES else shown
    link = f"https://{call.service}.googleapis.com/{call.api.version}/{shown}"
    known: Json = {
        "name": own, "createTime": call.stamp, "updateTime": call.stamp, "uid": uuid_like(call.rng),
        "etag": etag_like(call.rng), "creationTimestamp": call.stamp, "selfLink": link, "state": _ready(properties),
        "fingerprint": etag_like(call.rng), "labelFingerprint": etag_like(call.rng), "id": digits(call.rng, 19),
        "kind": properties.get("kind", {}).get("default"),
    }  # fmt: skip
    filled = {name: value for name, value in known.items() if name in properties and value is not None}
    return {**{k: v["default"] for k, v in properties.items() if "default" in v and k == "kind"}, **body, **filled}


def _ready(properties: Json) -> str | None:
    names = properties.get("state", {}).get("enum", [])
    return next((name for name in ("READY", "ACTIVE", "RUNNING", "ENABLED") if name in names), None)


def update(call: Call) -> Answer:
    path = path_of(call)
    stored = load(call, path)
    unwrap(call)
    check_etag(call, stored)
    changed = taken(call, stored)
    fixed = resource_behaviour(call.api, call.method).immutable
    for name in sorted(fixed & call.body.keys()):
        if changed.get(name) != stored.get(name) and name != "name":
            raise invalid(f"Field '{snake(name)}' is immutable and cannot be changed.", (snake(name), "immutable"))
    for name in ("name", "uid", "createTime", "selfLink", "id", "creationTimestamp"):
        if name in stored:
            changed[name] = stored[name]
    for name in ("etag", "fingerprint"):
        if name in stored:
            changed[name] = etag_like(call.rng)
    if "updateTime" in stored:
        changed["updateTime"] = call.stamp
    call.state.put(key_of(call, path), changed)
    return result(call, path, changed)


def taken(call: Call, stored: Json) -> Json:
    """`stored` with what the request wants of it: the masked fields, all of them for PUT, a merge patch otherwise."""
    mask = call.query("updateMask") or call.body.get("updateMask")
    if mask:
        return masked(stored, call.body, str(mask), resource_schema(call).get("properties", {}))
    return {**stored, **call.body} if call.method.verb == "PUT" else merged(stored, call.body)


def fresh_etag(call: Call) -> str:
    return etag_like(call.rng)


def check_etag(call: Call, stored: Json) -> None:
    """Google's answer (409 ABORTED) when the body or the query brings an etag that is no longer current."""
    sent = call.body.get("etag") or call.query("etag")
    if sent and stored.get("etag") and sent != stored["etag"]:
        raise GoogleError(
            409,
            f"The etag provided ({sent}) does not match the current etag ({stored['etag']}) of the resource.",
            "ABORTED",
            "aborted",
        )


def delete(call: Call) -> Answer:
    path = path_of(call)
    stored = load(call, path)
    check_etag(call, stored)
    call.state.delete(key_of(call, path))
    call.state.delete(policies.key_of(call, path))
    return result(call, path, {})


# --- operations ------------------------------------------------------------------------------------------------


def result(call: Call, path: str, stored: Json) -> Answer:
    """The answer to a change: the resource, nothing, or an operation that ends with it, as the method says."""
    kind = call.method.response
    if not kind.endswith("Operation"):
        return stored if stored or kind.endswith("Empty") else {}
    return lro.started(call, path, "generic.done", {"key": key_of(call, path)} if stored else {"response": {}})


def _done(ending: Ending) -> None:
    """The operation returns the resource as it is by then."""
    ending.response = ending.state.get(ending.args["key"]) if "key" in ending.args else ending.args.get("response")


def _operation(call: Call) -> Answer:
    path = path_of(call)
    if call.method.name == "list":
        rows = call.state.scan(f"operations/{call.service}/{projects.canonical(call.state, path)}/", start_of(call))
        found, token = page(call, rows)
        return {"operations": [operations.rendered(row) for row in found]} | ({"nextPageToken": token} if token else {})
    path = path.removesuffix("/wait")
    row = operations.find(call, path)
    if call.method.name == "cancel":
        operations.cancel(call, row)
        return {}
    if call.method.name == "delete":
        call.state.delete(operations.key_of(call.state, call.service, path))
        return {}
    return operations.rendered(row)


def _other(call: Call) -> Answer:
    """A verb we know only by name: nothing is pretended."""
    raise GoogleError(501, f"The local cloud does not implement {call.method.id}.")


FINISHERS: dict[str, Finisher] = {"generic.done": _done}
