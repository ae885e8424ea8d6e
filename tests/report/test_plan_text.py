"""A plan on a terminal: what a reviewer reads, and what no author of a fleet file can make them read."""

from collections.abc import Callable

from reconciler.model.ids import tenant_target
from reconciler.model.plan import Action, Change, FieldChange, Plan
from reconciler.report.style import Style
from reconciler.report.text import PlanView, plan_text

VIEW = PlanView(version="0.1.0", base_name="main", head_name="pr/482", read_age=41)


def test_an_edited_tenant_and_a_purge(edited_plan: Plan, golden: Callable[[str, str], None]) -> None:
    golden("plan-edited.txt", plan_text(edited_plan, VIEW))


def test_a_whole_new_shard_is_folded(first_plan: Plan, golden: Callable[[str, str], None]) -> None:
    golden("plan-first.txt", plan_text(first_plan, VIEW))


def test_a_whole_new_shard_with_everything(first_plan: Plan, golden: Callable[[str, str], None]) -> None:
    golden("plan-first-all.txt", plan_text(first_plan, PlanView("0.1.0", everything=True)))


def test_the_same_change_on_many_tenants_is_one_section(same_on_many: Plan, golden: Callable[[str, str], None]) -> None:
    golden("plan-same.txt", plan_text(same_on_many, VIEW))


def test_silence_says_what_was_compared(make_plan: Callable[..., Plan]) -> None:
    plan = make_plan([], compared=187)
    assert "No changes. Fleet matches main@b81d7aa (1,204 tenants, 187 objects compared, read 2 s ago).\n" in plan_text(
        plan, PlanView(head_name="main", read_age=2)
    )


def test_silence_about_one_tenant_does_not_speak_for_the_fleet(make_plan: Callable[..., Plan]) -> None:
    text = plan_text(make_plan([], compared=9, scope=("tenant/acme-bakery",)))
    assert "tenant/acme-bakery matches b81d7aa" in text
    assert "Fleet matches" not in text


def test_blocks_that_nothing_manages_are_named_where_something_changes(
    edited_plan: Plan, make_plan: Callable[..., Plan]
) -> None:
    assert "tenant.yaml:20  `spec.cdn`" in plan_text(edited_plan)
    silent = make_plan([], diagnostics=edited_plan.diagnostics[1:])
    assert "Note: 1 block accepted, not yet managed (`aipress validate` lists them)." in plan_text(silent)
    assert "`spec.cdn`" in plan_text(silent, PlanView(everything=True))


def test_what_destroys_is_first_and_never_folded(
    make_change: Callable[..., Change], make_plan: Callable[..., Plan]
) -> None:
    gone = [make_change(tenant_target(f"gone-{n}"), "sql.database", "production", Action.DELETE) for n in range(4)]
    new = [make_change(tenant_target(f"new-{n}"), "sql.database", "production", Action.CREATE) for n in range(4)]
    text = plan_text(make_plan([*new, *gone]))
    order = [text.index(f"tenant/gone-{n} (shard eu-001) will be deleted") for n in range(4)]
    assert max(order) < text.index("4 tenants (shard eu-001) will be created")


def test_a_secret_is_never_shown_even_when_a_plan_forgot_to_mark_it(
    make_change: Callable[..., Change], make_plan: Callable[..., Plan]
) -> None:
    field = FieldChange("passwordFrom.secret", "hunter2", "correct horse")
    text = plan_text(
        make_plan([make_change(tenant_target("acme"), "sql.user", "production", Action.UPDATE, fields=(field,))])
    )
    assert "hunter2" not in text
    assert "horse" not in text
    assert "(sensitive, changed)" in text


def test_an_unknown_that_feeds_an_immutable_field_says_so(
    make_change: Callable[..., Change], make_plan: Callable[..., Plan], first_plan: Plan
) -> None:
    ref = next(f for c in first_plan.changes if c.address.kind == "folder" for f in [c.address])
    from reconciler.model.resource import Ref

    field = FieldChange("parent", "folders/1", None, unknown=Ref(ref, "name"), may_replace=True)
    text = plan_text(make_plan([make_change(tenant_target("acme"), "project", "main", Action.UPDATE, fields=(field,))]))
    assert '"folders/1" → (known after apply: fleet/folder/shards name)  may replace the object' in text


def test_hostile_text_cannot_write_a_line_or_a_control_sequence(hostile_plan: Plan, hostile: str) -> None:
    text = plan_text(hostile_plan, PlanView(everything=True))
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text.split("\n")) == len(text.splitlines()) + 1
    assert not any(line.startswith("- sql.database/production will be deleted") for line in text.splitlines())
    text.encode("utf-8")


def test_colour_only_when_asked(edited_plan: Plan) -> None:
    assert "\x1b[" not in plan_text(edited_plan)
    coloured = plan_text(edited_plan, PlanView(style=Style(colour=True)))
    assert "\x1b[31m" in coloured


def test_colour_adds_nothing_but_colour(edited_plan: Plan) -> None:
    import re

    coloured = plan_text(edited_plan, PlanView(style=Style(colour=True)))
    assert re.sub(r"\x1b\[[0-9]+m", "", coloured) == plan_text(edited_plan)
