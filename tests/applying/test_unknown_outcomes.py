"""What became of a call that nobody answered, of what was left half done, and of names that others have: no person
is needed to find out, and where one is, he is told what to do."""

from itertools import pairwise

import pytest

from reconciler.applying.exchange import Begin, Reread
from reconciler.applying.pace import Rules
from reconciler.model.errors import Failure, Next
from reconciler.model.outcome import Result
from reconciler.model.plan import Action, Change
from tests.applying.builders import LABELS, Driven, change, drive, planned
from tests.doubles import FakeCloud, Script

RESET = Failure(Next.RETRY, "connection reset", 503)
BACKUP = ("tenant/acme/sql.backup/final-production", "projects/p/instances/i/backups/d")
BACKUP_KEY = ("sql.backup", BACKUP[1])
DESCRIPTION = {"description": "aipress final uid=k3v9x2ma"}
INSTANCE = ("shard/s/sql.instance/main", "projects/p/instances/main")
SQL = {"settings": {"userLabels": LABELS, "tier": "db-custom-2-8192"}}
SITE = ("tenant/acme/run.service/production", "projects/p/locations/r/services/acme")
SECRET = ("tenant/acme/secret/production", "projects/p/secrets/acme")
RUN = {"labels": LABELS, "ingress": "INGRESS_TRAFFIC_ALL"}


def never_twice_without_a_look(driven: Driven) -> bool:
    steps = [type(step) for step in driven.trace]
    begins = [n for n, step in enumerate(steps) if step is Begin]
    return all(Reread in steps[a:b] for a, b in pairwise(begins))


# --- another last backup, where there is one already ----------------------------------------------------------------


@pytest.mark.parametrize("polls", [0, 2])
@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("times", [1, 3])
def test_another_backup_is_made_once_whatever_became_of_the_call(polls: int, lost: bool, times: int) -> None:
    """Taken for made when it was not, a purge would follow with no backup of the last weeks."""
    cloud = FakeCloud(objects={BACKUP_KEY: DESCRIPTION}, polls=polls)
    before = cloud.stored[BACKUP_KEY].uid
    again = planned(cloud, *BACKUP, DESCRIPTION, DESCRIPTION, action=Action.RUN)
    cloud.script(Script("begin", failure=RESET, lost=lost, times=times))
    driven = drive(cloud, again)
    assert driven.item.result is Result.DONE and driven.item.uid != before
    assert cloud.effects == [("run", *BACKUP_KEY)]
    assert never_twice_without_a_look(driven)


def test_the_earlier_backup_is_not_taken_for_the_one_just_made() -> None:
    """A list that lags behind still shows the earlier one alone."""
    cloud = FakeCloud(objects={BACKUP_KEY: DESCRIPTION}, polls=1)
    again = planned(cloud, *BACKUP, DESCRIPTION, DESCRIPTION, action=Action.RUN)
    shown = cloud.get("sql.backup", BACKUP[1], "", {})
    poll = cloud.poll

    def lagging(*given):  # type: ignore[no-untyped-def]
        done = poll(*given)
        return type(done)(shown) if hasattr(done, "found") else done

    cloud.poll = lagging  # type: ignore[method-assign]
    driven = drive(cloud, again)
    assert driven.item.result is Result.DONE and driven.item.uid == cloud.stored[BACKUP_KEY].uid
    assert cloud.effects == [("run", *BACKUP_KEY)]


def test_a_new_password_is_never_added_twice() -> None:
    """A version beside an enabled one: nobody could tell which of the two the database has."""
    for lost in (True, False):
        cloud = FakeCloud()
        cloud.script(Script("begin", failure=RESET, lost=lost, times=2))
        name = "projects/p/secrets/acme/versions/latest"
        driven = drive(cloud, change("tenant/acme/secret.version/production", name, {"state": "ENABLED"}))
        assert driven.item.result is Result.DONE and len(cloud.effects) == 1
        assert never_twice_without_a_look(driven)


@pytest.mark.parametrize("lost", [True, False])
def test_a_policy_whose_answer_was_lost_is_looked_at(lost: bool) -> None:
    name = "projects/p/secrets/acme-p/iam"
    wanted = {"bindings": [{"role": "roles/x", "members": ["serviceAccount:a"]}]}
    cloud = FakeCloud(objects={("secret.iam", name): {"bindings": [], "etag": "BwX"}})
    cloud.script(Script("begin", failure=RESET, lost=lost))
    driven = drive(cloud, change("tenant/acme/secret.iam/production", name, wanted))
    assert driven.item.result is Result.DONE and len(cloud.effects) == 1 and never_twice_without_a_look(driven)


# --- half done ------------------------------------------------------------------------------------------------------

FAILED = "Cloud SQL says FAILED. Look at the console"


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE, Action.ADOPT])
def test_an_instance_that_failed_is_never_called_done(action: Action) -> None:
    cloud = FakeCloud(objects={("sql.instance", INSTANCE[1]): SQL})
    wanted = {"settings": {**SQL["settings"], "tier": "db-custom-4-16384"}} if action is Action.UPDATE else SQL
    one = change(*INSTANCE, SQL) if action is Action.CREATE else planned(cloud, *INSTANCE, wanted, SQL)
    assert one.action is action
    cloud.stored["sql.instance", INSTANCE[1]].trouble = FAILED
    driven = drive(cloud, one)
    assert driven.item.result is Result.FAILED and FAILED in driven.item.message
    assert not cloud.effects, "nor is half an hour spent on asking it to change"


def test_a_service_whose_revision_does_not_start_is_put_right_by_the_next_one() -> None:
    key = ("run.service", SITE[1])
    cloud = FakeCloud(objects={key: RUN})
    cloud.stored[key].trouble = "its newest revision does not start (the container does not listen)"
    adopted = drive(cloud, planned(cloud, *SITE, RUN, RUN))
    assert adopted.item.result is Result.FAILED and "does not listen" in adopted.item.message
    cured = drive(cloud, planned(cloud, *SITE, {**RUN, "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"}, RUN))
    assert cured.item.result is Result.DONE


@pytest.mark.parametrize("polls", [0, 2])
def test_a_roll_out_that_ends_in_trouble_is_a_failure_with_the_reason(polls: int) -> None:
    cloud = FakeCloud(polls=polls)
    write = cloud._write

    def breaking(call):  # type: ignore[no-untyped-def]
        answer = write(call)
        cloud.stored[call.kind, call.name].trouble = "no revision serves"
        return answer if polls else type(answer)(cloud.get(call.kind, call.name, "", {}))

    cloud._write = breaking  # type: ignore[method-assign]
    driven = drive(cloud, change(*SITE, RUN))
    assert driven.item.result is Result.FAILED and "no revision serves" in driven.item.message
    assert len(cloud.effects) == 1


# --- names that others have -----------------------------------------------------------------------------------------


def test_a_project_id_that_is_gone_for_ever_says_what_to_write() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=Failure(Next.REPLAN, "already in use", 409, exists=True), times=99))
    driven = drive(cloud, change("shard/s/project/shard", "projects/taken", {"projectId": "taken", "labels": LABELS}))
    assert driven.item.result is Result.FAILED and not cloud.effects
    assert "never free again" in driven.item.message and "`spec.project.id`" in driven.item.message


SIGNED_OUT = Failure(Next.RETRY, "the caller does not have permission", 403, forbidden=True)


def test_an_operation_that_may_not_be_asked_after_for_a_moment_is_asked_after_again() -> None:
    """A token that ran out, a role that is being changed: the operation goes on, whoever may look at it."""
    cloud = FakeCloud(polls=2)
    cloud.script(Script("poll", failure=SIGNED_OUT, times=2))
    item = drive(cloud, change(*SECRET, {"labels": LABELS})).item
    assert (item.result, item.attempts, item.forbidden) == (Result.DONE, 1, False)


def test_an_operation_that_may_not_be_asked_after_any_more_is_not_known_to_have_failed() -> None:
    """Within the retry budget, then told as what it is: unknown, and forbidden (exit 4)."""
    cloud = FakeCloud(polls=10**9)
    cloud.script(Script("poll", failure=SIGNED_OUT, times=99))
    denied = Failure(Next.PERSON, "no permission to get", 403, forbidden=True)
    cloud.script(Script("get", failure=denied, times=99, after=1))
    driven = drive(cloud, change(*SECRET, {"labels": LABELS}))
    assert (driven.item.result, driven.item.attempts, driven.item.forbidden) == (Result.FAILED, 1, True)
    assert driven.item.message.endswith("whether the last call took effect is not known, the next run looks")
    assert driven.kinds().count("Poll") == Rules().retries - 1, "the last tries look at the object"


# --- what cannot be read back ---------------------------------------------------------------------------------------

USER = ("tenant/acme/sql.user/production", "projects/p/instances/main/users/acme")


def rotated(cloud: FakeCloud) -> Change:
    """A new password: the API never shows the one that is set."""
    source = {"secret": "projects/p/secrets/acme", "field": "DB_PASSWORD"}
    before, after = ({"passwordFrom": {**source, "version": version}} for version in ("1", "2"))
    cloud.put("sql.user", USER[1], {})
    return planned(cloud, *USER, after, before)


@pytest.mark.parametrize(
    ("times", "calls", "result"), [(1, 2, Result.DONE), (2, 3, Result.DONE), (99, 3, Result.FAILED)]
)
def test_a_password_whose_answers_are_lost_is_sent_three_times_at_most(times: int, calls: int, result: Result) -> None:
    """Each time after a look that the user is there and unchanged; then a person is told that nobody knows."""
    cloud = FakeCloud()
    one = rotated(cloud)
    cloud.script(Script("begin", failure=Failure(Next.RETRY, "no answer"), lost=True, times=times))
    driven = drive(cloud, one)
    assert (driven.item.result, driven.kinds().count("Begin")) == (result, calls)
    assert never_twice_without_a_look(driven)
    if times > calls:
        assert driven.item.message == (
            "sent 3 times, and no answer came: no answer; what was sent cannot be read back, so whether it is set is "
            "not known; the next run sends the same again"
        )


def test_a_password_that_was_surely_not_taken_has_the_whole_budget() -> None:
    cloud = FakeCloud()
    one = rotated(cloud)
    cloud.script(Script("begin", failure=Failure(Next.RETRY, "too many calls", 429), times=5))
    assert drive(cloud, one).item.result is Result.DONE
