"""Cloud Run v2: services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gcp.adapter import ONCE, begun, condition, found, poll_operation, refuse, spelled, whole_pages
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
        request = {"parent": parent, "page_size": 500}
        for page in whole_pages(run_client(self.session).list_services(request=request, **ONCE)):
            if page.unreachable:
                raise refuse(Next.RETRY, f"Cloud Run's list is not whole: no answer from {', '.join(page.unreachable)}")
            rows += to_json(page).get("services", ())
        return {f"{parent}/services/{last(spelled(row))}": self._found(row) for row in rows}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(to_json(run_client(self.session).get_service(request={"name": name}, **ONCE)))

    def begin(self, call: Call) -> Answer:
        from google.cloud.run_v2 import Service

        client = run_client(self.session)
        if call.action is Action.DELETE:
            request = {"name": call.name, "etag": condition(call)}
            return begun(self, call, client.delete_service(request=request, **ONCE).operation)
        if call.action is Action.CREATE:
            service = to_message(Service, {key: value for key, value in call.body.items() if key != "name"})
            request = {"parent": call.parent, "service_id": last(call.name), "service": service}
            return begun(self, call, client.create_service(request=request, **ONCE).operation)
        service = to_message(Service, {**call.body, "name": call.name, "etag": condition(call)})
        request = {"service": service, "update_mask": field_mask(call.mask)}
        return begun(self, call, client.update_service(request=request, **ONCE).operation)

    def poll(self, operation: str, call: Call) -> Answer:
        return poll_operation(self, call, run_client(self.session), operation)

    def _found(self, body: dict[str, Any]) -> Found:
        state = body.get("terminalCondition", {}).get("state", "")
        ready = not body.get("reconciling") and state not in _MOVING
        trouble = _trouble(body) if ready and state == "CONDITION_FAILED" else ""
        return found(self.session, body, body.get("uid", ""), ready, trouble)


def _trouble(body: Mapping[str, Any]) -> str:
    """The revision that does not start, in Cloud Run's own words, and what visitors get meanwhile."""
    serving = last(str(body.get("latestReadyRevision", "")))
    said = body["terminalCondition"].get("message") or body["terminalCondition"].get("reason") or "no reason given"
    meanwhile = f"{serving} goes on serving" if serving else "no revision serves"
    return f"its newest revision does not start ({said}); {meanwhile}. Correct what it says; the next change rolls out"
