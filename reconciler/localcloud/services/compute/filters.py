"""Lists as compute answers them: the `filter` language, order, pages, and the aggregated form with its scopes.

https://cloud.google.com/compute/docs/reference/rest/v1/instances/list (query parameters `filter`, `orderBy`), and
AIP-160, which compute accepts as well; gcloud sends both forms.
"""

from __future__ import annotations

import re

from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.filters import Language, Predicate, predicate, value_at
from reconciler.localcloud.regular import Pattern
from reconciler.localcloud.services.compute.places import STORED, Place, parsed, shown
from reconciler.localcloud.services.compute.world import scopes
from reconciler.localcloud.values import Json, seconds_of

# The older form: `field eq|ne <RE2>`, each perhaps in brackets, joined by nothing, AND or OR.
_OLD = re.compile(
    r"""\s*(?:(AND|OR)\s*)?(?:\(\s*)?([\w.]+)\s+(eq|ne)\s+(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s()]+))\s*(?:\)\s*)?"""
)
_LANGUAGE = Language({})


def compiled(call: Call) -> Predicate:
    """The test of the request's `filter`. GoogleError 400 for one that cannot be read."""
    text = call.query("filter")
    if not text.strip():
        return lambda _: True
    try:
        return _older(text) or predicate(text, _LANGUAGE)
    except (GoogleError, re.error) as error:
        said = f"Invalid value for field 'filter': '{text}'. Invalid list filter expression."
        raise GoogleError(400, said, reason="invalid") from error


def _older(text: str) -> Predicate | None:
    """The test of a filter in the older form; None for any other."""
    any_of: list[list[Predicate]] = [[]]
    at = 0
    while at < len(text):
        found = _OLD.match(text, at)
        if found is None:
            return None
        joint, field, operator, double, single, word = found.groups()
        value = next(one for one in (double, single, word) if one is not None)
        if joint == "OR":
            any_of.append([])
        any_of[-1].append(_matches(field, Pattern(value), wanted=operator == "eq"))
        at = found.end()
    return lambda row: any(all(test(row) for test in tests) for tests in any_of)


def _matches(field: str, pattern: Pattern, *, wanted: bool) -> Predicate:
    def holds(row: Json) -> bool:
        value = value_at(row, field)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return (value is not None and pattern.fullmatch(text)) == wanted

    return holds


def ordered(call: Call, rows: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    """`orderBy=creationTimestamp desc`; otherwise by name, which is the order of the keys."""
    if call.query("orderBy").replace("+", " ").strip() == "creationTimestamp desc":
        return sorted(rows, key=lambda pair: seconds_of(str(pair[1]["creationTimestamp"])), reverse=True)
    return rows


def answered(call: Call, place: Place, found: list[Json], token: str) -> Answer:
    """The list document around a page of resources."""
    schema = call.api.schema(call.method.response).get("properties", {})
    base = f"{STORED}{place.path}"
    result: Json = {
        "kind": schema.get("kind", {}).get("default", "compute#list"), "id": place.path, "selfLink": base,
    }  # fmt: skip
    if call.method.name == "aggregatedList":
        result["items"] = _by_scope(call, place, found)
    elif found:
        result["items"] = found
    if token:
        result["nextPageToken"] = token
    result = {key: value for key, value in result.items() if key in schema}
    answer = shown(call.api.version, result)
    return answer if isinstance(answer, dict) else {}


def _scoped(call: Call, place: Place) -> tuple[str, Json]:
    """What a scope of an aggregated list calls its resources (`resources`, in some), and the fields they have there."""
    whole = call.api.resolve(
        call.api.schema(call.method.response)["properties"]["items"].get("additionalProperties", {})
    )
    for name, inner in whole.get("properties", {}).items():
        if inner.get("type") == "array":
            return str(name), call.api.resolve(inner.get("items", {})).get("properties", {})
    return place.collection, {}


def _by_scope(call: Call, place: Place, found: list[Json]) -> Json:
    groups: dict[str, list[Json]] = {}
    for row in found:
        at = parsed(str(row.get("selfLink", "")))
        groups.setdefault(at.scope if at else "global", []).append(row)
    word, known = _scoped(call, place)
    table: Json = {}
    for scope in scopes():
        if scope in groups:
            rows = groups[scope]
            table[scope] = {
                word: [{name: row[name] for name in row if name in known} if known else row for row in rows]
            }
        elif not call.query("returnPartialSuccess") or not groups:
            table[scope] = {"warning": {
                "code": "NO_RESULTS_ON_PAGE", "message": f"There are no results for scope '{scope}' on this page.",
                "data": [{"key": "scope", "value": scope}],
            }}  # fmt: skip
    return table
