"""Cloud Run v2: services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gcp.adapter import ONCE, begun, found, poll_operation, refuse
from reconciler.gcp.session import Session
from reconciler.gcp.words import field_mask, last, to_json, to_message
from reconciler.model.canonical import Body
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call
from reconciler.model.resource import Found

_MOVING = frozenset({"CONDITION_PENDING", "CONDITION_RECONCILING"})


def run_client(session: Session) -> Any:
    def load() -> Any:
        from google.cloud.run_v2 import ServicesClient

        return ServicesClient

    return session.client("run", "run", load)


@dataclass(frozen=True, slots=True)
class RunServiceAdapter:
    """uid: Cloud Run's own. Not ready while a revision is rolling out; a failed roll-out is over, so it is ready."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        rows: list[dict[str, Any]] = []
        for page in run_client(self.session).list_services(request={"parent": parent, "page_size": 500}, **ONCE).pages:
            if page.unreachable:
                raise refuse(Next.RETRY, f"Cloud Run's list is not whole: no answer from {', '.join(page.unreachable)}")
            rows += to_json(page).get("services", ())
        return {f"{parent}/services/{last(row['name'])}": self._found(row) for row in rows}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(to_json(run_client(self.session).get_service(request={"name": name}, **ONCE)))

    def begin(self, call: Call) -> Answer:
        from google.cloud.run_v2 import Service

        client = run_client(self.session)
        etag = str(call.live.body.get("etag", "")) if call.live else ""
        if call.action is Action.DELETE:
            return begun(self, call, client.delete_service(request={"name": call.name, "etag": etag}, **ONCE).operation)
        if call.action is Action.CREATE:
            service = to_message(Service, {key: value for key, value in call.body.items() if key != "name"})
            request = {"parent": call.parent, "service_id": last(call.name), "service": service}
            return begun(self, call, client.create_service(request=request, **ONCE).operation)
        service = to_message(Service, {**call.body, "name": call.name, **({"etag": etag} if etag else {})})
        request = {"service": service, "update_mask": field_mask(call.mask)}
        return begun(self, call, client.update_service(request=request, **ONCE).operation)

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_operation(self, call, run_client(self.session), operation)

    def _found(self, body: dict[str, Any]) -> Found:
        state = body.get("terminalCondition", {}).get("state", "")
        return found(self.session, body, body.get("uid", ""), not body.get("reconciling") and state not in _MOVING)
