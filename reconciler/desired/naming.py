"""The only place a cloud name is made.

A name is `{slug, at most 17}-{mark}-{uid}`: at most 28 characters, which fits every kind (catalog.name_limit). The
slug is the object's own name, which never changes; the uid is eight characters of [a-z0-9] and unique in the fleet, so
it stands in the name as it is: no two names meet, and whoever reads the cloud finds the document by searching the uid.
Tier, domains and display name have no part in it. No `_`: it is a wildcard in GRANT.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.kinds.catalog import kind_of
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.errors import InputError
from reconciler.model.ids import UID
from reconciler.model.resource import Resource

SLUG_LIMIT = 17
"""Leaves 11 of 28 characters for mark and uid; service account ids end at 30, Cloud Run's tagged hosts at 33."""

ACCOUNT_MINIMUM = 6
"""Shortest service account id and project id."""

_MARKS = {"production": "p", "staging": "s"}
_PLAIN = re.compile(r"^[a-z][a-z0-9-]*[a-z0-9]$")


@dataclass(frozen=True, slots=True)
class Place:
    """A cloud name in full, and what a list call for it is made under."""

    name: str
    parent: str


def short_name(name: str, mark: str, uid: str) -> str:
    """`{slug}-{mark}-{uid}`. Raises InputError when there is no proper uid to put in."""
    if not UID.match(uid):
        raise InputError(
            f"`{name}` has no usable metadata.uid ({uid!r}), and every cloud name needs one",
            "run `aipress validate --fix`: it writes one",
        )
    return f"{name[:SLUG_LIMIT].rstrip('-')}-{mark}-{uid}"


def environment_name(tenant: str, uid: str, environment: str) -> str:
    """The name of a tenant's environment: of its service, database, user, account, secret and media folder."""
    return short_name(tenant, _MARKS[environment], uid)


def fitted(kind: str, name: str) -> str:
    """The name, if the kind takes it. Raises InputError naming the limit."""
    limit = kind_of(kind).name_limit
    if len(name) > limit:
        raise InputError(
            f"`{name}` is {len(name)} characters long; a {kind_of(kind).noun} takes at most {limit}",
            "choose a shorter name in the document",
        )
    return name


@dataclass(frozen=True, slots=True)
class ProjectNames:
    """Names in and of one project. `uid` is the fleet's or the shard's."""

    id: str
    region: str
    uid: str

    @property
    def path(self) -> str:
        return f"projects/{self.id}"

    @property
    def location(self) -> str:
        return f"{self.path}/locations/{self.region}"

    def project(self, folder: str) -> Place:
        """`folder` is the folder's own name (see folder_place)."""
        fitted("project", self.id)
        return Place(self.path, folder)

    def billing(self) -> Place:
        return Place(f"{self.path}/billingInfo", self.path)

    def iam(self) -> Place:
        return Place(f"{self.path}/iam", self.path)

    def api(self, api: str) -> Place:
        return Place(f"{self.path}/services/{api}", self.path)

    def email(self, account: str) -> str:
        return f"{account}@{self.id}.iam.gserviceaccount.com"

    def account(self, account: str) -> Place:
        """A service account by its id (6 to 30 characters)."""
        fitted("iam.service-account", account)
        if len(account) < ACCOUNT_MINIMUM or not _PLAIN.match(account):
            raise InputError(f"`{account}` cannot be a service account id: 6 to 30 of a-z, 0-9 and -, a letter first")
        return Place(f"{self.path}/serviceAccounts/{self.email(account)}", self.path)

    def bucket(self, name: str) -> Place:
        return Place(f"buckets/{fitted('storage.bucket', name)}", self.path)

    # --- what only the control project has ---

    @property
    def reconciler_account(self) -> str:
        return f"reconciler-{self.uid}"

    @property
    def state_bucket(self) -> str:
        """Carries the uid: bucket names are global, and one that can be guessed can be taken first."""
        return f"{self.id}-state-{self.uid}"

    # --- what only a shard's project has ---

    @property
    def build_account(self) -> str:
        return f"build-{self.uid}"

    @property
    def media_bucket(self) -> str:
        """The default that shard.yaml documents."""
        return f"{self.id}-media"

    @property
    def repository(self) -> Place:
        return Place(f"{self.location}/repositories/{fitted('artifact.repository', 'tenants')}", self.location)

    @property
    def repository_iam(self) -> Place:
        return Place(f"{self.repository.name}/iam", self.location)


def instance_place(project: ProjectNames, shard: str) -> Place:
    """The shard's Cloud SQL instance."""
    name = fitted("sql.instance", short_name(shard, "sql", project.uid))
    return Place(f"{project.path}/instances/{name}", project.path)


def database_user(instance: Place, name: str) -> Place:
    """A user of an instance, by the name that MySQL knows it by."""
    return Place(f"{instance.name}/users/{fitted('sql.user', name)}", instance.name)


def folder_place(parent: str, display_name: str) -> Place:
    """A folder has no name of ours in the cloud (it gets a number): parent and display name stand for it."""
    return Place(f"{parent}/{fitted('folder', display_name)}", parent)


@dataclass(frozen=True, slots=True)
class EnvironmentNames:
    """Names of one tenant environment. `base` is environment_name; `instance` and `bucket` are full names."""

    project: ProjectNames
    base: str
    instance: str
    bucket: str

    def run(self) -> Place:
        location = self.project.location
        return Place(f"{location}/services/{fitted('run.service', self.base)}", location)

    def account(self) -> Place:
        return self.project.account(self.base)

    @property
    def member(self) -> str:
        return f"serviceAccount:{self.project.email(self.base)}"

    def database(self) -> Place:
        return Place(f"{self.instance}/databases/{fitted('sql.database', self.base)}", self.instance)

    def user(self) -> Place:
        return database_user(Place(self.instance, self.project.path), self.base)

    def grant(self) -> Place:
        return Place(f"{self.instance}/grants/{fitted('sql.grant', self.base)}", self.instance)

    def backup(self, description: str) -> Place:
        return Place(f"{self.instance}/backups/{description}", self.instance)

    def secret(self) -> Place:
        return Place(f"{self.project.path}/secrets/{fitted('secret', self.base)}", self.project.path)

    def secret_version(self) -> Place:
        return Place(f"{self.secret().name}/versions/latest", self.secret().name)

    def secret_iam(self) -> Place:
        return Place(f"{self.secret().name}/iam", self.secret().name)

    def media_folder(self) -> Place:
        return Place(f"{self.bucket}/managedFolders/{fitted('storage.managed-folder', self.base)}/", self.bucket)

    def media_folder_iam(self) -> Place:
        return Place(f"{self.media_folder().name}iam", self.bucket)


def final_backup(tenant: str, uid: str, environment: str) -> str:
    """The description that a deleted tenant's last backup is found by."""
    return f"aipress final tenant={tenant} uid={uid} environment={environment}"


def collisions(resources: Iterable[Resource]) -> tuple[Diagnostic, ...]:
    """Two resources that would be one cloud object: same kind, same full name. Errors, one per later resource."""
    taken: dict[tuple[str, str], Resource] = {}
    found: list[Diagnostic] = []
    for resource in resources:
        other = taken.setdefault((resource.kind, resource.name), resource)
        if other is not resource:
            found.append(_collision(resource, other))
    return tuple(found)


def _collision(resource: Resource, other: Resource) -> Diagnostic:
    file, _, line = resource.source.rpartition(":")
    return Diagnostic(
        code="AP420",
        severity=Severity.ERROR,
        message=f"{resource.address} and {other.address} would both be `{resource.name}`",
        file=file,
        position=Position(int(line) if line.isdigit() else 1),
        help=f"change the name, id or uid in one of them ({other.source} is the other)",
        target=str(resource.address.target),
    )
