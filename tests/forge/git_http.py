"""git's own http-backend behind the code host: what `git push http://…/git/fleet.git` speaks to is git itself."""

import os
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import SplitResult


def serve(handler: BaseHTTPRequestHandler, root: Path, parts: SplitResult, body: bytes) -> None:
    """One request as CGI (RFC 3875). `root` holds the bare repositories."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "REQUEST_METHOD": handler.command,
        "PATH_INFO": parts.path.removeprefix("/git"), "QUERY_STRING": parts.query, "REMOTE_USER": "agency",
        "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
    }  # fmt: skip
    done = subprocess.run(
        ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True, timeout=60
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200 OK").split(" ")[0])
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)
