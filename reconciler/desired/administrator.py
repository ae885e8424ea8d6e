"""How the reconciler itself gets into a shard's databases, to grant tenants what is theirs and nothing else.

Documented (cloud.google.com/sql/docs/mysql, read 2026):
- "Execute SQL statements using the Cloud SQL Data API": executeSql needs `dataApiAccess: ALLOW_DATA_API`, the instance
  set up for IAM database authentication, a database user for the caller, and `cloudsql.instances.executeSql`.
- "MCP Tools Reference: cloud-sql", execute_sql: for MySQL the flag `cloudsql_iam_authentication` must be `on`; the
  caller needs `cloudsql.instances.login` too; `roles/cloudsql.instanceUser` carries both permissions; the database
  role `cloudsqlsuperuser` gives an IAM user "many required permissions".
- The same, create_user and update_user, and "Manage users with IAM database authentication": a MySQL name is what
  stands before the @ of the account's address; the address itself is `iamEmail`.

Recalled, not documented in one place: that `cloudsqlsuperuser` holds what GRANT, REVOKE and ALTER USER on other users
need, and SELECT on the `mysql` schema.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.desired.author import Author, Draft, root, uid_of
from reconciler.desired.naming import Place, ProjectNames, database_user
from reconciler.kinds.database_flags import PLATFORM_FLAGS
from reconciler.model.fleet import Fleet
from reconciler.model.ids import FLEET, Address
from reconciler.model.resource import Resource

DATA_API = "ALLOW_DATA_API"
"""`settings.dataApiAccess`; not allowed by default (sqladmin v1beta4 discovery document, 2026-10-18)."""

PROJECT_ROLE = "roles/cloudsql.instanceUser"
DATABASE_ROLES = ("cloudsqlsuperuser",)
USER_TYPE = "CLOUD_IAM_SERVICE_ACCOUNT"


@dataclass(frozen=True, slots=True)
class Administrator:
    """The fleet's reconciler account, as a shard's databases know it."""

    account: str
    email: str

    @property
    def member(self) -> str:
        return f"serviceAccount:{self.email}"

    @property
    def account_address(self) -> Address:
        return Address(FLEET, "iam.service-account", "reconciler")

    def user(self, author: Author, instance: Place, after: Iterable[Address]) -> Resource:
        """sql.user/reconciler of a shard: no password, and before every tenant's user.

        A tenant's user made through the API may do everything until its grants are set, so none is made before the
        door that sets them is open.
        """
        body = {"type": USER_TYPE, "iamEmail": self.email, "databaseRoles": list(DATABASE_ROLES)}
        place = database_user(instance, self.account)
        return author.resource(author.address("sql.user", "reconciler"), place, Draft(body), after)


def administrator(fleet: Fleet) -> Administrator:
    """Raises InputError when there is no valid fleet.yaml, or it has no uid."""
    names = control_names(fleet)
    return Administrator(names.reconciler_account, names.email(names.reconciler_account))


def control_names(fleet: Fleet) -> ProjectNames:
    """Names in the control project. Raises InputError as `administrator`."""
    written = root(fleet)
    control = written.document.spec.control_project
    return ProjectNames(control.id, control.region, uid_of(written, written.document.metadata))


def database_flags(written: Mapping[str, str]) -> list[dict[str, str]]:
    """The flags of an instance: those a person wrote, and the platform's own over them."""
    return [{"name": name, "value": value} for name, value in sorted({**written, **PLATFORM_FLAGS}.items())]
