"""Google's error bodies (google.rpc.Status over HTTP), and the one exception that carries them."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.localcloud.values import Json, Response

CODES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION", 413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL",
    501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
REASONS = {
    400: "badRequest", 401: "authError", 403: "forbidden", 404: "notFound", 409: "alreadyExists",
    412: "conditionNotMet",
    429: "rateLimitExceeded", 500: "internalError", 503: "backendError",
}  # fmt: skip
# google.rpc.Code numbers, for errors inside an operation.
NUMBERS = {
    "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5, "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10, "UNIMPLEMENTED": 12,
    "INTERNAL": 13, "UNAVAILABLE": 14, "UNAUTHENTICATED": 16,
}  # fmt: skip
# Services whose errors come in the older form: an `errors` list, and no `status`.
WITHOUT_STATUS = frozenset({"storage", "sqladmin", "compute", "dns", "bigquery"})
WITH_ERRORS = WITHOUT_STATUS | {"iam", "cloudresourcemanager"}


@dataclass
class GoogleError(Exception):
    """A refusal in Google's words. `code` is the google.rpc name when it is not the usual one for `status`.

    `location` is what the older form of an error names as its place (`If-Match`).
    """

    status: int
    message: str
    code: str = ""
    reason: str = ""
    details: list[Json] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    location: str = ""

    def body(self, service: str) -> Json:
        error: Json = {"code": self.status, "message": self.message}
        if service in WITH_ERRORS:
            reason = self.reason or REASONS.get(self.status, "badRequest")
            entry = {"message": self.message, "domain": "global", "reason": reason}
            if reason == "accessNotConfigured":
                entry |= {"domain": "usageLimits", "extendedHelp": "https://console.developers.google.com"}
            if service == "storage" and reason == "rateLimitExceeded":
                entry["domain"] = "usageLimits"
            if service == "compute" and reason == "conditionNotMet":
                entry |= {"location": "If-Match", "locationType": "header"}
            if self.location:
                entry["location"] = self.location
            error["errors"] = [entry]
        if service not in WITHOUT_STATUS or self.details:
            error["status"] = self.code or CODES.get(self.status, "UNKNOWN")
        if self.details:
            error["details"] = self.details
        return {"error": error}

    def response(self, service: str) -> Response:
        if self.status == 304:  # not modified: it has no body
            return Response(304, None, self.headers)
        return Response(self.status, self.body(service), self.headers)


def invalid(message: str, *violations: tuple[str, str]) -> GoogleError:
    details: list[Json] = []
    if violations:
        found = [
            {"field": where, "description": what} if where else {"description": what} for where, what in violations
        ]
        details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": found}]
    return GoogleError(400, message, details=details)


def not_found(message: str = "Requested entity was not found.") -> GoogleError:
    return GoogleError(404, message)


def exists(message: str) -> GoogleError:
    return GoogleError(409, message)


def failed_precondition(message: str) -> GoogleError:
    return GoogleError(400, message, "FAILED_PRECONDITION", "failedPrecondition")


def aborted(message: str) -> GoogleError:
    return GoogleError(409, message, "ABORTED", "aborted")


def forbidden(message: str = "The caller does not have permission") -> GoogleError:
    return GoogleError(403, message)
