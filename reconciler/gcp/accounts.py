"""IAM v1: service accounts. Its own client speaks gRPC only, so requests go through google-api-python-client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gcp.adapter import condition, found, rows_of, spelled, turn
from reconciler.gcp.session import Session
from reconciler.gcp.words import last, pick
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done, Failed
from reconciler.model.resource import Found


@dataclass(frozen=True, slots=True)
class ServiceAccountAdapter:
    """uid: uniqueId. A deleted account's mail address comes back; its uniqueId does not."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        accounts, result, seen = self._accounts(), dict[str, Found](), set[str]()
        request = accounts.list(name=parent, pageSize=100)  # 100 is the API's most
        while request is not None:
            page = self.session.execute(request)
            result.update({spelled(row): self._found(row) for row in rows_of(page, "accounts", parent)})
            turn(seen, page.get("nextPageToken"))
            request = accounts.list_next(request, page)
        return result

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(self.session.execute(self._accounts().get(name=name)))

    def begin(self, call: Call) -> Answer:
        accounts = self._accounts()
        if call.action is Action.DELETE:
            self.session.execute(accounts.delete(name=_identified(call)))
            return Done(None)
        if call.action is Action.CREATE:
            wanted = {key: call.body[key] for key in ("displayName", "description") if key in call.body}
            body = {"accountId": last(call.name).partition("@")[0], "serviceAccount": wanted}
            made = self.session.execute(accounts.create(name=call.parent, body=body))
            return Done(self._found(made))
        changed = {key: value or "" for key, value in pick(call.body, call.mask).items()}
        body = {"serviceAccount": changed, "updateMask": ",".join(call.mask)}
        self.session.execute(accounts.patch(name=_identified(call), body=body))
        return Done(self.get(call.name, call.parent, call.body))  # patch answers the changed fields only

    def poll(self, operation: str, call: Call) -> Answer:
        return Failed(Failure(Next.BUG, f"{call.name}: service accounts have no operations ({operation})"))

    def _accounts(self) -> Any:
        return self.session.discovered("iam", "v1", "projects", "serviceAccounts")

    def _found(self, row: dict[str, Any]) -> Found:
        return found(self.session, row, row.get("uniqueId", ""))


def _identified(call: Call) -> str:
    """The account by its uniqueId, which a later account with the same address does not have (this API's only fence:
    its etag is deprecated)."""
    return f"{call.parent}/serviceAccounts/{condition(call, 'uniqueId')}"
