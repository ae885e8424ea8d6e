"""What must hold in the end: the cloud as after a quiet life, a history that holds together, no secret anywhere."""

import base64
import json
import re
import signal
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from reconciler.engine.clock import SystemClock
from reconciler.engine.journal import FileJournal
from reconciler.history.store import GitHistory
from tests.outside.killing import Era
from tests.outside.processes import CloudProcess, Host, git, kept

PAST = ("expiry", "operations", "run.operation", "run.revisions", "meta", "sqladmin.schedule", "secretmanager.payloads")
"""Collections of the local cloud that tell of what happened, or of chance, and not of what is there."""
CHANCE = frozenset(
    {
        "etag",
        "uid",
        "uniqueId",
        "generation",
        "metageneration",
        "settingsVersion",
        "observedGeneration",
        "aipress-generation",
    }
)
"""Fields that count writes or applies, or were drawn by the server."""
TIMES = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.]*(Z|\+00:00)?")
DRAWN = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|-\d{5}-[a-z0-9]{3}\b"
    r"|\b34(\.\d+){3}\b|-[a-z0-9]{10}-[a-z]{2}\.a\.run\.app"
    r"|-[a-z0-9]{6}@gcp-sa-cloud-sql|^[0-9a-f]{40}$"
)
"""Identifiers, revisions, addresses of databases, hosts of Run, agents of Cloud SQL, fingerprints."""
DELETING = re.compile(r"delete|destroy|purge|disable|remove", re.IGNORECASE)


def check(era: Era, folder: Path) -> None:
    """Ends the era's cloud. Raises AssertionError, with the seed, for the first thing that is wrong."""
    era.settle()
    kept(folder, "calls.json", era.cloud.calls)
    deletes = [call for call in era.cloud.calls if DELETING.search(call["method"])]
    assert not deletes, f"seed {era.seed}: nobody approved {deletes[:3]}"
    quiet = _quiet_life(era, folder)
    era.cloud.end(signal.SIGTERM)
    same(contents(era.cloud.folder), contents(quiet), era.seed)
    left = FileJournal(era.host.state).open_intents()
    assert not left, f"seed {era.seed}: intents are open: {left[:3]}"
    whole_history(era.host.history)
    no_secret(era)


def _quiet_life(era: Era, folder: Path) -> Path:
    """The cloud's folder after one undisturbed apply of the final fleet."""
    cloud = CloudProcess(folder / "cloud", era.seed)
    cloud.boot()
    try:
        host = Host(folder / "host", era.fleet, folder / "history.git", cloud)
        code, said = host.run("apply", "--yes")
        assert code == 0, said[-3000:]
        assert host.run("plan", "--detailed-exitcode")[0] == 0
    finally:
        cloud.end(signal.SIGTERM)
    return cloud.folder


def contents(cloud: Path) -> dict[str, Any]:
    """key -> body of everything a local cloud that has ended holds, with names in place of what the server draws."""
    base = sqlite3.connect(cloud / "cloud.sqlite")
    rows: dict[str, str] = {k: bytes(v).decode() for k, v in base.execute("SELECT key, value FROM rows")}
    base.close()
    names: dict[str, str] = {}
    for key, value in rows.items():
        body = json.loads(value)
        kind, _, own = key.partition("/")
        if kind == "project":
            names[own] = f"NUMBER-{body['projectId']}"
        elif kind == "cloudresourcemanager.folders":
            names[own.rpartition("/")[2]] = f"FOLDER-{body['displayName']}"
        elif kind == "iam.uniqueid":
            names[own] = f"ID-{body['email']}"
    drawn = re.compile("|".join(map(re.escape, names)) or "$^")
    kept = {k: v for k, v in rows.items() if k.partition("/")[0] not in PAST and "operation" not in k.lower()}
    named = {k: drawn.sub(lambda m: names[m[0]], f"{k}\n{v}").split("\n", 1) for k, v in kept.items()}
    counted = Counter(key for key, _ in named.values())
    twice = [key for key, count in counted.items() if count > 1]
    assert not twice, f"made twice: {twice}"
    return {key: _plain(json.loads(value)) for key, value in named.values()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k not in CHANCE}
    if isinstance(value, list):
        return sorted((_plain(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    if isinstance(value, str):
        return DRAWN.sub("DRAWN", TIMES.sub("TIME", value))
    return value


def same(ours: dict[str, Any], quiet: dict[str, Any], seed: int) -> None:
    more, less = sorted(ours.keys() - quiet.keys()), sorted(quiet.keys() - ours.keys())
    assert not more, f"seed {seed}: orphaned or made twice: {more}"
    assert not less, f"seed {seed}: missing: {less}"
    unlike = [row for key, body in sorted(ours.items()) for row in _unlike(key, body, quiet[key])]
    assert not unlike, "\n".join([f"seed {seed}: unlike after a quiet life:", *unlike])


def _unlike(path: str, ours: Any, quiet: Any) -> list[str]:
    if isinstance(ours, dict) and isinstance(quiet, dict):
        return [
            row
            for key in sorted(ours.keys() | quiet.keys())
            for row in _unlike(f"{path} {key}", ours.get(key), quiet.get(key))
        ]
    return [] if ours == quiet else [f"{path}: {json.dumps(ours)}, and {json.dumps(quiet)} after a quiet life"]


def whole_history(folder: Path) -> None:
    """Every version of every shard can be read, each follows the one before, and git finds nothing wrong."""
    history = GitHistory(folder, SystemClock())
    heads = history.heads()
    assert heads
    for shard in heads:
        versions = history.versions(shard)
        assert [v.number for v in versions] == list(range(len(versions), 0, -1))
        assert [v.parent for v in versions] == [*(v.id for v in versions[1:]), None]
        for version in versions:
            assert history.version(version.id).number == version.number
    git(folder, "fsck", "--strict")


def no_secret(era: Era) -> None:
    """No secret that the cloud holds is anywhere in what our processes said or wrote."""
    base = sqlite3.connect(era.cloud.folder / "cloud.sqlite")
    rows = base.execute("SELECT value FROM rows WHERE key LIKE 'secretmanager.payloads/%'").fetchall()
    base.close()
    needles = {needle for (row,) in rows for needle in _spelled(json.loads(row))}
    assert needles
    history = git(era.host.history, "cat-file", "--batch-all-objects", "--batch")
    written = [p for host in (era.host, era.other) for p in host.folder.rglob("*") if p.is_file()]
    for name, content in [("the history", history), *((str(p), p.read_bytes()) for p in written)]:
        found = [needle for needle in needles if needle in content]
        assert not found, f"seed {era.seed}: a secret is in {name}"


def _spelled(payload: dict[str, Any]) -> set[bytes]:
    """A payload and each of its values, in clear and in base64."""
    raw = base64.b64decode(payload["data"])
    try:
        values = [v.encode() for v in json.loads(raw).values() if isinstance(v, str)]
    except (ValueError, AttributeError):
        values = []
    clear = [v for v in (raw.strip(), *values) if len(v) >= 12]
    return {spelling for v in clear for spelling in (v, base64.b64encode(v).rstrip(b"="), base64.urlsafe_b64encode(v))}
