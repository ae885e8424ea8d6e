"""One canonical form of JSON, for digests and byte-identical documents."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]
"""The API's own JSON of one object (camelCase): None, bool, int, float, str, list, dict. Never changed in place."""


def canonical(value: Any) -> str:
    """Keys sorted, no blanks, printable text as it is. Raises TypeError on what JSON has not, ValueError on NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """`sha256:` and 64 hexadecimal digits over the canonical form."""
    return "sha256:" + hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()
