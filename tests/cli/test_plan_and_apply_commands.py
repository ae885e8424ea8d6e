"""`aipress plan`, `show` and `apply` above their actions: formats, streams, files, questions, exit codes."""

import json
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.actions.apply import Applied, ApplyRequest
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.errors import RefusedError
from reconciler.model.ids import Address, tenant_target
from reconciler.model.outcome import Event, EventKind, ItemOutcome, Outcome, Result
from reconciler.model.plan import Action, Change, FieldChange, Plan
from tests.cli.conftest import Aipress

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def change(name: str, action: Action) -> Change:
    return Change(
        Address(tenant_target(name), "run.service", "production"), f"projects/p/{name}", "projects/p", action, "", {},
        "sha256:0", f"shards/s/tenants/{name}/tenant.yaml:3", "s", "k3v9x2ma",
        (FieldChange("template.timeout", "1s", "2s"),),
    )  # fmt: skip


UPDATE = Plan("local:x", "", "b81d7aa", {"shard/s": None}, (change("acme", Action.UPDATE),), compared=5)
DELETE = replace(UPDATE, changes=(change("acme", Action.DELETE), change("birch", Action.DELETE)))
MANY = replace(UPDATE, changes=tuple(change(f"site-{n}", Action.DELETE) for n in range(5)))
EMPTY = replace(UPDATE, changes=())
WRONG = replace(UPDATE, diagnostics=(Diagnostic("AP103", Severity.ERROR, "unknown field", "f.yaml"),))


class Stand:
    """In place of the world and its actions: gives a plan, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plan, self.edited, self.requests, self.flags = UPDATE, [], [], {}  # type: ignore[var-annotated]
        world = SimpleNamespace(
            clock=SimpleNamespace(now=lambda: AT), repository=SimpleNamespace(edited=lambda: self.edited)
        )

        def wired(settings: Any) -> Any:
            self.flags = {name: setting.value for name, setting in settings.values.items()}
            return world

        monkeypatch.setattr("reconciler.assemble.world", wired)
        monkeypatch.setattr("reconciler.actions.plan.make", self.made)
        monkeypatch.setattr("reconciler.actions.apply.apply", self.applied)

    def made(self, _world: Any, request: Any) -> Plan:
        self.requests.append(request)
        return self.plan

    def applied(self, _world: Any, request: ApplyRequest) -> Applied:
        self.requests.append(request)
        plan = request.plan or self.plan
        if request.plan is None and request.confirm and not request.confirm(plan):
            raise RefusedError("not applied: the plan was declined")
        for one in plan.changes:
            request.progress(Event(EventKind.START, one, AT))
            request.progress(Event(EventKind.COMPLETE, one, AT, 41))
        items = {c.address: ItemOutcome(c, Result.DONE) for c in plan.changes}
        return Applied(plan, Outcome(items), exit_code=0)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(monkeypatch)


# --- plan -----------------------------------------------------------------------------------------------------------


def test_a_plan_is_data_on_standard_output(aipress: Aipress, stand: Stand) -> None:
    ended = aipress("plan", "tenant/acme@production")
    assert ended.code == 0
    assert "Plan: 0 to create, 1 to update" in ended.out
    assert ended.err == ""
    assert [str(target) for target in stand.requests[0].targets] == ["tenant/acme@production"]


def test_changes_are_2_only_when_asked(aipress: Aipress, stand: Stand) -> None:
    assert aipress("plan", "--detailed-exitcode").code == 2
    stand.plan = EMPTY
    assert aipress("plan", "--detailed-exitcode").code == 0


def test_wrong_input_is_3_before_2_and_the_rest_is_planned(aipress: Aipress, stand: Stand) -> None:
    stand.plan = WRONG
    ended = aipress("plan", "--detailed-exitcode")
    assert ended.code == 3
    assert "1 to update" in ended.out
    assert "AP103" in ended.out


def test_what_is_not_committed_is_said(aipress: Aipress, stand: Stand) -> None:
    stand.edited = ["a.yaml", "b.yaml"]
    assert aipress("plan").err == "warning: 2 edited files are not in this plan: commit them\n"


def test_the_saved_file_is_the_same_document_as_json(aipress: Aipress, stand: Stand) -> None:
    printed = aipress("plan", "--format", "json").out
    ended = aipress("plan", "--out", "plan.json", "--json")
    saved = Path("plan.json")
    assert saved.read_text() == printed == ended.out
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert "aipress apply plan.json" in ended.err
    assert json.loads(printed)["digest"] == UPDATE.digest


def test_ndjson_begins_and_ends_as_promised(aipress: Aipress, stand: Stand) -> None:
    lines = [json.loads(line) for line in aipress("plan", "--format", "ndjson").out.splitlines()]
    assert lines[0]["type"] == "version"
    assert lines[-1] == {**lines[-1], "type": "run_complete", "exit": 0}


def test_markdown_is_the_comment(aipress: Aipress, stand: Stand) -> None:
    assert aipress("plan", "--format", "markdown").out.startswith("<!-- aipress:comment v=1 ")


def test_revisions_are_passed_on(aipress: Aipress, stand: Stand) -> None:
    aipress("plan", "--base", "main", "--head", "pr")
    assert (stand.requests[0].base, stand.requests[0].head) == ("main", "pr")


def test_a_saved_plan_is_shown(aipress: Aipress, stand: Stand) -> None:
    aipress("plan", "--out", "plan.json")
    assert "1 to update" in aipress("show", "plan.json").out
    assert aipress("show", "plan.json", "--json").json["digest"] == UPDATE.digest


# --- apply ----------------------------------------------------------------------------------------------------------


def test_without_a_person_apply_shows_the_plan_and_names_yes(aipress: Aipress, stand: Stand) -> None:
    ended = aipress("apply")
    assert ended.code == 5
    assert "1 to update" in ended.out
    assert "--yes" in ended.err


def test_no_input_never_asks(aipress: Aipress, stand: Stand, typed: Callable[[Sequence[str]], None]) -> None:
    typed(["y"])
    ended = aipress("apply", "--no-input")
    assert ended.code == 5
    assert "--no-input" in ended.err


def test_yes_applies_and_progress_goes_to_standard_error(aipress: Aipress, stand: Stand) -> None:
    ended = aipress("apply", "--yes")
    assert ended.code == 0
    assert "Apply complete! 0 created, 1 updated" in ended.out
    assert ended.err.splitlines() == [
        "tenant/acme run.service/production: Modifying...",
        "tenant/acme run.service/production: Modifications complete after 41s",
    ]


def test_quiet_leaves_progress_out(aipress: Aipress, stand: Stand) -> None:
    assert aipress("apply", "--yes", "-q").err == ""


def test_json_is_all_there_is_on_standard_output(aipress: Aipress, stand: Stand) -> None:
    told = aipress("apply", "--yes", "--json").json
    assert told["exit"] == 0
    assert told["plan"] == UPDATE.digest
    assert told["items"][0]["result"] == "done"


@pytest.mark.parametrize(
    ("plan", "lines", "code"),
    [
        (UPDATE, ["y"], 0),
        (UPDATE, ["yes"], 0),
        (UPDATE, [""], 5),
        (UPDATE, ["n"], 5),
        (DELETE, ["acme", "birch"], 0),
        (DELETE, ["y", "y"], 5),
        (DELETE, ["acme", "acme"], 5),
        (MANY, ["5"], 0),
        (MANY, ["y"], 5),
    ],
)
def test_what_destroys_wants_its_name_typed(
    aipress: Aipress, stand: Stand, typed: Callable[[Sequence[str]], None], plan: Plan, lines: list[str], code: int
) -> None:
    stand.plan = plan
    typed(lines)
    assert aipress("apply", "--color", "never").code == code


def test_a_saved_plan_is_never_asked_about(aipress: Aipress, stand: Stand) -> None:
    aipress("plan", "--out", "plan.json")
    ended = aipress("apply", "plan.json")
    assert ended.code == 0
    assert stand.requests[-1].plan == UPDATE


def test_a_plan_is_applied_alone(aipress: Aipress, stand: Stand) -> None:
    aipress("plan", "--out", "plan.json")
    assert aipress("apply", "plan.json", "tenant/acme").code == 64


def test_flags_reach_the_action(aipress: Aipress, stand: Stand) -> None:
    digest = "sha256:" + "0" * 64
    aipress(
        "apply", "--yes", "--allow", "blast-radius,shrink", "--allow", "holds", "--expect-plan", digest,
        "--max-parallel", "3",
    )  # fmt: skip
    request = stand.requests[-1]
    assert request.allow == {"blast-radius", "shrink", "holds"}
    assert request.expect == digest
    assert stand.flags["max_parallel"] == "3"


def test_a_digest_that_is_none_is_usage(aipress: Aipress, stand: Stand) -> None:
    assert aipress("apply", "--expect-plan", "9a41c07e").code == 64


def test_a_word_that_is_neither_plan_nor_target_is_usage(aipress: Aipress, stand: Stand) -> None:
    ended = aipress("apply", "acme")
    assert ended.code == 64
    assert "tenant/NAME" in ended.err
