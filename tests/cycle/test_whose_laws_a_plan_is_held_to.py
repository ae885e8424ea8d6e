"""A pull request is held to the policies, ownership and guards of the branch it goes to, never to its own."""

from pathlib import Path

import pygit2
import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.validate import ValidateRequest, validate
from reconciler.model.plan import Plan, Verdict
from reconciler.policy.cel import CelProcess
from tests.cycle.small_world import SmallWorld

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
MEMORY = ("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n")
POLICY = """\
  policies:
    - name: no-memory
      when: change.paths.exists(p, p.endsWith('memory'))
      verdict: deny
      message: "{{ tenant.name }} keeps its memory"
"""
OWNED = """\
  ownership:
    groups: { platform: ["jo@example.org", "github:1"], agency: ["sa@agency.example", "github:2"] }
    rules: [{ fields: [spec.runtime.memory], may: [agency, platform] }]
    otherwise: [platform]
"""
SA = pygit2.Signature("Sa", "sa@agency.example", 1_790_000_000, 0)


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    assert apply(made.world(), ApplyRequest()).exit_code == 0
    return made


def law(small: SmallWorld, lines: str) -> None:
    small.write("fleet.yaml", small.read("fleet.yaml").replace("  escrow:", f"{lines}  escrow:", 1))


def edit(small: SmallWorld, old: str, new: str, path: str = ACME, who: pygit2.Signature = SA) -> None:
    assert old in small.read(path)
    small.write(path, small.read(path).replace(old, new), who)


def refused(plan: Plan, guard: str) -> list[str]:
    return [g.message for g in plan.guards if g.guard == guard and g.verdict is Verdict.REFUSE]


def test_a_pull_request_cannot_take_the_policy_away_that_refuses_it(small: SmallWorld) -> None:
    law(small, POLICY)
    edit(small, *MEMORY)
    edit(small, POLICY, "", "fleet.yaml")
    plan = make(small.world(), PlanRequest(base="HEAD~2"))
    (message,) = refused(plan, "policy")
    base = small.world().repository.resolve("HEAD~2")
    line = next(n for n, text in enumerate(POLICY.splitlines()) if "name:" in text)
    assert message.startswith("no-memory (fleet.yaml:") and f" at {base[:10]}): acme-bakery keeps" in message and line
    assert [d.message for d in plan.diagnostics if d.code == "AP302"] == [
        "From the merge on: policy `no-memory` is taken away"
    ]
    outcome = apply(small.world(), ApplyRequest(plan))
    assert outcome.exit_code == 5
    assert refused(make(small.world(), PlanRequest()), "policy") == []  # merged, it is the law


def test_a_policy_of_the_head_counts_from_the_merge_on(small: SmallWorld) -> None:
    edit(small, *MEMORY)
    law(small, POLICY)
    plan = make(small.world(), PlanRequest(base="HEAD~2"))
    assert refused(plan, "policy") == []
    assert [d.code for d in plan.diagnostics if d.code == "AP302"] == ["AP302"]
    assert len(refused(make(small.world(), PlanRequest()), "policy")) == 1


def test_the_guards_of_a_pull_request_are_not_its_own(small: SmallWorld) -> None:
    law(small, "  waves: { enabled: false }\n")
    edit(small, "sites: 10", "sites: 1", "fleet.yaml")
    edit(small, "sites: 1 }", "sites: 500 }", "fleet.yaml")
    edit(small, "memory: 512Mi", "memory: 640Mi", "tiers/bronze.yaml")
    assert refused(make(small.world(), PlanRequest()), "blast-radius") == []
    plan = make(small.world(), PlanRequest(base="HEAD~2"))
    assert "limit 1)" in refused(plan, "blast-radius")[0], [g.message for g in plan.guards]
    assert "From the merge on: `guards` change" in [d.message for d in plan.diagnostics]


def test_a_base_without_a_fleet_yaml_that_can_be_read_lets_nothing_through(small: SmallWorld) -> None:
    edit(small, "kind: Fleet", "kind: Fleat", "fleet.yaml")
    edit(small, "kind: Fleat", "kind: Fleet", "fleet.yaml")
    edit(small, *MEMORY)
    plan = make(small.world(), PlanRequest(base="HEAD~2"))
    assert plan.changes
    assert "nobody knows its policies" in refused(plan, "policy")[0]
    assert apply(small.world(), ApplyRequest(plan)).exit_code == 5


def test_an_agency_raises_memory_and_the_tier_is_refused(small: SmallWorld) -> None:
    law(small, OWNED)
    edit(small, *MEMORY)
    assert refused(make(small.world(), PlanRequest(base="HEAD~1")), "field-ownership") == []
    edit(small, "tier: silver\n", "tier: bronze\n")
    plan = make(small.world(), PlanRequest(base="HEAD~2"))
    (message,) = refused(plan, "field-ownership")
    assert "sa@agency.example" in message and "spec.tier" in message
    (found,) = [d for d in plan.diagnostics if d.code == "AP503"]
    assert found.file == ACME and "tier: bronze" in found.excerpt
    assert apply(small.world(), ApplyRequest(plan)).exit_code == 5


def test_the_code_hosts_word_on_the_author_goes_with_the_plan(small: SmallWorld) -> None:
    law(small, OWNED)
    edit(small, "tier: silver\n", "tier: bronze\n")
    assert refused(make(small.world(), PlanRequest(base="HEAD~1", author="github:2")), "field-ownership")
    plan = make(small.world(), PlanRequest(base="HEAD~1", author="github:1"))
    assert refused(plan, "field-ownership") == [] and plan.author == "github:1"
    assert Plan.from_json(plan.to_json()).author == "github:1"


def test_validate_tells_both_without_a_cloud(small: SmallWorld) -> None:
    law(small, OWNED + POLICY.replace("change.paths", "change.path"))
    edit(small, "tier: silver\n", "tier: bronze\n")
    repository = small.world().repository
    done = validate(repository, ValidateRequest(revision="HEAD", base="HEAD~1"), CelProcess())  # type: ignore[arg-type]
    assert sorted(d.code for d in done.diagnostics if d.severity == "error") == ["AP231", "AP503"]
    assert not done.ok
    trusted = ValidateRequest(revision="HEAD", base="HEAD~1", author="github:1")
    found = validate(repository, trusted, CelProcess()).diagnostics  # type: ignore[arg-type]
    assert sorted(d.code for d in found if d.severity == "error") == ["AP231"]


def test_a_plan_tells_a_policy_that_cannot_be_compiled_and_refuses_what_it_is_about(small: SmallWorld) -> None:
    law(small, POLICY.replace("change.paths", "change.path"))
    edit(small, *MEMORY)
    plan = make(small.world(), PlanRequest())
    assert [d.code for d in plan.diagnostics if d.severity == "error"] == ["AP231"]
    assert "it cannot be judged: there is no fact 'change.path'" in refused(plan, "policy")[0]
