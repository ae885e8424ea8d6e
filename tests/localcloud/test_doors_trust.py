"""The authority that clients trust, and the tokens: what they allow, and what they do not."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth.crypt import RSASigner
from google.auth.jwt import encode

from reconciler.localcloud.doors.certificates import Authority
from reconciler.localcloud.doors.credentials import EMAIL, HOST, Credentials
from reconciler.localcloud.values import Request, Response

SECOND = 1_800_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def shaken(authority: Authority, host: str, name: str, protocols: list[str] | None = None) -> Any:
    """The client's side of a handshake with the server for `host`, by a client that wants `name`."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            authority.context(host).wrap_socket(ours, server_side=True).close()
        except OSError:
            ours.close()

    serving = threading.Thread(target=serve)
    serving.start()
    client = ssl.create_default_context(cafile=str(authority.file))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    if protocols:
        client.set_alpn_protocols(protocols)
    try:
        with client.wrap_socket(theirs, server_hostname=name) as line:
            return line.selected_alpn_protocol()
    finally:
        theirs.close()
        serving.join()


@pytest.mark.parametrize(
    "host",
    ["run.googleapis.com", "europe-west1-run.googleapis.com", "a.b.storage.googleapis.com", "run.mtls.googleapis.com"],
)
def test_a_client_that_is_strict_accepts_every_host_of_google(authority: Authority, host: str) -> None:
    assert shaken(authority, host, host) is None


def test_only_a_client_that_insists_on_http2_gets_it(authority: Authority) -> None:
    host = "run.googleapis.com"
    assert shaken(authority, host, host, ["h2"]) == "h2"
    assert shaken(authority, host, host, ["h2", "http/1.1"]) == "http/1.1"
    assert shaken(authority, host, host, ["grpc-exp", "h2"]) == "h2"


@pytest.mark.parametrize("host", ["example.com", "evilgoogleapis.com", "www.google.com", "accounts.google.com"])
def test_a_certificate_for_anybody_else_is_worth_nothing(authority: Authority, host: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shaken(authority, host, host)


def test_the_authority_stays_and_its_key_is_its_owners(tmp_path: Path) -> None:
    first = Authority(tmp_path)
    content = first.file.read_bytes()
    assert stat.S_IMODE((tmp_path / "ca-key.pem").stat().st_mode) == 0o600
    first.context("run.googleapis.com")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ca-key.pem", "ca.pem"]
    assert Authority(tmp_path).file.read_bytes() == content
    (tmp_path / "ca-key.pem").write_text("broken")
    Authority(tmp_path)
    assert (tmp_path / "ca.pem").read_bytes() != content
    assert Authority(tmp_path / "other").file.read_bytes() != (tmp_path / "ca.pem").read_bytes()


def test_it_is_valid_whatever_the_clock_says(authority: Authority) -> None:
    found = x509.load_pem_x509_certificate(authority.file.read_bytes())
    assert (found.not_valid_before_utc.year, found.not_valid_after_utc.year) == (2001, 2099)


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return Credentials(tmp_path_factory.mktemp("keys"))


def ask(tokens: Credentials, assertion: str, grant: str = "urn:ietf:params:oauth:grant-type:jwt-bearer") -> Response:
    answer = tokens.answer(HOST, Request("POST", "/token", body=f"grant_type={grant}&assertion={assertion}".encode()))
    assert answer is not None
    return answer


def assertion(key: str, **claims: Any) -> str:
    own = {"iss": EMAIL, "aud": "https://oauth2.googleapis.com/token", "iat": SECOND, "exp": SECOND + 3600, **claims}
    made: str = encode(RSASigner.from_string(key), own).decode()
    return made


def test_the_key_file_is_one_that_googles_library_signs_with(tokens: Credentials) -> None:
    said = json.loads(tokens.file.read_text())
    assert stat.S_IMODE(tokens.file.stat().st_mode) == 0o600
    assert said["client_email"] == EMAIL
    answer = ask(tokens, assertion(said["private_key"]))
    assert (answer.status, answer.body["token_type"], answer.body["expires_in"]) == (200, "Bearer", 3599)
    assert Credentials(tokens.file.parent).answer(HOST, Request("POST", "/nothing")).status == 404
    assert json.loads(tokens.file.read_text()) == said


def test_an_identity_token_is_signed_by_the_same_key(tokens: Credentials) -> None:
    private = json.loads(tokens.file.read_text())["private_key"]
    token = ask(tokens, assertion(private, target_audience="https://site")).body["id_token"]
    signed, _, signature = token.rpartition(".")
    key = serialization.load_pem_private_key(private.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    raw = base64.urlsafe_b64decode(signature + "==")
    key.public_key().verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
    assert (claims["aud"], claims["email"], claims["exp"]) == ("https://site", EMAIL, SECOND + 3600)


def test_what_is_not_ours_gets_no_token(tokens: Credentials, tmp_path: Path) -> None:
    own = json.loads(tokens.file.read_text())["private_key"]
    Credentials(tmp_path)
    strange = json.loads((tmp_path / "sa.json").read_text())["private_key"]
    for refused in (
        assertion(strange), assertion(own, iss="x@y"), assertion(own, aud="https://elsewhere"), "", "a.b", "a.b.c",
        "é.é.é", "W10.W10.W10",
    ):  # fmt: skip
        assert (ask(tokens, refused).status, ask(tokens, refused).body["error"]) == (400, "invalid_grant"), refused
    assert ask(tokens, assertion(own), "refresh_token").body["error"] == "unsupported_grant_type"


def test_the_older_address_of_the_tokens_answers_too(tokens: Credentials) -> None:
    signed = assertion(
        json.loads(tokens.file.read_text())["private_key"], aud="https://www.googleapis.com/oauth2/v4/token"
    )
    body = f"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={signed}".encode()
    answer = tokens.answer("www.googleapis.com", Request("POST", "/oauth2/v4/token", body=body))
    assert answer is not None
    assert answer.status == 200
    assert tokens.answer("www.googleapis.com", Request("POST", "/storage/v1/b", body=body)) is None


def test_it_says_where_its_own_account_may_be_used_and_leaves_the_rest_to_the_core(tokens: Credentials) -> None:
    path, host = f"/v1/projects/-/serviceAccounts/{EMAIL}/allowedLocations", "iamcredentials.googleapis.com"
    answer = tokens.answer(host, Request("GET", path.replace("@", "%40")))
    assert answer is not None
    assert answer.body == {"locations": [], "encodedLocations": "0x0"}
    assert tokens.answer(host, Request("GET", path.replace("local-cloud", "other"))) is None
    assert tokens.answer("run.googleapis.com", Request("POST", "/token")) is None
