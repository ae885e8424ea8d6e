"""Update masks: which fields of a body replace which fields of the stored object."""

from __future__ import annotations

from reconciler.localcloud.api.bodies import camel
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.values import Json


def paths(mask: str) -> list[list[str]]:
    """`a_b.c,labels` -> [["aB", "c"], ["labels"]]. `*` gives an empty list."""
    if mask.strip() in ("", "*"):
        return []
    return [[camel(part) for part in path.strip().split(".")] for path in mask.split(",") if path.strip()]


def masked(stored: Json, body: Json, mask: str, known: Json | None = None) -> Json:
    """`stored` with the masked fields taken from `body`; one that `body` lacks is removed.

    Without a mask every field of `body` is taken, as Google does. `known` are the schema's properties: a mask that
    names another field is refused (GoogleError 400).
    """
    result: Json = {**stored}
    wanted = paths(mask)
    if not wanted:
        return {**result, **body}
    for path in wanted:
        if known is not None and path[0] not in known:
            shown = ".".join(path)
            raise invalid(f"Invalid field mask: unknown field {shown!r}.", ("update_mask", f"unknown field {shown}"))
        _take(result, body, path)
    return result


def merged(stored: Json, patch: Json) -> Json:
    """JSON merge patch (RFC 7396), as Cloud Storage, Cloud SQL and Compute do it: null removes, objects merge."""
    result: Json = {**stored}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def _take(target: Json, source: Json, path: list[str]) -> None:
    head, rest = path[0], path[1:]
    if not rest:
        if head in source:
            target[head] = source[head]
        else:
            target.pop(head, None)
        return
    inner_source = source.get(head)
    inner = dict(target[head]) if isinstance(target.get(head), dict) else {}
    _take(inner, inner_source if isinstance(inner_source, dict) else {}, rest)
    if inner or isinstance(inner_source, dict):
        target[head] = inner
    else:
        target.pop(head, None)
