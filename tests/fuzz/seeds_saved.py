"""Hostile saved plans, orders, journals, settings and names, by name. Forged plans carry the digest of what they say."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.model.canonical import canonical, digest
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.ids import Address, Target
from reconciler.model.order import Order
from reconciler.model.plan import Action, Change, FieldChange, GuardVerdict, Plan, Verdict
from reconciler.model.resource import Ref

Seed = bytes | Callable[[], bytes]
SERVICE = Address.parse("tenant/acme-bakery/run.service/production")
CHANGE = Change(
    SERVICE, "projects/p/locations/r/services/s", "projects/p/locations/r", Action.UPDATE, "because",
    {"template": {"image": Ref(Address.parse("fleet/folder/shards"), "name").to_body()}}, "sha256:0",
    "shards/eu-001/tenants/acme-bakery/tenant.yaml:3", "eu-001", "k3v9x2ma",
    (FieldChange("memory", "512Mi", "1Gi"), FieldChange("x", None, None, unknown=Ref(SERVICE, "uri"))), uid="u",
)  # fmt: skip
PLAN = Plan(
    "local:test", "b", "c0ffee", {"shard/eu-001": "v1"}, (CHANGE,),
    guards=(GuardVerdict("capacity", Target.parse("shard/eu-001"), Verdict.WARN, "full", (SERVICE,)),),
    diagnostics=(Diagnostic("AP103", Severity.ERROR, "unknown", "fleet.yaml"),), scope=("fleet",),
    populations={"tenants": 1, "shards": 1},
)  # fmt: skip
VALID: dict[str, Any] = PLAN.to_json()


def whole(row: Any) -> bytes:
    return json.dumps(row).encode()


def forged(row: dict[str, Any]) -> bytes:
    """With the digest of its own content, so that only its shape can give it away."""
    bare = {key: value for key, value in row.items() if key != "digest"}
    try:
        return whole({**bare, "digest": digest(bare)})
    except (TypeError, ValueError):
        return whole(bare)


WRONG: Mapping[str, Any] = {
    "null": None, "number": 5, "huge": 10**400, "true": True, "text": "x", "empty": "", "list": [], "list-of-null": [None],
    "list-of-lists": [[[]]], "object": {}, "object-of-null": {"a": None}, "nested": {"a": {"b": [{"c": 1}]}},
}  # fmt: skip


def _with(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    row: Any = json.loads(json.dumps(VALID))
    at = row
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return row  # type: ignore[no-any-return]


PLACES: Mapping[str, tuple[str | int, ...]] = {
    "fleet": ("fleet",), "base": ("fleet", "base"), "parents": ("parents",), "changes": ("changes",), "change": ("changes", 0),
    "resource": ("changes", 0, "resource"), "name": ("changes", 0, "name"), "action": ("changes", 0, "action"),
    "body": ("changes", 0, "body"), "fields": ("changes", 0, "fields"), "field": ("changes", 0, "fields", 0),
    "field-path": ("changes", 0, "fields", 0, "path"), "unknown": ("changes", 0, "fields", 1, "unknown"),
    "dropped": ("changes", 0, "dropped"), "after": ("changes", 0, "after"), "drift": ("changes", 0, "drift"),
    "guards": ("guards",), "guard": ("guards", 0), "guard-items": ("guards", 0, "items"), "verdict": ("guards", 0, "verdict"),
    "diagnostics": ("diagnostics",), "line": ("diagnostics", 0, "line"), "summary": ("summary",), "none": ("summary", "none"),
    "cost": ("cost",), "cost-after": ("cost", "monthly_usd_after"), "scope": ("scope",), "populations": ("populations",),
    "two-way": ("twoWay",), "reference": ("changes", 0, "body", "template", "image", "$ref"),
    "reference-path": ("changes", 0, "body", "template", "image", "$ref", "path"), "source": ("changes", 0, "source"),
    "approval": ("changes", 0, "approval"), "shard": ("changes", 0, "shard"),
}  # fmt: skip

PLANS: Mapping[str, Seed] = {
    "valid": whole(VALID),
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"aipress.plan/1"',
    "not-json": b"apiVersion: aipress.io/v1\n",
    "not-utf-8": b"\xff\xfe{}",
    "cut-off": whole(VALID)[:-40],
    "two-documents": whole(VALID) + whole(VALID),
    "digest-missing": whole({key: value for key, value in VALID.items() if key != "digest"}),
    "digest-wrong": whole({**VALID, "digest": "sha256:" + "0" * 64}),
    "digest-number": whole({**VALID, "digest": 5}),
    "format-other": whole({**VALID, "format": "aipress.plan/2"}),
    "format-list": whole({**VALID, "format": ["aipress.plan/1"]}),
    "format-without-end": lambda: whole({**VALID, "format": "x" * 1_000_000}),
    "key-twice": whole(VALID)[:-1] + b', "cloud": "gcp:organizations/1"}',
    "nested-100000": lambda: b'{"format": "aipress.plan/1", "changes": ' + b"[" * 100_000,
    "body-nested-900": lambda: whole(VALID).replace(b'"body": {', b'"body": {"deep": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b", "),
    "nan": whole(VALID).replace(b'"monthly_usd_after": 0.0', b'"monthly_usd_after": NaN'),
    "infinity": whole(VALID).replace(b'"monthly_usd_after": 0.0', b'"monthly_usd_after": 1e999'),
    "integer-of-5000-digits": whole(VALID).replace(b'"none": 0', b'"none": ' + b"9" * 5000),
    "lone-surrogate": whole(VALID).replace(b'"because"', b'"\\ud800"'),
    "nul": whole(VALID).replace(b'"because"', b'"\\u0000"'),
    "deep-change-list": lambda: forged({**VALID, "changes": VALID["changes"] * 2000}),
    "one-message-of-a-megabyte": lambda: forged(_with(("changes", 0, "reason"), "x" * 1_000_000)),
    **{f"forged-{place}-is-{name}": forged(_with(path, value)) for place, path in PLACES.items() for name, value in WRONG.items()},
}  # fmt: skip

_ORDER = Order(PLAN, {SERVICE: "not now"}, "jo", "apply", {"fleet.yaml": "x"}).to_json()
ORDERS: Mapping[str, Seed] = {
    "valid": whole(_ORDER),
    **{f"{name}-is-{wrong}": whole({**_ORDER, name: value}) for name in _ORDER for wrong, value in WRONG.items()},
    **{f"without-{name}": whole({k: v for k, v in _ORDER.items() if k != name}) for name in _ORDER},
    "skips-no-address": whole({**_ORDER, "skip": {"nonsense": "x"}}),
    "list": b"[]",
    "body-nested-900": lambda: whole({"plan": json.loads(content(PLANS["body-nested-900"])), "skip": {}, "actor": "", "trigger": "", "texts": {}}),
}  # fmt: skip

_INTENT = {"id": "i1", "plan": "sha256:0", "change": CHANGE.to_json(), "at": "2026-11-27T08:00:00+00:00"}
_FIRST = b'{"schema":1}\n'


def line(row: Any) -> bytes:
    return canonical(row).encode() + b"\n"


JOURNALS: Mapping[str, Seed] = {
    "valid": _FIRST + line({"record": _INTENT}) + line({"close": "other"}),
    "empty": b"",
    "only-line-feeds": b"\n\n\n",
    "torn-first-line": b'{"sche',
    "torn-last-line": _FIRST + line({"record": _INTENT}) + b'{"record": {"id"',
    "schema-2": b'{"schema":2}\n',
    "schema-text": b'{"schema":"1"}\n',
    "schema-missing": line({"record": _INTENT}),
    "not-json": _FIRST + b"hello\n",
    "nul-bytes": _FIRST + b"\0" * 4096 + b"\n",
    "nul-bytes-without-line-feed": _FIRST + b"\0" * 4096,
    "binary": _FIRST + bytes(range(256)) + b"\n",
    "nested-100000": lambda: _FIRST + b"[" * 100_000 + b"\n",
    "number": _FIRST + b"5\n",
    "text": _FIRST + b'"close"\n',
    "list": _FIRST + b'["close"]\n',
    "close-null": _FIRST + b'{"close":null}\n',
    "close-list": _FIRST + b'{"close":[]}\n',
    "record-null": _FIRST + b'{"record":null}\n',
    "neither": _FIRST + b"{}\n",
    **{f"record-{name}-is-{wrong}": _FIRST + whole({"record": {**_INTENT, name: value}}) + b"\n" for name in _INTENT for wrong, value in WRONG.items()},
    "change-of-a-future-release": _FIRST + line({"record": {**_INTENT, "change": {"resource": 5, "shard": []}}}),
    "time-without-a-zone": _FIRST + line({"record": {**_INTENT, "at": "2026-11-27"}}),
    "time-of-the-year-9999": _FIRST + line({"record": {**_INTENT, "at": "9999-12-31T23:59:59+00:00"}}),
    "same-id-twice": _FIRST + line({"record": _INTENT}) * 2,
    "windows-lines": (_FIRST + line({"record": _INTENT})).replace(b"\n", b"\r\n"),
    "a-line-of-20-megabytes": lambda: _FIRST + b'{"close":"' + b"x" * 20_000_000 + b'"}\n',
    "100000-open-and-closed": lambda: _FIRST + b"".join(b'{"close":"c%d"}\n' % n for n in range(100_000)),
    "5000-open": lambda: _FIRST + b"".join(line({"record": {**_INTENT, "id": f"i{n}"}}) for n in range(5_000)),
}  # fmt: skip

SETTINGS: Mapping[str, Seed] = {
    "valid": b'cloud = "local"\n',
    "empty": b"",
    "garbage": b"\xff\xfe\0",
    "not-toml": b"cloud: local\n",
    "unknown-name": b'clowd = "local"\n',
    "unknown-name-without-end": lambda: b"x" * 50_000 + b' = "local"\n',
    "name-twice": b'cloud = "local"\ncloud = "gcp"\n',
    "cloud-other": b'cloud = "aws"\n',
    "cloud-list": b'cloud = ["local"]\n',
    "cloud-table": b"[cloud]\nx = 1\n",
    "cloud-true": b"cloud = true\n",
    "cloud-date": b"cloud = 2026-01-01\n",
    "cloud-nan": b"cloud = nan\n",
    "cloud-escape": b'cloud = "\\u001b[2K"\n',
    "nested-25000": lambda: b"cloud = " + b"[" * 25_000,
    "dotted-without-end": lambda: b"a" + b".a" * 20_000 + b" = 1\n",
    "larger-than-the-limit": lambda: b"# x\n" * 100_000,
    "url-elsewhere": b'cloud_url = "http://169.254.169.254/"\n',
    "url-half-ipv6": b'cloud_url = "http://[::1"\n',
    "url-port": b'cloud_url = "http://127.0.0.1:99999999"\n',
    "url-user": b'cloud_url = "http://127.0.0.1@evil.example/"\n',
    "url-number": b"cloud_url = 5\n",
    "state-nul": b'state = "\\u0000"\n',
    "state-without-end": lambda: b'state = "' + b"a/" * 20_000 + b'"\n',
    "history-option": b'history = "--upload-pack=x"\n',
    "history-ext": b'history = "ext::sh -c true"\n',
    "history-half-ipv6": b'history = "https://[::1"\n',
    "parallel-huge": b"max_parallel = 99999999999999999999999\n",
    "parallel-text": b'max_parallel = "many"\n',
    "parallel-unicode-digits": 'max_parallel = "³"\n'.encode(),
    "interval-negative": b"interval = -1\n",
    "actor-line-feed": b'actor = "jo\\nroot"\n',
    "pid-huge": b'{"url": "x", "pid": 99999999999999999999999}',
    "pid-of-everybody": b'{"url": "x", "pid": -1}',
    "pid-list": b'{"url": "x", "pid": []}',
    "cloud-json-list": b"[]",
}  # fmt: skip

NAMES: Mapping[str, Seed] = {
    name: text.encode("utf-8", "surrogateescape")
    for name, text in {
        "empty": "",
        "slash": "/",
        "slashes": "/" * 1000,
        "fleet": "fleet",
        "fleet-slash": "fleet/",
        "fleet-address": "fleet/folder/x",
        "tenant": "tenant/acme",
        "tenant-environment": "tenant/acme@production",
        "at": "tenant/@",
        "at-twice": "tenant/a@b@c",
        "at-end": "tenant/a@",
        "shard-environment": "shard/eu-001@production",
        "up": "tenant/../x",
        "upper": "TENANT/acme",
        "nul": "tenant/\0",
        "line-feed": "tenant/a\nb",
        "escape": "tenant/\x1b[2K",
        "surrogate": "tenant/\udcff",
        "bidi": "tenant/a\u202eb",
        "kind-missing": "tenant/a//b",
        "key-with-slashes": "tenant/a/k/b/c/d",
        "blank": " ",
        "option": "--help",
        "url": "https://x/y/z",
        "number": "123",
        "address": "tenant/acme/run.service/production",
        "fleet-in-tenant": "fleet@production/x/y",
    }.items()
} | {"without-end": lambda: b"tenant/" + b"a" * 1_000_000, "deep": lambda: b"tenant/a/" + b"x/" * 500_000}


def content(seed: Seed) -> bytes:
    return seed() if callable(seed) else seed
