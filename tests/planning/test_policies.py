"""The guard `policy`: whose change is refused, by which line, and whose is not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.ids import FLEET, Target
from reconciler.model.plan import Plan, Verdict
from reconciler.model.policies import Answer, Asked, Expressions, Flaw, Laws, Question, Trespass
from reconciler.planning.guards import refused_items
from reconciler.planning.plan import make_plan
from reconciler.policy.cel import CelProcess
from tests.planning.sites import Sites, alike

SITES = {"acme": ("s-00", "gold", "active"), "cafe": ("s-00", "bronze", "active"), "shop": ("s-01", "gold", "active")}


def policy(**more: Any) -> dict[str, Any]:
    return {
        "name": "no-gold", "when": "tenant.tier == 'gold'", "verdict": "deny",
        "message": "{{tenant.name}} is {{ tenant.tier }}", **more,
    }  # fmt: skip


def plan(*policies: Mapping[str, Any], sites: Sites | None = None, expressions: Expressions | None = None) -> Plan:
    wide = {"guards": {"blastRadius": {"shardPercent": 100.0}}, "policies": list(policies)}
    chosen = replace(sites or Sites(SITES, {}, frozenset(SITES)), spec=wide)
    facts = chosen.facts(expressions=expressions or CelProcess())
    return make_plan(replace(facts, laws=Laws(facts.fleet.fleet)))


def said(made: Plan) -> list[tuple[str, Verdict, str]]:
    return [(str(g.target), g.verdict, g.message) for g in made.guards if g.guard == "policy"]


def refused(made: Plan) -> set[str]:
    return {str(address.target) for address in refused_items(made.guards, made.changes, ["policy", "blast-radius"])}


def test_a_policy_refuses_whom_it_concerns_and_nobody_else() -> None:
    made = plan(policy())
    assert said(made) == [
        ("tenant/acme", Verdict.REFUSE, "no-gold (fleet.yaml:1): acme is gold"),
        ("tenant/shop", Verdict.REFUSE, "no-gold (fleet.yaml:1): shop is gold"),
    ]
    assert refused(made) == {"tenant/acme", "tenant/shop"}  # and no --allow passes it


def test_a_warning_refuses_nothing() -> None:
    made = plan(policy(verdict="warn"))
    assert [verdict for _, verdict, _ in said(made)] == [Verdict.WARN, Verdict.WARN]
    assert refused(made) == set()


def test_policies_that_hold_are_said_to() -> None:
    assert said(plan(policy(when="tenant.tier == 'tin'"))) == [("fleet", Verdict.PASS, "1 held")]


@pytest.mark.parametrize(
    ("scope", "whom"),
    [
        ({"tiers": ["bronze"]}, {"tenant/cafe"}), ({"targets": ["tenant/a*"]}, {"tenant/acme"}),
        ({"kinds": ["run.*"], "actions": ["update"]}, {"tenant/acme", "tenant/cafe", "tenant/shop"}),
        ({"kinds": ["sql.*"]}, set()), ({"actions": ["delete"]}, set()), ({"owners": ["north"]}, set()),
        ({"labels": {"a": "b"}}, set()), ({"targets": ["tenant/acme", "tenant/shop"], "tiers": ["gold"]},
                                          {"tenant/acme", "tenant/shop"}),
    ],
)  # fmt: skip
def test_a_policy_is_about_what_it_applies_to(scope: dict[str, Any], whom: set[str]) -> None:
    assert refused(plan(policy(when="true", appliesTo=scope))) == whom


@pytest.mark.parametrize("when", ["tenant.labels.team == 'x'", "1 / plan.changes == plan.costBefore", "tenant.x == ''"])
def test_what_cannot_be_judged_counts_as_true(when: str) -> None:
    """A key that is not there, a type that does not fit, an expression that does not compile."""
    made = plan(policy(when=when, appliesTo={"targets": ["tenant/acme"]}))
    assert refused(made) == {"tenant/acme"}
    assert "no-gold (fleet.yaml:1): it cannot be judged: " in said(made)[0][2]
    warned = plan(policy(when=when, verdict="warn"))
    assert refused(warned) == set() and len(said(warned)) == 3


def test_without_anybody_to_ask_everything_is_refused() -> None:
    class Nobody:
        def flaws(self, questions: Sequence[Question]) -> Sequence[Flaw | None]:
            return [None for _ in questions]

        def answers(self, questions: Sequence[Question], asked: Sequence[Asked]) -> Sequence[Sequence[Answer]]:
            return [[Answer(error="it took too long")] * len(one.questions) for one in asked]

    assert refused(plan(policy(when="false"), expressions=Nobody())) == {"tenant/acme", "tenant/cafe", "tenant/shop"}


def test_a_policy_about_tenants_says_nothing_of_a_shard() -> None:
    sites = Sites(SITES, {}, frozenset({"cafe"}), shared=frozenset({"s-00"}))
    assert refused(plan(policy(when="tenant.tier != 'gold'"), sites=sites)) == {"tenant/cafe"}
    assert refused(plan(policy(when="change.action == 'update'"), sites=sites)) == {"tenant/cafe", "shard/s-00"}


def test_a_tenant_is_asked_about_once_with_all_its_changes() -> None:
    made = plan(policy(each="tenant", when="changes.size() == 1 && changes[0].kind == 'run.service'", message="one"))
    assert [(target, verdict) for target, verdict, _ in said(made)] == [
        (f"tenant/{name}", Verdict.REFUSE) for name in ("acme", "cafe", "shop")
    ]


def test_a_plan_is_asked_about_once_and_refused_whole() -> None:
    made = plan(policy(each="plan", when="plan.tiers['gold'] > 1", message="{{plan.tenants}} of {{fleet.tenants}}"))
    assert said(made) == [("fleet", Verdict.REFUSE, "no-gold (fleet.yaml:1): 3 of 3")]
    assert len(refused(made)) == 3
    some = plan(policy(each="plan", when="true", appliesTo={"tiers": ["bronze"]}))
    assert refused(some) == {"tenant/cafe"}


def exempt(until: str) -> dict[str, Any]:
    return policy(exemptions=[{"targets": ["tenant/acme"], "until": until, "by": "Jo (sre)", "why": "launch week"}])


def test_an_exemption_warns_until_its_last_day() -> None:
    made = plan(exempt("2026-11-23"))
    assert refused(made) == {"tenant/shop"}
    assert said(made)[0][2].endswith("acme is gold. Exempt until 2026-11-23 by Jo (sre): launch week")


def test_an_exemption_that_ran_out_is_none_and_is_told() -> None:
    made = plan(exempt("2026-11-22"))
    assert refused(made) == {"tenant/acme", "tenant/shop"}
    assert said(made)[0][2].endswith("Its exemption held until 2026-11-22 (Jo (sre))")


def test_many_targets_are_told_once_and_each_refused() -> None:
    made = plan(policy(when="tenant.name != 'site-0003'", message="never"), sites=alike(40))
    ((target, verdict, message),) = said(made)
    assert (target, verdict) == ("fleet", Verdict.REFUSE)
    assert message.endswith("(tenant/site-0000, and 38 more targets)")
    assert len(refused(made)) == 39 and "tenant/site-0003" not in refused(made)


def test_a_base_that_cannot_be_read_refuses_the_plan() -> None:
    facts = Sites(SITES, {}, frozenset(SITES)).facts(laws=Laws(None, "abc", "fleet.yaml at abc cannot be used"))
    made = make_plan(facts)
    assert said(made) == [("fleet", Verdict.REFUSE, "fleet.yaml at abc cannot be used")]
    assert len(refused(made)) == 3


def test_a_trespass_refuses_its_tenant_and_nobody_else() -> None:
    one = Trespass(Target.parse("tenant/cafe"), "jo may not change spec.tier")
    made = make_plan(Sites(SITES, {}, frozenset(SITES)).facts(laws=Laws(trespasses=(one,))))
    assert refused(made) == {"tenant/cafe"}
    whole = make_plan(Sites(SITES, {}, frozenset(SITES)).facts(laws=Laws(trespasses=(replace(one, target=FLEET),))))
    assert len(refused(whole)) == 3


def test_a_message_that_cannot_be_told_still_refuses() -> None:
    made = plan(
        policy(message="owner {{ tenant.owners[0] }} of {{tenant.name}}", appliesTo={"targets": ["tenant/acme"]})
    )
    assert said(made) == [("tenant/acme", Verdict.REFUSE, "no-gold (fleet.yaml:1): owner (unknown) of acme")]


def test_the_same_facts_make_the_same_plan() -> None:
    assert plan(policy()).to_json() == plan(policy()).to_json()
    again = Plan.from_json(plan(policy()).to_json())
    assert said(again) == said(plan(policy()))


def test_now_is_when_the_plan_is_made() -> None:
    assert refused(plan(policy(when="now < timestamp('2026-11-23T09:00:01Z')"))) != set()
    assert refused(plan(policy(when="now > timestamp('2026-11-23T09:00:01Z')"))) == set()
