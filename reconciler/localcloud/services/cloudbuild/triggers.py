"""Triggers: kept under a made id and a chosen name, run by hand or by a webhook.

A repository cannot be read here: a trigger whose build stands in a file of the repository runs one step in its place.
"""

from __future__ import annotations

import hashlib
import re

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, exists, failed_precondition, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudbuild import builds
from reconciler.localcloud.services.cloudbuild.builds import place_of, project_of
from reconciler.localcloud.values import Json, uuid_like

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
_USER = re.compile(r"_[A-Z0-9_]+")
_EVENTS = (
    "triggerTemplate", "github", "pubsubConfig", "webhookConfig", "bitbucketServerTriggerConfig",
    "repositoryEventConfig", "developerConnectEventConfig", "sourceToBuild",
)  # fmt: skip
_BUILDS = ("build", "filename", "gitFileSource", "autodetect")
_SERVER = ("id", "createTime", "resourceName")
_VAGUE = "Request contains an invalid argument."


def _prefix(call: Call) -> str:
    return f"cloudbuild.triggers/projects/{project_of(call)['number']}/locations/{place_of(call)}/triggers/"


def _own(call: Call) -> str:
    name = call.params.get("triggerId") or call.params.get("trigger") or call.subject
    return name.rsplit("/", 1)[-1]


def _load(call: Call) -> Json:
    """The trigger of this id or name. GoogleError 404."""
    own = _own(call)
    row = call.state.get(_prefix(call) + own)
    if row is None:
        row = next((found for _, found in call.state.scan(_prefix(call)) if found["name"] == own), None)
    if row is None:
        raise not_found()
    return row


def _check(trigger: Json) -> None:
    """GoogleError 400 in the few words that Cloud Build has for triggers."""
    if not _NAME.fullmatch(trigger.get("name", "")):
        raise invalid(f"invalid trigger name: {trigger.get('name', '')}", ("trigger.name", "invalid"))
    events = [name for name in _EVENTS[:-1] if trigger.get(name)]
    sources = [name for name in _BUILDS if trigger.get(name)]
    if len(events) > 1 or len(sources) != 1:
        raise invalid(_VAGUE)
    if not events and not trigger.get("sourceToBuild") and not trigger.get("build"):
        raise invalid(_VAGUE)
    for key in trigger.get("substitutions") or {}:
        if not _USER.fullmatch(key):
            raise invalid(f'substitution key "{key}" does not respect format "^_[A-Z0-9_]+$"')
    if trigger.get("build") and not trigger["build"].get("steps"):
        raise invalid(_VAGUE)


def _complete(call: Call, trigger: Json) -> Json:
    project = project_of(call)
    if trigger.get("triggerTemplate"):
        trigger["triggerTemplate"] = {"projectId": project["projectId"], **trigger["triggerTemplate"]}
    if trigger.get("pubsubConfig"):
        own = f"projects/{project['projectId']}/subscriptions/gcb-{trigger['name']}"
        trigger["pubsubConfig"] = {"subscription": own, "state": "OK", **trigger["pubsubConfig"]}
    if trigger.get("webhookConfig"):
        trigger["webhookConfig"] = {"state": "OK", **trigger["webhookConfig"]}
    for name in ("disabled", "tags", "substitutions", "includedFiles", "ignoredFiles"):
        if name in trigger and not trigger[name]:
            del trigger[name]
    return trigger


def _create(call: Call) -> Answer:
    project, own = project_of(call), uuid_like(call.rng)
    body = {name: value for name, value in call.body.items() if name not in _SERVER}
    body["name"] = body.get("name") or "trigger-" + own[:8]
    _check(body)
    if any(row["name"] == body["name"] for _, row in call.state.scan(_prefix(call))):
        raise exists(f"trigger (projectId={project['projectId']}, name={body['name']}) already exists")
    shown = f"projects/{project['projectId']}/locations/{place_of(call)}/triggers/{own}"
    row = _complete(call, {**body, "id": own, "createTime": call.stamp, "resourceName": shown})
    call.state.put(_prefix(call) + own, row)
    return row


def _get(call: Call) -> Answer:
    return _load(call)


def _list(call: Call) -> Answer:
    found, token = generic.page(call, call.state.scan(_prefix(call), generic.start_of(call)))
    return ({"triggers": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _patch(call: Call) -> Answer:
    """Takes the masked fields, or everything where there is no mask."""
    stored = _load(call)
    kept = {name: stored[name] for name in _SERVER}
    body = {name: value for name, value in call.body.items() if name not in _SERVER}
    body.setdefault("name", stored["name"])
    changed = builds.with_mask(stored, body, call.query("updateMask")) | kept
    _check(changed)
    if changed["name"] != stored["name"] and any(
        row["name"] == changed["name"] for _, row in call.state.scan(_prefix(call))
    ):
        raise exists(f"trigger (name={changed['name']}) already exists")
    changed = _complete(call, changed)
    call.state.put(_prefix(call) + stored["id"], changed)
    return changed


def _delete(call: Call) -> Answer:
    call.state.delete(_prefix(call) + _load(call)["id"])
    return {}


# --- running ---------------------------------------------------------------------------------------------------


def _run(call: Call) -> Answer:
    asked = call.body.get("source") if ".locations." in call.method.id else call.body
    return _started(call, _load(call), asked or call.body.get("source") or {})


def _webhook(call: Call) -> Answer:
    trigger = _load(call)
    if not trigger.get("webhookConfig"):
        raise failed_precondition("The trigger is not a webhook trigger.")
    if not call.query("secret"):
        raise GoogleError(403, "The caller does not have permission")
    if not trigger.get("disabled"):
        _started(call, trigger, {})
    return {}


def _started(call: Call, trigger: Json, source: Json) -> Json:
    """A build of the trigger at a revision; where none is known, one is derived from what is asked."""
    template = trigger.get("triggerTemplate") or trigger.get("github") or {}
    branch = source.get("branchName") or ("" if source.get("tagName") else "main")
    commit = (
        source.get("commitSha")
        or hashlib.sha1(f"{trigger['id']}{branch}{source.get('tagName')}".encode(), usedforsecurity=False).hexdigest()
    )
    repository = template.get("repoName") or template.get("name") or ""
    known = {
        "TRIGGER_NAME": trigger["name"], "TRIGGER_BUILD_CONFIG_PATH": trigger.get("filename", ""),
        "REPO_NAME": repository, "BRANCH_NAME": branch, "TAG_NAME": source.get("tagName", ""), "COMMIT_SHA": commit,
        "REVISION_ID": commit, "SHORT_SHA": commit[:7], "REF_NAME": branch or source.get("tagName", ""),
    }  # fmt: skip
    asked: Json = dict(
        trigger.get("build") or {"steps": [{"name": "gcr.io/cloud-builders/docker", "args": ["build", "."]}]}
    )
    given = {**(asked.get("substitutions") or {}), **(trigger.get("substitutions") or {}),
             **(source.get("substitutions") or {})}  # fmt: skip
    asked["substitutions"] = given
    asked["tags"] = [*(asked.get("tags") or []), *(trigger.get("tags") or []), f"trigger-{trigger['id']}"]
    # Always so for triggered builds (discovery document, BuildOptions).
    asked["options"] = {
        **(asked.get("options") or {}),
        "substitutionOption": "ALLOW_LOOSE",
        "dynamicSubstitutions": True,
    }
    if trigger.get("serviceAccount"):
        asked["serviceAccount"] = trigger["serviceAccount"]
        asked["options"].setdefault("logging", "CLOUD_LOGGING_ONLY")
    extra: Json = {"buildTriggerId": trigger["id"]}
    if repository:
        resolved = {"projectId": projects.with_id(call.state, f"projects/{project_of(call)['number']}").split("/")[1],
                    "repoName": repository, "commitSha": commit}  # fmt: skip
        asked.setdefault("source", {"repoSource": {**resolved, **source}})
        extra["sourceProvenance"] = {"resolvedRepoSource": resolved}
    extra["substitutions"] = {**{name: value for name, value in known.items() if value}, **given}
    if (trigger.get("approvalConfig") or {}).get("approvalRequired"):
        extra |= {"status": "PENDING", "approval": {"state": "PENDING", "config": trigger["approvalConfig"]}}
    return builds.submit(call, asked, extra, known)


_BASES = ("cloudbuild.projects.triggers.", "cloudbuild.projects.locations.triggers.")
_OWN = {
    "create": _create, "get": _get, "list": _list, "patch": _patch, "delete": _delete, "run": _run, "webhook": _webhook,
}  # fmt: skip
METHODS = {base + name: behaviour for base in _BASES for name, behaviour in _OWN.items()}
