"""What a policy may ask, in which words; and the port that answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.fleet import Written
from reconciler.model.ids import Target
from reconciler.model.spec import FleetDocument
from reconciler.model.spec_policies import Each


@dataclass(frozen=True, slots=True)
class Fact:
    """`kind`: its CEL type; an expression that treats it as another does not compile."""

    kind: str
    about: str


_TEXT, _NUMBER, _YES, _TEXTS = "string", "int", "bool", "list(string)"
_CHANGE: Mapping[str, Fact] = {
    "change.action": Fact(_TEXT, "create, update, replace, delete, run or adopt"),
    "change.kind": Fact(_TEXT, "kind of the cloud object: run.service, sql.database, …"),
    "change.target": Fact(_TEXT, "tenant/NAME, shard/NAME or fleet"),
    "change.resource": Fact(_TEXT, "its address: tenant/NAME/run.service/production"),
    "change.environment": Fact(_TEXT, "production, staging or a preview; the key of what belongs to no environment"),
    "change.reason": Fact(_TEXT, "why it is planned, in words"),
    "change.source": Fact(_TEXT, "the line that asks for it: file:line"),
    "change.drift": Fact(_YES, "it undoes what was changed outside Git"),
    "change.data": Fact(_YES, "the object holds a customer's data"),
    "change.paths": Fact(_TEXTS, "paths of the fields that differ: template.scaling.maxInstanceCount"),
    "change.fields": Fact("list(map(string, dyn))", "the same with path, from, to and sensitive (then both are null)"),
    "change.body": Fact("dyn", "the whole object as it shall be, in Google's words; secrets by reference"),
}
_TENANT: Mapping[str, Fact] = {
    "tenant.name": Fact(_TEXT, "metadata.name"),
    "tenant.uid": Fact(_TEXT, "metadata.uid"),
    "tenant.tier": Fact(_TEXT, "spec.tier"),
    "tenant.state": Fact(_TEXT, "active, suspended or deleted, as written"),
    "tenant.live": Fact(_YES, "visitors reach it today"),
    "tenant.owners": Fact(_TEXTS, "metadata.owners"),
    "tenant.labels": Fact("map(string, string)", "metadata.labels"),
    "tenant.domains": Fact(_TEXTS, "host names of production"),
    "tenant.repository": Fact(_TEXT, "spec.source.repository"),
    "tenant.spec": Fact("dyn", "spec as it is written in tenant.yaml"),
    "tenant.price": Fact("double", "USD a month of its tier"),
}
_SHARD: Mapping[str, Fact] = {
    "shard.name": Fact(_TEXT, "metadata.name"),
    "shard.project": Fact(_TEXT, "id of its project"),
    "shard.region": Fact(_TEXT, "spec.region"),
    "shard.state": Fact(_TEXT, "active or draining"),
    "shard.tenants": Fact(_NUMBER, "tenants written on it"),
    "shard.capacity": Fact(_NUMBER, "spec.capacity.tenants"),
    "shard.labels": Fact("map(string, string)", "metadata.labels"),
}
_PLAN: Mapping[str, Fact] = {
    "plan.changes": Fact(_NUMBER, "changes in all"),
    "plan.actions": Fact("map(string, int)", "changes by action; an action without one is not in it"),
    "plan.kinds": Fact("map(string, int)", "changes by kind"),
    "plan.tenants": Fact(_NUMBER, "tenants that change"),
    "plan.shards": Fact(_NUMBER, "shards in which something changes"),
    "plan.sites": Fact(_NUMBER, "live sites that the changes concern"),
    "plan.tiers": Fact("map(string, int)", "tenants that change, by tier"),
    "plan.costBefore": Fact("double", "USD a month by list price of what is there"),
    "plan.costAfter": Fact("double", "the same of what will be"),
    "plan.pullRequest": Fact(_YES, "it compares two commits, as the plan of a pull request does"),
    "fleet.name": Fact(_TEXT, "metadata.name"),
    "fleet.tenants": Fact(_NUMBER, "tenants that have a file"),
    "fleet.shards": Fact(_NUMBER, "shards that have a file"),
    "fleet.live": Fact(_NUMBER, "live sites of the shards in scope"),
    "now": Fact("timestamp", "when the plan is made (UTC)"),
}
_CHANGES: Mapping[str, Fact] = {
    "changes": Fact("list(map(string, dyn))", "the tenant's: action, kind, environment, drift, data and paths of each"),
}

FACTS: Mapping[Each, Mapping[str, Fact]] = {
    Each.CHANGE: {**_CHANGE, **_TENANT, **_SHARD, **_PLAN},
    Each.TENANT: {**_CHANGES, **_TENANT, **_SHARD, **_PLAN},
    Each.PLAN: _PLAN,
}
"""What an expression may use, by what it is asked about."""

NOT_ALWAYS = ("tenant.", "shard.")
"""Facts that not every change has: a policy that uses them is about those that do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One expression. `type`: the CEL type its value must have ("" : any)."""

    text: str
    each: Each = Each.CHANGE
    type: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an expression cannot be compiled; `line` and `column` in it, from 1."""

    why: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """A value; or why there is none (`error`); or neither: the expression is not about this (`none`)."""

    value: Any = None
    error: str = ""
    none: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Some of the questions (by their place) about the same facts."""

    questions: tuple[int, ...]
    facts: Mapping[str, Any]


class Expressions(Protocol):
    """Evaluates CEL within bounds of time and memory. Nothing it is given can stop or harm the caller, and the same
    questions about the same facts get the same answers. No method raises for an expression."""

    def flaws(self, questions: Sequence[Question]) -> Sequence[Flaw | None]: ...

    def answers(self, questions: Sequence[Question], asked: Sequence[Asked]) -> Sequence[Sequence[Answer]]:
        """For each Asked, an answer to each of its questions."""


class Unanswered:
    """Expressions where none can be evaluated: what they would decide is refused."""

    def flaws(self, questions: Sequence[Question]) -> Sequence[Flaw | None]:
        return [None for _ in questions]

    def answers(self, questions: Sequence[Question], asked: Sequence[Asked]) -> Sequence[Sequence[Answer]]:  # noqa: ARG002 - a port
        return [[Answer(error="nothing here can evaluate expressions")] * len(one.questions) for one in asked]


UNANSWERED = Unanswered()


@dataclass(frozen=True, slots=True)
class Base:
    """What a plan compares with, and who asks: `commit` ("" : nothing, everything is observed), and the immutable user
    id of the pull request's author at the code host ("github:583231"; "" : git's authors are believed)."""

    commit: str = ""
    author: str = ""


NO_BASE = Base()


@dataclass(frozen=True, slots=True)
class Trespass:
    """Somebody changed a field that is not theirs to change."""

    target: Target
    message: str
    diagnostics: tuple[Diagnostic, ...] = ()
    """One for each field, at its line."""


@dataclass(frozen=True, slots=True)
class Laws:
    """What a plan is held to, from the branch it goes to. `written`: the fleet.yaml that says so (None: there was
    none); `commit` where that is not the plan's own; `unreadable`: why it cannot be told; `notes` about the head's."""

    written: Written[FleetDocument] | None = None
    commit: str = ""
    unreadable: str = ""
    trespasses: tuple[Trespass, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
