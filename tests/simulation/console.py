"""What people do to the cloud behind our back: real calls through the same core, by somebody who is not us."""

import random
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from reconciler.localcloud.values import Request
from tests.simulation.realm import Realm
from tests.simulation.state import names_of, plain

Act = Callable[[Realm, str], None]
_HEADERS = {"user-agent": "simulation console"}


def do(act: str, realm: Realm, chance: random.Random) -> set[str]:
    """Returns the keys that were changed, plain. Nothing when there is nothing of the sort."""
    prefix, perform = ACTS[act]
    chosen = sorted(key for key in realm.house.rows._keys if key.startswith(prefix))
    if not chosen:
        return set()
    before = dict(realm.house.rows._values)
    perform(realm, chance.choice(chosen).removeprefix(prefix))
    after = realm.house.rows._values
    names = names_of(realm.house.rows)
    return {plain(k, names) for k in before.keys() | after.keys() if before.get(k) != after.get(k)}


def ask(realm: Realm, verb: str, path: str, body: Any = None, **query: str) -> Any:
    raw = b"" if body is None else orjson.dumps(body)
    asked = {name: [value] for name, value in query.items()}
    return realm.house.answer(Request(verb, path, asked, _HEADERS, raw)).response.body


def _scale(realm: Realm, name: str) -> None:
    now = ask(realm, "GET", f"/run/v2/{name}")
    now["template"]["scaling"] = {"maxInstanceCount": 77}
    now["template"].pop("revision", None)
    ask(realm, "PATCH", f"/run/v2/{name}", now)


def _close(realm: Realm, name: str) -> None:
    ask(realm, "PATCH", f"/run/v2/{name}", {"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"}, updateMask="ingress")


def _delete_service(realm: Realm, name: str) -> None:
    ask(realm, "DELETE", f"/run/v2/{name}")


def _relabel_secret(realm: Realm, name: str) -> None:
    labels = {"managed-by": "somebody", "aipress-owner": _owner(realm, f"/secretmanager/v1/{name}")}
    ask(realm, "PATCH", f"/secretmanager/v1/{name}", {"labels": labels}, updateMask="labels")


def _owner(realm: Realm, path: str) -> str:
    return str(ask(realm, "GET", path).get("labels", {}).get("aipress-owner", ""))


def _relabel_bucket(realm: Realm, name: str) -> None:
    ask(realm, "PATCH", f"/storage/v1/b/{name}", {"labels": {"managed-by": "somebody"}})


def _rename_account(realm: Realm, name: str) -> None:
    body = {"serviceAccount": {"displayName": "Renamed"}, "updateMask": "displayName"}
    ask(realm, "PATCH", f"/iam/v1/{name}", body)


def _let_in(realm: Realm, name: str) -> None:
    path = f"/secretmanager/v1/{name}"
    policy = ask(realm, "GET", f"{path}:getIamPolicy")
    bindings = [*policy.get("bindings", []), {"role": "roles/viewer", "members": ["user:eve@example.org"]}]
    ask(realm, "POST", f"{path}:setIamPolicy", {"policy": {**policy, "bindings": bindings}})


def _drop_user(realm: Realm, name: str) -> None:
    users = ask(realm, "GET", f"/sqladmin/v1/{name}/users").get("items", [])
    site = next((user["name"] for user in users if "-p-" in user["name"]), None)
    if site:
        ask(realm, "DELETE", f"/sqladmin/v1/{name}/users", name=site, host="%")


def _shrink_flags(realm: Realm, name: str) -> None:
    flags = [{"name": "max_connections", "value": "100"}, {"name": "cloudsql_iam_authentication", "value": "on"}]
    ask(realm, "PATCH", f"/sqladmin/v1/{name}", {"settings": {"databaseFlags": flags}})


ACTS: Mapping[str, tuple[str, Act]] = {
    "scale a service": ("run.services/", _scale),
    "close a service": ("run.services/", _close),
    "delete a service": ("run.services/", _delete_service),
    "relabel a secret": ("secretmanager.secrets/", _relabel_secret),
    "relabel a bucket": ("storage.b/", _relabel_bucket),
    "rename an account": ("iam.serviceAccounts/", _rename_account),
    "let somebody see a secret": ("secretmanager.secrets/", _let_in),
    "drop a database user": ("sqladmin.instances/", _drop_user),
    "change database flags": ("sqladmin.instances/", _shrink_flags),
}
