"""One document against its model and its JSON Schema: every problem at once, each under the caret. Pure."""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from heapq import nsmallest
from itertools import islice
from typing import Any

import jsonschema
from jsonschema.protocols import Validator
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.fleet import Path
from reconciler.model.spec import API_VERSION, DOCUMENTS
from reconciler.model.strict import Strict
from reconciler.source import schema
from reconciler.source.document import MAX_DIAGNOSTICS, Parsed
from reconciler.source.paths import place

_WIDE = 60
"""Characters of an author's text that a message repeats."""


def check(parsed: Parsed) -> tuple[Strict | None, tuple[Diagnostic, ...]]:
    """The document, or None when anything is wrong; and every diagnostic of this file, reading ones included.

    The path says which kind belongs in the file. Both the pydantic model and the JSON Schema must accept.
    """
    where = place(parsed.path)
    if where is None:
        return None, parsed.diagnostics
    if parsed.value is None:
        return None, tuple(replace(d, target=where.target) for d in parsed.diagnostics)
    found = [*_heading(parsed, where.kind), *islice(_nulls(parsed, parsed.value, ()), MAX_DIAGNOSTICS)]
    document: Strict | None = None
    problems = 0
    try:
        document = DOCUMENTS[where.kind].model_validate(parsed.value)
    except ValidationError as error:
        problems = error.error_count()
        found += [_from_pydantic(parsed, where.kind, row) for row in _first(parsed, error)]
    if document is not None and not found:
        found += islice(_from_schema(parsed, where.kind), MAX_DIAGNOSTICS)
    found = _without_echoes(parsed, found)
    if problems > MAX_DIAGNOSTICS:
        found.append(_and_more(parsed, problems - MAX_DIAGNOSTICS))
    everything = tuple(replace(d, target=where.target) for d in (*parsed.diagnostics, *found))
    return (document if not everything else None), everything


def accepts(kind: str, value: Any) -> tuple[bool, bool]:
    """Whether (the model and the null rule, the JSON Schema) accept a value: they must agree (see tests)."""
    try:
        DOCUMENTS[kind].model_validate(value)
        model = not _has_null(value)
    except ValidationError:
        model = False
    return model, _validator(kind).is_valid(value)


def _first(parsed: Parsed, error: ValidationError) -> list[ErrorDetails]:
    """The first problems of a file in its own order: a file with thousands is wrong in one way many times."""
    rows = error.errors(include_url=False, include_context=True)
    if len(rows) <= MAX_DIAGNOSTICS:
        return rows

    def place_of(row: ErrorDetails) -> tuple[int, int]:
        at = parsed.near(tuple(row["loc"]))
        return at.line, at.column

    return nsmallest(MAX_DIAGNOSTICS, rows, key=place_of)


def _and_more(parsed: Parsed, count: int) -> Diagnostic:
    message = f"{count:,} more problems in this file are not shown"
    return Diagnostic("AP111", Severity.ERROR, message, parsed.path, help="mend the ones above, then validate again")


# --- what the models say --------------------------------------------------------------------------------------------


def _heading(parsed: Parsed, expected: str) -> Iterator[Diagnostic]:
    """apiVersion and kind, said more helpfully than a model can."""
    version, kind = parsed.value.get("apiVersion"), parsed.value.get("kind")
    if isinstance(version, str) and version != API_VERSION:
        message = f"`apiVersion` {_quoted(version)} is not one that this release reads"
        yield _at(parsed, "AP101", message, ("apiVersion",), f"write `apiVersion: {API_VERSION}`")
    if isinstance(kind, str) and kind != expected:
        help_ = f"write `kind: {expected}`, or move the file"
        yield _at(parsed, "AP110", f"A file at this path holds a {expected}, not {_quoted(kind)}", ("kind",), help_)


def _nulls(parsed: Parsed, value: Any, path: Path) -> Iterator[Diagnostic]:
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
        where = (*path, step)
        if inner is None and where not in parsed.suspect:
            message = f"{_name(where)} has no value"
            yield _at(parsed, "AP106", message, where, "give it a value, or leave the line out", key=True)
        elif isinstance(inner, dict | list):
            yield from _nulls(parsed, inner, where)


def _from_pydantic(parsed: Parsed, kind: str, row: ErrorDetails) -> Diagnostic:
    """One pydantic error as a diagnostic with its position."""
    path = tuple(row["loc"])
    if path and path[-1] == "[key]":
        return _bad_key(parsed, kind, path[:-1], row)
    type_ = row["type"]
    node = schema.node_at(kind, path) or {}
    if type_ == "extra_forbidden":
        return _unknown(parsed, kind, path)
    if type_ == "missing":
        help_ = node.get("description", "")
        parent = path[:-1]
        message = f"Missing required field `{_dotted(path)}`"
        return _at(parsed, "AP102", message, parent, help_, key=True)
    if type_ in ("literal_error", "enum"):
        return _not_allowed(parsed, path, node, row["input"])
    if type_ in _RANGES:
        message = f"{_name(path)} is {_json(row['input'])}, and must be {schema.allowed(node)}"
        return _at(parsed, "AP108", message, path, node.get("description", ""))
    if type_ in _LENGTHS:
        message = f"{_name(path)} {_LENGTHS[type_](row)}"
        return _at(parsed, "AP109", message, path, node.get("description", ""))
    if type_ == "string_pattern_mismatch":
        message = f"{_name(path)} cannot be {_quoted(str(row['input']))}"
        about = node.get("description") or (schema.node_at(kind, path[:-1]) or {}).get("description", "")
        return _at(parsed, "AP105", message, path, f"{about} ({schema.allowed(node)})".strip())
    return _wrong_type(parsed, path, node, row)


def _unknown(parsed: Parsed, kind: str, path: Path) -> Diagnostic:
    name, known = str(path[-1]), schema.fields(kind, path[:-1])
    close = difflib.get_close_matches(name, known, 1, 0.6) or [k for k in known if k.lower() == name.lower()]
    if close:
        help_ = f"did you mean `{close[0]}`?"
    else:
        places = {str(where[-1]): where for where, _ in reversed(list(schema.walk(kind))) if 0 not in where}
        elsewhere = difflib.get_close_matches(name, places, 1, 0.75)
        help_ = f"fields here: {', '.join(known) or 'none'}"
        if elsewhere:
            meant, parent = elsewhere[0], _dotted(places[elsewhere[0]][:-1])
            help_ = f"it belongs under `{parent}`" if meant == name else f"did you mean `{meant}` under `{parent}`?"
    return _at(parsed, "AP103", f"Unknown field `{name[:_WIDE]}`", path, help_, key=True)


def _not_allowed(parsed: Parsed, path: Path, node: schema.Node, value: Any) -> Diagnostic:
    options = [str(option) for option in node.get("enum", [node.get("const", "")])]
    listed = ", ".join(_json(option) for option in options)
    message = f"{_name(path)} is not one of {listed}"
    if not isinstance(value, str):
        written = parsed.token(parsed.near(path))
        quoted = f'quote it: "{written}"' if written in options else f"quote it: {_json(options[-1])}"
        message += f" ({_read_as(written, value)})"
        return _at(parsed, "AP107", message, path, quoted, fixable=written in options)
    close = difflib.get_close_matches(value, options, 1, 0.5)
    return _at(parsed, "AP107", message, path, f'did you mean "{close[0]}"?' if close else "")


def _wrong_type(parsed: Parsed, path: Path, node: schema.Node, row: ErrorDetails) -> Diagnostic:
    value = row["input"]
    expected = schema.type_name(node)
    written = parsed.token(parsed.near(path))
    if row["type"] == "string_type" and isinstance(value, int | float):
        message = f"{_name(path)} must be text, and {_read_as(written, value)}"
        good = _compiled(node.get("pattern", "")).search(written) is not None
        help_ = f'quote it: "{written}"' if good else node.get("description", "")
        return _at(parsed, "AP104", message, path, help_, fixable=good)
    help_ = node.get("description", "")
    if row["type"] == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        help_ = f"YAML 1.2 reads `{value}` as text: write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    elif isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        help_ = f"write it without quotes: {value}"
    expected = expected if expected in ("text", "true or false") else f"a {expected}"
    return _at(parsed, "AP104", f"{_name(path)} must be {expected}, not {_kind_of(value)}", path, help_)


def _bad_key(parsed: Parsed, kind: str, path: Path, row: ErrorDetails) -> Diagnostic:
    parent = schema.node_at(kind, path[:-1]) or {}
    names = parent.get("propertyNames", {})
    options = ", ".join(_json(option) for option in names.get("enum", ()))
    help_ = f"one of {options}" if options else f"keys match {names.get('pattern', '')}"
    message = f"`{str(row['input'])[:_WIDE]}` cannot be a key of {_name(path[:-1])}"
    return _at(parsed, "AP105", message, path, help_, key=True)


_RANGES = frozenset({"greater_than_equal", "less_than_equal", "greater_than", "less_than", "finite_number"})
_LENGTHS: Mapping[str, Callable[[ErrorDetails], str]] = {
    "string_too_long": lambda row: f"has more than {row['ctx']['max_length']} characters",
    "string_too_short": lambda row: f"needs at least {row['ctx']['min_length']} characters",
    "too_long": lambda row: f"has more than {row['ctx']['max_length']} entries",
    "too_short": lambda row: f"needs at least {row['ctx']['min_length']} entries",
}


# --- what the JSON Schema says --------------------------------------------------------------------------------------


def _from_schema(parsed: Parsed, kind: str) -> Iterator[Diagnostic]:
    validator = _validator(kind)
    if validator.is_valid(parsed.value):
        return
    help_ = "the models accept what the schema refuses: please report this"
    for error in validator.iter_errors(parsed.value):
        path = tuple(error.absolute_path)
        yield _at(parsed, "AP199", f"{_name(path)}: {error.message[:200]}", path, help_)


@cache
def _validator(kind: str) -> Validator:
    """A validator with $refs put in place (following them costs more than all the rest)."""

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node and not node["$ref"].endswith("/Value"):
            return inlined(schema.resolve(kind, node))
        named = {"properties"}  # below it stand names of fields, not keywords
        return {
            key: {name: inlined(inner) for name, inner in value.items()} if key in named else inlined(value)
            for key, value in node.items()
            if key not in ("$defs", "title", "description", "default")
        }

    root = {**inlined(schema.schema(kind)), "$defs": {"Value": schema.schema(kind)["$defs"]["Value"]}}
    validator: Validator = _DIALECT(root)
    return validator


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """`pattern` as JSON Schema means it: `$` is the end of the text, not the place before a last line break."""
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("$", r"\Z"))


_DIALECT: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _pattern}
)


# --- words ----------------------------------------------------------------------------------------------------------


def _at(  # noqa: PLR0913 -- one call per message; grouping the words of a message would hide it
    parsed: Parsed, code: str, message: str, path: Path, help_: str = "", *, key: bool = False, fixable: bool = False
) -> Diagnostic:
    position = parsed.keys.get(path) if key else None
    position = position or parsed.near(path)
    if not path and key:
        position = Position(position.line, position.column, 0)
    line = parsed.line(position.line)
    return Diagnostic(code, Severity.ERROR, message, parsed.path, position, help_, line, fixable=fixable)


def _without_echoes(parsed: Parsed, found: list[Diagnostic]) -> list[Diagnostic]:
    """Drop what only repeats an earlier problem at the same place."""
    taken = {d.position for d in parsed.diagnostics}
    taken |= {parsed.near(path) for path in parsed.suspect}
    kept: list[Diagnostic] = []
    for diagnostic in found:
        once = diagnostic.code == "AP102" or diagnostic.position not in taken
        if once:
            kept.append(diagnostic)
        if diagnostic.code != "AP102":
            taken.add(diagnostic.position)
    return sorted(kept, key=lambda d: (d.position.line, d.position.column, d.code))


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_null(inner) for inner in value.values())
    return any(_has_null(inner) for inner in value) if isinstance(value, list) else value is None


def _dotted(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")[:200]


def _name(path: Path) -> str:
    return f"`{_dotted(path)}`" if path else "The document"


def _quoted(text: str) -> str:
    return _json(text if len(text) <= _WIDE else text[: _WIDE - 3] + "...")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:200]


def _read_as(written: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"`{written}` is read as {_json(value)}"
    if isinstance(value, int | float):
        return f"`{written}` is read as the number {_json(value)}"
    return f"this is {_kind_of(value)}"


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "a mapping", list: "a list", str: "text", int: "a number", float: "a number", type(None): "nothing"}
    return names.get(type(value), "that")
