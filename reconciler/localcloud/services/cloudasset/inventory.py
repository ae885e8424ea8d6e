"""Lists of assets: by a scan of keys per kind, so that a page costs what is on it, however large the fleet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Behaviour, Call, Moment
from reconciler.localcloud.errors import forbidden, invalid
from reconciler.localcloud.regular import Pattern
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudasset import kinds
from reconciler.localcloud.services.cloudasset.kinds import BUCKET, FOLDER, KINDS, ORGANISATION, PROJECT, Kind
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_TIMES = ("updateTime", "createTime", "updated", "timeCreated", "creationTimestamp", "validAfterTime")
_MOST_NAMES = 100
_END = "\U0010ffff"


@dataclass
class Scope:
    """What a list is about: all of the organisation (`numbers` is None), or the projects with these numbers."""

    state: State
    name: str
    numbers: list[str] | None
    _ancestors: dict[str, list[str]] = field(default_factory=dict)

    def ancestors(self, number: str) -> list[str]:
        if number not in self._ancestors:
            own = f"projects/{number}"
            self._ancestors[number] = [own, *hierarchy.ancestors(self.state, own)] if number else []
        return self._ancestors[number]

    def keys(self, kind: Kind, after: str) -> Iterator[tuple[str, Json]]:
        """The rows of a kind in this scope, in the order of their keys, those up to `after` left out."""
        if kind is ORGANISATION:
            if self.name == projects.ORGANISATION and after < self.name:
                yield self.name, dict(hierarchy.ORGANISATION)
        elif kind is FOLDER:
            yield from self._folders(after)
        elif self.numbers is None:
            yield from self.state.scan(f"{kind.collection}/", after)
        elif kind is BUCKET:
            yield from self._buckets(after)
        else:
            yield from self._of_projects(kind, after)

    def _of_projects(self, kind: Kind, after: str) -> Iterator[tuple[str, Json]]:
        for number in self.numbers or ():
            if kind is PROJECT:
                key = f"project/{number}"
                row = self.state.get(key) if key > after else None
                if row:
                    yield key, row
                continue
            prefix = f"{kind.collection}/projects/{number}/"
            if prefix + _END > after:
                yield from self.state.scan(prefix, after if after > prefix else "")

    def _buckets(self, after: str) -> Iterator[tuple[str, Json]]:
        mine = (
            f"storage.b/{key.rpartition('/')[2]}"
            for number in self.numbers or ()
            for key, _ in self.state.scan(f"storage.ofproject/{number}/")
        )
        for key in sorted(key for key in mine if key > after):
            row = self.state.get(key)
            if row:
                yield key, row

    def _folders(self, after: str) -> Iterator[tuple[str, Json]]:
        if self.name.startswith("projects/"):
            return
        first = hierarchy.folder_key("")
        found = dict(self.state.scan(first))
        found.setdefault(hierarchy.folder_key(projects.FOLDER), dict(hierarchy.FOLDER))
        for key, row in sorted(found.items()):
            within = self.name in (projects.ORGANISATION, row["name"], *hierarchy.ancestors(self.state, row["name"]))
            if key > after and within:
                yield key, row


def scope_of(moment: Moment, name: str) -> Scope:
    """GoogleError 403 for what is not there."""
    state = moment.state
    row = hierarchy.container(state, name)
    if row is None:
        raise forbidden()
    if name.startswith("projects/"):
        return Scope(state, f"projects/{row['number']}", [row["number"]])
    if name.startswith("organizations/"):
        return Scope(state, name, None)
    return Scope(state, name, sorted(_projects_below(state, name)))


def _projects_below(state: State, folder: str) -> Iterator[str]:
    for _, row in hierarchy.children(state, folder, "projects"):
        yield row["number"]
    for _, row in hierarchy.children(state, folder, "folders"):
        yield from _projects_below(state, row["name"])


def chosen(call: Call) -> list[Kind]:
    """The kinds that the query's `assetTypes` asks for."""
    return matching([part for text in call.request.query.get("assetTypes", []) for part in text.split(",") if part])


def matching(asked: list[str]) -> list[Kind]:
    """The kinds of full types, or of regular expressions over them; all if there is none."""
    if not asked:
        return [KINDS[name] for name in sorted(KINDS)]
    found: set[str] = set()
    for text in asked:
        try:
            pattern = Pattern(text)
        except re.error as error:
            raise invalid("Request contains an invalid argument.", ("asset_types", f"{text} is not RE2")) from error
        if ".googleapis.com" not in text and not text.startswith(".*"):
            raise invalid("Request contains an invalid argument.", ("asset_types", f"{text} is not an asset type"))
        found |= {name for name in KINDS if pattern.fullmatch(name)}
    return [KINDS[name] for name in sorted(found)]


def paged(call: Call, scope: Scope, chosen_kinds: list[Kind], most: int) -> tuple[list[tuple[Kind, str, Json]], str]:
    """A page of rows over all kinds; the token says the kind and the key that the next one starts after."""
    start = generic.start_of(call)
    kind_then, _, after_then = start.partition("|")

    def rows() -> Iterator[tuple[str, Json]]:
        for kind in chosen_kinds:
            if kind.type < kind_then:
                continue
            after = after_then if kind.type == kind_then else ""
            for key, row in scope.keys(kind, after):
                if kinds.alive(kind, row):
                    yield f"{kind.type}|{key}", {"kind": kind, "key": key, "row": row}

    found, token = generic.page(call, rows(), most=most)
    return [(item["kind"], item["key"], item["row"]) for item in found], token


def policy_of(state: State, kind: Kind, key: str) -> Json | None:
    path = key.partition("/")[2]
    if kind is PROJECT:
        path = f"projects/{path}"
    elif kind is ORGANISATION:
        path = key
    elif kind is BUCKET:
        path = f"b/{path}"
    stored = state.look(f"iam/{kind.service}/{path}")
    return policies.shown(state, stored) if stored and stored.get("bindings") else None


def ancestors_of(scope: Scope, kind: Kind, key: str, row: Json) -> list[str]:
    number = kinds.number_of(kind, key, row)
    if number:
        return scope.ancestors(number)
    own = str(row.get("name", "")) if kind in (FOLDER, ORGANISATION) else ""
    return [own, *hierarchy.ancestors(scope.state, own)] if own else [projects.ORGANISATION]


def changed_at(row: Json) -> str:
    return next((str(row[name]) for name in _TIMES if row.get(name)), "")


def asset(moment: Moment, scope: Scope, item: tuple[Kind, str, Json], content: str) -> Json:
    kind, key, row = item
    above = ancestors_of(scope, kind, key, row)
    shown: Json = {
        "name": kinds.full_name(moment.state, kind, key, row), "assetType": kind.type, "ancestors": above,
        "updateTime": changed_at(row) or moment.stamp,
    }  # fmt: skip
    if content == "RESOURCE":
        parent = above[1] if kind in (PROJECT, FOLDER) and len(above) > 1 else above[0] if above else ""
        shown["resource"] = content_of(kind, key, row, parent)
    elif content == "IAM_POLICY":
        shown["iamPolicy"] = policy_of(moment.state, kind, key)
    return shown


def content_of(kind: Kind, key: str, row: Json, parent: str) -> Json:
    url = f"https://{kind.service}.googleapis.com/$discovery/rest?version={kind.version}"
    return {
        "version": kind.version, "discoveryDocumentUri": url, "discoveryName": kind.short,
        "parent": f"//cloudresourcemanager.googleapis.com/{parent}", "data": _data(kind, row),
        "location": kinds.place_of(kind, key, row),
    }  # fmt: skip


def _data(kind: Kind, row: Json) -> Json:
    if kind is PROJECT:
        shown = {"name": f"projects/{row['number']}", **row}
        return {name: value for name, value in shown.items() if name not in ("number", "pending") and value}
    return {name: value for name, value in row.items() if name not in ("secret", "certificate", "deletedAt")}


def content_asked(asked: str) -> str:
    """RESOURCE, IAM_POLICY or nothing in particular; NONE for a content that the local cloud has not."""
    known = ("", "CONTENT_TYPE_UNSPECIFIED", "RESOURCE", "IAM_POLICY")
    numbers = {"1": "RESOURCE", "2": "IAM_POLICY"}
    asked = numbers.get(asked, asked)
    others = ("ORG_POLICY", "ACCESS_POLICY", "OS_INVENTORY", "RELATIONSHIP", "3", "4", "6", "7")
    if asked not in (*known, *others):
        raise invalid("Request contains an invalid argument.", ("content_type", f"{asked} is none"))
    return asked if asked in known else "NONE"


def _list(call: Call) -> Answer:
    """Content that the local cloud has not (organisation policies, OS inventories, relations) lists nothing."""
    scope, content = scope_of(call, call.subject), content_asked(call.query("contentType"))
    if content == "NONE":
        return {"readTime": call.stamp}
    found, token = paged(call, scope, chosen(call), most=1000)
    shown = [asset(call, scope, item, content) for item in found]
    if content == "IAM_POLICY":
        shown = [one for one in shown if one["iamPolicy"]]
    result: Json = {"readTime": call.query("readTime") or call.stamp}
    return result | ({"assets": shown} if shown else {}) | ({"nextPageToken": token} if token else {})


def _history(call: Call) -> Answer:
    """One window per asset: what it is now, since it last changed. Older states are not kept."""
    scope, content = scope_of(call, call.subject), content_asked(call.query("contentType"))
    names = call.request.query.get("assetNames", [])
    if not names or len(names) > _MOST_NAMES or not call.query("readTimeWindow.startTime"):
        raise invalid("Request contains an invalid argument.", ("asset_names", "1 to 100, and a read_time_window"))
    found = []
    for name in names:
        place = kinds.located(call.state, name)
        row = call.state.get(place[1]) if place else None
        if place and row and kinds.alive(place[0], row):
            shown = asset(call, scope, (place[0], place[1], row), content)
            found.append({"window": {"startTime": shown["updateTime"]}, "asset": shown})
    return {"assets": found} if found else {}


METHODS: dict[str, Behaviour] = {
    "cloudasset.assets.list": _list, "cloudasset.batchGetAssetsHistory": _history,
}  # fmt: skip
