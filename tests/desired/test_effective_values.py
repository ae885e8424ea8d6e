"""Where a value comes from: environment over tenant over tier over what is built in, with its line."""

from reconciler.desired.effective import BUILT_IN, EffectiveEnvironment, resolve
from reconciler.model.fleet import Fleet
from tests.desired.fleets import FILES, TENANT_FILE, edited, fleet_of

BARE = """\
apiVersion: aipress.io/v1
kind: Tenant
metadata: { name: bare-site, uid: bare0001 }
spec:
  tier: silver
  source: { repository: "https://git.example/bare.git" }
  environments:
    production: { ref: main }
"""


def at(fleet: Fleet, environment: str = "production") -> EffectiveEnvironment:
    (name,) = fleet.tenants
    return resolve(fleet, fleet.tenants[name], environment)


def test_an_environments_own_value_wins_over_the_tenants_and_keeps_its_line(sample: Fleet) -> None:
    staging, production = at(sample, "staging"), at(sample)
    assert (staging.memory.value, staging.memory.origin) == ("768Mi", f"{TENANT_FILE}:36")
    assert (production.memory.value, production.memory.origin) == ("1Gi", f"{TENANT_FILE}:19")
    assert not staging.memory.inherited and not production.memory.inherited


def test_what_the_tenant_leaves_out_comes_from_the_tier_and_then_from_the_built_in_values() -> None:
    fleet = fleet_of(
        {path: text for path, text in FILES.items() if path != TENANT_FILE} | {"t/eu-001/tenant.yaml": BARE}
    )
    bare = at(fleet)
    assert (bare.memory.value, bare.memory.origin, bare.memory.inherited) == ("512Mi", "tiers/silver.yaml:10", True)
    assert (bare.scaling_min.value, bare.scaling_min.origin) == (1, "tiers/silver.yaml:12")
    assert (bare.connections.value, bare.connections.origin) == (30, "tiers/silver.yaml:13")
    assert (bare.php.value, bare.php.origin, bare.php.inherited) == ("8.3", BUILT_IN, True)
    assert bare.domains == ()
    assert "memory" in bare.inherited() and "env.TIER_ONLY" in bare.inherited() and "ref" not in bare.inherited()


def test_one_half_of_scaling_can_be_inherited() -> None:
    fleet = fleet_of(edited(TENANT_FILE, lambda d: d["spec"]["runtime"].update(scaling={"max": 4})))
    production = at(fleet)
    assert (production.scaling_min.value, production.scaling_min.inherited) == (1, True)
    assert (production.scaling_max.value, production.scaling_max.inherited) == (4, False)


def test_environment_variables_merge_name_by_name(sample: Fleet) -> None:
    staging = at(sample, "staging")
    assert {name: setting.value for name, setting in staging.env.items()} == {
        "GREETING": "staging", "TIER_ONLY": "yes", "WP_CACHE": "on", "WP_MEMORY_LIMIT": "256M",
    }  # fmt: skip
    assert staging.env["TIER_ONLY"].inherited and not staging.env["WP_CACHE"].inherited


def test_the_primary_domain_comes_first_and_only_in_production(sample: Fleet) -> None:
    swapped = fleet_of(edited(TENANT_FILE, lambda d: d["spec"].update(primaryDomain="acme-bakery.example")))
    assert [d.value for d in at(sample).domains] == ["www.acme-bakery.example", "acme-bakery.example"]
    assert [d.value for d in at(swapped).domains] == ["acme-bakery.example", "www.acme-bakery.example"]
    assert [d.value for d in at(swapped, "staging").domains] == ["staging.acme-bakery.example"]
