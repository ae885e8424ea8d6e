"""Tenants are kept apart, and everything comes after what it needs."""

import pytest

from reconciler.desired.compile import compile_fleet
from reconciler.kinds.catalog import KINDS, kind_of
from reconciler.model.canonical import canonical
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address
from reconciler.model.resource import Desired, refs_in
from tests.desired.fleets import FILES, TENANT, TENANT_FILE, fleet_of

NEIGHBOUR = TENANT.replace("acme-bakery", "brass-band").replace("k3v9x2ma", "b2b2b2b2")
TWO = FILES | {TENANT_FILE.replace("acme-bakery", "brass-band"): NEIGHBOUR}


@pytest.fixture
def desired() -> Desired:
    return compile_fleet(fleet_of(TWO))


def before(desired: Desired, address: Address) -> set[Address]:
    """Everything that stands before a resource, at any distance."""
    found: set[Address] = set()
    todo = [address]
    while todo:
        resource = desired.resources[todo.pop()]
        needs = {*resource.after, *(ref.resource for ref in refs_in(resource.body))} - found
        found |= needs
        todo += needs
    return found


def test_no_resource_of_a_tenant_names_its_neighbour(desired: Desired) -> None:
    for address, resource in desired.resources.items():
        if address.target.name == "acme-bakery":
            text = canonical([resource.name, resource.parent, resource.body])
            assert "brass-band" not in text and "b2b2b2b2" not in text


def test_a_tenants_account_has_no_role_on_the_project_the_registry_or_the_bucket(desired: Desired) -> None:
    shared = [r for a, r in desired.resources.items() if a.target.name not in ("acme-bakery", "brass-band")]
    assert not [str(r.address) for r in shared if "acme-bakery" in canonical(r.body)]


def test_only_the_environments_own_account_reads_its_secret_and_writes_its_media(desired: Desired) -> None:
    for environment, mark in (("production", "p"), ("staging", "s")):
        member = f"serviceAccount:acme-bakery-{mark}-k3v9x2ma@aipress-shard-eu-001.iam.gserviceaccount.com"
        for kind in ("secret.iam", "storage.managed-folder.iam"):
            (binding,) = desired.resources[Address.parse(f"tenant/acme-bakery/{kind}/{environment}")].body["bindings"]
            assert binding["members"] == [member]


def test_a_database_user_is_limited_to_its_own_database(desired: Desired) -> None:
    grant = desired.resources[Address.parse("tenant/acme-bakery/sql.grant/staging")].body
    assert grant == {
        "host": "%", "maxUserConnections": 40,
        "grants": [{"database": "acme-bakery-s-k3v9x2ma", "privileges": ["ALL PRIVILEGES"]}],
    }  # fmt: skip


def test_everything_of_an_api_comes_after_the_api_the_billing_and_the_project(desired: Desired) -> None:
    for address, resource in desired.resources.items():
        owner = "fleet" if not resource.shard else f"shard/{resource.shard}"
        key = "control" if not resource.shard else "main"
        earlier = {str(a) for a in before(desired, address)}
        if address.kind in ("folder", "project"):
            continue
        assert f"{owner}/project/{key}" in earlier
        api = f"{owner}/project.service/{kind_of(address.kind).api}.googleapis.com"
        if address.kind not in ("project.billing", "project.service", "project.iam"):
            assert {api, f"{owner}/project.billing/{key}"} <= earlier, str(address)


def test_a_site_starts_after_its_rights_its_secret_and_its_folder(desired: Desired) -> None:
    service = Address.parse("tenant/acme-bakery/run.service/production")
    earlier = {a.kind for a in before(desired, service) if a.target == service.target}
    tenants = {a.kind for a in desired.resources if a.target == service.target}
    assert earlier == tenants - {"run.service"}
    assert all(a.target.name != "brass-band" and a.key != "staging" for a in before(desired, service))


def test_every_reference_is_to_something_there_and_nothing_needs_itself(desired: Desired) -> None:
    for address in desired.resources:
        assert address not in before(desired, address)


def test_every_kind_of_the_table_is_used_and_every_body_is_plain_json(desired: Desired, sample: Fleet) -> None:
    assert {a.kind for a in desired.resources} | {"sql.backup"} == KINDS.keys()
    assert all(canonical(r.body) for r in desired.resources.values())


def test_every_labelled_object_carries_its_owners_uid(desired: Desired) -> None:
    uids = {"acme-bakery": "k3v9x2ma", "brass-band": "b2b2b2b2", "eu-001": "shard001", "": "fleet001"}
    for address, resource in desired.resources.items():
        assert resource.owner == uids[address.target.name]
        path = kind_of(address.kind).labels
        labels = resource.body
        for step in filter(None, path.split(".")):
            labels = labels[step]
        assert not path or labels["aipress-owner"] == resource.owner


def test_a_variable_that_somebody_writes_never_replaces_the_platforms(desired: Desired) -> None:
    mine = "WORDPRESS_DB_HOST: evil.example, AIPRESS_SECRETS: mine, AIPRESS_STATE: x"
    text = TENANT.replace('WP_CACHE: "on"', mine)
    other = compile_fleet(fleet_of(FILES | {TENANT_FILE: text}))
    address = Address.parse("tenant/acme-bakery/run.service/production")

    def env(of: Desired) -> dict[str, object]:
        return {row["name"]: row for row in of.resources[address].body["template"]["containers"][0]["env"]}

    assert {**env(other), "WP_CACHE": None} == {**env(desired), "WP_CACHE": None}
