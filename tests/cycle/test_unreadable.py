"""A cloud that does not answer, or says no, is never "no changes"."""

from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.cli.plan import exit_code
from reconciler.model.errors import Failure, Next
from reconciler.report.markdown import CommentView, comment
from reconciler.report.text import PlanView, plan_text
from tests.cycle.small_world import SmallWorld
from tests.doubles import Script


@pytest.mark.parametrize(("forbidden", "code"), [(False, 1), (True, 4)])
def test_a_plan_over_what_could_not_be_read_says_so_and_does_not_end_well(
    forbidden: bool, code: int, tmp_path: Path
) -> None:
    small = SmallWorld(tmp_path)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    failure = Failure(Next.RETRY, "backend error", 503, forbidden=forbidden)
    small.cloud.script(Script("list", kind="run.service", failure=failure, times=9))
    small.cloud.script(Script("get", kind="run.service", failure=failure, times=9))
    plan = make(small.world(), PlanRequest())
    assert plan.changes == ()
    assert exit_code(plan, detailed=True) == code
    text = plan_text(plan, PlanView(version="0.1.0"))
    assert "4 objects could not be read: nothing is known or planned for them" in text
    assert "No changes" not in text
    assert "no changes" not in comment(plan, CommentView(version="0.1.0"))
