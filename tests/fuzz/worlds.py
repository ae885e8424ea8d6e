"""The small valid fleet that hostile input is put into, and the clock of these tests."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from reconciler.source.generate import fleet_text, shard_text, tenant_text, tier_text

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
CAFE = "shards/eu-001/tenants/harbour-cafe/tenant.yaml"
SHOP = "shards/us-001/tenants/corner-shop/tenant.yaml"
EU, US = "shards/eu-001/shard.yaml", "shards/us-001/shard.yaml"
NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def valid_fleet() -> dict[str, str]:
    """Two shards, three tenants, no diagnostic at all."""
    return {
        "fleet.yaml": fleet_text("test-fleet", "f0000001", "aipress-control-test", "europe-west1"),
        **{f"tiers/{name}.yaml": tier_text(name) for name in ("bronze", "silver", "gold")},
        EU: shard_text("eu-001", "e0000001", "aipress-eu-001-test", "europe-west1", 50),
        US: shard_text("us-001", "u0000001", "aipress-us-001-test", "us-central1", 50),
        ACME: tenant_text("acme-bakery", "a0000001", "silver", ["www.acme.example"], ("", "{ ref: develop }")),
        CAFE: tenant_text("harbour-cafe", "c0000001", "bronze", ["www.cafe.example"]),
        SHOP: tenant_text("corner-shop", "s0000001", "gold", ["www.shop.example"]),
    }


VALID: Mapping[str, str] = valid_fleet()


class StillClock:
    """Time goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
