"""GitHub, and GitHub Enterprise Server: REST, version 2022-11-28."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from reconciler.forge.calls import Calls, Door, understood
from reconciler.forge.where import GITHUB_API
from reconciler.model.errors import AipressError, ForbiddenError, InputError
from reconciler.model.forge import (
    DESCRIPTION,
    Annotation,
    Approval,
    Check,
    Comment,
    Conclusion,
    Permission,
    PullRequest,
    Reaction,
    User,
)
from reconciler.model.ports import Clock

BATCH = 50
"""Annotations that one request takes; further requests add to them."""
SUMMARY = 65_000
"""GitHub takes 65,535 characters."""
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_PERMISSIONS = {
    "read": Permission.READ, "write": Permission.WRITE, "admin": Permission.ADMIN, "none": Permission.NONE,
}  # fmt: skip
_STATES = {
    Conclusion.SUCCESS: "success", Conclusion.ACTION_REQUIRED: "failure", Conclusion.FAILURE: "failure",
    Conclusion.NEUTRAL: "success", Conclusion.PENDING: "pending",
}  # fmt: skip


class GitHub:
    """model.forge.Forge for one repository ("owner/name"). `base`: the API's URL."""

    def __init__(self, repository: str, token: str, clock: Clock, base: str = GITHUB_API) -> None:
        self._calls = Calls(Door("GitHub", base.rstrip("/"), token, _HEADERS), clock)
        self._base = base.rstrip("/")
        self._repo = f"/repos/{repository}"

    @understood("GitHub")
    def me(self) -> User:
        """A token of an installation (the one of a workflow, say) is no user over REST; GraphQL tells who it is."""
        try:
            return _user(self._calls.get("/user"))
        except ForbiddenError:
            found = self._calls.call("POST", self._graphql(), {"query": "{ viewer { login databaseId } }"}).body
            viewer = (found.get("data") or {}).get("viewer") if isinstance(found, dict) else None
            if not viewer or not viewer.get("databaseId"):
                raise
            return User(int(viewer["databaseId"]), str(viewer["login"]))

    def _graphql(self) -> str:
        """GitHub Enterprise Server has it beside the REST API's /api/v3."""
        return f"{self._base.removesuffix('/v3')}/graphql"

    @understood("GitHub")
    def pull_request(self, number: int) -> PullRequest:
        return _pull(self._calls.get(f"{self._repo}/pulls/{number}"))

    @understood("GitHub")
    def open_pulls(self, most: int) -> tuple[PullRequest, ...]:
        rows = self._calls.rows(f"{self._repo}/pulls", state="open", sort="updated", direction="desc")
        return tuple(_pull(row) for row in islice(rows, most))

    @understood("GitHub")
    def comments(self, number: int) -> tuple[Comment, ...]:
        rows = self._calls.rows(f"{self._repo}/issues/{number}/comments")
        return tuple(sorted((_comment(row) for row in rows), key=lambda c: c.id))

    @understood("GitHub")
    def create_comment(self, number: int, body: str) -> Comment:
        return _comment(self._calls.call("POST", f"{self._repo}/issues/{number}/comments", {"body": body}).body)

    def edit_comment(self, number: int, comment: int, body: str) -> None:
        del number  # ids are unique in the repository
        self._calls.call("PATCH", f"{self._repo}/issues/comments/{comment}", {"body": body})

    def delete_comment(self, number: int, comment: int) -> None:
        del number
        try:
            self._calls.call("DELETE", f"{self._repo}/issues/comments/{comment}")
        except InputError:
            return

    @understood("GitHub")
    def approvals(self, number: int) -> tuple[Approval, ...]:
        newest: dict[int, Mapping[str, Any]] = {}
        for row in self._calls.rows(f"{self._repo}/pulls/{number}/reviews"):  # oldest first
            if row.get("user") and row["state"] != "COMMENTED":
                newest[row["user"]["id"]] = row
        return tuple(
            Approval(user, str(row.get("commit_id") or ""))
            for user, row in newest.items()
            if row["state"] == "APPROVED"
        )

    @understood("GitHub")
    def permission(self, user: int) -> Permission:
        """Asked for by login, as GitHub wants it; believed only when the answer is about the same number."""
        try:
            login = self._calls.get(f"/user/{user}")["login"]
            row = self._calls.get(f"{self._repo}/collaborators/{login}/permission")
        except InputError:
            return Permission.NONE
        if (row.get("user") or {}).get("id") != user:
            return Permission.NONE
        return _PERMISSIONS.get(str(row.get("permission")), Permission.NONE)

    @understood("GitHub")
    def put_check(self, check: Check) -> None:
        first, *more = list(_batches(check.annotations)) or [()]
        row: dict[str, Any] = {
            "name": check.name, "head_sha": check.commit, "status": "completed", "conclusion": str(check.conclusion),
            "output": _output(check, first),
        }  # fmt: skip
        if check.url:
            row["details_url"] = check.url
        made = self._calls.call("POST", f"{self._repo}/check-runs", row).body
        for batch in more:
            self._calls.call("PATCH", f"{self._repo}/check-runs/{made['id']}", {"output": _output(check, batch)})

    def put_status(self, check: Check) -> None:
        row = {"state": _STATES[check.conclusion], "context": check.name, "description": check.title[:DESCRIPTION]}
        if check.url:
            row["target_url"] = check.url
        self._calls.call("POST", f"{self._repo}/statuses/{check.commit}", row)

    def react(self, number: int, comment: int, reaction: Reaction) -> None:
        del number
        path = f"{self._repo}/issues/comments/{comment}/reactions"
        self._calls.call("POST", path, {"content": str(reaction)})


def _user(row: Any) -> User:
    if not isinstance(row, dict) or "id" not in row:
        raise AipressError("GitHub does not say who the token is")
    return User(int(row["id"]), str(row.get("login", "")))


def _pull(row: Mapping[str, Any]) -> PullRequest:
    head, base = row["head"], row["base"]
    away = not head.get("repo") or head["repo"]["id"] != base["repo"]["id"]
    labels = frozenset(str(label["name"]) for label in row["labels"])
    return PullRequest(
        int(row["number"]), head["sha"], base["ref"], row["user"]["id"], away, labels, row["state"] == "open",
        bool(row.get("merged_at")),
    )  # fmt: skip


def _comment(row: Mapping[str, Any]) -> Comment:
    """A user who is gone has no number: nobody's comment."""
    author = (row.get("user") or {}).get("id", 0)
    edited = row["created_at"] != row["updated_at"]
    return Comment(int(row["id"]), int(author), str(row.get("body") or ""), edited)


def _batches(annotations: tuple[Annotation, ...]) -> Iterator[tuple[Annotation, ...]]:
    for start in range(0, len(annotations), BATCH):
        yield annotations[start : start + BATCH]


def _output(check: Check, annotations: tuple[Annotation, ...]) -> dict[str, Any]:
    return {
        "title": check.title, "summary": check.summary[:SUMMARY] or check.title,
        "annotations": [_annotation(found) for found in annotations],
    }  # fmt: skip


def _annotation(found: Annotation) -> dict[str, Any]:
    """GitHub takes columns only where a remark stays on one line; ours do."""
    row: dict[str, Any] = {
        "path": found.path, "start_line": found.line, "end_line": found.line, "annotation_level": str(found.level),
        "title": found.title[:255], "message": found.message[:60_000],
    }  # fmt: skip
    if found.column:
        row["start_column"] = row["end_column"] = found.column
    return row
