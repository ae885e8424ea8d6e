"""Parents, names and masks that all configuration of Cloud Logging shares."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.localcloud import projects
from reconciler.localcloud.api.bodies import snake
from reconciler.localcloud.api.masks import masked, paths
from reconciler.localcloud.call import Behaviour, Call, Moment
from reconciler.localcloud.errors import GoogleError, exists, invalid
from reconciler.localcloud.services.logging.query import predicate
from reconciler.localcloud.values import Json, timestamp

# The older method ids have no parent in them; the others say what they are under.
PARENTS = ("", "billingAccounts.", "folders.", "organizations.", "projects.")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")


def everywhere(collection: str, behaviours: Mapping[str, Behaviour]) -> dict[str, Behaviour]:
    """The behaviours of a collection under every kind of parent, by method id."""
    return {
        f"logging.{parent}{collection}.{verb}": behaviour
        for parent in PARENTS
        for verb, behaviour in behaviours.items()
    }


def nanoseconds(moment: Moment) -> str:
    """Logging prints times with nine digits (samples)."""
    return timestamp(moment.now)[:-1] + "000Z"


def checked_id(kind: str, own: str) -> str:
    """GoogleError 400 for what the discovery document does not allow as an identifier."""
    if not _ID.fullmatch(own):
        raise invalid(
            f"{kind} name must be 1 to 100 characters of letters, digits, underscores, hyphens and periods, and begin "
            "with a letter or a digit.",
            (f"{kind.lower()}.name", "invalid"),
        )
    return own


def own_of(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def absent(message: str) -> GoogleError:
    return GoogleError(404, message)


def taken(message: str) -> GoogleError:
    return exists(message)


def checked_filter(text: str | None) -> None:
    """GoogleError 400 for a filter that is not in the query language."""
    predicate(text or "")


def changed(call: Call, stored: Json, known: Json, fixed: frozenset[str] = frozenset()) -> Json:
    """`stored` with the masked fields of the body. GoogleError 400 without a mask, and for what cannot be changed."""
    mask = call.query("updateMask")
    if not mask:
        raise invalid("An update mask must be specified.", ("update_mask", "required"))
    for path in paths(mask):
        if path[0] not in known:
            raise invalid(f"Invalid field mask: {'.'.join(snake(part) for part in path)}", ("update_mask", "invalid"))
        if path[0] in fixed:
            raise invalid(f"Field {snake(path[0])} cannot be changed.", ("update_mask", "immutable"))
    return masked(stored, call.body, mask)


def without_zero(row: Json) -> Json:
    """Proto JSON does not print false, zero and empty."""
    return {name: value for name, value in row.items() if value not in (None, False, 0, "", [], {})}


def key(moment: Moment, path: str) -> str:
    """Where a resource stands, whichever service asks: `logging.sinks/projects/<number>/sinks/<name>`."""
    return f"logging.{path.split('/')[-2]}/{projects.canonical(moment.state, path)}"


def number(moment: Moment, parent: str) -> str:
    """The project's number, or the id in another parent."""
    row = projects.find(moment.state, own_of(parent)) if parent.startswith("projects/") else None
    return str(row["number"]) if row else own_of(parent)


def writer(moment: Moment, parent: str) -> str:
    """The service account of Logging for a project, folder, organisation or billing account."""
    kind, _, own = parent.partition("/")
    word = {"folders": "folder-", "organizations": "org-", "billingAccounts": "billing-"}.get(kind, "")
    own = number(moment, parent) if kind == "projects" else own
    return f"service-{word}{own.lower()}@gcp-sa-logging.iam.gserviceaccount.com"
