"""For each incident of tests/incidents: its safeguard taken out, which must turn its replay red."""

from tests.mutants.mutant import Mutant

JUDGE, APPLY = "reconciler/applying/judge.py", "reconciler/actions/apply.py"
ESCROW = "reconciler/planning/escrow.py"
GUARDS, DIFF, OBSERVE = "reconciler/planning/guards.py", "reconciler/planning/diff.py", "reconciler/live/observe.py"
TENANT, STORAGE, CHECK = "reconciler/desired/tenant.py", "reconciler/gcp/storage.py", "reconciler/source/check.py"
SERVE, LOAD, PLAN = "reconciler/daemon/serve.py", "reconciler/source/load.py", "reconciler/actions/plan.py"

FENCE, REVISION = "reconciler/engine/fence.py", "reconciler/planning/revision.py"

WAVES, EFFECTS = "reconciler/planning/waves.py", "reconciler/engine/effects.py"


def replay(file: str, test: str) -> tuple[str, ...]:
    return (f"tests/incidents/test_{file}.py::test_{test}",)


MUTANTS = (
    Mutant(
        JUDGE, "if _moved(case, seen) and not (case.began and not differing):", "if False:",
        "AWS 2025: nobody looks again at the write", replay("old_plans", "aws_october_2025_a_delayed_enactor_meets_a_newer_plan"),
    ),
    Mutant(
        JUDGE, "if _moved(case, seen) and not (case.began and not differing):", "if False:",
        "a console edit between plan and apply is overwritten", replay("old_plans", "a_console_edit_between_plan_and_apply_is_not_overwritten"),
    ),
    Mutant(
        APPLY, "return all(heads.get(label) == parent for label, parent in plan.parents.items())", "return True",
        "AWS 2025: an old plan is walked as it is", replay("old_plans", "aws_october_2025_an_old_plan_is_not_taken_up_again"),
    ),
    Mutant(
        FENCE, "        if one.parent in (\"\", self._book.newest(shard)):", "        if True:",
        "two daemons: the second walks what the first has done", replay("old_plans", "two_daemons_make_nothing_twice_and_one_of_them_is_told"),
    ),
    Mutant(
        CHECK, "        if inner is None and where not in parsed.suspect:", "        if False:",
        "Service Control 2025: a blank field is a default", replay("misread_fleets", "google_service_control_june_2025_blank_fields_change_nothing"),
    ),
    Mutant(
        CHECK, "        if inner is None and where not in parsed.suspect:", "        if False:",
        "UniSuper 2024: a blank lifecycle field is a default", replay("misread_fleets", "unisuper_may_2024_a_blank_lifecycle_field_is_refused"),
    ),
    Mutant(
        SERVE, "min(interval, RETRY * 2 ** min(self.failures - 1, 10)) if self.failures else interval", "RETRY",
        "Service Control 2025: pauses do not grow", replay("misread_fleets", "google_service_control_june_2025_a_cycle_that_fails_does_not_herd"),
    ),
    Mutant(
        DIFF, "    if isinstance(seen, Unknown):\n        why = Why.FORBIDDEN if seen.forbidden else Why.UNREADABLE\n        return Blocked(resource.address, why, f\"{resource.address} could not be read: {seen.reason}\")\n    if isinstance(seen, Absent):",
        "    if isinstance(seen, Absent | Unknown):",
        "Argo: a failed list is an empty one", replay("misread_fleets", "argo_a_list_that_fails_deletes_and_makes_nothing"),
    ),
    Mutant(
        OBSERVE, "return isinstance(first, Absent) and (item.recorded or kind_of(item.kind).global_name)", "return False",
        "Argo: what one list does not show is absent", replay("misread_fleets", "argo_a_list_without_its_last_page_makes_nothing_anew"),
    ),
    Mutant(
        REVISION, "        if recorded and len(gone) == len(recorded):", "        if False:", "empty checkout: a shard without tenants is walked",
        replay("misread_fleets", "an_empty_checkout_is_no_empty_fleet"),
    ),
    Mutant(
        LOAD, "return None, (Diagnostic(\"AP017\", Severity.ERROR, message, file.path, help=help_, target=target),)", "return None, ()",
        "half-cloned: what git cannot read is not there", replay("misread_fleets", "a_half_cloned_repository_is_an_error_and_no_small_fleet"),
    ),
    Mutant(
        TENANT, "if (p.tenant, p.uid) == wanted", "if p.tenant == wanted[0]", "Atlassian 2022: a purge is by name alone",
        replay("deletions", "atlassian_april_2022_the_wrong_kind_of_id_deletes_nothing"),
    ),
    Mutant(
        GUARDS, "    if len(gone) > limits.stateless_deletes:", "    if False:", "Atlassian 2022: no cap on deletions",
        replay("deletions", "atlassian_april_2022_many_deletions_at_once_are_refused"),
    ),
    Mutant(
        ESCROW, "        if backup is not None and (recorded is None or recorded.uid != backup.uid):", "        if False:",
        "GitLab 2017: any backup will do", replay("deletions", "gitlab_january_2017_no_purge_without_the_last_backup"),
    ),
    Mutant(
        TENANT, "    return Wanted(_escrow(site, parts))", "    return Wanted((), tuple(Removal(part.address, \"its time is over\", \"\") for part in parts))",
        "UniSuper 2024: a deleted tenant goes without an approval", replay("deletions", "unisuper_may_2024_time_alone_deletes_nothing"),
    ),
    Mutant(
        ESCROW, "    if approval.last_day < today:", "    if False:", "a clock a year ahead: escrow over, approval still good",
        replay("deletions", "a_clock_that_jumps_a_year_ahead_purges_nothing"),
    ),
    Mutant(
        ESCROW, "    if approval.last_day > today + LONGEST:", "    if False:", "a clock a year back: an old approval holds again",
        replay("deletions", "a_clock_that_jumps_a_year_back_purges_nothing"),
    ),
    Mutant(
        STORAGE, "            return never(\"bucket\", call.name)", "            return Done(request(self.session, \"DELETE\", _bucket(call.name)))",
        "Azure DevOps 2023: the parent goes with the child", replay("deletions", "azure_devops_may_2023_the_parent_never_goes"),
    ),
    Mutant(
        PLAN, "        fleet=any(a.target.kind is TargetKind.FLEET for a in differing),\n        shards=frozenset(),",
        "        fleet=not differing or any(a.target.kind is TargetKind.FLEET for a in differing),\n        shards=frozenset() if differing else None,",
        "Diskerase: an empty set is everything", replay("deletions", "google_diskerase_an_empty_set_is_not_everything"),
    ),
    Mutant(
        REVISION, "    if len(vanished) > allowed:", "    if False:", "forced back: most of a fleet vanishes, and the rest is walked",
        replay("misread_fleets", "a_branch_forced_back_to_an_old_commit_takes_nobody_off_the_air"),
    ),
    Mutant(
        WAVES, "    needed = spec.enabled and len(sites_of(facts, free)) > allowed_sites(facts)", "    needed = False",
        "CrowdStrike 2024: configuration data needs no canary", replay("spreading", "crowdstrike_july_2024_configuration_data_meets_a_canary_first"),
    ),
    Mutant(
        EFFECTS, "        if (limited := self.limits.ask(change, request.call)) is not None:\n            return self._told(change, request, limited, plan)\n", "",
        "S3 2017, Facebook 2021: the plan's guard is the only one", replay("spreading", "amazon_s3_february_2017_a_slip_of_the_hand_does_not_take_many"),
    ),
)  # fmt: skip
