"""What the cloud and the history hold, without what only Google makes up: two runs that ended alike are equal here.

Left out are bookkeeping of the local cloud, operations and revisions (they tell of the past), ids, etags and times.
"""

import base64
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

import orjson
import yaml

from reconciler.history.store import GitHistory
from reconciler.localcloud.state import MemoryRows

PAST = (
    "operations/", "expiry/", "pending/", "timers/", "count/", "meta/", "child/", "run.operation/", "run.revisions/",
    "sqladmin.schedule/", "serviceusage.touched/", "secretmanager.payloads/", "secretmanager.latest/", "iam.uniqueid/",
    "sqladmin.operations/", "iam.deleted/", "iam.purge/", "sqladmin.certificates/", "run.executions/",
    "sqladmin.busy/",
)  # fmt: skip
MADE_UP = frozenset({
    "etag", "generation", "metageneration", "observedGeneration", "settingsVersion",  # count or name the writes so far
    "serverCaCert", "serviceAccountEmailAddress",  # Google makes them, with chance in them
})  # fmt: skip
"""What two runs that ended alike differ in; all else is compared, times and numbers by their place alone."""
_NUMBER = re.compile(r"\b\d{9,}\b")
_REVISION = re.compile(r"-\d{5}-[a-z0-9]{3}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")
_SITE = re.compile(r"-[a-z0-9]{10}-[a-z]{2}\.a\.run\.app")
_ADDRESS = re.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def plain(text: str, names: Mapping[str, str]) -> str:
    """A text with ids, times and the like replaced; `names`: what stands for a number of Google's."""
    for pattern, instead in (
        (_UUID, "UUID"),
        (_TIME, "TIME"),
        (_REVISION, "-REVISION"),
        (_ADDRESS, "ADDRESS"),
        (_SITE, "-SITE"),
    ):
        text = pattern.sub(instead, text)
    return _NUMBER.sub(lambda found: names.get(found[0], "#"), text)


def tidied(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {plain(k, names): tidied(inner, names) for k, inner in value.items() if k not in MADE_UP}
    if isinstance(value, list):
        return [tidied(inner, names) for inner in value]
    return plain(value, names) if isinstance(value, str) else value


def _text(raw: bytes, names: "Names") -> str:
    """Remembered: most of what one run holds at its end is what another held."""
    found = names.known.get(raw)
    if found is None:
        tidy = tidied(orjson.loads(raw), names)
        found = names.known[raw] = orjson.dumps(tidy, option=orjson.OPT_SORT_KEYS).decode()
    return found


class Names(dict[str, str]):
    """Google's numbers of projects and folders -> the names that we chose for them. `known`: texts made with these."""

    _all: ClassVar[dict[tuple[tuple[str, str], ...], dict[Any, str]]] = {}

    def __init__(self, found: Mapping[str, str]) -> None:
        super().__init__(found)
        if len(self._all) > 50:
            self._all.clear()
        self.known = self._all.setdefault(tuple(sorted(found.items())), {})
        if len(self.known) > 20_000:
            self.known.clear()


def names_of(rows: MemoryRows) -> Names:
    found = {}
    for key, raw in rows._values.items():
        head, _, rest = key.partition("/")
        if head == "project":
            found[rest] = str(orjson.loads(raw)["projectId"])
        elif head == "cloudresourcemanager.folders":
            found[rest.rpartition("/")[2]] = f"<{orjson.loads(raw)['displayName']}>"
    return Names(found)


def cloud_state(rows: MemoryRows) -> dict[str, str]:
    """Key of each object -> its canonical JSON."""
    names = names_of(rows)
    kept = ((key, raw) for key, raw in rows._values.items() if not key.startswith(PAST))
    return {_key(key, names): _text(raw, names) for key, raw in kept}


def _key(key: str, names: Names) -> str:
    found = names.known.get(key)
    if found is None:
        found = names.known[key] = plain(key, names)
    return found


@lru_cache(maxsize=4096)
def _document(text: str) -> str:
    """What a document says: an edit of comments and spelling alone makes no version."""
    return orjson.dumps(yaml.safe_load(text), option=orjson.OPT_SORT_KEYS).decode()


def history_state(history: GitHistory, names: Names, stood: Callable[[str, str, str], bool]) -> dict[str, str]:
    """Resource -> what its shard's newest version records of it. `stood`: whether a path had a text at a commit of the
    fleet or before.

    A document is that of the version's own commit, or of one before, where its target did not get through. An edit that
    changes nothing live makes no version, so which commit that is may differ between two runs that end alike.
    """
    found = {}
    for shard in history.heads():
        version = history.head(shard)
        for address, applied in version.resources.items() if version else ():
            row = {key: value for key, value in applied.to_json().items() if key not in ("uid", "source")}
            found[f"{shard}: {address}"] = _text(orjson.dumps(row), names)
        for name, tenant in version.tenants.items() if version else ():
            found[f"{shard}: {name}"] = _text(orjson.dumps({**tenant.to_json(), "since": ""}), names)
        for path, text in version.documents.items() if version else ():
            known = stood(path, text, version.fleet_commit)
            found[f"{shard}: {path}"] = "as Git said" if known else _document(text)
    return found


def differences(want: Mapping[str, str], have: Mapping[str, str]) -> list[str]:
    """In words: missing, too much, different."""
    rows = [f"missing: {key}" for key in sorted(want.keys() - have.keys())]
    rows += [f"too much: {key}" for key in sorted(have.keys() - want.keys())]
    for key in sorted(want.keys() & have.keys()):
        if want[key] != have[key]:
            rows.append(f"different: {key}: {_first(want[key], have[key])}")
    return rows


def _first(want: str, have: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(want, have, strict=False)) if a != b), min(len(want), len(have)))
    return f"…{want[max(0, at - 40) : at + 60]}… is …{have[max(0, at - 40) : at + 60]}…"


def payloads(rows: MemoryRows) -> list[bytes]:
    """The bytes of every secret version: what may stand nowhere else."""
    raws = [raw for key, raw in rows._values.items() if key.startswith("secretmanager.payloads/")]
    return [base64.b64decode(orjson.loads(raw).get("data", "")) for raw in raws]
