"""Whether an answer is about the object that was asked for: nothing is ever decided from one that is about another.

Google spells a project by id or by number, and leaves out what the path said already; everything else must agree.
"""

import re
from collections.abc import Callable, Mapping

from reconciler.gcp.adapter import refuse
from reconciler.model.canonical import Body
from reconciler.model.errors import Next
from reconciler.model.resource import Found

_NUMBER = re.compile(r"[0-9]+\Z")
Spelling = Callable[[Body, str], str]
"""(body, our name) -> the name that the body spells, what it leaves out taken from ours."""


def checked(kind: str, name: str, found: Found) -> Found:
    """The object itself. Raises RefusedCall for an answer that is about another one, or about none."""
    spelled = _SPELLINGS[kind](found.body, name) if kind in _SPELLINGS else name
    if not same(spelled, name):
        raise refuse(Next.RETRY, f"the answer about {name} is about {_shown(spelled)}; it is not believed")
    if not isinstance(found.uid, str) or not found.uid or found.uid.endswith("@"):
        raise refuse(Next.RETRY, f"the answer about {name} does not say which one it is; it is not believed")
    return found


def same(spelled: str, name: str) -> bool:
    """Equal part by part; a project's number may stand for its id."""
    theirs, ours = spelled.split("/"), name.split("/")
    return len(theirs) == len(ours) and all(
        their == our or (n == 1 and ours[0] == "projects" and _NUMBER.match(their) is not None)
        for n, (their, our) in enumerate(zip(theirs, ours, strict=True))
    )


def _name(body: Body, _: str) -> str:
    return _text(body, "name")


def _in_sql(body: Body, name: str) -> str:
    """projects/P/instances/I/COLLECTION/NAME, of which an answer says project, instance and name."""
    parts = name.split("/")
    named = {1: "project", 3: "instance"}
    return "/".join(_text(body, named[n], part) if n in named else part for n, part in enumerate(parts))


def _user(body: Body, name: str) -> str:
    host = _text(body, "host", "%")
    own = _text(body, "name") + ("" if host in ("", "%") else f"@{host}")
    return f"{_in_sql(body, name).rpartition('/')[0]}/{own}"


def _database(body: Body, name: str) -> str:
    return f"{_in_sql(body, name).rpartition('/')[0]}/{_text(body, 'name')}"


def _instance(body: Body, name: str) -> str:
    return f"projects/{_text(body, 'project', name.split('/')[1])}/instances/{_text(body, 'name')}"


def _version(body: Body, name: str) -> str:
    """Our name is the alias `latest`; the answer has the number."""
    return f"{_text(body, 'name').rpartition('/')[0]}/{name.rpartition('/')[2]}"


def _managed_folder(body: Body, name: str) -> str:
    bucket = _text(body, "bucket", name.partition("/managedFolders/")[0].removeprefix("buckets/"))
    return f"buckets/{bucket}/managedFolders/{_text(body, 'name')}"


def _folder(body: Body, name: str) -> str:
    return f"{_text(body, 'parent', name.rpartition('/')[0])}/{_text(body, 'displayName')}"


def _text(body: Body, key: str, left_out: str = "") -> str:
    value = body.get(key, left_out)
    return value if isinstance(value, str) else ""


def _shown(spelled: str) -> str:
    clean = "".join(c for c in spelled if c.isprintable())[:120]
    return clean or "nothing that has a name"


_SPELLINGS: Mapping[str, Spelling] = {
    "folder": _folder,
    "project": lambda body, _: f"projects/{_text(body, 'projectId')}",
    "project.billing": _name,
    "project.service": _name,
    "iam.service-account": _name,
    "artifact.repository": _name,
    "sql.instance": _instance,
    "sql.database": _database,
    "sql.user": _user,
    "sql.backup": _in_sql,
    "secret": _name,
    "secret.version": _version,
    "storage.bucket": lambda body, _: f"buckets/{_text(body, 'name')}",
    "storage.managed-folder": _managed_folder,
    "run.service": _name,
}
