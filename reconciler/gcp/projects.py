"""Resource Manager v3 (folders, projects) and Cloud Billing's link of a project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gcp.adapter import ONCE, begun, condition, found, never, paged, poll_operation, refuse, settle, spelled
from reconciler.gcp.errors import failure_of
from reconciler.gcp.session import Session
from reconciler.gcp.words import field_mask, last, pick, to_json, to_message
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done, Failed
from reconciler.model.resource import Found


def projects_client(session: Session) -> Any:
    def load() -> Any:
        from google.cloud.resourcemanager_v3 import ProjectsClient

        return ProjectsClient

    return session.client("projects", "cloudresourcemanager", load)


def folders_client(session: Session) -> Any:
    def load() -> Any:
        from google.cloud.resourcemanager_v3 import FoldersClient

        return FoldersClient

    return session.client("folders", "cloudresourcemanager", load)


def billing_client(session: Session) -> Any:
    def load() -> Any:
        from google.cloud.billing_v1 import CloudBillingClient

        return CloudBillingClient

    return session.client("billing", "cloudbilling", load)


@dataclass(frozen=True, slots=True)
class FolderAdapter:
    """Our name is "{parent}/{displayName}" (unique under a parent); the cloud's, "folders/N", is the uid."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        folders = paged(folders_client(self.session).list_folders(request={"parent": parent}, **ONCE), "folders")
        bodies = [to_json(folder) for folder in folders]
        return {f"{parent}/{spelled(body, 'displayName')}": self._found(body) for body in bodies}

    def get(self, name: str, parent: str, body: Body) -> Found | None:
        """The list, which is consistent at once, then a search, which also sees what has moved."""
        try:
            listed = self.list(parent, ()).get(name)
        except Exception as error:
            if not failure_of(error).missing:
                raise
            listed = None  # the list said it once already: only the search is a second method
        if listed is not None:
            return listed
        query = f'parent={parent} AND displayName="{body.get("displayName") or last(name)}"'
        hits = paged(folders_client(self.session).search_folders(request={"query": query}, **ONCE), "folders")
        bodies = [to_json(hit) for hit in hits]
        wanted = (b for b in bodies if f"{b.get('parent')}/{b.get('displayName')}" == name)
        return next((self._found(b) for b in wanted if b.get("state", "ACTIVE") == "ACTIVE"), None)

    def begin(self, call: Call) -> Answer:
        client = folders_client(self.session)
        if call.action is Action.CREATE:
            from google.cloud.resourcemanager_v3 import Folder

            if call.name in self.list(call.parent, ()):
                return Failed(Failure(Next.REPLAN, f"the folder {call.name} already exists", 409, exists=True))
            folder = to_message(Folder, pick(call.body, ("displayName", "parent")))
            return begun(self, call, client.create_folder(request={"folder": folder}, **ONCE).operation)
        if call.action is Action.DELETE:
            return never("folder", call.name)
        raise refuse(
            Next.PERSON, f"{call.name}: a folder's name is its identity here; move or rename it in the console"
        )

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_operation(self, call, folders_client(self.session), operation)

    def _found(self, body: dict[str, Any]) -> Found:
        return found(self.session, body, spelled(body))


@dataclass(frozen=True, slots=True)
class ProjectAdapter:
    """uid: the project number. A project marked for deletion is no answer: its id is taken, and nothing works in it."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        """Under the folder that `parent` hints at: "{orgOrFolder}/{displayName}", "folders/N" or "organizations/N"."""
        request = {"parent": self._folder(parent), "show_deleted": False}
        rows = paged(projects_client(self.session).list_projects(request=request, **ONCE), "projects")
        bodies = [to_json(row) for row in rows]
        return {f"projects/{spelled(b, 'projectId')}": self._found(b) for b in bodies if b.get("state") == "ACTIVE"}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        """A project that is not there answers 403, as one that is hidden from us: only a search tells them apart."""
        try:
            answer = to_json(projects_client(self.session).get_project(request={"name": name}, **ONCE))
        except Exception as error:
            failure = failure_of(error)
            if not (failure.forbidden or failure.missing) or self.exists(name):
                raise
            return None
        if answer.get("state") == "DELETE_REQUESTED":
            raise refuse(
                Next.PERSON,
                f"{name} is marked for deletion and its id cannot be used again; "
                f"bring it back with `gcloud projects undelete {last(name)}` or write another id",
            )
        return self._found(answer)

    def exists(self, name: str) -> bool:
        """Whether any project that we may see has this id, also one marked for deletion."""
        request = {"query": f"id:{last(name)}"}
        hits = paged(projects_client(self.session).search_projects(request=request, **ONCE), "projects")
        return any(hit.project_id == last(name) for hit in hits)

    def begin(self, call: Call) -> Answer:
        from google.cloud.resourcemanager_v3 import Project

        client = projects_client(self.session)
        if call.action is Action.CREATE:
            project = to_message(Project, pick_present(call.body, ("projectId", "displayName", "parent", "labels")))
            return begun(self, call, client.create_project(request={"project": project}, **ONCE).operation)
        if call.action is Action.DELETE:
            return never("project", call.name)
        body = {**pick_present(call.body, ("displayName", "labels")), "name": call.name, "etag": condition(call)}
        request = {"project": to_message(Project, body), "update_mask": field_mask(call.mask)}
        return begun(self, call, client.update_project(request=request, **ONCE).operation)

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_operation(self, call, projects_client(self.session), operation)

    def _folder(self, parent: str) -> str:
        kind, number, *names = parent.split("/", 2)
        if not names:
            return parent
        folder = FolderAdapter(self.session).list(f"{kind}/{number}", ()).get(parent)
        if folder is None:
            raise missing(f"the folder {parent} is not there")
        return folder.uid

    def _found(self, body: dict[str, Any]) -> Found:
        return found(self.session, body, last(spelled(body)))


def pick_present(body: Body, keys: Sequence[str]) -> dict[str, Any]:
    return {key: body[key] for key in keys if key in body}


def missing(message: str) -> Exception:
    from reconciler.gcp.errors import RefusedCall

    return RefusedCall(Failure(Next.REPLAN, message, 404, missing=True))


@dataclass(frozen=True, slots=True)
class BillingAdapter:
    """The link is there as soon as the project is: with an empty account until it is set. uid: its name."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:
        links = {name: self.get(name, parent, {}) for name in names}
        return {name: link for name, link in links.items() if link is not None}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        request = {"name": name.removesuffix("/billingInfo")}
        answer = to_json(billing_client(self.session).get_project_billing_info(request=request, **ONCE))
        return found(self.session, answer, name)

    def begin(self, call: Call) -> Answer:
        from google.cloud.billing_v1 import ProjectBillingInfo

        if call.action is Action.DELETE:
            return never("billing link", call.name)
        request = {
            "name": call.name.removesuffix("/billingInfo"),
            "project_billing_info": to_message(
                ProjectBillingInfo, {"billingAccountName": call.body.get("billingAccountName", "")}
            ),
        }
        answer = to_json(billing_client(self.session).update_project_billing_info(request=request, **ONCE))
        return Done(found(self.session, answer, call.name))

    def poll(self, operation: str, call: Call) -> Answer:  # noqa: ARG002 - the port's shape
        return settle(self, call)
