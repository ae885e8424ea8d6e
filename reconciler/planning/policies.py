"""What policies say of changes: `verdicts` is the rule, for a plan (the guard `policy`) and for a policy's tests.

A policy that cannot be judged counts as one that holds: what it is about is refused (or warned of), with the reason.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import translate
from functools import cache
from typing import Any

from reconciler.model.guards import Guards
from reconciler.model.ids import FLEET, Address, Target
from reconciler.model.plan import Change, GuardVerdict, Verdict
from reconciler.model.policies import FACTS, Answer, Asked, Expressions, Question
from reconciler.model.spec_policies import Each, Exemption, Policy, PolicyScope
from reconciler.planning.facts import Facts
from reconciler.planning.policy_facts import Row, rows

MOST_TOLD = 20
"""Targets that one policy names one by one; of more, the first stands for all."""
_HOLE = re.compile(r"\{\{(.*?)\}\}")
_WIDE = 600


@dataclass(frozen=True, slots=True)
class Subject:
    """What an expression is asked about once: the facts, and the places of the rows they are made of (none: all)."""

    facts: Row
    rows: tuple[int, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Said:
    """A policy (by its place) about a subject. `error`: it could not be judged; `exempt`: by which exemption it only
    warns; `lapsed`: one that holds no more."""

    policy: int
    subject: Subject
    message: str
    error: str = ""
    exempt: Exemption | None = None
    lapsed: Exemption | None = None


def policies(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """The guard: the policies of the branch that the plan goes to, never those of a pull request's head."""
    laws = facts.laws
    if laws.unreadable and changes:
        yield GuardVerdict("policy", FLEET, Verdict.REFUSE, laws.unreadable)
    if laws.written is None or not changes:
        return
    chosen = laws.written.document.spec.policies
    if not chosen:
        return
    table = rows(facts, changes, used_by(chosen))
    said = verdicts(chosen, table, facts.expressions, facts.now.date())
    of: dict[int, list[Said]] = defaultdict(list)
    for one in said:
        of[one.policy].append(one)
    for index, found in sorted(of.items()):
        line = laws.written.at("spec", "policies", index, "name")
        where = f"{line} at {laws.commit[:10]}" if laws.commit else line
        yield from _told(chosen[index], where, found, changes)
    if not of:
        yield GuardVerdict("policy", FLEET, Verdict.PASS, f"{len(chosen)} held")


def verdicts(chosen: Sequence[Policy], table: Sequence[Row], expressions: Expressions, today: date) -> list[Said]:
    """Whatever policies have to say, in their order and that of the rows."""
    asked: list[tuple[int, Subject]] = []
    for index, policy in enumerate(chosen):
        asked += [(index, subject) for subject in _subjects(policy, table)]
    questions = [Question(p.when, p.each, "BOOL") for p in chosen]
    held = _ask(expressions, questions, asked)
    hits = [
        (index, subject, a) for (index, subject), (a,) in zip(asked, held, strict=True) if a.error or a.value is True
    ]
    messages = _messages(chosen, [(i, s) for i, s, _ in hits], expressions)
    result = []
    for (index, subject, answer), message in zip(hits, messages, strict=True):
        fitting = [e for e in chosen[index].exemptions if _fits(subject.target, e.targets)]
        exempt = next((e for e in fitting if e.last_day >= today), None)
        lapsed = None if exempt is not None or not fitting else fitting[-1]
        result.append(Said(index, subject, message, answer.error, exempt, lapsed))
    return result


def outcome(policy: Policy, said: Said) -> Verdict:
    refuses = policy.verdict == "deny" and said.exempt is None
    return Verdict.REFUSE if refuses else Verdict.WARN


def questions_of(policy: Policy) -> list[tuple[str, Question]]:
    """(field, expression) of everything that is written in CEL."""
    held = [("when", Question(policy.when, policy.each, "BOOL"))]
    return held + [("message", Question(hole, policy.each)) for hole in holes(policy.message)]


def holes(message: str) -> list[str]:
    return [found.strip() for found in _HOLE.findall(message)]


def used_by(chosen: Iterable[Policy]) -> frozenset[str]:
    """Names of facts that stand anywhere in these policies' expressions; perhaps more than they use."""
    texts = [text for p in chosen for text in (p.when, *holes(p.message))]
    names = {name for facts in FACTS.values() for name in facts}
    return frozenset(name for name in names if any(name in text for text in texts))


# --- what is asked --------------------------------------------------------------------------------------------------


def applies(scope: PolicyScope, row: Row) -> bool:
    """Whether a change, with its tenant, is what a policy is about."""
    tests: tuple[tuple[Collection[str] | None, str], ...] = (
        (scope.kinds, row.get("change.kind", "")), (scope.targets, row.get("change.target", "")),
        (scope.tiers, row.get("tenant.tier", "")),
    )  # fmt: skip
    if scope.actions is not None and row.get("change.action", "") not in scope.actions:
        return False
    if any(globs is not None and not _fits(value, globs) for globs, value in tests):
        return False
    if scope.owners is not None and not any(_fits(owner, scope.owners) for owner in row.get("tenant.owners", ())):
        return False
    labels = row.get("tenant.labels", {})
    return all(labels.get(key) == value for key, value in (scope.labels or {}).items())


def _subjects(policy: Policy, table: Sequence[Row]) -> Iterator[Subject]:
    fitting = [(number, row) for number, row in enumerate(table) if applies(policy.applies_to, row)]
    names = FACTS[policy.each].keys() & {*used_by([policy]), "tenant.name", "shard.name"}
    if policy.each is Each.CHANGE:
        for number, row in fitting:
            yield Subject(_only(row, names), (number,), str(row.get("change.target", "")))
    elif policy.each is Each.PLAN and fitting:
        numbers = () if len(fitting) == len(table) else tuple(number for number, _ in fitting)
        yield Subject(_only(fitting[0][1], names), numbers, "fleet")
    elif policy.each is Each.TENANT:
        of: dict[str, list[tuple[int, Row]]] = defaultdict(list)
        for number, row in fitting:
            if "tenant.name" in row:
                of[row["tenant.name"]].append((number, row))
        for name, mine in of.items():
            facts = {**_only(mine[0][1], names), "changes": [_short(row) for _, row in mine]}
            yield Subject(facts, tuple(number for number, _ in mine), f"tenant/{name}")


def _only(row: Row, names: Collection[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _short(row: Row) -> dict[str, Any]:
    wanted = ("action", "kind", "environment", "drift", "data", "paths")
    return {name: row[f"change.{name}"] for name in wanted if f"change.{name}" in row}


def _ask(
    expressions: Expressions, questions: Sequence[Question], asked: Sequence[tuple[int, Subject]]
) -> Sequence[Sequence[Answer]]:
    """One answer for each, in order. What concerns the same rows is asked together: the facts travel once."""
    together: dict[tuple[Each, tuple[int, ...], str], list[int]] = defaultdict(list)
    for number, (index, subject) in enumerate(asked):
        together[questions[index].each, subject.rows, subject.target].append(number)
    groups = list(together.values())
    rows = [
        Asked(tuple(asked[n][0] for n in group), {k: v for n in group for k, v in asked[n][1].facts.items()})
        for group in groups
    ]
    result: dict[int, Answer] = {}
    for group, answers in zip(groups, expressions.answers(questions, rows) if rows else [], strict=True):
        result |= dict(zip(group, answers, strict=True))
    return [[result[number]] for number in range(len(asked))]


def _messages(chosen: Sequence[Policy], hits: Sequence[tuple[int, Subject]], expressions: Expressions) -> list[str]:
    questions: list[Question] = []
    place: dict[int, tuple[int, ...]] = {}
    for index in dict.fromkeys(index for index, _ in hits):
        own = [q for field, q in questions_of(chosen[index]) if field == "message"]
        place[index] = tuple(range(len(questions), len(questions) + len(own)))
        questions += own
    asking = [(index, subject) for index, subject in hits if place[index]]
    answers = iter(expressions.answers(questions, [Asked(place[i], s.facts) for i, s in asking]) if asking else [])
    return [_filled(chosen[i].message, next(answers) if place[i] else []) for i, _ in hits]


def _filled(message: str, answers: Sequence[Answer]) -> str:
    said = iter(answers)
    return _HOLE.sub(lambda _: _words(next(said)), message)


def _words(answer: Answer) -> str:
    if answer.error or answer.none:
        return "(unknown)"
    value = answer.value
    if isinstance(value, list):
        return ", ".join(_words(Answer(one)) for one in value)
    return value[:200] if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:200]


# --- what is told ---------------------------------------------------------------------------------------------------


def _told(policy: Policy, where: str, found: Sequence[Said], changes: Sequence[Change]) -> Iterator[GuardVerdict]:
    """One verdict a target and message; of many targets one for all, which still refuses its own items alone."""
    grouped: dict[tuple[Verdict, str, str], list[Address]] = defaultdict(list)
    for said in found:
        key = outcome(policy, said), said.subject.target, sentence(policy, where, said)
        grouped[key] += [changes[number].address for number in said.subject.rows]
    for verdict in (Verdict.REFUSE, Verdict.WARN):
        mine = {key: items for key, items in grouped.items() if key[0] is verdict}
        targets = {target for _, target, _ in mine}
        if len(targets) <= MOST_TOLD:
            for (_, target, message), items in mine.items():
                yield GuardVerdict("policy", Target.parse(target), verdict, message, tuple(items))
            continue
        (_, first, message), _ = next(iter(mine.items()))
        text = f"{message} ({first}, and {len(targets) - 1:,} more targets)"
        yield GuardVerdict("policy", FLEET, verdict, text, tuple(a for items in mine.values() for a in items))


def sentence(policy: Policy, where: str, said: Said) -> str:
    what = f"{policy.name} ({where}): "
    what += f"it cannot be judged: {said.error}" if said.error else said.message
    if said.exempt is not None:
        what += f". Exempt until {said.exempt.until} by {said.exempt.by}: {said.exempt.why}"
    elif said.lapsed is not None:
        what += f". Its exemption held until {said.lapsed.until} ({said.lapsed.by})"
    return what if len(what) <= _WIDE else what[: _WIDE - 1] + "…"


def _fits(value: str, globs: Iterable[str]) -> bool:
    return any(_pattern(glob)(value) is not None for glob in globs)


@cache
def _pattern(glob: str) -> Callable[[str], object]:
    return re.compile(translate(glob)).match  # `translate` keeps many * from being tried in every combination
