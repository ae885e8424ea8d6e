"""Replays recorded traffic of the real Google APIs against the pure core and scores how alike it answers.

Twice. *As written* sends what `../shared/conformance/replay.py` sends, and scores as it does. But whoever recorded the
traffic replaced what only Google's servers knew (ids, etags, names of operations) by placeholders, so many of those
requests ask for `networkid` where the client asked for what the answer before had told it. *Learnt* sends what that
client would have sent: ids and etags from our own answers. The server has no part in this: it knows no placeholder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from reconciler.localcloud import coverage
from reconciler.localcloud.call import Settings
from reconciler.localcloud.core import Cloud
from reconciler.localcloud.state import MemoryRows, State
from reconciler.localcloud.values import Request

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "conformance"
ORGANISATION, FOLDER, BILLING = "111111111111", "222222222222", "000000-AAAAAA-BBBBBB"
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
ETAG = re.compile(r"abcdef0123A=?")
# What an API says where, in a recording, may be anything: the same expressions as in replay.py.
VOLATILE = re.compile(
    r"(etag|[tT]ime(stamp)?|[fF]ingerprint|[uU]id|id|\$\{.*|user|creator|lastModifier|projectNumber|generation|"
    r"[sS]elfLink.*|targetLink|message|Id|pid|opid|nonce)$"
)
DATE = re.compile(r"\d{4}-\d\d-\d\dT")
# Segments that servers make up: long numbers, UUIDs, names of operations.
_MADE_UP = re.compile(r"\d{10,}|[0-9a-f]+(-[0-9a-f]+){4}|operation-.*")
_NAMES = re.compile(r"\.(name|selfLink|message)$")
# Where an answer says its own name.
_LINKS = re.compile(r"^\.(name|selfLink|targetLink)$|^\.response\.name$")
_WORDS = ("status", "present", "equal", "messages")
_ETAGS = ("etag", "fingerprint", "labelFingerprint", "settingsVersion")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


@dataclass
class Scores:
    """Counts per service, and what did not match with how often."""

    counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    notes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def table(self) -> dict[str, tuple[int, float, float, float, float]]:
        """Service -> exchanges, and in percent: same status, leaves present, leaves equal, messages equal."""
        total: Counter[str] = Counter()
        for count in self.counts.values():
            total.update(count)
        return {name: _row(count) for name, count in [*sorted(self.counts.items()), ("TOTAL", total)]}


def _row(count: Counter[str]) -> tuple[int, float, float, float, float]:
    def share(part: str, whole: int) -> float:
        return round(100.0 * count[part] / whole, 1) if whole else 100.0

    return (
        count["exchanges"], share("status", count["exchanges"]), share("present", count["leaves"]),
        share("equal", count["leaves"] - count["volatile"]), share("messages", count["errors"]),
    )  # fmt: skip


@dataclass
class Server:
    """The core with durations next to nothing: recorded clients waited for operations, a replay does not."""

    cloud: Cloud = field(default_factory=lambda: Cloud(settings=Settings(time_scale=1e7)))
    rows: MemoryRows = field(default_factory=MemoryRows)
    now: float = 1_800_000_000.0
    asked: int = 0

    def call(self, service: str, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        self.now, self.asked, state = self.now + 0.01, self.asked + 1, State(self.rows)
        raw = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        asked = parse_qs(query, keep_blank_values=True)
        request = Request(method, f"/{service}{path}", asked, {"content-type": "application/json"}, raw)
        answer = self.cloud.handle(state, request, self.now, random.Random(self.asked))
        state.commit()
        told = answer.body
        if isinstance(told, bytes):
            try:
                told = json.loads(told)
            except ValueError:
                told = told.decode(errors="replace")
        return answer.status, told


@dataclass
class Scenario:
    """One recording, in a project of its own."""

    server: Server
    file: Path
    learns: bool
    operation: str = "operation-unknown"
    number: str = "0"
    renamed: dict[str, str] = field(default_factory=dict)
    etags: dict[tuple[str, str], Any] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.unique = hashlib.sha256(self.file.name.encode()).hexdigest()[:12]
        self.project = f"rec-{self.unique}"

    def run(self, scores: Scores) -> None:
        if not (self.learns and self._makes_its_project()):
            self._prepare(self.project)
        answer = self.server.call("cloudresourcemanager", "GET", f"/v3/projects/{self.project}", "", None)[1]
        self.number = str(answer.get("name", "projects/0")).split("/")[-1]
        lines = self.file.read_text().splitlines()
        if self.learns:
            lines = self._foresee(lines)
        for line in lines:
            self._exchange(json.loads(PLACEHOLDER.sub(self._known, line)), scores)

    def _makes_its_project(self) -> bool:
        rows = (json.loads(line) for line in self.file.read_text().splitlines())
        posts = [row["request"] for row in rows if row["method"] == "POST" and row["path"].endswith("/projects")]
        return any(isinstance(body, dict) and body.get("projectId") == "${projectId}" for body in posts)

    def _prepare(self, project: str) -> None:
        wish = {"projectId": project, "parent": f"organizations/{ORGANISATION}"}
        self.server.call("cloudresourcemanager", "POST", "/v3/projects", "", wish)

    def _known(self, found: re.Match[str]) -> str:
        low = found[1].lower()
        if low.startswith("operation"):
            return self.operation
        return {
            "projectid": self.project, "uniqueid": self.unique, "projectnumber": self.number,
            "organizationid": ORGANISATION, "folderid": FOLDER, "billingaccountid": BILLING,
            "testorgid": ORGANISATION, "testfolderid": FOLDER,
        }.get(low, low)  # fmt: skip

    # --- what the recorded client knew -------------------------------------------------------------------------

    def _foresee(self, lines: list[str]) -> list[str]:
        """What the recording itself gives away: projects that were there before, and a word it replaced too often."""
        text = "\n".join(lines)
        if re.search(r"\$\{networkID\}(?=[A-Z])", text):
            # The normaliser replaced `default`, the name of a network, wherever it stood: also in names of fields.
            text = re.sub(r"\$\{networkID\}(?=[A-Z])", "default", text)
            self.renamed["networkid"] = "default"
        rows = [json.loads(PLACEHOLDER.sub(self._known, line)) for line in text.splitlines()]
        made = {row["request"].get("projectId") for row in rows if isinstance(row["request"], dict)}
        for own in re.findall(r"(?:organizations|folders)/(\d{9,})", text):
            self.renamed.setdefault(own, ORGANISATION if f"organizations/{own}" in text else FOLDER)
        # What the client itself called something is no secret of the server.
        self.chosen = {str(row["request"].get("name")) for row in rows if isinstance(row["request"], dict)}
        for row in rows:
            found = re.search(r"/projects/([a-z][a-z0-9-]{4,28}[a-z0-9])/", row["path"])
            if found and found[1] not in made and row["status"] != 403:
                self._prepare(found[1])
            self._look_ahead(row)
        return text.splitlines()

    def _exchange(self, row: Any, scores: Scores) -> None:
        service, path, query, body = row["service"], row["path"], row["query"], row["request"]
        if self.learns:
            path, query, body = self._as_client(path), self._as_client(query), self._renewed(path, body)
        status, got = self.server.call(service, row["method"], path, query, body)
        if isinstance(got, dict) and "name" in got and "operation" in str(got.get("kind", got["name"])).lower():
            self.operation = str(got["name"]).split("operations/")[-1]
        if self.learns and status == row["status"]:
            self._learn(row["path"], row["response"], got)
            row["response"] = self._said(row["response"])
        judge(row, status, got, scores.counts[service], scores.notes[service])

    def _look_ahead(self, row: Any) -> None:
        """A placeholder in a path whose answer names the resource otherwise: the client had that name."""
        found = re.search(r"/(\w+)/([a-z]+id)(?:[:/]\w+)*$", row["path"])
        if found is None or found[2] in self.renamed or found[2] in self.chosen:
            return
        if (
            isinstance(row["response"], dict)
            and row["response"].get("description") == "Default network for the project"
        ):
            self.renamed[found[2]] = "default"
        for where, value in leaves(row["response"]):
            named = _NAMES.search(where) and re.search(rf"{found[1]}/([\w.-]+)'?", str(value))
            if found[2] not in self.renamed and named and named[1] != found[2] and self.unique in named[1]:
                self.renamed[found[2]] = named[1]
                return

    def _as_client(self, text: str) -> str:
        def renew(found: re.Match[str]) -> str:
            return self.renamed.get(found[0], found[0])

        return re.sub(r"[\w.-]+", renew, text)

    def _renewed(self, path: str, body: Any, key: str = "") -> Any:
        """A body with the etags that we told, and links to what we made."""
        if isinstance(body, dict):
            return {name: self._renewed(path, inner, name) for name, inner in body.items()}
        if isinstance(body, list):
            return [self._renewed(path, inner, key) for inner in body]
        if not isinstance(body, str):
            return body
        if key in _ETAGS and ETAG.fullmatch(body):
            return self.etags.get((_base(path), key), body)
        return self._as_client(body) if "/" in body or body in self.renamed else body

    def _said(self, recorded: Any) -> Any:
        """The recorded answer with what its placeholders stand for here."""
        if isinstance(recorded, dict):
            return {name: self._said(inner) for name, inner in recorded.items()}
        if isinstance(recorded, list):
            return [self._said(inner) for inner in recorded]
        return self._as_client(recorded) if isinstance(recorded, str) else recorded

    def _learn(self, path: str, recorded: Any, got: Any) -> None:
        told = dict(leaves(got)) if isinstance(got, dict | list) else {}
        for where, value in told.items():
            key = where.rsplit(".", 1)[-1]
            if key in _ETAGS:
                self.etags[_base(path), key] = value
        if not isinstance(recorded, dict):
            return
        for where, value in leaves(recorded):
            ours = told.get(where)
            if isinstance(value, str) and isinstance(ours, str) and _LINKS.search(where):
                self._compare(value, ours)

    def _compare(self, recorded: str, ours: str) -> None:
        left, right = recorded.split("/"), ours.split("/")
        if len(left) != len(right):
            return
        for one, other in zip(left, right, strict=True):
            placeholder = one.endswith("id") and one.islower() and one.isalnum()
            known = one in (ORGANISATION, FOLDER, self.number) or one in self.chosen
            if one != other and not known and (placeholder or _MADE_UP.fullmatch(one)) and set(one) != {"0"} and other:
                self.renamed[one] = other


def _base(path: str) -> str:
    """The resource that a path is about, without a custom verb."""
    return path.split(":", maxsplit=1)[0].removesuffix("/setLabels")


def judge(row: Any, status: int, got: Any, score: Counter[str], notes: Counter[str]) -> None:
    """Score one exchange, exactly as replay.py does."""
    score["exchanges"] += 1
    if status != row["status"]:
        notes[f"{row['method']} {row['path']} recorded {row['status']} got {status} {str(got)[:200]}"] += 1
        return
    score["status"] += 1
    if row["status"] >= 300:
        score["errors"] += 1
        with contextlib.suppress(TypeError, KeyError):
            score["messages"] += row["response"]["error"]["message"] == got["error"]["message"]
        return
    if not isinstance(row["response"], dict | list):
        return
    found = dict(leaves(got)) if isinstance(got, dict | list) else {}
    for path, value in leaves(row["response"]):
        score["leaves"] += 1
        if path not in found:
            notes["missing " + re.sub(r"\[\d+\]", "[]", path)] += 1
            continue
        score["present"] += 1
        if VOLATILE.search(path) or DATE.search(str(value)):
            score["volatile"] += 1
        elif str(value) == str(found[path]):
            score["equal"] += 1
        else:
            notes["differs " + re.sub(r"\[\d+\]", "[]", path) + f" recorded {value!r:.80} got {found[path]!r:.80}"] += 1


def replayed(*, learns: bool, folder: Path = RECORDINGS / "recordings") -> Scores:
    """All recordings, one after the other, into one fresh cloud."""
    server, scores = Server(), Scores()
    for file in sorted(folder.glob("*.jsonl")):
        Scenario(server, file, learns).run(scores)
    return scores


def measured() -> dict[str, Any]:
    """What `likeness.json` says: service -> how many exchanges, and the four shares of both replays."""
    recorded, client = (replayed(learns=learns).table() for learns in (False, True))
    return {
        name: {"exchanges": row[0], "recorded": list(row[1:]), "client": list(client[name][1:])}
        for name, row in recorded.items()
    }


def main() -> None:
    """`python -m tests.conformance.recorded --write`, or a service: what of it does not match, as the client asks."""
    if sys.argv[1:] == ["--write"]:
        coverage.MEASURED.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
        return
    for learns in (False, True):
        scores = replayed(learns=learns)
        print("as the client" if learns else "as recorded")
        for name, row in scores.table().items():
            shares = "  ".join(f"{word} {share:5.1f}" for word, share in zip(_WORDS, row[1:], strict=True))
            print(f"  {name:22s} exchanges {row[0]:5d}  {shares}")
        if learns and len(sys.argv) > 1:
            for text, count in scores.notes[sys.argv[1]].most_common():
                print(f"  {count:4d} {text}")


if __name__ == "__main__":
    main()
