"""SARIF 2.1.0 (OASIS), for organisations with code scanning: one run, stable rule ids, stable fingerprints."""

import hashlib
from collections.abc import Sequence
from typing import Any

from reconciler.model.canonical import canonical
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.report.escape import plain

RESULTS = 25_000
"""Most results GitHub takes in one run."""
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def sarif_document(found: Sequence[tuple[str, Diagnostic]]) -> dict[str, Any]:
    """`found`: (path inside the repository, diagnostic). Columns are Unicode code points, counted from 1."""
    kept = found[:RESULTS]
    codes = sorted({diagnostic.code for _, diagnostic in kept})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "aipress",
                        "rules": [{"id": code, "name": code} for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(path, diagnostic, codes) for path, diagnostic in kept],
            }
        ],
    }


def _result(path: str, found: Diagnostic, codes: Sequence[str]) -> dict[str, Any]:
    text = plain(found.message + (f" ({found.help})" if found.help else ""))
    identity = canonical([found.code, path, found.message, found.excerpt])
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": codes.index(found.code),
        "level": _LEVELS[found.severity],
        "message": {"text": text},
        "partialFingerprints": {
            "aipress/v1": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        },
    }
    if path:
        region = {"startLine": found.position.line, "startColumn": found.position.column}
        if found.position.width:
            region["endColumn"] = found.position.column + found.position.width
        result["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": region}}]
    return result


def _uri(path: str) -> str:
    octets = path.encode("utf-8", "surrogatepass")
    return "".join(chr(o) if chr(o) in _SAFE else f"%{o:02X}" for o in octets)
