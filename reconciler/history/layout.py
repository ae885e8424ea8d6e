"""How a version lies in a git tree: files in, files out, and the checks that what is read is what was written.

version.json                       who, when, what, digests of the rest
documents/<path in the fleet>      the applied texts
resources/<target>/<kind>/<key>.json   one resource each, so that versions share what did not change
outcome.json                       what happened per change
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from reconciler.model.canonical import digest
from reconciler.model.ids import Address
from reconciler.model.shape import OBJECT, ROWS, TEXT, Shape, shaped
from reconciler.model.version import Applied, TenantState, Version

FORMAT = "aipress.version/1"
HEADING = "version.json"
OUTCOME = "outcome.json"
DOCUMENTS = "documents/"
RESOURCES = "resources/"
LISTED = 40
"""Changes named in a commit message; the rest is in outcome.json."""


def files(version: Version) -> dict[str, bytes]:
    """path -> content of every file of a version."""
    resources = {str(a): applied.to_json() for a, applied in version.resources.items()}
    items = [dict(row) for row in version.items]
    heading = {
        "format": FORMAT, "shard": version.shard, "number": version.number, "parent": version.parent,
        "at": version.at.isoformat(), "actor": version.actor, "trigger": version.trigger,
        "fleetCommit": version.fleet_commit, "plan": version.plan, "result": version.result,
        "summary": version.summary, "tenants": {name: t.to_json() for name, t in version.tenants.items()},
        "digests": {
            "resources": digest(resources), "documents": digest(dict(version.documents)), "outcome": digest(items),
        },
    }  # fmt: skip
    if version.audit:
        heading["audit"] = version.audit
    result = {HEADING: _readable(heading), OUTCOME: _readable(items)}
    for path, text in version.documents.items():
        result[DOCUMENTS + path] = text.encode()
    for address in version.resources:
        result[_resource_path(address)] = _readable(resources[str(address)])
    return result


def brief(identity: str, parent: str | None, heading: bytes, outcome: bytes) -> Version:
    """A version without its resources and documents. Raises ValueError when it is not one or does not add up."""
    row, items = _loaded(HEADING, heading), _loaded(OUTCOME, outcome)
    try:
        shaped(row, _HEADING)
        shaped({OUTCOME: items}, {OUTCOME: ROWS})
        tenants = {name: _tenant(t) for name, t in row["tenants"].items()}
        at = datetime.fromisoformat(row["at"])
        if at.tzinfo is None:
            raise ValueError("the zone of its time")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{HEADING} lacks or misspells {error}") from error
    if row["format"] != FORMAT:
        raise ValueError(f"its format is {row['format'][:40]!r}, and this release reads {FORMAT!r}")
    if row["parent"] != parent:
        raise ValueError(f"version {row['number']} says that it follows {row['parent']}, and git says {parent}")
    if digest(items) != row["digests"].get("outcome"):
        raise ValueError(f"the outcome of version {row['number']} is not the one that was written")
    return Version(
        id=identity, parent=parent, shard=row["shard"], number=row["number"], at=at, actor=row["actor"],
        trigger=row["trigger"], fleet_commit=row["fleetCommit"], plan=row["plan"], result=row["result"],
        summary=row["summary"], tenants=tenants, items=tuple(items), audit=str(row.get("audit", "")),
    )  # fmt: skip


def whole(identity: str, parent: str | None, content: Mapping[str, bytes]) -> Version:
    """A version with all it holds. Raises ValueError when a file is missing, wrong or not the one written."""
    for name in (HEADING, OUTCOME):
        if name not in content:
            raise ValueError(f"{name} is missing")
    version = brief(identity, parent, content[HEADING], content[OUTCOME])
    rows: dict[str, Any] = {}
    documents: dict[str, str] = {}
    for path, data in content.items():
        if path.startswith(RESOURCES):
            row = shaped(_loaded(path, data), _RESOURCE)
            rows[row["resource"]] = row
        elif path.startswith(DOCUMENTS):
            documents[path.removeprefix(DOCUMENTS)] = data.decode()
    wanted = _loaded(HEADING, content[HEADING])["digests"]
    for name, value in (("resources", rows), ("documents", documents)):
        if digest(value) != wanted.get(name):
            raise ValueError(f"the {name} of version {version.number} are not those that were written")
    resources = {Address.parse(address): Applied.from_json(row) for address, row in rows.items()}
    return replace(version, resources=resources, documents=documents)


_HEADING: Mapping[str, Shape] = {
    "format": TEXT, "shard": TEXT, "number": (int,), "parent": (str, type(None)), "at": TEXT, "actor": TEXT,
    "trigger": TEXT, "fleetCommit": TEXT, "plan": TEXT, "result": TEXT, "summary": TEXT, "tenants": OBJECT,
    "digests": OBJECT,
}  # fmt: skip
_RESOURCE: Mapping[str, Shape] = {
    "resource": TEXT, "name": TEXT, "parent": TEXT, "body": OBJECT, "uid": TEXT, "owner": TEXT,
}  # fmt: skip


def _tenant(row: Any) -> TenantState:
    return TenantState.from_json(shaped(row, {"uid": TEXT, "state": TEXT, "since": TEXT}))


def _loaded(name: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no JSON that we wrote ({str(error)[:100]})") from error


def message(version: Version) -> str:
    """A commit message that reads well in plain `git log`."""
    lines = [
        f"{version.label}: {_one_line(version.summary, 120)}", "",
        f"result: {version.result}", f"plan: {version.plan}", f"fleet-commit: {version.fleet_commit}",
        f"actor: {_one_line(version.actor, 200)}", f"trigger: {_one_line(version.trigger, 200)}",
    ]  # fmt: skip
    if version.items:
        lines.append("")
    for row in version.items[:LISTED]:
        why = f" ({_one_line(str(row['message']), 160)})" if row.get("message") else ""
        lines.append(f"  {row.get('action')} {row.get('resource')}: {row.get('result')}{why}")
    if len(version.items) > LISTED:
        lines.append(f"  … and {len(version.items) - LISTED} more, in {OUTCOME}")
    return "\n".join(lines) + "\n"


def _resource_path(address: Address) -> str:
    key = address.key.replace("%", "%25").replace("/", "%2F")
    return f"{RESOURCES}{address.target}/{address.kind}/{key}.json"


def _readable(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _one_line(text: str, limit: int) -> str:
    """Control characters and line breaks out: a summary must not be able to forge another line."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
