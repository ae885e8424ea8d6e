"""The Cloud port over Google's clients: a table kind -> adapter, and one border where errors become answers."""

from collections.abc import Callable, Mapping, Sequence

from reconciler.gcp.accounts import ServiceAccountAdapter
from reconciler.gcp.adapter import Adapter
from reconciler.gcp.apis import EnabledApiAdapter
from reconciler.gcp.artifacts import RepositoryAdapter, registry_client
from reconciler.gcp.errors import RefusedCall, failure_of, polled, refusal_of
from reconciler.gcp.identity import checked
from reconciler.gcp.policies import GapicDoor, PolicyAdapter
from reconciler.gcp.projects import BillingAdapter, FolderAdapter, ProjectAdapter, projects_client
from reconciler.gcp.run import RunServiceAdapter
from reconciler.gcp.secrets import SecretAdapter, SecretVersionAdapter, secrets_client
from reconciler.gcp.session import Session
from reconciler.gcp.sql import BackupAdapter, DatabaseAdapter, InstanceAdapter, UserAdapter
from reconciler.gcp.sql_grants import GrantAdapter
from reconciler.gcp.storage import BucketAdapter, FolderPolicyDoor, ManagedFolderAdapter
from reconciler.gcp.words import project_of
from reconciler.kinds.catalog import kind_of
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.ports import Answer, Call, Done, Failed, Listing, Seen
from reconciler.model.resource import Absent, Observation, Unknown

Translate = Callable[[BaseException, bool], Failure]

QUIET = frozenset({"secret.version", "sql.user"})
"""Kinds whose calls carry a secret: Google's words about them are not repeated."""

CALLERS = frozenset({"cloudresourcemanager", "cloudbilling", "serviceusage"})
"""APIs about projects: disabled, they say something about the caller's project, not about the one asked for."""

PARENT = "parent"
DISABLED = "disabled"
"""Absent.method: the API is not enabled in the project, and Service Usage says so too."""


def adapters(session: Session) -> Mapping[str, Adapter]:
    """One per kind. Making them makes no client."""
    return {
        "folder": FolderAdapter(session),
        "project": ProjectAdapter(session),
        "project.billing": BillingAdapter(session),
        "project.service": EnabledApiAdapter(session),
        "project.iam": PolicyAdapter(session, "project.iam", GapicDoor(lambda: projects_client(session))),
        "iam.service-account": ServiceAccountAdapter(session),
        "artifact.repository": RepositoryAdapter(session),
        "artifact.repository.iam": PolicyAdapter(
            session, "artifact.repository.iam", GapicDoor(lambda: registry_client(session))
        ),
        "sql.instance": InstanceAdapter(session),
        "sql.database": DatabaseAdapter(session),
        "sql.user": UserAdapter(session),
        "sql.grant": GrantAdapter(session),
        "sql.backup": BackupAdapter(session),
        "secret": SecretAdapter(session),
        "secret.version": SecretVersionAdapter(session),
        "secret.iam": PolicyAdapter(session, "secret.iam", GapicDoor(lambda: secrets_client(session))),
        "storage.bucket": BucketAdapter(session),
        "storage.managed-folder": ManagedFolderAdapter(session),
        "storage.managed-folder.iam": PolicyAdapter(session, "storage.managed-folder.iam", FolderPolicyDoor(session)),
        "run.service": RunServiceAdapter(session),
    }


class GoogleCloud:
    """Google Cloud, or a local cloud behind the same clients. No method raises for an answer of the cloud."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._adapters = adapters(session)

    @property
    def identity(self) -> str:
        return self._session.setting.identity

    def list(self, kind: str, parent: str, names: Sequence[str] = ()) -> Listing:
        self._pace(kind, parent)
        try:
            listed = self._adapters[kind].list(parent, names)
            objects = {name: checked(kind, name, found) for name, found in listed.items()}
        except Exception as error:
            return self._unseen(kind, parent, error, missing=PARENT)
        return Seen(objects, self._session.clock.now())

    def get(self, kind: str, name: str, parent: str, body: Body) -> Observation:
        self._pace(kind, name if project_of(name) else parent)
        try:
            seen = self._adapters[kind].get(name, parent, body)
            seen = checked(kind, name, seen) if seen is not None else None
        except Exception as error:
            return self._unseen(kind, name if project_of(name) else parent, error, missing="get")
        return seen if seen is not None else Absent(self._session.clock.now(), "search" if kind == "project" else "get")

    def begin(self, call: Call) -> Answer:
        project, api = project_of(call.name) or project_of(call.parent) or call.parent, kind_of(call.kind).api
        if wait := self._session.pace.write(project, api):
            self._session.observer.waited(api, wait)
            return Failed(Failure(Next.WAIT, f"we leave half of the quota of {api} to others", retry_after=wait))
        try:
            return self._believed(call, self._adapters[call.kind].begin(call))
        except Exception as error:
            return Failed(self._failure(call.kind, error))

    def poll(self, kind: str, operation: str, call: Call) -> Answer:
        self._pace(kind, call.name if project_of(call.name) else call.parent)
        try:
            return self._believed(call, self._adapters[kind].poll(operation, call))
        except Exception as error:
            return Failed(self._failure(kind, error, polled))

    def _believed(self, call: Call, answer: Answer) -> Answer:
        """A write that is answered with another object than the one written is not known to have taken effect."""
        if isinstance(answer, Done) and answer.found is not None:
            checked(call.kind, call.name, answer.found)
        return answer

    # --- errors become answers --------------------------------------------------------------------------------------

    def _failure(self, kind: str, error: Exception, translate: Translate = failure_of) -> Failure:
        failure = translate(error, kind in QUIET)
        if failure.next is Next.RETRY and failure.status == 0 and self._session.setting.local:
            return Failure(Next.RETRY, f"{failure.message} at {self._session.setting.url} (aipress cloud up starts it)")
        return failure

    def _unseen(self, kind: str, name: str, error: Exception, missing: str) -> Absent | Unknown:
        """A read that failed. Absent only where two things say so; everything else stays unknown."""
        now = self._session.clock.now()
        failure = self._failure(kind, error)
        if failure.missing:
            return Absent(now, missing)
        if not isinstance(error, RefusedCall) and refusal_of(error).disabled:
            return self._disabled(kind, name, failure)
        if failure.forbidden and self._project_absent(kind, name):
            return Absent(now, PARENT)
        return Unknown(failure.message, now, failure.forbidden)

    def _disabled(self, kind: str, name: str, failure: Failure) -> Absent | Unknown:
        now, project, api = self._session.clock.now(), project_of(name), kind_of(kind).api
        if api in CALLERS:
            said = f"{api} is not enabled in the project that our calls count against: {failure.message}"
            return Unknown(said, now, True)
        service = f"projects/{project}/services/{api}.googleapis.com"
        try:
            enabled = self._adapters["project.service"].get(service, f"projects/{project}", {})
        except Exception as error:
            said = self._failure("project.service", error).message
            return Unknown(f"{failure.message} (and whether {api} is enabled cannot be read: {said})", now, True)
        if enabled is not None:
            return Unknown(f"{api} was enabled in {project} a moment ago and does not answer yet", now)
        return Absent(now, DISABLED)

    def _project_absent(self, kind: str, name: str) -> bool:
        """A 403 inside a project that is not there: get says 403 for it too, and a search does not find it."""
        project = project_of(name)
        if not project or kind == "project":
            return False
        try:
            return self._adapters["project"].get(f"projects/{project}", "", {}) is None
        except Exception:
            return False  # unknown stays unknown

    def _pace(self, kind: str, name: str) -> None:
        api = kind_of(kind).api
        if waited := self._session.pace.read(project_of(name) or name, api):
            self._session.observer.waited(api, waited)
