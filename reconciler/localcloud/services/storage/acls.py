"""Entries of access control lists: entities and members, predefined lists, and how an entry is shown."""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.storage.rules import refused, required
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

BUCKET_ROLES = ("OWNER", "READER", "WRITER")
OBJECT_ROLES = ("OWNER", "READER")
_TEAMS = {"owners": "projectOwner", "editors": "projectEditor", "viewers": "projectViewer"}
_PUBLIC = ("allUsers", "allAuthenticatedUsers")
_PREFIXES = ("user-", "group-", "domain-", "project-")


def member_of(state: State, entity: str) -> str:
    """`user-a@b` -> `user:a@b`, `project-owners-<number>` -> `projectOwner:<id>`."""
    kind, _, rest = entity.partition("-")
    if kind == "project":
        team, _, number = rest.partition("-")
        row = projects.find(state, number) or {"projectId": number}
        return f"{_TEAMS.get(team, 'projectViewer')}:{row['projectId']}"
    if kind == "user" and rest.endswith("gserviceaccount.com"):
        return f"serviceAccount:{rest}"
    return entity if entity in _PUBLIC else f"{kind}:{rest}"


def entity_of(state: State, member: str) -> str:
    kind, _, rest = member.partition(":")
    team = next((team for team, role in _TEAMS.items() if role == kind), "")
    if team:
        row = projects.find(state, rest) or {"number": rest}
        return f"project-{team}-{row['number']}"
    return member if member in _PUBLIC else f"{'user' if kind == 'serviceAccount' else kind}-{rest}"


def order(entry: Json) -> tuple[int, bool, str]:
    """Owners before readers, project teams before others, as Cloud Storage lists them (samples)."""
    rank = {"OWNER": 0, "WRITER": 1, "READER": 2}
    team = entry["entity"].split("-")[1] if entry["entity"].startswith("project-") else "z"
    place = {"owners": "0", "editors": "1", "viewers": "2"}.get(team, "3")
    return rank[entry["role"]], not entry["entity"].startswith("project-"), place + entry["entity"]


def details(entity: str) -> Json:
    """What an entry says about its entity besides its name."""
    kind, _, rest = entity.partition("-")
    if kind == "project":
        team, _, number = rest.partition("-")
        return {"projectTeam": {"projectNumber": number, "team": team}}
    return {"email": rest} if kind in ("user", "group") else {"domain": rest} if kind == "domain" else {}


def default_entry(bucket: Json, entry: Json) -> Json:
    return {"kind": "storage#objectAccessControl", **entry, **details(entry["entity"]), "etag": bucket["etag"]}


def pick(entries: list[Json], entity: str) -> Json:
    """The entry of an entity. GoogleError 404, in the two words that Cloud Storage has for it (issue threads)."""
    found = next((entry for entry in entries if entry["entity"].lower() == entity.lower()), None)
    if found is None:
        raise GoogleError(404, "Not Found", reason="notFound")
    return found


def checked(entries: list[Json], roles: tuple[str, ...]) -> list[Json]:
    """Entries reduced to entity and role. GoogleError 400."""
    kept: dict[str, Json] = {}
    for entry in entries:
        entity, role = entry.get("entity", ""), str(entry.get("role", "")).upper()
        if not entity or not role:
            raise required()
        if entity not in _PUBLIC and not entity.startswith(_PREFIXES):
            raise refused(f"Invalid entity: {entity}")
        if role not in roles:
            raise refused(f"Invalid role: {entry['role']}")
        kept[entity] = {"entity": entity, "role": role}
    return list(kept.values())


def changed(call: Call, entries: list[Json], roles: tuple[str, ...]) -> list[Json]:
    """The entries after an insert, patch or update of one."""
    entity = call.params.get("entity")
    if entity:
        before = pick(entries, entity)
        role = call.body.get("role") or (before["role"] if call.method.name == "patch" else "")
        new = checked([{"entity": before["entity"], "role": role}], roles)
    else:
        new = checked([call.body], roles)
    return [entry for entry in entries if entry["entity"] != new[0]["entity"]] + new


def _team(name: str, number: str, role: str) -> Json:
    return {"entity": f"project-{name}-{number}", "role": role}


def _project_private(number: str) -> list[Json]:
    return [_team("owners", number, "OWNER"), _team("editors", number, "OWNER"), _team("viewers", number, "READER")]


def predefined_bucket(name: str, number: str) -> list[Json]:
    """https://cloud.google.com/storage/docs/access-control/lists#predefined-acl."""
    public = {
        "private": [], "projectPrivate": _project_private(number)[1:],
        "publicRead": [{"entity": "allUsers", "role": "READER"}],
        "publicReadWrite": [{"entity": "allUsers", "role": "WRITER"}],
        "authenticatedRead": [{"entity": "allAuthenticatedUsers", "role": "READER"}],
    }  # fmt: skip
    if name not in public:
        raise refused(f"Invalid value for predefinedAcl: {name}")
    return [_team("owners", number, "OWNER"), *public[name]]


def predefined_object(name: str, number: str, owner: str) -> list[Json]:
    lists = {
        "private": [], "projectPrivate": _project_private(number),
        "publicRead": [{"entity": "allUsers", "role": "READER"}],
        "authenticatedRead": [{"entity": "allAuthenticatedUsers", "role": "READER"}],
        "bucketOwnerRead": [_team("owners", number, "READER")],
        "bucketOwnerFullControl": [_team("owners", number, "OWNER")],
    }  # fmt: skip
    if name not in lists:
        raise refused(f"Invalid value for predefinedAcl: {name}")
    return [*lists[name], *([{"entity": owner, "role": "OWNER"}] if owner else [])]
