"""The laws of the durable engine that can be read in its code, and what it keeps, reports and throws away."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.engine.clock import SystemClock
from reconciler.engine.durable.engine import DurableEngine
from reconciler.engine.durable.terms import Terms
from reconciler.model.order import Order
from reconciler.model.plan import Plan
from tests.applying.builders import LABELS, change
from tests.architecture.house import ROOT
from tests.doubles import FakeCloud, Killed, Script, plain_effects
from tests.engine.rig import MemoryJournal
from tests.engine.test_durable_crashes import address_of, asked, secret

JOURNALED = "reconciler/engine/durable/journaled.py"
STEPS = {"step", "run_step", "run_step_async", "reserve_step", "run_async", "transaction", "sleep", "recv", "patch"}


def engine(folder: Path, cloud: FakeCloud, **terms: float) -> DurableEngine:
    return DurableEngine(plain_effects(cloud, MemoryJournal(), SystemClock()), folder, Terms(2, **terms))  # type: ignore[arg-type]


def order(*numbers: int) -> Order:
    return Order(Plan("local:test", "", "c0ffee", {"shard/s": None}, tuple(secret(n) for n in numbers)))


def apply(one: DurableEngine, *numbers: int) -> bool:
    return one.apply(order(*numbers), lambda event: None, lambda *given: None).ok


# --- in the code ----------------------------------------------------------------------------------------------------


def test_one_module_speaks_to_dbos() -> None:
    speaking = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "reconciler").rglob("*.py")
        if re.search(r"^\s*(from|import) dbos\b", file.read_text(), re.MULTILINE)
    }
    assert speaking == {JOURNALED, "reconciler/engine/durable/shop.py"}
    shop = (ROOT / "reconciler/engine/durable/shop.py").read_text()
    assert "DBOS." not in shop, "only the names of its errors"


def journaled() -> ast.Module:
    return ast.parse((ROOT / JOURNALED).read_text())


def test_workflow_code_takes_steps_through_one_class_only() -> None:
    """Trap 1: a step taken anywhere else is numbered by when it happens to start."""
    tree = journaled()
    (steps,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "JournaledSteps"]
    allowed = {id(n) for n in ast.walk(steps)}
    taken = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in STEPS]
    assert {n.attr for n in taken} == {"reserve_step", "run_async"}
    assert [n.lineno for n in taken if id(n) not in allowed] == []


def test_there_is_one_workflow_and_no_decorated_step() -> None:
    decorated = [
        (n.name, ast.unparse(d))
        for n in ast.walk(journaled())
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        for d in n.decorator_list
    ]
    assert [d for d in decorated if "DBOS" in d[1]] == [("_apply", "DBOS.workflow(name=WORKFLOW)")]


def test_what_is_resumed_names_its_queue_and_no_queue_has_a_limiter() -> None:
    """Traps 2 and 5."""
    calls = [n for n in ast.walk(journaled()) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    resumed = [n for n in calls if n.func.attr.startswith("resume_workflow")]  # type: ignore[attr-defined]
    assert len(resumed) == 1 and {k.arg: ast.unparse(k.value) for k in resumed[0].keywords} == {"queue_name": "QUEUE"}
    (queue,) = [n for n in calls if n.func.attr == "register_queue"]  # type: ignore[attr-defined]
    given = {k.arg: ast.unparse(k.value) for k in queue.keywords}
    assert given["partition_concurrency"] == "1"
    assert not [name for name in given if name and "limiter" in name]


def test_private_parts_of_dbos_are_left_alone() -> None:
    text = (ROOT / JOURNALED).read_text()
    assert "DBOS._" not in text and "_sys_db" not in text and "dbos._" not in text


def test_what_is_pure_of_it_loads_no_dbos() -> None:
    """Observing and planning are never workflows; and naming the engine costs nothing."""
    program = (
        "import sys, reconciler.cycle.loop, reconciler.engine.durable.engine, reconciler.actions.drift;"
        "print([m for m in ('dbos', 'sqlalchemy', 'psycopg') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_nothing_is_printed_by_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert apply(engine(tmp_path, FakeCloud()), 0, 1)
    assert capfd.readouterr() == ("", "")


# --- what it keeps --------------------------------------------------------------------------------------------------


def test_what_is_over_is_thrown_away_after_its_time(tmp_path: Path) -> None:
    cloud = FakeCloud(polls=1)
    assert apply(engine(tmp_path, cloud), 0)
    asked(tmp_path, "UPDATE aipress_orders SET closed = closed - 1000")
    assert apply(engine(tmp_path, cloud, kept=2000.0), 1)
    assert asked(tmp_path, "SELECT count(*) FROM workflow_status") == [(2,)]
    assert apply(engine(tmp_path, cloud, kept=500.0), 2)
    names = asked(
        tmp_path, "SELECT DISTINCT substr(function_name, instr(function_name, ' ') + 1) FROM operation_outputs"
    )
    assert sorted(names) == [(str(address_of(n)),) for n in (1, 2)]
    assert asked(tmp_path, "SELECT count(*) FROM workflow_status") == [(2,)]
    assert asked(tmp_path, "SELECT count(*) FROM aipress_orders") == [(2,)]
    assert asked(tmp_path, "SELECT DISTINCT number FROM aipress_settled ORDER BY number") == [(2,), (3,)]


def cut_off(folder: Path) -> DurableEngine:
    cloud = FakeCloud()
    cloud.script(Script("begin", kill="before"))
    one = engine(folder, cloud)
    with pytest.raises(Killed):
        apply(one, 0)
    return one


def test_the_age_of_what_is_pending_can_be_asked_for(tmp_path: Path) -> None:
    assert engine(tmp_path, FakeCloud()).oldest_pending() is None
    one = cut_off(tmp_path)
    age = one.oldest_pending()
    assert age is not None and 0 <= age < 60
    one.resume(lambda order: True, lambda event: None, lambda *given: None)
    assert one.oldest_pending() is None


def test_the_watchdog_reports_what_is_pending_beyond_its_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cut_off(tmp_path).resume(lambda order: False, lambda event: None, lambda *given: None)
    assert "not over" not in caplog.text
    cut_off(tmp_path)
    asked(tmp_path, "UPDATE aipress_orders SET began = began - 4 * 3600")
    engine(tmp_path, FakeCloud()).resume(lambda order: False, lambda event: None, lambda *given: None)
    assert "began 4.0 hours ago is not over" in caplog.text


def test_a_queued_part_that_no_order_knows_blocks_nobody(tmp_path: Path) -> None:
    """Our tables lost, and DBOS's kept."""
    cut_off(tmp_path)
    asked(tmp_path, "DELETE FROM aipress_orders")
    assert apply(engine(tmp_path, FakeCloud()), 0)


def test_a_plan_that_cannot_be_walked_is_refused_before_anything_is_kept(tmp_path: Path) -> None:
    twice = change(str(address_of(0)), "projects/p/secrets/t00", {"labels": LABELS})
    bad = Order(Plan("local:test", "", "c0ffee", {}, (twice, twice)))
    with pytest.raises(ValueError, match="stands twice"):
        engine(tmp_path, FakeCloud()).apply(bad, lambda event: None, lambda *given: None)
    assert engine(tmp_path, FakeCloud()).oldest_pending() is None
