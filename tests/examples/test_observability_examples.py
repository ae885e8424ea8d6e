"""examples/observability: every metric and label that a rule or a panel names is one we tell, in real PromQL, and every
alert says what, why and how to mend it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.daemon.measured import expositions

HOME = Path(__file__).parents[2] / "examples" / "observability"
RULES = yaml.safe_load((HOME / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((HOME / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = {
    **{rule["alert"]: [rule["expr"]] for rule in RULES},
    **{f"panel {panel['title']}": [target["expr"] for target in panel["targets"]] for panel in PANELS},
}
WANTED = {
    "daemon silent": "AipressDaemonSilent", "cycle failing": "AipressCycleFailing", "frozen": "AipressFleetFrozen",
    "queue age": "AipressCommitsWait", "drift": "AipressDriftNotUndone", "burn": "AipressCommitToLiveBurning",
    "parked": "AipressTenantsParked", "breaker": "AipressBreakerOpen", "history": "AipressHistoryUnreachable",
    "forgeries": "AipressWebhookForgeries",
}  # fmt: skip


@pytest.fixture(scope="module")
def told() -> dict[str, set[str]]:
    """Name of each series we tell -> the labels it has."""
    found: dict[str, set[str]] = {}
    for family in (one for text in expositions() for one in text_string_to_metric_families(text)):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def selectors(node: Any) -> Iterator[tuple[str, set[str], set[str]]]:
    """(metric, labels it is matched by, labels it is grouped by) of an expression."""
    parser = pytest.importorskip("promql_parser")
    grouped: set[str] = set()

    def walk(one: Any, by: set[str]) -> Iterator[tuple[str, set[str], set[str]]]:
        if isinstance(one, parser.AggregateExpr):
            modifier = one.modifier
            more = set(modifier.labels) if modifier is not None else set()
            yield from walk(one.expr, by | more)
        elif isinstance(one, parser.BinaryExpr):
            yield from walk(one.lhs, by)
            yield from walk(one.rhs, by)
        elif isinstance(one, parser.Call):
            for argument in one.args:
                yield from walk(argument, by)
        elif isinstance(one, parser.MatrixSelector):
            yield from walk(one.vector_selector, by)
        elif isinstance(one, parser.VectorSelector):
            yield one.name, {m.name for m in one.matchers.matchers if m.name != "__name__"}, by
        elif hasattr(one, "expr"):
            yield from walk(one.expr, by)

    yield from walk(node, grouped)


@pytest.mark.parametrize("who", EXPRESSIONS)
def test_every_expression_is_promql_over_what_we_tell(who: str, told: dict[str, set[str]]) -> None:
    parser = pytest.importorskip("promql_parser")
    for text in EXPRESSIONS[who]:
        found = list(selectors(parser.parse(text)))
        assert found, text
        for name, matched, grouped in found:
            assert name in told, f"{who}: nothing is told under the name {name}"
            assert matched | grouped <= told[name], f"{who}: {name} has the labels {sorted(told[name])}"


def test_legends_name_labels_that_are_left(told: dict[str, set[str]]) -> None:
    every = {label for labels in told.values() for label in labels}
    for panel in PANELS:
        for target in panel["targets"]:
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= every, panel["title"]


def test_every_alert_says_what_why_and_how_to_mend_it() -> None:
    names = [rule["alert"] for rule in RULES]
    assert set(WANTED.values()) <= set(names) and len(names) == len(set(names))
    for rule in RULES:
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in ("page", "ticket", "info")
        assert all(len(notes[name]) > 20 for name in ("summary", "why", "runbook")), rule["alert"]
        assert notes["why"].endswith(".") and "\n" not in notes["runbook"]


def test_commands_that_a_runbook_names_are_ours() -> None:
    from reconciler.cli.app import COMMANDS

    known = {name for name, *_ in COMMANDS}
    for rule in RULES:
        said = re.findall(r"aipress ([a-z]+)", rule["annotations"]["runbook"])
        assert set(said) <= known, rule["alert"]


def test_the_dashboard_has_a_row_for_each_question_and_no_panel_over_another() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Overview", "Reconcile", "Queue", "Google's APIs", "Applies", "Git, webhooks and messages"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (apt install prometheus)")
def test_prometheus_itself_takes_the_rules() -> None:
    words = ["promtool", "check", "rules", str(HOME / "alerts.yaml")]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
