"""Cloud SQL Admin v1beta4 (the version of Google's client that speaks REST): instances, databases, users, backups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gcp.adapter import (
    ONCE,
    Adapter,
    condition,
    forgotten,
    found,
    never,
    refuse,
    settle,
    spelled,
    taken,
    whole_pages,
)
from reconciler.gcp.errors import FailedOperationError, Refusal
from reconciler.gcp.secrets import read_payload
from reconciler.gcp.session import Session
from reconciler.gcp.words import last, pick, to_json, to_message
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Failed, Pending
from reconciler.model.resource import Found

ANY_HOST = "%"
_IAM = ("CLOUD_IAM_SERVICE_ACCOUNT", "CLOUD_IAM_USER")
"""Users that log in with their IAM identity: no password."""
_CLIENTS = {
    "instances": "SqlInstancesServiceClient", "operations": "SqlOperationsServiceClient",
    "databases": "SqlDatabasesServiceClient", "users": "SqlUsersServiceClient",
    "backups": "SqlBackupRunsServiceClient",
}  # fmt: skip
_MOVING = frozenset({"PENDING_CREATE", "PENDING_DELETE", "MAINTENANCE", "ONLINE_MAINTENANCE", "REPAIRING"})
"""Stopped or failed is settled: nobody waits for it."""
_TROUBLE = {
    "FAILED": "Cloud SQL says FAILED. Its operations in the console say why; one that never ran is deleted there (its "
    "name is free at once) and made by the next apply, any other is repaired or restored from a backup first",
    "SUSPENDED": "Cloud SQL says SUSPENDED, as it does for want of payment: look at the project's billing account",
}
_BACKED_UP = ("SUCCESSFUL", "RUNNING", "ENQUEUED", "OVERDUE")
_OPERATION_CODES = {
    # error.errors[].code of a finished operation -> an HTTP status; any other is 400
    "INTERNAL_ERROR": 500, "UNKNOWN": 500, "SERVICE_UNAVAILABLE": 503, "ALREADY_EXISTS": 409, "NOT_FOUND": 404,
    "ERROR_RDBMS": 500, "CANCELLED": 499, "OPERATION_IN_PROGRESS": 409,
}  # fmt: skip


def sql_client(session: Session, service: str) -> Any:
    def load() -> Any:
        from google.cloud import sqladmin_v1beta4

        return getattr(sqladmin_v1beta4, _CLIENTS[service])

    return session.client(f"sqladmin.{service}", "sqladmin", load)


def instance_of(name: str) -> dict[str, str]:
    """{"project", "instance"} of "projects/P/instances/I/…"."""
    parts = name.split("/")
    if len(parts) < 4 or parts[0] != "projects" or parts[2] != "instances":
        raise ValueError(f"`{name}` names nothing in a Cloud SQL instance")
    return {"project": parts[1], "instance": parts[3]}


def progress(adapter: Adapter, call: Call, operation: Any) -> Answer:
    """Of a Cloud SQL operation, which is not google.longrunning's."""
    row = to_json(operation)
    about = row.get("targetId", "")
    if not row.get("name") or about not in ("", instance_of(call.name)["instance"]):
        told = f"an operation on {about[:100]}" if row.get("name") else "no operation"
        raise refuse(Next.RETRY, f"{call.name}: the answer is {told}; whether it began is not known")
    if row.get("status") != "DONE":
        return Pending(row["name"], str(row.get("operationType", "")).lower().replace("_", " "))
    problems = row.get("error", {}).get("errors", ())
    if not problems:
        return settle(adapter, call)
    first = problems[0]
    status = _OPERATION_CODES.get(str(first.get("code", "")), 400)
    raise FailedOperationError(
        Refusal(status, str(first.get("message") or first.get("code")), reason=str(first.get("code")))
    )


def poll_sql(adapter: Adapter, session: Session, call: Call, operation: str) -> Answer:
    """Ask once. An operation that Google has forgotten: the object itself tells what came of it; but an instance reads
    as before until its change is over, so what is there now is looked at and judged as before the first call."""
    from google.api_core.exceptions import NotFound

    request = {"project": instance_of(call.name)["project"], "operation": operation}
    try:
        current = sql_client(session, "operations").get(request=request, **ONCE)
    except (NotFound, ValueError) as error:
        if not forgotten(error):
            raise
        if call.kind == "sql.instance" and call.action is Action.UPDATE:
            raise refuse(Next.REPLAN, f"Cloud SQL has forgotten the operation on {call.name}") from error
        return settle(adapter, call)
    return progress(adapter, call, current)


def all_items(session: Session, service: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of every page. The client's own iteration would give the *warnings* of a list, not its items; and a
    warning (a region that did not answer) means that the list is not whole."""
    rows: list[dict[str, Any]] = []
    for page in whole_pages(sql_client(session, service).list(request=request, **ONCE)):
        answer = to_json(page)
        if answer.get("warnings"):
            said = "; ".join(str(warning.get("message") or warning.get("code")) for warning in answer["warnings"])
            raise refuse(Next.RETRY, f"Cloud SQL's list is not whole: {said}")
        rows += answer.get("items", ())
    return rows


@dataclass(frozen=True, slots=True)
class InstanceAdapter:
    """uid: name and creation time (the API has none). Updates carry settingsVersion: a stale one is refused."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        request = {"project": last(parent), "max_results": 500}
        rows = all_items(self.session, "instances", request)
        return {f"{parent}/instances/{spelled(row)}": self._found(row) for row in rows}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(to_json(sql_client(self.session, "instances").get(request=instance_of(name), **ONCE)))

    def begin(self, call: Call) -> Answer:
        from google.cloud.sqladmin_v1beta4 import DatabaseInstance

        client, where = sql_client(self.session, "instances"), instance_of(call.name)
        if call.action is Action.DELETE:
            return never("Cloud SQL instance", call.name)
        if call.action is Action.CREATE:
            body = to_message(DatabaseInstance, {**call.body, "name": where["instance"]})
            return progress(self, call, client.insert(request={"project": where["project"], "body": body}, **ONCE))
        changed, whole = instance_patch(call)
        body = to_message(DatabaseInstance, changed)
        request = {**where, "body": body}
        if whole:
            return progress(self, call, client.update(request=request, **ONCE))
        return progress(self, call, client.patch(request=request, **ONCE))

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_sql(self, self.session, call, operation)

    def _found(self, body: dict[str, Any]) -> Found:
        uid = f"{spelled(body)}@{body.get('createTime', '')}"
        trouble = _TROUBLE.get(str(body.get("state")), "")
        return found(self.session, body, uid, body.get("state") not in _MOVING, trouble)


def instance_patch(call: Call) -> tuple[dict[str, Any], bool]:
    """(body, whole): only what the mask names; the whole merged object where a patch cannot say "no longer".

    A patch merges: it cannot take a label or the last flag away, since nothing empty, false or 0 travels.
    """
    changed = pick(call.body, call.mask)
    labels = changed.get("settings", {}).get("userLabels")
    before = call.live.body.get("settings", {}) if call.live is not None else {}
    fewer = labels is not None and bool(set(before.get("userLabels", {})) - set(labels))
    whole = fewer or any(value in (None, [], {}, "", False, 0) for value in _leaves(changed))
    body = {key: value for key, value in call.body.items() if key in _WRITABLE} if whole else changed
    version = condition(call, "settings.settingsVersion")
    return {**body, "settings": {**body.get("settings", {}), "settingsVersion": version}}, whole


_WRITABLE = ("name", "databaseVersion", "region", "settings", "instanceType", "maintenanceVersion", "rootPassword")


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Mapping) and value:
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    return [value]


@dataclass(frozen=True, slots=True)
class DatabaseAdapter:
    """uid: the name; a database has no identity of its own, but its name carries its owner's uid."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        answer = to_json(sql_client(self.session, "databases").list(request=instance_of(parent), **ONCE))
        rows = ((f"{parent}/databases/{spelled(row)}", row) for row in answer.get("items", ()))
        return {name: found(self.session, row, name) for name, row in rows}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        request = {**instance_of(name), "database": last(name)}
        return found(self.session, to_json(sql_client(self.session, "databases").get(request=request, **ONCE)), name)

    def begin(self, call: Call) -> Answer:
        from google.cloud.sqladmin_v1beta4 import Database

        client, where = sql_client(self.session, "databases"), instance_of(call.name)
        if call.action is Action.DELETE:
            return progress(self, call, client.delete(request={**where, "database": last(call.name)}, **ONCE))
        body = to_message(Database, {**pick(call.body, tuple(k for k in ("charset", "collation") if k in call.body))})
        if call.action is Action.CREATE:
            body.name, body.instance, body.project = last(call.name), where["instance"], where["project"]
            return progress(self, call, client.insert(request={**where, "body": body}, **ONCE))
        return progress(self, call, client.patch(request={**where, "database": last(call.name), "body": body}, **ONCE))

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_sql(self, self.session, call, operation)


@dataclass(frozen=True, slots=True)
class UserAdapter:
    """The password is read from the secret version that the body names, sent, and never kept. uid: the name.

    A user of IAM has none, and two names: the account's address goes in, and what stands before its @ comes back as
    `name`, with the address as `iamEmail` and host "%" (documented: "MCP Tools Reference: cloud-sql", create_user and
    update_user; the host: hashicorp/terraform-provider-google issue 9553). With a password or a host its insert is
    refused (magic-modules pull request 6944). Recalled: that a delete takes the name as it is listed.
    """

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        answer = to_json(sql_client(self.session, "users").list(request=instance_of(parent), **ONCE))
        if answer.get("nextPageToken"):  # "Unused", says the API's description; should it ever come, this is a part
            raise refuse(Next.RETRY, f"the list of users of {parent} is not whole; it is not believed")
        return dict(self._row(parent, row) for row in answer.get("items", ()))

    def get(self, name: str, parent: str, body: Body) -> Found | None:
        if body.get("type") in _IAM:
            return self.list(parent, ()).get(name)  # by which of its names users.get knows it is not documented
        request = {**instance_of(name), "name": last(name), "host": body.get("host", ANY_HOST)}
        row = to_json(sql_client(self.session, "users").get(request=request, **ONCE))
        return self._row(parent, row)[1]

    def begin(self, call: Call) -> Answer:
        from google.cloud.sqladmin_v1beta4 import User

        client, where = sql_client(self.session, "users"), instance_of(call.name)
        key = {"name": last(call.name), "host": call.body.get("host", ANY_HOST)}
        if call.action is Action.DELETE:
            return progress(self, call, client.delete(request={**where, **key}, **ONCE))
        if call.action is Action.CREATE and call.name in self.list(call.parent, ()):
            return taken(call.name)  # an insert would set the password of whoever has the name
        if call.body.get("type") in _IAM:
            return self._begin_iam(call)
        body = to_message(User, {**key, "password": self._password(call)})
        if call.action is Action.CREATE:
            return progress(self, call, client.insert(request={**where, "body": body}, **ONCE))
        return progress(self, call, client.update(request={**where, **key, "body": body}, **ONCE))

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_sql(self, self.session, call, operation)

    def _begin_iam(self, call: Call) -> Answer:
        """Roles of an update go beside the body, whose own are ignored; those not named are revoked (discovery)."""
        from google.cloud.sqladmin_v1beta4 import User

        client, where, body = sql_client(self.session, "users"), instance_of(call.name), call.body
        roles = list(body.get("databaseRoles", ()))
        user = {"name": body["iamEmail"], "type": body["type"]}
        if call.action is Action.CREATE:
            made = to_message(User, {**user, "databaseRoles": roles})
            return progress(self, call, client.insert(request={**where, "body": made}, **ONCE))
        query = {"name": body["iamEmail"], "database_roles": roles, "revoke_existing_roles": True}
        return progress(self, call, client.update(request={**where, **query, "body": to_message(User, user)}, **ONCE))

    def _password(self, call: Call) -> str:
        source = call.body["passwordFrom"]
        version = f"{source['secret']}/versions/{source['version']}"
        password = read_payload(self.session, version).get(source["field"])
        if not isinstance(password, str) or not password:
            raise refuse(Next.PERSON, f"{version} holds no `{source['field']}`: rotate that secret, then apply again")
        return password

    def _row(self, parent: str, row: dict[str, Any]) -> tuple[str, Found]:
        host = row.get("host") or ANY_HOST
        shown = {key: value for key, value in row.items() if key != "password"}
        name = f"{parent}/users/{spelled(row)}" + ("" if host == ANY_HOST else f"@{host}")
        return name, found(self.session, {**shown, "host": host}, name)


@dataclass(frozen=True, slots=True)
class BackupAdapter:
    """A final backup is known by its description; a failed one is none. uid: the backup run's id."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        request = {**instance_of(parent), "max_results": 500}
        rows = all_items(self.session, "backups", request)
        good = [row for row in rows if row.get("description") and row.get("status", "SUCCESSFUL") in _BACKED_UP]
        good.sort(
            key=lambda row: spelled(row, "id").zfill(30)
        )  # the newest stands for all: others are of earlier times
        return {f"{parent}/backups/{spelled(row, 'description')}": self._found(row) for row in good}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self.list(parent, ()).get(name)

    def begin(self, call: Call) -> Answer:
        from google.cloud.sqladmin_v1beta4 import BackupRun

        if call.action not in (Action.RUN, Action.CREATE):
            return Failed(
                Failure(
                    Next.PERSON,
                    f"{call.name}: a final backup is kept; if it must go, a person deletes it in the console",
                )
            )
        there = self.list(call.parent, ()).get(call.name)
        if there is not None and (call.live is None or call.live.uid != there.uid):
            return taken(call.name)
        body = to_message(BackupRun, {"description": call.body["description"]})
        request = {**instance_of(call.name), "body": body}
        return progress(self, call, sql_client(self.session, "backups").insert(request=request, **ONCE))

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_sql(self, self.session, call, operation)

    def _found(self, row: dict[str, Any]) -> Found:
        return found(self.session, row, spelled(row, "id"), row.get("status") == "SUCCESSFUL")
