"""What must hold between documents: each rule with a fleet that breaks it, told at its line, freezing what it must."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reconciler.model.diagnostic import Severity
from reconciler.model.fleet import Fleet
from reconciler.source.codes import CODES
from reconciler.source.generate import shard_text, tenant_text
from reconciler.source.paths import near_miss

Load = Callable[[Mapping[str, str | bytes]], Fleet]

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
CAFE = "shards/eu-001/tenants/harbour-cafe/tenant.yaml"
SHOP = "shards/us-001/tenants/corner-shop/tenant.yaml"
EU, US = "shards/eu-001/shard.yaml", "shards/us-001/shard.yaml"
TENANTS = {"tenant/acme-bakery", "tenant/harbour-cafe", "tenant/corner-shop"}
Edit = tuple[str, str, str]
"""(path, what stands there, what shall stand there); an empty new text removes the file."""


def spec(lines: str) -> tuple[str, str]:
    return "spec:\n", f"spec:\n  {lines}\n"


BREACHES: dict[str, tuple[list[Edit], str, list[str], set[str]]] = {
    # what: (edits, code, "file:line" of each diagnostic, frozen targets)
    "name is not the folder": (
        [(ACME, "name: acme-bakery", "name: acme-other")], "AP201", [f"{ACME}:5"], {"tenant/acme-bakery"},
    ),
    "name is not the file": (
        [("tiers/gold.yaml", "name: gold", "name: golden")], "AP201", ["tiers/gold.yaml:4"], {"tenant/corner-shop"},
    ),
    "uid missing": ([(ACME, "  uid: a0000001\n", "")], "AP203", [f"{ACME}:4"], {"tenant/acme-bakery"}),
    "shard uid missing": (
        [(EU, ", uid: e0000001", "")], "AP203", [f"{EU}:4"],
        {"shard/eu-001", "tenant/acme-bakery", "tenant/harbour-cafe"},
    ),
    "uid twice": (
        [(ACME, "a0000001", "c0000001")], "AP204", [f"{ACME}:6", f"{CAFE}:6"],
        {"tenant/acme-bakery", "tenant/harbour-cafe"},
    ),
    "uid of a shard": (
        [(ACME, "a0000001", "u0000001")], "AP204", [f"{ACME}:6"], {"tenant/acme-bakery"},
    ),
    "unknown tier": ([(ACME, "tier: silver", "tier: copper")], "AP205", [f"{ACME}:10"], {"tenant/acme-bakery"}),
    "more memory than the tier": (
        [(CAFE, *spec("runtime: { memory: 1025Mi }"))], "AP206", [f"{CAFE}:10"], {"tenant/harbour-cafe"},
    ),
    "more instances than the tier": (
        [(CAFE, *spec("runtime: { scaling: { max: 6 } }"))], "AP206", [f"{CAFE}:10"], {"tenant/harbour-cafe"},
    ),
    "more memory than the tier, in one environment": (
        [(ACME, "{ ref: develop }", "{ ref: develop, runtime: { memory: 4Gi } }")], "AP206", [f"{ACME}:14"],
        {"tenant/acme-bakery"},
    ),
    "shard without the tier": (
        [(EU, "region:", "tiers: [bronze]\n  region:")], "AP207", [f"{ACME}:10"], {"tenant/acme-bakery"},
    ),
    "full shard": ([(EU, "tenants: 50", "tenants: 1")], "AP208", [f"{EU}:8"], set()),
    "domain twice": (
        [(CAFE, "www.cafe.example", "www.acme.example")], "AP209", [f"{ACME}:13", f"{CAFE}:13"],
        {"tenant/acme-bakery", "tenant/harbour-cafe"},
    ),
    "domain of another shard's staging": (
        [(ACME, "{ ref: develop }", "{ ref: develop, domains: [www.shop.example] }")], "AP209",
        [f"{ACME}:14", f"{SHOP}:13"], {"tenant/acme-bakery", "tenant/corner-shop"},
    ),
    "domain twice in one tenant": (
        [(CAFE, "[www.cafe.example]", "[www.cafe.example, www.cafe.example]")], "AP209", [f"{CAFE}:13", f"{CAFE}:13"],
        {"tenant/harbour-cafe"},
    ),
    "project id twice": (
        [(EU, "aipress-eu-001-test", "aipress-us-001-test")], "AP210", [f"{EU}:6", f"{US}:6"],
        {"shard/eu-001", "shard/us-001", *TENANTS},
    ),
    "project id of the control project": (
        [(EU, "aipress-eu-001-test", "aipress-control-test")], "AP210", [f"{EU}:6"],
        {"shard/eu-001", "tenant/acme-bakery", "tenant/harbour-cafe"},
    ),
    "bucket twice": (
        [(EU, "region:", "bucket: { name: aipress-us-001-test-media }\n  region:")], "AP211", [f"{EU}:7", f"{US}:6"],
        {"shard/eu-001", "shard/us-001", *TENANTS},
    ),
    "deleted without a reason": (
        [(ACME, *spec("state: deleted"))], "AP212", [f"{ACME}:10"], {"tenant/acme-bakery"},
    ),
    "primary domain of nobody": (
        [(ACME, *spec("primaryDomain: acme.example"))], "AP213", [f"{ACME}:10"], {"tenant/acme-bakery"},
    ),
    "fewest above most": (
        [(ACME, *spec("runtime: { scaling: { min: 5, max: 4 } }"))], "AP214", [f"{ACME}:10"], {"tenant/acme-bakery"},
    ),
    "fewest above the tier's most": (
        [(CAFE, *spec("runtime: { scaling: { min: 4 } }"))], "AP214", [f"{CAFE}:10"], {"tenant/harbour-cafe"},
    ),
    "most of staging below the tier's fewest": (
        [(SHOP, "production: {", "staging: { ref: x, runtime: { scaling: { max: 1 } } }\n    production: {")],
        "AP214", [f"{SHOP}:13"], {"tenant/corner-shop"},
    ),
    "fewest above most in a tier": (
        [("tiers/gold.yaml", "min: 2, max: 40", "min: 41, max: 40")], "AP214", ["tiers/gold.yaml:17"],
        {"tenant/corner-shop"},
    ),
    "unknown folder": (
        [(EU, "id: aipress-eu-001-test", "id: aipress-eu-001-test, folder: nowhere")], "AP215", [f"{EU}:6"],
        {"shard/eu-001", "tenant/acme-bakery", "tenant/harbour-cafe"},
    ),
    "database flag of the platform": (
        [(EU, 'max_connections: "2000"', 'cloudsql_iam_authentication: "off"')], "AP225", [f"{EU}:9"],
        {"shard/eu-001", "tenant/acme-bakery", "tenant/harbour-cafe"},
    ),
    "variable of the platform": (
        [(ACME, *spec("runtime: { env: { WORDPRESS_DB_HOST: x } }"))], "AP217", [f"{ACME}:10"], {"tenant/acme-bakery"},
    ),
    "variable of Cloud Run": (
        [(ACME, *spec('runtime: { env: { PORT: "80" } }'))], "AP217", [f"{ACME}:10"], {"tenant/acme-bakery"},
    ),
    "no image for the PHP": (
        [(ACME, *spec('runtime: { php: "8.1" }'))], "AP218", [f"{ACME}:10"], {"tenant/acme-bakery"},
    ),
    "no shard file": (
        [(US, "", "")], "AP219", [f"{US}:1"], {"shard/us-001", "tenant/corner-shop"},
    ),
    "collation of another character set": (
        [(ACME, *spec("database: { collation: utf8mb3_general_ci }"))], "AP222", [f"{ACME}:10"],
        {"tenant/acme-bakery"},
    ),
    "production deleted alone": (
        [(ACME, "ref: main", "ref: main, state: deleted")], "AP223", [f"{ACME}:13"], {"tenant/acme-bakery"},
    ),
}  # fmt: skip


def edited(texts: dict[str, str], edits: list[Edit]) -> dict[str, str]:
    texts = dict(texts)
    for path, old, new in edits:
        if not old and not new:
            del texts[path]
            continue
        assert old in texts[path], f"{old!r} does not stand in {path}"
        texts[path] = texts[path].replace(old, new, 1)
    return texts


def test_a_valid_fleet_has_nothing_to_say(texts: dict[str, str], loaded: Load) -> None:
    fleet = loaded(texts)
    assert fleet.diagnostics == ()
    assert fleet.frozen == frozenset()
    assert sorted(fleet.tenants) == ["acme-bakery", "corner-shop", "harbour-cafe"]
    assert fleet.tenants_of("eu-001") == ("acme-bakery", "harbour-cafe")
    assert (fleet.tenants_total, fleet.shards_total, fleet.partial) == (3, 2, False)


@pytest.mark.parametrize("what", BREACHES)
def test_each_breach_is_told_at_its_line_and_freezes_only_what_it_must(
    what: str, texts: dict[str, str], loaded: Load
) -> None:
    edits, code, places, frozen = BREACHES[what]
    fleet = loaded(edited(texts, edits))
    assert [d.code for d in fleet.errors] == [code] * len(places)
    assert [f"{d.file}:{d.position.line}" for d in fleet.errors] == places
    assert all(d.help for d in fleet.errors)
    assert fleet.frozen == frozen
    assert {f"tenant/{name}" for name in fleet.tenants} == TENANTS - frozen
    assert fleet.fleet is not None


FLEET_BREACHES: dict[str, tuple[Edit, str]] = {
    "no folder for the control project": (("fleet.yaml", "    control:", "    elsewhere:"), "AP215"),
    "no uid": (("fleet.yaml", "  uid: f0000001\n", ""), "AP203"),
    "no such day": (
        ("fleet.yaml", "  folders:",
         '  purges: [{ tenant: gone, uid: a0000009, expires: "2026-02-30", approvers: [a, b] }]\n  folders:'), "AP216",
    ),
    "one approver twice": (
        ("fleet.yaml", "  folders:",
         '  purges: [{ tenant: gone, uid: a0000009, expires: "2026-02-03", approvers: [Ann, ann] }]\n  folders:'),
        "AP221",
    ),
    "a wave that reaches nowhere": (
        ("fleet.yaml", "  folders:", "  waves: { steps: [{ bake: 10m }] }\n  folders:"), "AP226",
    ),
    "a wave that reaches two numbers of sites": (
        ("fleet.yaml", "  folders:", "  waves: { steps: [{ sites: 1, percent: 1 }] }\n  folders:"), "AP226",
    ),
    "unreadable": (("fleet.yaml", "kind: Fleet", "kind: *x"), "AP007"),
    "missing": (("fleet.yaml", "", ""), "AP220"),
}  # fmt: skip


@pytest.mark.parametrize("what", FLEET_BREACHES)
def test_a_wrong_fleet_file_stops_everything_and_freezes_nobody(what: str, texts: dict[str, str], loaded: Load) -> None:
    edit, code = FLEET_BREACHES[what]
    fleet = loaded(edited(texts, [edit]))
    assert code in [d.code for d in fleet.errors]
    assert fleet.fleet is None
    assert fleet.frozen == frozenset()


WARNINGS: dict[str, tuple[list[Edit], str, str]] = {
    "purge of a site that lives": (
        [("fleet.yaml", "  folders:",
          '  purges: [{ tenant: acme-bakery, uid: a0000001, expires: "2026-02-03", approvers: [a, b] }]\n  folders:')],
        "AP221", "fleet.yaml:12",
    ),
    "purge of an earlier owner of the name": (
        [("fleet.yaml", "  folders:",
          '  purges: [{ tenant: acme-bakery, uid: b0000001, expires: "2026-02-03", approvers: [a, b] }]\n  folders:')],
        "AP221", "fleet.yaml:12",
    ),
    "deletion of a site that lives": (
        [(ACME, *spec("deletion: { reason: not any more }"))], "AP212", f"{ACME}:10",
    ),
    "unknown canary": (
        [("fleet.yaml", "  folders:", "  waves: { canaries: [acme-bakery, acme-bakry] }\n  folders:")], "AP227",
        "fleet.yaml:12",
    ),
    "unknown region": ([(EU, "region: europe-west1", "region: europe-wets1")], "AP224", f"{EU}:7"),
    "unknown tier on a shard": (
        [(EU, "region:", "tiers: [bronze, silver, platinum]\n  region:")], "AP205", f"{EU}:7",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WARNINGS)
def test_what_may_be_meant_is_only_warned_about(what: str, texts: dict[str, str], loaded: Load) -> None:
    edits, code, place = WARNINGS[what]
    fleet = loaded(edited(texts, edits))
    assert [(d.code, d.severity, f"{d.file}:{d.position.line}") for d in fleet.diagnostics] == [
        (code, Severity.WARNING, place)
    ]
    assert fleet.frozen == frozenset()
    assert fleet.fleet is not None


@pytest.mark.parametrize(
    ("path", "lines", "block"),
    [
        (ACME, "cdn: { enabled: true }", "spec.cdn"), (ACME, "redirects: [{ from: /a }]", "spec.redirects"),
        (ACME, "runtime: { secrets: { A: b } }", "spec.runtime.secrets"),
        (ACME, "database: { dedicated: true }", "spec.database.dedicated"),
        (EU, "proxysql: { connections: 1 }", "spec.proxysql"),
        ("fleet.yaml", "services: { first: 1 }", "spec.services"),
    ],
)  # fmt: skip
def test_blocks_that_nothing_manages_yet_are_accepted_and_said(
    path: str, lines: str, block: str, texts: dict[str, str], loaded: Load
) -> None:
    fleet = loaded(edited(texts, [(path, *spec(lines))]))
    assert [(d.code, d.severity) for d in fleet.diagnostics] == [("AP301", Severity.NOTE)]
    assert f"`{block}` is accepted, not yet managed" in fleet.diagnostics[0].message
    assert fleet.frozen == frozenset()


def test_a_tenant_under_two_shards_is_an_error_on_both(texts: dict[str, str], loaded: Load) -> None:
    twin = "shards/us-001/tenants/acme-bakery/tenant.yaml"
    fleet = loaded({**texts, twin: tenant_text("acme-bakery", "b0000001", "bronze", ["b.example"])})
    assert [(d.code, d.file) for d in fleet.errors] == [("AP202", ACME), ("AP202", twin)]
    assert fleet.frozen == {"tenant/acme-bakery"}


def test_a_deleted_site_lets_go_of_its_domains(texts: dict[str, str], loaded: Load) -> None:
    gone = texts[CAFE].replace("www.cafe.example", "www.acme.example")
    gone = gone.replace(*spec("state: deleted\n  deletion: { reason: closed }"))
    assert loaded({**texts, CAFE: gone}).errors == ()


def test_a_broken_tier_freezes_its_tenants_and_nothing_else(texts: dict[str, str], loaded: Load) -> None:
    fleet = loaded({**texts, "tiers/silver.yaml": "kind: ["})
    assert [d.file for d in fleet.errors] == ["tiers/silver.yaml"]
    assert fleet.frozen == {"tenant/acme-bakery"}
    assert sorted(fleet.tenants) == ["corner-shop", "harbour-cafe"]


def test_many_broken_files_are_told_together_in_order(texts: dict[str, str], loaded: Load) -> None:
    broken = {**texts, SHOP: b"\xff", ACME: "a: [", EU: texts[EU].replace("region: europe-west1", "region: 5")}
    fleet = loaded(broken)
    assert [(d.file, d.code) for d in fleet.errors] == [(EU, "AP104"), (ACME, "AP001"), (SHOP, "AP002")]
    assert fleet.frozen == {"shard/eu-001", *TENANTS}


def test_shards_that_share_nothing_do_not_meet(texts: dict[str, str], loaded: Load) -> None:
    third = shard_text("eu-002", "e0000002", "aipress-eu-002-test", "europe-west1", 50)
    assert loaded({**texts, "shards/eu-002/shard.yaml": third}).diagnostics == ()


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("shards/eu-001/tenants/acme.yaml", "shards/eu-001/tenants/acme/tenant.yaml"),
        ("shards/eu-001/acme/tenant.yaml", "shards/eu-001/tenants/acme/tenant.yaml"),
        ("shards/eu-001/tenants/acme/tenant.yml", "shards/eu-001/tenants/acme/tenant.yaml"),
        ("shards/eu-001/shard.yml", "shards/eu-001/shard.yaml"), ("tiers/gold.yml", "tiers/gold.yaml"),
    ],
)  # fmt: skip
def test_a_file_that_nothing_reads_is_warned_about(path: str, meant: str, texts: dict[str, str], loaded: Load) -> None:
    assert near_miss(path) == meant
    fleet = loaded({**texts, path: "a: b"})
    assert [(d.code, d.severity, d.help) for d in fleet.diagnostics] == [
        ("AP015", Severity.WARNING, f"did you mean {meant}?")
    ]


def test_files_beside_the_documents_are_nobodys_business(texts: dict[str, str], loaded: Load) -> None:
    beside = {"shards/eu-001/README.md": "hello", "shards/eu-001/tenants/acme-bakery/notes.txt": "x", "tiers/a.md": ""}
    assert loaded({**texts, **beside}).diagnostics == ()


def test_every_code_of_the_table_is_exercised_by_a_test() -> None:
    told = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    assert [code for code in CODES if f'"{code}"' not in told and code != "AP199"] == []
