"""GitLab, on gitlab.com or self-managed: REST, version 4. A merge request's `iid` is its number here."""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

from reconciler.forge.calls import Calls, Door, understood
from reconciler.forge.where import GITLAB_API
from reconciler.model.errors import AipressError, InputError
from reconciler.model.forge import (
    DESCRIPTION,
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

_DEVELOPER, _MAINTAINER, _GUEST = 30, 40, 10
_STATES = {
    Conclusion.SUCCESS: "success", Conclusion.ACTION_REQUIRED: "failed", Conclusion.FAILURE: "failed",
    Conclusion.NEUTRAL: "success", Conclusion.PENDING: "running",
}  # fmt: skip
_REACTIONS = {Reaction.SEEN: "eyes", Reaction.DONE: "rocket", Reaction.NO: "confused"}
_SAME_STATE = "cannot transition status"


class GitLab:
    """model.forge.Forge for one project (its number, or "group/name"). `base`: the API's URL, with /api/v4."""

    def __init__(self, project: str, token: str, clock: Clock, base: str = GITLAB_API) -> None:
        self._calls = Calls(Door("GitLab", base.rstrip("/"), token), clock)
        self._project = f"/projects/{quote(project, safe='')}"

    def _request(self, number: int) -> str:
        return f"{self._project}/merge_requests/{number}"

    @understood("GitLab")
    def me(self) -> User:
        row = self._calls.get("/user")
        return User(int(row["id"]), str(row["username"]))

    @understood("GitLab")
    def pull_request(self, number: int) -> PullRequest:
        return _pull(self._calls.get(self._request(number)))

    @understood("GitLab")
    def open_pulls(self, most: int) -> tuple[PullRequest, ...]:
        rows = self._calls.rows(
            f"{self._project}/merge_requests", state="opened", order_by="updated_at", sort="desc", scope="all"
        )
        return tuple(_pull(row) for row in islice(rows, most))

    @understood("GitLab")
    def comments(self, number: int) -> tuple[Comment, ...]:
        """What GitLab itself notes ("added 1 commit") is left out."""
        rows = self._calls.rows(f"{self._request(number)}/notes", sort="asc", order_by="created_at")
        return tuple(sorted((_comment(row) for row in rows if not row.get("system")), key=lambda c: c.id))

    @understood("GitLab")
    def create_comment(self, number: int, body: str) -> Comment:
        return _comment(self._calls.call("POST", f"{self._request(number)}/notes", {"body": body}).body)

    def edit_comment(self, number: int, comment: int, body: str) -> None:
        self._calls.call("PUT", f"{self._request(number)}/notes/{comment}", {"body": body})

    def delete_comment(self, number: int, comment: int) -> None:
        try:
            self._calls.call("DELETE", f"{self._request(number)}/notes/{comment}")
        except InputError:
            return

    @understood("GitLab")
    def approvals(self, number: int) -> tuple[Approval, ...]:
        """GitLab tells when somebody approved and when each head came, not of which head an approval is: it is of the
        newest that was there by then."""
        given = self._calls.get(f"{self._request(number)}/approvals").get("approved_by") or []
        if not given:
            return ()
        heads = sorted(
            (datetime.fromisoformat(row["created_at"]), str(row["head_commit_sha"]))
            for row in self._calls.rows(f"{self._request(number)}/versions")
        )
        return tuple(Approval(int(row["user"]["id"]), _head_at(row.get("approved_at"), heads)) for row in given)

    @understood("GitLab")
    def permission(self, user: int) -> Permission:
        try:
            row = self._calls.get(f"{self._project}/members/all/{user}")
        except InputError:
            return Permission.NONE
        level = int(row["access_level"]) if row.get("id") == user and row.get("state", "active") == "active" else 0
        if level >= _MAINTAINER:
            return Permission.ADMIN
        if level >= _DEVELOPER:
            return Permission.WRITE
        return Permission.READ if level >= _GUEST else Permission.NONE

    def put_check(self, check: Check) -> None:
        """A commit status: annotations come from the reports of the pipeline (`aipress ci annotate`)."""
        self.put_status(check)

    def put_status(self, check: Check) -> None:
        row = {"state": _STATES[check.conclusion], "name": check.name, "description": check.title[:DESCRIPTION]}
        if check.url:
            row["target_url"] = check.url
        try:
            self._calls.call("POST", f"{self._project}/statuses/{check.commit}", row)
        except AipressError as error:
            if _SAME_STATE not in str(error).lower():
                raise  # GitLab calls it wrong to say the same once more

    def react(self, number: int, comment: int, reaction: Reaction) -> None:
        path = f"{self._request(number)}/notes/{comment}/award_emoji"
        try:
            self._calls.call("POST", path, {"name": _REACTIONS[reaction]})
        except InputError as error:
            if "taken" not in str(error).lower():
                raise  # it is there already


def _pull(row: Mapping[str, Any]) -> PullRequest:
    return PullRequest(
        int(row["iid"]), row["sha"], row["target_branch"], row["author"]["id"],
        row["source_project_id"] != row["target_project_id"], frozenset(map(str, row["labels"])),
        row["state"] == "opened", row["state"] == "merged",
    )  # fmt: skip


def _comment(row: Mapping[str, Any]) -> Comment:
    author = (row.get("author") or {}).get("id", 0)
    edited = row["created_at"] != row["updated_at"]
    return Comment(int(row["id"]), int(author), str(row.get("body") or ""), edited)


def _head_at(moment: str | None, heads: list[tuple[datetime, str]]) -> str:
    """ "" when GitLab does not tell the moment, as older ones do not: an approval of no head."""
    if not moment:
        return ""
    given = datetime.fromisoformat(moment)
    return next((head for came, head in reversed(heads) if came <= given), "")
