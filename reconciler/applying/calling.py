"""The call that follows from a judgement: its body, its mask, its request id."""

from typing import Any

from reconciler.applying.judge import Case, at_or_below, call_fields
from reconciler.kinds.compare import mask, merged
from reconciler.kinds.ownership import stamped
from reconciler.model.canonical import digest
from reconciler.model.plan import Action
from reconciler.model.ports import Call
from reconciler.model.resource import Found


def call_of(case: Case, key: str, action: Action, found: Found | None) -> Call:
    """`key` identifies the change of its plan; `found` is the object as it was just seen."""
    kind, change = case.kind, case.change
    body: dict[str, Any] = dict(case.body)
    paths: tuple[str, ...] = ()
    if action is Action.UPDATE and found is not None:
        paths = mask(kind, call_fields(case, found))
        body = merged(kind, found.body, body, change.dropped)
        if kind.labels and case.generation and not any(at_or_below(path, kind.labels) for path in paths):
            paths = (*paths, kind.labels)
    body = {} if action is Action.DELETE else stamped(kind, body, case.generation)
    request = digest([key, str(action)]).removeprefix("sha256:")
    return Call(action, kind.name, change.name, change.parent, body, paths, found, _as_uuid(request))


def _as_uuid(text: str) -> str:
    """32 hexadecimal digits in the form of a version 8 UUID (RFC 9562: "custom"), which request ids must have."""
    text = text[:12] + "8" + text[13:16] + "8" + text[17:32]
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))
