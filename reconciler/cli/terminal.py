"""The two streams and the person: data on standard output, everything else on standard error."""

import os
import sys
from dataclasses import dataclass
from typing import Literal, TextIO

from reconciler.model.errors import RefusedError
from reconciler.report.escape import ascii_only
from reconciler.report.jsontext import json_text
from reconciler.report.style import Style

Colour = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Terminal:
    """How this call of `aipress` talks. `json`: standard output holds one JSON document, whatever happens."""

    json: bool = False
    no_input: bool = False
    colour: Colour = "auto"
    quiet: bool = False
    verbose: bool = False

    @property
    def style(self) -> Style:
        """For what goes to standard output."""
        return Style(self._coloured(sys.stdout))

    @property
    def aside(self) -> Style:
        """For what goes to standard error."""
        return Style(self._coloured(sys.stderr))

    @property
    def draws(self) -> bool:
        """Whether standard error is a terminal on which a live view may be drawn."""
        return not (self.quiet or self.json) and sys.stderr.isatty() and not _dumb()

    @property
    def asks(self) -> bool:
        """Whether there is a person to ask."""
        return not self.no_input and not self.json and sys.stdin.isatty() and sys.stderr.isatty()

    def out(self, text: str) -> None:
        """Data; the text brings its own line feeds."""
        _write(sys.stdout, text)

    def out_json(self, value: object) -> None:
        _write(sys.stdout, json_text(value))

    def note(self, text: str) -> None:
        """Progress and remarks, one line; silent with -q."""
        if not self.quiet:
            _write(sys.stderr, text + "\n")

    def warn(self, text: str) -> None:
        """What a person must hear even with -q."""
        _write(sys.stderr, text + "\n")

    def log(self, text: str) -> None:
        """Whole lines of a log."""
        _write(sys.stderr, text)

    def ask(self, question: str, instead: str) -> str:
        """One line of answer. Raises RefusedError when nobody can be asked; `instead` names the flag that would do."""
        if not self.asks:
            why = "--no-input is set" if self.no_input else "there is no terminal to ask on"
            raise RefusedError(f"not done: it needs a confirmation, and {why}", instead)
        _write(sys.stderr, question)
        return sys.stdin.readline().strip()

    def _coloured(self, stream: TextIO) -> bool:
        if self.colour != "auto":
            return self.colour == "always"
        return stream.isatty() and not os.environ.get("NO_COLOR") and not _dumb()


def _dumb() -> bool:
    return os.environ.get("TERM") == "dumb"


def _write(stream: TextIO, text: str) -> None:
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        text = "\n".join(ascii_only(line) for line in text.split("\n"))
    stream.write(text)
    stream.flush()
