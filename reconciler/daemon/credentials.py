"""Where a secret of a setting is: `file:PATH` or `env:NAME`, never the secret itself. Nothing here says one."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from reconciler.model.errors import InputError, UsageError

MOST_BYTES = 4096
_HOW = "write file:PATH or env:NAME there, two of them with a comma while one secret replaces the other"
_ENV = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,100}")
_FILE = re.compile(r"file:[^,\s][^,]{0,1000}")


def shown_reference(text: str) -> str:
    """A setting as people may read it: somebody may have written the secret itself there."""
    parts = [part.strip() for part in text.split(",")]
    return text if all(_ENV.fullmatch(p) or _FILE.fullmatch(p) for p in parts) else "(not shown: not file: or env:)"


def secrets_at(text: str, setting: str, folder: Path) -> list[str]:
    """What these references lead to; a file may hold one secret a line. Relative files are looked for in `folder`.

    Raises UsageError for what is no reference, InputError for one that leads to nothing; neither says any secret.
    """
    found: list[str] = []
    for part in (piece.strip() for piece in text.split(",")):
        if _ENV.fullmatch(part):
            found += _lines(os.environ.get(part.removeprefix("env:"), ""), part, setting)
        elif _FILE.fullmatch(part):
            found += _lines(_read(folder / part.removeprefix("file:"), setting), part, setting)
        else:
            raise UsageError(f"{setting} does not say where its secret is", _HOW)
    return found


def _lines(text: str, part: str, setting: str) -> Sequence[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{setting}: there is no secret in {part}", "put one there: openssl rand -hex 32")
    return lines


def _read(path: Path, setting: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{setting}: {path} cannot be read: {why}", "check the path and who may read it") from None
