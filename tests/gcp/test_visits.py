"""The visitor asks real sites on loopback: what each answers, and silence that never counts as an answer."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reconciler.gcp.visits import HttpVisitor
from tests.gcp.conftest import SystemClock

SEEN: list[dict[str, str]] = []
DONE = threading.Event()


class Site(BaseHTTPRequestHandler):
    """/status/N answers N; /silent accepts and says nothing until the test is over."""

    def do_GET(self) -> None:
        SEEN.append(dict(self.headers))
        if self.path == "/silent":
            DONE.wait(30)
            return
        self.send_response(int(self.path.rsplit("/", 1)[1]))
        self.send_header("Location", "http://192.0.2.1/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def site() -> Iterator[str]:
    DONE.clear()
    SEEN.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    DONE.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_address_is_asked_once_and_answers_for_itself(site: str) -> None:
    urls = [f"{site}/status/{status}" for status in (200, 301, 404, 503)]
    met = HttpVisitor(SystemClock(), local=True).visit(urls, 5)
    assert [(visit.url, visit.status, visit.why) for visit in met] == [
        (url, status, "") for url, status in zip(urls, (200, 301, 404, 503), strict=True)
    ]
    assert len(SEEN) == 4, "no redirect is followed"
    assert not {"Authorization", "Cookie"} & {name for headers in SEEN for name in headers}


def test_silence_is_told_and_no_status(site: str, unused_port: int) -> None:
    urls = [f"{site}/silent", f"http://127.0.0.1:{unused_port}/", f"{site}/status/200"]
    met = HttpVisitor(SystemClock(), local=True).visit(urls, 0.2)
    assert [(visit.status, visit.why) for visit in met] == [(0, "no answer in time"), (0, "no connection"), (200, "")]


@pytest.fixture
def unused_port() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.server_close()
    return server.server_port


@pytest.mark.parametrize(
    ("local", "url", "why"),
    [
        (True, "https://site-p-1.run.app/", "the local cloud runs no site there"),
        (True, "http://169.254.169.254/computeMetadata/", "the local cloud runs no site there"),
        (False, "http://127.0.0.1:1/", "it is not https"),
        (False, "http://[", "it is no URL"),
    ],
)
def test_who_is_never_asked(local: bool, url: str, why: str) -> None:
    (met,) = HttpVisitor(SystemClock(), local=local).visit([url], 5)
    assert (met.status, met.why) == (0, why)


def test_nobody_to_ask_is_no_work() -> None:
    assert list(HttpVisitor(SystemClock(), local=True).visit([], 5)) == []
