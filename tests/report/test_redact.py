"""The seam that keeps secrets in: planted secrets in errors, URLs, headers and values never come out."""

import base64
import json
import string
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.notice import Grade, Notice
from reconciler.report.cloud_logging import Origin, log_line, text_line
from reconciler.report.messages import cloud_event, slack
from reconciler.report.redact import HIDDEN, SHOWN, Seam

PLANTED = "q7/W+ pl4nted'\"s&cret\u00e9=="
SEAM = Seam([PLANTED, "x"])
AT = datetime(2026, 11, 27, 9, tzinfo=UTC)

LOOKS = [
    ("fatal: could not read https://jo:hunter2hunter2@git.example/f.git", "hunter2hunter2"),
    ("postgresql://aipress:s3cr3t-pw@db:5432/x refused", "s3cr3t-pw"),
    ("https://token-only-abcdef@git.example/x", "token-only-abcdef"),
    ("Authorization: Bearer abc.def-ghijkl", "abc.def-ghijkl"),
    ("authorization=Basic am86aHVudGVyMg==", "am86aHVudGVyMg"),
    ("the token ghp_0123456789abcdefABCDEF0123456789abcd is bad", "ghp_0123456789"),
    ("glpat-abcdefghij0123456789", "glpat-abcdefghij"),
    ("ya29.a0AfH6SMBx-token_value", "a0AfH6SMBx"),
    ("key AIzaSyA-0123456789abcdefghijklmnopqrstu", "AIzaSyA"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"),
    ("https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXX failed", "XXXXXXXXXXXX"),
    ("https://storage.googleapis.com/b/o?X-Goog-Signature=deadbeefcafe&x=1", "deadbeefcafe"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabcdef\n-----END RSA PRIVATE KEY-----", "MIIEabcdef"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEcutoff", "MIIEcutoff"),
    ('{"password": "tr0ub4dor", "user": "jo"}', "tr0ub4dor"),
    ("DB_PASSWORD=correct-horse USER=jo", "correct-horse"),
    ("--api-key 'abc' api_key: zzzzzz", "zzzzzz"),
    ("client_secret = 'battery staple'", "battery staple"),
]


@pytest.mark.parametrize(("text", "secret"), LOOKS)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str) -> None:
    told = SEAM.line(text)
    assert secret not in told and HIDDEN in told


@pytest.mark.parametrize(
    "text",
    [
        "tenant/acme-bakery run.service/production: Creation complete after 41s",
        "guards.blastRadius in fleet.yaml: 12 of 1,204 sites", "commit 272991ff8ca174f3eb8ba65ebab33f687f2dd1bf",
        "https://git.example/agency/fleet.git?ref=main", "sha256:" + "ab" * 32, "projects/p/secrets/s/versions/3",
    ],
)  # fmt: skip
def test_what_is_no_secret_is_told(text: str) -> None:
    assert SEAM.line(text) == text


def spellings(secret: str) -> dict[str, str]:
    raw = secret.encode()
    return {
        "plain": secret, "url": quote(secret, safe=""), "form": quote_plus(secret), "json": json.dumps(secret),
        "repr": repr(secret), "bytes": repr(raw), "basic": base64.b64encode(b"jo:" + raw).decode(),
        "base64": base64.b64encode(raw).decode(), "base64 inside": base64.urlsafe_b64encode(b"{'a':" + raw).decode(),
    }  # fmt: skip


@pytest.mark.parametrize("how", [h for h in spellings(PLANTED) if h != "bytes"])
def test_a_known_secret_is_hidden_however_it_is_spelled(how: str) -> None:
    said = spellings(PLANTED)[how]
    told = SEAM.line(f"it said {said} and failed")
    assert HIDDEN in told and "and failed" in told
    assert "pl4nted" not in told and said not in told


@given(st.text(string.ascii_letters + string.digits + "/+=-_ &%", min_size=10, max_size=40), st.text(max_size=60))
def test_no_known_secret_comes_through_any_sink(secret: str, around: str) -> None:
    seam = Seam([secret])
    text = f"{around}{secret}{around}"
    if secret in around * 3 or secret.strip() != secret or secret in HIDDEN:
        return
    if any(secret in told for told in sinks("z", seam)):
        return  # a word of the format itself, which hypothesis knows from the code
    for told in sinks(text, seam):
        assert secret not in told.replace("&amp;", "&")


def sinks(text: str, seam: Seam) -> tuple[str, ...]:
    """Everything that leaves, of a notice that says `text` wherever it can."""
    notice = Notice(
        "apply.failed", Grade.ERROR, AT, text, why=text, fix=text, who=text, subject=text, cause=text, count=9,
        examples=(text,), labels={"tenant": text}, more={"url": text, "deep": [{"key": text}], "stack_trace": text},
    )  # fmt: skip
    return (
        log_line(notice, seam, Origin("1")), text_line(notice, seam),
        json.dumps(cloud_event(notice, text, seam), ensure_ascii=False), slack(notice, text, seam)["text"],
    )  # fmt: skip


def test_a_short_word_is_no_secret_and_a_cut_leaves_no_half_of_one() -> None:
    assert Seam(["abc"]).line("abc") == "abc"
    told = SEAM.line("a" * (SHOWN - 5) + PLANTED)
    assert "q7" not in told and "pl4n" not in told


@pytest.mark.parametrize(
    "piece",
    [
        "b",
        "password",
        'password="',
        "password ",
        "eyJ-",
        "eyJaaaaaaaa.",
        "bearer ",
        "a-",
        "https://hooks.",
        "a://b",
        "=",
    ],
)
def test_text_made_to_cost_costs_no_more_than_its_length(piece: str) -> None:
    assert SEAM.line(piece * 100_000)


HOSTILE = 'x"}\n{"severity":"EMERGENCY","message":"forged"}\r\n\x1b[2J\u202e\u2028\ud800\x00'


def test_hostile_text_never_makes_a_second_line() -> None:
    notice = Notice(
        "log", Grade.INFO, AT, HOSTILE, why=HOSTILE, fix=HOSTILE, who=HOSTILE, subject=HOSTILE, examples=(HOSTILE,),
        labels={"tenant": HOSTILE}, more={"httpRequest": {"userAgent": HOSTILE}, HOSTILE: HOSTILE},
    )  # fmt: skip
    line = log_line(notice, SEAM, Origin("1"))
    assert line.count("\n") == 1 and line.endswith("\n") and line.isascii()
    row = json.loads(line)
    assert row["severity"] == "INFO"
    assert "\n" not in json.dumps(row, ensure_ascii=False)
    told = text_line(notice, SEAM)
    assert told.isprintable() or [c for c in told if not c.isprintable()] == ["\n", "\n"]
    assert len(told.splitlines()) == 2, "what it says, and its remedy"


def test_an_entry_stays_below_what_cloud_logging_takes() -> None:
    notice = Notice("log", Grade.ERROR, AT, "a" * 10**6, why="b" * 10**6, more={"rows": ["c" * 3000] * 500})
    line = log_line(notice, SEAM, Origin("1"))
    assert len(line) < 256 * 1024
    assert json.loads(line)["severity"] == "ERROR"
