"""Bodies by their schema: what the server alone sets, defaults of nested messages, links in full, kinds of messages."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.call import Call
from reconciler.localcloud.services.compute.facts import MESSAGES
from reconciler.localcloud.services.compute.places import full
from reconciler.localcloud.values import Json

_OUTPUT_ONLY = re.compile(r"^\s*\[?output[ -]only", re.IGNORECASE)
# Output-only by their description, and yet meaningful in a request.
_READ = frozenset({"fingerprint", "labelFingerprint", "region", "zone", "kind"})
# Recorded: links inside these messages stay as they were sent.
_AS_SENT = ("RouterNat", "UrlMapTest")
# Texts that may look like a link and are none.
_TEXTS = frozenset({"description", "displayName", "shortName", "name", "ipCollection"})


@cache
def _server_set(schema_text: str) -> bool:
    return bool(_OUTPUT_ONLY.match(schema_text))


def accepted(api: Api, schema: Json, body: Any) -> Any:
    """`body` without what only the server sets (the descriptions say so), and without nulls."""
    schema = api.resolve(schema)
    if isinstance(body, list):
        return [accepted(api, schema.get("items", {}), inner) for inner in body]
    if not isinstance(body, dict):
        return body
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
    return {
        name: accepted(api, known.get(name, rest), inner)
        for name, inner in body.items()
        if inner is not None and (name in _READ or not _server_set(known.get(name, {}).get("description", "")))
    }


def completed(call: Call, schema: Json, body: Any, project: str, prop: str = "") -> Any:
    """`body` with the defaults of its messages, their `kind`, every link in full, and without empty lists."""
    schema = call.api.resolve(schema)
    if isinstance(body, list):
        return [completed(call, schema.get("items", {}), inner, project, prop) for inner in body]
    if isinstance(body, str):
        # Recorded: the target of a Private Service Connect rule stays as it was sent.
        as_sent = prop in _TEXTS or not project or (prop == "target" and "/serviceAttachments/" in body)
        return body if as_sent else full(call.state, body, project)
    if not isinstance(body, dict):
        return body
    known, rest, name_of_it = schema.get("properties", {}), schema.get("additionalProperties"), schema.get("id", "")
    if rest is not None and rest.get("type") == "string":
        # Labels and metadata are the user's own texts.
        return body
    within = "" if name_of_it.startswith(_AS_SENT) else project
    result = {
        name: completed(call, known.get(name, rest or {}), inner, within, name)
        for name, inner in body.items()
        if inner != []
    }
    for name, value in MESSAGES.get(name_of_it, {}).items():
        if result.get(name) is None and name in known:
            result[name] = value
    if "default" in known.get("kind", {}):
        result["kind"] = known["kind"]["default"]
    return result
