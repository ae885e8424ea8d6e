"""Answers that no API should give, by name: status, headers and content."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

from tests.fuzz.answers import CANARY, Given, P

GOOGLE_404_PAGE = b"<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title><p><b>404.</b> <ins>That\xe2\x80\x99s an error.</ins>"


def ok(value: Any) -> Given:
    return Given(200, json.dumps(value).encode())


def error(http: int, **inner: Any) -> Given:
    return Given(http, json.dumps({"error": {"code": http, **inner}}).encode())


ROW = {
    "name": f"{P}/secrets/s", "uid": "u", "etag": "e", "createTime": "2026-01-01T00:00:00Z", "state": "ENABLED", "displayName": "Shards",
    "projectId": "aipress-eu-001", "uniqueId": "1", "parent": "folders/2",
}  # fmt: skip
LISTS = (
    "services",
    "secrets",
    "versions",
    "repositories",
    "folders",
    "projects",
    "accounts",
    "items",
    "results",
    "bindings",
    "operations",
)
WRONG: Mapping[str, Any] = {
    "null": None, "number": 5, "text": "x", "true": True, "list": [], "list-of-null": [None], "list-of-numbers": [1, 2], "object": {},
    "object-of-null": {"a": None}, "nested": {"a": [{"b": [{}]}]}, "huge-number": 10**300, "float": 1.5,
}  # fmt: skip

SEEDS: Mapping[str, Given] = {
    "empty": Given(200, b""),
    "no-content": Given(204, b""),
    "blank": Given(200, b"   \n"),
    "empty-object": ok({}),
    "empty-list": ok([]),
    "null": ok(None),
    "number": ok(5),
    "text": ok("x"),
    "true": ok(True),
    "nan": Given(200, b'{"name": NaN}'),
    "infinity": Given(200, b'{"name": Infinity, "size": -Infinity}'),
    "cut-off": Given(200, b'{"name": "projects/p/secr'),
    "cut-off-in-a-character": Given(200, b'{"name": "\xe2\x82'),
    "not-utf-8": Given(200, b'{"name": "\xff\xfe"}'),
    "utf-16": Given(200, '{"name": "x"}'.encode("utf-16")),
    "byte-order-mark": Given(200, b'\xef\xbb\xbf{"name": "x"}'),
    "two-documents": Given(200, b'{"name": "x"}{"name": "y"}'),
    "key-twice": Given(200, b'{"name": "x", "name": "y"}'),
    "nested-100000": Given(200, b"[" * 100_000),
    "nested-objects-50000": Given(200, b'{"a":' * 50_000),
    "nested-in-a-known-field": Given(200, b'{"labels":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001),
    "integer-of-5000-digits": Given(200, b'{"code": ' + b"9" * 5_000 + b"}"),
    "html": Given(200, GOOGLE_404_PAGE, {"content-type": "text/html"}),
    "html-that-says-json": Given(200, GOOGLE_404_PAGE),
    "login-page": Given(200, b"<html><form action=/login></form>", {"content-type": "text/html; charset=utf-8"}),
    "json-that-says-html": Given(200, b"{}", {"content-type": "text/html"}),
    "no-content-type": Given(200, b"{}", {"content-type": ""}),
    "octets": Given(200, bytes(range(256)), {"content-type": "application/octet-stream"}),
    "xml": Given(200, b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', {"content-type": "application/xml"}),
    "grpc-web": Given(200, b"\0\0\0\0\x05hello", {"content-type": "application/grpc"}),
    "gzip-that-is-none": Given(200, b"not gzip", {"content-encoding": "gzip"}),
    "gzip-without-saying-so": Given(200, gzip.compress(b"{}")),
    "wrong-length": Given(200, b"{}", {"content-length": "99999999999"}),
    "error-body-with-200": Given(200, error(404, message="gone", status="NOT_FOUND").content),
    "error-body-403-with-200": Given(200, error(403, message=f"no {CANARY}", status="PERMISSION_DENIED").content),
    "error-body-with-201": Given(201, error(409, message="exists").content),
    "error-list-with-200": ok([{"error": {"code": 403, "message": "x"}}]),
    "error-beside-a-name": ok({"name": "operations/1", "error": {"code": 500, "message": "x"}}),
    "error-with-a-google-code": ok({"name": "operations/1", "done": True, "error": {"code": 7, "message": f"no {CANARY}"}}),
    "error-code-text": ok({"name": "operations/1", "done": True, "error": {"code": "x"}}),
    "error-code-huge": ok({"name": "operations/1", "done": True, "error": {"code": 10**12}}),
    "operation-without-a-name": ok({"done": False}),
    "operation-with-an-empty-name": ok({"name": "", "done": False}),
    "operation-of-somebody-else": ok({"name": "projects/other/operations/9", "done": False}),
    "operation-done-with-nothing": ok({"name": "projects/p/operations/1", "done": True}),
    "operation-done-with-another": ok({"name": "projects/p/operations/1", "done": True, "response": {"@type": "type.googleapis.com/google.cloud.run.v2.Service", "name": "projects/other/x"}}),
    "operation-of-an-unknown-type": ok({"name": "projects/p/operations/1", "done": True, "response": {"@type": "type.googleapis.com/evil.Type", "x": 1}}),
    "sql-operation-of-another-instance": ok({"kind": "sql#operation", "name": "op", "status": "RUNNING", "targetId": "other"}),
    "sql-operation-with-an-odd-error": ok({"name": "op", "status": "DONE", "targetId": "main", "error": {"errors": [{"code": 5}]}}),
    "sql-operation-error-with-a-canary": ok({"name": "op", "status": "DONE", "targetId": "main", "error": {"errors": [{"code": "INVALID", "message": CANARY}]}}),
    "unknown-enums": ok({"name": f"{P}/secrets/s", "state": "SOMETHING_NEW", "status": "QUITE_NEW", "lifecycleState": 99, "format": "TAPE"}),
    "unknown-fields": ok({**ROW, "somethingNew": {"a": [1, {"b": 2}]}}),
    "another-object": ok({**ROW, "name": "projects/other/secrets/theirs", "projectId": "other"}),
    "another-project-by-number": ok({**ROW, "name": "projects/123/secrets/s"}),
    "a-name-that-climbs": ok({**ROW, "name": f"{P}/secrets/../../other"}),
    "a-name-with-control-characters": ok({**ROW, "name": "a\x1b[2K\u202eb\n"}),
    "a-name-of-a-megabyte": ok({**ROW, "name": "x" * 1_000_000}),
    "same-page-again": ok({**{name: [] for name in LISTS}, "nextPageToken": "again"}),
    "same-page-again-with-rows": ok({**{name: [ROW] for name in LISTS}, "nextPageToken": "again"}),
    "page-token-number": ok({"items": [], "nextPageToken": 5}),
    "page-token-object": ok({"items": [], "nextPageToken": {}}),
    "ten-thousand-rows": ok({name: [ROW] * 10_000 for name in ("secrets", "items", "accounts")}),
    "unreachable": ok({"unreachable": ["locations/x"], "warnings": [{"code": "REGION_UNREACHABLE", "message": CANARY}]}),
    **{f"{name}-is-{wrong}": ok({name: value}) for name in (*LISTS, "name", "error", "done", "etag", "labels") for wrong, value in WRONG.items()},
    **{f"rows-{field}-is-{wrong}": ok({name: [{**ROW, field: value}] for name in LISTS}) for field in ("name", "uniqueId", "createTime", "etag") for wrong, value in WRONG.items()},
    **{f"rows-without-{field}": ok({name: [{k: v for k, v in ROW.items() if k != field}] for name in LISTS}) for field in ROW},
    **{f"status-{status}": error(status, message=f"said {CANARY}", status="SOMETHING") for status in (300, 302, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 411, 412, 413, 416, 418, 421, 425, 429, 431, 451, 499, 500, 501, 502, 503, 504, 507, 511, 599)},
    **{f"status-{status}-without-a-body": Given(status, b"") for status in (400, 401, 403, 404, 409, 412, 429, 500, 503)},
    **{f"status-{status}-html": Given(status, GOOGLE_404_PAGE, {"content-type": "text/html"}) for status in (400, 401, 403, 404, 409, 412, 429, 500, 502, 503)},
    "status-600": Given(600, b"{}"),
    "status-999": Given(999, b"{}"),
    "status-299": Given(299, b"{}"),
    "redirect-elsewhere": Given(307, b"", {"location": "http://169.254.169.254/computeMetadata/v1/"}),
    "error-null": Given(400, b'{"error": null}'),
    "error-text": Given(400, f'{{"error": "{CANARY}"}}'.encode()),
    "error-list": Given(403, b'[{"error": {"code": 403, "message": "x"}}]'),
    "error-nested-100000": Given(500, b"[" * 100_000),
    "error-message-list": Given(400, b'{"error": {"message": ["a"]}}'),
    "error-message-of-5-megabytes": Given(400, json.dumps({"error": {"message": "m" * 5_000_000 + CANARY}}).encode()),
    "error-message-with-controls": error(400, message="a\x00\x1b[31m\u202e\u200b\nb\r"),
    "error-message-markdown": error(400, message="![x](http://evil.example/x.png) @everyone </details>"),
    "error-reason-with-a-canary": error(400, message="x", details=[{"reason": f"{CANARY} is wrong"}]),
    "error-status-with-a-canary": error(400, message="x", status=f"{CANARY} {CANARY}"),
    "error-details-odd": error(403, message="x", details=[None, 5, "x", {"reason": 5}, {"reason": ["SERVICE_DISABLED"]}]),
    "error-details-text": error(403, message="x", details="SERVICE_DISABLED"),
    "error-errors-odd": error(409, message="x", errors=[{"reason": None}, {"reason": {}}]),
    "retry-after-infinity": Given(429, b"", {"retry-after": "inf"}),
    "retry-after-nan": Given(429, b"", {"retry-after": "nan"}),
    "retry-after-negative": Given(503, b"", {"retry-after": "-1"}),
    "retry-after-a-year": Given(503, b"", {"retry-after": "31536000"}),
    "retry-after-date": Given(503, b"", {"retry-after": "Wed, 21 Oct 2126 07:28:00 GMT"}),
    "retry-after-digits-of-others": Given(503, b"", {"retry-after": "5"}),
    "many-headers": Given(200, b"{}", {f"x-{n}": "v" * 100 for n in range(500)}),
}  # fmt: skip
