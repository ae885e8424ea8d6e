"""`python -m reconciler.localcloud`: serve one state directory on 127.0.0.1 until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from reconciler.localcloud.call import Settings
from reconciler.localcloud.door import Door
from reconciler.localcloud.house import House
from reconciler.localcloud.protocol import DoorProtocol
from reconciler.localcloud.store import SqliteRows

_ADDRESS_FILE = "cloud.json"


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 after a clean stop, 1 when the state directory or the port is taken."""
    options = _options(arguments)
    folder: Path = options.state
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_locked(folder / "lock"))
            door = stack.enter_context(contextlib.closing(_listen(options.port)))
        except _TakenError as error:
            print(f"localcloud: {error}", file=sys.stderr)  # noqa: T201
            return 1
        rows = stack.enter_context(contextlib.closing(SqliteRows(folder / "cloud.sqlite")))
        settings = Settings(options.time_scale, options.strict_services)
        house = House(rows, settings, options.seed, time.time)
        asyncio.run(_serve(Door(house), door, folder, _address(options, door)))
    return 0


class _TakenError(Exception):
    """Somebody else has what we need; the message says who and what to do."""


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m reconciler.localcloud", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes any free one")
    parser.add_argument("--state", type=Path, required=True, help="folder that holds the cloud's state")
    parser.add_argument("--time-scale", type=float, default=1.0, help="divides the duration of operations")
    parser.add_argument("--seed", type=int, default=0, help="seed of every made-up id")
    parser.add_argument("--data-plane", choices=["light"], default="light", help="light: state only")
    parser.add_argument("--strict-services", action="store_true", help="APIs must be enabled in every project")
    options = parser.parse_args(arguments)
    if options.time_scale <= 0:
        parser.error("--time-scale must be greater than 0; 60 makes a minute of the cloud a second here")
    return options


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _TakenError(
                f"{path.parent} is already served by another local cloud, because its lock is held; "
                f"use that one (see {path.parent / _ADDRESS_FILE}), stop it, or choose another --state"
            ) from error
        yield


def _listen(port: int) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's delay (40 ms an answer) off only for sockets that say TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise _TakenError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; choose another --port, or 0 for any"
        ) from error
    listener.listen(512)
    return listener


def _address(options: argparse.Namespace, listener: socket.socket) -> dict[str, Any]:
    return {
        "url": f"http://127.0.0.1:{listener.getsockname()[1]}",
        "grpc": None,
        "proxy": None,
        "pid": os.getpid(),
        "state": str(options.state.resolve()),
        "time_scale": options.time_scale,
        "seed": options.seed,
    }


async def _serve(door: Door, listener: socket.socket, folder: Path, address: dict[str, Any]) -> None:
    config = uvicorn.Config(
        door, http=DoorProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
        timeout_keep_alive=120, timeout_graceful_shutdown=3,
    )  # fmt: skip
    server = uvicorn.Server(config)
    # uvicorn raises the signal that stopped it once more for whoever was there before; with the default disposition
    # that would kill us before the address file is gone.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    text = json.dumps(address)
    target = folder / _ADDRESS_FILE
    fresh = target.with_suffix(".new")
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(target)
    print(text, flush=True)  # noqa: T201
    try:
        await serving
    finally:
        target.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
