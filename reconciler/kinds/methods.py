"""Every method of Google's that changes something for us: what it is made conditional on, and what a repeat of it does.

None of these methods takes a request id (Compute's and a few newer APIs' do, by which Google itself drops a repeat); so
a lost answer is always followed by a look, never by the same call again. Two kinds of method:

* with a precondition: Google compares what we read with what is there and refuses (409, 412, or 400 for Cloud SQL), so
  whoever wrote in between wins, and a writer that slept for a day changes nothing. The adapter sends what `place` says,
  and makes no call when it has nothing to send.
* without one: creates are refused when the name is taken; the rest is serialised under the lease of the shard, which
  must outlive the call's time-out, and follows a look that is at most pace.FRESH seconds old.

WHAT STAYS OPEN. A writer that is paused between its last check and the bytes leaving its socket, for longer than its
lease lives, can still make one call of the second sort after somebody else took over (the call itself is cut off after
30 seconds). No client can close that gap without the API's help. What such a late call can do, per method:
creates: nothing, or the object that the newer apply is about to make, under the same name and owner; a delete of a
database, user or image repository: only of one that a plan said to delete (a final backup precedes it);
databases.patch, users.update, serviceAccounts.patch, repositories.patch, updateBillingInfo: the older wish, which the
next look tells as drift and undoes; executeSql: grants that the next look compares; addVersion: a second version beside
an enabled one, which no running site refers to (sites pin numbers); backupRuns.insert: one more backup.

Sources: the discovery documents that ship with google-api-python-client (tests/kinds holds this table to them).
"""

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.plan import Action


class Precondition(StrEnum):
    """What Google compares before it writes."""

    ETAG = "etag"
    POLICY_ETAG = "policy etag"
    METAGENERATION = "ifMetagenerationMatch"
    SETTINGS_VERSION = "settingsVersion"
    GENERATION = "generation"
    """The one generation of an object of Cloud Storage that is meant: another one is not touched."""
    NONE = "none"


class Repeat(StrEnum):
    """What the same call does when it comes a second time."""

    REFUSED = "refused"
    """The name is taken, the precondition no longer holds, or the object is gone."""
    SAME = "same"
    """It leaves things as the first one did."""
    ANOTHER = "another"
    """It makes another one: never without a look first."""


PLACES = {
    Precondition.ETAG: "etag",
    Precondition.POLICY_ETAG: "policy.etag",
    Precondition.METAGENERATION: "ifMetagenerationMatch",
    Precondition.SETTINGS_VERSION: "settings.settingsVersion",
    Precondition.GENERATION: "generation",
    Precondition.NONE: "",
}
"""Where a precondition travels: a query parameter or a path in the body."""


@dataclass(frozen=True, slots=True)
class Method:
    """`id` is the discovery document's. `actions`: the changes of `kind` that call it. `why`: what is not obvious."""

    id: str
    kind: str
    actions: tuple[Action, ...]
    precondition: Precondition
    repeat: Repeat
    why: str = ""
    place: str = ""

    @property
    def sent_at(self) -> str:
        return self.place or PLACES[self.precondition]


_CREATE, _UPDATE, _DELETE, _RUN = (Action.CREATE,), (Action.UPDATE,), (Action.DELETE,), (Action.RUN, Action.CREATE)
_SET = (Action.CREATE, Action.UPDATE, Action.DELETE)
_P, _R = Precondition, Repeat

METHODS = (
    Method("cloudresourcemanager.folders.create", "folder", _CREATE, _P.NONE, _R.REFUSED,
           "a display name is unique among its siblings"),
    Method("cloudresourcemanager.projects.create", "project", _CREATE, _P.NONE, _R.REFUSED,
           "an id is never free again"),
    Method("cloudresourcemanager.projects.patch", "project", _UPDATE, _P.ETAG, _R.REFUSED),
    Method("cloudresourcemanager.projects.setIamPolicy", "project.iam", _SET, _P.POLICY_ETAG, _R.REFUSED),
    Method("cloudbilling.projects.updateBillingInfo", "project.billing", (Action.CREATE, Action.UPDATE), _P.NONE,
           _R.SAME),
    Method("serviceusage.services.enable", "project.service", (Action.CREATE, Action.UPDATE), _P.NONE, _R.SAME),
    Method("iam.projects.serviceAccounts.create", "iam.service-account", _CREATE, _P.NONE, _R.REFUSED),
    Method("iam.projects.serviceAccounts.patch", "iam.service-account", _UPDATE, _P.NONE, _R.SAME,
           "its etag is deprecated (\"Do not use\")"),
    Method("iam.projects.serviceAccounts.delete", "iam.service-account", _DELETE, _P.NONE, _R.REFUSED,
           "called by the account's uniqueId, which no later account of that address has"),
    Method("artifactregistry.projects.locations.repositories.create", "artifact.repository", _CREATE, _P.NONE,
           _R.REFUSED),
    Method("artifactregistry.projects.locations.repositories.patch", "artifact.repository", _UPDATE, _P.NONE, _R.SAME),
    Method("artifactregistry.projects.locations.repositories.delete", "artifact.repository", _DELETE, _P.NONE,
           _R.REFUSED),
    Method("artifactregistry.projects.locations.repositories.setIamPolicy", "artifact.repository.iam", _SET,
           _P.POLICY_ETAG, _R.REFUSED),
    Method("sql.instances.insert", "sql.instance", _CREATE, _P.NONE, _R.REFUSED),
    Method("sql.instances.patch", "sql.instance", _UPDATE, _P.SETTINGS_VERSION, _R.REFUSED,
           "one whose operation is lost is called again after a look: while the first runs that is refused as busy"),
    Method("sql.instances.update", "sql.instance", _UPDATE, _P.SETTINGS_VERSION, _R.REFUSED),
    Method("sql.databases.insert", "sql.database", _CREATE, _P.NONE, _R.REFUSED),
    Method("sql.databases.patch", "sql.database", _UPDATE, _P.NONE, _R.SAME, "its etag is deprecated"),
    Method("sql.databases.delete", "sql.database", _DELETE, _P.NONE, _R.REFUSED),
    Method("sql.users.insert", "sql.user", _CREATE, _P.NONE, _R.SAME,
           "it sets the password of whoever has the name, so the adapter looks first"),
    Method("sql.users.update", "sql.user", _UPDATE, _P.NONE, _R.SAME,
           "its etag is deprecated; a password cannot be read back, so where no answer comes the same one is sent "
           "three times at most, each after a look that the user is there and unchanged (pace.Rules.sendings)"),
    Method("sql.users.delete", "sql.user", _DELETE, _P.NONE, _R.REFUSED),
    Method("sql.instances.executeSql", "sql.grant", _SET, _P.NONE, _R.SAME,
           "GRANT, REVOKE and ALTER USER say what shall be, and say it again in vain"),
    Method("sql.backupRuns.insert", "sql.backup", _RUN, _P.NONE, _R.ANOTHER,
           "the adapter looks for a backup of that description first"),
    Method("secretmanager.projects.secrets.create", "secret", _CREATE, _P.NONE, _R.REFUSED),
    Method("secretmanager.projects.secrets.patch", "secret", _UPDATE, _P.ETAG, _R.REFUSED),
    Method("secretmanager.projects.secrets.delete", "secret", _DELETE, _P.ETAG, _R.REFUSED),
    Method("secretmanager.projects.secrets.addVersion", "secret.version", _CREATE, _P.NONE, _R.ANOTHER,
           "the adapter looks for an enabled version first"),
    Method("secretmanager.projects.secrets.versions.destroy", "secret.version", _DELETE, _P.ETAG, _R.REFUSED),
    Method("secretmanager.projects.secrets.setIamPolicy", "secret.iam", _SET, _P.POLICY_ETAG, _R.REFUSED),
    Method("storage.buckets.insert", "storage.bucket", _CREATE, _P.NONE, _R.REFUSED),
    Method("storage.buckets.patch", "storage.bucket", _UPDATE, _P.METAGENERATION, _R.REFUSED),
    Method("storage.managedFolders.insert", "storage.managed-folder", _CREATE, _P.NONE, _R.REFUSED),
    Method("storage.managedFolders.delete", "storage.managed-folder", _DELETE, _P.METAGENERATION, _R.REFUSED),
    Method("storage.objects.delete", "storage.managed-folder", _DELETE, _P.GENERATION, _R.REFUSED),
    Method("storage.managedFolders.setIamPolicy", "storage.managed-folder.iam", _SET, _P.POLICY_ETAG, _R.REFUSED,
           place="etag"),
    Method("run.projects.locations.services.create", "run.service", _CREATE, _P.NONE, _R.REFUSED),
    Method("run.projects.locations.services.patch", "run.service", _UPDATE, _P.ETAG, _R.REFUSED),
    Method("run.projects.locations.services.delete", "run.service", _DELETE, _P.ETAG, _R.REFUSED),
)  # fmt: skip

BY_ID = {method.id: method for method in METHODS}


def methods_of(kind: str, action: Action) -> tuple[Method, ...]:
    """What a change of this kind and action calls; empty for what we never do (the deletion of a project)."""
    return tuple(method for method in METHODS if method.kind == kind and action in method.actions)


def is_policy(kind: str) -> bool:
    """Whether a kind is an IAM policy: guarded by its own etag, and read one by one (there is no list)."""
    return any(method.precondition is Precondition.POLICY_ETAG for method in METHODS if method.kind == kind)
