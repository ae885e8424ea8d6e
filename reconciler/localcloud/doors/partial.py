"""Partial responses: the `fields` parameter (`items(id,name),nextPageToken`, `a/b`, `*`).

The language is the one of Google's "partial response" guide
(https://cloud.google.com/storage/docs/json_api#partial-response); X-Goog-FieldMask is written in it too.
"""

from __future__ import annotations

import re
from typing import Any

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.values import Json

Tree = dict[str, Any]
"""Field -> what is wanted of it; an empty tree is all of it."""
_TOKEN = re.compile(r"\s*([A-Za-z0-9_$@*:-]+|[,()/.])\s*")


def parsed(text: str) -> Tree:
    """The tree of a mask. Raises GoogleError 400 for what is not one."""
    words: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _refused(text)
        words.append(found[1])
        at = found.end()
    words.append("")
    tree, end = _list(words, 0, text, 0)
    if words[end]:
        raise _refused(text)
    return tree


def _list(words: list[str], at: int, text: str, depth: int) -> tuple[Tree, int]:
    tree: Tree = {}
    while True:
        at = _path(words, at, text, tree, depth)
        if words[at] != ",":
            return tree, at
        at += 1


def _path(words: list[str], at: int, text: str, tree: Tree, depth: int) -> int:
    """One path into `tree`, which may end in a list in parentheses; returns where it ends."""
    if not words[at] or words[at] in ",()/." or depth > 50:
        raise _refused(text)
    name, mark = words[at], words[at + 1]
    whole = tree.get(name) == {}
    inner: Tree = tree.setdefault(name, {})
    at += 1
    if mark in ("/", "."):
        at = _path(words, at + 1, text, inner, depth + 1)
    elif mark == "(":
        found, at = _list(words, at + 1, text, depth + 1)
        if words[at] != ")":
            raise _refused(text)
        inner.update(found)
        at += 1
    else:
        whole = True
    if whole:
        inner.clear()
    return at


def part(tree: Tree, value: Any) -> Any:
    """The wanted part of a JSON value; lists are looked into, what is not there is left out."""
    if not tree:
        return value
    if isinstance(value, list):
        return [part(tree, inner) for inner in value]
    if not isinstance(value, dict):
        return value
    every = tree.get("*")
    chosen = {key: tree.get(key, every) for key in value}
    return {key: part(wanted, value[key]) for key, wanted in chosen.items() if wanted is not None}


def check(api: Api, schema: Json, tree: Tree) -> None:
    """Raises GoogleError 400 for a field that the answer cannot have."""
    schema = api.resolve(schema)
    if "items" in schema:
        check(api, schema["items"], tree)
        return
    known = schema.get("properties")
    for name, inner in tree.items():
        if name == "*" or known is None or not tree:
            continue
        if name not in known:
            raise _refused(name)
        if inner:
            check(api, known[name], inner)


def _refused(what: str) -> GoogleError:
    return GoogleError(400, f"Invalid field selection {what}", reason="invalidParameter")
