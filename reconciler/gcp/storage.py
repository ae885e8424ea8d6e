"""Cloud Storage: buckets, managed folders and their policies, in the JSON API's own words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reconciler.gcp.adapter import condition, found, never, refuse, rows_of, settle, spelled, turn
from reconciler.gcp.policies import POLICY_VERSION
from reconciler.gcp.session import TIMEOUT, Session
from reconciler.gcp.words import pick, project_of
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done, Failed, Pending
from reconciler.model.resource import Found

OBJECTS_A_STEP = 100
"""Objects that one poll of a folder's removal takes away: some seconds of work, so that a stop is soon honoured."""


def request(session: Session, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
    return session.storage().api_request(
        method=method, path=path, query_params=dict(query or {}), data=body, timeout=TIMEOUT, retry=None
    )


def pages(session: Session, path: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The items of every page."""
    token, seen = "", set[str]()
    while True:
        page = request(session, "GET", path, {**query, **({"pageToken": token} if token else {})})
        yield from rows_of(page, "items", path)
        token = page.get("nextPageToken", "")
        turn(seen, token)
        if not token:
            return


@dataclass(frozen=True, slots=True)
class BucketAdapter:
    """uid: name and creation time (the API has no uid): a name that came back is another bucket."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        query = {"project": project_of(parent), "maxResults": 1000, "projection": "noAcl"}
        return {f"buckets/{spelled(row)}": self._found(row) for row in pages(self.session, "/b", query)}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(request(self.session, "GET", _bucket(name), {"projection": "noAcl"}))

    def begin(self, call: Call) -> Answer:
        if call.action is Action.DELETE:
            return never("bucket", call.name)
        if call.action is Action.CREATE:
            body = {**call.body, "name": call.name.removeprefix("buckets/")}
            query = {"project": project_of(call.parent), "projection": "noAcl"}
            return Done(self._found(request(self.session, "POST", "/b", query, body)))
        query = {"projection": "noAcl", "ifMetagenerationMatch": condition(call, "metageneration")}
        changed = pick(call.body, call.mask)
        if isinstance(changed.get("labels"), Mapping) and call.live is not None:
            gone = set(call.live.body.get("labels", {})) - set(changed["labels"])
            changed["labels"] = {**changed["labels"], **dict.fromkeys(gone)}  # null takes a label away
        return Done(self._found(request(self.session, "PATCH", _bucket(call.name), query, changed)))

    def poll(self, operation: str, call: Call) -> Answer:  # noqa: ARG002 - writes are immediate
        return settle(self, call)

    def _found(self, row: dict[str, Any]) -> Found:
        return found(self.session, row, f"{spelled(row)}@{row.get('timeCreated', '')}")


@dataclass(frozen=True, slots=True)
class ManagedFolderAdapter:
    """Names end in "/". Removing one removes its objects first, some at each poll. uid: creation time."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        rows = pages(self.session, f"{_bucket(parent)}/managedFolders", {"pageSize": 1000})
        return {f"{parent}/managedFolders/{spelled(row)}": self._found(row) for row in rows}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(request(self.session, "GET", folder_path(name)))

    def begin(self, call: Call) -> Answer:
        if call.action is Action.DELETE:
            condition(call, "metageneration")  # nothing in it is touched for a folder that is another one
            return self.poll("objects", call)
        if call.action is Action.CREATE:
            bucket, folder = _split(call.name)
            row = request(self.session, "POST", f"{_bucket(bucket)}/managedFolders", body={"name": folder})
            return Done(self._found(row))
        return Failed(Failure(Next.BUG, f"{call.name}: a managed folder has nothing to update"))

    def poll(self, operation: str, call: Call) -> Answer:  # noqa: ARG002 - the same step whatever was begun
        if call.action is not Action.DELETE:
            return settle(self, call)
        bucket, prefix = _split(call.name)
        query = {"prefix": prefix, "versions": "true", "maxResults": OBJECTS_A_STEP}
        page = request(self.session, "GET", f"{_bucket(bucket)}/o", query)
        rows = rows_of(page, "items", prefix)
        for row in rows:
            self._drop(f"{_bucket(bucket)}/o/{quote(spelled(row), safe='')}", row)
        if page.get("nextPageToken") or rows:
            return Pending("objects", "taking away its objects")
        query = {"ifMetagenerationMatch": condition(call, "metageneration")}
        request(self.session, "DELETE", folder_path(call.name), query)
        return Done(None)

    def _drop(self, path: str, row: Mapping[str, Any]) -> None:
        from google.api_core.exceptions import NotFound

        try:
            request(self.session, "DELETE", path, {"generation": spelled(row, "generation")})
        except NotFound:
            return  # gone already: what we want

    def _found(self, row: dict[str, Any]) -> Found:
        return found(self.session, row, f"{spelled(row)}@{row.get('createTime', '')}")


@dataclass(frozen=True, slots=True)
class FolderPolicyDoor:
    """The policy of a managed folder ("buckets/b/managedFolders/N" with or without its closing slash)."""

    session: Session

    def read(self, resource: str) -> dict[str, Any]:
        query = {"optionsRequestedPolicyVersion": POLICY_VERSION}
        return _policy(resource, request(self.session, "GET", f"{folder_path(resource)}/iam", query))

    def write(self, resource: str, policy: Mapping[str, Any]) -> dict[str, Any]:
        return _policy(resource, request(self.session, "PUT", f"{folder_path(resource)}/iam", body=dict(policy)))


def folder_path(name: str) -> str:
    bucket, folder = _split(name)
    return f"{_bucket(bucket)}/managedFolders/{quote(folder, safe='')}"


def _policy(resource: str, answer: Any) -> dict[str, Any]:
    """A policy as JSON. Refused when it is none, or without the etag that every policy has."""
    rows = rows_of(answer, "bindings", f"the policy of {resource}")
    sound = all(isinstance(row.get("members", []), list) and isinstance(row.get("role"), str) for row in rows)
    plain = all(isinstance(member, str) for row in rows for member in row.get("members", ()) if sound)
    if not sound or not plain or not isinstance(answer.get("etag"), str):
        raise refuse(Next.RETRY, f"the policy of {resource} is answered in another shape; it is not believed")
    return dict(answer)


def _bucket(name: str) -> str:
    return f"/b/{quote(name.removeprefix('buckets/'), safe='')}"


def _split(name: str) -> tuple[str, str]:
    """("buckets/b", "N/")."""
    bucket, _, folder = name.partition("/managedFolders/")
    return bucket, folder.rstrip("/") + "/"
