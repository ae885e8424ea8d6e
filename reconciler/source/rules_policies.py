"""What must hold of fleet.yaml's policies and ownership, and what a head changes of them. Pure.

Whether an expression compiles is no question for this stage: `uncompiled` only says where one that does not stands.
"""

from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.fleet import Fleet, Path, Written
from reconciler.model.policies import Flaw
from reconciler.model.spec import FleetDocument
from reconciler.model.spec_policies import Policy
from reconciler.source.notes import about, error, position, warning

_ALWAYS = ("owners", "anyone")


def policies(fleet: Fleet, written: Written[FleetDocument]) -> Iterator[Diagnostic]:
    """Names are given once, days are in the calendar, groups are there."""
    seen: set[str] = set()
    for index, policy in enumerate(written.document.spec.policies):
        path: Path = ("spec", "policies", index)
        if policy.name in seen:
            yield error(written, "AP228", f"There are two policies `{policy.name}`", (*path, "name"), "rename one")
        seen.add(policy.name)
        for number, exemption in enumerate(policy.exemptions):
            where: Path = (*path, "exemptions", number)
            if not _in_the_calendar(exemption.until):
                message = f"The calendar has no day {exemption.until}"
                yield error(written, "AP216", message, (*where, "until"), "write YYYY-MM-DD")
            for target in exemption.targets:
                if (
                    target.startswith("tenant/")
                    and "*" not in target
                    and target[7:].partition("@")[0] not in fleet.where
                ):
                    message = f"The exemption names {target}, which is no tenant of this fleet"
                    yield warning(written, "AP229", message, (*where, "targets"), "it exempts nobody; remove it")
    yield from _ownership(written)


def _ownership(written: Written[FleetDocument]) -> Iterator[Diagnostic]:
    owned = written.document.spec.ownership
    if owned is None:
        return
    path: Path = ("spec", "ownership")
    uses = [(("rules", n, "may"), rule.may) for n, rule in enumerate(owned.rules)]
    for steps, names in [*uses, (("otherwise",), owned.otherwise)]:
        for name in names:
            if name not in owned.groups and name not in _ALWAYS:
                close = get_close_matches(name, list(owned.groups), n=1)
                help_ = f"did you mean {close[0]}?" if close else "add it under spec.ownership.groups"
                yield error(written, "AP230", f"There is no group `{name}`", (*path, *steps), help_)


def _in_the_calendar(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def uncompiled(written: Written[FleetDocument], index: int, field: str, flaw: Flaw) -> Diagnostic:
    """`field`: "when" or "message" of the policy at that place of the list."""
    name = written.document.spec.policies[index].name
    path: Path = ("spec", "policies", index, field)
    message = f"The policy `{name}` cannot be compiled: `{field}`: {flaw.why}"
    help_ = "`aipress policy facts` lists what an expression may use"
    found = about(written, "AP231", message, path, help_)
    if field != "when":
        return found
    at = _inside(written, position(written, path), flaw)
    lines = written.text.splitlines()
    return Diagnostic(
        found.code, found.severity, found.message, found.file, at, found.help, lines[at.line - 1][:1000]
    )  # fmt: skip


def _inside(written: Written[FleetDocument], start: Position, flaw: Flaw) -> Position:
    """Where in the file a place in an expression is; its start, where folding keeps no lines apart."""
    lines = written.text.splitlines()
    first = lines[start.line - 1][start.column - 1 :]
    if first.startswith("|") and start.line + flaw.line <= len(lines):
        row = lines[start.line + flaw.line - 1]
        return Position(start.line + flaw.line, len(row) - len(row.lstrip()) + flaw.column, 1)
    if first[:1] not in ("|", ">") and flaw.line == 1 and flaw.column <= start.width:
        return Position(start.line, start.column + flaw.column - 1 + (first[:1] in ('"', "'")), 1)
    return start


def changed_laws(
    before: Written[FleetDocument] | None, after: Written[FleetDocument] | None, base: str
) -> Iterator[Diagnostic]:
    """What a head makes of policies and ownership: it counts from the merge on, and a reviewer must see it."""
    if after is None:
        return
    old: dict[str, Policy] = {p.name: p for p in before.document.spec.policies} if before else {}
    new = {p.name: (index, p) for index, p in enumerate(after.document.spec.policies)}
    told: list[tuple[Path, str]] = []
    told += [(("spec", "policies"), f"policy `{name}` is taken away") for name in old.keys() - new.keys()]
    for name, (index, policy) in new.items():
        if name not in old or _law(old[name]) != _law(policy):
            word = "is new" if name not in old else "changes"
            told.append((("spec", "policies", index, "name"), f"policy `{name}` {word}"))
    owned = before.document.spec.ownership if before else None
    if owned != after.document.spec.ownership:
        told.append((("spec", "ownership"), "who may change which field (`ownership`) changes"))
    spec = before.document.spec if before else None
    for name, same in (("guards", spec is None or spec.guards == after.document.spec.guards),
                       ("waves", spec is None or spec.waves == after.document.spec.waves)):  # fmt: skip
        if not same:
            told.append((("spec", name), f"`{name}` change"))
    help_ = f"review it as what it is; this plan is held to what stands at {base[:10]}"
    for path, what in sorted(told, key=str):
        yield about(after, "AP302", f"From the merge on: {what}", path, help_, severity=Severity.WARNING)


def _law(policy: Policy) -> dict[str, Any]:
    return policy.model_dump(exclude={"tests", "description"})
