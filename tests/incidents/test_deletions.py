"""Incidents of something deleted that nobody wanted deleted."""

from datetime import timedelta

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, difference, make
from reconciler.engine.clock import SystemClock
from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.session import CloudSetting, Session
from reconciler.model.errors import Next
from reconciler.model.ids import Scope
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Failed
from tests.cycle.small_world import SmallWorld
from tests.incidents.playing import ACME, YOGA, applied, approve, deletions


def test_atlassian_april_2022_the_wrong_kind_of_id_deletes_nothing(deleted: SmallWorld) -> None:
    """Ids of sites were given where ids of an app were meant, and the deletion took both. Safeguard: a purge names a
    tenant by name *and* uid, and an approval for another uid approves nothing."""
    before = deleted.cloud.objects
    approve(deleted, uid="k3v9x2ma")  # Acme Bakery's
    assert applied(deleted).plan.changes == ()
    assert deletions(deleted) == []
    assert deleted.cloud.objects == before


def test_atlassian_april_2022_many_deletions_at_once_are_refused(small: SmallWorld) -> None:
    """883 sites in 23 minutes. Safeguard: more deletions than the cap make a plan that is refused, however right each
    of them looks."""
    staging = "staging: {{ ref: develop, domains: [staging.{0}.example]{1} }}"
    for n in range(9):
        folder = small.fleet / f"shards/eu-001/tenants/many-{n}"
        folder.mkdir()
        text = small.read(ACME).replace("acme-bakery", f"many-{n}").replace("k3v9x2ma", f"m{n}q4m8xz")
        (folder / "tenant.yaml").write_text(text)
    small.write("README.md", "Many sites with a staging environment.\n")
    assert applied(small).exit_code == 0
    small.cloud.effects.clear()
    for n in range(9):
        path, name = f"shards/eu-001/tenants/many-{n}/tenant.yaml", f"many-{n}"
        text = small.read(path)
        assert staging.format(name, "") in text
        (small.fleet / path).write_text(
            text.replace(staging.format(name, ""), staging.format(name, ", state: deleted"))
        )
    small.write("README.md", "No staging environments any more.\n")
    met = applied(small)
    assert met.exit_code == 5
    assert "would be deleted (limit 5" in " ".join(v.message for v in met.plan.refused())
    assert deletions(small) == []


def test_gitlab_january_2017_no_purge_without_the_last_backup(deleted: SmallWorld) -> None:
    """The wrong database was removed, and the backups turned out to be empty. Safeguard: data goes only when the last
    backup of *this* deletion is there, looked at now and the recorded one."""
    (backup,) = [key for key in deleted.cloud.stored if key[0] == "sql.backup"]
    approve(deleted)
    assert make(deleted.world(), PlanRequest()).refused() == ()  # it may go, as long as the backup is there
    database = next(key for key in deleted.cloud.stored if key[0] == "sql.database" and "linden-yoga" in key[1])
    deleted.cloud.remove(*backup)
    deleted.cloud.put(*backup, {"description": "another one"}, uid="uid-of-another-backup")
    met = applied(deleted)
    assert met.exit_code == 5
    assert deletions(deleted) == []
    assert database in deleted.cloud.stored


def test_unisuper_may_2024_time_alone_deletes_nothing(deleted: SmallWorld) -> None:
    """A year went by, and what had got a default term was deleted. Safeguard: there is no deletion that a clock starts;
    without an approval a deleted tenant is kept for ever."""
    before = deleted.cloud.objects
    for years in (1, 10, 100):
        deleted.clock.at += timedelta(days=365 * years)
        assert applied(deleted).exit_code == 0
    assert (deletions(deleted), deleted.cloud.objects) == ([], before)


def test_a_clock_that_jumps_a_year_ahead_purges_nothing(small: SmallWorld) -> None:
    """The escrow window looks over at once. Safeguard: an approval ends within days, so it is over as well."""
    text = small.read(YOGA)
    small.write(YOGA, text.replace("tier: bronze\n", "tier: bronze\n  state: deleted\n  deletion: { reason: over }\n"))
    assert applied(small).exit_code == 0
    approve(small, days=5)
    small.clock.at += timedelta(days=365)
    small.cloud.effects.clear()
    met = applied(small)
    assert met.exit_code == 5
    assert "the approval expired on" in " ".join(met.skipped.values())
    assert deletions(small) == []


def test_a_clock_that_jumps_a_year_back_purges_nothing(deleted: SmallWorld) -> None:
    """An approval of last year would hold again. Safeguard: one that ends more than 7 days ahead is none."""
    approve(deleted)
    deleted.clock.at -= timedelta(days=365)
    met = applied(deleted)
    assert met.exit_code == 5
    assert "more than 7 days ahead" in " ".join(met.skipped.values())
    assert deletions(deleted) == []


@pytest.mark.parametrize("kind", ["project", "folder", "sql.instance", "storage.bucket"])
def test_azure_devops_may_2023_the_parent_never_goes(kind: str) -> None:
    """A deletion of a database had become one of its server. Safeguard: for what holds others' data there is no code
    that deletes it, whatever a plan says (no request leaves: nothing listens at this address)."""
    cloud = GoogleCloud(Session(CloudSetting("http://127.0.0.1:9"), SystemClock()))
    names = {"project": "projects/p-1", "folder": "folders/1", "storage.bucket": "buckets/b-1"}
    answer = cloud.begin(Call(Action.DELETE, kind, names.get(kind, "projects/p-1/instances/i"), "projects/p-1", {}))
    assert isinstance(answer, Failed)
    assert answer.failure.next is Next.PERSON
    assert "AIPress never deletes" in answer.failure.message


def test_google_diskerase_an_empty_set_is_not_everything(small: SmallWorld) -> None:
    """A restarted workflow asked for "none", which meant "all". Safeguard: a scope with nothing in it is nothing."""
    small.write(ACME, small.read(ACME).replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))
    changed = small.world().repository.resolve("HEAD")
    small.write("README.md", "Words for people.\n")
    nothing = difference(small.world().repository, changed, small.world().repository.resolve("HEAD"), Scope())
    assert not nothing.everything
    met = apply(small.world(), ApplyRequest(scope=nothing))
    assert (met.exit_code, met.plan.changes, small.cloud.effects) == (0, (), [])
    assert make(small.world(), PlanRequest()).changes != ()  # everything would have been something
