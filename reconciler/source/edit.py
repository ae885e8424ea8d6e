"""One value of a document changed, and nothing else: comments, order, quotes and spacing of all other lines stay. Pure.

The smallest edit is tried first (the token, a line, an entry of `{ … }`), then a round trip through ruamel.yaml. Each
try is read again strictly, and counts only if the document then says exactly what was asked for.
"""

import copy
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from reconciler.model.diagnostic import Position
from reconciler.model.errors import InputError
from reconciler.model.fleet import Path
from reconciler.source.document import Parsed, parse, scalar

_PLAIN = re.compile(r"[A-Za-z0-9_./~^][A-Za-z0-9_./@+~^ -]*\Z")
_BREAK = re.compile(r"\r\n|\r|\n")


def set_value(text: str, path: Path, value: Any, after: str = "") -> str:
    """The text with `value` at `path`; mappings on the way are made. `after`: the sibling a new key comes after.

    Raises InputError when the text cannot be read, or the path leads through something that is no mapping.
    """
    parsed = _read(text)
    wanted = copy.deepcopy(parsed.value)
    place = wanted
    for step, following in itertools.pairwise(path):
        if isinstance(place, dict) and isinstance(step, str) and step not in place and isinstance(following, str):
            place[step] = {}
        place = _inside(place, step, path)
    if isinstance(place, list) and path[-1] == len(place):
        place.append(value)
    elif isinstance(place, dict) or _has(place, path[-1]):
        place[path[-1]] = value
    else:
        raise InputError(f"there is no place for {_dotted(path)} in the document", "edit the file by hand")
    return _first(text, wanted, (
        lambda: _token(parsed, path, value),
        lambda: _whole_list(parsed, path, wanted),
        lambda: _insert(parsed, path, value, after),
        lambda: _round_trip(text, lambda root: _put(root, path, value)),
    ))  # fmt: skip


def remove_value(text: str, path: Path) -> str:
    """The text without what is at `path`, nor the mappings that would be left empty above it (but metadata and spec).

    Nothing there: the text as it is. Raises InputError as `set_value` does.
    """
    parsed = _read(text)
    if not _has_path(parsed.value, path):
        return text
    while len(path) > 2 and isinstance(path[-1], str) and len(_at(parsed.value, path[:-1])) == 1:
        path = path[:-1]
    wanted = copy.deepcopy(parsed.value)
    del _at(wanted, path[:-1])[path[-1]]
    return _first(text, wanted, (
        lambda: _cut(parsed, path),
        lambda: _whole_list(parsed, path, wanted),
        lambda: _round_trip(text, lambda root: _drop(root, path)),
    ))  # fmt: skip


def replace_tokens(text: str, tokens: dict[Position, str]) -> str:
    """The text with the tokens at these positions replaced; positions are those of the text as it is."""
    lines = _Lines(text)
    for position in sorted(tokens, key=lambda p: (p.line, p.column), reverse=True):
        start = lines.offset(position)
        lines.text = lines.text[:start] + tokens[position] + lines.text[start + position.width :]
    return lines.text


def written(value: Any) -> str:
    """A value as YAML on one line; text is quoted where a reader would take it for something else."""
    if isinstance(value, str):
        safe = _PLAIN.match(value) and not value.endswith(" ") and " #" not in value and _stays_text(value)
        return value if safe else json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{written(key)}: {written(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(written(inner) for inner in value) + "]"
    return json.dumps(value)


# --- the smallest edits ---------------------------------------------------------------------------------------------


def _extent(parsed: Parsed, path: Path) -> tuple[int, int] | None:
    """Offsets of what is written at a path, for scalars on one line and for what stands in brackets."""
    if path in parsed.spans:
        return parsed.spans[path]
    if not _has_path(parsed.value, path) or isinstance(_at(parsed.value, path), dict | list):
        return None
    start = _Lines(parsed.text).offset(parsed.positions[path])
    return start, start + parsed.positions[path].width


def _token(parsed: Parsed, path: Path, value: Any) -> str | None:
    """What is written at a path replaced where it stands."""
    extent = _extent(parsed, path)
    if extent is None:
        return None
    start, end = extent
    text = written(value)
    if parsed.text[start] == '"' and isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    return parsed.text[:start] + text + parsed.text[end:]


def _whole_list(parsed: Parsed, path: Path, wanted: Any) -> str | None:
    """A list in brackets written anew, when one of its elements changes."""
    if not isinstance(path[-1], int):
        return None
    return _token(parsed, path[:-1], _at(wanted, path[:-1]))


def _insert(parsed: Parsed, path: Path, value: Any, after: str) -> str | None:
    """A new key in a mapping that is there, with the rest of the path below it."""
    depth = next(n for n in range(len(path), -1, -1) if _has_path(parsed.value, path[:n]))
    above, key, below = path[:depth], path[depth] if depth < len(path) else None, path[depth + 1 :]
    mapping = _at(parsed.value, above)
    if not isinstance(key, str) or not isinstance(mapping, dict):
        return None
    for step in reversed(below):
        value = {step: value}
    if not mapping:
        return _token(parsed, above, {key: value})
    sibling = after if after in mapping else next(reversed(mapping))
    place = parsed.keys[*above, sibling]
    lines = _Lines(parsed.text)
    if lines.starts_line(place):
        end = lines.end_of(place)
        rows = list(_rows(key, value, place.column - 1))
        return lines.with_rows(end, rows)
    extent = _extent(parsed, (*above, sibling))
    if extent is None:
        return None
    return f"{parsed.text[: extent[1]]}, {written(key)}: {written(value)}{parsed.text[extent[1] :]}"


def _cut(parsed: Parsed, path: Path) -> str | None:
    """A key and its value taken out of a mapping."""
    key = parsed.keys.get(path)
    if key is None:
        return None
    lines = _Lines(parsed.text)
    if lines.starts_line(key):
        return lines.without(key.line, lines.end_of(key))
    siblings = list(_at(parsed.value, path[:-1]))
    at = siblings.index(path[-1])
    if at + 1 < len(siblings):
        start, end = lines.offset(key), lines.offset(parsed.keys[*path[:-1], siblings[at + 1]])
        return lines.text[:start] + lines.text[end:]
    last, before = _extent(parsed, path), _extent(parsed, (*path[:-1], siblings[at - 1]))
    return lines.text[: before[1]] + lines.text[last[1] :] if last and before and at else None


def _rows(key: str, value: Any, indent: int) -> Iterator[str]:
    blank = " " * indent
    if isinstance(value, dict) and value:
        yield f"{blank}{written(key)}:"
        for inner, below in value.items():
            yield from _rows(inner, below, indent + 2)
    else:
        yield f"{blank}{written(key)}: {written(value)}"


@dataclass(slots=True)
class _Lines:
    """A text by lines, without losing which line ends it has."""

    text: str

    def offset(self, position: Position) -> int:
        return self.start(position.line) + position.column - 1

    def start(self, number: int) -> int:
        """Offset of a line, or of the end of the text behind the last one."""
        ends = [0, *(found.end() for found in _BREAK.finditer(self.text))]
        return ends[number - 1] if number <= len(ends) else len(self.text)

    def all(self) -> list[str]:
        return _BREAK.split(self.text)

    def starts_line(self, position: Position) -> bool:
        return not self.all()[position.line - 1][: position.column - 1].strip()

    def end_of(self, key: Position) -> int:
        """The last line that belongs to a block key: deeper lines, and a list that is not indented."""
        rows, last = self.all(), key.line
        for number in range(key.line + 1, len(rows) + 1):
            row = rows[number - 1]
            indent = len(row) - len(row.lstrip(" "))
            if not row.strip() or row.lstrip().startswith("#"):
                continue
            if indent < key.column - 1 or (indent == key.column - 1 and not row.lstrip().startswith("- ")):
                break
            last = number
        return last

    def with_rows(self, behind: int, rows: list[str]) -> str:
        """New lines behind a line."""
        found = _BREAK.search(self.text)
        ending = found[0] if found else "\n"
        at = self.start(behind + 1)
        before = self.text[:at]
        if not before.endswith(("\n", "\r")):
            before += ending
        return before + "".join(row + ending for row in rows) + self.text[at:]

    def without(self, first: int, last: int) -> str:
        return self.text[: self.start(first)] + self.text[self.start(last + 1) :]


# --- the round trip -------------------------------------------------------------------------------------------------


def _round_trip(text: str, change: Callable[[Any], None]) -> str | None:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 100_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        root = yaml.load(text)
        change(root)
        out = io.StringIO()
        yaml.dump(root, out)
    except (YAMLError, ValueError, TypeError, RecursionError):
        return None
    return out.getvalue()


def _put(root: Any, path: Path, value: Any) -> None:
    place = root
    for step in path[:-1]:
        if isinstance(place, dict) and step not in place:
            place[step] = {}
        place = place[step]
    if isinstance(place, list) and path[-1] == len(place):
        place.append(value)
    else:
        place[path[-1]] = value


def _drop(root: Any, path: Path) -> None:
    del _at(root, path[:-1])[path[-1]]


# --- reading --------------------------------------------------------------------------------------------------------


def _first(text: str, wanted: Any, tries: tuple[Callable[[], str | None], ...]) -> str:
    if parse(text.encode(), "").value == wanted:
        return text
    for attempt in tries:
        made = attempt()
        if made is None:
            continue
        again = parse(made.encode(), "")
        if again.ok and again.value == wanted and _same_types(again.value, wanted):
            return made
    raise InputError("the document cannot be edited without changing something else", "edit the file by hand")


def _read(text: str) -> Parsed:
    parsed = parse(text.encode(), "")
    if parsed.value is None or not parsed.ok:
        first = parsed.diagnostics[0]
        raise InputError(f"line {first.position.line}: {first.message}", "mend the file first: `aipress validate`")
    return parsed


def _same_types(one: Any, other: Any) -> bool:
    """`1 == True` and `1 == 1.0` in Python; not in a document."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _stays_text(text: str) -> bool:
    try:
        return isinstance(scalar(text), str)
    except ValueError:
        return False


def _inside(place: Any, step: str | int, path: Path) -> Any:
    if not _has(place, step):
        raise InputError(f"there is no place for {_dotted(path)} in the document", "edit the file by hand")
    return place[step]


def _has(place: Any, step: str | int) -> bool:
    if isinstance(place, dict):
        return bool(step in place)
    return isinstance(place, list) and isinstance(step, int) and step in range(len(place))


def _has_path(value: Any, path: Path) -> bool:
    for step in path:
        if not _has(value, step):
            return False
        value = value[step]
    return True


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _dotted(path: Path) -> str:
    return "`" + ".".join(str(step) for step in path) + "`"
