"""What a verified delivery hints at: which ref of which repository moved. Pure, and it never raises.

A hint says where to look. Nothing that it says is believed: the commit is read from git.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.forge.signatures import Delivery, Provider, delivery_id

MOST_REFS = 20
"""Refs of one delivery that are told apart; more become one hint at the whole repository."""

PUSH, PULL_REQUEST, COMMENT = "push", "pull_request", "comment"

_NAME = re.compile(r"[A-Za-z0-9._~-]{1,100}(/[A-Za-z0-9._~-]{1,100}){0,20}")
_LONGEST_NAME = 300
_NUMBER = re.compile(r"[0-9A-Za-z{}-]{1,64}")
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]{1,250}")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Hint:
    """`repository` is the full name ("agency-north/acme-bakery"), `number` the host's immutable id of it ("" : none).

    `ref` is a full name ("refs/heads/main"; "" : look at all of them), `commit` what it is said to be now ("" : it is
    gone, or that is not told), `event` PUSH, PULL_REQUEST or COMMENT (one more word on a pull request, whose head `ref`
    is), `delivery` the sender's id of the delivery.
    """

    provider: Provider
    delivery: str
    event: str
    repository: str
    number: str
    ref: str = ""
    commit: str = ""


Moved = tuple[object, object]
"""(ref, commit) as they were written."""


def hints(delivery: Delivery) -> tuple[Hint, ...]:
    """At most MOST_REFS of them; nothing when it is about something else, or makes no sense."""
    said = _json(delivery.body)
    event, repository, number, moved = {
        Provider.GITHUB: _github, Provider.GITLAB: _gitlab, Provider.BITBUCKET: _bitbucket, Provider.GIT: _git,
    }[delivery.provider](delivery, said)  # fmt: skip
    name = repository if isinstance(repository, str) and len(repository) <= _LONGEST_NAME else ""
    if not event or not _NAME.fullmatch(name) or ".." in name:
        return ()
    refs = dict.fromkeys((_ref(ref), _commit(commit)) for ref, commit in moved)
    if len(refs) > MOST_REFS or any(not ref for ref, _ in refs):
        refs = {("", ""): None}
    about = (delivery.provider, delivery_id(delivery), event, name, _number(number))
    return tuple(Hint(*about, ref, commit) for ref, commit in refs)


def _json(body: bytes) -> Any:
    """None for what is no JSON. GitHub's other content type is a form with the JSON in one field."""
    try:
        if body.startswith(b"payload="):
            plain = body.removeprefix(b"payload=").replace(b"+", b" ")
            body = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), plain)
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None


def _at(said: Any, *path: str | int) -> Any:
    """The value there; None when the way does not lead anywhere."""
    for step in path:
        if isinstance(said, dict) and isinstance(step, str):
            said = said.get(step)
        elif isinstance(said, list) and isinstance(step, int) and step < len(said):
            said = said[step]
        else:
            return None
    return said


def _listed(said: Any, *path: str) -> Iterator[Any]:
    """The first entries of a list there: enough to see that there are more than MOST_REFS."""
    found = _at(said, *path)
    yield from found[: MOST_REFS + 1] if isinstance(found, list) else ()


_Read = tuple[str, object, object, list[Moved]]
"""event ("" : not one for us), repository, number, what moved."""
_NOTHING: _Read = ("", None, None, [])


def _github(delivery: Delivery, said: Any) -> _Read:
    name, number = _at(said, "repository", "full_name"), _at(said, "repository", "id")
    match delivery.header("x-github-event"):
        case "push":
            return PUSH, name, number, [(_at(said, "ref"), _at(said, "after"))]
        case "pull_request":
            head = (_numbered("refs/pull/{}/head", _at(said, "number")), _at(said, "pull_request", "head", "sha"))
            return PULL_REQUEST, name, number, [head]
        case "issue_comment" if _at(said, "issue", "pull_request"):
            return COMMENT, name, number, [(_numbered("refs/pull/{}/head", _at(said, "issue", "number")), None)]
        case "pull_request_review":
            pulled = _at(said, "pull_request", "number")
            return COMMENT, name, number, [(_numbered("refs/pull/{}/head", pulled), None)]
    return _NOTHING


def _gitlab(_delivery: Delivery, said: Any) -> _Read:
    """The kind stands in the body too, which is signed as the header is not."""
    name, number = _at(said, "project", "path_with_namespace"), _at(said, "project", "id")
    match _at(said, "object_kind"):
        case "push" | "tag_push":
            return PUSH, name, number, [(_at(said, "ref"), _at(said, "after"))]
        case "merge_request":
            asked = _at(said, "object_attributes")
            head = (_numbered("refs/merge-requests/{}/head", _at(asked, "iid")), _at(asked, "last_commit", "id"))
            return PULL_REQUEST, name, number, [head]
        case "note" if _at(said, "merge_request"):
            asked = _at(said, "merge_request", "iid")
            return COMMENT, name, number, [(_numbered("refs/merge-requests/{}/head", asked), None)]
    return _NOTHING


def _bitbucket(delivery: Delivery, said: Any) -> _Read:
    key = delivery.header("x-event-key")
    if key == "repo:push":
        changes = [_cloud_change(change) for change in _listed(said, "push", "changes")]
        return PUSH, _at(said, "repository", "full_name"), _at(said, "repository", "uuid"), changes
    if key == "repo:refs_changed":  # Data Center
        moved = [(_at(change, "ref", "id"), _at(change, "toHash")) for change in _listed(said, "changes")]
        return PUSH, _data_center(_at(said, "repository")), _at(said, "repository", "id"), moved
    if key.startswith("pullrequest:"):
        head = _at(said, "pullrequest", "source", "commit", "hash")
        moved = [(_numbered("refs/pull-requests/{}/from", _at(said, "pullrequest", "id")), head)]
        return PULL_REQUEST, _at(said, "repository", "full_name"), _at(said, "repository", "uuid"), moved
    if key.startswith("pr:"):
        into, source = _at(said, "pullRequest", "toRef", "repository"), _at(said, "pullRequest", "fromRef")
        ref = _numbered("refs/pull-requests/{}/from", _at(said, "pullRequest", "id"))
        return PULL_REQUEST, _data_center(into), _at(into, "id"), [(ref, _at(source, "latestCommit"))]
    return _NOTHING


def _cloud_change(change: Any) -> Moved:
    now = _at(change, "new") or _at(change, "old")  # a branch that is gone has no `new`
    folder = "tags" if _at(now, "type") == "tag" else "heads"
    name = _at(now, "name")
    return f"refs/{folder}/{name}" if isinstance(name, str) else None, _at(change, "new", "target", "hash")


def _data_center(repository: Any) -> str:
    return f"{_at(repository, 'project', 'key')}/{_at(repository, 'slug')}"


def _git(_delivery: Delivery, said: Any) -> _Read:
    if _at(said, "event") != PUSH:
        return _NOTHING
    moved = [(_at(one, "ref"), _at(one, "after")) for one in _listed(said, "refs")]
    return PUSH, _at(said, "repository"), None, moved


def _numbered(form: str, number: object) -> str | None:
    return form.format(number) if isinstance(number, int) and 0 < number < 10**12 else None


def _ref(said: object) -> str:
    """ "" for what git would not call a ref: then the whole repository is looked at."""
    good = isinstance(said, str) and said.isprintable() and ".." not in said and _REF.fullmatch(said)
    return said if good and isinstance(said, str) else ""


def _commit(said: object) -> str:
    return said if isinstance(said, str) and _COMMIT.fullmatch(said) and said.strip("0") else ""


def _number(said: object) -> str:
    """A whole number, or Bitbucket's UUID."""
    text = str(said) if isinstance(said, int | str) and not isinstance(said, bool) and said != "" else ""
    return text if _NUMBER.fullmatch(text) else ""
