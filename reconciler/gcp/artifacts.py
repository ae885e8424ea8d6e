"""Artifact Registry: image repositories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gcp.adapter import ONCE, begun, found, paged, poll_operation, spelled
from reconciler.gcp.session import Session
from reconciler.gcp.words import field_mask, last, to_json, to_message
from reconciler.model.canonical import Body
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done
from reconciler.model.resource import Found


def registry_client(session: Session) -> Any:
    def load() -> Any:
        from google.cloud.artifactregistry_v1 import ArtifactRegistryClient

        return ArtifactRegistryClient

    return session.client("artifactregistry", "artifactregistry", load)


@dataclass(frozen=True, slots=True)
class RepositoryAdapter:
    """uid: name and creation time (the API has no uid)."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        request = {"parent": parent, "page_size": 1000}
        rows = paged(registry_client(self.session).list_repositories(request=request, **ONCE), "repositories")
        return {f"{parent}/repositories/{last(row.name)}": self._found(to_json(row)) for row in rows}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(to_json(registry_client(self.session).get_repository(request={"name": name}, **ONCE)))

    def begin(self, call: Call) -> Answer:
        from google.cloud.artifactregistry_v1 import Repository

        client = registry_client(self.session)
        if call.action is Action.DELETE:
            return begun(self, call, client.delete_repository(request={"name": call.name}, **ONCE).operation)
        repository = to_message(Repository, {**call.body, "name": call.name})
        if call.action is Action.CREATE:
            request = {"parent": call.parent, "repository_id": last(call.name), "repository": repository}
            return begun(self, call, client.create_repository(request=request, **ONCE).operation)
        request = {"repository": repository, "update_mask": field_mask(call.mask)}
        return Done(self._found(to_json(client.update_repository(request=request, **ONCE))))

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_operation(self, call, registry_client(self.session), operation)

    def _found(self, body: dict[str, Any]) -> Found:
        return found(self.session, body, f"{last(spelled(body))}@{body.get('createTime', '')}")
