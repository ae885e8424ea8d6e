"""What a comment may ask for, and who may ask: exact words, by immutable id, for the commit that was looked at."""

from dataclasses import replace

import pytest

from reconciler.forge.commands import Asked, Command, No, Verb, decide, parse
from reconciler.model.forge import Permission, PullRequest

HEAD, PAST = "b" * 40, "a" * 40
DIGEST = "sha256:" + "9a41c07e" * 8
PULL = PullRequest(12, HEAD, "main", 500, fork=False)
MERGED = replace(PULL, open=False, merged=True)
APPLY = Command(Verb.APPLY, HEAD, "9a41c07e9a41")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/aipress plan", Command(Verb.PLAN)),
        ("/aipress plan\r\nthanks!", Command(Verb.PLAN)),
        (f"/aipress plan head={HEAD}", Command(Verb.PLAN, HEAD)),
        (f"/aipress apply plan=9a41c07e9a41 head={HEAD}", APPLY),
        (f"/aipress apply plan=sha256:9a41c07e9a41 head={HEAD}", APPLY),
    ],
)
def test_commands(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    "text",
    ["", "looks good", "please\n/aipress plan", "> /aipress plan", " /aipress plan", "`/aipress plan`",
     "/aipresss plan", "/aipress-plan", "see /aipress plan"],
)  # fmt: skip
def test_what_is_not_on_the_first_line_is_talk(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    ["/aipress", "/aipress ", "/aipress plan now", "/aipress  plan", "/aipress plan ", "/AIPRESS plan",
     "/aipress apply", "/aipress apply plan=9a41c07e9a41", f"/aipress apply plan=9a41c07e9a4 head={HEAD}",
     f"/aipress apply plan=9a41c07e9a41 head={HEAD[:12]}", f"/aipress apply head={HEAD} plan=9a41c07e9a41",
     f"/aipress apply plan=9A41C07E9A41 head={HEAD}", "/aipress plan\u00a0", "/aipress destroy @everyone <b>"],
)  # fmt: skip
def test_what_is_not_exact_is_refused_without_repeating_it(text: str) -> None:
    refused = parse(text)
    assert isinstance(refused, No)
    assert "everyone" not in refused.why and "<b>" not in refused.why


@pytest.mark.parametrize("may", [Permission.NONE, Permission.READ])
@pytest.mark.parametrize("pull", [PULL, MERGED])
@pytest.mark.parametrize("command", [Command(Verb.PLAN), Command(Verb.PLAN, HEAD), APPLY])
def test_only_who_may_push_is_heard(may: Permission, command: Command, pull: PullRequest) -> None:
    assert isinstance(decide(Asked(command, may, pull, DIGEST)), No)


@pytest.mark.parametrize("may", [Permission.WRITE, Permission.ADMIN])
@pytest.mark.parametrize(
    ("command", "pull"), [(Command(Verb.PLAN), PULL), (Command(Verb.PLAN, HEAD), PULL), (APPLY, MERGED)]
)
def test_who_may_push_is_heard(may: Permission, command: Command, pull: PullRequest) -> None:
    assert decide(Asked(command, may, pull, DIGEST)) == command


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked(APPLY, Permission.ADMIN, replace(MERGED, head=PAST), DIGEST), "the head is `aaaaaaaaaaaa` by now"),
        (Asked(Command(Verb.PLAN, PAST), Permission.ADMIN, PULL, DIGEST), "look again"),
        (Asked(APPLY, Permission.ADMIN, MERGED, ""), "nothing of this pull request waits"),
        (Asked(APPLY, Permission.ADMIN, MERGED, "sha256:" + "0" * 64), "not the one that is shown"),
        (Asked(APPLY, Permission.ADMIN, PULL, DIGEST), "nothing is applied before the merge"),
        (Asked(APPLY, Permission.ADMIN, replace(PULL, open=False), DIGEST), "closed and not merged"),
        (Asked(Command(Verb.PLAN), Permission.ADMIN, MERGED, DIGEST), "closed"),
        (Asked(APPLY, Permission.ADMIN, MERGED, DIGEST, edited=True), "edited"),
    ],
)
def test_a_command_is_for_what_was_looked_at(asked: Asked, why: str) -> None:
    refused = decide(asked)
    assert isinstance(refused, No) and why in refused.why
