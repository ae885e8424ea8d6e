"""The commands of a transcript beside `aipress`.

    edit FILE: OLD -> NEW      replace text in a file of the fleet (\\n is a line feed)
    append FILE                put the input below at the end of a file
    new FILE                   write a file from the input below
    tenants SHARD N TIER       write the files of N more tenants
    remove FILE                delete a file
    move OLD NEW               move a file or folder
    cat FILE                   print a file
    mode FILE                  print its permissions
    same FILE FILE             whether two files are equal, byte for byte
    commit MESSAGE             commit everything
    git WORDS                  run git in the fleet
    cloud VERB SERVICE/PATH?QUERY JSON     through the cloud's own API
    sql SHARD STATEMENT        as an administrator of the shard's database would
    remember TARGET            note name and identity of what holds the target's data
    still TARGET               whether those are the same
    holds WORD                 objects of the cloud that have the word in their name
    elsewhere aipress …        the command with the same cloud under another address
    fault JSON | nofault       the local cloud's control door

In all of them `{tenant/T/KIND/KEY}` stands for the cloud name that the newest version records for that resource,
`{in N days}` for that date, and `{waves}` for the id of the newest waves.
"""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from reconciler.engine.clock import SystemClock
from reconciler.history.store import GitHistory
from reconciler.kinds.catalog import kind_of
from reconciler.model.ids import Address
from reconciler.model.version import Applied
from tests.scenarios.playing import PROGRESS, Line, Stage, call

_DAYS = re.compile(r"\{in (-?\d+) days\}")
_PLACE = re.compile(r"\{((?:tenant|shard|fleet)/[a-z0-9./-]+)\}")
TENANT = """apiVersion: aipress.io/v1
kind: Tenant
metadata:
  name: {name}
  uid: {uid}
spec:
  tier: {tier}
  source: {{ repository: "https://git.example/agency/{name}.git" }}
  environments:
    production: {{ ref: main, domains: [www.{name}.example] }}
"""
_JSON = {"content-type": "application/json"}


def run(line: Line, stage: Stage) -> str:
    """What a command printed. A command that cannot be done says so in the transcript."""
    try:
        rest = _PLACE.sub(lambda match: _called(recorded(stage, match[1]).name, line.word), _DAYS.sub(_date, line.rest))
        rest = rest.replace("{waves}", _newest_waves(stage)) if "{waves}" in rest else rest
        return WORDS[line.word](Line(line.word, rest, _DAYS.sub(_date, line.given)), stage)
    except (OSError, AssertionError, KeyError) as error:
        return f"[{type(error).__name__}: {error}]\n"


def _date(found: re.Match[str]) -> str:
    return f"{datetime.now(UTC) + timedelta(days=int(found[1])):%Y-%m-%d}"


def _newest_waves(stage: Stage) -> str:
    return GitHistory(stage.state / "history.git", SystemClock()).waves()[-1].id


def _called(name: str, word: str) -> str:
    """SQL knows a database by the last part of its name."""
    return name.rpartition("/")[-1] if word == "sql" else name


def recorded(stage: Stage, address: str) -> Applied:
    """A resource as the newest version that knows it records it."""
    history, wanted = GitHistory(stage.state / "history.git", SystemClock()), Address.parse(address)
    for shard in sorted(history.heads()):
        version = history.head(shard)
        if version is not None and wanted in version.resources:
            return version.resources[wanted]
    raise AssertionError(f"no version records {address}")


def _aipress(line: Line, stage: Stage) -> str:
    code, out, err = call(shlex.split(line.rest), stage)
    told = [row for row in err.splitlines() if not PROGRESS.match(row)]
    marked = "".join(f"! {row}\n" for row in told)
    end = "" if not out or out.endswith("\n") else "\n"
    return out + end + marked + (f"[exit {code}]\n" if code else "")


def _edit(line: Line, stage: Stage) -> str:
    file, _, change = line.rest.partition(": ")
    old, _, new = change.partition(" -> ")
    path = stage.fleet / file
    text = path.read_text()
    old, new = (part.encode().decode("unicode_escape").encode("latin-1").decode() for part in (old, new))
    if old not in text:
        return f"[no {old!r} in {file}]\n"
    path.write_text(text.replace(old, new, 1))
    return ""


def _append(line: Line, stage: Stage) -> str:
    path = stage.fleet / line.rest
    path.write_text(path.read_text() + line.given)
    return ""


def _new(line: Line, stage: Stage) -> str:
    path = stage.fleet / line.rest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line.given)
    return ""


def _tenants(line: Line, stage: Stage) -> str:
    shard, number, tier = line.rest.split()
    for count in range(int(number)):
        name, path = f"site-{count:02}", stage.fleet / f"shards/{shard}/tenants/site-{count:02}/tenant.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(TENANT.format(name=name, uid=f"s{count:02}q4m8x", tier=tier))
    return ""


def _remove(line: Line, stage: Stage) -> str:
    (stage.fleet / line.rest).unlink()
    return ""


def _move(line: Line, stage: Stage) -> str:
    old, new = (stage.fleet / name for name in line.rest.split())
    new.parent.mkdir(parents=True, exist_ok=True)
    old.rename(new)
    return ""


def _cat(line: Line, stage: Stage) -> str:
    return (stage.fleet / line.rest).read_text()


def _mode(line: Line, stage: Stage) -> str:
    return f"{(stage.fleet / line.rest).stat().st_mode & 0o777:04o}\n"


def _same(line: Line, stage: Stage) -> str:
    one, other = ((stage.fleet / name).read_bytes() for name in line.rest.split())
    return "the same bytes\n" if one == other else "[they differ]\n"


def _commit(line: Line, stage: Stage) -> str:
    for words in (["add", "-A"], ["commit", "-q", "-m", line.rest]):
        subprocess.run(["git", *words], cwd=stage.fleet, env=stage.environment(), check=True)
    return ""


def _git(line: Line, stage: Stage) -> str:
    done = subprocess.run(
        ["git", *shlex.split(line.rest)], cwd=stage.fleet, env=stage.environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr}[exit {done.returncode}]\n"


def _cloud(line: Line, stage: Stage) -> str:
    verb, where, *body = line.rest.split(" ", 2)
    status, answer = ask(stage, verb, where, body[0].encode() if body else None)
    return f"{status}\n" if status == 200 else f"{status} {answer[:200]}\n"


def ask(stage: Stage, verb: str, where: str, body: bytes | None = None) -> tuple[int, str]:
    """One request to the local cloud: its status and text."""
    try:
        with urlopen(Request(f"{stage.url}/{where}", body, _JSON, method=verb), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def _sql(line: Line, stage: Stage) -> str:
    shard, _, statement = line.rest.partition(" ")
    instance = recorded(stage, f"shard/{shard}/sql.instance/main").name
    body = json.dumps({"sqlStatement": statement, "autoIamAuthn": True, "rowLimit": "100"}).encode()
    status, answer = ask(stage, "POST", f"sqladmin/sql/v1beta4/{instance}/executeSql", body)
    wrong = [r["status"]["message"] for r in json.loads(answer).get("results", []) if r.get("status", {}).get("code")]
    return "".join(f"{text}\n" for text in wrong) if status == 200 else f"{status} {answer[:200]}\n"


def objects(stage: Stage) -> dict[str, int]:
    """Objects of the cloud per collection, without what only tells of the past."""
    counts: dict[str, Any] = json.loads(ask(stage, "GET", "_aipress/status")[1])["counts"]
    return {k: int(v) for k, v in counts.items() if "operation" not in k.lower() and k not in ("pending", "expiry")}


def _identities(stage: Stage, target: str) -> dict[str, tuple[str, str]]:
    history = GitHistory(stage.state / "history.git", SystemClock())
    kept: dict[str, tuple[str, str]] = {}
    for shard in history.heads():
        version = history.head(shard)
        for address, applied in version.resources.items() if version else ():
            data = kind_of(address.kind).data_bearing and address.kind != "sql.backup"
            if data and str(address.target) == target:
                kept[f"{address.kind}/{address.key}"] = (applied.name, applied.uid)
    return dict(sorted(kept.items()))


def _remember(line: Line, stage: Stage) -> str:
    kept = _identities(stage, line.rest)
    stage.remembered[line.rest] = kept
    return f"{', '.join(kept)}\n"


def _still(line: Line, stage: Stage) -> str:
    before, now = stage.remembered[line.rest], _identities(stage, line.rest)
    rows = [f"{key}: {'the same' if now.get(key) == before[key] else '[ANOTHER ONE]'}\n" for key in before]
    return "".join(rows)


def _holds(line: Line, stage: Stage) -> str:
    """What the local cloud itself holds (its operations tell of the past)."""
    keys: list[str] = json.loads(ask(stage, "GET", f"_aipress/keys?contains={quote(line.rest)}")[1])["keys"]
    return "".join(f"{key}\n" for key in keys if "operation" not in key.lower()) or "nothing\n"


def _elsewhere(line: Line, stage: Stage) -> str:
    other = {"AIPRESS_CLOUD_URL": stage.url.replace("127.0.0.1", "localhost")}
    said = _aipress(Line("aipress", line.rest.removeprefix("aipress ")), replace(stage, extra=other))
    return said.replace("localhost", "ELSEWHERE")


def _fault(line: Line, stage: Stage) -> str:
    status, answer = ask(stage, "POST", "_aipress/faults", line.rest.encode())
    return "" if status == 200 else f"{status} {answer}\n"


def _nofault(_line: Line, stage: Stage) -> str:
    ask(stage, "DELETE", "_aipress/faults")
    return ""


def _given(line: Line, _stage: Stage) -> str:
    assert line.rest == "the fleet applied"
    return ""


WORDS: dict[str, Callable[[Line, Stage], str]] = {
    "aipress": _aipress, "edit": _edit, "append": _append, "new": _new, "tenants": _tenants,
    "remove": _remove, "move": _move, "cat": _cat,
    "mode": _mode, "same": _same, "commit": _commit, "git": _git, "cloud": _cloud, "sql": _sql, "remember": _remember,
    "still": _still, "holds": _holds, "elsewhere": _elsewhere, "fault": _fault, "nofault": _nofault, "given": _given,
}  # fmt: skip
