"""Forks and commands against the code host: nothing of a stranger's is planned or carried out, by either API."""

import pytest

from reconciler.actions.hearing import hear, standing
from reconciler.forge.commands import Command, No, Verb
from reconciler.forge.trust import Live, Offline
from reconciler.model.forge import Forge
from tests.forge.conftest import HEAD
from tests.forge.host import CodeHost

AUTHOR, MAINTAINER, READER = 500, 77, 78
DIGEST = "sha256:" + "9a41c07e" * 8
APPLY = f"/aipress apply plan=9a41c07e9a41 head={HEAD}"


@pytest.fixture(autouse=True)
def people(host: CodeHost) -> None:
    host.user("t1", AUTHOR, "stranger", level="none")
    host.user("t2", MAINTAINER, "lena", level="write")
    host.user("t3", READER, "support", level="read")
    host.pull(12, HEAD, author=AUTHOR, fork=True)


def test_a_forks_head_is_offline_until_a_maintainer_names_it(forge: Forge, host: CodeHost) -> None:
    assert isinstance(standing(forge, 12).reach, Offline)
    for author, text in (
        (AUTHOR, f"/aipress plan head={HEAD}"),
        (READER, f"/aipress plan head={HEAD}"),
        (MAINTAINER, "/aipress plan"),
        (MAINTAINER, f"/aipress plan head={'a' * 40}"),
        (MAINTAINER, f"so:\n/aipress plan head={HEAD}"),
        (MAINTAINER, APPLY),
    ):
        host.say(12, author, text)
        assert isinstance(standing(forge, 12).reach, Offline), (author, text)
    host.say(12, MAINTAINER, f"/aipress plan head={HEAD}")
    assert isinstance(standing(forge, 12).reach, Live)
    host.pull(12, "c" * 40, author=AUTHOR, fork=True)
    assert isinstance(standing(forge, 12).reach, Offline), "a push after the yes is another commit"


def test_a_comment_that_was_edited_is_no_yes(forge: Forge, host: CodeHost) -> None:
    host.say(12, MAINTAINER, f"/aipress plan head={HEAD}")["edited"] = True
    assert isinstance(standing(forge, 12).reach, Offline)


def test_a_review_is_a_yes_to_its_commit(forge: Forge, host: CodeHost) -> None:
    host.versions = [{"head": HEAD, "at": "2026-11-23T09:00:00.000Z"}]
    host.reviews = [{"user": MAINTAINER, "state": "APPROVED", "commit": HEAD, "at": "2026-11-23T09:30:00.000Z"}]
    assert isinstance(standing(forge, 12).reach, Live)


def test_a_colleagues_branch_needs_no_yes(forge: Forge, host: CodeHost) -> None:
    host.pull(12, HEAD, author=MAINTAINER)
    assert isinstance(standing(forge, 12).reach, Live)
    assert not [a for a in host.asked if "comments" in a.path or "notes" in a.path]


def test_a_maintainers_command_is_taken_and_shown_so(forge: Forge, host: CodeHost) -> None:
    host.pull(12, HEAD, author=MAINTAINER, state="merged")
    said = host.say(12, MAINTAINER, APPLY)
    assert hear(forge, 12, said["id"], lambda pull: DIGEST) == Command(Verb.APPLY, HEAD, "9a41c07e9a41")
    assert host.reactions == [{"comment": said["id"], "content": "eyes"}]
    assert len(host.of(12)) == 1


@pytest.mark.parametrize(
    ("author", "text", "why"),
    [
        (AUTHOR, APPLY, "only who may push"),
        (READER, "/aipress plan", "only who may push"),
        (MAINTAINER, "/aipress apply @everyone", "and nothing else"),
        (MAINTAINER, f"/aipress apply plan=9a41c07e9a41 head={'a' * 40}", "the head is"),
        (MAINTAINER, f"/aipress apply plan=000000000000 head={HEAD}", "not the one that is shown"),
    ],
)
def test_a_refusal_is_plain(forge: Forge, host: CodeHost, author: int, text: str, why: str) -> None:
    host.pull(12, HEAD, author=MAINTAINER, state="merged")
    said = host.say(12, author, text)
    assert isinstance(hear(forge, 12, said["id"], lambda pull: DIGEST), No)
    answer = host.of(12)[-1]["body"]
    assert answer.startswith("AIPress did nothing: ") and why in answer
    assert "everyone" not in answer
    assert host.reactions == [{"comment": said["id"], "content": "confused"}]


@pytest.mark.parametrize("text", ["/aipress hello", "nice work"])
def test_a_stranger_who_knows_no_words_is_not_talked_to(forge: Forge, host: CodeHost, text: str) -> None:
    hear(forge, 12, host.say(12, AUTHOR, text)["id"], lambda pull: DIGEST)
    assert len(host.of(12)) == 1
    assert host.reactions == []


def test_a_comment_that_is_gone_asks_for_nothing(forge: Forge) -> None:
    assert hear(forge, 12, 4711, lambda pull: DIGEST) is None
