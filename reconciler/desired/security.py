"""What keeps tenants apart: an account of its own without any project role, a secret and a folder only it may read."""

from collections.abc import Iterable

from reconciler.desired.author import Draft
from reconciler.desired.site import Site
from reconciler.kinds.ownership import OWNER_LABEL
from reconciler.model.resource import Resource

DISPLAY_BYTES, DESCRIPTION_BYTES = 100, 256
"""Limits of a service account's texts, in bytes of UTF-8 (IAM v1 discovery document)."""

SECRET_SHAPE = "wordpress/1"  # noqa: S105 - the name of a layout, not a secret
"""What the generated JSON holds: a database password, WordPress's eight keys and salts."""

UNDO_SECONDS = "604800s"
"""A destroyed secret version can be brought back for seven days."""


def security_resources(site: Site) -> Iterable[Resource]:
    """iam.service-account, secret, secret.version, secret.iam, storage.managed-folder and its IAM."""
    account = _account(site)
    yield account
    yield from _secret(site, account)
    yield from _media(site, account)


def _account(site: Site) -> Resource:
    metadata, written = site.tenant.document.metadata, site.tenant
    shown = f"{_cut(metadata.display_name or metadata.name, 80)} {site.environment}"
    proof = f". {OWNER_LABEL}={site.author.owner}"
    owners = f" for {', '.join(metadata.owners)}" if metadata.owners else ""
    says = _cut(f"Runs {metadata.name} {site.environment}{owners}", DESCRIPTION_BYTES - len(proof))
    body = {"displayName": _cut(shown, DISPLAY_BYTES), "description": says + proof}
    origins = {"displayName": written.at("metadata", "displayName"), "description": written.at("metadata", "owners")}
    after = [site.shard.after_api("iam")]
    return site.author.resource(site.address("iam.service-account"), site.names.account(), Draft(body, origins), after)


def _secret(site: Site, account: Resource) -> Iterable[Resource]:
    author, names = site.author, site.names
    secret, version = site.address("secret"), site.address("secret.version")
    body = {
        "replication": {"automatic": {}},
        "labels": dict(sorted(author.labels.items())),
        "versionDestroyTtl": UNDO_SECONDS,
    }
    draft = Draft(body, author.labelled("labels"))
    yield author.resource(secret, names.secret(), draft, [site.shard.after_api("secretmanager")])
    draft = Draft({"state": "ENABLED", "generate": SECRET_SHAPE})
    yield author.resource(version, names.secret_version(), draft, [secret])
    policy = Draft({"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": [names.member]}]})
    yield author.resource(site.address("secret.iam"), names.secret_iam(), policy, [secret, account.address])


def _media(site: Site, account: Resource) -> Iterable[Resource]:
    author, names = site.author, site.names
    media = site.address("storage.managed-folder")
    yield author.resource(media, names.media_folder(), Draft({}), [site.shard.bucket_address])
    policy = Draft({"bindings": [{"role": "roles/storage.objectUser", "members": [names.member]}]})
    after = [media, account.address]
    yield author.resource(site.address("storage.managed-folder.iam"), names.media_folder_iam(), policy, after)


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, no character cut in two."""
    return text.encode()[:limit].decode(errors="ignore").rstrip()
