"""Which pull request a run is about: from CI's own variables, from flags, and never from what cannot be."""

from typing import Any

import pytest

from reconciler.forge.where import GITHUB_API, GITLAB_API, Host, Place, Said, event_path, find
from reconciler.model.errors import UsageError

HEAD = "b" * 40
ACTIONS = {
    "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/fleet", "GITHUB_SHA": "c" * 40,
    "GITHUB_API_URL": "https://ghe.example/api/v3", "GITHUB_SERVER_URL": "https://ghe.example",
    "GITHUB_EVENT_PATH": "/run/event.json", "GITHUB_REF": "refs/pull/12/merge",
}  # fmt: skip
PIPELINE = {
    "GITLAB_CI": "true", "CI_API_V4_URL": "https://gl.example/api/v4", "CI_PROJECT_ID": "7",
    "CI_PROJECT_URL": "https://gl.example/org/fleet", "CI_MERGE_REQUEST_IID": "12",
    "CI_MERGE_REQUEST_PROJECT_ID": "7", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7", "CI_COMMIT_SHA": HEAD,
}  # fmt: skip


def event(fork: bool = False, **more: Any) -> dict[str, Any]:
    head: dict[str, Any] = {"sha": HEAD, "repo": {"id": 99 if fork else 7}}
    return {"pull_request": {"number": 12, "head": {**head, **more}, "base": {"repo": {"id": 7}}}}


def test_github_actions() -> None:
    assert event_path(ACTIONS) == "/run/event.json"
    place = find(ACTIONS, event(), Said())
    assert place == Place(
        Host.GITHUB, "https://ghe.example/api/v3", "org/fleet", "https://ghe.example/org/fleet", 12, HEAD
    )
    assert place.blob_url(HEAD) == f"https://ghe.example/org/fleet/blob/{HEAD}"


def test_repositories_that_are_both_gone_are_not_the_same_one() -> None:
    nowhere = {"pull_request": {"number": 12, "head": {"sha": HEAD, "repo": None}, "base": {"repo": None}}}
    place = find(ACTIONS, nowhere, Said())
    assert place is not None and place.stranger


@pytest.mark.parametrize("said", [event(fork=True), event(repo=None)])
def test_a_fork_on_github(said: dict[str, Any]) -> None:
    place = find(ACTIONS, said, Said())
    assert place is not None and place.stranger


@pytest.mark.parametrize("said", [None, [], {}, {"pull_request": 5}, {"pull_request": {"number": "12", "head": {}}}])
def test_an_event_that_is_no_pull_requests(said: object) -> None:
    place = find(ACTIONS, said, Said())
    assert place is not None and (place.number, place.commit) == (12, "")
    pushed = find({**ACTIONS, "GITHUB_REF": "refs/heads/main"}, said, Said())
    assert pushed is not None and pushed.number == 0


def test_gitlab_ci() -> None:
    place = find(PIPELINE, None, Said())
    assert place == Place(
        Host.GITLAB, "https://gl.example/api/v4", "7", "https://gl.example/org/fleet", 12, HEAD
    )  # fmt: skip
    assert place.blob_url(HEAD) == f"https://gl.example/org/fleet/-/blob/{HEAD}"
    fork = find({**PIPELINE, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99"}, None, Said())
    assert fork is not None and fork.stranger


def test_flags_alone() -> None:
    place = find({}, None, Said("github", "org/fleet", "", 12))
    assert place == Place(Host.GITHUB, GITHUB_API, "org/fleet", "", 12)
    assert find({}, None, Said("gitlab", "group/sub/fleet")) == Place(Host.GITLAB, GITLAB_API, "group/sub/fleet")


def test_flags_win_over_the_environment() -> None:
    place = find(ACTIONS, event(), Said(repository="org/other", api="https://x.example", number=3))
    assert place == Place(Host.GITHUB, "https://x.example", "org/other", "", 3, HEAD)


def test_another_host_than_the_one_that_runs_us() -> None:
    """A mirror: the pipeline runs on GitLab, the pull request is on GitHub."""
    place = find(PIPELINE, None, Said("github", "org/fleet", "", 5))
    assert place == Place(Host.GITHUB, GITHUB_API, "org/fleet", "", 5)


def test_nowhere() -> None:
    assert find({}, None, Said()) is None
    assert event_path({"GITHUB_EVENT_PATH": "/etc/passwd"}) == ""


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, Said("bitbucket")),
        ({}, Said("github")),
        ({}, Said("github", "fleet")),
        ({}, Said("github", "7")),
        ({}, Said("github", "a/b/c")),
        ({}, Said("gitlab", "../etc")),
        ({}, Said("github", "org/fl eet")),
        ({}, Said("github", "org/fleet", number=-1)),
        ({**PIPELINE, "CI_COMMIT_SHA": "HEAD; rm"}, Said()),
    ],
)
def test_what_cannot_be(env: dict[str, str], said: Said) -> None:
    with pytest.raises(UsageError):
        find(env, None, said)
