"""What a revision or an execution needs from elsewhere in the cloud, and what Cloud Run says when it is not there.

Sources: messages of failed deployments in public bug reports (hashicorp/terraform-provider-google, terraform-docs-
samples#168 for the secrets), reasons from the discovery document. Images are not looked for: anybody's may be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.localcloud import projects
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.run.conditions import Problem
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_READERS = frozenset({"roles/secretmanager.secretAccessor", "roles/secretmanager.admin", "roles/owner"})
# Whose members we cannot know, and so believe.
_OPEN = ("allUsers", "allAuthenticatedUsers", "group:", "domain:", "principal:", "principalSet:")
_DEFAULT_ACCOUNT = "-compute@developer.gserviceaccount.com"
_GRANT = (
    "Permission denied on secret: {version} for Revision service account {account}. The service account used must be "
    "granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or "
    "higher level."
)


@dataclass(frozen=True)
class Place:
    """Where a template runs: its project's id and number, and its region."""

    state: State
    project: str
    number: str
    region: str

    @classmethod
    def of(cls, state: State, path: str) -> Place:
        row = projects.find(state, projects.of(path)) or {"projectId": projects.of(path), "number": "0"}
        return cls(state, row["projectId"], str(row["number"]), path.split("/")[3])


def act_as(place: Place, template: Json) -> None:
    """Refuse (GoogleError 403) a service account that one of our projects should have and has not."""
    account = template.get("serviceAccount", "")
    owner = account.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
    row = projects.find(place.state, owner) if account.endswith(".iam.gserviceaccount.com") else None
    if row is None:
        return
    key = f"iam.serviceAccounts/projects/{row['number']}/serviceAccounts/{account}"
    if place.state.get(key) is None:
        raise GoogleError(
            403, f"Permission 'iam.serviceaccounts.actAs' denied on service account {account} (or it may not exist)."
        )


def problem(place: Place, template: Json, prefix: str = "spec.template.spec") -> Problem | None:
    """The first thing that a template needs and does not find; all secrets that cannot be read are told at once."""
    account = template.get("serviceAccount", "")
    told = [
        (f"{prefix}.{where}: {said}", code)
        for where, secret, version in _secrets(template)
        for said, code in [_unreadable(place, secret, version, account)]
        if said
    ]
    if told:
        return Problem("\n".join(said for said, _ in told), "SECRETS_ACCESS_CHECK_FAILED", told[0][1])
    return _no_network(place, template.get("vpcAccess") or {})


def _secrets(template: Json) -> Iterator[tuple[str, str, str]]:
    """Where a secret is named, the secret, and the version."""
    for index, container in enumerate(template.get("containers") or []):
        for position, variable in enumerate(container.get("env") or []):
            reference = (variable.get("valueSource") or {}).get("secretKeyRef")
            if reference:
                where = f"containers[{index}].env[{position}].value_from.secret_key_ref.name"
                yield where, reference.get("secret", ""), reference.get("version") or "latest"
    for index, volume in enumerate(template.get("volumes") or []):
        secret = volume.get("secret")
        if secret:
            for item in secret.get("items") or [{}]:
                where = f"volumes[{index}].secret.items[0].key" if secret.get("items") else f"volumes[{index}].secret"
                yield where, secret.get("secret", ""), item.get("version") or "latest"


def _unreadable(place: Place, secret: str, version: str, account: str) -> tuple[str, str]:
    path = secret if secret.startswith("projects/") else f"projects/{place.number}/secrets/{secret}"
    path = projects.canonical(place.state, path)
    shown = f"{path}/versions/{version}"
    if projects.find(place.state, projects.of(path)) is None:
        return "", ""
    row = place.state.get(f"secretmanager.secrets/{path}")
    if row is None:
        return f"Secret {shown} was not found", "NOT_FOUND"
    if not _may_read(place.state, path, account):
        return _GRANT.format(version=shown, account=account), "PERMISSION_DENIED"
    number = str((row.get("versionAliases") or {}).get(version, version))
    rows = place.state.scan(f"secretmanager.versions/{path}/versions/")
    states = {key.rsplit("/", 1)[1]: row.get("state") for key, row in rows}
    if number == "latest":
        number = max(states, key=int, default="")
    return ("", "") if states.get(number) == "ENABLED" else (f"Secret {shown} was not found", "NOT_FOUND")


def _may_read(state: State, secret: str, account: str) -> bool:
    """The default account is believed: who it was granted to is set up long before a project is first seen here."""
    if account.endswith(_DEFAULT_ACCOUNT):
        return True
    number = projects.of(secret)
    return any(
        _reads(binding, f"serviceAccount:{account}")
        for key in (f"secretmanager/{secret}", *_above(state, number))
        for binding in (state.get(f"iam/{key}") or {}).get("bindings", [])
    )


def _above(state: State, number: str) -> Iterator[str]:
    yield f"cloudresourcemanager/projects/{number}"
    parent = (projects.find(state, number) or {}).get("parent", "")
    while parent:
        yield f"cloudresourcemanager/{parent}"
        parent = (state.get(f"cloudresourcemanager.folders/{parent}") or {}).get("parent", "")


def _reads(binding: Json, member: str) -> bool:
    """A custom role may hold the permission, so it counts."""
    role = binding.get("role", "")
    if role not in _READERS and role.startswith("roles/"):
        return False
    return any(found == member or found.startswith(_OPEN) for found in binding.get("members", []))


def _no_network(place: Place, access: Json) -> Problem | None:
    connector = access.get("connector", "")
    if connector:
        path = (
            connector
            if "/" in connector
            else f"projects/{place.number}/locations/{place.region}/connectors/{connector}"
        )
        path = projects.canonical(place.state, path)
        known = projects.find(place.state, projects.of(path))
        if known and place.state.get(f"vpcaccess.connectors/{path}") is None:
            shown = projects.with_id(place.state, path)
            said = f"VPC connector {shown} does not exist, or Cloud Run does not have permission to use it."
            return Problem(said, "VPC_NETWORK_NOT_FOUND", "NOT_FOUND")
    for interface in access.get("networkInterfaces") or []:
        network = interface.get("network", "").rsplit("/", 1)[-1]
        # Every project may have a network of this name from the start.
        if not network or network == "default":
            continue
        home = projects.of(interface["network"]) or place.number
        path = projects.canonical(place.state, f"projects/{home}/global/networks/{network}")
        if projects.find(place.state, home) and place.state.get(f"compute.networks/{path}") is None:
            shown = projects.with_id(place.state, path)
            return Problem(f"VPC network {shown} was not found.", "VPC_NETWORK_NOT_FOUND", "NOT_FOUND")
    return None
