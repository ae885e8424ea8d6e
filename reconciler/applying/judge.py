"""One look at the live object, and what follows for a change: go on, wait, or be done with it.

This is where promise 1 is kept: an object that moved since the plan is not touched.
"""

from dataclasses import dataclass

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference, fingerprint, replaces, value_at
from reconciler.kinds.kind import Kind
from reconciler.kinds.ownership import OWNER_LABEL, generation_of, proven
from reconciler.model.canonical import Body, canonical
from reconciler.model.outcome import Result
from reconciler.model.plan import Action, Change, FieldChange
from reconciler.model.resource import Absent, Found


@dataclass(frozen=True, slots=True)
class Go:
    """Make this call (CREATE, UPDATE, DELETE or RUN) now."""

    action: Action


@dataclass(frozen=True, slots=True)
class Hold:
    """The object is in the middle of something; look again later."""

    why: str


@dataclass(frozen=True, slots=True)
class End:
    """Nothing to do, or nothing that may be done."""

    result: Result
    message: str
    found: Found | None = None
    forbidden: bool = False


Judgement = Go | Hold | End


@dataclass(frozen=True, slots=True)
class Case:
    """A change with its references resolved (`body`), the step it is at, and whether a call was already made for it.

    `leg` is what is being done now: a replacement is a DELETE first, then a CREATE. `generation`: the lease's under
    which the look was made (0: none).
    """

    change: Change
    body: Body
    leg: Action
    began: bool
    generation: int = 0

    @property
    def kind(self) -> Kind:
        return kind_of(self.change.address.kind)


def judge(case: Case, seen: Found | Absent) -> Judgement:
    """What a fresh look at the object means for this change."""
    judgement = _judged(case, seen)
    if isinstance(judgement, Go) and isinstance(seen, Found):
        newer = generation_of(case.kind, seen)
        if case.generation and newer > case.generation:
            message = f"a newer apply (generation {newer}, ours is {case.generation}) has been here; not touched"
            return End(Result.STALE, f"{message}, plan again")
    return judgement


def _judged(case: Case, seen: Found | Absent) -> Judgement:
    if case.change.action is Action.ADOPT:
        return _adopt(case, seen)
    if case.leg is Action.DELETE:
        return _delete(case, seen)
    if case.leg is Action.UPDATE:
        return _update(case, seen)
    return _create(case, seen)


def remaining(case: Case, found: Found) -> tuple[str, ...]:
    """Paths that are readable and not yet as wanted, dropped ones among them."""
    wanted = [f.path for f in difference(case.kind, found.body, case.body, None)]
    left = [path for path in case.change.dropped if value_at(found.body, path)]
    return (*wanted, *left)


def call_fields(case: Case, found: Found) -> tuple[FieldChange, ...]:
    """The planned fields still worth sending: an unknown one that turned out equal is not."""
    if case.change.action is not Action.UPDATE:
        return difference(case.kind, found.body, case.body, None)
    now = {f.path for f in difference(case.kind, found.body, case.body, None)}
    return tuple(f for f in case.change.fields if f.unknown is None or any(at_or_below(f.path, path) for path in now))


def _create(case: Case, seen: Found | Absent) -> Judgement:
    kind, change = case.kind, case.change
    if isinstance(seen, Absent):
        return Go(Action.RUN if change.action is Action.RUN else Action.CREATE)
    if change.action is Action.REPLACE and change.uid and seen.uid == change.uid:
        return Hold("waiting for the old one to go away")
    if not proven(kind, seen, change.owner):
        return End(Result.FAILED, _stranger(case))
    if earlier(case, seen):
        return Go(Action.RUN)
    if not seen.ready:
        return Hold(f"the {kind.noun} is being made")
    differing = remaining(case, seen)
    if not differing:
        return over(seen, "" if case.began else "it was there already, as wanted")
    if kind.implicit:
        return Go(Action.UPDATE)
    paths = _listed(differing)
    return End(Result.STALE, f"it came to be since the plan was made, and differs in {paths}; not touched, plan again")


def earlier(case: Case, found: Found) -> bool:
    """Whether this is the one that a step which runs anew (a last backup) found there: a call that was lost, or is not
    to be seen yet, did not make it."""
    change = case.change
    return change.action is Action.RUN and bool(change.uid) and found.uid == change.uid


def _update(case: Case, seen: Found | Absent) -> Judgement:
    kind, change = case.kind, case.change
    if isinstance(seen, Absent):
        return End(Result.STALE, f"the {kind.noun} is gone since the plan was made; plan again")
    if not seen.ready:
        return Hold(f"the {kind.noun} is still changing")
    differing = difference(kind, seen.body, case.body, None)
    if not unreadable(change) and not remaining(case, seen):
        return over(seen, "" if case.began else "it was so already")
    if seen.trouble and not kind.curable:
        return over(seen, "")
    if _moved(case, seen) and not (case.began and not differing):
        return End(Result.STALE, _how_it_moved(case, seen))
    refused = replaces(kind, differing)
    if refused:
        paths = _listed(tuple(f.path for f in refused))
        return End(Result.STALE, f"{paths} cannot be changed on an existing {kind.noun}; plan again")
    return Go(Action.UPDATE)


def unreadable(change: Change) -> bool:
    """Whether it sets what the API never shows on an object that is there: no look tells what became of it."""
    return change.action is Action.UPDATE and any(
        _write_only(kind_of(change.address.kind), f.path) for f in change.fields
    )


def _delete(case: Case, seen: Found | Absent) -> Judgement:
    kind, change = case.kind, case.change
    replacing = change.action is Action.REPLACE
    if isinstance(seen, Absent):
        if replacing:
            return (
                Go(Action.CREATE) if case.began else End(Result.STALE, "it is gone since the plan was made; plan again")
            )
        return End(Result.DONE, "" if case.began else "it was gone already")
    if change.uid and seen.uid != change.uid:
        if replacing and proven(kind, seen, change.owner) and seen.ready and not remaining(case, seen):
            return End(Result.DONE, "it was replaced already", seen)
        return End(Result.STALE, f"another {kind.noun} stands under this name since the plan was made; not touched")
    if not seen.ready:
        return Hold(f"the {kind.noun} is still changing")
    if not case.began and _moved(case, seen):
        return End(Result.STALE, _how_it_moved(case, seen))
    return Go(Action.DELETE)


def _adopt(case: Case, seen: Found | Absent) -> Judgement:
    kind, change = case.kind, case.change
    if isinstance(seen, Absent):
        return End(Result.STALE, f"the {kind.noun} is gone since the plan was made; plan again")
    if not seen.ready:
        return Hold(f"the {kind.noun} is still being made")
    if not _moved(case, seen):
        return over(seen, "")
    if not proven(kind, seen, change.owner):
        return End(Result.FAILED, _stranger(case))
    if not remaining(case, seen):
        return over(seen, "")
    return End(Result.STALE, _how_it_moved(case, seen))


def over(found: Found, message: str) -> End:
    """It is as wanted; done only if it works, too."""
    if found.trouble:
        return End(Result.FAILED, f"it is there, and does not work: {found.trouble}", found)
    return End(Result.DONE, message, found)


def _moved(case: Case, found: Found) -> bool:
    change = case.change
    return fingerprint(case.kind, found, change.body, change.dropped) != change.fingerprint


def _how_it_moved(case: Case, found: Found) -> str:
    change = case.change
    if change.uid and found.uid != change.uid:
        return f"another {case.kind.noun} stands under this name since the plan was made; not touched, plan again"
    told = [
        f"`{f.path}` was {canonical(f.before)} and is {canonical(value_at(found.body, f.path))}"
        for f in change.fields
        if not f.sensitive and value_at(found.body, f.path) != f.before
    ]
    detail = f" ({'; '.join(told[:3])})" if told else ""
    return f"it changed since the plan was made{detail}; not touched, plan again"


def _stranger(case: Case) -> str:
    change, noun = case.change, case.kind.noun
    return (
        f"a {noun} named {change.name} exists and does not carry our mark ({OWNER_LABEL}={change.owner}); "
        f"not touched. Put that mark on it if it is yours, else choose another name"
    )


def _write_only(kind: Kind, path: str) -> bool:
    return any(at_or_below(p, path) for p in kind.write_only)


def at_or_below(ancestor: str, path: str) -> bool:
    return path == ancestor or path.startswith((ancestor + ".", ancestor + "["))


def _listed(paths: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"
