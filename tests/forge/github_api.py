"""GitHub's REST, as far as anyone here asks for it."""

import re
from typing import Any

from tests.forge.host import Asked, CodeHost, Pull, Reply, Route, Row

R = r"/repos/org/fleet"
N = r"(?P<number>\d+)"


def user_row(host: CodeHost, number: int) -> Row:
    kind = "Bot" if number in host.apps else "User"
    return {"id": number, "login": host.logins.get(number, f"user-{number}"), "type": kind, "site_admin": False}


def comment_row(host: CodeHost, row: Row) -> Row:
    touched = "2026-11-23T09:07:00Z" if row.get("edited") else "2026-11-23T09:00:01Z"
    return {
        "id": row["id"], "node_id": f"IC_{row['id']}", "user": user_row(host, row["author"]), "body": row["body"],
        "author_association": "MEMBER", "created_at": "2026-11-23T09:00:01Z", "updated_at": touched,
        "issue_url": f"{host.url}/repos/org/fleet/issues/{row['pull']}",
    }  # fmt: skip


def invalid(field: str, message: str) -> Reply:
    errors = [{"resource": "IssueComment", "field": field, "code": "custom", "message": message}]
    return Reply(422, {"message": "Validation Failed", "errors": errors, "status": "422"})


def _body_of(host: CodeHost, asked: Asked) -> str | Reply:
    body = asked.body.get("body") if isinstance(asked.body, dict) else None
    if not isinstance(body, str) or not body.strip():
        return invalid("body", "body can't be blank")
    if len(body) > host.longest:
        return invalid("body", f"body is too long (maximum is {host.longest} characters)")
    return body


def me(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    if asked.user in host.apps:
        return Reply(403, {"message": "Resource not accessible by integration", "status": "403"})
    return Reply(200, user_row(host, asked.user))


def graphql(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    if "viewer" not in str(asked.body.get("query")):
        return Reply(200, {"data": None, "errors": [{"message": "only viewer is known here"}]})
    return Reply(200, {"data": {"viewer": {"login": host.logins[asked.user], "databaseId": asked.user}}})


def pull_row(host: CodeHost, one: Pull) -> Row:
    base = {"id": host.number, "full_name": host.repository, "fork": False}
    away = {"id": 99, "full_name": "stranger/fleet", "fork": True}
    return {
        "number": one.number, "state": "open" if one.state == "open" else "closed", "draft": False,
        "user": user_row(host, one.author), "merged_at": "2026-11-23T09:30:00Z" if one.state == "merged" else None,
        "labels": [{"id": n, "name": name} for n, name in enumerate(one.labels)],
        "head": {"ref": "change", "sha": one.head(), "repo": away if one.fork else base},
        "base": {"ref": one.base, "sha": "0" * 40, "repo": base},
    }  # fmt: skip


def pull(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    one = host.pulls.get(int(found["number"]))
    return Reply(200, pull_row(host, one)) if one is not None else Reply(404, {"message": "Not Found"})


def pulls(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    wanted = [one for one in host.pulls.values() if asked.query.get("state") in ("all", one.state)]
    return Reply(200, [pull_row(host, one) for one in wanted])


def comments(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    if int(found["number"]) not in host.pulls:
        return Reply(404, {"message": "Not Found"})
    return Reply(200, [comment_row(host, row) for row in host.of(int(found["number"]))])


def create(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    body = _body_of(host, asked)
    if isinstance(body, Reply):
        return body
    return Reply(201, comment_row(host, host.say(int(found["number"]), asked.user, body)))


def _mine(host: CodeHost, asked: Asked, found: re.Match[str]) -> Row | Reply:
    row = next((r for r in host.comments if r["id"] == int(found["id"])), None)
    if row is None:
        return Reply(404, {"message": "Not Found"})
    may = row["author"] == asked.user or host.levels.get(asked.user) == "admin"
    return row if may else Reply(403, {"message": "Must have admin rights to Repository."})


def edit(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    row, body = _mine(host, asked, found), _body_of(host, asked)
    if isinstance(row, Reply):
        return row
    if isinstance(body, Reply):
        return body
    row["body"], row["edited"] = body, True
    return Reply(200, comment_row(host, row))


def delete(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    row = _mine(host, asked, found)
    if isinstance(row, Reply):
        return row
    host.comments.remove(row)
    return Reply(204)


def reviews(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    return Reply(200, [
        {"id": n, "user": user_row(host, r["user"]), "state": r["state"], "commit_id": r["commit"], "body": ""}
        for n, r in enumerate(host.reviews)
    ])  # fmt: skip


def user_by_id(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    number = int(found["id"])
    return Reply(200, user_row(host, number)) if number in host.logins else Reply(404, {"message": "Not Found"})


def permission(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    """By login: who renamed himself to somebody else's old name answers under it."""
    number = next((n for n, login in host.logins.items() if login == found["login"]), None)
    if number is None:
        return Reply(404, {"message": "Not Found"})
    level = host.levels.get(number, "none")
    return Reply(200, {"permission": level, "role_name": level, "user": user_row(host, number)})


def check_run(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    return _checked(host, asked, {"id": host.next_id(), "annotations": []}, new=True)


def more_annotations(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    row = next((r for r in host.checks if r["id"] == int(found["id"])), None)
    return Reply(404, {"message": "Not Found"}) if row is None else _checked(host, asked, row, new=False)


def _checked(host: CodeHost, asked: Asked, row: Row, *, new: bool) -> Reply:
    output: dict[str, Any] = asked.body.get("output", {})
    listed = output.get("annotations", [])
    if len(listed) > 50:
        return Reply(422, {"message": "Invalid request.\n\nNo more than 50 items are allowed; 51 were supplied."})
    if new and not (asked.body.get("name") and re.fullmatch("[0-9a-f]{40}", asked.body.get("head_sha", ""))):
        return Reply(422, {"message": 'Invalid request.\n\n"head_sha" wasn\'t supplied.'})
    if (output and not (output.get("title") and output.get("summary"))) or len(output.get("summary", "")) > 65_535:
        return Reply(422, {"message": "Invalid request: output"})
    for one in listed:
        if not {"path", "start_line", "end_line", "annotation_level", "message"} <= one.keys():
            return Reply(422, {"message": "Invalid request: annotations"})
    row.update({name: value for name, value in asked.body.items() if name != "output"})
    row["title"], row["summary"] = output["title"], output["summary"]
    row["annotations"] += listed
    if new:
        host.checks.append(row)
    return Reply(201 if new else 200, {"id": row["id"], "name": row["name"], "conclusion": row["conclusion"]})


def status(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    if len(asked.body.get("description", "")) > 140:
        return Reply(422, {"message": "Validation Failed: description is too long (maximum is 140 characters)"})
    host.statuses.append({"commit": found["sha"], **asked.body})
    return Reply(201, {"id": host.next_id(), "state": asked.body["state"], "context": asked.body["context"]})


def react(host: CodeHost, asked: Asked, found: re.Match[str]) -> Reply:
    host.reactions.append({"comment": int(found["id"]), "content": asked.body["content"]})
    return Reply(201, {"id": host.next_id(), "content": asked.body["content"]})


ROUTES: tuple[Route, ...] = (
    ("GET", r"/user", me),
    ("POST", r"/graphql", graphql),
    ("GET", r"/user/(?P<id>\d+)", user_by_id),
    ("GET", rf"{R}/pulls/{N}", pull),
    ("GET", rf"{R}/pulls", pulls),
    ("GET", rf"{R}/pulls/{N}/reviews", reviews),
    ("GET", rf"{R}/issues/{N}/comments", comments),
    ("POST", rf"{R}/issues/{N}/comments", create),
    ("PATCH", rf"{R}/issues/comments/(?P<id>\d+)", edit),
    ("DELETE", rf"{R}/issues/comments/(?P<id>\d+)", delete),
    ("POST", rf"{R}/issues/comments/(?P<id>\d+)/reactions", react),
    ("GET", rf"{R}/collaborators/(?P<login>[^/]+)/permission", permission),
    ("POST", rf"{R}/check-runs", check_run),
    ("PATCH", rf"{R}/check-runs/(?P<id>\d+)", more_annotations),
    ("POST", rf"{R}/statuses/(?P<sha>[0-9a-f]{{40}})", status),
)
