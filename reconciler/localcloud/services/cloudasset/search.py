"""Searches over resources and over IAM policies, in the query language of
https://cloud.google.com/asset-inventory/docs/query-syntax: fields, labels, free text, AND, OR, NOT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.filters import Language, predicate, value_at
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudasset import kinds
from reconciler.localcloud.services.cloudasset.inventory import (
    Scope,
    ancestors_of,
    changed_at,
    chosen,
    policy_of,
    scope_of,
)  # fmt: skip
from reconciler.localcloud.services.cloudasset.kinds import FOLDER, ORGANISATION, PROJECT, Kind
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.values import Json, seconds_of

_MOST = 500
_RESOURCES = Language(
    {}, contains=True,
    anywhere=("name", "displayName", "description", "location", "labels", "state", "project", "assetType"),
)  # fmt: skip
_POLICIES = Language(
    {"policy": "words", "roles": "roles", "policy.role.permissions": "permissions", "memberTypes": "memberTypes"},
    contains=True, anywhere=("words", "resource"),
)  # fmt: skip
_SORTED = ("name", "assetType", "project", "displayName", "location", "createTime", "updateTime", "state", "resource")


def _where(above: list[str]) -> Json:
    project = next((name for name in above if name.startswith("projects/")), "")
    folders = [name for name in above if name.startswith("folders/")]
    organisation = next((name for name in above if name.startswith("organizations/")), "")
    shown: Json = {"project": project, "folders": folders, "organization": organisation}
    return {name: value for name, value in shown.items() if value}


def _resource(call: Call, scope: Scope, kind: Kind, key: str, row: Json) -> Json:
    above = ancestors_of(scope, kind, key, row)
    own = key.rpartition("/")[2]
    within = above[1:] if kind in (PROJECT, FOLDER, ORGANISATION) else above
    parent = hierarchy.container(call.state, within[0]) if within else None
    shown: Json = {
        "name": kinds.full_name(call.state, kind, key, row), "assetType": kind.type, **_where(above),
        "displayName": row.get("displayName") or row.get("title") or own, "description": row.get("description"),
        "location": kinds.place_of(kind, key, row), "labels": _labels(row),
        "createTime": _second(_created(row)), "updateTime": _second(changed_at(row)), "state": row.get("state"),
    }  # fmt: skip
    if parent is not None:
        word = {"p": "Project", "f": "Folder", "o": "Organization"}[within[0][0]]
        shown["parentFullResourceName"] = f"//cloudresourcemanager.googleapis.com/{within[0]}"
        shown["parentAssetType"] = f"cloudresourcemanager.googleapis.com/{word}"
    if kind is PROJECT:
        shown |= {"displayName": row.get("displayName"), "additionalAttributes": {"projectId": row["projectId"]}}
    return {name: value for name, value in shown.items() if value}


def _labels(row: Json) -> Json:
    settings = row.get("settings")
    own = settings.get("userLabels") if isinstance(settings, dict) else None
    return row.get("labels") or own or {}


def _created(row: Json) -> str:
    return str(next((row[name] for name in ("createTime", "timeCreated", "creationTimestamp") if row.get(name)), ""))


def _second(text: str) -> str:
    """Searches tell times to the second, in UTC."""
    if not text:
        return ""
    try:
        seconds_of(text)
    except ValueError:
        return ""
    return text[:19] + "Z"


def _policy(call: Call, scope: Scope, kind: Kind, key: str, row: Json) -> Json:
    policy = policy_of(call.state, kind, key)
    if policy is None:
        return {}
    name = kinds.full_name(call.state, kind, key, row)
    return {"resource": name, "assetType": kind.type, **_where(ancestors_of(scope, kind, key, row)), "policy": policy}


def _policy_facts(found: Json) -> Json:
    bindings = found["policy"]["bindings"]
    members = [member for binding in bindings for member in binding["members"]]
    roles = [binding["role"] for binding in bindings]
    types = [member.partition(":")[0] for member in members]
    return {**found, "words": [*roles, *members], "roles": roles, "memberTypes": types}


def _searched(
    call: Call, language: Language, make: Callable[[Call, Scope, Kind, str, Json], Json], facts: Callable[[Json], Json]
) -> tuple[list[Json], str]:
    """A page: in the order of the keys it costs what is on it; in another order everything must be found first."""
    scope, wanted = scope_of(call, call.subject), predicate(call.query("query"), language)
    order = [part.split() for part in call.query("orderBy").split(",") if part.strip()]
    kind_then, _, after_then = ("" if order else generic.start_of(call)).partition("|")

    def rows() -> Iterator[tuple[str, Json]]:
        for kind in chosen(call):
            if kind.type < kind_then:
                continue
            for key, row in scope.keys(kind, after_then if kind.type == kind_then else ""):
                shown = make(call, scope, kind, key, row) if kinds.alive(kind, row) else {}
                if shown and wanted(facts(shown)):
                    yield f"{kind.type}|{key}", shown

    if not order:
        return generic.page(call, rows(), most=_MOST)
    found = _ordered(order, [row for _, row in rows()])
    start = generic.start_of(call) or "0"
    if not (start.isdecimal() and len(start) < 10):
        raise invalid("The page token is invalid.")
    numbered = ((str(place + 1), row) for place, row in enumerate(found) if place >= int(start))
    return generic.page(call, numbered, most=_MOST)


def _ordered(order: list[list[str]], found: list[Json]) -> list[Json]:
    for words in reversed(order):
        if words[0] not in _SORTED or len(words) > 2 or (len(words) == 2 and words[1].upper() not in ("ASC", "DESC")):
            raise invalid("Request contains an invalid argument.", ("order_by", " ".join(words)))
        down = len(words) == 2 and words[1].upper() == "DESC"
        found.sort(key=lambda row, name=words[0]: str(value_at(row, name) or ""), reverse=down)  # type: ignore[misc]
    return found


def _resources(call: Call) -> Answer:
    found, token = _searched(call, _RESOURCES, _resource, lambda shown: shown)
    return ({"results": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _policies(call: Call) -> Answer:
    found, token = _searched(call, _POLICIES, _policy, _policy_facts)
    return ({"results": found} if found else {}) | ({"nextPageToken": token} if token else {})


METHODS: dict[str, Behaviour] = {
    "cloudasset.searchAllResources": _resources, "cloudasset.searchAllIamPolicies": _policies,
}  # fmt: skip
