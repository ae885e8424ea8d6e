"""`aipress policy test`: the cases that policies are held to, each with what came of it. Offline.

Cases stand beside their policy in fleet.yaml, so that one diff shows both and a commit can never hold one without the
other; more of them may be named as files, for those who keep many.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reconciler.model.diagnostic import Position
from reconciler.model.errors import InputError
from reconciler.model.fleet import Written
from reconciler.model.policies import FACTS, Expressions
from reconciler.model.spec import FleetDocument
from reconciler.model.spec_policies import Each, Policy, PolicyCases, PolicyTest
from reconciler.planning.policies import outcome, verdicts
from reconciler.source.document import MAX_BYTES, parse

NOW = "2026-01-01T00:00:00+00:00"
"""`now` of a case that does not say."""
_EMPTY: Mapping[str, Any] = {"string": "", "int": 0, "bool": False, "double": 0.0, "timestamp": NOW}


@dataclass(frozen=True, slots=True)
class Case:
    """`where`: its file:line."""

    policy: Policy
    test: PolicyTest
    where: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a case: pass, warn, deny or error; `message` is the policy's, `why` tells an error."""

    case: Case
    got: str
    message: str = ""
    why: str = ""

    @property
    def passed(self) -> bool:
        test = self.case.test
        return self.got == test.expect and (test.message is None or test.message in self.message)


def cases_in(written: Written[FleetDocument]) -> list[Case]:
    policies = written.document.spec.policies
    return [
        Case(policy, test, written.at("spec", "policies", index, "tests", number))
        for index, policy in enumerate(policies)
        for number, test in enumerate(policy.tests)
    ]


def cases_of(file: Path, written: Written[FleetDocument]) -> list[Case]:
    """Of a file with `tests:`, each with its `policy`. Raises InputError for one that is no such file."""
    try:
        with file.open("rb") as opened:
            parsed = parse(opened.read(MAX_BYTES + 1), str(file))
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})", "name a file of policy tests") from error
    if parsed.diagnostics:
        raise InputError(f"{parsed.diagnostics[0].where}: {parsed.diagnostics[0].message}", "mend the file")
    try:
        rows = PolicyCases.model_validate(parsed.value).tests
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = parsed.near(tuple(first["loc"]))
        raise InputError(f"{file}:{at.line}: {first['msg']}", "tests: [{ policy, name, given, expect }]") from error
    known = {policy.name: policy for policy in written.document.spec.policies}
    found = []
    for number, row in enumerate(rows):
        at = parsed.positions.get(("tests", number), Position())
        if row.policy not in known:
            close = get_close_matches(row.policy, list(known), n=1)
            hint = f"did you mean {close[0]}?" if close else "it stands under spec.policies of fleet.yaml"
            raise InputError(f"{file}:{at.line}: there is no policy {row.policy}", hint)
        found.append(Case(known[row.policy], row, f"{file}:{at.line}"))
    return found


def tried(cases: Sequence[Case], expressions: Expressions) -> list[Tried]:
    """Every case, in order. Cases of one policy about single changes are asked together: a process for each is slow."""
    result: dict[int, Tried] = {}
    together: dict[tuple[str, str], list[tuple[int, list[dict[str, Any]]]]] = {}
    for number, case in enumerate(cases):
        try:
            rows = list(_rows(case))
        except InputError as error:
            result[number] = Tried(case, "error", why=str(error))
            continue
        alone = "" if case.policy.each is Each.CHANGE else str(number)
        together.setdefault((case.policy.name, alone or str(rows[0]["now"])[:10]), []).append((number, rows))
    for group in together.values():
        policy = cases[group[0][0]].policy
        table = [row for _, rows in group for row in rows]
        today = datetime.fromisoformat(table[0]["now"]).date()
        of = {at: s for s in verdicts([policy], table, expressions, today) for at in s.subject.rows or (0,)}
        for place, (number, _) in enumerate(group):
            said = of.get(place) if policy.each is Each.CHANGE else next(iter(of.values()), None)
            got = "pass" if said is None else "error" if said.error else _word(outcome(policy, said))
            result[number] = Tried(cases[number], got, said.message if said else "", said.error if said else "")
    return [result[number] for number in range(len(cases))]


def _word(verdict: str) -> str:
    return "deny" if verdict == "refuse" else "warn"


def _rows(case: Case) -> Iterator[dict[str, Any]]:
    """The facts of a case, what it does not give being empty. Raises InputError for a fact that there is not."""
    given = _flat(case.test.given)
    changes = given.pop("changes", None)
    known = {name: fact for facts in FACTS.values() for name, fact in facts.items()}
    for name in given:
        if name not in known:
            close = get_close_matches(name, list(known), n=1)
            raise InputError(f"there is no fact {name}" + (f"; did you mean {close[0]}?" if close else ""))
    base = {name: _value(fact.kind, given.get(name)) for name, fact in known.items() if name != "changes"}
    base["tenant.name"] = given.get("tenant.name", "example")
    target = given.setdefault("change.target", f"tenant/{base['tenant.name']}")
    base["change.target"] = target
    left_out: tuple[str, ...] = () if str(target).startswith("tenant/") else ("tenant.",)
    left_out += ("shard.",) if target == "fleet" else ()
    row = {name: value for name, value in base.items() if not name.startswith(left_out or ("\0",))}
    try:
        row["now"] = datetime.fromisoformat(str(row["now"])).isoformat()
    except ValueError as error:
        raise InputError(f"now: {row['now']!r} is no time", "write 2026-12-31T09:00:00Z") from error
    if case.policy.each is Each.CHANGE or not isinstance(changes, list):
        yield row
        return
    for change in changes:
        inner = _flat({"change": change}) if isinstance(change, Mapping) else {}
        yield {**row, **{name: _value(known[name].kind, value) for name, value in inner.items() if name in known}}


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """{change: {action: delete}} -> {"change.action": "delete"}."""
    flat: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, Mapping) and name in ("change", "tenant", "shard", "plan", "fleet"):
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            flat[name] = value
    return flat


def _value(kind: str, given: Any) -> Any:
    if given is None:
        empty: Any = [] if kind.startswith("list") else {}
        return _EMPTY.get(kind, empty)
    return float(given) if kind == "double" and isinstance(given, int) else given
