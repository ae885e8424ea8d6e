"""What merging a pull request would make: a commit that no branch leads to, so that a plan tells the end and not the
middle. Made of objects alone; nothing is checked out."""

from pathlib import Path

import pygit2

from reconciler.model.errors import InputError

_NOBODY = pygit2.Signature("AIPress", "aipress@invalid", 0, 0)
"""Equal merges are one commit, whoever makes them and when."""
_SHOWN = 5


def merged(repository: Path, base: str, head: str) -> str:
    """The id of a commit that has both. It is `head` itself where that leads on from `base`, and `base` where `head` is
    in it already.

    Raises InputError when they contradict each other, or have nothing in common.
    """
    git = pygit2.Repository(str(repository))
    try:
        common = git.merge_base(base, head)
        if common is None:
            raise InputError("it has no commit in common with its base branch", "make the branch anew from the base")
        if str(common) == base:
            return head
        if str(common) == head:
            return base
        index = git.merge_commits(base, head)
        if index.conflicts is not None:
            raise _contradicted(index)
        tree = index.write_tree(git)
        words = f"What merging {head[:12]} into {base[:12]} would make"
        return str(git.create_commit(None, _NOBODY, _NOBODY, words, tree, [base, head]))
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise InputError(
            f"{head[:12]} cannot be merged into {base[:12]} to look at it: {str(error)[:200]}", "push it once more"
        ) from error


def tree_of(repository: Path, commit: str) -> str:
    """The id of its tree: equal contents, equal id. Raises InputError."""
    try:
        return str(pygit2.Repository(str(repository))[commit].peel(pygit2.Commit).tree_id)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise InputError(f"{commit[:12]} is no commit here", "fetch it first") from error


def _contradicted(index: pygit2.Index) -> InputError:
    found = {entry.path for rows in index.conflicts for entry in rows if entry is not None}
    paths = sorted(found)
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return InputError(
        f"it conflicts with its base branch in {', '.join(paths[:_SHOWN])}{more}", "merge the base branch into it"
    )
