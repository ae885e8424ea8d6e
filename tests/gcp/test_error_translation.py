"""Every shape of error that Google's clients raise becomes one Failure, named by what to do next."""

import json
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, TransportError
from google.protobuf.json_format import ParseError
from googleapiclient.errors import HttpError
from httplib2 import Response, ServerNotFoundError

from reconciler.gcp.errors import RefusedCall, failure_of, operation_failure, polled
from reconciler.gcp.words import UnspeakableError
from reconciler.model.errors import Failure, Next


def google_error(status: int, error: dict[str, Any], headers: dict[str, str] | None = None) -> Exception:
    """As the GAPIC REST transports and google-cloud-storage raise it."""
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps({"error": {"code": status, **error}}).encode()
    response.headers.update({"content-type": "application/json", **(headers or {})})
    response.request = requests.Request("GET", "https://run.googleapis.com/v2/x").prepare()
    return exceptions.from_http_response(response)


def discovered_error(status: int, error: dict[str, Any]) -> HttpError:
    """As google-api-python-client raises it."""
    content = json.dumps({"error": {"code": status, **error}}).encode()
    return HttpError(Response({"status": str(status), "content-type": "application/json"}), content, uri="https://iam")


DISABLED = {
    "message": "Secret Manager API has not been used in project 1 before or it is disabled.",
    "status": "PERMISSION_DENIED",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}],
}


@pytest.mark.parametrize("build", [google_error, discovered_error])
@pytest.mark.parametrize(
    ("status", "error", "following", "flags"),
    [
        (400, {"message": "bad tier", "status": "INVALID_ARGUMENT"}, Next.PERSON, set()),
        (400, {"message": "Invalid request since instance is not running."}, Next.WAIT, set()),
        (400, {"message": "Service account a@p.iam does not exist."}, Next.RETRY, set()),
        (400, {"message": "Provided CLOUD_IAM_SERVICE_ACCOUNT: a@p.iam, does not exist."}, Next.RETRY, set()),
        (400, {"message": "The etag does not match the current state."}, Next.REPLAN, set()),
        (400, {"message": "Error 1007: Can't create database 'a'; database exists."}, Next.REPLAN, {"exists"}),
        (401, {"message": "no credentials", "status": "UNAUTHENTICATED"}, Next.PERSON, {"forbidden"}),
        (403, {"message": "The caller does not have permission"}, Next.PERSON, {"forbidden"}),
        (403, DISABLED, Next.WAIT, set()),
        (403, {"message": "slow down", "errors": [{"reason": "rateLimitExceeded"}]}, Next.RETRY, set()),
        (404, {"message": "Resource not found"}, Next.REPLAN, {"missing"}),
        (409, {"message": "busy", "errors": [{"reason": "operationInProgress"}]}, Next.WAIT, set()),
        (409, {"message": "There were concurrent policy changes.", "status": "ABORTED"}, Next.REPLAN, set()),
        (409, {"message": "Requested entity already exists", "status": "ALREADY_EXISTS"}, Next.REPLAN, {"exists"}),
        (409, {"message": "Your previous request…", "errors": [{"reason": "conflict"}]}, Next.REPLAN, {"exists"}),
        (412, {"message": "Precondition Failed"}, Next.REPLAN, set()),
        (429, {"message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}, Next.RETRY, set()),
        (500, {"message": "Internal error"}, Next.RETRY, set()),
        (501, {"message": "not implemented"}, Next.BUG, set()),
        (503, {"message": "try again"}, Next.RETRY, set()),
    ],
)
def test_the_table(build: Any, status: int, error: dict[str, Any], following: Next, flags: set[str]) -> None:
    failure = failure_of(build(status, error))
    assert failure.next is following
    assert failure.status == status
    assert {name for name in ("exists", "missing", "forbidden") if getattr(failure, name)} == flags
    assert error["message"] in failure.message, "Google's own words"


def test_retry_after_is_honoured() -> None:
    failure = failure_of(google_error(429, {"message": "quota"}, {"Retry-After": "17"}))
    assert failure.retry_after == 17.0


@pytest.mark.parametrize(
    "error",
    [
        requests.exceptions.ConnectionError("HTTPConnectionPool: Connection refused"),
        requests.exceptions.ReadTimeout("timed out"),
        ConnectionResetError("Connection reset by peer"),
        ServerNotFoundError("Unable to find the server at iam.googleapis.com"),
        TransportError("no route"),
        TimeoutError("timed out"),
    ],
)
def test_no_answer_may_have_had_its_effect(error: Exception) -> None:
    failure = failure_of(error)
    assert (failure.next, failure.status) == (Next.RETRY, 0)


def test_missing_credentials_are_a_persons_business() -> None:
    failure = failure_of(DefaultCredentialsError("Your default credentials were not found."))
    assert failure.next is Next.PERSON and failure.forbidden


@pytest.mark.parametrize("error", [UnspeakableError("no field x"), TypeError("x"), KeyError("name")])
def test_our_own_faults_are_not_retried(error: Exception) -> None:
    assert failure_of(error).next is Next.BUG


@pytest.mark.parametrize(
    "error",
    [
        ParseError("no field x"),
        json.JSONDecodeError("x", "", 0),
        RecursionError(),
        UnicodeDecodeError("utf-8", b"", 0, 1, "x"),
    ],
)
def test_an_answer_that_cannot_be_read_leaves_open_what_happened(error: Exception) -> None:
    failure = failure_of(error)
    assert failure.next is Next.RETRY
    assert "not known" in failure.message


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("inf", 3600), ("nan", 0), ("-5", 0), ("1e9", 3600), ("7", 7), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)],
)
def test_nobody_makes_us_wait_for_ever(said: str, seconds: float) -> None:
    assert failure_of(google_error(429, {"message": "x"}, {"Retry-After": said})).retry_after == seconds


def test_a_page_for_people_is_not_quoted() -> None:
    error = google_error(502, {})
    error.response._content = b"<html><body><h1>502 Bad Gateway</h1>" + b"x" * 1_000_000  # type: ignore[attr-defined]
    assert failure_of(error).message == "502, with a body that is not the API's"


def test_control_characters_and_megabytes_stay_out_of_messages() -> None:
    said = failure_of(google_error(400, {"message": "a\x1b[2K\u202eb" + "x" * 1_000_000})).message
    assert said.isprintable()
    assert len(said) <= 600


def test_words_about_a_secret_are_left_out() -> None:
    said = failure_of(google_error(400, {"message": "password hunter2 is too weak", "status": "INVALID"}), quiet=True)
    assert "hunter2" not in said.message and "400 INVALID" in said.message
    assert "hunter2" not in failure_of(ValueError("hunter2"), quiet=True).message
    assert "hunter2" not in repr(said)


def test_an_operations_error_is_read_like_a_calls() -> None:
    def of(**error: Any) -> Failure:
        return failure_of(operation_failure(error))

    assert of(code=14, message="try again").next is Next.RETRY
    assert of(code=6, message="taken").exists
    assert of(code=10, message="moved").next is Next.REPLAN
    assert of(code=3, message="Image not found").next is Next.PERSON
    assert of().next is Next.RETRY
    assert of(code=403, message="the body of an error").forbidden
    quiet = failure_of(operation_failure({"code": 3, "message": "password hunter2 is too weak"}), quiet=True)
    assert "hunter2" not in quiet.message


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("build", [google_error, discovered_error])
def test_who_may_not_ask_after_an_operation_asks_again(build: Any, status: int) -> None:
    """It goes on, whoever may look at it; only what the operation itself ended with is its end."""
    failure = polled(build(status, {"message": "The caller does not have permission"}))
    assert (failure.next, failure.status, failure.forbidden) == (Next.RETRY, status, True)
    assert polled(operation_failure({"code": 7, "message": "no permission"})).next is Next.PERSON
    assert polled(build(400, {"message": "bad tier"})).next is Next.PERSON


def test_an_adapters_own_refusal_passes_through() -> None:
    failure = Failure(Next.PERSON, "no")
    assert failure_of(RefusedCall(failure)) is failure
