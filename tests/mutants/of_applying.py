"""Planted bugs in what applies one change, and many."""

from tests.mutants.mutant import Mutant

ATTEMPT, CALLING, JUDGE, WALK, PACE = (
    f"reconciler/applying/{name}.py" for name in ("attempt", "calling", "judge", "walk", "pace")
)
STATE = "reconciler/applying/state.py"
NOT_MADE = ("tests/applying/test_calls_not_made.py", "tests/engine/test_effects.py")
ONE, MANY = (
    ("tests/applying/test_one_change.py", "tests/applying/test_looking_before_acting.py"),
    ("tests/applying/test_many_changes.py",),
)

MUTANTS = (
    Mutant(
        JUDGE, "if _moved(case, seen) and not (case.began and not differing):", "if False:",
        "an object that moved since the plan is written over", ONE,
    ),
    Mutant(
        JUDGE, "if change.uid and seen.uid != change.uid:\n        if replacing", "if False:\n        if replacing",
        "a delete takes whatever stands under the name now", ONE,
    ),
    Mutant(
        JUDGE, "    if not case.began and _moved(case, seen):\n        return End(Result.STALE, _how_it_moved(case, seen))\n"
        "    return Go(Action.DELETE)", "    return Go(Action.DELETE)",
        "a delete ignores that the object changed since the plan", ONE,
    ),
    Mutant(
        JUDGE, "        return End(Result.FAILED, _stranger(case))\n    if earlier(case, seen):", "        pass\n    if earlier(case, seen):",
        "what somebody else made under our name is taken for ours on a create", ONE,
    ),
    Mutant(
        JUDGE, "    if not proven(kind, seen, change.owner):\n        return End(Result.FAILED, _stranger(case))\n"
        "    if not remaining", "    if not remaining",
        "an object that moved is adopted without proof", ONE,
    ),
    Mutant(
        JUDGE, "    if not seen.ready:\n        return Hold(f\"the {kind.noun} is still changing\")\n    differing =",
        "    differing =", "an update does not wait for the operation under way", ONE,
    ),
    Mutant(
        JUDGE, "if refused:\n", "if False:\n", "an update sends fields that cannot be changed", ONE,
    ),
    Mutant(
        JUDGE, "        return Hold(\"waiting for the old one to go away\")", "        return Go(Action.CREATE)",
        "a replacement is made while the old one is still there", ONE,
    ),
    Mutant(
        ATTEMPT, "    if isinstance(seen, Unknown):\n        return _unreadable(change, state, seen, rules)\n",
        "    if isinstance(seen, Unknown):\n        seen = Absent(seen.read_at)\n",
        "what cannot be read counts as absent", ONE,
    ),
    Mutant(
        ATTEMPT, "    if not made.recorded:\n        return replace(made, phase=Phase.RECORDING), RecordIntent(made.key)\n",
        "", "no intent is written before the effect", ONE,
    ),
    Mutant(
        ATTEMPT, "return _pause(tried, pause, failure.message, Phase.POLLING if polling else Phase.READING)",
        "return _begin(tried, state.call)",
        "a call that may have taken effect is repeated without a look", ONE,
    ),
    Mutant(
        ATTEMPT, "pause = max(jitter(state.key, state.tries, rules), failure.retry_after)", "pause = 0.0",
        "it is tried again without a pause", ONE,
    ),
    Mutant(
        ATTEMPT, "max(jitter(state.key, state.tries, rules), failure.retry_after)", "jitter(state.key, state.tries, rules)",
        "Retry-After is ignored after a refusal for haste", ONE,
    ),
    Mutant(
        ATTEMPT, "max(poll_pause(failed.waits, rules), failure.retry_after)", "poll_pause(failed.waits, rules)",
        "Retry-After is ignored while something else goes on", ONE,
    ),
    Mutant(
        ATTEMPT, "    if state.tries >= rules.retries:\n        return _end(change, state, End(_spent",
        "    if state.tries > rules.retries:\n        return _end(change, state, End(_spent",
        "one retry more than the budget", ONE,
    ),
    Mutant(
        ATTEMPT, "    if not fresh and state.tries >= rules.retries:", "    if False:",
        "what cannot be read is read for ever", ONE,
    ),
    Mutant(
        ATTEMPT, "    if state.waited >= rules.longest:", "    if False:", "an operation is waited for without end", ONE,
    ),
    Mutant(
        ATTEMPT, "    if state.waited >= rules.patience:\n        minutes", "    if False:\n        minutes",
        "somebody else's work is waited for without end", ONE,
    ),
    Mutant(
        ATTEMPT, "return replace(state, phase=Phase.POLLING), Poll(state.operation, state.call)",
        "return _begin(state, state.call)",
        "asking after an operation begins it again", ONE,
    ),
    Mutant(
        ATTEMPT, "    if found is None:\n        return replace(settled, phase=Phase.CONFIRMING), Reread()\n",
        "    if found is None:\n        return _end(change, settled, End(Result.DONE, \"\"))\n",
        "what the cloud said is believed, and not read back", ONE,
    ),
    Mutant(
        ATTEMPT, "    left = remaining(_case(change, state), seen) if isinstance(seen, Found) else ()", "    left = ()",
        "what is read back may be anything", ONE,
    ),
    Mutant(
        ATTEMPT, "    if failure.next in (Next.PERSON, Next.BUG):", "    if failure.next is Next.BUG:",
        "what only a person can mend is tried again and again", ONE,
    ),
    Mutant(
        ATTEMPT, "state.recorded and state.phase is not Phase.CLOSING", "False", "intents are never closed", ONE,
    ),
    Mutant(
        ATTEMPT, "state.key, judgement.action, found)", "f\"{state.key}{state.calls}\", judgement.action, found)",
        "a repeated call has another request id", ONE,
    ),
    Mutant(
        ATTEMPT, "    if unheard >= rules.sendings and unreadable(change):", "    if False:",
        "a password is sent again and again into the dark", ("tests/applying/test_unknown_outcomes.py",),
    ),
    Mutant(
        CALLING, "        body = merged(kind, found.body, body, change.dropped)\n", "",
        "an update forgets what others declared in the object", ONE,
    ),
    Mutant(
        ATTEMPT, "return _end(change, state, End(Result.SKIPPED, f\"{said.why}{_unsure(state)}\"))",
        "return _begin(state, state.call)",
        "a gate that refuses is not heard", NOT_MADE,
    ),
    Mutant(PACE, "return not timedelta() <= now - looked <= FRESH", "return False", "a call leaves on a look of any age", NOT_MADE),
    Mutant(
        PACE, "return not timedelta() <= now - looked <= FRESH", "return not now - looked <= FRESH",
        "a clock that went back makes every look a fresh one", NOT_MADE,
    ),
    Mutant(PACE, "share * min(rules.cap,", "share * max(rules.cap,", "pauses grow without a cap", ONE),
    Mutant(
        PACE, "f\"{seed}#{attempt}\"", "seed", "every pause of a change has the same share of chance", ONE,
    ),
    Mutant(
        STATE, "digest([plan, str(change.address), str(change.action)])", "digest([str(change.address), str(change.action)])",
        "two plans share an intent and its request ids", ONE,
    ),
    Mutant(
        WALK, "    if kind_of(change.address.kind).lane != \"instance\":\n        return \"\"\n", "    return \"\"\n",
        "two operations at once on one Cloud SQL instance", MANY,
    ),
    Mutant(
        WALK, "len(self._running) < self._parallel", "len(self._running) <= self._parallel",
        "one more at work than allowed", MANY,
    ),
    Mutant(
        WALK, "if self._ends[one].result is Result.DONE:", "if True:",
        "what waits for something that failed is done all the same", MANY,
    ),
    Mutant(
        WALK, "        if not self._left[shard]:\n", "        if True:\n",
        "a version is published while changes of its shard go on", MANY,
    ),
    Mutant(
        WALK, "            if n is not None and n not in self._ends and n not in self._running:", "            if False:",
        "what a guard refused is walked", MANY,
    ),
    Mutant(WALK, "            if not needed:\n", "            if True:\n", "nothing waits for what it needs", MANY),
)  # fmt: skip
