"""Incidents of a repository, a list or a field that was read as something that nobody wrote."""

import shutil

import pygit2
import pytest

from reconciler.actions.plan import PlanRequest, make
from reconciler.cli.plan import exit_code
from reconciler.daemon.serve import Seen, Watch, next_cycle, once
from reconciler.model.errors import AipressError, Failure, Next
from tests.cycle.small_world import SmallWorld
from tests.doubles import Script
from tests.incidents.playing import ACME, SILVER, YOGA, applied


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    storageGb: 25\n", "    storageGb: ~\n"),
        ("    storageGb: 25\n", "  limits:\n"),
        ("      memory: 512Mi\n", "      memory:\n"),
        ("    media:\n      mount: true\n", "    media:\n"),
    ],
)
def test_google_service_control_june_2025_blank_fields_change_nothing(old: str, new: str, small: SmallWorld) -> None:
    """A policy with blank fields was replicated everywhere within seconds. Safeguard: a field without a value is an
    error, never a default, and what inherits from a file with errors is frozen."""
    before, text = small.cloud.objects, small.read(SILVER)
    assert old in text
    small.write(SILVER, text.replace(old, new).replace("min: 1", "min: 0"))
    met = applied(small)
    assert met.exit_code == 3
    assert {d.code for d in met.plan.diagnostics if d.severity == "error"} >= {"AP106"}, "it says what is wrong"
    assert (small.cloud.effects, small.cloud.objects) == ([], before)


def test_google_service_control_june_2025_a_cycle_that_fails_does_not_herd(small: SmallWorld) -> None:
    """Every task restarted at once and asked again without a pause. Safeguard: pauses double."""
    seen = Seen(swept=small.clock.at, failures=1)
    pauses = [Seen(swept=small.clock.at, failures=n).pause(600) for n in range(1, 9)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[1] / pauses[0], pauses[-1]) == (5, 2, 600)
    assert next_cycle(small.world(), seen, 600) is not None


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("fleet.yaml", "escrow: { days: 14 }", "escrow: { days: }"),
        ("shards/us-001/shard.yaml", "softDeleteDays: 30", "softDeleteDays: "),
        ("shards/eu-001/shard.yaml", "retained: 30", "retained: "),
        (YOGA, "tier: bronze\n", "tier: bronze\n  state:\n"),
    ],
)
def test_unisuper_may_2024_a_blank_lifecycle_field_is_refused(file: str, old: str, new: str, small: SmallWorld) -> None:
    """A parameter left blank became a default term, after which everything was deleted. Safeguard: a blank field is an
    error in its file, and what the file is about is left as it is."""
    assert old in small.read(file)
    small.write(file, small.read(file).replace(old, new))
    before = small.cloud.objects
    try:
        met = applied(small)
        assert met.exit_code == 3
        assert {d.code for d in met.plan.diagnostics if d.severity == "error"} >= {"AP106"}
    except AipressError as error:
        assert "fleet.yaml cannot be used" in str(error) and "has no value" in f"{error} {error.hint}"
    assert (small.cloud.effects, small.cloud.objects) == ([], before)


@pytest.mark.parametrize("kind", ["run.service", "sql.database", "secret", "storage.bucket", "project"])
def test_argo_a_list_that_fails_deletes_and_makes_nothing(kind: str, small: SmallWorld) -> None:
    """A failed list read as "nothing is there". Safeguard: absent, found and unknown are three answers, and nothing
    follows from the third."""
    failure = Failure(Next.RETRY, "backend error", 503)
    small.cloud.script(*(Script(method, kind=kind, failure=failure, times=99) for method in ("list", "get")))
    plan = make(small.world(), PlanRequest())
    assert plan.changes == ()
    assert exit_code(plan, detailed=True) == 1
    assert applied(small).exit_code == 1
    assert small.cloud.effects == []


def test_argo_a_list_without_its_last_page_makes_nothing_anew(small: SmallWorld) -> None:
    """Safeguard: what a version recorded is absent only when a second reading, by another method, says so too."""
    for key in [k for k in small.cloud.stored if k[0] in ("run.service", "secret")]:
        small.cloud.script(Script("list", kind=key[0], name=key[1], absent=True, times=9))
    assert make(small.world(), PlanRequest()).changes == ()


def test_an_empty_checkout_is_no_empty_fleet(small: SmallWorld) -> None:
    """Config Sync's KNV2006, Argo CD's allowEmpty. Safeguards: absence is not deletion, and a shard of which every
    tenant vanished is not walked at all."""
    shutil.rmtree(small.fleet / "shards/eu-001/tenants")
    small.write(
        "shards/eu-001/shard.yaml", small.read("shards/eu-001/shard.yaml").replace("diskGb: 100", "diskGb: 200")
    )
    met = applied(small)
    assert met.exit_code == 5
    assert "all 2 tenants of shard eu-001 vanished" in " ".join(v.message for v in met.plan.refused())
    assert small.cloud.effects == []


def test_a_half_cloned_repository_is_an_error_and_no_small_fleet(small: SmallWorld) -> None:
    """A clone that was cut off: a file's content is missing. Safeguard: what git cannot read is an error
    that freezes its tenant; it is never read as "not there"."""
    nobody_has_read_it_yet = f"timeoutSeconds: 90 # {small.folder}"  # parsed documents are remembered by content
    small.write(YOGA, small.read(YOGA).replace("timeoutSeconds: 60", nobody_has_read_it_yet))
    small.write(ACME, small.read(ACME).replace("Acme Bakery", "Acme & Sons"))
    blob = pygit2.Repository(str(small.fleet)).revparse_single(f"HEAD:{YOGA}").id
    (small.fleet / ".git/objects" / str(blob)[:2] / str(blob)[2:]).unlink()
    before = {key: body for key, body in small.cloud.objects.items() if "linden-yoga" in key[1]}
    told = once(small.world(), Watch(None, 60, lambda _: None, lambda _: None))
    assert told.applied is not None
    assert told.applied.exit_code == 3
    (wrong,) = (d for d in told.applied.plan.diagnostics if d.severity == "error")
    assert (wrong.code, wrong.target) == ("AP017", "tenant/linden-yoga")
    assert "damaged or shallow" in wrong.help
    assert {key: body for key, body in small.cloud.objects.items() if "linden-yoga" in key[1]} == before
    assert not [effect for effect in small.cloud.effects if "linden-yoga" in effect[2]]


def test_a_branch_forced_back_to_an_old_commit_takes_nobody_off_the_air(small: SmallWorld) -> None:
    """A force-push, or a clone that was restored from a backup: the fleet of last month. Safeguard: what a commit does
    not know is kept, and when many tenants vanish at once nothing of their shard is walked at all."""
    repository = pygit2.Repository(str(small.fleet))
    last_month = repository.head.target
    for number in range(12):
        folder = small.fleet / f"shards/eu-001/tenants/site-{number:02}"
        folder.mkdir()
        text = small.read(YOGA).replace("linden-yoga", f"site-{number:02}").replace("n4j8q6sv", f"s{number:02}q4m8x")
        (folder / "tenant.yaml").write_text(text)
    small.write(ACME, small.read(ACME).replace("Acme Bakery", "Acme & Sons"))
    assert applied(small).exit_code == 0
    small.cloud.effects.clear()
    before = small.cloud.objects
    repository.reset(last_month, pygit2.enums.ResetMode.HARD)
    met = applied(small)
    assert met.exit_code == 5
    assert "12 of 15 tenants vanished" in " ".join(v.message for v in met.plan.refused())
    assert (small.cloud.effects, small.cloud.objects) == ([], before)
