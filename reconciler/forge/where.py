"""Which pull request of which code host a run in CI is about: told by its environment, or by flags. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.model.errors import UsageError

GITHUB_API = "https://api.github.com"
GITLAB_API = "https://gitlab.com/api/v4"
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}(/[A-Za-z0-9._-]{1,100}){1,20}|[0-9]{1,20}")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_HEAD_REF = re.compile(r"refs/(?:pull|merge-requests|pull-requests)/([0-9]{1,10})/(?:head|from)")
_REMOTE = re.compile(r"(?:[a-z+]+://)?(?:[^@/]+@)?(?P<host>[A-Za-z0-9.-]+)(?::[0-9]+)?[:/](?P<path>[A-Za-z0-9._/-]+)")
_PULL_REF = re.compile(r"refs/pull/([0-9]{1,10})/")


class Host(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True)
class Said:
    """Flags; what is empty is looked for in the environment."""

    forge: str = ""
    repository: str = ""
    api: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """`api` is the base of its REST API, `web` the repository's page ("" : not known), `number` the pull request (0:
    not known), `commit` its head as CI tells it ("" : not told). `stranger`: its head is in a fork."""

    host: Host
    api: str
    repository: str
    web: str = ""
    number: int = 0
    commit: str = ""
    stranger: bool = False

    def blob_url(self, commit: str) -> str:
        """Where files of a commit are shown, without a slash at the end."""
        between = "/-/blob/" if self.host is Host.GITLAB else "/blob/"
        return f"{self.web}{between}{commit}" if self.web else ""


def of_remote(url: str, said: Said) -> Place | None:
    """The repository that a fleet is cloned from, as a code host knows it. Flags go first; without them only the public
    hosts are known by their names. None: neither tells. Raises UsageError for a flag that cannot be."""
    if said.forge not in ("", *Host):
        raise UsageError(f"forge is {said.forge!r}: it is github or gitlab")
    found = _REMOTE.fullmatch(url)
    name = found["host"].lower() if found else ""
    public = {"github.com": Host.GITHUB, "gitlab.com": Host.GITLAB}
    host = Host(said.forge) if said.forge else public.get(name)
    if host is None:
        return None
    path = (found["path"] if found else "").strip("/").removesuffix(".git")
    api = {Host.GITHUB: GITHUB_API, Host.GITLAB: GITLAB_API}[host] if name in ("", *public) else (
        f"https://{name}/api/v3" if host is Host.GITHUB else f"https://{name}/api/v4"
    )  # fmt: skip
    repository = said.repository or path
    web = f"https://{name}/{path}" if name and path == repository else ""
    return _checked(Place(host, said.api or api, repository, web))


def head_ref(host: Host) -> str:
    """Where the head of a pull request stands, with {} for its number."""
    return "refs/merge-requests/{}/head" if host is Host.GITLAB else "refs/pull/{}/head"


def number_of(ref: str) -> int:
    """The number of the pull request whose head a ref is; 0: of none."""
    found = _HEAD_REF.fullmatch(ref)
    return int(found[1]) if found else 0


def event_path(env: Mapping[str, str]) -> str:
    """The file that holds what a GitHub workflow was started by; "" when there is none."""
    return env.get("GITHUB_EVENT_PATH", "") if env.get("GITHUB_ACTIONS") else ""


def token_names(host: Host) -> tuple[str, ...]:
    """Variables that a token is looked for in, the first one first."""
    if host is Host.GITHUB:
        return ("AIPRESS_FORGE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
    return ("AIPRESS_FORGE_TOKEN", "GITLAB_TOKEN")


def find(env: Mapping[str, str], event: Any, said: Said) -> Place | None:
    """None: neither CI nor flags tell the host. `event`: the JSON in `event_path` (anything else is no event).
    Raises UsageError for a flag, or a variable, that cannot be."""
    if said.forge not in ("", *Host):
        raise UsageError(f"--forge {said.forge}: it is github or gitlab")
    actions, runner = bool(env.get("GITHUB_ACTIONS")), bool(env.get("GITLAB_CI"))
    host = said.forge or (Host.GITHUB if actions else Host.GITLAB if runner else "")
    if not host:
        return None
    if host == Host.GITHUB:
        found = _github(env if actions else {}, event if actions else None)
    else:
        found = _gitlab(env if runner else {})
    other = bool(said.repository) and said.repository != found.repository
    place = Place(
        found.host, said.api or found.api, said.repository or found.repository, "" if other else found.web,
        said.number or found.number, found.commit, found.stranger,
    )  # fmt: skip
    return _checked(place)


def _github(env: Mapping[str, str], event: Any) -> Place:
    repository, server = env.get("GITHUB_REPOSITORY", ""), env.get("GITHUB_SERVER_URL", "https://github.com")
    number, commit, stranger = _pulled(event)
    if not number and (found := _PULL_REF.match(env.get("GITHUB_REF", ""))):
        number = int(found[1])
    web = f"{server.rstrip('/')}/{repository}" if repository else ""
    return Place(
        Host.GITHUB, env.get("GITHUB_API_URL", GITHUB_API), repository, web, number, commit, stranger,
    )  # fmt: skip


def _pulled(event: Any) -> tuple[int, str, bool]:
    """(number, head, whether it comes from a fork) of a workflow's event; (0, "", False) of any other."""
    pull = event.get("pull_request") if isinstance(event, dict) else None
    if not isinstance(pull, dict):
        return 0, "", False
    head, base = pull.get("head"), pull.get("base")
    number = pull.get("number")
    if not isinstance(head, dict) or not isinstance(base, dict) or not isinstance(number, int):
        return 0, "", False
    ids = [side["repo"].get("id") if isinstance(side.get("repo"), dict) else None for side in (head, base)]
    return number, str(head.get("sha", "")), None in ids or ids[0] != ids[1]


def _gitlab(env: Mapping[str, str]) -> Place:
    target, source = env.get("CI_MERGE_REQUEST_PROJECT_ID"), env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    number = env.get("CI_MERGE_REQUEST_IID", "")
    return Place(
        Host.GITLAB, env.get("CI_API_V4_URL", GITLAB_API), target or env.get("CI_PROJECT_ID", ""),
        env.get("CI_MERGE_REQUEST_PROJECT_URL") or env.get("CI_PROJECT_URL", ""),
        int(number) if number.isdigit() and len(number) <= 10 else 0,
        env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or env.get("CI_COMMIT_SHA", ""),
        bool(target and source and target != source),
    )  # fmt: skip


def _checked(place: Place) -> Place:
    if not place.repository:
        raise UsageError("which repository is it?", "--repository owner/name (GitLab: the project's number or path)")
    named = _REPOSITORY.fullmatch(place.repository) and ".." not in place.repository
    if not named or (place.host is Host.GITHUB and place.repository.count("/") != 1):
        raise UsageError(f"{place.repository[:100]!r} is no repository", "it is owner/name")
    if place.number < 0 or place.number > 2**31:
        raise UsageError(f"--pr {place.number}: it is the number of a pull request")
    if place.commit and not _COMMIT.fullmatch(place.commit):
        raise UsageError(f"{place.commit[:80]!r} is no commit id", "see what CI says about this run")
    return place
