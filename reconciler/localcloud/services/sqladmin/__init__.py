"""Cloud SQL Admin v1beta4 and v1: one file for each part of the API; here they become the service.

Not here, and answered with 501: blue-green deployments, workload captures, Entra ID certificates, and restores from
Backup and DR vaults. Nothing here may open a connection: statements run on what the state says of a server.
"""

from __future__ import annotations

from typing import Any

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.sqladmin import (
    accounts,
    backups,
    certificates,
    databases,
    dumps,
    instances,
    operations,
    project_backups,
    replicas,
    server_certificates,
    statements,
    upkeep,
)  # fmt: skip


def _absent(call: Call) -> Answer:
    said = f"The local cloud does not implement {call.method.id}."
    raise GoogleError(501, said, reason="notImplemented")


def _linked(behaviour: Behaviour) -> Behaviour:
    """Links are kept as v1beta4 writes them; v1 shows its own (https://cloud.google.com/sql/docs/mysql/clone-instance)."""

    def answer(call: Call) -> Answer:
        found = behaviour(call)
        return _relinked(found) if call.api.version == "v1" and isinstance(found, dict) else found

    return answer


def _relinked(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: inner.replace("/sql/v1beta4/", "/sql/v1/")
            if name in _LINKS and isinstance(inner, str)
            else _relinked(inner)
            for name, inner in value.items()
        }
    return [_relinked(inner) for inner in value] if isinstance(value, list) else value


_LINKS = ("selfLink", "targetLink")
FALLBACK = _absent
_PARTS = (
    instances,
    replicas,
    server_certificates,
    backups,
    project_backups,
    certificates,
    databases,
    dumps,
    accounts,
    operations,
    statements,
    upkeep,
)
FINISHERS: dict[str, Finisher] = {name: end for part in _PARTS for name, end in getattr(part, "FINISHERS", {}).items()}
METHODS: dict[str, Behaviour] = {
    name: _linked(behaviour) for part in _PARTS for name, behaviour in part.METHODS.items()
}
