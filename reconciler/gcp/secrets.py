"""Secret Manager: secrets, and versions whose bytes come into being here and are never shown."""

import json
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.gcp.adapter import ONCE, condition, found, paged, refuse, settle, spelled, taken
from reconciler.gcp.identity import same
from reconciler.gcp.session import Session
from reconciler.gcp.words import field_mask, last, to_json, to_message
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done, Failed
from reconciler.model.resource import Found

WORDPRESS = (
    "authKey", "secureAuthKey", "loggedInKey", "nonceKey", "authSalt", "secureAuthSalt", "loggedInSalt", "nonceSalt",
)  # fmt: skip
_SAFE = string.ascii_letters + string.digits + "-_.!~*()"
"""Needs no quoting in a shell, a URL's query, PHP or SQL."""


def secrets_client(session: Session) -> Any:
    def load() -> Any:
        from google.cloud.secretmanager_v1 import SecretManagerServiceClient

        return SecretManagerServiceClient

    return session.client("secretmanager", "secretmanager", load)


def read_payload(session: Session, version: str) -> Mapping[str, Any]:
    """The JSON of one secret version ("projects/…/secrets/…/versions/1"). Refused when it is not ours."""
    answer = secrets_client(session).access_secret_version(request={"name": version}, **ONCE)
    if not answer.payload.data or not same(answer.name, version):
        raise refuse(Next.RETRY, f"the answer about {version} is about none, or about another; it is not believed")
    try:
        payload = json.loads(answer.payload.data)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise refuse(Next.PERSON, f"{version} does not hold the JSON object that AIPress writes: rotate that secret")
    return payload


@dataclass(frozen=True, slots=True)
class SecretAdapter:
    """uid: name and creation time (the API has no uid). Google spells names with the project number, we with the id."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - lists are complete
        request = {"parent": parent, "page_size": 25000}  # 25,000 is the API's most
        rows = [
            to_json(row) for row in paged(secrets_client(self.session).list_secrets(request=request, **ONCE), "secrets")
        ]
        return {f"{parent}/secrets/{last(spelled(row))}": self._found(row) for row in rows}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(to_json(secrets_client(self.session).get_secret(request={"name": name}, **ONCE)))

    def begin(self, call: Call) -> Answer:
        from google.cloud.secretmanager_v1 import Secret

        client = secrets_client(self.session)
        if call.action is Action.DELETE:
            client.delete_secret(request={"name": call.name, "etag": condition(call)}, **ONCE)
            return Done(None)
        if call.action is Action.CREATE:
            secret = to_message(Secret, call.body)
            request: dict[str, Any] = {"parent": call.parent, "secret_id": last(call.name), "secret": secret}
            return Done(self._found(to_json(client.create_secret(request=request, **ONCE))))
        secret = to_message(Secret, {**call.body, "name": call.name, "etag": condition(call)})
        request = {"secret": secret, "update_mask": field_mask(call.mask)}
        return Done(self._found(to_json(client.update_secret(request=request, **ONCE))))

    def poll(self, operation: str, call: Call) -> Answer:  # noqa: ARG002 - writes are immediate
        return settle(self, call)

    def _found(self, body: dict[str, Any]) -> Found:
        return found(self.session, body, f"{last(spelled(body))}@{body.get('createTime', '')}")


@dataclass(frozen=True, slots=True)
class SecretVersionAdapter:
    """ ".../versions/latest": the newest enabled version. uid: its number's full name. Never a second one beside it."""

    session: Session

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:
        versions = self._enabled(parent)
        return dict.fromkeys(names or (f"{parent}/versions/latest",), versions[0]) if versions else {}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        """Google's own alias first: it names the newest version, whatever its state."""
        newest = to_json(secrets_client(self.session).get_secret_version(request={"name": name}, **ONCE))
        seen = self._found(newest)
        return seen if newest.get("state") == "ENABLED" else self.list(parent, (name,)).get(name)

    def begin(self, call: Call) -> Answer:
        client = secrets_client(self.session)
        if call.action is Action.DELETE:
            return self._destroy(call)
        if call.action is not Action.CREATE:
            return Failed(Failure(Next.PERSON, f"{call.name}: a secret's value is not changed in place; rotate it"))
        if self._enabled(call.parent):
            return taken(f"an enabled version of {call.parent}")
        recipe = call.body.get("generate")
        if recipe != "wordpress/1":
            return Failed(Failure(Next.BUG, f"{call.name}: no recipe to generate {recipe!r}"))
        data = json.dumps(generate_wordpress()).encode()
        request = {"parent": call.parent, "payload": {"data": data, "data_crc32c": _crc32c(data)}}
        return Done(self._found(to_json(client.add_secret_version(request=request, **ONCE))))

    def poll(self, operation: str, call: Call) -> Answer:  # noqa: ARG002 - writes are immediate
        return settle(self, call)

    def _destroy(self, call: Call) -> Answer:
        """Where the secret has a versionDestroyTtl, Google disables it now and destroys it after that time."""
        enabled = self._enabled(call.parent)
        if not enabled:
            return Failed(Failure(Next.REPLAN, f"{call.parent} has no enabled version", 404, missing=True))
        for version in enabled:
            name = f"{call.parent}/versions/{version.body['version']}"
            request = {"name": name, "etag": condition(replace(call, name=name, live=version))}
            secrets_client(self.session).destroy_secret_version(request=request, **ONCE)
        return Done(None)

    def _enabled(self, secret: str) -> Sequence[Found]:
        """Newest first."""
        request = {"parent": secret, "filter": "state:ENABLED", "page_size": 100}
        rows = [
            to_json(row)
            for row in paged(secrets_client(self.session).list_secret_versions(request=request, **ONCE), "versions")
        ]
        live = sorted((r for r in rows if r.get("state") == "ENABLED"), key=lambda r: -_number(r))
        return [self._found(row) for row in live]

    def _found(self, row: dict[str, Any]) -> Found:
        return found(self.session, {**row, "version": last(spelled(row))}, spelled(row))


def _number(row: Mapping[str, Any]) -> int:
    number = last(spelled(row))
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise refuse(Next.RETRY, "a version of a secret came without its number; it is not believed")
    return int(number)


def generate_wordpress() -> dict[str, str]:
    """A database password and WordPress' eight keys and salts (64 characters, as its own generator makes)."""
    keys = {name: "".join(secrets.choice(_SAFE) for _ in range(64)) for name in WORDPRESS}
    return {"databasePassword": secrets.token_urlsafe(24), **keys}


def _crc32c(payload: bytes) -> int:
    import google_crc32c

    return int(google_crc32c.value(payload))
