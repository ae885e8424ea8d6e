"""The HTTP door as Google's front end: partial answers, batches, overrides, hosts. And no web page gets in."""

from __future__ import annotations

import gzip
import json
from email.parser import BytesParser
from pathlib import Path

import pytest

from reconciler.localcloud.doors import partial
from reconciler.localcloud.doors.hosts import Hosts, is_google
from reconciler.localcloud.errors import GoogleError
from tests.localcloud.doorstep import Doorstep

SECRETS = "/secretmanager/v1/projects/acme-eu-001/secrets"
AUTOMATIC = {"replication": {"automatic": {}}}
KNOWN = {"run", "sqladmin", "compute", "storage", "secretmanager", "pubsub", "iam"}


@pytest.fixture
def step() -> Doorstep:
    found = Doorstep()
    for name in ("a", "b"):
        assert found.ask("POST", f"{SECRETS}?secretId={name}", AUTOMATIC).status == 200
    return found


# --- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "wanted"),
    [
        ("kind", {"kind": "k"}),
        ("items(id),kind", {"kind": "k", "items": [{"id": 1}, {"id": 2}]}),
        ("items/name/first", {"items": [{"name": {"first": "x"}}, {}]}),
        ("items/name(first,last), kind", {"kind": "k", "items": [{"name": {"first": "x", "last": "y"}}, {}]}),
        ("*/id", {"kind": "k", "items": [{"id": 1}, {"id": 2}]}),
        ("items.id", {"items": [{"id": 1}, {"id": 2}]}),
        ("items(id),items", {"items": [{"id": 1, "name": {"first": "x", "last": "y"}}, {"id": 2}]}),
        ("nothing", {}),
        ("*", {"kind": "k", "items": [{"id": 1, "name": {"first": "x", "last": "y"}}, {"id": 2}]}),
    ],
)
def test_a_mask_takes_what_it_names(mask: str, wanted: object) -> None:
    value = {"kind": "k", "items": [{"id": 1, "name": {"first": "x", "last": "y"}}, {"id": 2}]}
    assert partial.part(partial.parsed(mask), value) == wanted


@pytest.mark.parametrize(
    "mask", ["a(", "a)", "a,,b", "(a)", "a//b", "a b", "a(b))", "é", "(" * 5000, "a/" * 5000 + "b"]
)
def test_what_is_no_mask_is_refused(mask: str) -> None:
    with pytest.raises(GoogleError, match="Invalid field selection"):
        partial.parsed(mask)


def test_fields_cut_the_answer_but_not_the_effect_and_not_an_error(step: Doorstep) -> None:
    found = step.ask("GET", f"{SECRETS}?fields=secrets/name")
    assert [list(secret) for secret in found.json["secrets"]] == [["name"], ["name"]]
    made = step.ask("POST", f"{SECRETS}?secretId=c&fields=name", AUTOMATIC)
    assert list(made.json) == ["name"]
    assert step.ask("GET", f"{SECRETS}/c").status == 200
    assert step.ask("GET", f"{SECRETS}/nothing?fields=name").json["error"]["code"] == 404


def test_a_field_that_the_answer_cannot_have_is_refused_before_the_effect(step: Doorstep) -> None:
    refused = step.ask("POST", f"{SECRETS}?secretId=d&fields=nmae", AUTOMATIC)
    assert (refused.status, refused.json["error"]["message"]) == (400, "Invalid field selection nmae")
    assert step.ask("GET", f"{SECRETS}/d").status == 404


# --- the rest of the front end ---------------------------------------------------------------------------------------


def test_pretty_print_head_and_options(step: Doorstep) -> None:
    plain = step.ask("GET", f"{SECRETS}/a")
    pretty = step.ask("GET", f"{SECRETS}/a?prettyPrint=true")
    assert pretty.json == plain.json
    assert pretty.raw.startswith(b'{\n  "')
    assert pretty.headers["content-type"] == plain.headers["content-type"]
    assert step.ask("HEAD", f"{SECRETS}/a").status == 200
    assert "GET" in step.ask("OPTIONS", f"{SECRETS}/a").headers["allow"]
    assert step.ask("GET", f"{SECRETS}/a?alt=xml").status == 400


def test_a_method_override_and_a_query_sent_as_a_form(step: Doorstep) -> None:
    patch = {"labels": {"x": "y"}}
    override = {"x_http_method_override": "PATCH", "content_type": "application/json"}
    assert step.ask("POST", f"{SECRETS}/a?updateMask=labels", patch, **override).json["labels"] == {"x": "y"}
    form = {"x_http_method_override": "GET", "content_type": "application/x-www-form-urlencoded"}
    assert len(step.ask("POST", SECRETS, b"pageSize=1&alt=json", **form).json["secrets"]) == 1


def test_large_answers_are_packed_for_who_takes_gzip(step: Doorstep) -> None:
    labels = {f"k{number}": "v" * 60 for number in range(60)}
    for number in range(20):
        step.ask("POST", f"{SECRETS}?secretId=s{number}", {**AUTOMATIC, "labels": labels})
    plain = step.ask("GET", f"{SECRETS}?pageSize=100")
    packed = step.ask("GET", f"{SECRETS}?pageSize=100", accept_encoding="gzip, deflate")
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(packed.raw) < len(plain.raw)
    assert gzip.decompress(packed.raw) == plain.raw
    assert "content-encoding" not in step.ask("GET", f"{SECRETS}/a", accept_encoding="gzip").headers


def test_a_packed_body_is_unpacked_and_a_bomb_is_not(step: Doorstep) -> None:
    body = gzip.compress(json.dumps(AUTOMATIC).encode())
    assert step.ask("POST", f"{SECRETS}?secretId=z", body, content_encoding="gzip").status == 200
    assert step.ask("POST", f"{SECRETS}?secretId=y", body[:-9], content_encoding="gzip").status == 400
    assert step.ask("POST", f"{SECRETS}?secretId=y", b"no", content_encoding="gzip").status == 400
    bomb = gzip.compress(b" " * (33 * 1024 * 1024))
    assert step.ask("POST", f"{SECRETS}?secretId=y", bomb, content_encoding="gzip").status == 413


def test_etags_in_headers_are_conditions_on_storage(step: Doorstep) -> None:
    bucket = "/storage/storage/v1/b/acme-media"
    made = step.ask("POST", "/storage/storage/v1/b?project=acme-eu-001", {"name": "acme-media"})
    etag = made.headers["etag"]
    assert etag == made.json["etag"]
    unchanged = step.ask("GET", bucket, if_none_match=etag)
    assert (unchanged.status, unchanged.raw, unchanged.headers["etag"]) == (304, b"", etag)
    assert step.ask("GET", bucket, if_none_match='"other"').status == 200
    assert step.ask("GET", bucket, if_match="other").status == 412
    labels = {"labels": {"a": "b"}}
    refused = step.ask("PATCH", bucket, labels, if_match="other")
    assert (refused.status, refused.json["error"]["errors"][0]["location"]) == (412, "If-Match")
    assert "labels" not in step.ask("GET", bucket).json
    changed = step.ask("PATCH", bucket, labels, if_match=etag)
    assert (changed.status, changed.headers["etag"] != etag) == (200, True)
    assert step.ask("DELETE", bucket, if_match=etag).status == 412
    assert step.ask("DELETE", bucket, if_match=changed.headers["etag"]).status == 204
    assert step.ask("GET", bucket, if_match="*").status in (404, 412)


# --- batches ---------------------------------------------------------------------------------------------------------


def call(line: str, own: str, body: str = "") -> str:
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {own}\r\n\r\n"
    kind = "Content-Type: application/json\r\n" if body else ""
    return f"--edge\r\n{head}{line} HTTP/1.1\r\n{kind}Host: 127.0.0.1\r\n\r\n{body}\r\n"


def answers(raw: bytes, kind: str) -> list[tuple[str, int, object]]:
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw)
    found = []
    for part in message.get_payload():
        head, _, body = part.get_payload(decode=True).partition(b"\r\n\r\n")  # type: ignore[union-attr]
        found.append((part["content-id"], int(head.split()[1]), json.loads(body)))  # type: ignore[index]
    return found


@pytest.mark.parametrize(
    ("place", "prefix"), [("/secretmanager/batch", ""), ("/batch", "/secretmanager"), ("/batch/x/v1", "/secretmanager")]
)
def test_a_batch_answers_each_call_in_order(step: Doorstep, place: str, prefix: str) -> None:
    path = prefix + "/v1/projects/acme-eu-001/secrets"
    body = (
        call(f"GET {path}/a", "<x + 1>") + call(f"POST {path}?secretId=new", "<x + 2>", json.dumps(AUTOMATIC))
        + call(f"GET {path}/nothing", "<x + 3>")
        + call(f"GET http://127.0.0.1:8085{SECRETS}/new?fields=name", "<x + 4>")
        + call("GET https://secretmanager.googleapis.com/v1/projects/acme-eu-001/secrets/new", "<x + 5>") + "--edge--"
    )  # fmt: skip
    answer = step.ask("POST", place, body.encode(), content_type='multipart/mixed; boundary="edge"')
    found = answers(answer.raw, answer.headers["content-type"])
    assert [(own, status) for own, status, _ in found] == [
        ("<response-x + 1>", 200), ("<response-x + 2>", 200), ("<response-x + 3>", 404), ("<response-x + 4>", 200),
        ("<response-x + 5>", 200),
    ]  # fmt: skip
    assert list(found[3][2]) == ["name"]  # type: ignore[call-overload]


def test_what_is_no_batch_is_refused(step: Doorstep) -> None:
    kind = "multipart/mixed; boundary=edge"
    assert step.ask("POST", "/run/batch", b"", content_type=kind).status == 400
    assert step.ask("POST", "/run/batch", call("nonsense is here", "<1>").encode(), content_type=kind).status == 400
    many = "".join(call("GET /v1/x", f"<{number}>") for number in range(1001)) + "--edge--"
    assert step.ask("POST", "/run/batch", many.encode(), content_type=kind).status == 400


# --- who may come in, and where to -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"},
        {"host": "evil.example:8085"}, {"host": "evil.example"}, {"host": "127.0.0.1.evil.example"}, {"host": ""},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [SECRETS, "/_aipress/status"])
def test_no_web_page_gets_in(step: Doorstep, path: str, headers: dict[str, str]) -> None:
    assert step.ask("GET", path, **headers).status == 403


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "localhost:8085", "localhost", "[::1]:8085", "europe-west1-127.0.0.1:80"]
)
def test_programs_on_this_machine_do(step: Doorstep, host: str) -> None:
    assert step.ask("GET", SECRETS, host=host).status == 200


def test_behind_the_proxy_the_host_names_the_api(tmp_path: Path) -> None:
    step = Doorstep(tmp_path)
    path = "/v1/projects/acme-eu-001/secrets"
    assert step.ask("GET", path, host="secretmanager.googleapis.com").json == {}
    assert step.ask("GET", path, host="secretmanager.googleapis.com:443").status == 200
    assert step.ask("GET", path, host="secretmanager.europe-west1.rep.googleapis.com").status == 200
    assert step.ask("GET", path, host="nosuchapi.googleapis.com").status == 404
    assert step.ask("GET", SECRETS, host="127.0.0.1").status == 421
    assert step.ask("GET", "/_aipress/status", host="secretmanager.googleapis.com").status == 404


@pytest.mark.parametrize(
    ("host", "path", "core"),
    [
        ("run.googleapis.com", "/v2/x", "/run/v2/x"),
        ("europe-west1-run.googleapis.com", "/apis/x", "/run/apis/x"),
        ("compute.mtls.googleapis.com", "/compute/v1/x", "/compute/compute/v1/x"),
        ("pubsub.us-central1.rep.googleapis.com", "/v1/x", "/pubsub/v1/x"),
        ("www.googleapis.com", "/compute/v1/x", "/compute/compute/v1/x"),
        ("www.googleapis.com", "/upload/storage/v1/b", "/storage/upload/storage/v1/b"),
        ("www.googleapis.com", "/sql/v1beta4/projects", "/sqladmin/sql/v1beta4/projects"),
        ("storage.googleapis.com", "/storage/v1/b", "/storage/storage/v1/b"),
        ("a.b.storage.googleapis.com", "/o%2Fp", "/storage/a.b/o%2Fp"),
        ("unknown.googleapis.com", "/v1", ""),
        ("x-run.googleapis.com", "/v1", ""),
        ("www.googleapis.com", "/", ""),
    ],
)
def test_hosts(host: str, path: str, core: str) -> None:
    assert Hosts(KNOWN.__contains__).path(host, path) == core


def test_a_regional_prefix_on_the_plain_door() -> None:
    hosts = Hosts(KNOWN.__contains__)
    assert hosts.prefixed("/europe-west1-run/v1/x") == ("/run/v1/x", "europe-west1-run.googleapis.com")
    assert hosts.prefixed("/run/v1/europe-west1-run") == ("/run/v1/europe-west1-run", "")


@pytest.mark.parametrize(
    "host", ["evilgoogleapis.com", "googleapis.com.evil.example", "", "a..googleapis.com", "127.0.0.1"]
)
def test_what_is_not_google(host: str) -> None:
    assert not is_google(host)
