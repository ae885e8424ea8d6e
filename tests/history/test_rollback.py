"""What returning to a version would write into the fleet repository."""

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.history.rollback import Override, candidates, lost_data, rollback_files
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.ids import Target
from reconciler.model.version import Version
from tests.history.made import address, applied, version

ACME = Target.parse("tenant/acme-bakery")
SHARD = Target.parse("shard/eu-001")
FILE = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
OTHER = "shards/eu-001/tenants/other/tenant.yaml"


def tenant(spec: str = "", name: str = "acme-bakery", uid: str = "k3v9x2ma", environments: str = "") -> str:
    environments = environments or "    production: { ref: main }\n"
    return (
        f"kind: Tenant\nmetadata: {{ name: {name}, uid: {uid} }}\nspec:\n  tier: silver\n{spec}"
        f"  environments:\n{environments}"
    )


def tier(memory: str = "512Mi", php: str = "8.3", more: str = "") -> str:
    return f'kind: Tier\nspec:\n  defaults:\n    runtime: {{ memory: {memory}, php: "{php}" }}\n{more}'


def then(number: int = 3, **documents: str) -> Version:
    texts = {FILE: tenant(), "tiers/silver.yaml": tier(), "fleet.yaml": "kind: Fleet\n"}
    texts |= {"shards/eu-001/shard.yaml": "kind: Shard\n"}
    return version(number, "p" if number > 1 else None, documents={**texts, **documents}, items=())


def now(**documents: str) -> Mapping[str, str]:
    return {**then().documents, **documents}


def test_the_tenants_own_file_gets_the_versions_text() -> None:
    change = rollback_files(ACME, then(), now(**{FILE: tenant("  runtime: { memory: 2Gi }\n")}))
    assert change.files == {FILE: tenant()}
    assert change.overrides == ()
    assert rollback_files(ACME, then(), now()).empty


def test_what_the_tier_gave_then_and_gives_no_more_is_written_down() -> None:
    change = rollback_files(ACME, then(), now(**{"tiers/silver.yaml": tier("1Gi")}))
    assert change.files == {}
    assert change.overrides == (Override(FILE, ("spec", "runtime", "memory"), "512Mi"),)


def test_what_the_tenant_set_itself_then_needs_no_override() -> None:
    own = tenant("  runtime: { memory: 2Gi }\n")
    change = rollback_files(ACME, then(**{FILE: own}), now(**{"tiers/silver.yaml": tier("1Gi", "8.4")}))
    assert change.files == {FILE: own}
    assert change.overrides == (Override(FILE, ("spec", "runtime", "php"), "8.3"),)


def test_a_value_keeps_its_type() -> None:
    before = tier(more="    media: { mount: true }\n")
    change = rollback_files(ACME, then(**{"tiers/silver.yaml": before}), now(**{"tiers/silver.yaml": tier()}))
    assert change.overrides == (Override(FILE, ("spec", "media", "mount"), True),)


def test_a_tenant_that_moved_gets_its_text_where_it_is_now() -> None:
    moved = "shards/us-002/tenants/acme-bakery/tenant.yaml"
    today = {moved: tenant("  state: suspended\n"), "tiers/silver.yaml": tier()}
    assert rollback_files(ACME, then(), today).files == {moved: tenant()}
    whole = rollback_files(SHARD, then(), {**today, "shards/eu-001/shard.yaml": "kind: Shard\n"})
    assert whole.files == {}
    assert whole.notes == ("tenant/acme-bakery has moved to shard/us-002 since and stays there",)


def test_a_removed_file_comes_back() -> None:
    today = {path: text for path, text in now().items() if path != FILE}
    assert rollback_files(ACME, then(), today).files == {FILE: tenant()}


def test_another_owner_under_the_same_name_is_refused() -> None:
    with pytest.raises(RefusedError, match="uid was k3v9x2ma and is q1w2e3r4"):
        rollback_files(ACME, then(), now(**{FILE: tenant(uid="q1w2e3r4")}))


def test_a_version_that_knows_nothing_of_the_target_is_an_input_error() -> None:
    for target in ("tenant/unknown", "shard/us-002"):
        with pytest.raises(InputError, match="holds no document"):
            rollback_files(Target.parse(target), then(), now())


def test_a_shard_goes_back_with_its_tenants_and_leaves_later_ones_alone() -> None:
    today = now(**{FILE: tenant("  state: suspended\n"), OTHER: tenant(name="other", uid="bbbbbbbb")})
    today = {**today, "shards/eu-001/shard.yaml": "kind: Shard\nspec: {}\n"}
    change = rollback_files(SHARD, then(), today)
    assert change.files == {FILE: tenant(), "shards/eu-001/shard.yaml": "kind: Shard\n"}
    assert change.notes == ("tenant/other came later than version eu-001/3 and stays as it is",)


def test_the_fleet_goes_back_with_its_own_file() -> None:
    change = rollback_files(Target.parse("fleet"), then(), now(**{"fleet.yaml": "kind: Fleet\nspec: {}\n"}))
    assert change.files == {"fleet.yaml": "kind: Fleet\n"}


STAGED = "    production: {{ ref: main{0} }}\n    staging: {{ ref: develop{1} }}\n"


def environments(production: str = "", staging: str = "") -> str:
    return tenant(environments=STAGED.format(production, staging))


def test_one_environment_goes_back_alone() -> None:
    target = Target.parse("tenant/acme-bakery@staging")
    before = environments(staging=", runtime: { memory: 256Mi }, domains: [a.example]")
    today = environments(", runtime: { memory: 4Gi }", ", runtime: { memory: 1Gi, concurrency: 5 }")
    change = rollback_files(target, then(**{FILE: before}), now(**{FILE: today, "tiers/silver.yaml": tier(php="8.4")}))
    at = ("spec", "environments", "staging")
    assert change.files == {}
    assert set(map(repr, change.overrides)) == {
        repr(Override(FILE, (*at, "runtime", "memory"), "256Mi")),
        repr(Override(FILE, (*at, "runtime", "concurrency"), None)),
        repr(Override(FILE, (*at, "domains"), ["a.example"])),
        repr(Override(FILE, (*at, "runtime", "php"), "8.3")),
    }


def test_an_environment_that_was_not_there_is_an_input_error_and_a_missing_one_comes_back() -> None:
    target = Target.parse("tenant/acme-bakery@staging")
    with pytest.raises(InputError, match="had no staging then"):
        rollback_files(target, then(), now(**{FILE: environments()}))
    back = rollback_files(target, then(**{FILE: environments()}), now())
    assert back.overrides == (Override(FILE, ("spec", "environments", "staging"), {"ref": "develop"}),)


def test_a_text_that_cannot_be_read_is_an_input_error() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        rollback_files(ACME, then(), now(**{"tiers/silver.yaml": "a: [" * 2000}))


# --- which version, by default --------------------------------------------------------------------------------------


def chain(*texts: str) -> list[Version]:
    """Versions 1, 2, … with these texts of the tenant, newest first."""
    return [then(n, **{FILE: text}) for n, text in reversed(list(enumerate(texts, 1)))]


def chosen(versions: list[Version], today: Mapping[str, str], target: Target = ACME) -> int | None:
    version = next(candidates(versions, target, today), None)
    return version.number if version else None


A, B, C = (tenant(f"  runtime: {{ memory: {n}Gi }}\n") for n in (1, 2, 3))


def test_by_default_the_newest_version_in_which_the_target_differs() -> None:
    assert chosen(chain(A, B, C), now(**{FILE: C})) == 2
    assert chosen(chain(A, B, B), now(**{FILE: B})) == 1
    assert chosen(chain(A, A), now(**{FILE: A})) is None


def test_a_commit_that_was_never_applied_goes_back_to_the_newest_version() -> None:
    assert chosen(chain(A, B), now(**{FILE: C})) == 2


def test_comments_and_blank_lines_are_no_difference() -> None:
    assert chosen(chain(A, B), now(**{FILE: "# hello\n\n" + B})) == 1


def test_a_tier_that_changed_is_a_difference() -> None:
    assert chosen(chain(tenant()), now(**{"tiers/silver.yaml": tier("4Gi")})) == 1


def test_a_version_in_which_the_target_failed_is_passed_over_and_a_neighbours_failure_is_not() -> None:
    def failing(tenant: str) -> dict[str, Any]:
        return {"resource": str(address(tenant)), "action": "update", "result": "failed", "message": "", "fields": []}

    from dataclasses import replace

    newest, middle, oldest = chain(A, B, C)
    assert chosen([newest, replace(middle, items=(failing("acme-bakery"),)), oldest], now(**{FILE: C})) == 1
    assert chosen([newest, replace(middle, items=(failing("other"),)), oldest], now(**{FILE: C})) == 2


def test_only_as_many_versions_are_read_as_needed() -> None:
    def reading():  # type: ignore[no-untyped-def]
        yield from chain(A, B, C)[:2]
        raise AssertionError("read too far")

    found = next(candidates(reading(), ACME, now(**{FILE: C})), None)
    assert found is not None and found.number == 2


def test_data_that_is_gone_is_told_before_it_comes_back_empty() -> None:
    database, service = address("acme-bakery", "sql.database"), address("acme-bakery")
    neighbours = address("other", "sql.database")
    old = version(resources={a: applied(a, {}) for a in (database, service, neighbours)})
    assert lost_data(ACME, old, version(resources={})) == (database,)
    assert lost_data(SHARD, old, None) == (database, neighbours)
    assert lost_data(ACME, old, version(resources={database: applied(database, {})})) == ()
