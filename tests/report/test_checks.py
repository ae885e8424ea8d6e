"""A plan as a check: one conclusion, remarks beside the lines that cause it, and nothing secret in either."""

import json
from collections.abc import Callable

import pytest

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.forge import DESCRIPTION, Conclusion, Level
from reconciler.model.ids import FLEET, Address, tenant_target
from reconciler.model.plan import Action, Change, FieldChange, GuardVerdict, Plan, Verdict
from reconciler.report.checks import MOST, annotations, check, commands, not_planned, quality, remarks, verdict, widget

ACME = tenant_target("acme-bakery")
YAML = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
Make, MakePlan = Callable[..., Change], Callable[..., Plan]


def test_a_plan_that_nothing_stops(make_change: Make, make_plan: MakePlan) -> None:
    made = make_plan([make_change(ACME, "secret", "production", Action.CREATE)])
    assert verdict(made) == (Conclusion.SUCCESS, "1 create; 1 of 1,204 tenants, 1 of 20 shards")
    assert verdict(make_plan([])) == (Conclusion.SUCCESS, "No changes")


def test_a_guard_makes_it_somebodys_action(make_change: Make, make_plan: MakePlan) -> None:
    gone = make_change(ACME, "sql.database", "production", Action.DELETE, source=f"{YAML}:4")
    guard = GuardVerdict("data-deletes", ACME, Verdict.REFUSE, "the escrow window ends 2026-12-07", (gone.address,))
    made = make_plan([gone], guards=(guard,))
    conclusion, title = verdict(made)
    assert conclusion is Conclusion.ACTION_REQUIRED
    assert title == "Refused by data-deletes: the escrow window ends 2026-12-07"
    refusal, loss = annotations(made)
    assert (refusal.path, refusal.line, refusal.level) == (YAML, 4, Level.FAILURE)
    assert (loss.title, loss.level) == ("plan/destroys-data", Level.WARNING)


def test_what_is_wrong_or_unread_is_a_failure(make_change: Make, make_plan: MakePlan) -> None:
    wrong = Diagnostic("AP103", Severity.ERROR, "unknown field", YAML, Position(8, 3, 7), "did you mean `domains`?")
    conclusion, title = verdict(make_plan([], diagnostics=(wrong,)))
    assert (conclusion, title) == (Conclusion.FAILURE, "1 error in 1 file; the rest is planned")
    (found,) = annotations(make_plan([], diagnostics=(wrong,)), "fleets/prod")
    assert (found.path, found.line, found.column) == (f"fleets/prod/{YAML}", 8, 3)
    assert found.message == "unknown field (did you mean `domains`?)"
    unread = GuardVerdict("partial-read", FLEET, Verdict.REFUSE, "no answer", (Address(ACME, "secret", "x"),))
    assert verdict(make_plan([], guards=(unread,)))[0] is Conclusion.FAILURE
    assert verdict(make_plan([], two_way=True))[0] is Conclusion.ACTION_REQUIRED


def test_a_strangers_commit_is_neutral() -> None:
    said = not_planned("b" * 40, "it comes from a fork" * 20)
    assert said.conclusion is Conclusion.NEUTRAL and len(said.title) <= DESCRIPTION


def test_a_title_fits_whatever_a_guard_says(make_plan: MakePlan) -> None:
    guards = tuple(GuardVerdict(f"g-{n}", FLEET, Verdict.REFUSE, "no\n" * 200) for n in range(40))
    _, title = verdict(make_plan([], guards=guards))
    assert len(title) <= DESCRIPTION and title.isprintable()


def test_visitors_and_secrets(edited_plan: Plan) -> None:
    said = "\n".join(f"{a.title} {a.message}" for a in annotations(edited_plan))
    assert "plan/visitors-notice" in said and '"512Mi" → "1Gi"' in said
    assert check(edited_plan, "# words").annotations == annotations(edited_plan)


def test_a_secret_is_not_told(make_change: Make, make_plan: MakePlan) -> None:
    fields = (FieldChange("template.containers[0].env[KEY].value", "hunter2", "hunter3", sensitive=True),)
    made = make_plan([make_change(ACME, "run.service", "production", Action.REPLACE, fields=fields)])
    for text in (str(annotations(made)), quality(made), commands(made)):
        assert "hunter" not in text
        assert "(sensitive, changed)" in text


def test_many_objects_of_one_line_are_one_remark(make_change: Make, make_plan: MakePlan) -> None:
    fields = (FieldChange("template.containers[0].image", "a", "b"),)
    many = [
        make_change(tenant_target(f"t-{n}"), "run.service", "production", Action.UPDATE, fields=fields,
                    source="tiers/silver.yaml:7")
        for n in range(900)
    ]  # fmt: skip
    (found,) = annotations(make_plan(many))
    assert (found.path, found.line) == ("tiers/silver.yaml", 7)
    assert "and so 899 other objects" in found.message


def test_remarks_are_bounded_and_the_worst_are_kept(make_change: Make, make_plan: MakePlan) -> None:
    fields = (FieldChange("template.containers[0].image", "a", "b"),)
    many = [
        make_change(tenant_target(f"t-{n}"), "run.service", "production", Action.UPDATE, fields=fields)
        for n in range(MOST + 10)
    ]
    gone = make_change(ACME, "sql.database", "production", Action.DELETE)
    found = remarks(make_plan([*many, gone]))
    assert len(found) == MOST
    assert found[0].code == "plan/destroys-data"


def test_gitlabs_widget_counts_a_replacement_on_both_sides(
    edited_plan: Plan, make_plan: MakePlan, make_change: Make
) -> None:
    assert json.loads(widget(edited_plan)) == {"create": 0, "update": 3, "delete": 2}
    replaced = make_plan([make_change(ACME, "secret", "production", Action.REPLACE)])
    assert json.loads(widget(replaced)) == {"create": 1, "update": 0, "delete": 1}


def test_gitlabs_code_quality_and_githubs_commands(edited_plan: Plan) -> None:
    rows = json.loads(quality(edited_plan, "fleets/prod"))
    assert {"check_name", "description", "severity", "fingerprint", "location"} <= rows[0].keys()
    assert all(row["location"]["path"].startswith("fleets/prod/") for row in rows)
    assert "::error file=fleets/prod/shards/" in commands(edited_plan, "fleets/prod")


@pytest.mark.parametrize("source", ["", "fleet.yaml", "fleet.yaml:0", "fleet.yaml:99999999", "a:b:3"])
def test_any_source_is_a_place_or_none(make_change: Make, make_plan: MakePlan, source: str) -> None:
    for found in annotations(make_plan([make_change(ACME, "secret", "production", Action.DELETE, source=source)])):
        assert found.line >= 1 and found.path


def test_hostile_text_stays_one_line(hostile_plan: Plan) -> None:
    for found in annotations(hostile_plan):
        assert found.message.isprintable() and found.title.isprintable()
    assert all(line.startswith("::") for line in commands(hostile_plan).splitlines())
