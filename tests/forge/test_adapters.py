"""Both adapters against a code host on loopback: everything the port promises."""

import pytest

from reconciler.forge.calls import Door
from reconciler.forge.github import GitHub
from reconciler.forge.gitlab import GitLab
from reconciler.model.errors import (
    AipressError,
    ForbiddenError,
    ForgeUnreachableError,
    InputError,
    TooLongError,
    UsageError,
)
from reconciler.model.forge import (
    Annotation,
    Approval,
    Check,
    Conclusion,
    Forge,
    Level,
    Permission,
    PullRequest,
    Reaction,
    User,
)
from tests.forge.conftest import HEAD, OURS, TOKEN, VirtualClock, forge_of
from tests.forge.host import CodeHost, Fault


def test_who_we_are(forge: Forge) -> None:
    assert forge.me() == User(OURS, "aipress-bot")


def test_a_workflows_token_is_no_user_and_tells_by_graphql(host: CodeHost, clock: VirtualClock) -> None:
    host.user("app-token", 41898282, "github-actions[bot]", app=True)
    assert forge_of("github", host, clock, "app-token").me() == User(41898282, "github-actions[bot]")


def test_graphql_of_an_enterprise_server_is_beside_its_rest(clock: VirtualClock) -> None:
    assert (
        GitHub("org/fleet", "t", clock, "https://ghe.example/api/v3/")._graphql() == "https://ghe.example/api/graphql"
    )


@pytest.mark.parametrize("fork", [False, True])
def test_a_pull_request(forge: Forge, host: CodeHost, fork: bool) -> None:
    host.pull(13, HEAD, base="release", author=77, fork=fork, labels=("aipress/live",))
    expected = PullRequest(13, HEAD, "release", 77, fork, frozenset({"aipress/live"}))
    assert forge.pull_request(13) == expected


def test_comments_of_all_pages_oldest_first(forge: Forge, host: CodeHost) -> None:
    for n in range(250):
        host.say(12, n, f"comment {n}")
    found = forge.comments(12)
    assert [c.body for c in found] == [f"comment {n}" for n in range(250)]
    assert [c.author for c in found] == list(range(250))
    assert len(host.asked) == 3


def test_a_comment_is_made_edited_and_taken_away(forge: Forge, host: CodeHost) -> None:
    made = forge.create_comment(12, "one")
    assert (made.author, made.body) == (OURS, "one")
    forge.edit_comment(12, made.id, "two")
    assert [c.body for c in forge.comments(12)] == ["two"]
    forge.delete_comment(12, made.id)
    forge.delete_comment(12, made.id)
    assert forge.comments(12) == ()
    with pytest.raises(InputError):
        forge.edit_comment(12, made.id, "three")


def test_a_body_that_is_too_long_is_told_apart(forge: Forge, host: CodeHost) -> None:
    with pytest.raises(TooLongError):
        forge.create_comment(12, "x" * 65_537)
    forge.create_comment(12, "x" * 65_536)


def test_somebody_elses_comment_is_not_ours_to_edit(forge: Forge, host: CodeHost) -> None:
    with pytest.raises(ForbiddenError):
        forge.edit_comment(12, host.say(12, 77, "theirs")["id"], "ours")


def test_what_is_not_there(forge: Forge) -> None:
    with pytest.raises(InputError, match="404"):
        forge.pull_request(99)


def test_a_wrong_token_is_forbidden_and_never_shown(kind: str, host: CodeHost, clock: VirtualClock) -> None:
    wrong = forge_of(kind, host, clock, "secret-that-is-wrong")
    with pytest.raises(ForbiddenError, match="does not accept the token") as raised:
        wrong.me()
    door = Door("GitHub", "https://api.github.com", "secret-that-is-wrong")
    assert "secret-that-is-wrong" not in f"{raised.value} {raised.value.hint} {wrong!r} {vars(wrong)!r} {door!r}"
    assert clock.waited == []


# --- waiting, trying again --------------------------------------------------------------------------------------------


def test_a_secondary_limit_is_waited_out_for_as_long_as_it_says(
    forge: Forge, host: CodeHost, clock: VirtualClock
) -> None:
    body = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
    host.fail(Fault("POST", status=403, headers={"Retry-After": "37"}, body=body))
    host.fail(Fault("POST", status=429, headers={"Retry-After": "5"}, body=body))
    forge.create_comment(12, "one")
    assert clock.waited == [37.0, 5.0]
    assert len(host.of(12)) == 1


def test_a_secondary_limit_without_a_time_is_a_minute(forge: Forge, host: CodeHost, clock: VirtualClock) -> None:
    host.fail(Fault("GET", status=403, body={"message": "You have exceeded a secondary rate limit."}))
    forge.me()
    assert clock.waited == [60.0]


@pytest.mark.parametrize("names", [("x-ratelimit-remaining", "x-ratelimit-reset"),
                                   ("RateLimit-Remaining", "RateLimit-Reset")])  # fmt: skip
def test_a_spent_quota_is_waited_out(forge: Forge, host: CodeHost, clock: VirtualClock, names: tuple[str, str]) -> None:
    until = int(clock.now().timestamp()) + 90
    host.fail(Fault("GET", status=429, headers={names[0]: "0", names[1]: str(until)}))
    forge.me()
    assert clock.waited == [90.0]


def test_a_quota_that_comes_back_in_an_hour_is_told_instead(forge: Forge, host: CodeHost, clock: VirtualClock) -> None:
    host.fail(Fault("GET", status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(ForgeUnreachableError, match="3,600 s"):
        forge.me()
    assert clock.waited == []


def test_what_may_pass_is_tried_again_and_not_for_ever(forge: Forge, host: CodeHost, clock: VirtualClock) -> None:
    host.fail(Fault("GET", status=502, times=2))
    forge.me()
    assert clock.waited == [1.0, 2.0]
    host.fail(Fault("GET", status=503, times=99))
    with pytest.raises(ForgeUnreachableError, match="503, 5 times"):
        forge.me()
    assert clock.waited[2:] == [1.0, 2.0, 4.0, 8.0]


def test_a_plain_403_is_not_waited_for(forge: Forge, host: CodeHost, clock: VirtualClock) -> None:
    host.read_only.add(OURS)
    with pytest.raises(ForbiddenError, match="not accessible"):
        forge.create_comment(12, "one")
    assert clock.waited == []


def test_nobody_there(kind: str, clock: VirtualClock) -> None:
    away = CodeHost()
    away.url = "http://127.0.0.1:9"
    with pytest.raises(ForgeUnreachableError, match="does not answer"):
        forge_of(kind, away, clock).me()
    assert len(clock.waited) == 4


@pytest.mark.parametrize("body", [None, [], "text", {}, {"id": None}])
def test_an_answer_that_makes_no_sense_is_said_in_words(forge: Forge, host: CodeHost, body: object) -> None:
    host.fail(Fault("GET", status=200, body=body))
    with pytest.raises(AipressError):
        forge.me()


def test_what_did_not_change_is_not_sent_again(forge: Forge, host: CodeHost) -> None:
    host.say(12, 77, "one")
    first = forge.comments(12)
    assert forge.comments(12) == first
    assert "if-none-match" in host.asked[-1].headers
    host.say(12, 77, "two")
    assert len(forge.comments(12)) == 2


def test_a_page_elsewhere_does_not_get_our_token(forge: Forge, host: CodeHost) -> None:
    host.fail(Fault("GET", status=200, headers={"Link": '<http://127.0.0.1:9/steal>; rel="next"'}, body=[]))
    with pytest.raises(AipressError, match="another address"):
        forge.comments(12)
    assert len(host.asked) == 1


@pytest.mark.parametrize("base", ["http://git.example", "ftp://git.example", "https://a:b@git.example", "git.example"])
def test_the_token_never_travels_in_the_open(clock: VirtualClock, base: str) -> None:
    for made in (GitHub, GitLab):
        with pytest.raises(UsageError, match="in the open"):
            made("org/fleet", TOKEN, clock, base)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "gültig"])
def test_what_is_no_token_is_not_sent(clock: VirtualClock, token: str) -> None:
    with pytest.raises(UsageError, match="no token") as raised:
        GitHub("org/fleet", token, clock)
    assert not token or token not in str(raised.value)


# --- people ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "may"),
    [("none", Permission.NONE), ("read", Permission.READ), ("write", Permission.WRITE), ("admin", Permission.ADMIN)],
)
def test_what_a_user_may(forge: Forge, host: CodeHost, level: str, may: Permission) -> None:
    host.user("t", 77, "lena", level=level)
    assert forge.permission(77) is may


def test_nobody_of_that_number_may_nothing(forge: Forge) -> None:
    assert forge.permission(123456) is Permission.NONE


def test_who_took_somebodys_old_name_is_not_him(host: CodeHost, clock: VirtualClock) -> None:
    host.user("t1", 77, "lena", level="none")
    host.user("t2", 78, "lena", level="admin")
    host.logins = {78: "lena", **{n: login for n, login in host.logins.items() if n != 78}}
    assert forge_of("github", host, clock).permission(77) is Permission.NONE
    assert forge_of("github", host, clock).permission(78) is Permission.ADMIN


def test_reviews_on_github_are_of_a_commit_and_the_last_word_counts(host: CodeHost, clock: VirtualClock) -> None:
    host.reviews = [
        {"user": 1, "state": "APPROVED", "commit": "a" * 40},
        {"user": 2, "state": "APPROVED", "commit": HEAD},
        {"user": 3, "state": "APPROVED", "commit": HEAD},
        {"user": 3, "state": "CHANGES_REQUESTED", "commit": HEAD},
        {"user": 1, "state": "APPROVED", "commit": HEAD},
        {"user": 2, "state": "COMMENTED", "commit": HEAD},
        {"user": 4, "state": "APPROVED", "commit": HEAD},
        {"user": 4, "state": "DISMISSED", "commit": HEAD},
    ]
    assert set(forge_of("github", host, clock).approvals(12)) == {Approval(1, HEAD), Approval(2, HEAD)}


def test_approvals_on_gitlab_are_of_the_head_that_was_there(host: CodeHost, clock: VirtualClock) -> None:
    host.versions = [
        {"head": "a" * 40, "at": "2026-11-23T09:00:00.000Z"},
        {"head": HEAD, "at": "2026-11-23T10:00:00.000Z"},
    ]
    host.reviews = [
        {"user": 1, "at": "2026-11-23T09:30:00.000Z"},
        {"user": 2, "at": "2026-11-23T12:30:00.000+02:00"},
        {"user": 3},
        {"user": 4, "at": "2026-11-23T08:00:00.000Z"},
    ]
    assert forge_of("gitlab", host, clock).approvals(12) == (
        Approval(1, "a" * 40), Approval(2, HEAD), Approval(3, ""), Approval(4, ""),
    )  # fmt: skip


# --- checks ----------------------------------------------------------------------------------------------------------


def annotation(n: int) -> Annotation:
    return Annotation(f"shards/eu-001/tenants/t-{n}/tenant.yaml", n + 1, Level.WARNING, "plan/deletes", f"text {n}", 3)


def test_a_check_run_gets_its_annotations_in_batches(host: CodeHost, clock: VirtualClock) -> None:
    listed = tuple(annotation(n) for n in range(120))
    check = Check("aipress/plan", HEAD, Conclusion.ACTION_REQUIRED, "Refused", "# words", annotations=listed)
    forge_of("github", host, clock).put_check(check)
    (made,) = host.checks
    assert (made["name"], made["head_sha"], made["status"]) == ("aipress/plan", HEAD, "completed")
    assert (made["conclusion"], made["title"], made["summary"]) == ("action_required", "Refused", "# words")
    assert [a["message"] for a in made["annotations"]] == [f"text {n}" for n in range(120)]
    assert made["annotations"][7]["start_line"] == made["annotations"][7]["end_line"] == 8
    assert [len(a.body["output"]["annotations"]) for a in host.asked] == [50, 50, 20]


def test_a_check_without_annotations_and_with_much_to_say(host: CodeHost, clock: VirtualClock) -> None:
    check = Check("aipress/plan", HEAD, Conclusion.NEUTRAL, "Not planned", "x" * 70_000)
    forge_of("github", host, clock).put_check(check)
    assert len(host.checks) == len(host.asked) == 1


@pytest.mark.parametrize("conclusion", list(Conclusion))
def test_a_status_is_short(forge: Forge, host: CodeHost, conclusion: Conclusion) -> None:
    forge.put_status(Check("aipress/plan", HEAD, conclusion, "x" * 300, url="https://aipress.example/plans/1"))
    (made,) = host.statuses
    assert made["description"] == "x" * 140
    good = conclusion in (Conclusion.SUCCESS, Conclusion.NEUTRAL)
    assert (made["state"] == "success") is good
    assert made["target_url"] == "https://aipress.example/plans/1"


def test_the_same_status_twice_is_fine(forge: Forge, host: CodeHost) -> None:
    for _ in range(2):
        forge.put_status(Check("aipress/plan", HEAD, Conclusion.SUCCESS, "No changes"))


def test_reactions(forge: Forge, host: CodeHost) -> None:
    said = host.say(12, 77, "/aipress plan")
    for _ in range(2):
        forge.react(12, said["id"], Reaction.SEEN)
    assert host.reactions[0] == {"comment": said["id"], "content": "eyes"}
