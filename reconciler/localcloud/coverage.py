"""How much of Google's APIs the local cloud has, and how alike it answers: `python -m reconciler.localcloud.coverage`.

Methods are counted from the API model and the tables of behaviours. The likeness was measured by
`tests/conformance` against recorded traffic of the real APIs, which is not in the repository; its figures are.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from reconciler.localcloud import services
from reconciler.localcloud.api.discovery import documents

MEASURED = Path(__file__).with_name("likeness.json")
PAGE = Path(__file__).with_name("COVERAGE.md")
_HEAD = """<!-- Written by `make coverage`; a test fails when it is stale. -->
# What the local cloud has of Google's APIs

A method has *behaviour* when somebody wrote down how it acts; it is *generic* when it acts by rule from Google's own
description of it (names, required and immutable fields, lists, masks, etags, operations); it is *missing* when it
answers 501 and says so. Nothing answers 200 without having done what it says, but for what the light data plane cannot
do: there no container, query, build step or workflow runs. No request needs a token: there is no 401. The table has the
APIs that are promised; others of Google's discovery documents answer generically too, and count only in *all* where
they were recorded.

*Likeness* is measured against recorded traffic of the real APIs: the same status, leaves of the recorded answer that
are present, leaves that are equal (times, ids and etags left out), error messages that are equal, in percent.
*As recorded* sends the requests as the recordings have them. There, ids and etags that only Google's servers knew are
replaced by placeholders, so that many requests ask for what does not exist. *As the client* sends what the recorded
client sent: the ids and etags of the answers before.

*From* says where behaviour and error messages come from: recordings, or the documentation and what clients print. A
message that nobody knows is the general one of its class.
"""


@dataclass(frozen=True)
class Row:
    """One API: its versions, its methods by how they are answered, and its likeness where it was recorded."""

    service: str
    versions: tuple[str, ...]
    behaviour: int
    generic: int
    missing: int
    exchanges: int
    recorded: tuple[float, ...]
    client: tuple[float, ...]

    @property
    def routed(self) -> int:
        return self.behaviour + self.generic + self.missing


def measured() -> dict[str, Any]:
    """Service -> `exchanges`, `recorded` and `client`, each four shares in percent; `TOTAL` is over all."""
    found: dict[str, Any] = orjson.loads(MEASURED.read_bytes())
    return found


def rows() -> list[Row]:
    """All APIs that are served, by name."""
    library, likeness, found = documents(), measured(), []
    for name, versions in sorted(services.SERVED.items()):
        counted = {"behaviour": 0, "generic": 0, "missing": 0}
        for version in versions:
            api = library.api(name, version)
            if api is not None:
                for method in api.methods:
                    counted[services.standing(api, method)] += 1
        told = likeness.get(name, {"exchanges": 0, "recorded": [], "client": []})
        found.append(
            Row(name, versions, **counted, exchanges=told["exchanges"], recorded=tuple(told["recorded"]),
                client=tuple(told["client"]))
        )  # fmt: skip
    return found


def _shares(shares: tuple[float, ...]) -> str:
    return " / ".join(f"{share:.0f}" for share in shares) if shares else "–"


def page() -> str:
    """The table as Markdown."""
    lines = [
        _HEAD,
        "| API | versions | methods | behaviour | generic | missing | exchanges | as recorded | as the client | from |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows():
        words = "recordings" if row.exchanges else "documentation"
        lines.append(
            f"| {row.service} | {', '.join(row.versions)} | {row.routed} | {row.behaviour} | {row.generic} | "
            f"{row.missing} | {row.exchanges or '–'} | {_shares(row.recorded)} | {_shares(row.client)} | {words} |"
        )
    total = measured()["TOTAL"]
    count = [sum(getattr(row, name) for row in rows()) for name in ("routed", "behaviour", "generic", "missing")]
    lines.append(
        f"| **all** | | {' | '.join(str(one) for one in count)} | {total['exchanges']} | "
        f"{_shares(tuple(total['recorded']))} | {_shares(tuple(total['client']))} | |"
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m reconciler.localcloud.coverage", description=__doc__)
    options.add_argument("--write", action="store_true", help="write the committed page instead of printing")
    options.add_argument("--json", action="store_true", help="print the rows as JSON")
    chosen = options.parse_args()
    if chosen.write:
        PAGE.write_text(page(), encoding="utf-8")
    elif chosen.json:
        print(orjson.dumps({"services": rows(), "total": measured()["TOTAL"]}).decode())  # noqa: T201
    else:
        print(page(), end="")  # noqa: T201


if __name__ == "__main__":
    main()
