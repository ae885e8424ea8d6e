"""Opens the doors of a house on 127.0.0.1, and keeps them open until the process is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from reconciler.localcloud.doors.certificates import Authority
from reconciler.localcloud.doors.credentials import Credentials
from reconciler.localcloud.doors.grpc import open_door
from reconciler.localcloud.doors.http import Door
from reconciler.localcloud.doors.protocol import DoorProtocol
from reconciler.localcloud.doors.proxy import Proxy
from reconciler.localcloud.house import House

_PATIENCE_SECONDS = 60.0
_GRACE_SECONDS = 3


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; 0 takes any free port. Raises OSError."""
    # The protocol is named because asyncio turns Nagle's delay (40 ms an answer) off only for sockets that say TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    listener.listen(512)
    return listener


async def serve(house: House, listener: socket.socket, folder: Path, opened: Callable[[dict[str, Any]], None]) -> None:
    """Serve until SIGTERM or SIGINT; `opened` is called once, with the doors' addresses, when all of them answer."""
    authority, tokens = Authority(folder / "tls"), Credentials(folder / "tls")
    server = uvicorn.Server(_config(Door(house)))
    behind = _config(Door(house, tokens))
    behind.load()
    # uvicorn raises the signal that stopped it once more for whoever was there before; with the default disposition
    # that would kill us before the address file is gone.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    proxy = Proxy(authority.context, lambda: DoorProtocol(behind, server.server_state, {}))
    async with contextlib.AsyncExitStack() as stack:
        remote, proxy.grpc = await open_door(house, proxy.host_of)
        stack.push_async_callback(remote.stop, _GRACE_SECONDS)
        entrance = listen(0)
        stack.push_async_callback(_close, await asyncio.get_running_loop().create_server(proxy.protocol, sock=entrance))
        watching = asyncio.create_task(_drop_the_silent(server))
        stack.callback(watching.cancel)
        opened({
            "url": f"http://{_place(listener)}", "grpc": f"127.0.0.1:{proxy.grpc}", "proxy": f"http://{_place(entrance)}",
            "ca": str(authority.file.resolve()), "credentials": str(tokens.file.resolve()),
        })  # fmt: skip
        await serving


def _config(door: Door) -> uvicorn.Config:
    return uvicorn.Config(
        door, http=DoorProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
        timeout_keep_alive=120, timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False, headers=[("server", "ESF")],
    )  # fmt: skip


def _place(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


async def _close(server: asyncio.Server) -> None:
    server.close()


async def _drop_the_silent(server: uvicorn.Server) -> None:
    """A client that begins a request and never ends it must not hold a connection for ever."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_PATIENCE_SECONDS / 4)
        for connection in list(server.server_state.connections):
            if isinstance(connection, DoorProtocol) and connection.impatient(loop.time(), _PATIENCE_SECONDS):
                connection.transport.abort()
