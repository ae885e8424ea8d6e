"""Who is believed to have sent a delivery: each provider's own scheme, and nobody else."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.forge.signatures import WINDOW, Delivery, Keys, Provider, keys_of, marks, verified
from reconciler.model.errors import UsageError
from tests.forge.signing import (
    AT,
    KEY,
    OLD,
    SECRET,
    STANDARD,
    bitbucket,
    delivery,
    git,
    git_push,
    github,
    github_push,
    gitlab,
    hexed,
    standard,
)  # fmt: skip

NOW = datetime.fromtimestamp(AT, UTC)
PUSH = github_push()
BODY = github(PUSH).body


def keys(provider: Provider, *secrets: str) -> Keys:
    return keys_of(provider, secrets or ((STANDARD,) if provider is Provider.GITLAB else (SECRET,)))


ALL = [github(PUSH), bitbucket(PUSH), git(git_push()), gitlab(PUSH)]


@pytest.mark.parametrize("genuine", ALL, ids=lambda d: str(d.provider))
def test_what_was_signed_is_believed_and_one_other_byte_is_not(genuine: Delivery) -> None:
    known = keys(genuine.provider)
    assert verified(genuine, known, NOW)
    assert not verified(replace(genuine, body=genuine.body + b" "), known, NOW)
    assert not verified(replace(genuine, body=b""), known, NOW)


@pytest.mark.parametrize("genuine", ALL, ids=lambda d: str(d.provider))
def test_headers_that_are_missing_or_come_twice_prove_nothing(genuine: Delivery) -> None:
    known = keys(genuine.provider)
    for n, (name, _value) in enumerate(genuine.headers):
        if b"signature" in name or name.startswith(b"webhook-"):
            without = [pair for at, pair in enumerate(genuine.headers) if at != n]
            assert not verified(replace(genuine, headers=without), known, NOW), name
            twice = [*genuine.headers, genuine.headers[n]]
            assert not verified(replace(genuine, headers=twice), known, NOW), name


@pytest.mark.parametrize("make", [github, bitbucket, git])
def test_two_secrets_are_live_while_one_is_rotated(make: Callable[..., Delivery]) -> None:
    old, new = make(PUSH, secret=OLD), make(PUSH)
    both = keys(old.provider, SECRET, OLD)
    assert verified(old, both, NOW) and verified(new, both, NOW)
    only = keys(old.provider, SECRET)
    assert verified(new, only, NOW) and not verified(old, only, NOW)


def test_gitlab_rotates_too() -> None:
    other = b"o" * 32
    both = keys(Provider.GITLAB, "whsec_" + base64.b64encode(other).decode(), STANDARD)
    assert verified(gitlab(PUSH), both, NOW) and verified(gitlab(PUSH, key=other), both, NOW)
    assert not verified(gitlab(PUSH, key=b"x" * 32), both, NOW)
    signed = gitlab(PUSH)
    two = f"{standard(signed.body, key=b'x' * 32)} {standard(signed.body)}"
    headers = [(n, two.encode() if n == b"webhook-signature" else v) for n, v in signed.headers]
    assert verified(replace(signed, headers=headers), both, NOW), "one of several signatures is enough"


def test_sha1_counts_for_nothing() -> None:
    import hashlib
    import hmac

    weak = "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()
    for provider in (Provider.GITHUB, Provider.GIT, Provider.BITBUCKET):
        for name in ("x-hub-signature", "x-hub-signature-256"):
            assert not verified(delivery(provider, [(name, weak)], BODY), keys(provider), NOW)
    assert not verified(delivery(Provider.GITHUB, [("x-hub-signature", hexed(BODY))], BODY), keys(Provider.GITHUB), NOW)


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", hexed(BODY).upper(), hexed(BODY)[7:], hexed(BODY) + "0", hexed(BODY)[:-1], f" {hexed(BODY)}",
     hexed(BODY, ""), "sha256=" + "0" * 64, "sha256=" + "é" * 64, "\x00" * 71],
)  # fmt: skip
def test_a_signature_in_another_form_is_none(signature: str) -> None:
    assert not verified(
        delivery(Provider.GITHUB, [("x-hub-signature-256", signature)], BODY), keys(Provider.GITHUB), NOW
    )


@pytest.mark.parametrize(
    ("off", "fresh"), [(0, True), (WINDOW, True), (-WINDOW, True), (WINDOW + 1, False), (-301, False)]
)
def test_a_signed_time_binds(off: int, fresh: bool) -> None:
    assert verified(gitlab(PUSH), keys(Provider.GITLAB), NOW + timedelta(seconds=off)) is fresh


@pytest.mark.parametrize("at", ["", "now", "-1", "1e9", "9" * 13, f"{AT}.5", f" {AT}", "١٢٣"])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    signed = gitlab(PUSH)
    headers = [(b"webhook-id", b"l-1"), (b"webhook-timestamp", at.encode()),
               (b"webhook-signature", standard(signed.body, at=at).encode())]  # fmt: skip
    assert not verified(replace(signed, headers=headers), keys(Provider.GITLAB), NOW)


def test_a_signature_is_of_its_id_and_its_time() -> None:
    signed, known = gitlab(PUSH), keys(Provider.GITLAB)
    for name, other in ((b"webhook-id", b"l-2"), (b"webhook-timestamp", str(AT + 1).encode())):
        headers = [(n, other if n == name else v) for n, v in signed.headers]
        assert not verified(replace(signed, headers=headers), known, NOW), name


def test_the_static_token_counts_only_where_it_is_configured() -> None:
    token = "a-static-token-of-gitlab"
    plain = delivery(Provider.GITLAB, [("x-gitlab-token", token)], BODY)
    assert not verified(plain, keys(Provider.GITLAB), NOW)
    configured = keys_of(Provider.GITLAB, (), (OLD, token))
    assert verified(plain, configured, NOW)
    assert verified(plain, keys_of(Provider.GITLAB, (), (token, OLD)), NOW)
    for wrong in ("", token[:-1], token + " ", KEY.decode()):
        assert not verified(delivery(Provider.GITLAB, [("x-gitlab-token", wrong)], BODY), configured, NOW)
    assert not verified(delivery(Provider.GITLAB, [], BODY), configured, NOW)


def test_no_keys_believe_nobody() -> None:
    for one in (*ALL, delivery(Provider.GITLAB, [("x-gitlab-token", "")], BODY)):
        assert not verified(one, Keys(), NOW)
    assert not verified(github(PUSH, secret=""), Keys(), NOW)


@pytest.mark.parametrize(
    ("provider", "secrets", "tokens", "said"),
    [
        (Provider.GITHUB, (), (), "no webhook secret"),
        (Provider.GITHUB, ("",), (), "fewer than 16"),
        (Provider.GIT, ("hunter2-hunter2",), (), "fewer than 16"),
        (Provider.GITHUB, (SECRET, OLD, SECRET), (), "at most 2"),
        (Provider.GITHUB, (SECRET,), (OLD,), "sends no static token"),
        (Provider.GITLAB, (SECRET,), (), "begins with whsec_"),
        (Provider.GITLAB, ("whsec_-not-base64-at-all-",), (), "is not base64"),
        (Provider.GITLAB, ("whsec_" + base64.b64encode(b"k" * 23).decode(),), (), "23 bytes"),
        (Provider.GITLAB, (), ("short",), "fewer than 16"),
    ],
)  # fmt: skip
def test_what_protects_nothing_is_refused_and_never_said(
    provider: Provider, secrets: tuple[str, ...], tokens: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        keys_of(provider, secrets, tokens)
    told = f"{refused.value} {refused.value.hint} {refused.value.__cause__}"
    assert not [one for one in (*secrets, *tokens) if one and one in told]


def test_keys_do_not_print() -> None:
    assert "0123" not in repr(keys(Provider.GITHUB)) and "kkk" not in repr(keys(Provider.GITLAB))


def test_a_delivery_is_known_again() -> None:
    first = github(PUSH, identity="d-1")
    assert set(marks(first)) & set(marks(github(PUSH, identity="d-2"))), "its id is not signed: the body is a mark"
    assert set(marks(first)) & set(marks(github({**PUSH, "pushed_at": 2}, identity="d-1")))
    assert not set(marks(first)) & set(marks(github({**PUSH, "pushed_at": 2}, identity="d-2")))
    assert not set(marks(gitlab(PUSH, "l-1"))) & set(marks(gitlab(PUSH, "l-2"))), "its id is signed, its body no mark"
    assert not set(marks(github(PUSH))) & set(marks(replace(github(PUSH), provider=Provider.GIT)))
    assert marks(delivery(Provider.GITLAB, [], BODY)) and marks(delivery(Provider.GIT, [], BODY))
