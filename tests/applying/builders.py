"""Changes, and a driver that feeds one machine from a cloud in memory without waiting. For tests of this room."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.applying.attempt import step
from reconciler.applying.exchange import (
    Answered,
    Begin,
    Close,
    Closed,
    Finish,
    Observed,
    Poll,
    Recorded,
    RecordIntent,
    Request,
    Reread,
    Response,
    Wait,
    Waited,
)
from reconciler.applying.pace import Rules
from reconciler.applying.state import State, begin
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference, dropped, fingerprint
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.outcome import ItemOutcome
from reconciler.model.plan import ABSENT, Action, Change
from reconciler.model.ports import Cloud
from reconciler.model.resource import Found
from tests.doubles import EPOCH, FakeCloud

OWNER = "k3v9x2ma"
LABELS = {"aipress-owner": OWNER}
PLAN = "sha256:" + "0" * 64


def change(resource: str, name: str, body: Body, action: Action = Action.CREATE, **more: Any) -> Change:
    """A change as planning would make it; `after` may be given as texts."""
    address = Address.parse(resource)
    after = tuple(Address.parse(a) for a in more.pop("after", ()))
    more = {"fingerprint": ABSENT, "source": "shards/s/x.yaml:1", "shard": "s", "owner": OWNER, **more}
    return Change(address, name, name.rpartition("/")[0], action, "because", body, after=after, **more)


def planned(cloud: FakeCloud, resource: str, name: str, body: Body, last: Body | None = None, **more: Any) -> Change:
    """The change that a plan made from the cloud as it is now would hold: create, update or adopt."""
    address = Address.parse(resource)
    kind = kind_of(address.kind)
    seen = cloud.get(address.kind, name, "", body)
    if not isinstance(seen, Found):
        return change(resource, name, body, **more)
    fields = difference(kind, seen.body, body, last)
    gone = dropped(fields, body)
    action = more.pop("action", Action.UPDATE if fields else Action.ADOPT)
    print_of = fingerprint(kind, seen, body, gone)
    return change(resource, name, body, action, fingerprint=print_of, fields=fields, dropped=gone, uid=seen.uid, **more)


@dataclass
class Driven:
    """One change, driven to its end. `trace` is every request in order; `waited` the seconds asked for."""

    item: ItemOutcome
    trace: list[Request]
    intents: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    replies: list[Response] = field(default_factory=list)

    @property
    def waited(self) -> float:
        return sum(r.seconds for r in self.trace if isinstance(r, Wait))

    def kinds(self) -> list[str]:
        return [type(r).__name__ for r in self.trace]


Answerer = Callable[[Request], Response | None]


def drive(
    cloud: Cloud,
    one: Change,
    results: Mapping[Address, Body] | None = None,
    rules: Rules | None = None,
    instead: Answerer = lambda request: None,
) -> Driven:
    """Feed the machine until it ends. `instead` may answer a request before the cloud is asked."""
    state: State = begin(one, results or {}, PLAN)
    driven = Driven(ItemOutcome(one, None), [])  # type: ignore[arg-type]
    response: Response | None = None
    while len(driven.trace) < 5000:
        state, request = step(one, state, response, rules or Rules())
        driven.trace.append(request)
        if isinstance(request, Finish):
            driven.item = request.item
            return driven
        response = instead(request) or answer(cloud, one, driven, request)
        driven.replies.append(response)
    raise AssertionError("the machine does not come to an end")


def answer(cloud: Cloud, one: Change, driven: Driven, request: Request) -> Response:
    kind = one.address.kind
    if isinstance(request, Reread):
        return Observed(cloud.get(kind, one.name, one.parent, one.body), EPOCH)
    if isinstance(request, RecordIntent):
        driven.intents.append(request.intent)
        return Recorded()
    if isinstance(request, Begin):
        return Answered(cloud.begin(request.call))
    if isinstance(request, Poll):
        return Answered(cloud.poll(kind, request.operation, request.call))
    if isinstance(request, Close):
        driven.closed.append(request.intent)
        return Closed()
    return Waited()
