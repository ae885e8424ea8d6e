"""Which commits a head has that a base has not, and where the two parted."""

from collections.abc import Sequence

import pygit2
from pygit2.enums import SortMode

from reconciler.model.authorship import Author
from reconciler.model.errors import InputError
from reconciler.model.ports import Authored

MOST_COMMITS = 5_000


def since(repository: pygit2.Repository, base: str, head: str) -> Sequence[Authored]:
    """Newest first. Raises InputError for more than anybody reviews, and where the history is cut off."""
    walker = repository.walk(pygit2.Oid(hex=head), SortMode.TOPOLOGICAL)
    walker.hide(pygit2.Oid(hex=base))
    found: list[Authored] = []
    try:
        for commit in walker:
            if len(found) >= MOST_COMMITS:
                raise InputError(
                    f"between {base[:10]} and {head[:10]} lie more than {MOST_COMMITS:,} commits", "name a nearer base"
                )
            who = Author(commit.author.name, commit.author.email, str(commit.id))
            found.append(Authored(who, tuple(str(parent) for parent in commit.parent_ids)))
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise _cut_off(base, head) from error
    return found


def fork_point(repository: pygit2.Repository, base: str, head: str) -> str:
    """Their newest common ancestor. Raises InputError when there is none."""
    try:
        common = repository.merge_base(pygit2.Oid(hex=base), pygit2.Oid(hex=head))
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise _cut_off(base, head) from error
    if common is None:
        raise _cut_off(base, head)
    return str(common)


def _cut_off(base: str, head: str) -> InputError:
    return InputError(
        f"the history between {base[:10]} and {head[:10]} is not all here, so nobody knows who changed what",
        "fetch it whole: `git fetch --unshallow`, or fetch-depth: 0 in CI",
    )
