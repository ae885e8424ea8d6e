"""A code host on loopback, and the two adapters that speak to it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.forge.github import GitHub
from reconciler.forge.gitlab import GitLab
from reconciler.model.forge import Forge
from tests.forge.host import CodeHost, listening

TOKEN, OURS = "ours-0123456789abcdef", 41
HEAD = "b" * 40


class VirtualClock:
    """Waiting takes no time; `waited` has each wait in seconds."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 9, tzinfo=UTC)
        self.waited: list[float] = []

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self._now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def host() -> Iterator[CodeHost]:
    with listening(CodeHost()) as made:
        made.user(TOKEN, OURS, "aipress-bot")
        made.pull(12, HEAD)
        yield made


def forge_of(kind: str, host: CodeHost, clock: VirtualClock, token: str = TOKEN) -> Forge:
    if kind == "github":
        return GitHub(host.repository, token, clock, host.url)
    return GitLab(host.repository, token, clock, f"{host.url}/api/v4")


@pytest.fixture(params=["github", "gitlab"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def forge(kind: str, host: CodeHost, clock: VirtualClock) -> Forge:
    return forge_of(kind, host, clock)
