"""Words of the incidents: edits, commits, and what was done to the cloud."""

from datetime import timedelta

from reconciler.actions.apply import Applied, ApplyRequest, apply
from tests.cycle.small_world import SmallWorld

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
SILVER = "tiers/silver.yaml"
YOGA_UID = "n4j8q6sv"


def applied(small: SmallWorld, host: str = "state") -> Applied:
    """One cycle over everything at HEAD."""
    return apply(small.world(host), ApplyRequest())


def memory(small: SmallWorld, text: str, size: str) -> None:
    """Acme Bakery gets so much memory, in a commit. `text`: its document."""
    small.write(ACME, text.replace("tier: silver\n", f"tier: silver\n  runtime: {{ memory: {size} }}\n"))


def memory_of(small: SmallWorld) -> str:
    """What Acme Bakery's live service has."""
    (body,) = (
        b for (kind, name), b in small.cloud.objects.items() if kind == "run.service" and "acme-bakery-p" in name
    )
    return str(body["template"]["containers"][0]["resources"]["limits"]["memory"])


def approve(small: SmallWorld, uid: str = YOGA_UID, days: float = 1) -> None:
    """The purge of Linden Yoga, approved until so many days from now."""
    day = small.clock.at + timedelta(days=days)
    row = f'{{ tenant: linden-yoga, uid: {uid}, expires: "{day:%Y-%m-%d}", approvers: [Ada, Grace] }}'
    small.write("fleet.yaml", small.read("fleet.yaml") + f"  purges:\n    - {row}\n")


def deletions(small: SmallWorld) -> list[tuple[str, str, str]]:
    return [effect for effect in small.cloud.effects if effect[0] in ("delete", "replace")]
