"""Who changed which field of which file, and whether it was theirs to change: between a base and a head.

What counts is what is left at the head: a value that somebody wrote and somebody else wrote over is nobody's trespass.
Who wrote it is told by git's author, which is a claim that anybody can make; where the code host says whose pull
request it is, by an id that never changes hands, everything in it counts as that person's and git is not asked.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.fleet import Path
from reconciler.model.ids import FLEET, Target, TargetKind
from reconciler.model.policies import Base, Trespass
from reconciler.model.ports import Authored, Repository
from reconciler.model.spec_policies import Ownership
from reconciler.source.document import MAX_BYTES, Parsed, parse
from reconciler.source.paths import Place, place

MOST_NAMED = 3
"""Fields that one verdict names."""
MOST_SHOWN = 20
"""Fields of one file that have a diagnostic of their own."""
_MISSING = object()


def trespasses(repository: Repository, owned: Ownership, base: Base, head: str) -> tuple[Trespass, ...]:
    """One for each target, in the order of the paths. Raises InputError for a history that cannot be read."""
    judge = _Judge(repository, owned, base, head, repository.fork_point(base.commit, head))
    return tuple(judge.found())


def may(owned: Ownership, path: Path, who: frozenset[str], owners: frozenset[str]) -> bool:
    """Whether somebody in these groups may change a field of a tenant that these groups own."""
    return bool(_allowed(_rule(owned, path), owners) & {*who, "anyone"})


def _rule(owned: Ownership, path: Path) -> Sequence[str]:
    return next((r.may for r in owned.rules if any(_covers(glob, path) for glob in r.fields)), owned.otherwise)


def _allowed(names: Iterable[str], owners: frozenset[str]) -> frozenset[str]:
    chosen = frozenset(names)
    return (chosen - {"owners"}) | (owners if "owners" in chosen else frozenset())


def _covers(glob: str, path: Path) -> bool:
    """Whether a field is what a glob names, or lies below it."""
    return _fits(tuple(glob.split(".")), tuple(map(str, path)))


@cache
def _fits(globs: tuple[str, ...], steps: tuple[str, ...]) -> bool:
    if not globs:
        return True
    if globs[0] == "**":
        return any(_fits(globs[1:], steps[n:]) for n in range(len(steps) + 1))
    return bool(steps) and re.match(translate(globs[0]), steps[0]) is not None and _fits(globs[1:], steps[1:])


def groups_by_id(owned: Ownership, user: str) -> frozenset[str]:
    """Of a user of a code host, "github:583231"."""
    return frozenset(name for name, members in owned.groups.items() if user in members)


def groups_by_address(owned: Ownership, address: str) -> frozenset[str]:
    """Of a git author, who may write anything there: an address that reads like an id is none."""
    said = address.strip().casefold()
    return frozenset(name for name, members in owned.groups.items() if any(_is(one, said) for one in members))


def _is(member: str, said: str) -> bool:
    written = member.casefold()
    if said.count("@") != 1:
        return False
    return said.endswith(written[1:]) if written.startswith("*@") else written == said


def changed_fields(before: Any, after: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of the values that differ; lists as a whole."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*after, *(k for k in before if k not in after)]:
            yield from changed_fields(before.get(key, _MISSING), after.get(key, _MISSING), (*path, key))
    elif before is _MISSING and isinstance(after, Mapping) and after:
        for key, value in after.items():
            yield from changed_fields(_MISSING, value, (*path, key))
    elif after is _MISSING and isinstance(before, Mapping) and before:
        for key, value in before.items():
            yield from changed_fields(value, _MISSING, (*path, key))
    elif before is _MISSING or after is _MISSING or type(before) is not type(after) or before != after:
        yield path


def value_at(value: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return _MISSING
        value = value[step]
    return value


@dataclass(slots=True)
class _Judge:
    repository: Repository
    owned: Ownership
    base: Base
    head: str
    fork: str
    _parsed: dict[str, Parsed] = field(default_factory=dict)

    def found(self) -> Iterator[Trespass]:
        if self.base.author:
            who = groups_by_id(self.owned, self.base.author)
            if self._may_all(who):
                return
            commits: list[tuple[Authored, frozenset[str]]] = []
            paths: Iterable[str] = self.repository.changed(self.fork, self.head)
        else:
            by = [
                (c, groups_by_address(self.owned, c.author.address))
                for c in self.repository.since(self.base.commit, self.head)
            ]
            commits = [(c, who) for c, who in by if not self._may_all(who)]
            paths = sorted({path for commit, _ in commits for path in self._touched(commit)})
            who = frozenset()
        for path in paths:
            where = place(path)
            trespass = self._in(path, where, commits, who) if where is not None else None
            if trespass is not None:
                yield trespass

    def _may_all(self, who: frozenset[str]) -> bool:
        rules = [*(rule.may for rule in self.owned.rules), self.owned.otherwise]
        return all(_allowed(names, frozenset()) & {*who, "anyone"} for names in rules)

    def _touched(self, commit: Authored) -> frozenset[str]:
        """Paths that a commit has otherwise than each of its parents: of a merge, what it made itself."""
        each = [frozenset(self.repository.changed(parent, commit.author.commit)) for parent in commit.parents]
        if not each:
            return frozenset(file.path for file in self.repository.files(commit.author.commit))
        return frozenset.intersection(*each)

    def _in(
        self, path: str, where: Place, commits: Sequence[tuple[Authored, frozenset[str]]], who: frozenset[str]
    ) -> Trespass | None:
        before, after = self._read(self.fork, path), self._read(self.head, path)
        if not after.ok:
            return None  # it cannot be read, so nothing of it is applied
        differs = list(changed_fields(_content(before), _content(after)))
        owners = frozenset(_owners(self._read(self.base.commit, path).value))
        wrong: list[tuple[Path, str]] = []
        for name in differs:
            if self.base.author:
                culprit = "" if self._may(where, name, who, owners) else self.base.author
            else:
                culprit = self._culprit(path, where, name, commits, owners)
            if culprit:
                wrong.append((name, culprit))
        return self._told(path, where, after, wrong) if wrong else None

    def _may(self, where: Place, name: Path, who: frozenset[str], owners: frozenset[str]) -> bool:
        if where.kind == "Tenant":
            return may(self.owned, name, who, owners)
        return bool(_allowed(self.owned.otherwise, frozenset()) & {*who, "anyone"})

    def _culprit(
        self, path: str, where: Place, name: Path, commits: Sequence[tuple[Authored, frozenset[str]]],
        owners: frozenset[str],
    ) -> str:  # fmt: skip
        """The address of one who wrote what the head says there and may not; "" when nobody did."""
        left = value_at(self._read(self.head, path).value, name)
        for commit, who in commits:
            if self._may(where, name, who, owners):
                continue
            wrote = value_at(self._read(commit.author.commit, path).value, name)
            had = [value_at(self._read(parent, path).value, name) for parent in commit.parents]
            if wrote == left and all(value != wrote for value in had):
                return commit.author.address
        return ""

    def _told(self, path: str, where: Place, after: Parsed, wrong: Sequence[tuple[Path, str]]) -> Trespass:
        target = {"Tenant": Target(TargetKind.TENANT, where.name), "Shard": Target(TargetKind.SHARD, where.shard)}.get(
            where.kind, FLEET
        )
        named = [_dotted(name) for name, _ in wrong[:MOST_NAMED]]
        more = f" and {len(wrong) - MOST_NAMED:,} more" if len(wrong) > MOST_NAMED else ""
        message = f"{self._said(wrong[0][1])} may not change {', '.join(named)}{more} of {path}: "
        message += f"{self._who(where, wrong[0][0])} (spec.ownership at {self.base.commit[:10]})"
        return Trespass(target, message, tuple(self._diagnostics(where, after, wrong, str(target))))

    def _diagnostics(
        self, where: Place, after: Parsed, wrong: Sequence[tuple[Path, str]], target: str
    ) -> Iterator[Diagnostic]:
        help_ = "take it out of this pull request, or have one of them change it"
        for name, culprit in wrong[:MOST_SHOWN]:
            at = after.near(name)
            message = f"{self._said(culprit)} may not change {_dotted(name)}: {self._who(where, name)}"
            yield Diagnostic(
                "AP503", Severity.ERROR, message, after.path, at, help_, after.line(at.line), target
            )  # fmt: skip

    def _said(self, culprit: str) -> str:
        return culprit if self.base.author else f"{culprit} (by git's author, which is a claim and no proof)"

    def _who(self, where: Place, name: Path) -> str:
        names = _rule(self.owned, name) if where.kind == "Tenant" else self.owned.otherwise
        return f"{' or '.join(names)} may" if names else "nobody may"

    def _read(self, commit: str, path: str) -> Parsed:
        blob = self.repository.blob(commit, path) if commit else ""
        if blob not in self._parsed:
            content = self.repository.read(blob, MAX_BYTES) if blob else b""
            self._parsed[blob] = parse(content, path) if blob else Parsed(path, None, {}, {}, (), "")
        return self._parsed[blob]


def _content(parsed: Parsed) -> Any:
    return _MISSING if parsed.value is None else parsed.value


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))[:200] or "what it is"


def _owners(value: Any) -> list[str]:
    owners = value_at(value, ("metadata", "owners"))
    return [one for one in owners if isinstance(one, str)] if isinstance(owners, list) else []
