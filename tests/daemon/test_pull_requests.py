"""Pull requests beside the loop: commits of strangers are looked at and never planned; what got lost is found by the
next look at everything."""

import subprocess
from datetime import timedelta

from reconciler.daemon.reviewing import SWEEP
from reconciler.forge.hints import COMMENT
from tests.daemon.pulls import ACME, LENA, LINDEN, STRANGER, Scene, scene
from tests.forge.host import Fault

__all__ = ["scene"]


def test_a_push_is_planned_and_told_and_the_next_push_edits_the_same_comment(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    (told,) = scene.look()
    assert told.reviewed is not None and (told.reviewed.result, told.waited) == ("planned", 0.0)
    first = scene.mark()
    assert first.head == head and first.plan.startswith("sha256:")
    (row,) = scene.comments()
    assert "`acme-bakery`" in row["body"] and f"https://code.example/blob/{head}" in row["body"]
    assert scene.inbox.waiting() == (), "it was looked at"
    assert [t for t in scene.look() if t.reviewed and t.reviewed.result] == [], "nothing is new"

    second = scene.write("change", "tier: bronze", "tier: gold")
    scene.host.pull(12, second, author=LENA)
    scene.hint()
    scene.look()
    (edited,) = scene.comments()
    assert edited["id"] == row["id"] and scene.mark().head == second
    assert [c["head_sha"] for c in scene.host.checks] in ([head, second], [])
    assert [s["commit"] for s in scene.host.statuses] in ([head, second], [])


def test_what_is_planned_is_what_the_merge_would_make(scene: Scene) -> None:
    """A branch that is behind takes back nothing that its base got since."""
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.write("main", "timeoutSeconds: 60", "timeoutSeconds: 90", LINDEN)
    scene.fetch()
    scene.offered(head)
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    scene.look()
    assert scene.mark().base == scene.git("rev-parse", "main")
    assert scene.mark().head == head
    (row,) = scene.comments()
    assert "acme-bakery" in row["body"] and "linden-yoga" not in row["body"], "it would take back what main got since"


def test_a_conflict_is_told_once_and_planned_when_it_is_mended(scene: Scene) -> None:
    scene.write("change", "tier: silver", "tier: bronze")
    scene.write("main", "tier: silver", "tier: gold")
    scene.fetch()
    head = scene.git("rev-parse", "change")
    scene.offered(head)
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    (told,) = scene.look()
    assert told.reviewed is not None and told.reviewed.result == "failed"
    (row,) = scene.comments()
    assert "conflicts with its base branch" in row["body"] and ACME in row["body"]
    before = row["body"]
    scene.small.clock.at += timedelta(minutes=1)
    scene.hint()
    scene.look()
    assert [one["body"] for one in scene.comments()] == [before]
    scene.git("checkout", "-q", "change")
    scene.git("merge", "-q", "-X", "ours", "main", "-m", "Merge main")
    scene.git("checkout", "-q", "main")
    head = scene.write("change", "tier: bronze", "tier: bronze # meant")
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    scene.look()
    assert scene.mark().head == head and scene.mark().plan.startswith("sha256:")


def test_a_strangers_commit_is_checked_without_a_look_at_the_cloud(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "teir: silver")
    scene.host.pull(12, head, author=STRANGER, fork=True)
    scene.hint()
    before = len(scene.small.cloud.calls)
    (told,) = scene.look()
    assert told.reviewed is not None and told.reviewed.result == "checked"
    assert len(scene.small.cloud.calls) == before, "the cloud was asked for a stranger"
    (row,) = scene.comments()
    assert "teir" in row["body"] and f"/aipress plan head={head}" in row["body"]

    fixed = scene.write("change", "teir: silver", "tier: bronze")
    scene.host.pull(12, fixed, author=STRANGER, fork=True)
    scene.hint()
    scene.look()
    assert len(scene.small.cloud.calls) == before
    assert "valid" in scene.comments()[0]["body"]

    scene.host.say(12, LENA, f"/aipress plan head={fixed}")
    scene.hint(COMMENT)
    scene.look()
    assert len(scene.small.cloud.calls) > before
    assert scene.mark().plan.startswith("sha256:")
    assert scene.host.reactions[-1]["content" if "content" in scene.host.reactions[-1] else "name"] == "eyes"

    third = scene.write("change", "tier: bronze", "tier: gold")
    scene.host.pull(12, third, author=STRANGER, fork=True)
    scene.hint()
    before = len(scene.small.cloud.calls)
    scene.look()
    assert len(scene.small.cloud.calls) == before, "the yes was to another commit"
    assert scene.mark().plan.startswith("checked:")


def test_a_head_that_is_not_the_one_that_was_judged_is_not_planned(scene: Scene) -> None:
    """Between what the host says of a head and the fetch, somebody pushes."""
    scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, "b" * 40, author=LENA)
    scene.hint()
    (told,) = scene.look()
    assert told.error is not None and "moved while" in str(told.error)
    assert scene.comments() == []
    assert len(scene.inbox.waiting()) == 1, "it is looked at again"


def test_a_webhook_that_got_lost_costs_time_alone(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.look()
    scene.host.pull(12, head, author=LENA)
    assert scene.look() == [], "nobody said anything"
    scene.small.clock.at += timedelta(seconds=SWEEP)
    (told,) = scene.look()
    assert told.reviewed is not None and told.reviewed.result == "planned" and told.waited is None


def test_a_pull_request_to_another_branch_is_none_of_ours(scene: Scene) -> None:
    scene.host.pull(12, scene.write("change", "tier: silver", "tier: bronze"), author=LENA, base="release")
    scene.hint()
    scene.look()
    assert scene.comments() == [] and scene.inbox.waiting() == ()


def test_a_persons_token_says_the_verdict_as_a_status(scene: Scene) -> None:
    """GitHub answers 403 to check runs of whoever is no App."""
    words = {"message": "You must authenticate via a GitHub App."}
    scene.host.fail(Fault("POST", "/check-runs", 403, body=words, times=9))
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    (told,) = scene.look()
    assert told.error is None and told.reviewed is not None and told.reviewed.result == "planned"
    assert [(s["commit"], s["state"]) for s in scene.host.statuses] == [(head, "success")]
    assert scene.inbox.waiting() == ()


def test_what_was_checked_offline_is_not_checked_again_until_something_moves(scene: Scene) -> None:
    scene.host.pull(12, scene.write("change", "tier: silver", "tier: bronze"), author=STRANGER, fork=True)
    results = []
    for move in (False, False, True):
        if move:
            scene.write("main", "timeoutSeconds: 60", "timeoutSeconds: 90", LINDEN)
            scene.fetch()
            scene.offered(scene.git("rev-parse", "change"))
        scene.hint()
        (told,) = scene.look()
        assert told.reviewed is not None
        results.append(told.reviewed.result)
    assert results == ["checked", "", "checked"]


def test_a_command_is_heard_once(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, head, author=LENA)
    scene.look()
    scene.host.say(12, LENA, "/aipress plan")
    for _ in range(2):
        scene.hint(COMMENT)
        scene.look()
    assert len(scene.host.reactions) == 1
    # Memory that is lost hears nothing from before our own newest comment again.
    scene.inbox._at.execute("DELETE FROM heard")
    scene.host.say(12, LENA, f"/aipress apply plan={'0' * 12} head={head}")
    scene.hint(COMMENT)
    scene.look()
    assert "nothing is applied before the merge" in scene.host.of(12)[-1]["body"]
    scene.inbox._at.execute("DELETE FROM heard")
    said = len(scene.host.of(12))
    scene.hint(COMMENT)
    scene.look()
    assert len(scene.host.of(12)) == said


def test_one_that_fails_stops_no_other(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(11, head, author=LENA)  # its ref is not there
    scene.host.pull(12, head, author=LENA)
    scene.hint(number=11)
    scene.hint()
    told = scene.look()
    assert [t.number for t in told if t.error] == [11]
    assert len(scene.comments()) == 1
    assert [one.hint.ref for one in scene.inbox.waiting()] == ["refs/pull/11/head"]


def test_a_hint_without_a_ref_means_all_that_are_open(scene: Scene) -> None:
    scene.look()
    scene.host.pull(12, scene.write("change", "tier: silver", "tier: bronze"), author=LENA)
    scene.hint(number=0)
    assert [t.number for t in scene.look()] == [12]
    assert scene.inbox.waiting() == ()


def test_a_host_that_is_away_is_told_and_nothing_is_lost(scene: Scene) -> None:
    scene.hint()
    scene.host.tokens.clear()
    (told,) = scene.look()
    assert told.error is not None and "token" in str(told.error)
    assert len(scene.inbox.waiting()) == 1


def test_the_store_borrows_and_keeps_strangers_out_of_the_fleet(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, head, author=LENA)
    scene.look()
    found = subprocess.run(["git", "-C", str(scene.clone), "cat-file", "-e", head], check=False, capture_output=True)
    assert found.returncode != 0, "a pull request's commit came into the fleet repository"
    assert (scene.reviewing.state / "proposals.git").stat().st_mode & 0o077 == 0
