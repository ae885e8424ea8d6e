"""A tenant's database: its own schema, its own user, rights on that schema alone, and its last backup."""

from collections.abc import Iterable, Mapping

from reconciler.desired.author import Draft
from reconciler.desired.effective import BUILT_IN, Setting
from reconciler.desired.naming import final_backup
from reconciler.desired.site import Site
from reconciler.model.ids import Address
from reconciler.model.resource import Resource

ANY_HOST = "%"
"""Cloud Run's addresses change; the user is guarded by its password and by the instance's own network rules."""


def database_resources(site: Site) -> Iterable[Resource]:
    """sql.database, sql.user, sql.grant.

    A user made through the API may read every database until its grant is set, so it comes after the reconciler's own
    user, without whom no grant can be set.
    """
    author, names, settings = site.author, site.names, site.settings
    instance, database = site.shard.instance_address, site.address("sql.database")
    body = {"charset": settings.charset.value, "collation": settings.collation.value}
    origins = _written({"charset": settings.charset, "collation": settings.collation})
    yield author.resource(database, names.database(), Draft(body, origins), [instance])
    secret = names.secret()
    password = {
        "secret": secret.name,
        "version": author.ref("secret.version", site.environment, "version"),
        "field": "databasePassword",
    }
    user = site.address("sql.user")
    login = site.shard.login_address
    draft = Draft({"host": ANY_HOST, "passwordFrom": password})
    yield author.resource(user, names.user(), draft, [instance, login])
    grant = {
        "host": ANY_HOST,
        "maxUserConnections": settings.connections.value,
        "grants": [{"database": names.base, "privileges": ["ALL PRIVILEGES"]}],
    }
    origins = _written({"maxUserConnections": settings.connections})
    yield author.resource(site.address("sql.grant"), names.grant(), Draft(grant, origins), [user, database, login])


def last_backup(site: Site, after: Iterable[Address]) -> Resource:
    """The backup that stands when the data goes; taken after the traffic is off."""
    description = final_backup(site.settings.tenant, site.author.owner, site.environment)
    address = site.author.address("sql.backup", f"final-{site.environment}")
    return site.author.resource(
        address, site.names.backup(description), Draft({"description": description}),
        [site.shard.instance_address, *after],
    )  # fmt: skip


def _written(settings: Mapping[str, Setting[object]]) -> dict[str, str]:
    return {path: setting.origin for path, setting in settings.items() if setting.origin != BUILT_IN}
