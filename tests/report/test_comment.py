"""The pull-request comment: danger first, always small enough, and nothing a tenant wrote takes effect in it."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.ids import FLEET, Address, tenant_target
from reconciler.model.plan import Action, Change, FieldChange, GuardVerdict, Plan, Verdict
from reconciler.report.markdown import CHARACTERS, CommentView, comment, mark

VIEW = CommentView(
    version="0.1.0", fleet="prod", at="2026-11-23T09:00:01Z", url="https://aipress.example/plans/1",
    blob_url="https://git.example/org/fleet/blob/b81d7aa", read_age=41,
)  # fmt: skip


def balanced(text: str) -> bool:
    """Whether every fence closes and every <details> outside fences does too."""
    open_fence, details = "", 0
    for line in text.split("\n"):
        found = re.match(r"^(`{3,})", line)
        if open_fence:
            if line.startswith(open_fence) and not line.strip("`"):
                open_fence = ""
            continue
        if found:
            open_fence = found[1]
            continue
        bare = outside_code(line)
        details += bare.count("<details>") - bare.count("</details>")
    return not open_fence and details == 0


def test_an_edit_and_a_purge(edited_plan: Plan, golden: Callable[[str, str], None]) -> None:
    golden("comment-edited.md", comment(edited_plan, VIEW))


def test_a_whole_new_shard(first_plan: Plan, golden: Callable[[str, str], None]) -> None:
    golden("comment-first.md", comment(first_plan, VIEW))


def test_no_changes(make_plan: Callable[..., Plan]) -> None:
    text = comment(make_plan([], compared=187))
    assert "### AIPress plan: no changes" in text
    assert "187 objects compared" in text


def test_errors_stand_in_the_title(edited_plan: Plan, make_plan: Callable[..., Plan]) -> None:
    assert "### AIPress plan: no changes, **1 error**\n" in comment(make_plan([], diagnostics=edited_plan.diagnostics))


def test_equal_plans_make_equal_comments(edited_plan: Plan) -> None:
    assert comment(edited_plan) == comment(replace(edited_plan))


def test_the_marker_is_one_html_comment_whatever_the_fleet_is_called(edited_plan: Plan) -> None:
    line = mark(edited_plan, CommentView(fleet="--> <b>@all</b> --x", key="plan")).line()
    assert line.startswith("<!-- aipress:comment v=1 key=plan fleet=")
    assert line.count("--") == 2
    assert line.endswith(" -->")
    assert f"plan={edited_plan.digest}" in line


def wide_plan(make_change: Callable[..., Change], make_plan: Callable[..., Plan], tenants: int, **more: int) -> Plan:
    shards = more.get("shards", 60)
    changes = []
    for n in range(tenants):
        fields = tuple(FieldChange(f"env[KEY_{k}].value", "x" * 50, f"{n}") for k in range(more.get("fields", 3)))
        action = Action.UPDATE if n % 2 else Action.CREATE
        target = tenant_target(f"site-{n:05d}")
        changes.append(
            make_change(target, "run.service", f"production-{n}", action, fields=fields, shard=f"s-{n % shards:04d}")
        )
    return make_plan(changes)


@pytest.mark.parametrize(
    ("tenants", "shards", "shown", "gone"),
    [
        (20, 5, "<details>", "_Shortened"),
        (140, 5, "all details left out", "<details>"),
        (1500, 60, "the table is by shard", "| Target |"),
        (3000, 3000, "all details and the table left out", "| Shard |"),
    ],
)
def test_details_are_shed_in_order(
    make_change: Callable[..., Change], make_plan: Callable[..., Plan], tenants: int, shards: int, shown: str, gone: str
) -> None:
    text = comment(wide_plan(make_change, make_plan, tenants, shards=shards, fields=6), VIEW)
    assert len(text) <= CHARACTERS
    assert balanced(text)
    assert shown in text
    assert gone not in text


def test_harmless_details_go_before_dangerous_ones(
    make_change: Callable[..., Change], make_plan: Callable[..., Plan]
) -> None:
    text = comment(wide_plan(make_change, make_plan, 100, fields=2), replace(VIEW, characters=36_000))
    assert "the details of what is only created left out" in text
    assert text.count("<details>") == 50


def test_the_deletions_survive_every_shedding(
    make_change: Callable[..., Change], make_plan: Callable[..., Plan]
) -> None:
    many = list(wide_plan(make_change, make_plan, 3000, shards=3000).changes)
    gone = make_change(tenant_target("acme-bakery"), "sql.database", "production", Action.DELETE)
    guards = tuple(GuardVerdict(f"guard-{n}", FLEET, Verdict.REFUSE, "no " * 200) for n in range(500))
    text = comment(make_plan([*many, gone], guards=guards), VIEW)
    assert len(text) <= CHARACTERS
    assert "`tenant/acme-bakery (shard eu-001)` will be deleted" in text
    assert text.index("acme-bakery") < text.index("guard-0")


UNREAD = GuardVerdict("partial-read", FLEET, Verdict.REFUSE, "no answer", (Address(FLEET, "secret", "x"),))
WHOLE = GuardVerdict("blast-radius", FLEET, Verdict.REFUSE, "51 of 100 sites (limit 10)")


def test_what_to_do_next_fits_what_stands_in_the_way(
    make_change: Callable[..., Change], make_plan: Callable[..., Plan], edited_plan: Plan
) -> None:
    changes = [make_change(tenant_target("acme"), "secret", "production", Action.CREATE)]
    part = GuardVerdict("escrow", FLEET, Verdict.REFUSE, "not yet", (changes[0].address,))

    def following(plan: Plan) -> str:
        return comment(plan).partition("**Next:** ")[2].partition("\n")[0]

    exactly = f"`aipress apply --expect-plan {make_plan(changes).digest}`"
    assert following(make_plan(changes)) == f"merge to apply, or apply exactly this: {exactly}"
    assert following(make_plan([])) == "merging changes nothing in the cloud."
    assert following(make_plan(changes, guards=(part,))).startswith("merge to apply what no guard refuses")
    assert "aipress apply --allow blast-radius --expect-plan sha256:" in following(make_plan(changes, guards=(WHOLE,)))
    assert following(make_plan([], diagnostics=edited_plan.diagnostics)) == "mend the error above."
    assert following(edited_plan).startswith("mend the error above (until then that stays as it is); for the rest, ")
    assert following(make_plan(changes, guards=(UNREAD,))).startswith("plan again when everything can be read")
    assert following(make_plan(changes, two_way=True)).startswith("plan again when the history answers")


def test_hostile_text_stays_inside_code(hostile_plan: Plan, hostile: str) -> None:
    text = comment(hostile_plan, VIEW)
    assert balanced(text)
    bare = outside_code(text)
    for forbidden in ("@everyone", "<img", "</details></summary>", "#1 ", "https://evil.example", "\u202e", "\x1b"):
        assert forbidden not in bare
    assert bare.count("<!--") == 1
    assert all(line.isprintable() for line in text.split("\n"))
    text.encode("utf-8")


def outside_code(text: str) -> str:
    """The comment without fences, code spans and <code> elements: where Markdown and HTML take effect."""
    without = re.sub(r"^(`{3,})diff\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    without = re.sub(r"<code>[^<]*</code>", "", without)
    return "\n".join(re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", line) for line in without.split("\n"))
