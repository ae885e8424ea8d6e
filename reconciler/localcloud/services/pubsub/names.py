"""Names of Pub/Sub resources, what is said when one is bad, absent or taken, and the update mask's rules.

Words: from the recordings (absent), issue threads of Google's clients (bad name, taken, update mask) and live
observations that others published (immutable `filter`, https://github.com/floci-io/floci-gcp/pull/112).
"""

from __future__ import annotations

import re

from reconciler.localcloud import policies, projects
from reconciler.localcloud.api.bodies import snake
from reconciler.localcloud.api.masks import masked, paths
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, exists, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json

# From the discovery document: starts with a letter, 3 to 255 of these, and not with "goog".
_ID = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")


def bad_name(field: str, value: str) -> GoogleError:
    return invalid(
        f"Invalid resource name given ({field}={value}). "
        "Refer to https://cloud.google.com/pubsub/docs/admin#resource_names for more information."
    )


def bad_argument(field: str) -> GoogleError:
    return invalid(f"You have passed an invalid argument to the service (argument={field}).")


def absent(path: str) -> GoogleError:
    return not_found(f"Resource not found (resource={path.rsplit('/', 1)[-1]}).")


def checked_name(field: str, path: str, collection: str) -> str:
    """`projects/<p>/<collection>/<id>` with an id that Pub/Sub takes. Raises GoogleError 400."""
    parts = path.split("/")
    if len(parts) != 4 or parts[0] != "projects" or parts[2] != collection or not _ID.fullmatch(parts[3]):
        raise bad_name(field, path)
    return path


def new_name(call: Call, collection: str) -> str:
    """The name of a resource about to be made by PUT. GoogleError 400 when it is bad, 409 when it is taken."""
    path = checked_name("name", call.subject, collection)
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists(f"Resource already exists in the project (resource={path.rsplit('/', 1)[-1]}).")
    return projects.with_id(call.state, path)


def load(call: Call, path: str) -> Json:
    row = call.state.get(generic.key_of(call, path))
    if row is None:
        raise absent(path)
    return row


def save(call: Call, row: Json) -> Json:
    call.state.put(generic.key_of(call, row["name"]), row)
    return row


def changed(call: Call, kind: str, fixed: frozenset[str]) -> Json:
    """The stored resource with the masked fields of the request's `kind` taken over. GoogleError 400 for a bad mask."""
    stored = load(call, call.subject)
    wish = call.body.get(kind) or {}
    mask = call.query("updateMask") or call.body.get("updateMask", "")
    title = kind.capitalize()
    if not mask.strip():
        raise invalid(
            f"The update_mask in the Update{title}Request must be set, and must contain a non-empty paths list."
        )
    known = call.api.schema(title)["properties"]
    for path in paths(mask):
        if path[0] not in known:
            shown = ".".join(snake(part) for part in path)
            raise invalid(
                f"Invalid update_mask provided in the Update{title}Request: {shown} is not a known {title} field. Note "
                "that field paths must be of the form 'push_config' rather than 'pushConfig'."
            )
        if path[0] in fixed:
            raise invalid(
                f"Invalid update_mask provided in the Update{title}Request: the '{snake(path[0])}' field in the "
                f"{title} is not mutable."
            )
    return masked(stored, wish, mask)


def shown_policy(call: Call) -> Answer:
    load(call, call.subject)
    return policies.read(call, call.subject)


def set_policy(call: Call) -> Answer:
    load(call, call.subject)
    return policies.write(call, call.subject, call.body.get("policy") or {})
