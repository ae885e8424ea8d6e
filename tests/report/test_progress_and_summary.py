"""An apply in lines while it runs, and in one screen when it ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.model.ids import Address, tenant_target
from reconciler.model.outcome import Event, EventKind, ItemOutcome, Outcome, Result
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.version import Version
from reconciler.report.progress import event_line, has_a_line
from reconciler.report.summary import Told, apply_document, apply_text, closing

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACME = tenant_target("acme-bakery")


@pytest.mark.parametrize(
    ("action", "kind", "elapsed", "message", "line"),
    [
        (Action.CREATE, EventKind.START, 0, "", "Creating..."),
        (Action.CREATE, EventKind.PROGRESS, 10.2, "", "Still creating... [10s elapsed]"),
        (Action.CREATE, EventKind.COMPLETE, 41.4, "", "Creation complete after 41s"),
        (Action.UPDATE, EventKind.COMPLETE, 72, "", "Modifications complete after 1m12s"),
        (Action.UPDATE, EventKind.ERRORED, 3, "quota\n  exceeded", "Modifications failed after 3s: quota\\n  exceeded"),
        (Action.DELETE, EventKind.SKIPPED, 0, "waits for X, which failed", "Skipped: waits for X, which failed"),
        (Action.RUN, EventKind.PROGRESS, 3700, "backing up", "Still running... [1h1m40s elapsed] backing up"),
    ],
)
def test_event_lines(
    make_change: Callable[..., Change], action: Action, kind: EventKind, elapsed: float, message: str, line: str
) -> None:
    event = Event(kind, make_change(ACME, "run.service", "production", action), AT, elapsed, message)
    assert event_line(event) == f"tenant/acme-bakery run.service/production: {line}"


def test_every_action_and_event_has_its_words(make_change: Callable[..., Change]) -> None:
    lines = {
        event_line(Event(kind, make_change(ACME, "run.service", "production", action), AT, 1))
        for action in Action
        for kind in EventKind
    }
    assert len(lines) == len(Action) * (len(EventKind) - 1) + 1  # "Skipped" reads the same for all


def test_hostile_names_stay_on_their_line(make_change: Callable[..., Change], hostile: str) -> None:
    event = Event(EventKind.ERRORED, make_change(ACME, "secret", hostile, Action.CREATE), AT, 1, hostile)
    assert event_line(event).isprintable()


def outcome_of(plan: Plan, results: list[Result], interrupted: bool = False) -> Outcome:
    messages = {
        Result.FAILED: "the API said no",
        Result.STALE: "it moved",
        Result.SKIPPED: "waits for sql.instance/main",
    }
    return Outcome(
        {
            change.address: ItemOutcome(change, result, messages.get(result, ""))
            for change, result in zip(plan.changes, results, strict=True)
        },
        interrupted,
    )


def version(result: str) -> Version:
    return Version("abc", None, "eu-001", 12, AT, "lena", "apply", "b81d7aa", "sha256:00", result, "memory")


def test_a_good_apply_is_one_sentence(edited_plan: Plan) -> None:
    told = Told(edited_plan, outcome_of(edited_plan, [Result.DONE] * 5), (version("healthy"),))
    assert apply_text(told) == (
        "Apply complete! 0 created, 3 updated, 0 replaced, 2 deleted.\nVersion: eu-001/12 (healthy).\n"
    )


def test_a_mixed_apply_says_what_went_wrong_first(edited_plan: Plan, golden: Callable[[str, str], None]) -> None:
    results = [Result.DONE, Result.FAILED, Result.STALE, Result.SKIPPED, Result.DONE]
    skipped = {Address(tenant_target("old-co"), "sql.database", "production"): "data-deletes refuses it"}
    told = Told(edited_plan, outcome_of(edited_plan, results), (version("partial"),), skipped)
    golden("apply-mixed.txt", apply_text(told))


def test_an_interrupted_apply_says_how_to_go_on(edited_plan: Plan) -> None:
    results = [Result.DONE, Result.INTERRUPTED, Result.SKIPPED, Result.SKIPPED, Result.SKIPPED]
    text = apply_text(Told(edited_plan, outcome_of(edited_plan, results, interrupted=True)))
    assert "Apply interrupted. 0 created, 1 updated, 0 replaced, 0 deleted, 1 not finished." in text
    assert "Run the same command again" in text


def test_nothing_to_apply(edited_plan: Plan) -> None:
    calm = replace(edited_plan, changes=(), diagnostics=(), guards=())
    assert apply_text(Told(calm, Outcome({}))) == "Nothing to apply: no changes.\n"


def test_nothing_to_apply_because_something_is_wrong(edited_plan: Plan) -> None:
    text = apply_text(Told(replace(edited_plan, changes=()), Outcome({})))
    assert text.startswith("error AP103 shards/eu-001/tenants/birch/tenant.yaml:8:3")
    assert "refused data-deletes" in text
    assert text.endswith("\n\nNothing to apply: no changes.\n")


def test_long_lists_are_bounded(make_change: Callable[..., Change], make_plan: Callable[..., Plan]) -> None:
    plan = make_plan([make_change(tenant_target(f"t-{n}"), "secret", "x", Action.CREATE) for n in range(500)])
    text = apply_text(Told(plan, outcome_of(plan, [Result.FAILED] * 500)))
    assert "500 items failed:" in text
    assert "  ✗ 500 items of tenant/t-0, tenant/t-1, tenant/t-10 and 497 more: " in text
    others = {c.address: ItemOutcome(c, Result.FAILED, f"reason {n}") for n, c in enumerate(plan.changes)}
    text = apply_text(Told(plan, Outcome(others)))
    assert "and 480 more" in text
    assert len(text.splitlines()) < 30


def test_many_items_with_one_reason_are_one_line(
    make_change: Callable[..., Change], make_plan: Callable[..., Plan]
) -> None:
    plan = make_plan(
        [
            make_change(tenant_target(f"t-{n}"), kind, "x", Action.CREATE)
            for n in range(6)
            for kind in ("secret", "sql.user")
        ]
    )
    skipped = {change.address: "waits for the instance, which failed" for change in plan.changes}
    text = apply_text(Told(plan, Outcome({}), skipped=skipped))
    assert "12 items not run:" in text
    assert "12 items of tenant/t-0, tenant/t-1, tenant/t-2 and 3 more: waits for the instance, which failed" in text


def test_what_is_not_run_has_no_line_of_its_own_while_the_rest_is_walked(edited_plan: Plan) -> None:
    events = [Event(kind, edited_plan.changes[0], AT, 0.0) for kind in EventKind]
    assert [event.kind for event in events if not has_a_line(event)] == [EventKind.SKIPPED]


def test_the_document_for_machines_has_every_item(edited_plan: Plan) -> None:
    results = [Result.DONE, Result.FAILED, Result.STALE, Result.SKIPPED, Result.DONE]
    document = apply_document(Told(edited_plan, outcome_of(edited_plan, results), (version("partial"),)))
    assert document["summary"] == {"done": 2, "failed": 1, "stale": 1, "skipped": 1, "interrupted": 0}
    assert [item["result"] for item in document["items"]] == [str(r) for r in results]  # type: ignore[attr-defined]
    assert document["plan"] == edited_plan.digest


def test_the_closing_screen_lines_up() -> None:
    text = closing(
        "The loop is closed.",
        [("sites", "12 on 2 shards"), ("took", "41 s\x1b[2J")],
        [("aipress status", "what runs"), ("aipress cloud down", "stop the local cloud")],
    )
    assert text == (
        "The loop is closed.\n\n  sites  12 on 2 shards\n  took   41 s\\e[2J\n\nNext:\n"
        "  aipress status      what runs\n  aipress cloud down  stop the local cloud\n"
    )
