"""A PostgreSQL server of one's own, on loopback, for tests: made, started, stopped hard, started again."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


def binaries() -> Path | None:
    """Where initdb, pg_ctl and postgres are, if PostgreSQL is installed."""
    for folder in (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/bin")):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found and shutil.which("postgres") else None


class Postgres:
    """PostgreSQL refuses to run as root, so then it runs as nobody."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        self._folder = Path(tempfile.mkdtemp(prefix="aipress-postgres-"))
        self._as: dict[str, int] = {}
        if os.geteuid() == 0:
            self._as = {"user": 65534, "group": 65534}
            os.chown(self._folder, 65534, 65534)
        self.port = _free_port()
        self._run("initdb", "-D", "data", "-U", "aipress", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        self.start()
        self._number = 0

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-D", "data", "-w", "-t", "30", "-l", "server.log", "-o", options, "start")

    def stop(self) -> None:
        """As if the machine had lost its power."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def database(self) -> str:
        """The URL of a new, empty one."""
        self._number += 1
        self.ask(f"CREATE DATABASE d{self._number}")
        return self.url(f"d{self._number}")

    def drop(self, url: str) -> None:
        self.ask(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
        self.ask(f"CREATE DATABASE {url.rpartition('/')[2]}")

    def url(self, name: str) -> str:
        return f"postgresql://aipress@127.0.0.1:{self.port}/{name}"

    def ask(self, question: str, url: str = "") -> list[tuple[object, ...]]:
        import psycopg

        with psycopg.connect(url or self.url("postgres"), autocommit=True) as at:
            cursor = at.execute(question.encode())
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        subprocess.run(
            [str(self._bin / "pg_ctl"), "-D", "data", "-m", "immediate", "stop"],
            cwd=self._folder, capture_output=True, check=False, **self._as,
        )  # type: ignore[call-overload]  # fmt: skip
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *words], cwd=self._folder, capture_output=True, text=True, check=False,
            timeout=60, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"}, **self._as,
        )  # type: ignore[call-overload]  # fmt: skip
        if done.returncode:
            pytest.fail(f"{program} ended with {done.returncode}: {done.stdout}{done.stderr}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
