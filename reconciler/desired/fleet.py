"""The fleet's own objects: folders, and the control project that the reconciler runs in."""

from collections.abc import Iterable

from reconciler.desired.administrator import control_names
from reconciler.desired.author import Author, Draft, labels_of, marks, root, uid_of
from reconciler.desired.project import Project, account, base, bucket_body, folder
from reconciler.model.fleet import Fleet
from reconciler.model.ids import FLEET
from reconciler.model.resource import Resource
from reconciler.model.version import FLEET_SHARD

CONTROL_APIS = (
    "artifactregistry", "cloudbilling", "cloudbuild", "cloudresourcemanager", "iam", "logging", "monitoring", "run",
    "secretmanager", "serviceusage", "sqladmin", "storage",
)  # fmt: skip
"""The reconciler's own account lives here, and Google counts its calls (and wants the API on) in this project."""


def fleet_resources(fleet: Fleet) -> Iterable[Resource]:
    """Folders, control project, billing, APIs, the reconciler's account, the state bucket. Raises InputError."""
    written = root(fleet)
    spec, metadata = written.document.spec, written.document.metadata
    uid = uid_of(written, metadata)
    own, at = labels_of(written, metadata)
    author = Author(FLEET, FLEET_SHARD, uid, written.at("spec"), own | marks(metadata.name, uid), at)
    parent = spec.parent or spec.organization
    for key, wanted in sorted(spec.folders.items()):
        draft = Draft(
            {"displayName": wanted.display_name, "parent": parent},
            {
                "displayName": written.at("spec", "folders", key, "displayName"),
                "parent": written.at("spec", "parent" if spec.parent else "organization"),
            },
        )
        yield author.resource(author.address("folder", key), folder(fleet, key), draft)
    control = spec.control_project
    apis = {f"{api}.googleapis.com": "" for api in CONTROL_APIS}
    apis |= {api: written.at("spec", "controlProject", "services", n) for n, api in enumerate(control.services)}
    names = control_names(fleet)
    display = Draft(
        {"displayName": f"{metadata.display_name or metadata.name} control"},
        {"displayName": written.at("metadata", "displayName")},
    )
    project = Project(author, names, "control", display, control.folder or "control", apis)
    yield from base(fleet, project)
    yield account(project, "reconciler", names.reconciler_account, "AIPress reconciler")
    body = bucket_body(control.region.upper(), author.labels, versioning=True, soft_delete_days=30)
    origins = {"location": written.at("spec", "controlProject", "region"), **author.labelled("labels")}
    yield author.resource(
        author.address("storage.bucket", "state"), names.bucket(names.state_bucket), Draft(body, origins),
        [project.after_api("storage")],
    )  # fmt: skip
