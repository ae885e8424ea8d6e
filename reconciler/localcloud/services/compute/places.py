"""Where a compute resource lives: its scope, collection and name, the key it is stored under, and its URLs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.services import generic
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

HOST = "https://www.googleapis.com/"
# The stored form of every link; an answer of another version shows its own (`shown`).
STORED = HOST + "compute/v1/"
# Any host, because clients make links from the address that they were pointed at.
_LINK = re.compile(r"^https?://[^/]+/(?:compute/)?compute/(?:v1|beta|alpha)/((?:projects|locations)/.+)$")
# Recorded clients write `projects/P/global/regions/R`, which Google accepts.
_ODD_SCOPE = re.compile(r"^(projects/[^/]+/)global/((?:regions|zones)/[^/]+)$")
_PARTIAL = re.compile(r"^(?:global|(?:regions|zones)/[^/]+)/[a-zA-Z]\w*/")
_OWN = re.compile(r"^projects/[^/]+/(?:global|(?:regions|zones)/[^/]+(?:$|/))|^locations/global/")


@dataclass(frozen=True)
class Place:
    """`parent` is `projects/P/global`, `projects/P/regions/R`, `projects/P/zones/Z` or `locations/global`.

    `name` is empty for the collection itself; `verb` is the last word of a custom method (`setLabels`). A resource
    inside another one has its owner in `parent` (`projects/P/zones/Z/reservations/R`).
    """

    parent: str
    collection: str
    name: str = ""
    verb: str = ""

    @property
    def path(self) -> str:
        return "/".join(part for part in (self.parent, self.collection, self.name) if part)

    @property
    def link(self) -> str:
        return STORED + self.path

    @property
    def project(self) -> str:
        return projects.of(self.parent)

    @property
    def scope(self) -> str:
        """`global`, `regions/R` or `zones/Z`."""
        words = self.parent.split("/")
        return "global" if words[0] == "locations" else "/".join(words[2:4]) if words[2:3] != ["global"] else "global"

    def named(self, name: str) -> Place:
        return Place(self.parent, self.collection, name)

    def beside(self, collection: str, name: str) -> Place:
        """Another resource in the same scope."""
        return Place(self.parent, collection, name)


def place_of(call: Call) -> Place:
    """What a call is about, with the project's id. A custom verb is split off."""
    path = projects.with_id(call.state, generic.path_of(call).strip("/"))
    words = path.split("/")
    template = call.method.template.removeprefix(call.api.base).split("/")
    verb = ""
    if len(template) > 2 and not template[-1].startswith("{") and template[-2].startswith("{"):
        # `instances/{instance}/referrers` is a verb, too; `reservations/{reservation}/reservationBlocks` holds others.
        within = template[-3] in ("projects", "zones", "regions") or call.method.name in ("list", "insert")
        verb = "" if within else words.pop()
    if words[0] == "projects" and len(words) > 2 and words[2] not in ("global", "regions", "zones", "aggregated"):
        # targetHttpProxies.setUrlMap and its like have no scope in their path.
        words[2:2] = ["global"]
    return _placed(words, verb)


def _placed(words: list[str], verb: str = "") -> Place:
    size = 2 if words[0] == "locations" else 3 if words[2:3] in (["global"], ["aggregated"]) else 4
    while len(words) > size + 2:
        size += 2
    parent, rest = "/".join(words[:size]), words[size:]
    return Place(parent, rest[0] if rest else "", rest[1] if len(rest) > 1 else "", verb)


def parsed(link: str) -> Place | None:
    """The place that a stored link names; None for what is no link to compute."""
    path = link.removeprefix(STORED)
    words = path.split("/")
    if path == link or len(words) < 4 or words[0] not in ("projects", "locations"):
        return None
    return _placed(words)


def key_of(state: State, place: Place) -> str:
    return f"{prefix_of(state, place.collection, place.parent)}{place.name}"


def prefix_of(state: State, collection: str, parent: str) -> str:
    """The start of the keys of a collection in a scope; with `projects/P` as parent, in all scopes of a project."""
    own = projects.canonical(state, parent)
    tail = "" if own.count("/") == 1 and own.startswith("projects/") else f"{collection}/"
    return f"compute.{collection}/{own}/{tail}"


def stored_at(state: State, place: Place) -> tuple[Place, Json] | None:
    """The resource at a place, by name or by its numeric id."""
    found = state.get(key_of(state, place))
    if found is not None:
        return place, found
    if place.name.isdigit():
        for _, row in state.scan(prefix_of(state, place.collection, place.parent)):
            if row.get("id") == place.name:
                return place.named(str(row["name"])), row
    return None


def full(state: State, text: str, project: str) -> str:
    """A full or partial URL of a compute resource in its stored form; any other text as it is."""
    found = _LINK.match(text)
    path = found[1] if found else text
    if _PARTIAL.match(path) and project:
        path = f"projects/{project}/{path}"
    elif not found and not _OWN.match(path):
        return text
    path = _ODD_SCOPE.sub(r"\1\2", projects.with_id(state, path))
    return STORED + path


def shown(version: str, value: object) -> object:
    """A copy of a stored value with its links in the words of an API version."""
    if version == "v1":
        return value
    if isinstance(value, dict):
        return {key: shown(version, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shown(version, inner) for inner in value]
    if isinstance(value, str) and value.startswith(STORED):
        return f"{HOST}compute/{version}/{value.removeprefix(STORED)}"
    return value
