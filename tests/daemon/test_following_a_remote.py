"""A fleet that is a clone: forward only, from its own remote only, and never ending the loop."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler import assemble
from reconciler.daemon.following import FleetRemote, Following, Upstream, is_fleet, names_of
from reconciler.forge.hints import Hint
from reconciler.forge.signatures import Provider
from reconciler.model.errors import UsageError
from reconciler.source.git import GitRepository
from tests.cycle.small_world import SmallWorld, SteadyClock

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


@pytest.fixture
def origin(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path / "origin")


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"})
    return done.stdout.strip()


def clone(origin: SmallWorld, *flags: str) -> GitRepository:
    folder = origin.folder.parent / f"clone{len(flags)}"
    git("clone", "--quiet", *flags, str(origin.fleet), str(folder))
    return GitRepository.discover(folder)


def following(fleet: GitRepository, clock: SteadyClock | None = None) -> Following:
    chosen = assemble.settings({"directory": str(fleet.git_dir), "state": str(fleet.git_dir / "x"), "interval": 60})
    found = assemble.following(chosen, fleet)
    assert found is not None
    found._clock = clock or SteadyClock()
    return found


class Said(list[str]):
    def fetch(self, one: Following, *, rung: bool = True) -> list[str]:
        heard: list[str] = []
        one.fetch(rung=rung, heard=heard.append, tell=self.append)
        return heard


def edit(origin: SmallWorld) -> str:
    origin.write(ACME, origin.read(ACME).replace("displayName:", "displayName: The"))
    return git("-C", str(origin.fleet), "rev-parse", "HEAD")


@pytest.mark.parametrize("flags", [("--bare",), ("--mirror",), ()])
def test_head_becomes_what_was_pushed(origin: SmallWorld, flags: tuple[str, ...]) -> None:
    fleet, said = clone(origin, *flags), Said()
    one = following(fleet)
    before = fleet.resolve("HEAD")
    newest = edit(origin)
    assert fleet.resolve("HEAD") == before
    assert said.fetch(one) == [""]
    assert fleet.resolve("HEAD") == newest
    assert said == []
    if not flags:
        assert git("-C", str(fleet.folder), "rev-parse", "HEAD") == before, "the working clone itself is left alone"
        assert git("-C", str(fleet.folder), "status", "--porcelain") == ""


def test_it_is_asked_when_a_webhook_rings_and_at_the_interval(origin: SmallWorld) -> None:
    clock, said = SteadyClock(), Said()
    one = following(clone(origin, "--bare"), clock)
    assert said.fetch(one, rung=False) == [""], "at first"
    assert said.fetch(one, rung=False) == []
    assert said.fetch(one, rung=True) == [""]
    clock.at += timedelta(seconds=59)
    assert said.fetch(one, rung=False) == []
    clock.at += timedelta(seconds=1)
    assert said.fetch(one, rung=False) == [""]


def test_a_branch_that_was_rewound_moves_nothing_and_is_told_once(origin: SmallWorld) -> None:
    edit(origin)
    fleet, said = clone(origin, "--bare"), Said()
    one, stays = following(fleet), fleet.resolve("HEAD")
    git("-C", str(origin.fleet), "reset", "--quiet", "--hard", "HEAD~1")
    edit(origin)
    git(
        "-C", str(origin.fleet), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--amend", "-m", "another"
    )
    for _ in range(3):
        [why] = said.fetch(one)
        assert "does not lead on from what is here" in why
    assert fleet.resolve("HEAD") == stays
    assert len(said) == 1 and "help:" in said[0]
    git("-C", str(origin.fleet), "reset", "--quiet", "--hard", stays)
    assert said.fetch(one) == [""]
    assert len(said) == 2 and "answers again" in said[1]


def test_commits_that_are_only_here_are_kept(origin: SmallWorld) -> None:
    fleet, said = clone(origin, "--bare"), Said()
    one = following(fleet)
    ours = fleet.commit({ACME: origin.read(ACME) + "\n"}, "only here", "Jo <jo@example.org>")
    edit(origin)
    [why] = said.fetch(one)
    assert "commits only here" in why and fleet.resolve("HEAD") == ours


def test_a_remote_that_is_away_is_told_and_the_commit_stays(origin: SmallWorld) -> None:
    fleet, said = clone(origin, "--bare"), Said()
    one, stays = following(fleet), fleet.resolve("HEAD")
    origin.fleet.rename(origin.folder / "moved")
    [why] = said.fetch(one)
    assert "cannot be fetched from" in why and fleet.resolve("HEAD") == stays
    (origin.folder / "moved").rename(origin.fleet)
    assert said.fetch(one) == [""]


def test_a_branch_that_is_gone_there(origin: SmallWorld) -> None:
    fleet = clone(origin, "--bare")
    git("-C", str(origin.fleet), "branch", "-m", "main", "trunk")
    [why] = Said().fetch(following(fleet))
    assert "has no branch main" in why


def test_what_is_no_clone_follows_nothing(origin: SmallWorld) -> None:
    alone = GitRepository.discover(origin.fleet)
    chosen = assemble.settings({"directory": str(origin.fleet), "state": str(origin.folder / "state")})
    assert assemble.following(chosen, alone) is None and alone.head == "HEAD"
    fleet = clone(origin)
    chosen = assemble.settings({"directory": str(fleet.folder), "state": str(origin.folder / "x"), "follow": "no"})
    assert assemble.following(chosen, fleet) is None and fleet.head == "HEAD"
    git("-C", str(fleet.folder), "checkout", "--quiet", "-b", "mine")
    assert fleet.clone_of is None, "a branch without an upstream"
    git("-C", str(fleet.folder), "checkout", "--quiet", "--detach")
    assert fleet.clone_of is None


def test_follow_is_auto_or_no(origin: SmallWorld) -> None:
    with pytest.raises(UsageError, match="auto or no"):
        assemble.settings({"directory": str(origin.fleet), "follow": "yes"})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ext::sh -c touch% /tmp/pwned", "a character that no URL has"),
        ("http://git.example/fleet.git", "neither hides nor proves"),
        ("ftp://git.example/fleet.git", "not spoken here"),
        ("-upload-pack=x:y", ""),
        ("https://jo:hunter2-secret@git.example/fleet.git?x=1", "a query"),
    ],
)
def test_a_remote_of_another_kind_is_refused(tmp_path: Path, url: str, said: str) -> None:
    upstream = Upstream(tmp_path, url, "refs/heads/main", "refs/heads/main")
    try:
        remote = FleetRemote(upstream)
    except UsageError as error:
        assert said in str(error) and "the history" not in str(error)
        assert "hunter2" not in f"{error} {error.hint}"
        return
    assert said == "" and remote.location.protocol == "file", "a path, whatever it looks like"


@pytest.mark.parametrize(
    "branch", ["main", "refs/heads/-u", "refs/heads/a b", "refs/heads/../x", "refs/heads/a:b", "+refs/heads/a"]
)
def test_a_branch_is_a_plain_name(tmp_path: Path, branch: str) -> None:
    upstream = Upstream(tmp_path, "/srv/fleet.git", branch, "refs/heads/main")
    if branch == "refs/heads/-u":
        FleetRemote(upstream)  # a whole ref name is no option
        return
    with pytest.raises(UsageError, match="a name that is not followed"):
        FleetRemote(upstream)


def test_hooks_of_the_clone_do_not_run(origin: SmallWorld) -> None:
    fleet = clone(origin, "--bare")
    for name in ("reference-transaction", "post-merge", "post-checkout", "pre-auto-gc"):
        hook = fleet.git_dir / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {origin.folder}/ran\n")
        hook.chmod(0o755)
    edit(origin)
    assert Said().fetch(following(fleet)) == [""]
    assert not (origin.folder / "ran").exists()


def test_damage_on_the_way_is_refused(origin: SmallWorld) -> None:
    """An object that is no fleet of ours to read: the same checks as for a history (transfer.fsckObjects)."""
    fleet = clone(origin, "--bare")
    tree = git("-C", str(origin.fleet), "rev-parse", "HEAD^{tree}")
    parent = git("-C", str(origin.fleet), "rev-parse", "HEAD")
    broken = f"tree {tree}\nparent {parent}\nauthor a <a@b> 1 +0000\ncommitter no address 1 +0000\n\nx\n"
    made = subprocess.run(
        ["git", "-C", str(origin.fleet), "hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        input=broken, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    git("-C", str(origin.fleet), "update-ref", "refs/heads/main", made)
    [why] = Said().fetch(following(fleet))
    assert "cannot be fetched from" in why


HINT = Hint(Provider.GITHUB, "", "push", "acme/fleet", "1")


@pytest.mark.parametrize(
    ("url", "said", "ours"),
    [
        ("https://github.com/acme/fleet.git", "acme/fleet", True),
        ("https://github.com/Acme/Fleet", "acme/fleet", True),
        ("git@github.com:acme/fleet.git", "acme/fleet", True),
        ("ssh://git@gitlab.example:2222/group/sub/fleet.git", "group/sub/fleet", True),
        ("https://github.com/acme/fleet.git", "acme/fleet2", False),
        ("https://github.com/acme/fleet.git", "evil/fleet", False),
    ],
)
def test_which_hints_are_about_the_fleet(url: str, said: str, ours: bool) -> None:
    names = names_of(Path("/srv/mirror.git"), url)
    assert is_fleet(replace(HINT, repository=said), names) is ours


def test_a_plain_git_server_knows_folders() -> None:
    own = replace(HINT, provider=Provider.GIT, repository="fleet")
    assert is_fleet(own, names_of(Path("/srv/mirror.git"), "ssh://git.example/srv/git/fleet.git"))
    assert is_fleet(own, names_of(Path("/srv/fleet/.git"), ""))
    assert is_fleet(own, names_of(Path("/srv/mirror.git"), "/srv/git/fleet.git"))
    assert not is_fleet(replace(own, repository="shop"), names_of(Path("/srv/fleet/.git"), ""))
    assert not is_fleet(replace(own, provider=Provider.GITHUB), names_of(Path("/srv/fleet.git"), ""))
