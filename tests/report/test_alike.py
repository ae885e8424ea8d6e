"""The same change on many sites is said once, with how many, even where they differ in something else."""

from collections.abc import Callable

from reconciler.model.ids import shard_target, tenant_target
from reconciler.model.plan import Action, Change, FieldChange, Plan
from reconciler.report.alike import SITES_FROM, alike_markdown
from reconciler.report.arrange import sections
from reconciler.report.markdown import CHARACTERS, comment

Make, MakePlan = Callable[..., Change], Callable[..., Plan]
PHP = FieldChange("template.containers[0].image", "wordpress:8.2", "wordpress:8.3")
MEMORY = "template.containers[0].resources.limits.memory"


def fleet(make_change: Make, sites: int) -> list[Change]:
    """All go from 8.2 to 8.3; a third of them each in memory to another size, a third not at all."""
    extra = [(), (FieldChange(MEMORY, "512Mi", "1Gi"),), (FieldChange(MEMORY, "1Gi", "2Gi"),)]
    return [
        make_change(tenant_target(f"site-{n:05d}"), "run.service", "production", Action.UPDATE,
                    fields=(PHP, *extra[n % 3]), shard=f"s-{n % 250:03d}")
        for n in range(sites)
    ]  # fmt: skip


def test_12400_sites_in_three_variants(make_change: Make, make_plan: MakePlan) -> None:
    text = comment(make_plan(fleet(make_change, 12_400)))
    expected = (
        '- 12,400 sites: `run.service template.containers[0].image "wordpress:8.2" → "wordpress:8.3"`, 3 variants'
    )
    assert expected in text.splitlines()
    assert f'- 4,133 sites: `run.service {MEMORY} "512Mi" → "1Gi"`' in text.splitlines()
    assert len(text) <= CHARACTERS


def test_environments_of_one_site_count_once(make_change: Make, make_plan: MakePlan) -> None:
    changes = [
        make_change(tenant_target(f"site-{n}"), "run.service", environment, Action.UPDATE, fields=(PHP,))
        for n in range(SITES_FROM) for environment in ("production", "staging")
    ]  # fmt: skip
    assert f"- {SITES_FROM} sites:" in alike_markdown(sections(make_plan(changes)))


def test_few_sites_and_shards_are_read_in_the_table(make_change: Make, make_plan: MakePlan) -> None:
    few = fleet(make_change, SITES_FROM - 1)
    shards = [
        make_change(shard_target(f"s-{n}"), "sql.instance", "main", Action.UPDATE, fields=(PHP,)) for n in range(50)
    ]
    assert alike_markdown(sections(make_plan([*few, *shards]))) == ""


def test_a_secret_on_many_is_not_told(make_change: Make, make_plan: MakePlan) -> None:
    field = FieldChange("passwordFrom", "hunter2", "hunter3", sensitive=True)
    changes = [
        make_change(tenant_target(f"site-{n}"), "sql.user", "production", Action.UPDATE, fields=(field,))
        for n in range(50)
    ]
    text = alike_markdown(sections(make_plan(changes)))
    assert "(sensitive, changed)" in text and "hunter" not in text


def test_hostile_text_on_many_stays_inside_code(make_change: Make, make_plan: MakePlan, hostile: str) -> None:
    changes = [
        make_change(tenant_target(f"site-{n}"), "run.service", "production", Action.UPDATE,
                    fields=(FieldChange(f"env[{hostile}].value", hostile, f"{hostile}!"),))
        for n in range(SITES_FROM)
    ]  # fmt: skip
    lines = alike_markdown(sections(make_plan(changes))).split("\n")
    assert len(lines) == 3
    assert lines[2].startswith(f"- {SITES_FROM} sites: `")
    assert lines[2].endswith("`") and lines[2].isprintable()
