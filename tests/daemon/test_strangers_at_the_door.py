"""Thousands of forged, replayed, malformed, oversized, slow deliveries: the daemon lives, and nothing comes of them."""

import time
from collections import Counter
from pathlib import Path

import pytest

from reconciler.daemon import listening
from tests.daemon.doors import Opened, front_door
from tests.daemon.knocking import knocks, loris
from tests.forge.signing import git, git_push, github, github_push, gitlab


def known(door: Opened) -> None:
    """What is replayed later was delivered once."""
    for n in range(5):
        project = {"id": n, "path_with_namespace": f"known/{n}"}
        push = {"object_kind": "push", "project": project, "ref": "refs/heads/main", "after": "1f384f3a" * 5}
        hub, own = github(github_push(f"known/{n}"), identity=f"h-{n}"), git(git_push(f"known-{n}"), identity=f"o-{n}")
        for one in (hub, gitlab(push, f"known-{n}"), own):
            assert door.post(one).text == "accepted\n"


def nothing_came_of_it(door: Opened, found: Counter[tuple[str, str]], before: object) -> None:
    ended = {sort: {how for one, how in found if one == sort} for sort, _ in found}
    assert ended["forged"] == {"401"}, found
    assert ended["replayed"] == {"202"}, found
    assert ended["signed nonsense"] <= {"202", "413", "400", "reset"}, found
    assert ended["malformed"] <= {"400", "401", "404", "405", "411", "413", "431", "ended", "reset", "505"}, found
    assert ended["oversized"] <= {"400", "404", "411", "413", "431", "reset"}, found
    assert door.waiting() == before, "no hint was added or counted again"
    assert not door.bell.answered()
    assert door.ask("GET", "/livez").status == 200
    accepted = door.metric('aipress_webhook_deliveries_total{event="push",outcome="accepted",provider="github"}')
    assert door.post(github(github_push("still/alive"), identity="after all")).text == "accepted\n"
    assert accepted == 5


def test_a_slice_of_it(tmp_path: Path) -> None:
    with front_door(tmp_path) as door:
        known(door)
        before = door.waiting()
        found = knocks(door.address, 400, seed=1)
        assert sum(found.values()) == 400
        nothing_came_of_it(door, found, before)


@pytest.mark.slow
def test_more_than_ten_thousand_and_the_slow_among_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "DEADLINE", 2.0)
    with front_door(tmp_path) as door:
        known(door)
        before, begun = door.waiting(), time.monotonic()
        found = knocks(door.address, 11_000, seed=2)
        crowd = loris(door.address, 300, seed=3)
        took = time.monotonic() - begun
        assert sum(found.values()) == 11_000 and sum(crowd.values()) == 300
        assert crowd.keys() <= {"ended", "reset", "503"}, crowd
        nothing_came_of_it(door, found, before)
        print(f"\n{sum(found.values()) + 300} deliveries in {took:.1f} s\n{found}\n{crowd}")
        assert took < 100
