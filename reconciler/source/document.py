"""Strict YAML with the position of every value. Pure, and built to survive any bytes.

libyaml is read as a stream of *events* into a tree of our own: its composer recurses in C and dies on 50 KB of `[`.
Scalars follow the YAML 1.2 core schema (`no` is text, 12:30 is text); what readers disagree about (010, .inf,
numbers beyond 2^53) is refused. Anchors, aliases, merge keys, tags, directives, duplicate keys and further documents
are refused. The result is JSON: mappings with text keys, lists, text, numbers, true, false, null.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.fleet import Path
from reconciler.source.paths import UNSEEN

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 10_000
MAX_DIAGNOSTICS = 50
"""Per file; a file with more is broken in one way many times."""

_MAX_INTEGER = 2**53
"""Beyond it JSON readers round (RFC 7493, section 2.2)."""
_LINES = re.compile(r"\r\n|\r|\n")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_UNREAL = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file as read. `value` is None when nothing could be read.

    `positions`: where each value stands (for a mapping or list: its key). `keys`: where each key stands.
    `suspect`: paths whose value is a stand-in, because what was written was refused.
    """

    path: str
    value: Any
    positions: Mapping[Path, Position]
    keys: Mapping[Path, Position]
    diagnostics: tuple[Diagnostic, ...]
    text: str
    suspect: frozenset[Path] = frozenset()
    spans: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    """Character offsets from `{` or `[` to behind its closing bracket, for mappings and lists in flow style."""
    _lines: list[str] = field(default_factory=list, compare=False, repr=False)
    """The text by lines, split once: a file may have thousands of things to point at."""

    @property
    def ok(self) -> bool:
        return not self.diagnostics

    def near(self, path: Path) -> Position:
        """The position of a path, or of its nearest ancestor that was written."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, Position())

    def token(self, position: Position) -> str:
        """The text that a position underlines."""
        line = self._split()[position.line - 1]
        return line[position.column - 1 : position.column - 1 + position.width]

    def line(self, number: int) -> str:
        """A source line, cut at 1,000 characters."""
        lines = self._split()
        return lines[number - 1][:1000] if 0 < number <= len(lines) else ""

    def _split(self) -> list[str]:
        if not self._lines:
            self._lines.extend(_LINES.split(self.text))
        return self._lines


def parse(content: bytes, path: str) -> Parsed:
    """Read one file. Never raises for what is in it: every problem is a Diagnostic with its position."""
    text, refused = _decoded(content, path)
    if refused:
        return Parsed(path, None, {}, {}, tuple(refused), text)
    builder = _Builder(path, text)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.feed(event)
    except _StopReadingError:  # the builder holds the diagnostic that says why
        pass
    except yaml.MarkedYAMLError as error:
        builder.syntax(error)
    except yaml.YAMLError as error:
        builder.refuse("AP001", str(error).split("\n", 1)[0], Position())
    return builder.parsed()


def scalar(text: str) -> Any:
    """The value of a plain scalar. Raises ValueError, with the help to show, for what readers disagree about."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in "-+.0123456789":
        return text
    if _UNREAL.match(text):
        raise ValueError("JSON has no infinity and no NaN; leave the field out or write a number")
    if _BASED.match(text):
        return _bounded(int(text, 0), text)
    if _INTEGER.match(text):
        digits = text.lstrip("-+")
        if len(digits) > 1 and digits[0] == "0":
            raise ValueError(f'YAML 1.1 reads {text} as octal, YAML 1.2 does not: write {digits.lstrip("0") or "0"}'
                             f' for a number or "{text}" for text')  # fmt: skip
        return _bounded(int(text) if len(digits) < 20 else _MAX_INTEGER * 2, text)
    if _FLOAT.match(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise ValueError("the number is too large; quote it if it is text")
        # JSON has one kind of number: 10.0 is 10, for every reader and every schema.
        return int(number) if number.is_integer() and abs(number) <= _MAX_INTEGER else number
    return text


def _bounded(number: int, text: str) -> int:
    if abs(number) > _MAX_INTEGER:
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise ValueError(f'readers round numbers beyond 9007199254740992; quote it if it is text: "{shown}"')
    return number


def _decoded(content: bytes, path: str) -> tuple[str, list[Diagnostic]]:
    if len(content) > MAX_BYTES:
        return "", [_diagnostic(path, "AP003", "The file is larger than 256 KiB", "split it, or move content out")]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")) + 1
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        why = "it is UTF-16" if wide else f"byte 0x{content[error.start]:02x} is not valid there"
        message = f"The file is not UTF-8 text: {why}"
        help_ = "save the file as UTF-8 without a byte order mark"
        return "", [_diagnostic(path, "AP002", message, help_, Position(line, column, 1))]
    if text.startswith("\ufeff"):
        help_ = "save the file as UTF-8 without a byte order mark"
        return text, [_diagnostic(path, "AP002", "The file starts with a byte order mark", help_, Position(1, 1, 1))]
    return text, list(_unseen(text, path))


def _unseen(text: str, path: str) -> Iterator[Diagnostic]:
    """Characters that a reviewer cannot see, at most a few of them."""
    for count, found in enumerate(UNSEEN.finditer(text)):
        if count == 5:
            return
        before = text[: found.start()]
        start = max(before.rfind("\n"), before.rfind("\r")) + 1
        position = Position(len(_LINES.findall(before)) + 1, found.start() - start + 1, 1)
        name = f"U+{ord(found[0]):04X}"
        message = f"The character {name} cannot be seen and may hide what the file says"
        excerpt = _LINES.split(text)[position.line - 1][:1000]
        yield replace(_diagnostic(path, "AP011", message, "delete it", position), excerpt=excerpt)


_START = Position()


def _diagnostic(path: str, code: str, message: str, help_: str, position: Position = _START) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, path, position, help_)


class _StopReadingError(Exception):
    """What follows would have no meaning, or be too much."""


@dataclass(slots=True)
class _Frame:
    """A mapping or list being read. `key` is the mapping key whose value comes next."""

    container: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None
    refused: int = 0
    start: int = -1
    """Offset of the opening bracket in flow style."""


@dataclass(slots=True)
class _Builder:
    path: str
    text: str
    root: Any = None
    stack: list[_Frame] = field(default_factory=list)
    positions: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)
    suspect: set[Path] = field(default_factory=set)
    spans: dict[Path, tuple[int, int]] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)
    nodes: int = 0
    documents: int = 0
    lines: list[str] = field(default_factory=list)

    def parsed(self) -> Parsed:
        if not self.found and not isinstance(self.root, dict):
            what = "is empty" if self.root is None else "is not a mapping"
            self.refuse("AP010", f"The file {what}", Position(), "start with `apiVersion: aipress.io/v1`")
        value = self.root if isinstance(self.root, dict) else None
        return Parsed(
            self.path, value, self.positions, self.keys, tuple(self.found), self.text, frozenset(self.suspect),
            self.spans,
        )  # fmt: skip

    def refuse(self, code: str, message: str, position: Position, help_: str = "") -> None:
        if len(self.found) >= MAX_DIAGNOSTICS:
            self.root = None  # half a document: what it lacks is not what its author left out
            raise _StopReadingError
        if not self.lines:
            self.lines = _LINES.split(self.text)
        line = self.lines[position.line - 1][:1000] if position.line <= len(self.lines) else ""
        self.found.append(Diagnostic(code, Severity.ERROR, message, self.path, position, help_, line))

    def syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        position = Position(mark.line + 1, mark.column + 1, 1) if mark else Position()
        problem = error.problem or error.context or "it cannot be read"
        help_ = ""
        if not self.lines:
            self.lines = _LINES.split(self.text)
        if position.line > len(self.lines):  # libyaml counts the end of the file as a line of its own
            position = Position(len(self.lines), len(self.lines[-1]) + 1, 1)
        line = self.lines[position.line - 1]
        if "\t" in line[: position.column]:
            help_ = "YAML indents with spaces, never with tabs"
        elif line.count(": ") > 1 or "mapping values" in problem:
            help_ = "quote a text that holds `: ` or starts with a special character"
        if len(self.found) < MAX_DIAGNOSTICS:
            self.refuse("AP001", f"The YAML cannot be read: {problem}", position, help_)
        self.root = None

    def feed(self, event: yaml.Event) -> None:
        action = _ACTIONS.get(type(event))
        if action is not None:
            action(self, event)

    def document_start(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.refuse("AP009", "The file holds a second document", _position(event), "one file, one document")
            raise _StopReadingError
        if event.version or event.tags:
            self.refuse("AP008", "Directives are not read", _position(event), "delete the line that starts with `%`")

    def alias(self, event: Any) -> None:
        self.count(event)
        self.refuse("AP007", f"The alias `*{event.anchor[:60]}` is not read", _position(event), "write the value out")
        self.value(None, _position(event), suspect=True)

    def scalar(self, event: Any) -> None:
        self.count(event)
        self.no_extras(event)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            self.new_key(frame, event)
            return
        value, suspect = self.resolved(event)
        self.value(value, _position(event), suspect)

    def start(self, event: Any) -> None:
        self.count(event)
        self.no_extras(event)
        if len(self.stack) >= MAX_DEPTH:
            self.refuse("AP004", f"Nested deeper than {MAX_DEPTH} levels", _position(event))
            self.root = None
            raise _StopReadingError
        container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        frame = self.stack[-1] if self.stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            self.refuse("AP012", "A mapping or list cannot be a key", _position(event), "use a text as key")
            self.root = None
            raise _StopReadingError
        start = _position(event)
        path = self.value(container, Position(start.line, start.column, 1))
        self.stack.append(_Frame(container, path, start=event.start_mark.index if event.flow_style else -1))

    def end(self, event: Any) -> None:
        frame = self.stack.pop()
        if frame.start >= 0:
            self.spans[frame.path] = (frame.start, event.end_mark.index)

    def count(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.refuse("AP005", f"More than {MAX_NODES:,} values in one file", _position(event))
            self.root = None
            raise _StopReadingError

    def no_extras(self, event: Any) -> None:
        if event.anchor is not None:
            shown = event.anchor[:60]
            self.refuse("AP007", f"The anchor `&{shown}` is not read", _position(event), "write the value out")
        if event.tag is not None:
            shown = event.tag[:60]
            self.refuse("AP008", f"The tag `{shown}` is not read", _position(event), "write plain values only")

    def new_key(self, frame: _Frame, event: Any) -> None:
        position = _position(event)
        key = event.value
        if event.style == "" and key == "<<":
            self.refuse("AP007", "The merge key `<<` is not read", position, "write the values out")
        elif event.style == "" and not isinstance(self.resolved(event)[0], str):
            self.refuse("AP012", f"The key `{key[:40]}` is not text", position, f'quote it: "{key[:40]}"')
        elif UNSEEN.search(key):
            self.refuse("AP011", "A key with characters that cannot be seen", position, "delete them")
        path = (*frame.path, key)
        if path in self.keys:
            first = self.keys[path].line
            help_ = f"it stands in line {first} already; keep one"
            self.refuse("AP006", f"The key `{key[:60]}` stands twice", position, help_)
            frame.refused += 1
            path = (*frame.path, f"{key}\x00{frame.refused}")  # read on, but keep the first value
            frame.key = str(path[-1])
            return
        self.keys[path] = position
        frame.key = key

    def resolved(self, event: Any) -> tuple[Any, bool]:
        """A scalar's value, and whether it is only a stand-in."""
        text = event.value
        if event.style != "":
            if UNSEEN.search(text):
                self.refuse("AP011", "A text with characters that cannot be seen", _position(event), "delete them")
            return text, False
        try:
            return scalar(text), False
        except ValueError as error:
            shown = text if len(text) <= 40 else text[:37] + "..."
            self.refuse("AP013", f"The number `{shown}` is not portable", _position(event), str(error))
            return text, True

    def value(self, value: Any, position: Position, suspect: bool = False) -> Path:
        """Attach a value to what is being read; returns its path."""
        if not self.stack:
            self.root = value
            self.positions[()] = position
            return ()
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            path: Path = (*frame.path, len(frame.container))
            frame.container.append(value)
        else:
            key, frame.key = frame.key or "", None
            path = (*frame.path, key)
            if "\x00" in key:
                return path
            frame.container[key] = value
            if isinstance(value, dict | list):
                position = self.keys[path]
        self.positions[path] = position
        if suspect:
            self.suspect.add(path)
        return path


def _position(event: Any) -> Position:
    start, end = event.start_mark, event.end_mark
    width = end.column - start.column if end.line == start.line else 1
    return Position(start.line + 1, start.column + 1, max(width, 0))


_ACTIONS: Mapping[type[yaml.Event], Callable[[_Builder, Any], None]] = {
    yaml.DocumentStartEvent: _Builder.document_start,
    yaml.AliasEvent: _Builder.alias,
    yaml.ScalarEvent: _Builder.scalar,
    yaml.MappingStartEvent: _Builder.start,
    yaml.SequenceStartEvent: _Builder.start,
    yaml.MappingEndEvent: _Builder.end,
    yaml.SequenceEndEvent: _Builder.end,
}
