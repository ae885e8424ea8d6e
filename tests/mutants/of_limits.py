"""Planted bugs in what is counted and limited at every single write, in sick clouds, and in who owns a fleet."""

from tests.mutants.mutant import Mutant

LIMITS, SICKNESS, TALLY = (f"reconciler/applying/{name}.py" for name in ("limits", "sickness", "tally"))
COUNTED, LEDGER, TENURE, EFFECTS = (
    f"reconciler/engine/{name}.py" for name in ("limits", "ledger", "tenure", "effects")
)
PURE, KEPT, OWNED = (
    ("tests/applying/test_limits.py",),
    ("tests/engine/test_counted_limits.py",),
    ("tests/engine/test_tenure.py",),
)

MUTANTS = (
    # --- each rule taken out, and each cap by one ---
    Mutant(LIMITS, '"never-list": never_list, ', "", "nothing is on the never-list at the write", PURE),
    Mutant(LIMITS, '"data-delete": data_delete, ', "", "at the write nobody asks for an approval any more", PURE),
    Mutant(LIMITS, "        over = date.fromisoformat(last) < today", "        over = False", "an approval that ended while the plan was walked still holds", PURE),
    Mutant(LIMITS, "    if (tenant, uid) != (change.address.target.name, change.owner):", "    if tenant != change.address.target.name:",
        "at the write an approval for another owner will do", PURE,
    ),
    Mutant(LIMITS, '"hold": hold, ', "", "a hold set while a plan is walked is ignored", PURE),
    Mutant(LIMITS, "    if len(names) <= most:", "    if len(names) <= most + 1:", "one parked tenant more than the limit", PURE),
    Mutant(LIMITS, '"deletes" in asked.bounds.allow or str(change.address) in gone or len(gone) < most', '"deletes" in asked.bounds.allow or str(change.address) in gone or len(gone) <= most',
        "one deletion more than the limit, at the write", PURE,
    ),
    Mutant(LIMITS, "        if victim not in gone and len(gone) >= most:", "        if victim not in gone and len(gone) > most:", "one purge more than the limit", PURE),
    Mutant(LIMITS, "        if victim not in gone and len(gone) >= most:", "        if False:", "any number of tenants is purged in an hour", PURE),
    Mutant(LIMITS, "    if asked.tenant in changed or len(changed) < most:", "    if asked.tenant in changed or len(changed) <= most:",
        "one tenant of a project more than its share", PURE,
    ),
    Mutant(LIMITS, '"one-instance": one_instance, ', "", "two Cloud SQL instances of the fleet change at once", PURE),
    Mutant(LIMITS, "    if asked.tally.reached(asked.commit, asked.tenant) or len(lately) < most:", "    if True:", "a rollout reaches everybody in its first minute", PURE),
    Mutant(LIMITS, "        if len(lately) >= most:", "        if len(lately) > most:", "one call a second more than the limit", PURE),
    # --- sick clouds ---
    Mutant(SICKNESS, "answers.calls < limits.calls or answers.targets < TWO or percent <= limits.error_percent", "True", "the breaker never opens", PURE),
    Mutant(SICKNESS, "or answers.targets < TWO ", "", "one sick tenant pauses its project", PURE),
    Mutant(SICKNESS, "    if asked.now < trip.at + pause:", "    if False:", "a paused project is not paused", PURE),
    Mutant(SICKNESS, "    if repeated < limits.floor or (repeated + 1) * 100 <= limits.percent * (calls + 1):", "    if True:", "repeats have no budget", PURE),
    Mutant(SICKNESS, "    if len(paused) < TWO or len(paused) * 100 <= percent * bounds.shards:", "    if True:", "however many projects are sick, the rest goes on", PURE),
    # --- counting ---
    Mutant(TALLY, "if at > now - window}\n\n    def deleted_by", "if at < now - window}\n\n    def deleted_by", "purges of this hour do not count, older ones do", PURE),
    Mutant(TALLY, "            self._destroyed[tenant or effect.resource] = effect.at\n", "            pass\n", "purges are not counted", PURE),
    Mutant(COUNTED, "                self._write(effect, sync=effect.action in DESTROYS)\n", "                self._counted().add(effect)\n",
        "a restart resets the counters", KEPT,
    ),
    Mutant(COUNTED, "        self._ledger.append(row, sync=sync)\n        tally.add(row)\n", "        tally.add(row)\n        self._ledger.append(row, sync=sync)\n",
        "an effect counts although it could not be written down", KEPT,
        survives="a row that cannot be written raises either way, so the effect is not made; counting it first only makes the limits stricter until the process ends",
    ),
    Mutant(COUNTED, "                return Halt(f\"the holds cannot be read, which counts as on hold: {error}\")", "                holds = ()",
        "holds that cannot be read bind nobody", KEPT,
    ),
    Mutant(COUNTED, "                if times % limits.failures == 0:", "                if times % limits.failures == 1:",
        "a tenant is parked after its first failure", KEPT,
    ),
    Mutant(COUNTED, "not self._held_at <= now < self._held_at + HOLDS_READ", "False", "holds are read once, when a process begins", KEPT),
    Mutant(LEDGER, "            os.write(self._handle, b\"\\n\")  # a crash tore the last line: it must not swallow the next", "            pass",
        "a torn line swallows the next one: an effect is not counted", KEPT,
    ),
    Mutant(EFFECTS, "        if (limited := self.limits.ask(change, request.call)) is not None:\n            return self._told(change, request, limited, plan)\n", "",
        "limits are not asked at the write", KEPT,
    ),
    # --- who owns the fleet ---
    Mutant(TENURE, "there.id != self._holder.store and not there.silent(now) and not take_over", "False", "a second host's daemon comes in beside the first", OWNED),
    Mutant(TENURE, "there.epoch + 1 if there is not None else 1", "there.epoch if there is not None else 1", "epochs do not grow", OWNED),
    Mutant(TENURE, "        why = self.stopped()\n        return Halt(why) if why else None", "        return None", "who lost the fleet is asked between changes only", OWNED),
    Mutant(TENURE, "timedelta() <= now - self._sure < PATIENCE", "True", "a daemon that cannot see who owns the fleet goes on for ever", OWNED),
)  # fmt: skip
