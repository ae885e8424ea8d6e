"""A real daemon, a real git server folder with our hook, a real push: the change is live long before the interval."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forge.signing import SECRET
from tests.hooks.places import install
from tests.outside.processes import FLEET, WHO, CloudProcess, Host, git

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
PATIENCE = 90

pytestmark = pytest.mark.slow


class Listening(Host):
    def environment(self) -> dict[str, str]:
        return {
            **super().environment(), "AIPRESS_LISTEN": "127.0.0.1:0", "AIPRESS_INTERVAL": "86400",
            "AIPRESS_WEBHOOK_GIT": f"file:{self.folder.parent}/secret",
        }  # fmt: skip


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    made = CloudProcess(tmp_path / "cloud", 7)
    made.boot()
    yield made
    made.end(signal.SIGTERM)


def said(host: Host) -> str:
    return (host.folder / f"said-{host.started:04}.txt").read_text(errors="replace")


def until(host: Host, pattern: str) -> re.Match[str]:
    ended = time.monotonic() + PATIENCE
    while time.monotonic() < ended:
        if found := re.search(pattern, said(host)):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{pattern} is not in:\n{said(host)}")


def page(port: int, path: str) -> tuple[int, str]:
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    door.request("GET", path)
    answer = door.getresponse()
    told = answer.read().decode()
    door.close()
    return answer.status, told


def test_a_push_to_the_git_server_is_live_at_once(tmp_path: Path, cloud: CloudProcess) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    server, work, mirror = tmp_path / "fleet.git", tmp_path / "work", tmp_path / "mirror.git"
    shutil.copytree(FLEET, work)
    git(work, "init", "-q", "-b", "main")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "The fleet")
    git(tmp_path, "clone", "-q", "--bare", str(work), str(server))
    git(tmp_path, "clone", "-q", "--bare", str(server), str(mirror))
    install(server / "hooks", "post-receive")
    host = Listening(tmp_path / "host", mirror, tmp_path / "history.git", cloud)
    daemon = host.start("serve")
    try:
        port = int(until(host, r"Listening at http://127\.0\.0\.1:(\d+) for webhooks of git")[1])
        until(host, r"cycle 1 \(start\)")
        assert page(port, "/readyz")[0] == 200
        git(server, "config", "aipress.url", f"http://127.0.0.1:{port}/webhooks/git")
        git(server, "config", "aipress.secretFile", str(tmp_path / "secret"))
        text = (work / ACME).read_text()
        (work / ACME).write_text(text.replace("displayName:", "displayName: The"))
        git(work, "commit", "-q", "-a", "-m", "Rename")
        begun = time.monotonic()
        words = ["git", "push", str(server), "main"]
        pushed = subprocess.run(words, cwd=work, env={**os.environ, **WHO}, capture_output=True, text=True, check=True)
        assert "not told" not in pushed.stderr
        head = git(work, "rev-parse", "HEAD").decode().strip()
        until(host, rf"cycle 2 \(commit\) at {head[:7]}")
        print(f"\nfrom push to applied: {time.monotonic() - begun:.1f} s")
        told = page(port, "/metrics")[1]
        assert 'aipress_webhook_deliveries_total{event="push",outcome="accepted",provider="git"} 1.0' in told
        assert 'aipress_apply_total{result="success",trigger="push"} 1.0' in told
        assert "[+]git-fetch ok" in page(port, "/readyz?verbose")[1]
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == 0
    with pytest.raises(ConnectionRefusedError):
        page(port, "/livez")
    again = [SECRET in path.read_text(errors="replace") for path in host.folder.rglob("*") if path.is_file()]
    assert again and not any(again)
    code, told = host.run("plan", "--detailed-exitcode")
    assert code == 0, told
