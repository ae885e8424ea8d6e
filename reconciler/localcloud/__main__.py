"""`python -m reconciler.localcloud`: serve one state directory on 127.0.0.1 until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.localcloud.call import Settings
from reconciler.localcloud.consistency import Lags, parsed
from reconciler.localcloud.doors.opening import listen, serve
from reconciler.localcloud.faults import listed
from reconciler.localcloud.house import House
from reconciler.localcloud.quotas import Quotas
from reconciler.localcloud.store import SqliteRows

_ADDRESS_FILE = "cloud.json"


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 after a clean stop, 1 when the state directory or the port is taken."""
    options = _options(arguments)
    folder: Path = options.state
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_locked(folder / "lock"))
            door = stack.enter_context(contextlib.closing(_listen(options.port)))
        except _TakenError as error:
            print(f"localcloud: {error}", file=sys.stderr)  # noqa: T201
            return 1
        rows = stack.enter_context(contextlib.closing(SqliteRows(folder / "cloud.sqlite")))
        settings = Settings(options.time_scale, options.strict_services)
        house = House(rows, settings, options.seed, time.time, lags=options.consistency, quotas=Quotas(options.quotas))
        if options.faults:
            house.arm(options.faults)
        stack.callback((folder / _ADDRESS_FILE).unlink, missing_ok=True)
        asyncio.run(serve(house, door, folder, lambda doors: _tell(options, doors)))
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
    parser.add_argument("--faults", type=_faults, default={}, help="JSON file of faults that are armed from the start")
    parser.add_argument("--quotas", action="store_true", help="Google's rate quotas hold: 429 beyond them")
    parser.add_argument("--consistency", type=_lags, default=Lags(), help='JSON of lags: {"lists": {"run": 10}}')
    options = parser.parse_args(arguments)
    if options.time_scale <= 0:
        parser.error("--time-scale must be greater than 0; 60 makes a minute of the cloud a second here")
    return options


def _faults(path: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(Path(path).read_bytes())
        listed(found)
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from error
    return found


def _lags(text: str) -> Lags:
    try:
        return parsed(json.loads(text))
    except (AttributeError, TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error


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
    try:
        return listen(port)
    except OSError as error:
        raise _TakenError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; choose another --port, or 0 for any"
        ) from error


def _tell(options: argparse.Namespace, doors: dict[str, Any]) -> None:
    """Say where the doors are, in the address file and in one line on stdout."""
    folder: Path = options.state
    address = doors | {
        "pid": os.getpid(), "state": str(folder.resolve()), "time_scale": options.time_scale, "seed": options.seed,
    }  # fmt: skip
    text = json.dumps(address)
    target = folder / _ADDRESS_FILE
    fresh = target.with_suffix(".new")
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(target)
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
