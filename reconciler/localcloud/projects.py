"""Projects as every other service sees them: number and id are one, absent ones are forbidden, APIs may be off."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

ORGANISATION = "organizations/111111111111"
FOLDER = "folders/222222222222"
BILLING_ACCOUNT = "billingAccounts/000000-AAAAAA-BBBBBB"

_PROJECT = re.compile(r"^(projects/)([^/:]+)")
# Cloud Run's v1 calls projects namespaces, as Kubernetes does.
_OWNER = re.compile(r"^(?:projects|namespaces)/([^/:]+)")
# Answered for the caller's own project, so never refused because of the project they are about.
_ABOUT_PROJECTS = frozenset({"serviceusage", "cloudresourcemanager", "cloudbilling"})
# Google's own projects whose images everybody may read (cloud.google.com/compute/docs/images).
IMAGE_PROJECTS = (
    "centos-cloud", "cos-cloud", "debian-cloud", "fedora-coreos-cloud", "rhel-cloud", "rocky-linux-cloud",
    "ubuntu-os-cloud", "windows-cloud",
)  # fmt: skip


def find(state: State, name: str) -> Json | None:
    """The project row for an id or a number, whatever its state; None if there never was one."""
    if name.isdigit():
        return state.get(f"project/{name}")
    pointer = state.get(f"projectid/{name}")
    return state.get(f"project/{pointer['number']}") if pointer else None


def _glance(state: State, name: str) -> Json | None:
    """As `find`, but not to be changed."""
    if name.isdigit():
        return state.look(f"project/{name}")
    pointer = state.look(f"projectid/{name}")
    return state.look(f"project/{pointer['number']}") if pointer else None


def canonical(state: State, path: str) -> str:
    """`projects/<id>/…` -> `projects/<number>/…`; other paths, and unknown projects, stay as they are."""
    found = _PROJECT.match(path)
    if not found or found[2].isdigit():
        return path
    row = _glance(state, found[2])
    return f"projects/{row['number']}{path[found.end() :]}" if row else path


def with_id(state: State, path: str) -> str:
    """The opposite of `canonical`."""
    found = _PROJECT.match(path)
    row = _glance(state, found[2]) if found else None
    return f"projects/{row['projectId']}{path[found.end() :]}" if found and row else path


def of(path: str) -> str:
    """The project in a path, as written there; empty if there is none."""
    found = _OWNER.match(path)
    return found[1] if found else ""


def enabled(state: State, number: str, service: str) -> bool:
    row = state.look(f"serviceusage.services/projects/{number}/services/{service}.googleapis.com")
    return row is not None and row["state"] == "ENABLED"


@dataclass(frozen=True)
class Asked:
    """What a call is about: its project, the permission that it takes, and the resource as its path names it."""

    project: str
    permission: str
    resource: str = ""


def admit(state: State, api: Api, asked: Asked, *, strict: bool) -> Json | None:
    """Refuse (GoogleError 403) a call into a project that is absent, being deleted, or has the API off.

    Which APIs count as off, unless `strict`: none before Service Usage has changed anything in the project, then all
    that are not on. So a recording made in a project that was prepared before still replays, and a caller that
    prepares its projects is held to what it has enabled.
    """
    project, permission = asked.project, asked.permission
    if api.name in _ABOUT_PROJECTS or project == "-":
        return find(state, project)
    row = find(state, project)
    if row is None and api.name == "compute" and project in IMAGE_PROJECTS:
        if permission.rsplit(".", maxsplit=1)[-1].startswith(("get", "list")):
            return None
        raise GoogleError(403, f"Required '{permission}' permission for 'projects/{project}'", reason="forbidden")
    if row is None:
        raise _absent(api, asked)
    if row["state"] != "ACTIVE":
        raise GoogleError(
            403,
            f"Project {row['projectId']} is scheduled for deletion and cannot be used for API calls. Visit "
            "https://console.cloud.google.com/iam-admin/projects?pendingDeletion=true to undelete the project.",
            details=[_error_info("CONSUMER_INVALID", api, row["number"])],
        )
    known = f"serviceusage.services/projects/{row['number']}/services/{api.name}.googleapis.com"
    held = strict or state.look(known) is not None or state.look(f"serviceusage.touched/{row['number']}") is not None
    if held and not enabled(state, row["number"], api.name):
        raise _disabled(api, row["number"])
    return row


def _error_info(reason: str, api: Api, number: str) -> Json:
    metadata = {"service": f"{api.name}.googleapis.com", "consumer": f"projects/{number}"}
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def _absent(api: Api, asked: Asked) -> GoogleError:
    project, permission = asked.project, asked.permission
    if api.name == "sqladmin":
        return GoogleError(403, "The client is not authorized to make this request.", reason="notAuthorized")
    if api.name == "storage":
        return GoogleError(400, f"Unknown project id: {project}", reason="invalid")
    if api.name == "run":
        # google-github-actions/deploy-cloudrun#182
        said = f"Permission '{permission}' denied on resource '{asked.resource}' (or resource may not exist)."
        return GoogleError(403, said)
    resource = f"//{api.name}.googleapis.com/projects/{project}"
    message = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    metadata = {"permission": permission, "resource": f"projects/{project}"}
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    info = {"@type": kind, "reason": "IAM_PERMISSION_DENIED", "domain": "iam.googleapis.com", "metadata": metadata}
    return GoogleError(403, message, details=[info])


def _disabled(api: Api, number: str) -> GoogleError:
    service = f"{api.name}.googleapis.com"
    link = f"https://console.developers.google.com/apis/api/{service}/overview?project={number}"
    message = (
        f"{api.title} has not been used in project {number} before or it is disabled. Enable it by visiting {link} "
        "then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems "
        "and retry."
    )
    if api.name == "sqladmin":
        return GoogleError(
            403, message, "PERMISSION_DENIED", "accessNotConfigured", [_error_info("SERVICE_DISABLED", api, number)]
        )
    links = [{"description": "Google developers console API activation", "url": link}]
    help_link = {"@type": "type.googleapis.com/google.rpc.Help", "links": links}
    return GoogleError(403, message, details=[help_link, _error_info("SERVICE_DISABLED", api, number)])
