"""What is written in one turn of the loop goes out at once and in order, and nothing is sent after an abort."""

from __future__ import annotations

import asyncio
from typing import Any

from reconciler.localcloud.doors.joining import Joining


class Wire:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def close(self) -> None:
        self.told.append("closed")

    def abort(self) -> None:
        self.told.append("aborted")

    def is_closing(self) -> bool:
        return False


def run(*steps: Any) -> list[Any]:
    wire = Wire()

    async def go() -> None:
        joining = Joining(wire, asyncio.get_running_loop())  # type: ignore[arg-type]
        for step in steps:
            if step == "turn":
                await asyncio.sleep(0)
            elif isinstance(step, str):
                getattr(joining, step)()
            else:
                joining.write(step)
        await asyncio.sleep(0)
        assert not joining.is_closing()

    asyncio.run(go())
    return wire.told


def test_head_and_body_are_one_write() -> None:
    assert run(b"head", b"body", "turn", b"next") == [b"headbody", b"next"]


def test_a_large_body_is_not_copied_and_keeps_its_place() -> None:
    large = b"x" * 100_000
    assert run(b"head", large, b"tail") == [b"head", large, b"tail"]


def test_closing_sends_what_is_kept_and_aborting_does_not() -> None:
    assert run(b"head", "close") == [b"head", "closed"]
    assert run(b"head", "abort", "turn") == ["aborted"]
