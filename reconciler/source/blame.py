"""Who wrote which line of a file, by git's own blame."""

from collections.abc import Mapping, Sequence

import pygit2

from reconciler.model.authorship import Author


def written_by(repository: pygit2.Repository, commit: str, path: str, lines: Sequence[int]) -> Mapping[int, Author]:
    """line -> author, of the lines that git tells about; nothing for a history that is cut off or not there."""
    if not lines or repository.is_shallow:
        return {}
    try:
        blame = repository.blame(path, newest_commit=commit, min_line=min(lines), max_line=max(lines))
        hunks = [(line, blame.for_line(line)) for line in lines]
        return {line: _author(repository, str(hunk.final_commit_id)) for line, hunk in hunks}
    except (KeyError, ValueError, IndexError, pygit2.GitError):
        return {}


def _author(repository: pygit2.Repository, commit: str) -> Author:
    who = repository[commit].peel(pygit2.Commit).author
    return Author(who.name, who.email, commit)
