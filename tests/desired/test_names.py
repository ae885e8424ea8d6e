"""Cloud names: deterministic, within every kind's limit, never two alike, and blind to what may change."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.compile import compile_fleet
from reconciler.desired.naming import EnvironmentNames, ProjectNames, collisions, environment_name, instance_place
from reconciler.kinds.catalog import KINDS
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from tests.desired.fleets import FILES, TENANT_FILE, edited, fleet_of

names = st.from_regex(r"[a-z][a-z0-9-]{1,28}[a-z0-9]", fullmatch=True)
uids = st.from_regex(r"[a-z][a-z0-9]{7}", fullmatch=True)
projects = st.from_regex(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", fullmatch=True)
environments = st.sampled_from(["production", "staging"])


def environment_names(base: str, project: str = "aipress-shard-eu-001") -> EnvironmentNames:
    of_project = ProjectNames(project, "europe-west1", "shard001")
    return EnvironmentNames(of_project, base, instance_place(of_project, "eu-001").name, f"buckets/{project}-media")


@given(names, uids, environments)
def test_a_name_fits_every_kind_it_is_used_for_and_carries_the_uid(name: str, uid: str, environment: str) -> None:
    base = environment_name(name, uid, environment)
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,16}-[ps]-[a-z][a-z0-9]{7}", base)
    assert len(base) <= 28 and base.endswith(uid) and "--" not in base.removeprefix(name[:17])
    short = {kind: base for kind in KINDS if kind.split(".")[0] in ("run", "secret")}
    assert all(len(text) <= KINDS[kind].name_limit for kind, text in short.items())
    of = environment_names(base)
    assert [of.run(), of.account(), of.database(), of.user(), of.grant(), of.secret(), of.media_folder()]


@given(names, uids, environments, names, uids, environments)
def test_two_environments_share_a_name_only_if_they_are_one_owners(
    name: str, uid: str, environment: str, other: str, other_uid: str, other_environment: str
) -> None:
    mine, theirs = environment_name(name, uid, environment), environment_name(other, other_uid, other_environment)
    if mine == theirs:
        assert (uid, environment) == (other_uid, other_environment)


@given(names, uids, uids)
def test_a_name_that_comes_back_with_another_owner_gets_other_cloud_names(name: str, old: str, new: str) -> None:
    same = environment_name(name, old, "production") == environment_name(name, new, "production")
    assert same == (old == new)


@given(projects, uids, names)
def test_names_of_a_project_fit_whatever_its_id(project: str, uid: str, shard: str) -> None:
    of = ProjectNames(project, "northamerica-northeast1", uid)
    account = of.account(of.build_account).name.rsplit("/", 1)[1].split("@")[0]
    assert 6 <= len(account) <= 30
    assert 6 <= len(of.reconciler_account) <= 30
    for bucket in (of.media_bucket, of.state_bucket):
        assert 3 <= len(bucket) <= 63 and of.bucket(bucket).name == f"buckets/{bucket}"
    instance = instance_place(of, shard).name.rsplit("/", 1)[1]
    assert len(f"{project}:{instance}") <= 98 and instance.endswith(uid)


@given(names, uids, environments)
def test_a_tenants_account_never_has_the_name_of_a_platform_account(name: str, uid: str, environment: str) -> None:
    of = ProjectNames("aipress-shard-eu-001", "europe-west1", uid)
    assert environment_name(name, uid, environment) not in (of.build_account, of.reconciler_account)


@pytest.mark.parametrize("uid", ["", "SHOUTING", "short", "1leading", "with_und", "toolong99"])
def test_without_a_proper_uid_there_is_no_name_and_the_message_says_what_to_do(uid: str) -> None:
    with pytest.raises(InputError, match=r"acme-bakery.*metadata\.uid") as caught:
        environment_name("acme-bakery", uid, "production")
    assert "validate --fix" in caught.value.hint


def test_a_name_over_its_kinds_limit_is_refused_with_the_limit() -> None:
    of = ProjectNames("aipress-shard-eu-001", "europe-west1", "shard001")
    with pytest.raises(InputError, match="64 characters long; a bucket takes at most 63"):
        of.bucket("b" * 64)
    with pytest.raises(InputError, match="6 to 30"):
        of.account("five5")


CHANGES: dict[str, Any] = {
    "display name": lambda d: d["metadata"].update(displayName="Zebra & Söhne"),
    "owners": lambda d: d["metadata"].update(owners=["agency-south"]),
    "labels": lambda d: d["metadata"].update(labels={"team": "south"}),
    "domains": lambda d: d["spec"]["environments"]["production"].update(domains=["www.zebra.example"]),
    "state": lambda d: d["spec"].update(state="suspended"),
    "repository": lambda d: d["spec"]["source"].update(repository="https://git.example/other.git"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_name_changes_with_what_people_may_change(change: str) -> None:
    before = {a: (r.name, r.parent) for a, r in compile_fleet(fleet_of(FILES)).resources.items()}
    files = edited(TENANT_FILE, lambda d: (CHANGES[change](d), d["spec"].pop("primaryDomain")))
    assert {a: (r.name, r.parent) for a, r in compile_fleet(fleet_of(files)).resources.items()} == before


def test_all_names_of_a_fleet_are_different(sample: Fleet) -> None:
    assert collisions(compile_fleet(sample).resources.values()) == ()


def test_two_resources_with_one_name_are_found_and_both_are_named(sample: Fleet) -> None:
    resources = compile_fleet(sample).resources
    one = next(r for r in resources.values() if r.kind == "storage.bucket" and r.shard)
    other = next(r for r in resources.values() if r.kind == "storage.bucket" and not r.shard)
    clash = type(one)(one.address, other.name, one.parent, one.body, one.shard, one.owner, one.source)
    (found,) = collisions([other, clash])
    assert (found.code, found.target, found.file) == ("AP420", "shard/eu-001", "shards/eu-001/shard.yaml")
    assert other.name in found.message and str(other.address) in found.message and other.source in found.help
