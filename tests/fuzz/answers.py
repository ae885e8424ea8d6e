"""Every adapter fed with answers that no API gives: whatever comes over the wire, each call answers in words.

Nothing is believed about another object than the one asked for, no list goes on without end, no message is long or
unprintable, and what the calls that carry secrets are told is never repeated.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.gcp.cloud import QUIET, GoogleCloud
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done, Failed, Pending, Seen
from reconciler.model.resource import Absent, Found, Unknown
from tests.fuzz.worlds import NOW, StillClock
from tests.simulation.binding import Binding, session_over

CANARY = "canary-7f3a9c"
MOST_CALLS = 6_000
"""Calls over the wire that one call of the port may come to."""
P = "projects/aipress-eu-001"
SQL = f"{P}/instances/main"
ACCOUNT = f"{P}/serviceAccounts/acme@aipress-eu-001.iam.gserviceaccount.com"
BUCKET = "buckets/aipress-media"
OWN = {"aipress-owner": "k3v9x2ma"}
RUN = f"{P}/locations/europe-west1"
BINDINGS = {"bindings": [{"role": "roles/viewer", "members": ["user:jo@example.com"]}]}
PASSWORD = {"host": "%", "passwordFrom": {"secret": f"{P}/secrets/s", "version": "1", "field": "databasePassword"}}
THINGS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "folder": ("organizations/1/Shards", "organizations/1", {"displayName": "Shards", "parent": "organizations/1"}),
    "project": (P, "folders/2", {"projectId": "aipress-eu-001", "parent": "folders/2", "labels": OWN}),
    "project.billing": (f"{P}/billingInfo", P, {"billingAccountName": "billingAccounts/1"}),
    "project.service": (f"{P}/services/run.googleapis.com", P, {"state": "ENABLED"}),
    "project.iam": (f"{P}/iam", P, BINDINGS),
    "iam.service-account": (ACCOUNT, P, {"displayName": "Acme"}),
    "artifact.repository": (f"{RUN}/repositories/r", RUN, {"format": "DOCKER", "labels": OWN}),
    "artifact.repository.iam": (f"{RUN}/repositories/r/iam", RUN, BINDINGS),
    "sql.instance": (SQL, P, {"region": "europe-west1", "settings": {"tier": "db-f1-micro", "userLabels": OWN}}),
    "sql.database": (f"{SQL}/databases/wp", SQL, {"charset": "utf8mb4"}),
    "sql.user": (f"{SQL}/users/wp", SQL, PASSWORD),
    "sql.grant": (f"{SQL}/grants/wp", SQL, {"host": "%", "maxUserConnections": 5, "grants": []}),
    "sql.backup": (f"{SQL}/backups/final-1", SQL, {"description": "final-1"}),
    "secret": (f"{P}/secrets/s", P, {"replication": {"automatic": {}}, "labels": OWN}),
    "secret.version": (f"{P}/secrets/s/versions/latest", f"{P}/secrets/s", {"generate": "wordpress/1"}),
    "secret.iam": (f"{P}/secrets/s/iam", f"{P}/secrets/s", BINDINGS),
    "storage.bucket": (BUCKET, P, {"location": "EU", "labels": OWN}),
    "storage.managed-folder": (f"{BUCKET}/managedFolders/acme/", BUCKET, {}),
    "storage.managed-folder.iam": (f"{BUCKET}/managedFolders/acme/iam", BUCKET, BINDINGS),
    "run.service": (f"{RUN}/services/acme", RUN, {"labels": OWN, "template": {"containers": [{"image": "i"}]}}),
}  # fmt: skip


class EndlessError(BaseException):
    """A call that goes on and on."""


@dataclass(frozen=True)
class Given:
    status: int = 200
    content: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Scripted(Binding):
    """A wire that answers everything alike, and counts."""

    house: Any = None
    given: Given = Given()
    made: int = 0
    sent: list[tuple[str, str]] = field(default_factory=list)

    def carry(
        self, verb: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        self.made += 1
        self.sent.append((verb, target))
        if self.made > MOST_CALLS:
            raise EndlessError(target)
        kind = {"content-type": "application/json; charset=UTF-8"}
        return self.given.status, {**kind, **self.given.headers}, self.given.content


_WIRE = Scripted()
_CLOUD: list[GoogleCloud] = []


def every_kind(given: Given, kinds: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Each of the calls of each kind over a wire that answers so; what they answered, checked."""
    if not _CLOUD:
        _CLOUD.append(GoogleCloud(session_over(_WIRE, StillClock())))
    _WIRE.given = given
    return {kind: _one_kind(_CLOUD[0], kind) for kind in kinds or THINGS}


def _one_kind(cloud: GoogleCloud, kind: str) -> dict[str, Any]:
    name, parent, body = THINGS[kind]
    live = Found({**body, "etag": "e", "metageneration": "1", "uniqueId": "12"}, "uid", NOW)
    attempts: dict[str, Callable[[], Any]] = {
        "list": lambda: cloud.list(kind, parent, (name,)), "get": lambda: cloud.get(kind, name, parent, body),
        "poll": lambda: cloud.poll(kind, "projects/p/operations/1", Call(Action.CREATE, kind, name, parent, body)),
    }  # fmt: skip
    for action in (Action.CREATE, Action.UPDATE, Action.DELETE):
        call = Call(action, kind, name, parent, body, ("labels",), None if action is Action.CREATE else live)
        attempts[str(action)] = lambda call=call: cloud.begin(call)  # type: ignore[misc]
    answers = {}
    for verb, attempt in attempts.items():
        _WIRE.made, _WIRE.sent = 0, []
        answers[verb] = attempt()
        _judge(kind, verb, answers[verb], name)
    return answers


def _judge(kind: str, verb: str, answer: Any, name: str) -> None:
    assert isinstance(
        answer, Seen | Found | Absent | Unknown if verb in ("list", "get") else Done | Pending | Failed
    ), answer
    said = (
        answer.reason if isinstance(answer, Unknown) else answer.failure.message if isinstance(answer, Failed) else ""
    )
    assert len(said) <= 1_500, len(said)
    assert said.isprintable(), repr(said)
    if kind in QUIET:
        assert CANARY not in said, said
    if isinstance(answer, Failed):
        assert 0 <= answer.failure.retry_after <= 3_600
    for found in answer.objects.values() if isinstance(answer, Seen) else [answer] if isinstance(answer, Found) else []:
        assert found.uid and isinstance(found.body, dict)
    if isinstance(answer, Pending):
        assert answer.operation


def any_answer(content: bytes) -> None:
    """For fuzzing: two bytes choose status and kind, the rest is the body."""
    if len(content) < 2:
        return
    statuses = (200, 200, 200, 201, 204, 302, 400, 403, 404, 409, 429, 500)
    kind = tuple(THINGS)[content[1] % len(THINGS)]
    every_kind(Given(statuses[content[0] % len(statuses)], content[2:]), (kind,))


def document(**fields: Any) -> bytes:
    return json.dumps(fields).encode()
