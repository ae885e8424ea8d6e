"""An apply while it runs, one line per event: what CI logs show, on standard error."""

from collections.abc import Mapping

from reconciler.model.ids import Address
from reconciler.model.outcome import Event, EventKind
from reconciler.model.plan import Action, Change
from reconciler.report.escape import cut, plain
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import took

_DOING: Mapping[Action, tuple[str, str]] = {
    Action.CREATE: ("Creating", "Creation"),
    Action.UPDATE: ("Modifying", "Modifications"),
    Action.REPLACE: ("Replacing", "Replacement"),
    Action.DELETE: ("Deleting", "Deletion"),
    Action.RUN: ("Running", "Run"),
    Action.ADOPT: ("Adopting", "Adoption"),
    Action.NONE: ("Reading", "Read"),
}


def has_a_line(event: Event) -> bool:
    """What is not run is told at the end, once for each reason: in waves that may be most of a fleet."""
    return event.kind is not EventKind.SKIPPED


def event_line(event: Event, style: Style = PLAIN) -> str:
    """One line without a line feed: "tenant/acme run.service/production: Creation complete after 41s"."""
    return f"{style.bold(subject(event.change.address))}: {_told(event, style)}"


def subject(address: Address) -> str:
    """ "tenant/acme run.service/production"."""
    return plain(f"{address.target} {address.kind}/{address.key}")


def doing(change: Change) -> str:
    """ "Creating"."""
    return _DOING[change.action][0]


def _told(event: Event, style: Style) -> str:
    verb, noun = _DOING[event.change.action]
    said = cut(plain(event.message), 400)
    detail = f": {said}" if said else ""
    match event.kind:
        case EventKind.START:
            return f"{verb}..."
        case EventKind.PROGRESS:
            return f"Still {verb.lower()}... [{took(event.elapsed)} elapsed]" + (f" {said}" if said else "")
        case EventKind.COMPLETE:
            return f"{style.green(f'{noun} complete')} after {took(event.elapsed)}" + (f" ({said})" if said else "")
        case EventKind.ERRORED:
            return f"{style.red(f'{noun} failed')} after {took(event.elapsed)}{detail}"
        case EventKind.SKIPPED:
            return f"{style.yellow('Skipped')}{detail}"
