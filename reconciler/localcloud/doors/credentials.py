"""A service account key of the local cloud's own, and the host that turns it into tokens (oauth2.googleapis.com).

Clients with no settings look for application default credentials and exchange them before their first call. The token
is not looked at afterwards: the local cloud is open to whoever can reach loopback.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from pathlib import Path
from urllib.parse import parse_qs, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from reconciler.localcloud.doors.certificates import write_secret
from reconciler.localcloud.values import Json, Request, Response

HOST = "oauth2.googleapis.com"
PROJECT = "aipress-local"
EMAIL = f"local-cloud@{PROJECT}.iam.gserviceaccount.com"
# Node's client asks here, whatever the key file says.
_OLDER = ("www.googleapis.com", "/oauth2/v4/token")
_LOCATIONS = ("iamcredentials.googleapis.com", f"/v1/projects/-/serviceAccounts/{EMAIL}/allowedLocations")
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = (f"https://{HOST}/token", f"https://{_OLDER[0]}{_OLDER[1]}")
_SECONDS = 3599


class Credentials:
    """`folder` keeps `sa.json`, in the format of a downloaded service account key (mode 0600)."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "sa.json"
        folder.mkdir(parents=True, exist_ok=True)
        self._key = self._kept() or self._made()

    def _kept(self) -> rsa.RSAPrivateKey | None:
        try:
            said = json.loads(self.file.read_bytes())
            key = serialization.load_pem_private_key(said["private_key"].encode(), None)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return key if isinstance(key, rsa.RSAPrivateKey) else None

    def _made(self) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        private = key.private_bytes(encoding, form, serialization.NoEncryption())
        public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        said = {
            "type": "service_account", "project_id": PROJECT, "private_key_id": hashlib.sha1(public).hexdigest(),  # noqa: S324 - a name, as Google makes it
            "private_key": private.decode(), "client_email": EMAIL, "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": _AUDIENCES[0],
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{EMAIL.replace('@', '%40')}",
            "universe_domain": "googleapis.com",
        }  # fmt: skip
        write_secret(self.file, json.dumps(said, indent=2).encode() + b"\n")
        return key

    def answer(self, host: str, request: Request) -> Response | None:
        """What is said about our own account only; None where the core answers."""
        if host == HOST or (host, request.path) == _OLDER:
            return self._token(request)
        # google-auth asks where a token may be used before it uses one, and warns where it is not told.
        if host == _LOCATIONS[0] and unquote(request.path) == _LOCATIONS[1]:
            return Response(200, {"locations": [], "encodedLocations": "0x0"})
        return None

    def _token(self, request: Request) -> Response:
        """`POST /token`, for assertions of our own key; everything else as Google refuses it."""
        if (request.verb, request.path) == ("POST", "/revoke"):
            return Response(200, {})
        if request.verb != "POST" or request.path not in ("/token", _OLDER[1]):
            return Response(404, {"error": "not_found", "error_description": f"No {request.verb} {request.path} here."})
        form = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        if form.get("grant_type") != _GRANT:
            return _refused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        claims = self._claims(form.get("assertion", ""))
        if isinstance(claims, str):
            return _refused("invalid_grant", claims)
        if "target_audience" in claims:
            return Response(200, {"id_token": self._identity(claims)})
        digest = hashlib.sha256(form["assertion"].encode()).hexdigest()
        return Response(200, {"access_token": f"ya29.local-{digest}", "expires_in": _SECONDS, "token_type": "Bearer"})

    def _claims(self, assertion: str) -> Json | str:
        """What an assertion of our own key claims, or why it is refused."""
        signed, _, signature = assertion.rpartition(".")
        try:
            head, claims = (json.loads(_decoded(piece)) for piece in signed.split("."))
            self._key.public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return "Invalid JWT Signature."
        except (ValueError, binascii.Error):
            return "Bad Request"
        if not isinstance(claims, dict) or not isinstance(head, dict) or head.get("alg") != "RS256":
            return "Bad Request"
        if claims.get("iss") != EMAIL:
            return "Invalid grant: account not found"
        if claims.get("aud") not in _AUDIENCES:
            return "Invalid JWT: Failed audience check."
        return claims

    def _identity(self, claims: Json) -> str:
        told = {
            "iss": "https://accounts.google.com", "aud": claims["target_audience"], "azp": EMAIL, "email": EMAIL,
            "email_verified": True, "sub": "100000000000000000001", "iat": claims.get("iat"), "exp": claims.get("exp"),
        }  # fmt: skip
        signed = ".".join(_encoded(json.dumps(piece).encode()) for piece in ({"alg": "RS256", "typ": "JWT"}, told))
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _refused(error: str, why: str) -> Response:
    return Response(400, {"error": error, "error_description": why})


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
