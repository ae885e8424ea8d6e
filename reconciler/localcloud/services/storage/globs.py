"""Glob patterns of object names."""

from __future__ import annotations

import re

from reconciler.localcloud import regular
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.regular import Pattern

_PIECE = re.compile(r"\*\*/?|\*|\?|\[!?[^\]]+\]|\{[^}]*\}|.", re.DOTALL)


def glob(pattern: str) -> Pattern:
    """`*` stays within a folder, `**` does not (https://cloud.google.com/storage/docs/json_api/v1/objects/list#glob)."""
    try:
        return regular.pattern("".join(_translated(piece) for piece in _PIECE.findall(pattern)), re.DOTALL)
    except re.error as error:
        raise GoogleError(400, f"Invalid glob pattern: {pattern}", reason="invalid") from error


def _translated(piece: str) -> str:
    if piece.startswith("**"):
        return "(?:.*/)?" if piece.endswith("/") else ".*"
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if piece.startswith("[") and len(piece) > 2:
        return piece.replace("[!", "[^", 1)
    if piece.startswith("{") and len(piece) > 1:
        return "(?:" + "|".join(re.escape(one) for one in piece[1:-1].split(",")) + ")"
    return re.escape(piece)
