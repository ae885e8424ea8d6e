"""What versions say was done lately: how limits hold across hosts, and after a host lost its own record."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.kinds.catalog import KINDS
from reconciler.model.effect import Effect
from reconciler.model.ids import Address, TargetKind
from reconciler.model.outcome import Result
from reconciler.model.plan import Action
from reconciler.model.version import Version

_BEGUN = {str(Result.DONE), str(Result.FAILED), str(Result.INTERRUPTED)}
_COUNTED = {str(Action.UPDATE), str(Action.REPLACE), str(Action.DELETE), str(Action.RUN)}


def healed_fields(versions: Iterable[Version], since: datetime) -> dict[Address, frozenset[str]]:
    """Fields that were put back after somebody had changed them outside Git."""
    healed: dict[Address, frozenset[str]] = {}
    for version in versions:
        for item in version.items if version.at > since else ():
            if item.get("drift") and (item["action"], item["result"]) == (Action.UPDATE, Result.DONE):
                address = Address.parse(item["resource"])
                paths = frozenset(field["path"] for field in item["fields"])
                healed[address] = healed.get(address, frozenset()) | paths
    return healed


def recent_effects(versions: Iterable[Version], since: datetime) -> Iterator[Effect]:
    """Changes of what was there before, and destructions. One that failed counts: nobody knows how far it came."""
    for version in versions:
        if version.at <= since:
            continue
        for item in version.items:
            if item["result"] not in _BEGUN or item["action"] not in _COUNTED:
                continue
            address = Address.parse(item["resource"])
            kind = KINDS.get(address.kind)
            tenant = version.tenants.get(address.target.name) if address.target.kind is TargetKind.TENANT else None
            yield Effect(
                "", version.at, version.plan, version.fleet_commit, version.shard, item["resource"], item["action"],
                tenant is not None and tenant.state == "active", kind is not None and kind.data_bearing,
            )  # fmt: skip
