"""The peer: uvicorn as the local cloud sets it up, with an application that sends the same bytes for anything."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn


def main() -> None:
    answer = Path(sys.argv[1]).read_bytes()
    headers = [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", str(len(answer)).encode())]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    config = uvicorn.Config(application, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
    print(listener.getsockname()[1], flush=True)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
