"""fleet.yaml's policies and ownership: what is wrong in them, what a head changes of them, and whose field it is."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pygit2
import pytest

from reconciler.model.diagnostic import Severity
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.model.policies import Base, Flaw, Trespass
from reconciler.model.spec_policies import Ownership
from reconciler.source.git import GitRepository
from reconciler.source.ownership import changed_fields, groups_by_address, may, trespasses
from reconciler.source.rules_policies import changed_laws, uncompiled
from tests.source.conftest import ACME, CAFE, EU, valid_fleet

Load = Callable[[Mapping[str, str | bytes]], Fleet]
POLICY = '{ name: one, when: "true", verdict: deny, message: never'
OWNED = """\
  ownership:
    groups:
      platform: ["*@aipress.example", "github:1"]
      north: ["Jo@North.example", "github:22", "gitlab:7"]
      south: ["*@south.example"]
    rules:
      - { fields: [spec.runtime.memory, "spec.environments.*.ref"], may: [owners, platform] }
      - { fields: [metadata.displayName], may: [anyone] }
    otherwise: [platform]
"""


def with_spec(lines: str) -> dict[str, str]:
    texts = valid_fleet()
    return {**texts, "fleet.yaml": texts["fleet.yaml"].replace("  folders:", f"{lines}  folders:", 1)}


def exempt(target: str, until: str) -> str:
    return f'exemptions: [{{ targets: [{target}], until: "{until}", by: Jo S, why: later }}]'


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        (f"  policies: [{POLICY} }}, {POLICY} }}]\n", "AP228", "two policies `one`"),
        (f"  policies: [{POLICY}, {exempt('fleet', '2026-02-30')} }}]\n", "AP216", "no day 2026-02-30"),
        (f"  policies: [{POLICY}, {exempt('tenant/nobody', '2026-02-03')} }}]\n", "AP229", "tenant/nobody"),
        (OWNED.replace("may: [anyone]", "may: [platfrom]"), "AP230", "no group `platfrom`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(lines: str, code: str, message: str, loaded: Load) -> None:
    found = loaded(with_spec(lines)).diagnostics
    assert [(d.code, message in d.message, d.file) for d in found] == [(code, True, "fleet.yaml")]


@pytest.mark.parametrize(
    ("when", "flaw", "line", "column"),
    [
        ("tenant.teir == 'a'", Flaw("x", 1, 7), 1, 7), ('"tenant.teir == 1"', Flaw("x", 1, 7), 1, 8),
        ("|\n        true\n          && tenant.teir", Flaw("x", 2, 12), 2, None),
        (">\n        true\n        && x", Flaw("x", 1, 9), 0, None),
    ],
)  # fmt: skip
def test_a_flaw_is_shown_where_it_stands(when: str, flaw: Flaw, line: int, column: int | None, loaded: Load) -> None:
    lines = f"  policies:\n    - name: one\n      verdict: deny\n      message: never\n      when: {when}\n"
    written = loaded(with_spec(lines)).fleet
    assert written is not None
    found = uncompiled(written, 0, "when", flaw)
    assert (found.code, found.severity) == ("AP231", Severity.ERROR)
    start = next(n for n, text in enumerate(written.text.splitlines(), 1) if "when:" in text)
    assert found.position.line == start + (line if when[0] == "|" else 0)
    if column is not None:
        assert found.position.column == len("      when: ") + column


def test_a_change_of_the_laws_is_told(loaded: Load) -> None:
    before = loaded(with_spec(f"  policies: [{POLICY} }}, {POLICY.replace('one', 'two')} }}]\n{OWNED}")).fleet
    after = loaded(with_spec(
        f"  policies: [{POLICY.replace('deny', 'warn')} }}, {POLICY.replace('one', 'three')} }}]\n"
        "  guards: { shrinkPercent: 90 }\n"
    )).fleet  # fmt: skip
    told = list(changed_laws(before, after, "c" * 40))
    assert {(d.code, d.severity) for d in told} == {("AP302", Severity.WARNING)}
    assert sorted(d.message for d in told) == [
        "From the merge on: `guards` change", "From the merge on: policy `one` changes",
        "From the merge on: policy `three` is new", "From the merge on: policy `two` is taken away",
        "From the merge on: who may change which field (`ownership`) changes",
    ]  # fmt: skip
    assert list(changed_laws(before, before, "c" * 40)) == []


# --- whose field it is ----------------------------------------------------------------------------------------------


class Branch:
    """A repository whose `main` holds the fleet with OWNED; `commit` adds to a branch beside it."""

    def __init__(self, folder: Path) -> None:
        self.texts = with_spec(OWNED)
        self.texts[ACME] = self.texts[ACME].replace("owners: [agency-north]", "owners: [north]")
        self.git = pygit2.init_repository(str(folder), bare=True, initial_head="main")
        self.base = self.commit("plat@aipress.example", {}, ref="refs/heads/main")
        self.head = self.base
        self.repository = GitRepository(folder)

    def commit(
        self, who: str, edits: Mapping[str, str | None], ref: str | None = None, parents: list[str] | None = None
    ) -> str:
        for path, text in edits.items():
            if text is None:
                self.texts.pop(path)
            else:
                self.texts[path] = text
        index = pygit2.Index()
        for path, text in self.texts.items():
            index.add(pygit2.IndexEntry(path, self.git.create_blob(text.encode()), pygit2.enums.FileMode.BLOB))
        author = pygit2.Signature("X", who, 1_790_000_000, 0)
        above = parents if parents is not None else [] if ref else [self.head]
        self.head = str(self.git.create_commit(ref, author, author, "x", index.write_tree(self.git), above))
        return self.head

    def edit(self, who: str, path: str, old: str, new: str) -> None:
        assert old in self.texts[path]
        self.commit(who, {path: self.texts[path].replace(old, new)})

    def found(self, author: str = "") -> tuple[Trespass, ...]:
        owned = _owned(self.repository, self.base)
        return trespasses(self.repository, owned, Base(self.base, author), self.head)


def _owned(repository: GitRepository, commit: str) -> Ownership:
    from reconciler.source.load import load

    fleet = load(repository, commit, shards=()).fleet
    assert fleet is not None and fleet.document.spec.ownership is not None
    return fleet.document.spec.ownership


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path / "fleet.git")


NORTH, SOUTH, PLATFORM = "jo@north.example", "sa@south.example", "pia@aipress.example"
MEMORY = ("  tier: silver\n", "  tier: silver\n  runtime: { memory: 1Gi }\n")
TIER = ("  tier: silver\n", "  tier: gold\n")


def test_an_agency_changes_its_memory_and_not_its_tier(branch: Branch) -> None:
    branch.edit(NORTH, ACME, *MEMORY)
    assert branch.found() == ()
    branch.edit(NORTH, ACME, *TIER)
    (one,) = branch.found()
    assert str(one.target) == "tenant/acme-bakery"
    assert "may not change spec.tier of" in one.message and "platform may" in one.message
    assert "a claim and no proof" in one.message
    line = branch.texts[ACME].splitlines().index("  tier: gold") + 1
    assert [(d.code, d.severity, d.file, d.position.line) for d in one.diagnostics] == [
        ("AP503", Severity.ERROR, ACME, line)
    ]


def test_others_do_not_change_what_the_owners_may(branch: Branch) -> None:
    branch.edit(SOUTH, ACME, *MEMORY)
    assert [str(one.target) for one in branch.found()] == ["tenant/acme-bakery"]


@pytest.mark.parametrize("who", [PLATFORM, "PIA@AIPRESS.EXAMPLE"])
def test_who_may_change_everything_does(branch: Branch, who: str) -> None:
    branch.edit(who, ACME, *TIER)
    branch.edit(who, "fleet.yaml", "test-fleet", "other-fleet")
    assert branch.found() == ()


@pytest.mark.parametrize(
    "who", ["x@aipress.example.evil", "pia@aipress.example@evil", "github:1", "stranger@x.example"]
)
def test_who_only_looks_like_a_member_is_none(branch: Branch, who: str) -> None:
    branch.edit(who, ACME, *TIER)
    assert len(branch.found()) == 1


def test_who_makes_themselves_an_owner_is_none_yet(branch: Branch) -> None:
    branch.edit(SOUTH, ACME, "owners: [north]", "owners: [north, south]")
    branch.edit(SOUTH, ACME, *MEMORY)
    (one,) = branch.found()
    assert (
        "metadata.owners and spec.runtime.memory" in one.message
        or "metadata.owners, spec.runtime.memory" in one.message
    )


def test_the_rules_are_those_of_the_base(branch: Branch) -> None:
    branch.edit(NORTH, "fleet.yaml", "otherwise: [platform]", "otherwise: [anyone]")
    branch.edit(NORTH, ACME, *TIER)
    assert [str(one.target) for one in branch.found()] == ["fleet", "tenant/acme-bakery"]


def test_a_shard_and_a_tier_are_not_an_agencys(branch: Branch) -> None:
    branch.edit(NORTH, EU, "region: europe-west1", "region: europe-west4")
    branch.edit(NORTH, "tiers/silver.yaml", "priceUsd:", "priceUsd: 1 #")
    assert [str(one.target) for one in branch.found()] == ["shard/eu-001", "fleet"]


def test_a_site_is_not_made_moved_or_taken_away(branch: Branch) -> None:
    text = branch.texts[CAFE]
    branch.commit(NORTH, {CAFE: None})
    assert [str(one.target) for one in branch.found()] == ["tenant/harbour-cafe"]
    branch.commit(NORTH, {CAFE.replace("eu-001", "us-001"): text})
    assert [str(one.target) for one in branch.found()] == ["tenant/harbour-cafe", "tenant/harbour-cafe"]


def test_what_another_wrote_over_counts_no_more(branch: Branch) -> None:
    branch.edit(NORTH, ACME, *TIER)
    branch.edit(PLATFORM, ACME, "  tier: gold\n", "  tier: bronze\n")
    assert branch.found() == ()
    branch.edit(NORTH, ACME, "  tier: bronze\n", "  tier: gold\n")
    branch.edit(NORTH, ACME, "  tier: gold\n", "  tier: silver\n")
    assert branch.found() == ()  # as it was


def test_a_merge_is_only_what_it_made_itself(branch: Branch) -> None:
    """An agency that merges the platform's work has not written it; one that changes something in a merge has."""
    main = branch.base
    branch.edit(NORTH, ACME, *MEMORY)
    mine = branch.head
    text = branch.texts[ACME]
    branch.texts[ACME] = text.replace("  runtime: { memory: 1Gi }\n", "")
    branch.head = main
    branch.edit(PLATFORM, ACME, *TIER)
    theirs = branch.head
    both = branch.texts[ACME].replace("  tier: gold\n", "  tier: gold\n  runtime: { memory: 1Gi }\n")
    branch.commit(NORTH, {ACME: both}, parents=[mine, theirs])
    assert branch.found() == ()
    branch.commit(NORTH, {ACME: both.replace("gold", "bronze")}, parents=[mine, theirs])
    assert [str(one.target) for one in branch.found()] == ["tenant/acme-bakery"]


def test_the_id_of_the_author_is_believed_and_git_is_not(branch: Branch) -> None:
    branch.edit(PLATFORM, ACME, *TIER)  # or so git says
    assert branch.found() == ()
    (one,) = branch.found("github:22")
    assert one.message.startswith("github:22 may not change spec.tier")
    assert branch.found("github:1") == ()
    assert len(branch.found("gitlab:1")) == 1


def test_an_id_is_another_when_it_only_begins_alike(branch: Branch) -> None:
    branch.edit(PLATFORM, ACME, *MEMORY)
    assert branch.found("github:22") == ()
    assert len(branch.found("github:220")) == 1 and len(branch.found("github:2")) == 1


def test_a_history_that_is_cut_off_is_no_innocence(branch: Branch) -> None:
    lost = pygit2.Signature("X", NORTH, 1_790_000_000, 0)
    tree = branch.git.revparse_single(branch.head).peel(pygit2.Tree).id
    branch.head = str(branch.git.create_commit(None, lost, lost, "an orphan", tree, []))
    with pytest.raises(InputError, match="nobody knows who changed what"):
        branch.found()


def test_fields_are_told_apart() -> None:
    before = {"a": {"b": 1, "c": [1]}, "d": "x", "e": {"f": 1}}
    after = {"a": {"b": 1.0, "c": [1, 2]}, "g": {"h": {"i": 1}}, "e": 5}
    assert sorted(changed_fields(before, after)) == [("a", "b"), ("a", "c"), ("d",), ("e",), ("g", "h", "i")]
    assert list(changed_fields(after, after)) == []


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("spec.runtime", "spec.runtime.memory", True), ("spec.runtime", "spec.runtimes", False),
        ("spec.*.ref", "spec.environments.ref", True), ("spec.*.ref", "spec.environments.production.ref", False),
        ("**.ref", "spec.environments.production.ref", True), ("spec.run*", "spec.runtime.php", True),
        ("spec.runtime.memory", "spec.runtime", False), ("**", "anything.at.all", True),
    ],
)  # fmt: skip
def test_a_rule_covers_what_lies_below_it(glob: str, path: str, fits: bool) -> None:
    owned = Ownership.model_validate({"groups": {"us-all": ["a@b.example"]}, "otherwise": [],
                                      "rules": [{"fields": [glob], "may": ["us-all"]}]})  # fmt: skip
    assert groups_by_address(owned, "A@B.example") == {"us-all"}
    assert may(owned, tuple(path.split(".")), frozenset({"us-all"}), frozenset()) is fits
