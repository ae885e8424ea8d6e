"""Where a fleet repository is cloned from, as its own git configuration says. Reads; speaks to nobody."""

from dataclasses import dataclass

import pygit2


@dataclass(frozen=True, slots=True)
class CloneOf:
    """`branch` of the remote at `url` ("refs/heads/main"); `into`: the ref that follows it here."""

    url: str
    branch: str
    into: str


def clone_of(repository: pygit2.Repository) -> CloneOf | None:
    """The upstream of the branch that HEAD is on: a bare clone's `origin`, a working clone's configured one.

    None where HEAD is on no branch or the branch has no upstream. In a bare clone the branch itself follows; in a
    working one its remote-tracking ref does, for a branch that moves under its working tree looks like edits.
    """
    if repository.head_is_detached:
        return None
    branch = str(repository.lookup_reference("HEAD").target)
    short, config = branch.removeprefix("refs/heads/"), repository.config
    if not branch.startswith("refs/heads/"):
        return None
    if repository.is_bare:
        url = _text(config, "remote.origin.url")
        return CloneOf(url, branch, branch) if url else None
    remote, there = _text(config, f"branch.{short}.remote"), _text(config, f"branch.{short}.merge")
    url = _text(config, f"remote.{remote}.url") if remote not in ("", ".") else ""
    if not url or not there.startswith("refs/heads/"):
        return None
    return CloneOf(url, there, f"refs/remotes/{remote}/{there.removeprefix('refs/heads/')}")


def _text(config: pygit2.Config, name: str) -> str:
    return str(config[name]) if name in config else ""
