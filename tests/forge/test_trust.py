"""A stranger's commit is planned only after somebody who may push here said yes to that very commit."""

from dataclasses import replace

import pytest

from reconciler.forge.trust import Live, Offline, reach
from reconciler.model.forge import Approval, Permission, PullRequest

HEAD, PAST = "b" * 40, "a" * 40
AUTHOR, MAINTAINER, READER = 500, 41, 77
FORK = PullRequest(12, HEAD, "main", AUTHOR, fork=True)
OWN = replace(FORK, fork=False)


def may(user: int) -> Permission:
    return {MAINTAINER: Permission.ADMIN, READER: Permission.READ}.get(user, Permission.NONE)


def test_a_branch_of_who_may_push_is_planned() -> None:
    assert isinstance(reach(replace(OWN, author=MAINTAINER), may), Live)


@pytest.mark.parametrize("pull", [FORK, OWN, replace(FORK, author=READER), replace(FORK, author=MAINTAINER)])
def test_everything_else_is_offline_and_says_what_to_do(pull: PullRequest) -> None:
    answer = reach(pull, may)
    assert isinstance(answer, Offline)
    assert "the live cloud was not read" in answer.why
    assert f"/aipress plan head={HEAD}" in answer.how


def test_the_yes_of_a_maintainer_to_that_commit() -> None:
    assert isinstance(reach(FORK, may, [Approval(MAINTAINER, HEAD)]), Live)


@pytest.mark.parametrize(
    "given",
    [Approval(MAINTAINER, PAST), Approval(MAINTAINER, ""), Approval(READER, HEAD), Approval(AUTHOR, HEAD),
     Approval(MAINTAINER, HEAD[:12])],
)  # fmt: skip
def test_any_other_yes_counts_for_nothing(given: Approval) -> None:
    answer = reach(FORK, may, [given])
    assert isinstance(answer, Offline)
    assert "a yes to another commit" in answer.why
