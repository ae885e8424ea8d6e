"""One comment per pull request, key and fleet: which of the comments there is ours, and what to do with it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model.forge import Comment
from reconciler.model.mark import Mark, safe


@dataclass(frozen=True, slots=True)
class Create:
    """There is none of ours yet."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Write `body` into `comment` (None: its text stays); take `extra` away: ours too, made by two runs at once."""

    comment: int
    body: str | None
    extra: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to do. `why` is for a person."""

    why: str
    newer: bool = False
    """What is there is of a newer commit, or a newer plan of the same one."""


Decision = Create | Edit | Leave


@dataclass(frozen=True, slots=True)
class Wanted:
    """The comment as it should be. `current`: the newest commit of the pull request ("" : not known), asked for after
    the comments were: of a comment that is newer than that, a wrong word would be believed."""

    mark: Mark
    body: str
    current: str = ""


def sticky(comments: Sequence[Comment], me: int, new: Wanted) -> Decision:
    """What to do so that one comment is ours, and tells the newest head. `me`: the id of the user we write as.

    A mark that somebody else wrote is no mark. Asked again after it was done, the answer is Leave: callers ask until
    then, so that two who created at the same moment end with one. Of several the newest stays and the others go;
    a run of a head that is past leaves that to one of the head of now.
    """
    ours = [(c, m) for c in comments if c.author == me and (m := Mark.of(c.body)) and _same(m, new.mark)]
    if not ours:
        return Create()
    ours.sort(key=lambda pair: pair[0].id)
    kept, mark = _newest(ours, new.current)
    same = kept.body.rstrip() == new.body.rstrip()
    past = bool(new.current) and new.mark.head != new.current
    mine = new.mark.line()
    extra = tuple(c.id for c, m in ours if c.id != kept.id and (not past or m.line() == mine))
    if not same and not past and not _newer(mark, new.mark, new.current):
        return Edit(kept.id, new.body, extra)
    if extra:
        return Edit(kept.id, None, extra)
    if same:
        return Leave("it says so already")
    # A run of a head that is past writes over nothing, and takes away what it made itself alone: between our look and
    # our write somebody may have told the head of now there.
    why = (
        f"it is of a newer plan ({mark.head[:12]})" if _newer(mark, new.mark, new.current) else "the head has moved on"
    )
    return Leave(f"{why}; the head is {new.current[:12]}" if past else why, newer=True)


def _same(found: Mark, wanted: Mark) -> bool:
    return (found.key, found.fleet) == (safe(wanted.key), safe(wanted.fleet))


def _newest(ours: list[tuple[Comment, Mark]], current: str) -> tuple[Comment, Mark]:
    best = ours[0]
    for pair in ours[1:]:
        if _newer(pair[1], best[1], current):
            best = pair
    return best


def _newer(found: Mark, other: Mark, current: str) -> bool:
    """Whether `found` tells more recent things than `other`: the head that the pull request has now wins, however late
    the plan of an older one comes; among plans of one head, or of heads that are both past, the later plan."""
    if found.head != other.head and current in (found.head, other.head) and current:
        return found.head == current
    return found.at > other.at
