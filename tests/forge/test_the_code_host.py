"""The code host of these tests is one to unmodified clients of others: gidgethub and python-gitlab."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import gitlab
import httpx2
import pytest
from gidgethub import BadRequest, ValidationError
from gidgethub.httpx import GitHubAPI

from tests.forge.conftest import HEAD, OURS, TOKEN
from tests.forge.host import CodeHost

COMMENTS = "/repos/org/fleet/issues/12/comments"


def with_gidgethub(host: CodeHost, body: Callable[[GitHubAPI], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            await body(GitHubAPI(client, "tests", oauth_token=TOKEN, base_url=host.url))  # type: ignore[arg-type]

    asyncio.run(run())


def test_gidgethub_reads_writes_and_pages(host: CodeHost) -> None:
    async def body(api: GitHubAPI) -> None:
        for n in range(61):
            await api.post(COMMENTS, data={"body": f"comment {n}"})
        found = [row["body"] async for row in api.getiter(COMMENTS)]
        assert found == [f"comment {n}" for n in range(61)]
        first = (await api.getitem(COMMENTS))[0]
        await api.patch(f"/repos/org/fleet/issues/comments/{first['id']}", data={"body": "changed"})
        assert (await api.getitem("/user"))["id"] == OURS
        assert (await api.getitem("/repos/org/fleet/pulls/12"))["head"]["sha"] == HEAD
        row = {"name": "c", "head_sha": HEAD, "output": {"title": "t", "summary": "s"}, "conclusion": "success"}
        assert (await api.post("/repos/org/fleet/check-runs", data=row))["conclusion"] == "success"

    with_gidgethub(host, body)
    assert host.of(12)[0]["body"] == "changed"


def test_gidgethub_understands_the_refusals(host: CodeHost) -> None:
    async def body(api: GitHubAPI) -> None:
        with pytest.raises(ValidationError, match="too long"):
            await api.post(COMMENTS, data={"body": "x" * 65_537})
        with pytest.raises(BadRequest, match="Not Found"):
            await api.getitem("/repos/org/fleet/pulls/99")

    with_gidgethub(host, body)


@pytest.fixture
def project(host: CodeHost) -> Any:
    return gitlab.Gitlab(host.url, private_token=TOKEN).projects.get("org/fleet")


def test_python_gitlab_reads_writes_and_pages(host: CodeHost, project: Any) -> None:
    request = project.mergerequests.get(12)
    assert (request.sha, request.target_branch) == (HEAD, "main")
    for n in range(45):
        request.notes.create({"body": f"note {n}"})
    assert sorted(note.id for note in request.notes.list(iterator=True)) == [row["id"] for row in host.of(12)]
    note = request.notes.list(sort="asc", get_all=False)[0]
    note.body = "changed"
    note.save()
    note.awardemojis.create({"name": "eyes"})
    assert host.of(12)[0]["body"] == "changed"
    assert project.members_all.get(OURS).access_level == 30
    project.commits.get(HEAD, lazy=True).statuses.create({"state": "success", "name": "aipress/plan"})
    assert host.statuses[0]["commit"] == HEAD


def test_python_gitlab_understands_the_refusals(host: CodeHost, project: Any) -> None:
    with pytest.raises(gitlab.exceptions.GitlabCreateError, match="too long"):
        project.mergerequests.get(12).notes.create({"body": "x" * 65_537})
    with pytest.raises(gitlab.exceptions.GitlabGetError):
        project.mergerequests.get(99)
    with pytest.raises(gitlab.exceptions.GitlabAuthenticationError):
        gitlab.Gitlab(host.url, private_token="wrong").auth()
