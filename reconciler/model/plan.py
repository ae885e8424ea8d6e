"""A plan: frozen, ordered Changes for a scope, with its guards' verdicts, its parents and its digest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from reconciler.model.canonical import Body, digest
from reconciler.model.cost import PlanCost
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.ids import Address, Target
from reconciler.model.planned import Planned
from reconciler.model.resource import Ref, refs_in
from reconciler.model.shape import NAMES, OBJECT, ROWS, TEXT, YES_OR_NO, Shape, shaped

FORMAT = "aipress.plan/1"
FORBIDDEN_READ = "forbidden"
UNREAD = frozenset({"partial-read", FORBIDDEN_READ})
"""Guards that stand for objects nobody could look at."""
ABSENT = "absent"
"""The fingerprint of an object that is not there."""


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    RUN = "run"
    ADOPT = "adopt"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, live to desired. Sensitive: both sides None. `unknown`: known only after that resource's change."""

    path: str
    before: Any = None
    after: Any = None
    sensitive: bool = False
    unknown: Ref | None = None
    may_replace: bool = False
    """The value is unknown and feeds an immutable field."""

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"path": self.path, "from": self.before, "to": self.after, "sensitive": self.sensitive}
        if self.unknown is not None:
            row["unknown"] = {"resource": str(self.unknown.resource), "path": self.unknown.path}
        if self.may_replace:
            row["mayReplace"] = True
        return row


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a plan. Everything the apply needs is here; applying makes no choices.

    `name` and `parent` are the cloud's (see Resource). `body` is the whole desired body, values not yet known as Ref.
    `dropped` are body paths that the last applied version declared and this one does not (to be cleared).
    `fingerprint` is kinds.compare.fingerprint of the live object at planning, or "absent".
    `after` are addresses of other changes *in this plan* that must succeed first.
    """

    address: Address
    name: str
    parent: str
    action: Action
    reason: str
    body: Body
    fingerprint: str
    source: str
    shard: str
    owner: str
    fields: tuple[FieldChange, ...] = ()
    dropped: tuple[str, ...] = ()
    after: tuple[Address, ...] = ()
    approval: str = ""
    uid: str = ""
    """The cloud's identity of the live object at planning ("" when absent)."""
    drift: bool = False
    """It undoes something changed outside Git."""

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "target": str(self.address.target), "resource": str(self.address), "kind": self.address.kind,
            "action": str(self.action), "reason": self.reason, "fields": [f.to_json() for f in self.fields],
            "body": self.body, "fingerprint": self.fingerprint, "source": self.source,
            "after": [str(a) for a in self.after], "name": self.name, "parent": self.parent, "shard": self.shard,
            "owner": self.owner, "dropped": list(self.dropped), "drift": self.drift, "uid": self.uid,
        }  # fmt: skip
        if self.approval:
            row["approval"] = self.approval
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Change":
        """Raises ValueError on a document that is not ours."""
        shaped({"approval": "", **row}, _CHANGE)
        tuple(refs_in(row["body"]))
        return cls(
            address=Address.parse(row["resource"]), name=row["name"], parent=row["parent"],
            action=Action(row["action"]), reason=row["reason"], body=row["body"], fingerprint=row["fingerprint"],
            source=row["source"], shard=row["shard"], owner=row["owner"],
            fields=tuple(_field(f) for f in row["fields"]), dropped=tuple(row["dropped"]),
            after=tuple(Address.parse(a) for a in row["after"]), approval=row.get("approval", ""),
            uid=row["uid"], drift=row["drift"],
        )  # fmt: skip


_CHANGE: Mapping[str, Shape] = {
    "resource": TEXT, "name": TEXT, "parent": TEXT, "action": TEXT, "reason": TEXT, "body": OBJECT, "source": TEXT,
    "fingerprint": TEXT, "shard": TEXT, "owner": TEXT, "fields": ROWS, "dropped": NAMES, "after": NAMES, "uid": TEXT,
    "drift": YES_OR_NO, "approval": TEXT,
}  # fmt: skip
_FIELD: Mapping[str, Shape] = {"path": TEXT, "sensitive": YES_OR_NO}
_VERDICT: Mapping[str, Shape] = {"guard": TEXT, "target": TEXT, "verdict": TEXT, "message": TEXT}
_DIAGNOSTIC: Mapping[str, Shape] = {
    "code": TEXT, "severity": TEXT, "message": TEXT, "file": TEXT, "line": (int,), "column": (int,), "help": TEXT,
    "target": TEXT, "fixable": YES_OR_NO,
}  # fmt: skip
_PLAN: Mapping[str, Shape] = {
    "cloud": TEXT, "fleet": OBJECT, "parents": OBJECT, "changes": ROWS, "guards": ROWS, "diagnostics": ROWS,
    "summary": OBJECT, "cost": OBJECT, "twoWay": YES_OR_NO, "scope": NAMES, "populations": OBJECT,
}  # fmt: skip


def _field(row: Mapping[str, Any]) -> FieldChange:
    shaped(row, _FIELD)
    unknown = row.get("unknown")
    ref = Ref(Address.parse(unknown["resource"]), unknown["path"]) if unknown else None
    return FieldChange(row["path"], row["from"], row["to"], row["sensitive"], ref, row.get("mayReplace", False))


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """One guard about one target. `items`: the addresses it refuses; empty with REFUSE means the whole plan."""

    guard: str
    target: Target
    verdict: Verdict
    message: str
    items: tuple[Address, ...] = ()

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "guard": self.guard, "target": str(self.target), "verdict": str(self.verdict), "message": self.message,
        }  # fmt: skip
        if self.items:
            row["items"] = [str(a) for a in self.items]
        return row


@dataclass(frozen=True, slots=True)
class Plan:
    """`parents` maps "shard/NAME" (and "fleet") to the version id, or None before the first version.

    `compared` counts what was compared and equal; `unrecorded` are those of them that the newest version tells
    otherwise (a run died before it was recorded, or somebody made it so before Git said it): an apply records them,
    and does nothing. `late` are shards whose newest version lacks a text that is applied by now.
    `touched`: (tenants, shards) with a change are derived.
    `two_way`: the history could not be read; such a plan cannot be applied.
    """

    cloud: str
    fleet_base: str
    fleet_head: str
    parents: Mapping[str, str | None]
    changes: tuple[Change, ...]
    guards: tuple[GuardVerdict, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    compared: int = 0
    unrecorded: tuple[Change, ...] = ()
    late: tuple[str, ...] = ()
    cost: PlanCost = field(default_factory=PlanCost)
    two_way: bool = False
    author: str = ""
    """The pull request's author at the code host ("github:583231"), where whoever made the plan knew it."""
    scope: tuple[str, ...] = ()
    """The targets the plan was asked for, as text."""
    populations: Mapping[str, int] = field(default_factory=dict)
    """Live sites per shard and tenants in all, for "2 of 1,204 tenants" ({"tenants": n, "shards": m})."""
    waves: Planned = field(default_factory=Planned)
    """The waves it is walked in, when it changes too many live sites for one step."""
    _digest: str = field(default="", init=False, repr=False, compare=False)

    def summary(self) -> dict[str, int]:
        counts = {
            str(a): 0 for a in (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE, Action.RUN, Action.ADOPT)
        }
        for change in self.changes:
            counts[str(change.action)] += 1
        counts["none"] = self.compared
        counts["tenants"] = len({c.address.target for c in self.changes if c.address.target.kind == "tenant"})
        counts["shards"] = len({c.shard for c in self.changes if c.shard})
        return counts

    def document(self) -> dict[str, Any]:
        """The contract document, without its digest."""
        row: dict[str, Any] = {
            "format": FORMAT, "cloud": self.cloud, "fleet": {"base": self.fleet_base, "head": self.fleet_head},
            "parents": dict(self.parents), "summary": self.summary(), "changes": [c.to_json() for c in self.changes],
            "guards": [g.to_json() for g in self.guards], "diagnostics": [d.to_json() for d in self.diagnostics],
            "cost": self.cost.to_json(),
            "scope": list(self.scope), "populations": dict(self.populations), "twoWay": self.two_way,
        }  # fmt: skip
        if self.waves:
            row["waves"] = self.waves.to_json()
        if self.author:
            row["author"] = self.author
        if self.late:
            row["late"] = list(self.late)
        if self.unrecorded:
            row["unrecorded"] = [c.to_json() for c in self.unrecorded]
        return row

    @property
    def to_record(self) -> bool:
        """Whether an apply has something to record although nothing is to be done."""
        return bool(self.unrecorded or self.late)

    @property
    def digest(self) -> str:
        """sha256 over the document with sorted keys and without `digest`. Made once: every settled shard asks for it,
        and a plan of a whole fleet is tens of megabytes."""
        if not self._digest:
            object.__setattr__(self, "_digest", digest(self.document()))
        return self._digest

    def to_json(self) -> dict[str, Any]:
        return {**self.document(), "digest": self.digest}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Plan":
        """Read a saved plan. Raises ValueError when it is not one, or when its digest does not match its content."""
        if not isinstance(row, Mapping) or row.get("format") != FORMAT:
            said = row.get("format") if isinstance(row, Mapping) else None
            raise ValueError(f"not a plan: format is {str(said)[:40]!r}, expected {FORMAT!r}")
        try:
            shaped(row, _PLAN)
            shaped(row["fleet"], {"base": TEXT, "head": TEXT})
            shaped(row["summary"], {"none": (int,)})
            shaped(row["populations"], dict.fromkeys(row["populations"], (int,)))
            shaped(row["parents"], dict.fromkeys(row["parents"], (str, type(None))))
            plan = cls(
                cloud=row["cloud"], fleet_base=row["fleet"]["base"], fleet_head=row["fleet"]["head"],
                parents=dict(row["parents"]), changes=tuple(Change.from_json(c) for c in row["changes"]),
                guards=tuple(_verdict(g) for g in row["guards"]),
                diagnostics=tuple(_diagnostic(d) for d in row["diagnostics"]), compared=row["summary"]["none"],
                cost=PlanCost.from_json(row["cost"]),
                late=tuple(row.get("late", ())),
                unrecorded=tuple(Change.from_json(c) for c in row.get("unrecorded", ())),
                two_way=row["twoWay"], author=str(row.get("author", "")), scope=tuple(row["scope"]),
                populations=dict(row["populations"]),
                waves=Planned.from_json(row["waves"]) if "waves" in row else Planned(),
            )  # fmt: skip
            digest_now = plan.digest
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a plan: {error!r} is missing or of the wrong type") from error
        except RecursionError as error:
            raise ValueError("not a plan: it is nested without end") from error
        if digest_now != row.get("digest"):
            raise ValueError(f"the plan was changed after it was made: its content has digest {digest_now}")
        return plan

    def with_guards(self, guards: tuple[GuardVerdict, ...]) -> "Plan":
        return replace(self, guards=guards)

    def unread(self) -> tuple[GuardVerdict, ...]:
        """What could not be read, so that nothing is known about it: never the same as "no changes"."""
        return tuple(g for g in self.refused() if g.guard in UNREAD)

    def refused(self) -> tuple[GuardVerdict, ...]:
        return tuple(g for g in self.guards if g.verdict is Verdict.REFUSE)


def _verdict(row: Mapping[str, Any]) -> GuardVerdict:
    shaped(row, _VERDICT)
    items = tuple(Address.parse(a) for a in row.get("items", ()))
    return GuardVerdict(row["guard"], Target.parse(row["target"]), Verdict(row["verdict"]), row["message"], items)


def _diagnostic(row: Mapping[str, Any]) -> Diagnostic:
    shaped(row, _DIAGNOSTIC)
    return Diagnostic(
        row["code"], Severity(row["severity"]), row["message"], row["file"], Position(row["line"], row["column"]),
        row["help"], target=row["target"], fixable=row["fixable"],
    )  # fmt: skip
