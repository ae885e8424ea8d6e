"""THE DECLARATIONS: what every response of an API means, to be read by a person. Nothing here is computed.

For each response: the word (what the caller does next), and how a change ends when the response comes once, and when it
comes every time, at

  write  the call that changes something
  poll   the look after a running operation
  look   a read (the re-read before a write, the reading back after it, reads that an adapter makes)

Ends: `done` (and it is as wanted), `failed` (told, nothing half-believed; the next run looks), `stale` (not touched:
plan again). Whatever the end: nothing is made twice, nothing is left over; that is not up to any declaration.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Pair = tuple[str, str]
"""(once, always)."""
FINE, MENDS, MOVES, NEVER = ("done", "done"), ("done", "failed"), ("done", "stale"), ("failed", "failed")


@dataclass(frozen=True)
class Declared:
    word: str
    write: Pair
    poll: Pair
    look: Pair


DECLARED: Mapping[str, Declared] = {
    #                                    word       write  poll   look
    "400": Declared("person", NEVER, NEVER, MENDS),
    "401": Declared("person", NEVER, FINE, MENDS),
    "403": Declared("person", NEVER, FINE, MENDS),
    "403 not enabled yet": Declared("wait", MENDS, MENDS, MENDS),
    "404": Declared("re-plan", MOVES, FINE, MENDS),
    "409 exists": Declared("re-plan", MENDS, FINE, MENDS),
    "409 in progress": Declared("wait", MENDS, MENDS, MENDS),
    "412": Declared("re-plan", MOVES, FINE, MENDS),
    "429": Declared("retry", MENDS, FINE, MENDS),
    "429 Retry-After": Declared("retry", MENDS, FINE, MENDS),
    "500": Declared("retry", MENDS, FINE, MENDS),
    "500 applied": Declared("retry", FINE, FINE, MENDS),
    "502": Declared("retry", MENDS, FINE, MENDS),
    "503": Declared("retry", MENDS, FINE, MENDS),
    "504": Declared("retry", MENDS, FINE, MENDS),
    "HTML page": Declared("retry", MENDS, FINE, MENDS),
    "reset": Declared("retry", MENDS, FINE, MENDS),
    "reset applied": Declared("retry", FINE, FINE, MENDS),
    "time-out": Declared("retry", MENDS, FINE, MENDS),
    "time-out applied": Declared("retry", FINE, FINE, MENDS),
    "TLS error": Declared("retry", MENDS, FINE, MENDS),
    "truncated JSON": Declared("retry", FINE, FINE, MENDS),
    "no JSON": Declared("retry", FINE, FINE, MENDS),
    "wrong content type": Declared("retry", FINE, FINE, MENDS),
    "200 with an error": Declared("retry", MENDS, FINE, MENDS),
    "200 and nothing": Declared("retry", FINE, FINE, MENDS),
    "unknown enum": Declared("retry", FINE, FINE, FINE),
    "another object": Declared("retry", FINE, FINE, MENDS),
    "repeated page": Declared("retry", MENDS, FINE, MENDS),
    "expired page token": Declared("retry", MENDS, FINE, MENDS),
    "never finishes": Declared("wait", FINE, MENDS, FINE),
    "error after the effect": Declared("retry", FINE, FINE, FINE),
    "invalid after all": Declared("person", FINE, NEVER, FINE),
    "vanishes": Declared("look", FINE, FINE, FINE),
    "done at once": Declared("look", FINE, FINE, FINE),
    "cancelled by another": Declared("retry", FINE, FINE, FINE),
    "somebody else's": Declared("retry", FINE, FINE, FINE),
}


@dataclass(frozen=True)
class Except:
    """Where a response ends otherwise than its row says, and why. `at`: methods, actions, or "scenario at method"."""

    why: str
    responses: tuple[str, ...]
    role: str
    at: tuple[str, ...]
    pair: Pair


LOST = ("500 applied", "reset applied", "time-out applied", "truncated JSON", "no JSON", "wrong content type",
        "200 and nothing")  # fmt: skip
"""The effect is there, and nobody was told."""
UNTOLD = (
    *LOST, "401", "403", "429", "429 Retry-After", "500", "502", "503", "504", "HTML page", "reset", "time-out",
    "TLS error", "200 with an error", "409 exists", "error after the effect", "cancelled by another", "somebody else's",
)  # fmt: skip
INSTANCES = ("sql.instances.patch", "sql.instances.update")
SQL_POLL = "sql.operations.get"
OWN_READS = ("sql.users.list", "secretmanager.projects.secrets.versions.access",
             "secretmanager.projects.secrets.versions.list", "storage.objects.list")  # fmt: skip

EXCEPTIONS: tuple[Except, ...] = (
    Except("a password cannot be read back, so it is sent again, the same one, and after three times a person is told",
           LOST, "write", ("sql.users.update",), MENDS),
    Except("the same", UNTOLD, "poll", (f"sql.users.update at {SQL_POLL}",), MENDS),
    Except("the same, and the plan no longer holds", ("412",), "poll", (f"sql.users.update at {SQL_POLL}",), MOVES),
    Except("it takes minutes, six tries take one, and meanwhile nothing reads as wanted: the next run looks",
           LOST, "write", INSTANCES, MENDS),
    Except("the same: an operation that says it is over before it is",
           ("done at once",), "poll", tuple(f"{m} at {SQL_POLL}" for m in INSTANCES), NEVER),
    Except("grants are read through the door through which they are written: the first call is a look",
           ("400", "401", "403", "412"), "write", ("sql.instances.executeSql",), MENDS),
    Except("the same: what is not there is not changed", ("404",), "write", ("sql.instances.executeSql",),
           ("stale", "stale")),
    Except("the same: without the look nothing is known", LOST, "write", ("sql.instances.executeSql",), MENDS),
    Except("an operation is forgotten in time, and then the object itself tells", ("never finishes",), "poll", (
        "cloudresourcemanager.operations.get", "serviceusage.operations.get",
        "artifactregistry.projects.locations.operations.get", "run.projects.locations.operations.get"), FINE),
    Except("a picture that is gone is gone; a folder that is never empty is not removed", ("404",), "write",
           ("storage.objects.delete",), MENDS),
    Except("a read within a write counts as the write", ("400", "401", "403"), "look", OWN_READS, NEVER),
    Except("a read within a write counts as the write", ("404", "412"), "look", OWN_READS, MOVES),
    Except("a read within a write counts as the write: a bad page token is a bad request",
           ("repeated page", "expired page token"), "look", ("secretmanager.projects.secrets.versions.list",), NEVER),
    Except("what is said not to be there is not changed", ("404",), "look", ("update",), ("stale", "stale")),
    Except("what is said not to be there, twice, needs no deletion", ("404",), "look", ("delete",), FINE),
    Except("a create needs it not to be there, and its own answer says what was made", ("404",), "look", (
        "cloudresourcemanager.folders.search", "cloudresourcemanager.projects.search",
        "iam.projects.serviceAccounts.create at iam.projects.serviceAccounts.get",
        "secretmanager.projects.secrets.create at secretmanager.projects.secrets.get",
        "secretmanager.projects.secrets.versions.get", "storage.buckets.insert at storage.buckets.get",
        "storage.managedFolders.get"), FINE),
    Except("the parent is said not to be there", ("404",), "look", (
        "cloudresourcemanager.folders.list", "serviceusage.services.get", "sql.backupRuns.list"), MOVES),
    Except("half an answer that says 404 is still a 404", ("truncated JSON",), "look", (
        "iam.projects.serviceAccounts.create at iam.projects.serviceAccounts.get",
        "secretmanager.projects.secrets.addVersion at secretmanager.projects.secrets.versions.get",
        "secretmanager.projects.secrets.create at secretmanager.projects.secrets.get",
        "storage.buckets.insert at storage.buckets.get", "storage.managedFolders.insert at storage.managedFolders.get",
    ), FINE),
    Except("an empty object is an empty list", ("200 and nothing",), "look", (
        "cloudresourcemanager.folders.list", "cloudresourcemanager.folders.search",
        "cloudresourcemanager.projects.search", "sql.users.list",
        "secretmanager.projects.secrets.addVersion at secretmanager.projects.secrets.versions.list",
        "storage.managedFolders.delete at storage.objects.list"), FINE),
    Except("no version is said to be enabled, and one is: not touched", ("200 and nothing",), "look", (
        "secretmanager.projects.secrets.versions.destroy at secretmanager.projects.secrets.versions.list",), MOVES),
    Except("a policy is written back with what it had, and the API refuses words of a newer one", ("unknown enum",),
           "look", ("storage.managedFolders.getIamPolicy",), MENDS),
    Except("with another operation's name nobody knows when it ends", ("another object",), "write", INSTANCES, NEVER),
    Except("the same", ("another object",), "poll", tuple(f"{m} at {SQL_POLL}" for m in INSTANCES), NEVER),
    Except("a policy does not say whose it is", ("another object",), "look", (
        "cloudresourcemanager.projects.getIamPolicy", "secretmanager.projects.secrets.getIamPolicy",
        "artifactregistry.projects.locations.repositories.getIamPolicy", "storage.managedFolders.getIamPolicy"), FINE),
    Except("the top of a list names nobody, and a 404 is about what was asked for", ("another object",), "look", (
        "cloudresourcemanager.folders.list", "cloudresourcemanager.folders.search",
        "cloudresourcemanager.projects.search", "sql.users.list", "sql.backupRuns.list", "storage.objects.list",
        "iam.projects.serviceAccounts.create at iam.projects.serviceAccounts.get",
        "secretmanager.projects.secrets.create at secretmanager.projects.secrets.get",
        "secretmanager.projects.secrets.addVersion at secretmanager.projects.secrets.versions.get",
        "secretmanager.projects.secrets.versions.list", "storage.buckets.insert at storage.buckets.get",
        "storage.managedFolders.insert at storage.managedFolders.get"), FINE),
)  # fmt: skip

BELIEVED = frozenset({("404", "look", "delete", True)})
"""(response, role, action, always): an API that says twice that an object is not there is believed, though it is."""


def declared(response: str, role: str, method: str, scenario: str, action: str) -> Pair | None:
    """(once, always), or None when nobody said. What is most particular counts: scenario and method, method, action."""
    row = DECLARED.get(response)
    if row is None:
        return None
    for key in (f"{scenario} at {method}", method, action):
        for special in EXCEPTIONS:
            if key in special.at and response in special.responses and role == special.role:
                return special.pair
    pair: Pair = getattr(row, role)
    return pair
