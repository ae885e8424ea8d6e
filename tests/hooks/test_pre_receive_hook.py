"""pre-receive: a push with a wrong fleet does not reach the server."""

from pathlib import Path

import pytest

from tests.hooks.places import MakePlace, Place

pytestmark = pytest.mark.slow


def refs(server: Place) -> dict[str, str]:
    lines = server.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split() for line in lines)


def test_a_right_fleet_gets_in(clone: Place, server: Place) -> None:
    ended = clone.run("git", "push", "origin", "main")

    assert ended.code == 0, ended.err
    assert refs(server) == {"refs/heads/main": clone.git("rev-parse", "main")}
    assert server.calls() == [f"validate --rev {clone.git('rev-parse', 'main')}"]


def test_a_wrong_fleet_is_refused_with_the_diagnostics(clone: Place, server: Place) -> None:
    clone.git("push", "origin", "main")
    good = refs(server)
    wrong = clone.commit("BROKEN\n")

    ended = clone.run("git", "push", "origin", "main")

    assert ended.code != 0
    assert "AP103 Unknown field" in ended.err
    assert "--> fleet.yaml:1:1" in ended.err
    assert f"refs/heads/main is refused: its new commit {wrong} is not a valid fleet" in ended.err
    assert refs(server) == good


def test_the_commit_is_read_while_it_is_still_in_quarantine(clone: Place, server: Place) -> None:
    """The stand-in could not have said BROKEN without reading the new commit's object."""
    wrong = clone.commit("BROKEN\n")
    clone.run("git", "push", "origin", "main")

    assert server.run("git", "cat-file", "-e", wrong).code != 0, "refused objects must not stay"


def test_one_wrong_ref_refuses_the_whole_push(clone: Place, server: Place) -> None:
    clone.git("checkout", "--quiet", "-b", "wrong")
    clone.commit("BROKEN\n")

    ended = clone.run("git", "push", "origin", "main", "wrong")

    assert ended.code != 0
    assert refs(server) == {}


@pytest.mark.parametrize("ref", ["refs/heads/feature", "refs/heads/HEAD", "refs/pull/7/head", "refs/tags/v1"])
def test_no_name_of_a_ref_gets_around_it(clone: Place, server: Place, ref: str) -> None:
    clone.commit("BROKEN\n")

    assert clone.run("git", "push", "origin", f"HEAD:{ref}").code != 0
    assert refs(server) == {}


@pytest.mark.parametrize("name", ["--help", "$(touch${IFS}hacked)", "`touch`", "a;touch${IFS}hacked", "%s%n"])
def test_the_name_of_a_ref_is_never_run_nor_taken_for_a_flag(clone: Place, server: Place, name: str) -> None:
    clone.commit("BROKEN\n")

    ended = clone.run("git", "push", "origin", f"HEAD:refs/heads/x{name}")

    assert ended.code != 0
    assert f"refs/heads/x{name} is refused" in ended.err
    assert not list(server.folder.rglob("hacked"))


def test_an_annotated_tag_is_judged_by_its_commit(clone: Place, server: Place) -> None:
    wrong = clone.commit("BROKEN\n")
    clone.git("tag", "-a", "v1", "-m", "one")

    ended = clone.run("git", "push", "origin", "v1")

    assert ended.code != 0
    assert server.calls() == [f"validate --rev {wrong}"]


def test_a_tag_on_a_single_file_is_no_fleet(clone: Place, server: Place) -> None:
    clone.git("tag", "file", clone.git("rev-parse", "HEAD:fleet.yaml"))

    assert clone.run("git", "push", "origin", "file").code == 0
    assert server.calls() == []


def test_the_same_commit_under_two_names_is_validated_once(clone: Place, server: Place) -> None:
    clone.git("branch", "twin")

    assert clone.run("git", "push", "origin", "main", "twin").code == 0
    assert len(server.calls()) == 1


def test_deleting_a_branch_needs_no_fleet(clone: Place, server: Place) -> None:
    clone.git("push", "origin", "main", "main:old")
    seen = len(server.calls())

    ended = clone.run("git", "push", "origin", ":old")

    assert ended.code == 0, ended.err
    assert list(refs(server)) == ["refs/heads/main"]
    assert len(server.calls()) == seen


def test_a_forced_push_is_judged_like_any_other(clone: Place, server: Place) -> None:
    clone.git("push", "origin", "main")
    clone.write("fleet.yaml", "BROKEN\n")
    clone.git("commit", "--quiet", "--all", "--amend", "-m", "rewritten")

    assert clone.run("git", "push", "--force", "origin", "main").code != 0


def test_what_could_not_be_validated_is_not_let_in(clone: Place, server: Place) -> None:
    clone.commit("CRASH\n")

    ended = clone.run("git", "push", "origin", "main")

    assert ended.code != 0
    assert "could not be validated (aipress ended with 1)" in ended.err
    assert "stub: no memory left" in ended.err


def test_a_server_without_aipress_accepts_nothing(
    clone: Place, server: Place, place: MakePlace, tmp_path: Path
) -> None:
    bare_hands = place(tmp_path / "clone", stand_in=None)

    ended = bare_hands.run("git", "push", "origin", "main")

    assert ended.code != 0
    assert "aipress is not on the PATH of the server" in ended.err


def test_a_flood_of_refs_is_refused(clone: Place, server: Place) -> None:
    for number in range(3):
        clone.git("branch", f"b{number}")

    ended = clone.run("git", "push", "origin", "b0", "b1", "b2", AIPRESS_HOOK_MOST_REFS="2")

    assert ended.code != 0
    assert "more than 2 refs in one push" in ended.err
    assert refs(server) == {}


def test_what_is_no_object_id_is_refused(server: Place) -> None:
    hook = str(server.folder / "hooks" / "pre-receive")

    ended = server.run(hook, feed=f"{'0' * 40} --output=x refs/heads/main\n")

    assert ended.code == 1
    assert server.calls() == []


def test_control_characters_do_not_reach_the_terminal_of_the_one_who_pushes(clone: Place, server: Place) -> None:
    hook = str(server.folder / "hooks" / "pre-receive")

    ended = server.run(hook, feed=f"{'0' * 40} nothing refs/heads/\x1b[2Jmain\n")

    assert "\x1b" not in ended.err
    assert "refs/heads/[2Jmain" in ended.err
