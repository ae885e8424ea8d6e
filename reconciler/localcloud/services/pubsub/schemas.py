"""Schemas with revisions: checked as far as JSON tells (Avro); a protocol buffer definition must name a message."""

from __future__ import annotations

import base64
import re

import orjson

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import exists, failed_precondition, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.pubsub.names import bad_argument, checked_name, load, save
from reconciler.localcloud.values import Json, hexadecimal

_SIMPLE: dict[str, type | tuple[type, ...]] = {
    "string": str, "int": int, "long": int, "float": (int, float), "double": (int, float), "boolean": bool,
    "bytes": str, "null": type(None),
}  # fmt: skip
_BAD = "Invalid schema definition: {}"


def _definition(schema: Json) -> None:
    """GoogleError 400 for a definition that its kind does not allow."""
    text = schema.get("definition", "")
    if schema.get("type") == "AVRO":
        try:
            parsed = orjson.loads(text)
        except ValueError as error:
            raise invalid(_BAD.format("the definition is not valid JSON")) from error
        if not isinstance(parsed, dict) or parsed.get("type") != "record" or not parsed.get("name"):
            raise invalid(_BAD.format("the top level must be a record with a name"))
    elif schema.get("type") == "PROTOCOL_BUFFER":
        if not re.search(r"\bmessage\s+\w+\s*\{", text):
            raise invalid(_BAD.format("there must be a message type"))
    else:
        raise bad_argument("type")


def _revised(call: Call, schema: Json) -> Json:
    return {**schema, "revisionId": hexadecimal(call.rng, 8), "revisionCreateTime": call.stamp}


def _record(call: Call, row: Json) -> Json:
    """Keep a revision and make it the current one."""
    own = projects.canonical(call.state, row["name"])
    call.state.put(f"pubsub.revision/{own}/{int(call.now * 1_000_000):020d}{row['revisionId']}", row)
    return save(call, row)


def _revisions(call: Call, name: str) -> list[tuple[str, Json]]:
    """Newest first."""
    return list(call.state.scan(f"pubsub.revision/{projects.canonical(call.state, name)}/"))[::-1]


def _create(call: Call) -> Answer:
    own = call.query("schemaId") or call.body.get("name", "").rsplit("/", 1)[-1]
    name = checked_name("name", f"{projects.with_id(call.state, call.subject)}/schemas/{own}", "schemas")
    if call.state.get(generic.key_of(call, name)) is not None:
        raise exists(f"Resource already exists in the project (resource={own}).")
    _definition(call.body)
    return _record(call, _revised(call, {**call.body, "name": name}))


def _named(call: Call) -> Json:
    """The schema, or the revision that `name@revision` asks for."""
    path, _, revision = call.subject.partition("@")
    row = load(call, path)
    if not revision or revision == row["revisionId"]:
        return row
    found = next((old for _, old in _revisions(call, path) if old["revisionId"] == revision), None)
    if found is None:
        raise not_found(f"Resource not found (resource={call.subject.rsplit('/', 1)[-1]}).")
    return found


def _viewed(call: Call, row: Json, default: str) -> Json:
    view = call.query("view") or default
    return row if view in ("FULL", "2") else {name: row[name] for name in row if name != "definition"}


def _get(call: Call) -> Answer:
    return _viewed(call, _named(call), "FULL")


def _list(call: Call) -> Answer:
    found, token = generic.page(call, generic.scan(call, call.subject, "schemas"))
    shown = [_viewed(call, row, "BASIC") for row in found]
    return ({"schemas": shown} if shown else {}) | ({"nextPageToken": token} if token else {})


def _list_revisions(call: Call) -> Answer:
    load(call, call.subject)
    rows = _revisions(call, call.subject)
    start = generic.start_of(call)
    position = next((index + 1 for index, (key, _) in enumerate(rows) if key == start), 0)
    found, token = generic.page(call, rows[position:])
    return {"schemas": [_viewed(call, row, "BASIC") for row in found]} | ({"nextPageToken": token} if token else {})


def _commit(call: Call) -> Answer:
    stored, wish = load(call, call.subject), call.body.get("schema") or {}
    if wish.get("type", stored["type"]) != stored["type"]:
        raise invalid("The type of a schema cannot be changed.")
    _definition({"type": stored["type"], **wish})
    return _record(call, _revised(call, {**stored, "definition": wish["definition"]}))


def _rollback(call: Call) -> Answer:
    wanted = call.body.get("revisionId", "")
    stored = load(call, call.subject)
    old = next((row for _, row in _revisions(call, call.subject) if row["revisionId"] == wanted), None)
    if old is None:
        raise not_found(f"Resource not found (resource={stored['name'].rsplit('/', 1)[-1]}@{wanted}).")
    return _record(call, _revised(call, old))


def _delete_revision(call: Call) -> Answer:
    path, _, revision = call.subject.partition("@")
    revision = revision or call.query("revisionId")
    rows = _revisions(call, path)
    load(call, path)
    gone = next((key for key, row in rows if row["revisionId"] == revision), None)
    if gone is None:
        raise not_found(f"Resource not found (resource={path.rsplit('/', 1)[-1]}@{revision}).")
    if len(rows) == 1:
        raise failed_precondition("Cannot delete the last revision of a schema.")
    call.state.delete(gone)
    return save(call, next(row for key, row in rows if key != gone))


def _delete(call: Call) -> Answer:
    row = load(call, call.subject)
    for key, _ in _revisions(call, row["name"]):
        call.state.delete(key)
    call.state.delete(generic.key_of(call, row["name"]))
    call.state.delete(policies.key_of(call, row["name"]))
    return {}


# --- validation ------------------------------------------------------------------------------------------------


def conforms(call: Call, name: str, content: bytes, encoding: str) -> None:
    """Refuse (GoogleError 400) a JSON message that an Avro schema does not allow; other messages pass unread."""
    row = call.state.get(generic.key_of(call, name))
    if row is not None and row["type"] == "AVRO" and encoding == "JSON":
        _judge(row["definition"], content)


def _judge(definition: str, content: bytes) -> None:
    try:
        value = orjson.loads(content)
    except ValueError as error:
        raise invalid("Invalid data in message: message failed schema validation.") from error
    if not _fits(orjson.loads(definition), value):
        raise invalid("Invalid data in message: message failed schema validation.")


def _fits(schema: object, value: object) -> bool:
    if isinstance(schema, list):  # a union
        return any(_fits(one, next(iter(value.values())) if isinstance(value, dict) else value) for one in schema)
    kind = schema.get("type") if isinstance(schema, dict) else schema
    if isinstance(kind, dict | list):
        return _fits(kind, value)
    if kind == "record" and isinstance(schema, dict):
        fields = {field["name"]: field for field in schema.get("fields", [])}
        return (
            isinstance(value, dict)
            and set(value) <= set(fields)
            and all(
                _fits(field["type"], value[name]) if name in value else "default" in field
                for name, field in fields.items()
            )
        )
    if kind == "enum" and isinstance(schema, dict):
        return value in schema.get("symbols", [])
    if kind == "array" and isinstance(schema, dict):
        return isinstance(value, list) and all(_fits(schema["items"], one) for one in value)
    if kind == "map" and isinstance(schema, dict):
        return isinstance(value, dict) and all(_fits(schema["values"], one) for one in value.values())
    wanted = _SIMPLE.get(str(kind))
    return wanted is None or (isinstance(value, wanted) and (kind == "boolean" or not isinstance(value, bool)))


def _validate(call: Call) -> Answer:
    _definition(call.body.get("schema") or {})
    return {}


def _validate_message(call: Call) -> Answer:
    schema = load(call, call.body["name"]) if call.body.get("name") else call.body.get("schema") or {}
    _definition(schema)
    if schema["type"] == "AVRO" and call.body.get("encoding") == "JSON":
        _judge(schema["definition"], base64.b64decode(call.body.get("message", "")))
    return {}


_S = "pubsub.projects.schemas."
METHODS = {
    f"{_S}create": _create, f"{_S}get": _get, f"{_S}list": _list, f"{_S}listRevisions": _list_revisions,
    f"{_S}commit": _commit, f"{_S}rollback": _rollback, f"{_S}deleteRevision": _delete_revision,
    f"{_S}delete": _delete, f"{_S}validate": _validate, f"{_S}validateMessage": _validate_message,
}  # fmt: skip
