"""What every Google API does alike: list, get, create, patch, delete, IAM, with operations where the model says so."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.masks import masked, merged
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, exists, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.values import Json, digits, etag_like, uuid_like

# Where the messages of an API live; others are google.cloud.<name>.<version>.
PACKAGES = {
    "artifactregistry": "google.devtools.artifactregistry",
    "cloudbuild": "google.devtools.cloudbuild",
    "cloudresourcemanager": "google.cloud.resourcemanager",
    "cloudkms": "google.cloud.kms",
    "spanner": "google.spanner.admin.instance",
    "monitoring": "google.monitoring",
    "pubsub": "google.pubsub",
}
# Operation metadata that carries times, target and verb; elsewhere the message is empty and the clients are strict.
_VERBOSE_METADATA = frozenset(
    {"redis", "certificatemanager", "workflows", "networksecurity", "networkservices", "vpcaccess"}
)
_OWN_NAMES = ("compute", "dns", "bigquery", "storage")


def answer(call: Call) -> Answer:
    """Answer any method from the API model alone."""
    verb = call.method.name
    if verb == "getIamPolicy":
        return policies.read(call, call.subject)
    if verb == "setIamPolicy":
        return policies.write(call, call.subject, call.body.get("policy", call.body))
    if verb == "testIamPermissions":
        return {"permissions": call.body.get("permissions", [])}
    if "operations" in call.method.id.lower().split(".")[-2]:
        return _operation(call)
    if verb in ("create", "insert"):
        return create(call)
    if verb in ("patch", "update"):
        return update(call)
    if verb == "delete":
        return delete(call)
    if call.method.verb == "GET":
        return listed(call) if _list_property(call) else get(call)
    return _other(call)


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
    if call.service == "compute":
        shown = projects.with_id(call.state, path)
        return GoogleError(404, f"The resource '{shown}' was not found", reason="notFound")
    if call.service == "pubsub":
        return not_found(f"Resource not found (resource={path.rsplit('/', 1)[-1]}).")
    if call.service in ("redis", "certificatemanager", "workflows", "networksecurity", "artifactregistry"):
        return not_found(f"Resource '{projects.with_id(call.state, path)}' was not found")
    return not_found()


# --- pages -----------------------------------------------------------------------------------------------------


def page(call: Call, rows: Iterable[tuple[str, Json]], default: int = 100, most: int = 1000) -> tuple[list[Json], str]:
    """One page of `rows` (which must start after `start_of(call)`) and the token of the next, or an empty one."""
    size = call.whole("pageSize", call.whole("maxResults", 0))
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
    token = call.query("pageToken")
    try:
        return base64.b64decode(token.encode(), b"-_", validate=True).decode() if token else ""
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("The page token is invalid.") from error


def scan(call: Call, parent: str, collection: str) -> Iterable[tuple[str, Json]]:
    """The resources of a collection under `parent`, from the asked page on; `-` stands for any one segment."""
    path = projects.canonical(call.state, parent.strip("/"))
    wild = path.find("/-")
    prefix = f"{call.service}.{collection}/" + (path[: wild + 1] if wild >= 0 else f"{path}/{collection}/".lstrip("/"))
    return call.state.scan(prefix, start_of(call))


def _list_property(call: Call) -> str:
    properties = call.api.schema(call.method.response).get("properties", {})
    if "nextPageToken" not in properties and call.method.name != "list":
        return ""
    for name, schema in properties.items():
        if schema.get("type") == "array" and name not in ("unreachable", "unreachables", "missingZones"):
            return str(name)
    return ""


def listed(call: Call) -> Answer:
    name = _list_property(call)
    parent, _, collection = path_of(call).strip("/").rpartition("/")
    found, token = page(call, scan(call, parent, collection))
    schema = call.api.schema(call.method.response)["properties"]
    result: Json = {prop: inner["default"] for prop, inner in schema.items() if prop == "kind" and "default" in inner}
    if found:
        result[name] = found
    return result | ({"nextPageToken": token} if token else {})


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


def create(call: Call) -> Answer:
    parent = path_of(call).strip("/")
    collection = parent.rsplit("/", 1)[-1]
    path = f"{parent}/{chosen_id(call, collection)}"
    if call.method.verb == "PUT":
        path, collection = parent, parent.split("/")[-2]
    if call.state.get(key_of(call, path)) is not None:
        shown = projects.with_id(call.state, path)
        said = (
            f"The resource '{shown}' already exists"
            if call.service == "compute"
            else f"Resource '{shown}' already exists"
        )
        raise exists(said)
    stored = _filled(call, path, call.body)
    call.state.put(key_of(call, path), stored)
    return _result(call, path, stored)


def _filled(call: Call, path: str, body: Json) -> Json:
    """The fields that servers fill in, as far as the schema has them."""
    properties = call.api.schema(call.method.request).get("properties", {})
    shown = projects.with_id(call.state, path)
    own = shown.rsplit("/", 1)[-1] if call.service in _OWN_NAMES else shown
    link = (
        f"https://www.googleapis.com/{call.api.base}{shown}"
        if call.service == "compute"
        else f"https://{call.service}.googleapis.com/{call.api.version}/{shown}"
    )
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
    check_etag(call, stored)
    if call.query("updateMask") or call.body.get("updateMask"):
        changed = masked(stored, call.body, call.query("updateMask") or call.body["updateMask"])
    elif call.method.verb == "PUT":
        changed = {**stored, **call.body}
    else:
        changed = merged(stored, call.body)
    for name in ("name", "uid", "createTime", "selfLink", "id", "creationTimestamp"):
        if name in stored:
            changed[name] = stored[name]
    for name in ("etag", "fingerprint"):
        if name in stored:
            changed[name] = etag_like(call.rng)
    if "updateTime" in stored:
        changed["updateTime"] = call.stamp
    call.state.put(key_of(call, path), changed)
    return _result(call, path, changed)


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
    return _result(call, path, {})


# --- operations ------------------------------------------------------------------------------------------------


def _result(call: Call, path: str, stored: Json) -> Answer:
    kind = call.method.response
    if not kind.endswith("Operation"):
        return stored if stored or kind.endswith("Empty") else {}
    if call.service == "compute":
        return _compute_operation(call, path)
    return started(call, path, "generic.done", {"response": stored})


def started(call: Call, path: str, finisher: str, args: Json) -> Json:
    """An operation on a resource in a location, answered as google.longrunning.Operation."""
    package = f"{PACKAGES.get(call.service, 'google.cloud.' + call.service)}.{call.api.version}"
    metadata: Json = {"@type": f"type.googleapis.com/{package}.OperationMetadata"}
    if call.service in _VERBOSE_METADATA:
        verb = {"create": "create", "patch": "update"}.get(call.method.name, call.method.name)
        metadata |= {
            "createTime": call.stamp,
            "target": path,
            "verb": verb,
            "requestedCancellation": False,
            "apiVersion": call.api.version,
        }
    message = call.method.request or "Empty"
    kind = "google.protobuf.Empty" if call.method.name == "delete" else f"{package}.{message}"
    name = operations.location_name(call, path)
    work = Work(name, finisher, args, metadata, f"type.googleapis.com/{kind}")
    return operations.rendered(operations.start(call, work))


def _done(ending: Ending) -> None:
    ending.response = ending.args.get("response")


def _compute_operation(call: Call, path: str) -> Json:
    parts = projects.with_id(call.state, path).split("/")
    # projects/P/zones/Z, projects/P/regions/R, projects/P/global, or locations/global for an organisation's own.
    scope = "/".join(parts[: 2 if parts[0] == "locations" else 3 if parts[2:3] == ["global"] else 4])
    base = f"https://www.googleapis.com/{call.api.base}"
    name = f"operation-{int(call.now * 1000)}-{uuid_like(call.rng)}"
    full = f"{scope}/operations/{name}"
    extra: Json = {
        "kind": "compute#operation", "id": digits(call.rng, 19), "name": name, "operationType": call.method.name,
        "insertTime": call.stamp, "startTime": call.stamp, "progress": 0, "user": "user@example.com",
        "targetLink": base + projects.with_id(call.state, path), "selfLink": base + full,
    }  # fmt: skip
    for word in ("zones", "regions"):
        if f"/{word}/" in scope:
            extra[word[:-1]] = base + scope
    return _compute_rendered(operations.start(call, Work(full, "generic.done", extra=extra)))


def _compute_rendered(row: Json) -> Json:
    done: Json = (
        {"status": "DONE", "progress": 100, "endTime": operations.times(row)[1]}
        if row["done"]
        else {"status": "RUNNING"}
    )
    if "error" in row:
        done["error"] = {"errors": [{"code": "INTERNAL_ERROR", "message": row["error"]["message"]}]}
    return {**row["extra"], **done}


def _operation(call: Call) -> Answer:
    path = path_of(call)
    if call.method.name == "list":
        rows = call.state.scan(f"operations/{call.service}/{projects.canonical(call.state, path)}/", start_of(call))
        found, token = page(call, rows)
        return {"operations": [operations.rendered(row) for row in found]} | ({"nextPageToken": token} if token else {})
    path = path.removesuffix("/wait")
    row = operations.find(call, path)
    if call.method.name in ("cancel", "delete"):
        return {}
    return _compute_rendered(row) if call.service == "compute" else operations.rendered(row)


def _other(call: Call) -> Answer:
    """A verb we know only by name: nothing happens, and the answer has the right shape."""
    path = path_of(call)
    *_, owner, verb = call.method.template.split("/")
    if call.service == "compute" and owner.startswith("{") and not verb.startswith("{"):
        load(call, path.rsplit("/", 1)[0])
    if call.method.response.endswith("Operation"):
        return _result(call, path, {})
    stored = call.state.get(key_of(call, path))
    return stored or {}


FINISHERS: dict[str, Finisher] = {"generic.done": _done}
