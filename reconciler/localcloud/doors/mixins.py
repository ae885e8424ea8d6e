"""Procedures that many APIs share: operations, IAM policies, locations. Their names do not say which API is meant.

Behind the proxy the host does. On the plain port the resource's own name has to: an operation is where it is kept, and
`projects/*/topics/*` has a policy in one API only.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.localcloud import operations
from reconciler.localcloud.api.discovery import Library
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

# Procedure -> (verb, what follows the resource's name in the path, the field with the resource's name).
_OPERATIONS = {
    "GetOperation": ("GET", "", "name"), "WaitOperation": ("GET", "", "name"),
    "DeleteOperation": ("DELETE", "", "name"), "CancelOperation": ("POST", ":cancel", "name"),
    "ListOperations": ("GET", "/operations", "name"),
}  # fmt: skip
FORMS = {
    f"/google.longrunning.Operations/{name}": form for name, form in _OPERATIONS.items()
} | {
    "/google.iam.v1.IAMPolicy/GetIamPolicy": ("POST", ":getIamPolicy", "resource"),
    "/google.iam.v1.IAMPolicy/SetIamPolicy": ("POST", ":setIamPolicy", "resource"),
    "/google.iam.v1.IAMPolicy/TestIamPermissions": ("POST", ":testIamPermissions", "resource"),
    "/google.cloud.location.Locations/ListLocations": ("GET", "/locations", "name"),
    "/google.cloud.location.Locations/GetLocation": ("GET", "", "name"),
}  # fmt: skip


class Mixins:
    """`services` are the APIs that may be meant, in the order in which they are tried."""

    def __init__(self, library: Library, services: tuple[str, ...]) -> None:
        self._library, self._services = library, services

    def placed(self, procedure: str, values: Json, host: str, state: State) -> tuple[str, str]:
        """(verb, the core's path) of a shared procedure. Raises GoogleError where no API has such a resource."""
        verb, suffix, field = FORMS[procedure]
        name = str(values.pop(field, "")).strip("/")
        path = name if name == "operations" and suffix == "/operations" else name + suffix
        found = [place for service in self._meant(host) for place in self._paths(service, verb, path)]
        if "Operation" in procedure:
            for service, place in found:
                if state.get(operations.key_of(state, service, name)) is not None:
                    return place
        if found:
            return found[0][1]
        what = f"a resource {name!r} with {procedure.rpartition('/')[2]}"
        raise GoogleError(501, f"The local cloud has no API with {what}.", "UNIMPLEMENTED")

    def _meant(self, host: str) -> tuple[str, ...]:
        return (host,) if host else self._services

    def _paths(self, service: str, verb: str, path: str) -> Iterator[tuple[str, tuple[str, str]]]:
        """Where a service has the path, its newest stable version first. Some read policies with GET."""
        for version in self._library.versions(service):
            api = self._library.api(service, version)
            for way in (verb, "GET") if path.endswith(":getIamPolicy") else (verb,):
                if api and api.match(way, f"{version}/{path}"):
                    yield service, (way, f"/{service}/{version}/{path}")
