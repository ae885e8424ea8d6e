"""What database users may do, read and set by SQL through `instances.executeSql`.

The Admin API gives every user it makes rights on every database (the role cloudsqlsuperuser), so a tenant's user is
narrowed by GRANT and REVOKE. executeSql logs in as the caller's IAM database user (`autoIamAuthn`); what it needs for
that is made by desired/administrator.py, and where it is missing no statement runs: then nothing is known about the
grants of users that are there, and a user that is not there has none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.gcp.adapter import ONCE, found, refuse
from reconciler.gcp.errors import failure_of
from reconciler.gcp.session import Session
from reconciler.gcp.sql import ANY_HOST, UserAdapter, instance_of, sql_client
from reconciler.gcp.words import last, to_json, to_message
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done, Failed
from reconciler.model.resource import Found

ALL = "ALL PRIVILEGES"
GRANT_OPTION = "GRANT OPTION"
EVERYWHERE = "*"
ROLE = "ROLE "
DATABASE_PRIVILEGES = frozenset({
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER", "CREATE TEMPORARY TABLES",
    "LOCK TABLES", "EXECUTE", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT", "TRIGGER",
})  # fmt: skip
"""What ALL PRIVILEGES is on one database (dev.mysql.com/doc/refman/8.0/en/privileges-provided.html)."""

READ_ALL = (
    "SELECT User, Host, max_user_connections FROM mysql.user; "
    "SELECT GRANTEE, PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.USER_PRIVILEGES; "
    "SELECT GRANTEE, TABLE_SCHEMA, PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.SCHEMA_PRIVILEGES; "
    "SELECT GRANTEE, TABLE_SCHEMA, TABLE_NAME, PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES; "
    "SELECT TO_USER, TO_HOST, FROM_USER FROM mysql.role_edges"
)
"""Everything about all users of an instance in one call. Not one UNION: the tables' collations do not mix."""
_RESULTS = 5
_ROW_LIMIT = 100_000
_GRANTEE = re.compile(r"'(.*)'@'(.*)'", re.DOTALL)

Held = dict[str, set[str]]
"""database ("*": everywhere; "db.table": one table) -> privileges."""


@dataclass(slots=True)
class _Account:
    limit: int = 0
    held: Held = field(default_factory=dict)

    def body(self, host: str) -> dict[str, Any]:
        grants = [{"database": db, "privileges": shown(db, what)} for db, what in sorted(self.held.items())]
        return {"host": host, "maxUserConnections": self.limit, "grants": [g for g in grants if g["privileges"]]}


@dataclass(frozen=True, slots=True)
class GrantAdapter:
    """There as soon as the user is. uid: the name (a user has no identity of its own)."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:
        """Complete; where no statement may run yet, empty if none of the users asked for is there."""
        try:
            accounts = read_accounts(self._look(parent))
        except Exception as error:
            if failure_of(error).next is Next.PERSON and names and not self._users(parent) & {last(n) for n in names}:
                return {}
            raise
        rows = ((_name(parent, user, host), account.body(host)) for (user, host), account in accounts.items())
        return {name: found(self.session, body, name) for name, body in rows}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        """The second method: the same statements again (there is one door), at another time."""
        return self.list(parent, (name,)).get(name)

    def begin(self, call: Call) -> Answer:
        now = self.get(call.name, call.parent, call.body)
        if now is None:
            if call.action is Action.DELETE:
                return Done(None)
            return Failed(Failure(Next.REPLAN, f"the database user {last(call.name)} is not there", 404, missing=True))
        user, host = last(call.name), str(call.body.get("host", ANY_HOST))
        want = {} if call.action is Action.DELETE else _held(call.body)
        statements = list(statements_for(account_of(user, host), want, _held(now.body)))
        limit = call.body.get("maxUserConnections")
        if call.action is not Action.DELETE and limit is not None and limit != now.body["maxUserConnections"]:
            statements.append(f"ALTER USER {account_of(user, host)} WITH MAX_USER_CONNECTIONS {int(limit)}")
        if statements:
            self._run(call.parent, "; ".join(statements))
        return Done(None if call.action is Action.DELETE else self.get(call.name, call.parent, call.body))

    def poll(self, operation: str, call: Call) -> Answer:
        return Failed(Failure(Next.BUG, f"{call.name}: SQL runs at once, it has no operation ({operation})"))

    def _users(self, instance: str) -> set[str]:
        return {last(name) for name in UserAdapter(self.session).list(instance, ())}

    def _look(self, instance: str) -> Sequence[Mapping[str, Any]]:
        """The one use of executeSql that changes nothing (tests/architecture reads READ_ALL)."""
        return self._run(instance, READ_ALL)

    def _run(self, instance: str, sql: str) -> Sequence[Mapping[str, Any]]:
        from google.cloud.sqladmin_v1beta4 import ExecuteSqlPayload

        body = to_message(ExecuteSqlPayload, {"sqlStatement": sql, "autoIamAuthn": True, "rowLimit": str(_ROW_LIMIT)})
        request = {**instance_of(instance), "body": body}
        answer = to_json(sql_client(self.session, "instances").execute_sql(request=request, **ONCE))
        results: list[Mapping[str, Any]] = answer.get("results", [])
        for status in (answer.get("status", {}), *(result.get("status", {}) for result in results)):
            if status.get("code"):
                raise refuse(Next.PERSON, f"{instance}: the database refused a statement: {status.get('message', '')}")
        if any(result.get("partialResult") for result in results):
            raise refuse(Next.PERSON, f"{instance}: more than {_ROW_LIMIT} grants: the answer was cut short")
        return results


def read_accounts(results: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], _Account]:
    """(user, host) -> what it may do, from the results of READ_ALL. Refused when one of them is missing."""
    if len(results) != _RESULTS:
        raise refuse(Next.RETRY, f"the grants were read partly: {len(results)} of {_RESULTS} results")
    users, everywhere, databases, tables, roles = (list(_rows(result)) for result in results)
    accounts = {(user, host): _Account(int(limit or 0)) for user, host, limit in users}

    def add(who: tuple[str, str], where: str, privilege: str, grantable: str = "NO") -> None:
        held = accounts.setdefault(who, _Account()).held.setdefault(where, set())
        held.update({privilege} - {"USAGE"})
        if grantable == "YES":
            held.add(GRANT_OPTION)

    for grantee, privilege, grantable in everywhere:
        add(_grantee(grantee), EVERYWHERE, privilege, grantable)
    for grantee, pattern, privilege, grantable in databases:
        add(_grantee(grantee), database_of(pattern), privilege, grantable)
    for grantee, database, table, privilege in tables:
        add(_grantee(grantee), f"{database}.{table}", privilege)
    for user, host, role in roles:
        add((user, host), EVERYWHERE, ROLE + role)
    return accounts


def statements_for(account: str, want: Held, have: Held) -> Iterator[str]:
    """Grants first, so that a site in use never loses a right it keeps; then exactly what is too much."""
    for database, privileges in sorted(want.items()):
        if privileges - have.get(database, set()):
            plain = sorted(privileges - {GRANT_OPTION})
            option = " WITH GRANT OPTION" if GRANT_OPTION in privileges else ""
            yield f"GRANT {', '.join(plain) or 'USAGE'} ON {level(database)} TO {account}{option}"
    for database, privileges in sorted(have.items()):
        extra = privileges - want.get(database, set())
        if ALL in extra:
            kept = sorted(want.get(database, set()) - {GRANT_OPTION})
            yield f"REVOKE ALL PRIVILEGES ON {level(database)} FROM {account}"
            if kept:
                yield f"GRANT {', '.join(kept)} ON {level(database)} TO {account}"
            extra = {privilege for privilege in extra if privilege == GRANT_OPTION or privilege.startswith(ROLE)}
        elif ALL in want.get(database, set()):
            extra &= {GRANT_OPTION}
        for role in sorted(p.removeprefix(ROLE) for p in extra if p.startswith(ROLE)):
            yield f"REVOKE {ticked(role)} FROM {account}"
        rest = sorted(p for p in extra if not p.startswith(ROLE))
        if rest:
            yield f"REVOKE {', '.join(rest)} ON {level(database)} FROM {account}"


def shown(database: str, privileges: set[str]) -> list[str]:
    """Sorted; every privilege that a database has reads ALL PRIVILEGES."""
    if database != EVERYWHERE and privileges >= DATABASE_PRIVILEGES:
        return sorted({ALL} | (privileges - DATABASE_PRIVILEGES))
    return sorted(privileges)


def database_of(pattern: str) -> str:
    r"""A GRANT names databases by a pattern: `a\_b` is the database a_b; one that matches others reads "LIKE a_b"."""
    wild = re.search(r"(?<!\\)[_%]", pattern)
    return f"LIKE {pattern}" if wild else re.sub(r"\\([_%])", r"\1", pattern)


def level(database: str) -> str:
    """`*` -> `*.*`, a database -> its escaped name, "LIKE pattern" -> the pattern, "db.table" -> that table."""
    if database == EVERYWHERE:
        return "*.*"
    if database.startswith("LIKE "):
        return f"{ticked(database.removeprefix('LIKE '))}.*"
    if "." in database:
        schema, _, table = database.partition(".")
        return f"{ticked(schema)}.{ticked(table)}"
    escaped = re.sub(r"([_%])", r"\\\1", database)
    return f"{ticked(escaped)}.*"


def ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def account_of(user: str, host: str) -> str:
    return f"{ticked(user)}@{ticked(host)}"


def _held(body: Body) -> Held:
    return {str(grant["database"]): set(grant.get("privileges", ())) for grant in body.get("grants", ())}


def _rows(result: Mapping[str, Any]) -> Iterator[list[str]]:
    for row in result.get("rows", ()):
        yield [str(cell.get("value", "")) for cell in row.get("values", ())]


def _grantee(text: str) -> tuple[str, str]:
    match = _GRANTEE.fullmatch(text)
    return (match[1], match[2]) if match else (text, "")


def _name(instance: str, user: str, host: str) -> str:
    return f"{instance}/grants/{user}" + ("" if host == ANY_HOST else f"@{host}")
