"""Service Usage: which APIs are enabled in a project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gcp.adapter import ONCE, begun, found, never, paged, poll_operation, spelled
from reconciler.gcp.session import Session
from reconciler.gcp.words import last, to_json
from reconciler.model.canonical import Body
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call
from reconciler.model.resource import Found

ENABLED = "ENABLED"


def usage_client(session: Session) -> Any:
    def load() -> Any:
        from google.cloud.service_usage_v1 import ServiceUsageClient

        return ServiceUsageClient

    return session.client("serviceusage", "serviceusage", load)


@dataclass(frozen=True, slots=True)
class EnabledApiAdapter:
    """An API that is not enabled is absent; enabling it is making it. uid: its name (an API has no other identity).

    Google spells names with the project number; ours carry the id.
    """

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        request = {"parent": parent, "filter": "state:ENABLED", "page_size": 200}
        rows = [
            to_json(row) for row in paged(usage_client(self.session).list_services(request=request, **ONCE), "services")
        ]
        named = ((f"{parent}/services/{last(spelled(row))}", row) for row in rows)
        return {name: self._found(name, row) for name, row in named if row.get("state") == ENABLED}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        row = to_json(usage_client(self.session).get_service(request={"name": name}, **ONCE))
        found_ = self._found(name, row)
        return found_ if row.get("state") == ENABLED else None

    def begin(self, call: Call) -> Answer:
        if call.action is Action.DELETE:
            return never("API's enablement", call.name)
        operation = usage_client(self.session).enable_service(request={"name": call.name}, **ONCE)
        return begun(self, call, operation.operation)

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_operation(self, call, usage_client(self.session), operation)

    def _found(self, name: str, row: dict[str, Any]) -> Found:
        spelled(row)
        shown = {key: value for key, value in row.items() if key in ("name", "parent", "state")}
        return found(self.session, shown, name)
