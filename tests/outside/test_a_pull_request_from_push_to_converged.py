"""A real daemon, real git over HTTP, a local cloud, and a code host's REST: push a branch → webhook → the comment
appears → push again → the same comment is edited → merge → the commit's status says it converged → somebody changes the
cloud by hand → the next pull request tells what its merge would undo."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from reconciler.model.mark import Mark
from tests.forge.host import CodeHost, listening
from tests.forge.signing import SECRET, hexed
from tests.outside.processes import FLEET, WHO, CloudProcess, Host, git

LINDEN = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
OURS, LENA, TOKEN = 41, 500, "ours-0123456789abcdef"
PATIENCE = 120
T = TypeVar("T")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class Daemon(Host):
    host: CodeHost

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(), "AIPRESS_LISTEN": "127.0.0.1:0", "AIPRESS_INTERVAL": "86400",
            "AIPRESS_WEBHOOK_GITHUB": f"file:{self.folder.parent}/secret", "AIPRESS_FORGE": "github",
            "AIPRESS_FORGE_REPOSITORY": "org/fleet", "AIPRESS_FORGE_API": self.host.url, "AIPRESS_FORGE_TOKEN": TOKEN,
        }  # fmt: skip

    def said(self) -> str:
        return (self.folder / f"said-{self.started:04}.txt").read_text(errors="replace")

    def until(self, look: Callable[[], T], what: str) -> T:
        ended = time.monotonic() + PATIENCE
        while time.monotonic() < ended:
            if found := look():
                return found
            time.sleep(0.05)
        raise AssertionError(f"{what}: not after {PATIENCE} s. The daemon said:\n{self.said()}")


class Scene:
    def __init__(self, folder: Path, cloud: CloudProcess, host: CodeHost) -> None:
        self.folder, self.host = folder, host
        self.work, self.server = folder / "work", folder / "served" / "fleet.git"
        shutil.copytree(FLEET, self.work)
        git(self.work, "init", "-q", "-b", "main")
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "-m", "The fleet")
        git(folder, "clone", "-q", "--bare", str(self.work), str(self.server))
        git(folder, "clone", "-q", "--bare", f"{host.url}/git/fleet.git", str(folder / "clone.git"))
        (folder / "secret").write_text(f"{SECRET}\n")
        self.daemon = Daemon(folder / "host", folder / "clone.git", folder / "history.git", cloud)
        self.daemon.host = host
        self.port, self.sent = 0, 0

    def edit(self, branch: str, number: int, old: str, new: str) -> str:
        """A push to the branch of a pull request, and the webhook that tells of it."""
        words = (
            ["checkout", "-q", branch] if branch.encode() in git(self.work, "branch") else ["checkout", "-qb", branch]
        )
        git(self.work, *words)
        text = (self.work / LINDEN).read_text()
        assert old in text
        (self.work / LINDEN).write_text(text.replace(old, new))
        git(self.work, "commit", "-q", "-a", "-m", f"{new} for linden-yoga")
        head = git(self.work, "rev-parse", "HEAD").decode().strip()
        self.push(f"{branch}:{branch}", f"{branch}:refs/pull/{number}/head")
        self.host.pull(number, head, author=LENA)
        pulled = {"number": number, "pull_request": {"head": {"sha": head}}}
        self.hook("pull_request", pulled)
        git(self.work, "checkout", "-q", "main")
        return head

    def push(self, *refs: str) -> None:
        subprocess.run(
            ["git", "push", "-qf", str(self.server), *refs], cwd=self.work, env={**os.environ, **WHO}, check=True
        )

    def hook(self, event: str, said: dict[str, Any]) -> None:
        self.sent += 1
        body = json.dumps({"repository": {"id": 7, "full_name": "org/fleet"}, **said}).encode()
        headers = {
            "content-type": "application/json", "x-github-event": event, "x-github-delivery": f"d-{self.sent}",
            "x-hub-signature-256": hexed(body),
        }  # fmt: skip
        door = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        door.request("POST", "/webhooks/github", body, headers)
        assert door.getresponse().status == 202
        door.close()

    def comment(self, number: int, key: str, head: str) -> dict[str, Any] | None:
        for row in self.host.of(number):
            mark = Mark.of(row["body"])
            if row["author"] == OURS and mark and (mark.key, mark.head) == (key, head):
                return dict(row)
        return None

    def status(self, commit: str) -> str:
        rows = [s for s in self.host.statuses if s["commit"] == commit and s["context"] == "aipress/converge"]
        return f"{rows[-1]['state']}: {rows[-1]['description']}" if rows else ""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    made = CloudProcess(tmp_path / "cloud", 7)
    made.boot()
    yield made
    made.end(signal.SIGTERM)


def changed_by_hand(cloud: CloudProcess) -> None:
    """Somebody sets the concurrency of linden-yoga's service in the console."""
    door = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    (call,) = [c for c in reversed(cloud.calls) if "linden-yoga" in c["path"] and "/services" in c["path"]][:1]
    name = re.search(r"projects/[^?]+/services/[^?/:]+", call["path"])
    assert name is not None
    url = f"/run/v2/{name[0]}"
    door.request("GET", url)
    body = json.loads(door.getresponse().read())
    body["template"]["maxInstanceRequestConcurrency"] = 7
    door.request("PATCH", url, json.dumps(body), {"content-type": "application/json"})
    answer = door.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    door.close()


def test_from_push_to_converged(tmp_path: Path, cloud: CloudProcess) -> None:
    with listening(CodeHost(tmp_path / "served")) as host:
        host.user(TOKEN, OURS, "aipress")
        host.user("lenas", LENA, "lena")
        scene = Scene(tmp_path, cloud, host)
        daemon = scene.daemon
        process = daemon.start("serve")
        try:
            found = daemon.until(lambda: re.search(r"Listening at http://127\.0\.0\.1:(\d+)", daemon.said()), "a door")
            scene.port = int(found[1])
            daemon.until(lambda: "cycle 1 (start)" in daemon.said(), "the first cycle")

            begun = time.monotonic()
            head = scene.edit("change", 12, "timeoutSeconds: 60", "timeoutSeconds: 75")
            first = daemon.until(lambda: scene.comment(12, "plan", head), "a comment")
            print(f"\nfrom push to comment: {time.monotonic() - begun:.1f} s")
            assert "`linden-yoga`" in first["body"]
            daemon.until(lambda: [c for c in host.checks if c["head_sha"] == head], "a check")

            head = scene.edit("change", 12, "timeoutSeconds: 75", "timeoutSeconds: 90")
            edited = daemon.until(lambda: scene.comment(12, "plan", head), "the comment, edited")
            assert edited["id"] == first["id"]

            git(scene.work, "merge", "-q", "--no-ff", "--no-edit", "change")
            merge = git(scene.work, "rev-parse", "HEAD").decode().strip()
            scene.push("main:main")
            host.pulls[12].state = "merged"
            begun = time.monotonic()
            scene.hook("push", {"ref": "refs/heads/main", "after": merge})
            daemon.until(lambda: scene.status(merge).startswith("success: 1 of 1 converged"), "a status that says so")
            print(f"from merge to converged: {time.monotonic() - begun:.1f} s")
            told = daemon.until(lambda: scene.comment(12, "apply", head), "what came of it")
            assert "### AIPress apply: applied" in told["body"]

            cloud.listen()
            changed_by_hand(cloud)
            git(scene.work, "branch", "-q", "-D", "change")
            head = scene.edit("other", 13, "timeoutSeconds: 90", "timeoutSeconds: 91")
            plan = daemon.until(lambda: scene.comment(13, "plan", head), "the next comment")
            assert "outside Git" in plan["body"] and "maxInstanceRequestConcurrency" in plan["body"]
            assert TOKEN not in daemon.said() and SECRET not in daemon.said()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        assert "rror" not in daemon.said(), daemon.said()
