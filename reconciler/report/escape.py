"""Hostile text made visible. What tenants, agencies and APIs wrote passes here before a person or a page sees it."""

import html
import re
import unicodedata

LONGEST = 5_000
"""Characters of one text that are shown; what shows less cuts further."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}
# Letters and marks by category, and yet invisible: fillers, braille blank, joiners, variation selectors supplement.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\U000e0100-\U000e01ef]")
_BACKTICKS = re.compile("`+")
_ASCII = str.maketrans(
    {"→": "->", "✔": "ok", "✗": "x", "…": "...", "·": "-", "×": "x", "◀": "<", "▲": "^", "●": "*", "–": "-"}
)


def plain(text: str) -> str:
    """One line that shows every character: controls, ANSI, bidi and invisible ones become `\\u{…}`. Of a text that no
    reader would read to its end, the beginning."""
    text = cut(text, LONGEST)
    if text.isprintable() and not _BLANK.search(text):
        return text
    return "".join(c if c.isprintable() and not _BLANK.match(c) else _named(c) for c in text)


def _named(char: str) -> str:
    return _SHORT.get(char) or f"\\u{{{ord(char):x}}}"


def ascii_only(text: str) -> str:
    """For terminals that do not speak UTF-8: our own signs spelled out, everything else as `\\u{…}`."""
    spelled = text.translate(_ASCII)
    return spelled if spelled.isascii() else "".join(c if c.isascii() else _named(c) for c in spelled)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis when something was left out."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def columns(text: str) -> int:
    """Columns that a text takes on a terminal: wide East Asian characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, width: int) -> str:
    return text + " " * max(width - columns(text), 0)


# --- Markdown and HTML ----------------------------------------------------------------------------------------------


def code_span(text: str, limit: int = 300) -> str:
    """Inline code that nothing inside can close: no mention, link, tag or comment marker takes effect in it."""
    shown = cut(plain(text), limit).strip() or "(empty)"
    ticks = "`" * (max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def cell(text: str, limit: int = 120) -> str:
    """A code span inside a table cell: a pipe would end the cell even inside code."""
    return code_span(cut(plain(text), limit).replace("|", "\\u{7c}"), 2 * limit + 20)


def html_code(text: str, limit: int = 120) -> str:
    """For the places where Markdown is not read (`<summary>`): a `<code>` element, in which nothing is a mention."""
    return f"<code>{html.escape(cut(plain(text), limit), quote=True)}</code>"


def fence(lines: list[str], language: str = "diff") -> str:
    """A fenced block longer than any backtick run inside. The lines have been through `plain`."""
    longest = max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0)
    ticks = "`" * max(3, longest + 1)
    return "\n".join([f"{ticks}{language}", *lines, ticks])
