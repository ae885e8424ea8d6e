"""GitLab's REST version 4, as far as anyone here asks for it. The same repository, comments and people."""

import re

from tests.forge.host import Asked, CodeHost, Pull, Reply, Route, Row

P = r"/api/v4/projects/(?:7|org%2[Ff]fleet)"
M = rf"{P}/merge_requests/(?P<number>\d+)"
LEVELS = {"none": 0, "guest": 10, "read": 20, "write": 30, "maintain": 40, "admin": 50}


def person(host: CodeHost, number: int) -> Row:
    return {"id": number, "username": host.logins.get(number, f"user-{number}"), "name": "Somebody", "state": "active"}


def note_row(host: CodeHost, row: Row) -> Row:
    touched = "2026-11-23T09:07:00.000Z" if row.get("edited") else "2026-11-23T09:00:01.000Z"
    return {
        "id": row["id"], "type": None, "body": row["body"], "author": person(host, row["author"]),
        "system": bool(row.get("system")), "noteable_type": "MergeRequest", "noteable_iid": row["pull"],
        "created_at": "2026-11-23T09:00:01.000Z", "updated_at": touched, "internal": False,
    }  # fmt: skip


def me(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    return Reply(200, person(host, asked.user))


def project(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    return Reply(200, {"id": host.number, "path_with_namespace": host.repository, "default_branch": "main"})


def request_row(host: CodeHost, one: Pull) -> Row:
    return {
        "id": 4000 + one.number, "iid": one.number, "state": "opened" if one.state == "open" else one.state,
        "sha": one.head(), "source_branch": "change", "target_branch": one.base, "author": person(host, one.author),
        "source_project_id": 99 if one.fork else host.number, "target_project_id": host.number,
        "project_id": host.number, "labels": list(one.labels), "draft": False,
    }  # fmt: skip


def request(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    one = host.pulls.get(int(found["number"]))
    return Reply(200, request_row(host, one)) if one is not None else Reply(404, {"message": "404 Not found"})


def requests(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    rows = [request_row(host, one) for one in host.pulls.values()]
    return Reply(200, [row for row in rows if asked.query.get("state") in ("all", row["state"])])


def notes(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    rows = [note_row(host, row) for row in host.of(int(found["number"]))]
    return Reply(200, rows if asked.query.get("sort") == "asc" else rows[::-1])


def _said(host: CodeHost, asked: Asked) -> str | Reply:
    body = asked.body.get("body") if isinstance(asked.body, dict) else None
    if not isinstance(body, str) or not body:
        return Reply(400, {"error": "body is missing"})
    if len(body) > host.longest:
        return Reply(400, {"message": {"note": [f"is too long (maximum is {host.longest} characters)"]}})
    return body


def create(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    body = _said(host, asked)
    return body if isinstance(body, Reply) else Reply(
        201, note_row(host, host.say(int(found["number"]), asked.user, body))
    )  # fmt: skip


def _mine(host: CodeHost, asked: Asked, found: re.Match[str]) -> Row | Reply:
    row = next((r for r in host.of(int(found["number"])) if r["id"] == int(found["id"])), None)
    if row is None:
        return Reply(404, {"message": "404 Note Not Found"})
    return row if row["author"] == asked.user else Reply(403, {"message": "403 Forbidden"})


def edit(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    row, body = _mine(host, asked, found), _said(host, asked)
    if isinstance(row, Reply):
        return row
    if isinstance(body, Reply):
        return body
    row["body"], row["edited"] = body, True
    return Reply(200, note_row(host, row))


def delete(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    row = _mine(host, asked, found)
    if isinstance(row, Reply):
        return row
    host.comments.remove(row)
    return Reply(204)


def award(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    row = {"comment": int(found["id"]), "content": asked.body["name"]}
    if row in host.reactions:
        return Reply(404, {"message": "404 Award Emoji Name has already been taken Not Found"})
    host.reactions.append(row)
    return Reply(201, {"id": host.next_id(), "name": asked.body["name"], "user": person(host, asked.user)})


def approvals(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    given = [{"user": person(host, r["user"]), **({"approved_at": r["at"]} if "at" in r else {})} for r in host.reviews]
    return Reply(200, {"iid": int(found["number"]), "approved": bool(given), "approved_by": given})


def versions(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    rows = [{"id": n, "head_commit_sha": v["head"], "created_at": v["at"]} for n, v in enumerate(host.versions)]
    return Reply(200, rows[::-1])


def member(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    number = int(found["id"])
    level = LEVELS[host.levels.get(number, "none")]
    if not level:
        return Reply(404, {"message": "404 Not found"})
    return Reply(200, {**person(host, number), "access_level": level})


def status(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    if asked.body.get("state") not in ("pending", "running", "success", "failed", "canceled", "skipped"):
        return Reply(400, {"error": "state does not have a valid value"})
    if len(asked.body.get("description", "")) > 255:
        return Reply(400, {"message": {"description": ["is too long (maximum is 255 characters)"]}})
    row = {"commit": found["sha"], **asked.body}
    last = next((s for s in reversed(host.statuses) if s["name"] == row["name"] and s["commit"] == found["sha"]), None)
    if last and last["state"] == row["state"]:
        why = f"Cannot transition status via :enqueue from :{row['state']} (Reason(s): Status cannot transition)"
        return Reply(400, {"message": why})
    host.statuses.append(row)
    return Reply(201, {"id": host.next_id(), "sha": found["sha"], "status": row["state"], "name": row["name"]})


ROUTES: tuple[Route, ...] = (
    ("GET", r"/api/v4/user", me),
    ("GET", P, project),
    ("GET", M, request),
    ("GET", rf"{P}/merge_requests", requests),
    ("GET", rf"{M}/notes", notes),
    ("POST", rf"{M}/notes", create),
    ("PUT", rf"{M}/notes/(?P<id>\d+)", edit),
    ("DELETE", rf"{M}/notes/(?P<id>\d+)", delete),
    ("POST", rf"{M}/notes/(?P<id>\d+)/award_emoji", award),
    ("GET", rf"{M}/approvals", approvals),
    ("GET", rf"{M}/versions", versions),
    ("GET", rf"{P}/members/all/(?P<id>\d+)", member),
    ("POST", rf"{P}/statuses/(?P<sha>[0-9a-f]{{40}})", status),
)
