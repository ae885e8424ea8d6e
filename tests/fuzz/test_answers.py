"""Every call of every kind over every answer that no API should give."""

import gzip
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reconciler.engine.clock import SystemClock
from reconciler.gcp import adapter
from reconciler.gcp.answers import MOST_BYTES, honest
from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.identity import same
from reconciler.gcp.session import CloudSetting, Session
from reconciler.model.ports import Done, Seen
from reconciler.model.resource import Found, Unknown
from tests.fuzz.answers import CANARY, THINGS, every_kind
from tests.fuzz.seeds_answers import SEEDS, ok

LARGE = ("ten-thousand-rows", "a-name-of-a-megabyte", "error-message-of-5-megabytes")
GENERATED = (
    *LARGE,
    "rows-",
    *(f"{name}-is-" for name in ("services", "secrets", "versions", "repositories", "folders")),
)
NO_ANSWERS = ("empty-object", "error-body-with-200", "html", "html-that-says-json", "another-object", "same-page-again")


@pytest.mark.parametrize("name", [name for name in SEEDS if not name.startswith(GENERATED)])
def test_an_answer_of_no_api_ends_in_words(name: str) -> None:
    every_kind(SEEDS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SEEDS if name.startswith(GENERATED)])
def test_a_row_of_another_shape_ends_in_words(name: str) -> None:
    every_kind(SEEDS[name])


@pytest.mark.parametrize("name", [n for n in NO_ANSWERS if n != "empty-object"])
def test_an_error_that_calls_itself_a_success_is_neither_an_object_nor_an_empty_list(name: str) -> None:
    for kind, answers in every_kind(SEEDS[name]).items():
        if kind.endswith(".iam") and name in ("another-object", "same-page-again"):
            continue  # a policy does not say whose it is: JSON with an etag is one
        if kind in ("folder", "sql.backup", "sql.grant", "sql.user", "secret.version") and name == "another-object":
            continue  # found by a list or a search, and as a list this one is empty
        assert isinstance(answers["get"], Unknown), (kind, answers["get"])
        if name != "another-object" and (kind, name) != ("sql.database", "same-page-again"):  # it has no pages
            assert isinstance(answers["list"], Unknown), (kind, answers["list"])
        for action in ("create", "update"):
            assert not isinstance(answers[action], Done), (kind, action, answers[action])


def test_a_list_that_is_empty_is_believed_and_an_object_that_is_empty_is_not() -> None:
    answers = every_kind(SEEDS["empty-object"])
    assert isinstance(answers["secret"]["list"], Seen)
    assert [
        kind for kind, given in answers.items() if isinstance(given["get"], Found) and not kind.endswith(".iam")
    ] == []


def test_pages_that_go_in_a_circle_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for answers in every_kind(
        SEEDS["same-page-again"], ("secret", "run.service", "iam.service-account", "storage.bucket")
    ).values():
        assert "do not" in (said := answers["list"].reason) or "does not come to an end" in said
    monkeypatch.setattr(adapter, "MOST_PAGES", 3)
    with pytest.raises(Exception, match="does not come to an end"):
        seen: set[str] = set()
        for number in range(10):
            adapter.turn(seen, f"page-{number}")


def test_a_projects_number_stands_for_its_id_and_for_nothing_else() -> None:
    assert same("projects/123/secrets/s", "projects/p/secrets/s")
    assert not same("projects/q/secrets/s", "projects/p/secrets/s")
    assert not same("projects/123/secrets/t", "projects/p/secrets/s")
    assert not same("projects/p/secrets/s/x", "projects/p/secrets/s")
    assert not same("", "projects/p/secrets/s")


@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_what_calls_with_secrets_are_told_is_not_repeated(status: int) -> None:
    for kind in ("sql.user", "secret.version"):
        for verb, answer in every_kind(SEEDS[f"status-{status}"], (kind,))[kind].items():
            assert CANARY not in str(answer), (kind, verb)


def test_an_answer_that_unpacks_without_end_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    class Response:
        _content_consumed, closed = False, False

        def iter_content(self, size: int) -> Any:
            for _ in range(10**9):
                yield b"\0" * size

        def close(self) -> None:
            self.closed = True

    endless = Response()
    with pytest.raises(requests.exceptions.ConnectionError, match="larger than 64 MiB"):
        honest(endless)
    assert endless.closed
    assert MOST_BYTES == 64 << 20


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
def test_no_client_is_left_without_a_bound(packed: bool) -> None:
    """80 MiB, or 80 KiB that unpack to them: the client of IAM drops them in time as every other does."""
    plain = b'{"accounts": [' + b" " * (80 << 20) + b"]}"
    sent = gzip.compress(plain, 6) if packed else plain

    class Bomb(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            if packed:
                self.send_header("content-encoding", "gzip")
            self.end_headers()
            with suppress(OSError):  # who asks hangs up
                self.wfile.write(sent)

        def log_message(self, format: str, *words: Any) -> None:
            """Nothing: it is asked by a test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Bomb) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cloud = GoogleCloud(Session(CloudSetting(url=f"http://127.0.0.1:{server.server_port}"), SystemClock()))
        for kind, parent in (("iam.service-account", "projects/p"), ("secret", "projects/p")):
            seen = cloud.list(kind, parent)
            assert isinstance(seen, Unknown) and "larger than 64 MiB" in seen.reason, (kind, seen)
        server.shutdown()


def test_every_kind_is_tried() -> None:
    from reconciler.kinds.catalog import KINDS

    assert set(THINGS) == set(KINDS)
    assert isinstance(every_kind(ok({}), ("secret",))["secret"]["get"], Unknown)
