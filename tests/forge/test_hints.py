"""What a delivery hints at, and that no body, however hostile, does more than hint at nothing."""

import json
import random
from typing import Any

import pytest

from reconciler.forge.hints import MOST_REFS, PULL_REQUEST, PUSH, Hint, hints
from reconciler.forge.signatures import Delivery, Provider
from tests.forge.signing import COMMIT, bitbucket, delivery, git, git_push, github, github_push, gitlab

NORTH = "agency-north/acme-bakery"
MAIN = "refs/heads/main"


def only(found: tuple[Hint, ...]) -> tuple[str, str, str, str, str]:
    [hint] = found
    return hint.event, hint.repository, hint.number, hint.ref, hint.commit


def test_github() -> None:
    assert hints(github(github_push())) == (
        Hint(Provider.GITHUB, "d-1", PUSH, NORTH, "4711", "refs/heads/main", COMMIT),
    )
    asked = {**github_push(), "number": 7, "pull_request": {"head": {"sha": COMMIT}}}
    assert only(hints(github(asked, "pull_request"))) == (PULL_REQUEST, NORTH, "4711", "refs/pull/7/head", COMMIT)
    gone = {**github_push(), "after": "0" * 40}
    assert only(hints(github(gone))) == (PUSH, NORTH, "4711", MAIN, "")
    assert hints(github({"zen": "Keep it logically awesome.", "hook_id": 1}, "ping")) == ()


def test_githubs_other_content_type() -> None:
    from urllib.parse import quote_plus

    form = b"payload=" + quote_plus(json.dumps(github_push(ref="refs/heads/ü 1".replace(" ", "+")))).encode()
    assert only(hints(github(form))) == (PUSH, NORTH, "4711", "refs/heads/ü+1", COMMIT)


def test_gitlab() -> None:
    project = {"id": 15, "path_with_namespace": "group/sub/acme"}
    push = {"object_kind": "push", "ref": MAIN, "after": COMMIT, "project": project}
    assert only(hints(gitlab(push))) == (PUSH, "group/sub/acme", "15", MAIN, COMMIT)
    asked = {"iid": 3, "last_commit": {"id": COMMIT}}
    merge = {"object_kind": "merge_request", "project": project, "object_attributes": asked}
    assert only(hints(gitlab(merge)))[3:] == ("refs/merge-requests/3/head", COMMIT)
    assert hints(gitlab({"object_kind": "note", "project": project})) == ()


def test_bitbucket() -> None:
    new = {"type": "branch", "name": "main", "target": {"hash": COMMIT}}
    tag = {"type": "tag", "name": "v1", "target": {"hash": COMMIT}}
    old = {"type": "branch", "name": "gone", "target": {"hash": COMMIT}}
    repository = {"full_name": NORTH, "uuid": "{1a2b-3c}"}
    changes = [{"new": new, "old": None}, {"new": tag}, {"new": None, "old": old}]
    found = hints(bitbucket({"repository": repository, "push": {"changes": changes}}))
    assert [(h.ref, h.commit, h.number) for h in found] == [
        (MAIN, COMMIT, "{1a2b-3c}"), ("refs/tags/v1", COMMIT, "{1a2b-3c}"), ("refs/heads/gone", "", "{1a2b-3c}"),
    ]  # fmt: skip
    asked = {"repository": repository, "pullrequest": {"id": 4, "source": {"commit": {"hash": COMMIT[:12]}}}}
    assert only(hints(bitbucket(asked, "pullrequest:updated")))[3:] == ("refs/pull-requests/4/from", "")


def test_bitbucket_data_center() -> None:
    repository = {"id": 84, "slug": "acme", "project": {"key": "NORTH"}}
    push = {"repository": repository, "changes": [{"ref": {"id": MAIN}, "toHash": COMMIT}]}
    assert only(hints(bitbucket(push, "repo:refs_changed"))) == (PUSH, "NORTH/acme", "84", MAIN, COMMIT)
    asked = {"pullRequest": {"id": 2, "toRef": {"repository": repository}, "fromRef": {"latestCommit": COMMIT}}}
    assert only(hints(bitbucket(asked, "pr:opened")))[1:] == ("NORTH/acme", "84", "refs/pull-requests/2/from", COMMIT)


def test_our_own_hook() -> None:
    found = hints(git(git_push("fleet", MAIN, "refs/tags/v1")))
    assert [(h.repository, h.ref, h.delivery) for h in found] == [
        ("fleet", MAIN, "g-1"),
        ("fleet", "refs/tags/v1", "g-1"),
    ]


def test_a_push_of_many_refs_is_one_hint_at_all_of_them() -> None:
    some = git_push("fleet", *(f"refs/heads/b{n}" for n in range(MOST_REFS)))
    assert len(hints(git(some))) == MOST_REFS
    many = git_push("fleet", *(f"refs/heads/b{n}" for n in range(5000)))
    assert only(hints(git(many)))[3:] == ("", "")


@pytest.mark.parametrize(
    "ref", [None, 7, "", "main", "refs/heads/../x", "refs/heads/a b", "refs/heads/a\nb", "refs/heads/a\x1b[31m", "-u",
            "refs/heads/" + "x" * 300, "refs/heads/a:b", "refs/heads/\u202eevil", ["refs/heads/main"]]
)  # fmt: skip
def test_a_ref_that_is_none_means_look_at_all_of_them(ref: Any) -> None:
    assert only(hints(github({**github_push(), "ref": ref})))[3:] == ("", "")


@pytest.mark.parametrize(
    "name", [None, 7, "", "a b/c", "a/\x1b[31mc", "a//b", "/a", "a/", "a/../b", "x" * 101, "a/" * 150, {}]
)
def test_a_repository_without_a_name_is_no_hint(name: Any) -> None:
    assert hints(github({**github_push(), "repository": {"id": 1, "full_name": name}})) == ()


@pytest.mark.parametrize("number", [None, True, [], "", "a b", 1.5, "x" * 65, "\n"])
def test_a_number_that_is_none_is_left_out(number: Any) -> None:
    assert only(hints(github({**github_push(), "repository": {"id": number, "full_name": NORTH}})))[2] == ""


BOMBS = [
    b"", b"{", b"\xff\xfe", b"null", b"[]", b"7", b'"push"', b"NaN", b"[" * 500_000, b'{"a":' * 200_000, b"9" * 100_000,
    b'{"repository":' + b"9" * 5000 + b"}", b'"\\ud800"', b"payload=", b"payload=%", b"payload=%ff", b"\xef\xbb\xbf{}",
    b'{"repository":{"full_name":"a/b"},"ref":"\\ud800"}', b'{"repository":[[[]]],"push":{"changes":{}}}',
    b'{"event":"push","repository":"a","refs":"x"}', b'{"event":"push","repository":"a","refs":[null,7,{}]}',
]  # fmt: skip
HEADERS = [("x-github-event", "push"), ("x-event-key", "repo:push"), ("x-github-delivery", "\x00" * 200)]


@pytest.mark.parametrize("provider", list(Provider))
def test_hostile_json_is_no_hint(provider: Provider) -> None:
    for body in BOMBS:
        for hint in hints(delivery(provider, HEADERS, body)):
            assert (hint.ref, hint.commit, hint.delivery) == ("", "", ""), body[:80]


@pytest.mark.parametrize("seed", range(20))
def test_any_value_in_any_place_is_survived(seed: int) -> None:
    chance = random.Random(seed)
    values = (None, 0, -1, 1 << 70, 1.5, True, "", "x", "refs/heads/x", COMMIT, [], {}, [[]], "\ud800", "a/b" * 500)
    samples: list[Delivery] = [
        github(github_push()),
        github({**github_push(), "number": 1, "pull_request": {"head": {"sha": 1}}}, "pull_request"),
        gitlab({"object_kind": "push", "ref": MAIN, "project": {"id": 1, "path_with_namespace": "a/b"}}),
        bitbucket({"repository": {"full_name": "a/b"}, "push": {"changes": [{"new": {"type": "tag", "name": "x"}}]}}),
        git(git_push("fleet", "refs/heads/a", "refs/heads/b")),
    ]  # fmt: skip
    for sample in samples:
        for _ in range(100):
            said = _bent(json.loads(sample.body), chance, values)
            for hint in hints(Delivery(sample.provider, sample.headers, json.dumps(said).encode())):
                assert hint.repository and len(hint.repository) <= 300
                assert hint.ref == "" or hint.ref.startswith("refs/")
                assert hint.commit == "" or len(hint.commit) in (40, 64)


def _bent(said: Any, chance: random.Random, values: tuple[Any, ...]) -> Any:
    if chance.random() < 0.15:
        return chance.choice(values)
    if isinstance(said, dict):
        return {key: _bent(value, chance, values) for key, value in said.items() if chance.random() > 0.05}
    if isinstance(said, list):
        return [_bent(value, chance, values) for value in said] * chance.choice((0, 1, 1, 1, 40))
    return said
