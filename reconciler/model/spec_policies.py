"""`spec.policies` and `spec.ownership` of fleet.yaml: what people add to the guards, and who may change which field."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from reconciler.model.strict import Strict

PolicyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}[a-z0-9]$", max_length=62)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
"""Longer ones are programs: two policies say it better, and what is short is judged fast."""
Message = Annotated[str, StringConstraints(min_length=3, max_length=500)]
Sentence = Annotated[str, StringConstraints(min_length=3, max_length=500)]
Glob = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@*][A-Za-z0-9@*._/-]{0,199}$")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
GroupName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,28}[a-z0-9]$", max_length=30)]
FieldGlob = Annotated[str, StringConstraints(pattern=r"^(\*\*|[A-Za-z0-9_*-]+)(\.(\*\*|[A-Za-z0-9_*-]+)){0,15}$")]
Identity = Annotated[
    str, StringConstraints(pattern=r"^(github:[0-9]{1,20}|gitlab:[0-9]{1,20}|[^\s@:]{1,64}@[^\s@:]{1,190})$")
]


class Each(StrEnum):
    """What an expression is asked about."""

    CHANGE = "change"
    TENANT = "tenant"
    PLAN = "plan"


class PolicyScope(Strict):
    """Which changes a policy is about: all that is given must fit. Nothing given: every change."""

    actions: list[Literal["create", "update", "replace", "delete", "run", "adopt"]] | None = Field(
        None, min_length=1, max_length=6, description="What is done."
    )
    kinds: list[Glob] | None = Field(
        None, min_length=1, max_length=50, description='Kinds of cloud object; * stands for any text: "sql.*".'
    )
    targets: list[Glob] | None = Field(
        None, min_length=1, max_length=50, description='"tenant/acme-*", "shard/eu-*", "fleet".'
    )
    tiers: list[Glob] | None = Field(None, min_length=1, max_length=50, description="Tiers of the tenant.")
    owners: list[Glob] | None = Field(
        None, min_length=1, max_length=50, description="The tenant has one of these in metadata.owners."
    )
    labels: dict[str, str] | None = Field(
        None, max_length=20, description="The tenant has all of these in metadata.labels."
    )


class Exemption(Strict):
    """Leaves targets out of a policy until a day: there it only warns."""

    targets: list[Glob] = Field(min_length=1, max_length=50, description='Whom it leaves out: "tenant/acme-bakery".')
    until: Day = Field(description='Last day it holds (UTC), quoted: "2026-12-31".')
    by: Sentence = Field(description="Who answers for it.")
    why: Sentence = Field(description="Why; shown wherever it is made use of.")

    @property
    def last_day(self) -> date:
        return date.fromisoformat(self.until)


class PolicyTest(Strict):
    """One case that the policy is held to by `aipress policy test`."""

    name: Sentence = Field(description="What the case is about.")
    given: dict[str, Any] = Field(
        description="Facts by name: { change: { action: delete }, tenant: { tier: gold } }. The rest is empty."
    )
    expect: Literal["pass", "warn", "deny", "error"] = Field(
        description="What comes of it; error: the expression cannot be evaluated."
    )
    message: Sentence | None = Field(None, description="A part of the message that comes with it.")


class Policy(Strict):
    """A rule of the fleet's own: when an expression is true of a change, the change is refused or warned of."""

    name: PolicyName = Field(description="Unique in the fleet; stands in every verdict.")
    description: Sentence | None = Field(None, description="Why there is this policy.")
    each: Each = Field(
        Each.CHANGE, strict=False,
        description="Asked of each change, once of each tenant that changes (`changes` are its), or once of the plan.",
    )  # fmt: skip
    applies_to: PolicyScope = Field(
        default_factory=PolicyScope, description="Which changes it is about; default all of them."
    )
    when: Expression = Field(
        description="CEL. True gives the verdict, and so does an error. `aipress policy facts`: what it may use."
    )
    verdict: Literal["deny", "warn"] = Field(description="deny refuses the changes it is about; warn only says so.")
    message: Message = Field(description="What the author of the change should do; {{ CEL }} in it is replaced.")
    exemptions: list[Exemption] = Field(
        default_factory=list, max_length=100, description="Who is left out, until when, by whom and why."
    )
    tests: list[PolicyTest] = Field(default_factory=list, max_length=50, description="Cases for `aipress policy test`.")


class FieldRule(Strict):
    """Some fields, and who may change them."""

    fields: list[FieldGlob] = Field(
        min_length=1, max_length=50,
        description='Fields of tenant.yaml and all below them; * is one step, ** any: "spec.runtime.memory".',
    )  # fmt: skip
    may: list[GroupName] = Field(
        max_length=20,
        description="Groups that may change them; `owners`: the groups that the tenant's metadata.owners names.",
    )  # fmt: skip


class Ownership(Strict):
    """Who may change which field of a tenant.yaml. The first rule that fits a field decides."""

    groups: dict[GroupName, list[Identity]] = Field(
        max_length=500,
        description='Who is in a group: "github:583231", "gitlab:77" (user ids), "jo@x.example", "*@agency.example".',
    )  # fmt: skip
    rules: list[FieldRule] = Field(default_factory=list, max_length=100, description="First match decides.")
    otherwise: list[GroupName] = Field(
        max_length=20,
        description="Who may change every other field, and fleet.yaml, tiers and shards. Empty: nobody.",
    )  # fmt: skip


class NamedTest(PolicyTest):
    """A case that stands in a file of its own."""

    policy: PolicyName = Field(description="The policy it is about.")


class PolicyCases(Strict):
    """A file of cases: `tests: [{ policy, name, given, expect }]`."""

    tests: list[NamedTest] = Field(max_length=1000, description="The cases.")
