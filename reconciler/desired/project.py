"""What every project has, a shard's or the control project: the project, its billing link, its APIs, its accounts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.desired.author import Author, Draft, root
from reconciler.desired.naming import Place, ProjectNames, folder_place
from reconciler.kinds.ownership import OWNER_LABEL
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import FLEET, Address
from reconciler.model.resource import Ref, Resource

_DISPLAY_LIMIT = 30
"""Display name of a project: 4 to 30 characters (Resource Manager v3 discovery document)."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project to write: `key` "main" or "control"; `apis` maps each API to the line that asks for it ("" : ours)."""

    author: Author
    names: ProjectNames
    key: str
    display: Draft
    folder: str
    apis: Mapping[str, str]

    def after_api(self, api: str) -> Address:
        """What everything of that API comes after."""
        return self.author.address("project.service", f"{api}.googleapis.com")


def base(fleet: Fleet, project: Project) -> Iterable[Resource]:
    """project, project.billing and one project.service per API (each a change of its own, so no batch limit binds)."""
    author, names, key = project.author, project.names, project.key
    itself, billing = author.address("project", key), author.address("project.billing", key)
    labels = dict(sorted(author.labels.items()))
    body = {
        "projectId": names.id,
        "displayName": display_name(str(project.display.body["displayName"])),
        "parent": Ref(Address(FLEET, "folder", project.folder), "name").to_body(),
        "labels": labels,
    }
    origins = {**project.display.origins, **author.labelled("labels")}
    place = names.project(folder(fleet, project.folder).name)
    yield author.resource(itself, place, Draft(body, origins))
    spec = root(fleet)
    account = {"billingAccountName": spec.document.spec.billing_account}
    at = {"billingAccountName": spec.at("spec", "billingAccount")}
    yield author.resource(billing, names.billing(), Draft(account, at), [itself])
    for api, origin in sorted(project.apis.items()):
        draft = Draft({"state": "ENABLED"}, {"state": origin} if origin else {})
        yield author.resource(author.address("project.service", api), names.api(api), draft, [itself, billing])


def folder(fleet: Fleet, key: str) -> Place:
    """Raises InputError when fleet.yaml has no such folder."""
    spec = root(fleet).document.spec
    if key not in spec.folders:
        raise InputError(f"{root(fleet).at('spec', 'folders')}: there is no folder `{key}`", "add it to spec.folders")
    return folder_place(spec.parent or spec.organization, spec.folders[key].display_name)


def account(project: Project, key: str, name: str, says: str) -> Resource:
    """A service account of the platform's own."""
    author = project.author
    body = {"displayName": says, "description": f"{says}. {OWNER_LABEL}={author.owner}"}
    after = [project.after_api("iam")]
    return author.resource(author.address("iam.service-account", key), project.names.account(name), Draft(body), after)


def bucket_body(location: str, labels: Mapping[str, str], versioning: bool, soft_delete_days: int) -> dict[str, object]:
    """A private bucket: uniform access, nothing public."""
    return {
        "location": location,
        "storageClass": "STANDARD",
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"},
        "versioning": {"enabled": versioning},
        "softDeletePolicy": {"retentionDurationSeconds": str(soft_delete_days * 86400)},
        "labels": dict(sorted(labels.items())),
    }


def display_name(text: str) -> str:
    """Text as Resource Manager takes it: letters, digits, space, - ' " !, 4 to 30 characters."""
    kept = "".join(c if (c.isascii() and c.isalnum()) or c in " -'\"!" else " " for c in text)
    short = " ".join(kept.split())[:_DISPLAY_LIMIT].strip()
    return short if len(short) >= 4 else f"AIPress {short}".strip()
