"""One version whole, and the difference between two."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reconciler.model.ids import Address
from reconciler.model.plan import FieldChange
from reconciler.model.version import Version
from reconciler.report.escape import cut, plain
from reconciler.report.jsontext import json_text
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import SENSITIVE, count, shown, sign, transition

SHOWN = 200
"""Most items of a version listed; --json has all."""
_SIGNS = {"create": "+", "update": "~", "replace": "-/+", "delete": "-", "run": ">", "adopt": "="}


class Difference(Protocol):
    """One resource between two versions."""

    @property
    def address(self) -> Address: ...
    @property
    def action(self) -> str: ...
    @property
    def fields(self) -> Sequence[FieldChange]: ...


def version_text(version: Version, style: Style = PLAIN) -> str:
    """Who, when, from which commit, by which plan; then every item and how it ended."""
    facts = [
        ("at", f"{version.at:%Y-%m-%d %H:%M:%S} UTC by {version.actor} ({version.trigger})"),
        ("fleet", version.fleet_commit or "–"),
        ("plan", version.plan or "–"),
        ("id", f"{version.id}, after {version.parent or 'nothing'}"),
        ("holds", f"{count(len(version.resources), 'resource')}, {count(len(version.tenants), 'tenant')}"),
    ]
    lines = [style.bold(f"Version {plain(version.label)}: {plain(version.result)}  {plain(version.summary)}"), ""]
    lines += [f"  {style.dim(name.ljust(5))}  {plain(value)}" for name, value in facts]
    if version.items:
        lines += ["", f"{count(len(version.items), 'item')}:"]
        for item in version.items[:SHOWN]:
            lines += _item(item, style)
        if len(version.items) > SHOWN:
            lines.append(f"  and {len(version.items) - SHOWN:,} more (--json has all)")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def version_document(version: Version) -> dict[str, Any]:
    """`history show --json`: the row of `history --json` with everything that the version holds."""
    return {
        **version.to_json(),
        "items": [dict(item) for item in version.items],
        "tenants": {name: state.to_json() for name, state in sorted(version.tenants.items())},
        "resources": [applied.to_json() for _, applied in sorted(version.resources.items())],
        "documents": dict(sorted(version.documents.items())),
    }


def differences_text(older: Version, newer: Version, rows: Sequence[Difference], style: Style = PLAIN) -> str:
    """From the older version to the newer one, resource by resource."""
    head = style.bold(f"{plain(older.label)} → {plain(newer.label)}")
    if not rows:
        return f"{head}  no difference\n"
    lines = [f"{head}  {count(len(rows), 'resource')} {'differs' if len(rows) == 1 else 'differ'}", ""]
    for row in rows:
        lines.append(f"  {style.symbol(_SIGNS.get(row.action, '~'))} {plain(str(row.address))}")
        for field in row.fields if row.action == "update" else ():
            mark = style.symbol(sign(row.address.kind, field))
            lines.append(f"      {mark} {plain(field.path)}  {transition(row.address.kind, field)}")
    return "\n".join(lines) + "\n"


def differences_document(older: Version, newer: Version, rows: Sequence[Difference]) -> dict[str, Any]:
    """`history diff --json`."""
    changes = [
        {"resource": str(r.address), "action": r.action, "fields": [f.to_json() for f in r.fields]} for r in rows
    ]
    return {"from": older.label, "to": newer.label, "changes": changes}


def _item(item: Mapping[str, Any], style: Style) -> list[str]:
    mark = style.symbol(_SIGNS.get(str(item.get("action", "")), "~"))
    result = str(item.get("result", ""))
    paint = style.green if result == "done" else style.red
    said = f": {cut(plain(str(item['message'])), 300)}" if item.get("message") else ""
    lines = [f"  {mark} {plain(str(item.get('resource', '')))}  {paint(plain(result))}{said}"]
    return [*lines, *(f"      {_field(field)}" for field in item.get("fields") or ())]


def _field(field: Any) -> str:
    if not isinstance(field, Mapping):
        return cut(plain(json_text(field).strip()), 200)
    path = plain(str(field.get("path", "")))
    if field.get("sensitive"):
        return f"{path}  {SENSITIVE}"
    return f"{path}  {shown(field.get('from'))} → {shown(field.get('to'))}"
