"""Every write of a walk for the audit log: begun, what came of it, or what stood against it."""

import threading
from collections import OrderedDict
from collections.abc import Mapping

from reconciler.model.audit import UNRECORDED, Note
from reconciler.model.order import Order
from reconciler.model.plan import Change
from reconciler.model.ports import Answer, Audit, Call, Done, Halt, Later, No, Pending

KEPT = 256
"""Orders whose actor is remembered: many more than are walked at a time."""


class Trail:
    """Asked from any thread."""

    def __init__(self, audit: Audit = UNRECORDED) -> None:
        self._audit = audit
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, tuple[str, str, str]] = OrderedDict()

    def opened(self, order: Order) -> None:
        """Writes of this order's plan are made by its actor, for its trigger, at its commit."""
        with self._lock:
            self._orders[order.plan.digest] = (order.actor, order.trigger, order.plan.fleet_head)
            while len(self._orders) > KEPT:
                self._orders.popitem(last=False)

    def begun(self, change: Change, call: Call, plan: str) -> None:
        """On disk before the call leaves. Raises AipressError when it cannot be put there: nothing is sent then."""
        said = {"call": str(call.action), "object": call.name, "request": call.request_id, "mask": list(call.mask)}
        self._audit.note(self._note("write.begun", change, plan, said))

    def answered(self, change: Change, call: Call, answer: Answer, plan: str, operation: str = "") -> None:
        """What came of a call, or of the question after it; an operation that goes on is told when it began, once."""
        if isinstance(answer, Pending):
            if operation:
                return
            said = {"result": "pending", "operation": answer.operation}
        elif isinstance(answer, Done):
            said = {"result": "done", "operation": operation}
        else:
            said = {"result": "failed", "operation": operation, "why": str(answer.failure.message)}
        said |= {"call": str(call.action), "request": call.request_id}
        self._audit.note(self._note("write.answered", change, plan, said), sync=False)

    def stopped(self, change: Change, call: Call, word: Later | No | Halt, plan: str) -> None:
        """What must only wait is not told: it is asked again."""
        if not isinstance(word, Later):
            said = {"call": str(call.action), "why": word.why}
            self._audit.note(self._note("write.refused", change, plan, said), sync=False)

    def _note(self, what: str, change: Change, plan: str, detail: Mapping[str, object]) -> Note:
        actor, trigger, commit = self._orders.get(plan, ("", "", ""))
        return Note(
            what, actor, trigger, commit, plan, change.shard, str(change.address.target), str(change.address),
            {name: value for name, value in detail.items() if value not in ("", [])},
        )  # fmt: skip
