"""What arrives at the plain door's socket: only whole, small, unambiguous requests get further."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from reconciler.localcloud.doors.protocol import DoorProtocol

pytestmark = pytest.mark.slow
GET = b"GET /secretmanager/v1/projects/nobody HTTP/1.1\r\nhost: 127.0.0.1\r\n"


def said(cloud: Any, *pieces: bytes) -> bytes:
    """Send, and read until the server closes or keeps silent."""
    with socket.create_connection(("127.0.0.1", int(cloud.url.rpartition(":")[2])), timeout=2) as line:
        answer = b""
        try:
            for piece in pieces:
                line.sendall(piece)
            while piece := line.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionError):
            pass
        return answer


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /",
        b"POST /x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n123456",
        b"POST /x HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET /x HTTP/1.1\r\nhost : 127.0.0.1\r\n\r\n", b"GET /x HTTP/1.1\r\nhost: 127.0.0.1\r\n folded\r\n\r\n",
        b"GET http://evil.example/x HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET https://127.0.0.1/x HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"CONNECT run.googleapis.com:443 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(cloud: Any, raw: bytes) -> None:
    answer = said(cloud, raw)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_heads_have_a_limit(cloud: Any) -> None:
    near = GET + b"x: " + b"a" * 60_000 + b"\r\nconnection: close\r\n\r\n"
    assert said(cloud, near).startswith(b"HTTP/1.1 404 ")
    assert said(cloud, GET + b"x: " + b"a" * 70_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert said(cloud, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 431 ")


def test_a_regional_name_of_the_door_itself_may_be_asked_as_of_a_proxy(cloud: Any) -> None:
    raw = b"GET http://europe-west1-127.0.0.1:80/secretmanager/v1/projects/nobody HTTP/1.1\r\nhost: europe-west1-127.0.0.1:80\r\nconnection: close\r\n\r\n"  # noqa: E501
    assert said(cloud, raw).startswith(b"HTTP/1.1 4")
    assert b"not found on this server" in said(cloud, raw)


def test_two_requests_in_one_piece_get_two_answers(cloud: Any) -> None:
    answer = said(cloud, GET + b"\r\n" + GET + b"connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 404") + answer.count(b"HTTP/1.1 403") == 2


# --- the proxy door ---------------------------------------------------------------------------------------------------


def tunnel(cloud: Any, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", int(cloud.address["proxy"].rpartition(":")[2])), timeout=5) as line:
        line.sendall(raw)
        return line.recv(65536)


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT pypi.org:443", "CONNECT run.googleapis.com:80", "CONNECT run.googleapis.com.evil.example:443",
        "CONNECT 127.0.0.1:443", "CONNECT [::1]:443", "CONNECT evilgoogleapis.com:443",
        "CONNECT metadata.google.internal:443",
        "GET http://run.googleapis.com/", "GET /", "POST http://127.0.0.1/_aipress/reset", "CONNECT run.googleapis.com",
    ],
)  # fmt: skip
def test_the_proxy_opens_nothing_but_googles_apis(cloud: Any, line: str) -> None:
    answer = tunnel(cloud, f"{line} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"refused" in answer


def test_the_proxy_takes_small_heads_only_and_nothing_before_it_has_answered(cloud: Any) -> None:
    head = b"CONNECT run.googleapis.com:443 HTTP/1.1\r\n"
    assert tunnel(cloud, head + b"x: " + b"a" * 20_000).startswith(b"HTTP/1.1 431 ")
    assert tunnel(cloud, head + b"\r\n\x16\x03\x01").startswith(b"HTTP/1.1 403 ")
    assert tunnel(cloud, head + b"\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"


def test_inside_a_tunnel_the_host_names_the_api(cloud: Any, project: str) -> None:
    place, path = ("127.0.0.1", int(cloud.address["proxy"].rpartition(":")[2])), f"/v1/projects/{project}/secrets"
    context = ssl.create_default_context(cafile=cloud.address["ca"])
    for host in ("secretmanager.googleapis.com", "secretmanager.europe-west1.rep.googleapis.com"):
        with socket.create_connection(place, timeout=5) as line:
            line.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
            assert b" 200 " in line.recv(4096)
            inside = http.client.HTTPSConnection(host)
            inside.sock = context.wrap_socket(line, server_hostname=host)
            for _ in range(2):
                inside.request("GET", path)
                assert json.load(inside.getresponse()) == cloud.call("GET", f"/secretmanager{path}")[1]
            inside.request("GET", "/_aipress/status")
            assert inside.getresponse().status == 404
            inside.sock.close()


# --- clients that keep silent -----------------------------------------------------------------------------------------


class Line(asyncio.Transport):
    """A connection to nobody: what is written is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("pieces", "silent"),
    [
        ([], True), ([b"GET / HT"], True), ([GET + b"content-length: 5\r\n\r\nhe"], True), ([GET + b"\r\n"], False),
        ([GET + b"\r\n", b"GET / HT"], True), ([GET + b"content-length: 5\r\n\r\nhe", b"llo"], False),
    ],
)  # fmt: skip
def test_a_client_that_begins_a_request_and_keeps_silent_is_not_waited_for(pieces: list[bytes], silent: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def listen() -> bool:
        config = uvicorn.Config(app, http=DoorProtocol, ws="none", lifespan="off", log_config=None)
        config.load()
        protocol = DoorProtocol(config, ServerState(), {})
        protocol.connection_made(Line())
        for piece in pieces:
            protocol.data_received(piece)
            for _ in range(5):
                await asyncio.sleep(0)
        return protocol.impatient(protocol.loop.time() + 61, 60)

    assert asyncio.run(listen()) is silent
