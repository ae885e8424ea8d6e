"""Which documents are compiled: scopes, frozen ones, sick ones, and shards that know nothing of each other."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.desired.compile import compile_fleet, compile_shard, fingerprint_inputs
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Scope
from reconciler.model.resource import Desired
from tests.desired.fleets import FILES, SHARD, TENANT, TENANT_FILE, edited, fleet_of

OTHER_SHARD = SHARD.replace("eu-001", "us-001").replace("shard001", "shard002")
OTHER_FILE = "shards/us-001/tenants/zebra-cafe/tenant.yaml"
TWO = FILES | {
    "shards/us-001/shard.yaml": OTHER_SHARD,
    OTHER_FILE: TENANT.replace("acme-bakery", "zebra-cafe").replace("k3v9x2ma", "z0z0z0z0"),
}


def targets(desired: Desired) -> set[str]:
    return {str(address.target) for address in desired.resources}


ALL = {"fleet", "shard/eu-001", "shard/us-001", "tenant/acme-bakery", "tenant/zebra-cafe"}


def test_without_a_scope_everything_is_compiled() -> None:
    assert targets(compile_fleet(fleet_of(TWO))) == ALL


def test_a_shards_scope_has_that_shard_with_its_tenants_and_what_they_need_of_the_fleet() -> None:
    scope = Scope(fleet=False, shards=frozenset({"us-001"}))
    assert targets(compile_fleet(fleet_of(TWO), scope)) == {"fleet", "shard/us-001", "tenant/zebra-cafe"}


def test_a_tenants_scope_has_that_tenant_and_what_it_needs_of_its_shard() -> None:
    for name in ("acme-bakery", "acme-bakery@staging"):
        scope = Scope(fleet=False, shards=frozenset(), tenants=frozenset({name}))
        assert targets(compile_fleet(fleet_of(TWO), scope)) == {"fleet", "shard/eu-001", "tenant/acme-bakery"}


def test_a_shard_compiles_to_the_same_alone_and_in_the_fleet() -> None:
    fleet = fleet_of(TWO)
    alone, whole = compile_shard(fleet, "us-001"), compile_fleet(fleet)
    assert targets(alone) == {"shard/us-001", "tenant/zebra-cafe"}
    assert {a: r for a, r in whole.resources.items() if r.shard == "us-001"} == dict(alone.resources)


def test_the_same_documents_in_any_order_compile_to_the_same() -> None:
    there, back = compile_fleet(fleet_of(TWO)), compile_fleet(fleet_of(dict(reversed(TWO.items()))))
    assert list(there.resources.items()) == list(back.resources.items())


def test_frozen_tenants_and_shards_are_left_out_without_a_removal() -> None:
    fleet = fleet_of(TWO, frozenset({"tenant/acme-bakery"}))
    desired = compile_fleet(fleet)
    assert (targets(desired), desired.removals) == (ALL - {"tenant/acme-bakery"}, ())
    desired = compile_fleet(replace(fleet, frozen=frozenset({"shard/us-001"})))
    assert (targets(desired), desired.removals) == (ALL - {"shard/us-001", "tenant/zebra-cafe"}, ())
    assert compile_shard(replace(fleet, frozen=frozenset({"shard/us-001"})), "us-001").resources == {}


SICK: dict[str, tuple[Any, str, str]] = {
    "no uid": (lambda d: d["metadata"].pop("uid"), "uid", "validate --fix"),
    "no tier": (lambda d: d["spec"].update(tier="platinum"), "platinum", ""),
    "no image": (lambda d: d["spec"]["runtime"].update(php="8.1"), "PHP 8.1", "spec.images.wordpress"),
}


@pytest.mark.parametrize("sickness", SICK)
def test_one_sick_tenant_is_left_out_with_the_reason_and_its_neighbours_are_not(sickness: str) -> None:
    edit, says, fix = SICK[sickness]
    files = TWO | {TENANT_FILE: edited(TENANT_FILE, edit)[TENANT_FILE]}
    desired = compile_fleet(fleet_of(files))
    assert targets(desired) == ALL - {"tenant/acme-bakery"}
    (found,) = desired.diagnostics
    assert (found.code, found.target, found.file) == ("AP410", "tenant/acme-bakery", TENANT_FILE)
    assert says in found.message and fix in found.help
    assert desired.removals == ()


def test_one_sick_shard_is_left_out_with_its_tenants_and_the_others_are_not() -> None:
    sick = OTHER_SHARD.replace("aipress-shard-us-001 }", "aipress-shard-us-001, folder: nowhere }")
    desired = compile_fleet(fleet_of(TWO | {"shards/us-001/shard.yaml": sick}))
    assert targets(desired) == ALL - {"shard/us-001", "tenant/zebra-cafe"}
    (found,) = desired.diagnostics
    assert found.target == "shard/us-001" and "nowhere" in found.message


def test_of_two_shards_with_one_project_the_later_is_left_out_whole() -> None:
    same = OTHER_SHARD.replace("aipress-shard-us-001", "aipress-shard-eu-001")
    desired = compile_fleet(fleet_of(TWO | {"shards/us-001/shard.yaml": same}))
    assert targets(desired) == ALL - {"shard/us-001", "tenant/zebra-cafe"}
    assert {d.code for d in desired.diagnostics} == {"AP420"}


def test_without_a_fleet_document_nothing_is_compiled_and_that_is_said(sample: Fleet) -> None:
    for compiled in (compile_fleet, lambda f: compile_shard(f, "eu-001")):
        with pytest.raises(InputError, match=r"fleet\.yaml"):
            compiled(replace(sample, fleet=None))


def test_blocks_that_nothing_manages_are_listed_with_their_line() -> None:
    def edit(document: dict[str, Any]) -> None:
        document["spec"] |= {"cdn": {"ttl": 60}, "redirects": [{"from": "/a"}]}
        document["spec"]["database"]["dedicated"] = False
        document["spec"]["environments"]["staging"]["runtime"]["secrets"] = {"A": "b"}

    files = edited(TENANT_FILE, edit)
    files["shards/eu-001/shard.yaml"] += "  proxysql: { pool: 10 }\n"
    rows = {(str(target), path): at for target, path, at in compile_fleet(fleet_of(files)).unmanaged}
    assert rows.keys() == {
        ("fleet", "spec.defaults.cache"), ("shard/eu-001", "spec.proxysql"),
        ("tenant/acme-bakery", "spec.cdn"), ("tenant/acme-bakery", "spec.redirects"),
        ("tenant/acme-bakery", "spec.database.dedicated"),
        ("tenant/acme-bakery", "spec.environments.staging.runtime.secrets"),
    }  # fmt: skip
    for (_, path), at in rows.items():
        file, _, line = at.rpartition(":")
        assert f"{path.rpartition('.')[2]}:" in files[file].splitlines()[int(line) - 1]


def test_the_fingerprint_of_a_shards_inputs_moves_with_what_it_depends_on_and_with_nothing_else() -> None:
    def prints(files: dict[str, str]) -> tuple[str, str]:
        fleet = fleet_of(files)
        return fingerprint_inputs(fleet, "eu-001"), fingerprint_inputs(fleet, "us-001")

    eu, us = prints(TWO)
    assert eu != us
    assert prints(TWO | {OTHER_FILE: TWO[OTHER_FILE] + "# x\n"})[0] == eu
    assert prints(TWO | {OTHER_FILE: TWO[OTHER_FILE] + "# x\n"})[1] != us
    for shared in ("fleet.yaml", "tiers/silver.yaml"):
        moved = prints(TWO | {shared: TWO[shared] + "# x\n"})
        assert moved[0] != eu and moved[1] != us
    frozen = fleet_of(TWO, frozenset({"tenant/acme-bakery"}))
    assert fingerprint_inputs(frozen, "eu-001") != eu and fingerprint_inputs(frozen, "us-001") == us


def test_files_of_the_working_tree_have_no_fingerprint(sample: Fleet) -> None:
    with pytest.raises(ValueError, match="commit"):
        fingerprint_inputs(replace(sample, files=dict.fromkeys(sample.files, "")), "eu-001")
