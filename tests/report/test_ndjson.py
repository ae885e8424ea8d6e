"""NDJSON: tofu's envelope, `version` first and `run_complete` last; every line stands alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from reconciler.model.ids import tenant_target
from reconciler.model.outcome import Event, EventKind
from reconciler.model.plan import Action, Change, Plan
from reconciler.report.jsontext import error_document, plan_document
from reconciler.report.ndjson import Stamp, apply_line, complete_line, plan_lines, version_line

STAMP = Stamp(datetime(2026, 11, 23, 9, 0, 0, 120_000, tzinfo=UTC), "0.1.0")


def test_a_plan(edited_plan: Plan, golden: Callable[[str, str], None]) -> None:
    golden("plan.ndjson", version_line(STAMP) + "".join(plan_lines(edited_plan, STAMP)) + complete_line(STAMP, 3))


def test_every_line_has_the_envelope(edited_plan: Plan, make_change: Callable[..., Change]) -> None:
    event = Event(
        EventKind.ERRORED, make_change(tenant_target("a1b"), "secret", "x", Action.CREATE), STAMP.at, 1.5, "no"
    )
    lines = [version_line(STAMP), *plan_lines(edited_plan, STAMP), apply_line(event, "0.1.0"), complete_line(STAMP, 0)]
    rows = [json.loads(line) for line in lines]
    assert all({"@level", "@message", "@module", "@timestamp", "type"} <= row.keys() for row in rows)
    assert rows[0]["type"] == "version"
    assert rows[-1]["type"] == "run_complete"
    assert {row["@level"] for row in rows} <= {"info", "warn", "error"}
    assert rows[-2]["hook"]["elapsed"] == 1.5
    assert rows[0]["@timestamp"] == "2026-11-23T09:00:00.120Z"


def test_types_of_a_plan_in_order(edited_plan: Plan) -> None:
    types = [json.loads(line)["type"] for line in plan_lines(edited_plan, STAMP)]
    assert types == [
        "diagnostic", "diagnostic", "resource_drift", *["planned_change"] * 5, *["guard_refused"] * 2, "change_summary",
    ]  # fmt: skip


def test_hostile_text_never_breaks_a_line(hostile_plan: Plan) -> None:
    for line in plan_lines(hostile_plan, STAMP):
        assert line.count("\n") == 1
        assert line.isascii()
        assert json.loads(line)["@message"].isprintable()


def test_the_plan_document_is_the_contract_and_always_the_same_bytes(edited_plan: Plan) -> None:
    text = plan_document(edited_plan)
    assert text == plan_document(Plan.from_json(json.loads(text)))
    row = json.loads(text)
    assert row["format"] == "aipress.plan/1"
    assert row["digest"] == edited_plan.digest
    assert text.isascii()


def test_errors_for_machines() -> None:
    assert json.loads(error_document("no\x1b", "do this", 5)) == {"error": "no\x1b", "hint": "do this", "exit": 5}
