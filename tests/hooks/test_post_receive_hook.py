"""hooks/post-receive: a real push, a real hook, a real door; and that a push never fails because of it."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.doors import Opened, front_door
from tests.forge.signing import SECRET
from tests.hooks.places import HOOKS, Ended, Place, install


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Opened]:
    (tmp_path / "state").mkdir()
    with front_door(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def pushing(tmp_path: Path) -> Iterator[Place]:
    """A clone with one commit whose origin is a bare repository with the hook; the secret is in `secret`."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "AIPRESS_"))},
        "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Jo", "GIT_AUTHOR_EMAIL": "jo@x.example",
        "GIT_COMMITTER_NAME": "Jo", "GIT_COMMITTER_EMAIL": "jo@x.example",
    }  # fmt: skip
    folders = [tmp_path / "shop.git", tmp_path / "clone"]
    for folder in folders:
        folder.mkdir()
    bare, clone = (Place(folder, environment, tmp_path / "calls") for folder in folders)
    bare.git("init", "--quiet", "--bare", "--initial-branch=main")
    install(bare.folder / "hooks", "post-receive")
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.git("remote", "add", "origin", str(bare.folder))
    clone.commit("one\n")
    yield clone


def configure(pushing: Place, url: str, secret: str = "") -> None:
    bare = pushing.folder.parent / "shop.git"
    for name, value in (("url", url), ("secretFile", secret or str(pushing.folder.parent / "secret"))):
        subprocess.run(["git", "-C", str(bare), "config", f"aipress.{name}", value], check=True)


def push(pushing: Place, *refs: str) -> Ended:
    ended = pushing.run("git", "push", "--quiet", "origin", *(refs or ("main",)))
    assert ended.code == 0, ended.err
    return ended


def at(door: Opened) -> str:
    return f"http://127.0.0.1:{door.ports[0]}/webhooks/git"


def test_a_push_is_told(door: Opened, pushing: Place) -> None:
    configure(pushing, at(door))
    assert push(pushing).err == ""
    [waiting] = door.waiting()
    told = (waiting.hint.repository, waiting.hint.ref, waiting.hint.commit)
    assert told == ("shop", "refs/heads/main", pushing.git("rev-parse", "HEAD"))
    pushing.git("branch", "other")
    pushing.git("tag", "v1")
    push(pushing, "other", "v1")
    push(pushing, ":other")
    assert {w.hint.ref: w.hint.commit != "" for w in door.waiting()} == {
        "refs/heads/main": True, "refs/heads/other": False, "refs/tags/v1": True,
    }  # fmt: skip


def test_a_push_of_the_fleet_rings(door: Opened, pushing: Place) -> None:
    configure(pushing, at(door))
    subprocess.run(
        ["git", "-C", str(pushing.folder.parent / "shop.git"), "config", "aipress.repository", "agency/fleet"],
        check=True,
    )
    push(pushing)
    assert door.bell.answered()


def test_a_push_of_hundreds_of_refs_is_one_hint(door: Opened, pushing: Place) -> None:
    configure(pushing, at(door))
    for n in range(150):
        pushing.git("update-ref", f"refs/heads/b{n}", "HEAD")
    push(pushing, "--all")
    assert [w.hint.ref for w in door.waiting()] == [""]


@pytest.mark.parametrize(
    ("url", "secret", "why"),
    [
        ("http://127.0.0.1:1/webhooks/git", "", "Connection refused"),
        ("file:///etc/passwd", "", "not set to an http or https address"),
        ("", "", "not set to an http"),
        ("http://[half", "", "told of this push"),
        ("http://127.0.0.1:1/", "gone", "cannot be read"),
        ("http://127.0.0.1:1/", "empty", "is empty"),
        ("http://127.0.0.1:1/", "binary", "cannot be read"),
    ],
)
def test_a_push_never_fails(pushing: Place, url: str, secret: str, why: str) -> None:
    folder = pushing.folder.parent
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\xfe" * 20)
    if url:
        configure(pushing, url, str(folder / secret) if secret else "")
    said = push(pushing).err
    assert why in said and "looks by itself" in said
    assert SECRET not in said


def test_a_wrong_secret_and_a_wrong_path_are_told(door: Opened, pushing: Place) -> None:
    (pushing.folder.parent / "secret").write_text(f"another secret of some length\n{SECRET}\n")
    configure(pushing, at(door))
    assert "is the secret the same" in push(pushing).err
    configure(pushing, at(door).replace("/git", "/nowhere"))
    pushing.git("branch", "other")
    assert "it answers 404" in push(pushing, "other").err
    assert door.waiting() == ()


def test_a_daemon_that_hangs_holds_a_push_up_for_seconds_only(pushing: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        configure(pushing, f"http://127.0.0.1:{silent.getsockname()[1]}/webhooks/git")
        begun = time.monotonic()
        assert "not told" in push(pushing).err
        assert time.monotonic() - begun < 20


def test_it_goes_nowhere_else(pushing: Place, door: Opened) -> None:
    """A redirect would take the signed body to an address that nobody configured."""
    heard: list[bytes] = []

    def answer(server: socket.socket) -> None:
        for _ in range(2):
            talk, _ = server.accept()
            with talk:
                heard.append(talk.recv(65536))
                talk.sendall(f"HTTP/1.1 302 x\r\nLocation: {at(door)}\r\nContent-Length: 0\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,), daemon=True)
        thread.start()
        configure(pushing, f"http://127.0.0.1:{server.getsockname()[1]}/webhooks/git")
        assert "it answers 302" in push(pushing).err
        thread.join(10)
    assert heard and SECRET.encode() not in b"".join(heard)
    assert door.waiting() == ()


def test_the_secret_goes_through_no_argument() -> None:
    text = (HOOKS / "post-receive").read_text()
    assert text.count("subprocess.run(") == 1 and 'subprocess.run(["git", "config", "--get", f"aipress.{name}"]' in text
