"""Planted bugs in waves: how a change of many sites is split, gated, aborted and gone on with."""

from tests.mutants.mutant import Mutant

SPLIT, STANDING, WAVE, ACTION = (
    "reconciler/planning/waves.py", "reconciler/planning/standing.py", "reconciler/model/wave.py", "reconciler/actions/waves.py",
)  # fmt: skip
PLANNED, UNDER_WAY, MODEL = (
    ("tests/planning/test_waves.py",),
    ("tests/planning/test_waves_under_way.py",),
    ("tests/model/test_wave.py",),
)
GATE, GATED = "reconciler/planning/gate.py", ("tests/planning/test_gate.py",)
WALKED = ("tests/cycle/test_walking_in_waves.py",)

MUTANTS = (
    Mutant(SPLIT, "    needed = spec.enabled and len(sites_of(facts, free)) > allowed_sites(facts)", "    needed = False", "many sites change at once, in no waves", PLANNED),
    Mutant(SPLIT, "> allowed_sites(facts)\n    waves", ">= allowed_sites(facts)\n    waves", "waves below the limit", PLANNED),
    Mutant(SPLIT, "    _canaries(facts, units)\n", "", "no canary goes first", PLANNED),
    Mutant(SPLIT, "taken + size > reach[at]", "taken > reach[at]", "a wave reaches further than its step says", PLANNED),
    Mutant(SPLIT, "    _after(changes, names, units)\n", "", "a change is walked before what it waits for", PLANNED),
    Mutant(STANDING, "            if number > waves.open:", "            if number > waves.open + 1:", "a wave is walked before its turn", UNDER_WAY),
    Mutant(STANDING, "    return len(_live_of(facts, moved)) > allowed_sites(facts)", "    return False", "another wish of the same sites rides along with waves under way", UNDER_WAY),
    Mutant(WAVE, "        if self.phase is Phase.BAKING and self.last.until is not None and stamp.at < self.last.until:", "        if False:",
        "a wave begins before the bake of the one before is over", MODEL,
    ),
    Mutant(WAVE, "        return failed >= self.failures or", "        return failed > self.failures or", "one failed site more than the limit before waves abort", MODEL),
    Mutant(WAVE, "100 * failed / sites >= self.percent)", "False)", "no share of failed sites aborts waves", MODEL),
    Mutant(WAVE, "        seconds = self.waves[self.at_wave - 1].bake if walked else 0", "        seconds = 0", "waves do not bake", MODEL),
    Mutant(WAVE, "        if move.phase not in ALLOWED[self.phase]:", "        if False:", "waves that ended begin again", MODEL),
    Mutant(ACTION, "        if found.unwell:\n            return waves.abort(stamp, found.unwell, found.targets), \"\"\n", "", "the health gate is skipped", WALKED),
    Mutant(GATE, "if health in SICK and t not in before.sick)", "if health in SICK)", "a site that was unwell before aborts the waves", WALKED),
    Mutant(ACTION, "        if found.waits or baking:", "        if baking:",
        "a wave begins although a site of the one before is not as it was applied", WALKED,
    ),
    Mutant(ACTION, "    if waves.too_many(len(failed), number):", "    if False:", "waves go on whatever fails in them", WALKED),
    Mutant(ACTION, "    if not fits(world, plan):\n", "    if False:\n", "a plan walks waves that somebody else has moved on", ("tests/cycle/test_walking_in_waves.py",)),
    Mutant("reconciler/actions/rollback_wave.py", "    return committed(world, returned.proposals,", "    return committed(world, [],", "what a wave was rolled back from comes back by itself", ("tests/cycle/test_rolling_back_a_wave.py",)),
    Mutant("reconciler/actions/apply.py", "trigger=past_guards(request.trigger, request.allow, request.reason)", "trigger=request.trigger", "nobody can see afterwards that a guard was passed", ("tests/cycle/test_passing_a_guard.py",)),
    Mutant("reconciler/cycle/contested.py", "if len(set(where)) == 1)", ")", "what two tenants had before is given to both", ("tests/cycle/test_who_had_it_first.py",)),
    Mutant(GATE, "was.get(t) is Heard.WELL and v.heard is Heard.UNWELL)", "False)", "a site that answers its visitors an error does not end the waves", GATED),
    Mutant(GATE, "        if was.get(target) is Heard.WELL and visit.heard is Heard.SILENT:", "        if False:", "silence counts as well", GATED),
    Mutant(GATE, "was.get(t) is Heard.WELL and v.heard is Heard.UNWELL)", "was.get(t) is Heard.WELL and v.heard is not Heard.WELL)", "silence counts as unwell", GATED),
    Mutant(ACTION, "        met |= {visit.url: visit for visit in world.visitor.visit(again, probe.timeout_seconds)}\n", "", "one hiccup of a site ends a rollout", ("tests/cycle/test_asking_the_sites.py",)),
)  # fmt: skip
