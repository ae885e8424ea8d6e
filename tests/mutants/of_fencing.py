"""Planted bugs in leases and generations: what keeps two hosts, and a process that slept, from each other's work."""

from tests.mutants.mutant import Mutant

FENCE, RULES, BOOK = "reconciler/engine/fence.py", "reconciler/model/fence.py", "reconciler/history/leases.py"
EFFECTS, JUDGE, CALLING = (
    "reconciler/engine/effects.py",
    "reconciler/applying/judge.py",
    "reconciler/applying/calling.py",
)
CYCLE = "reconciler/cycle/publishing.py"
LEASES, DOOR = ("tests/engine/test_shard_leases.py",), ("tests/engine/test_effects.py",)
HOSTS, GENERATIONS = ("tests/cycle/test_two_hosts.py",), ("tests/applying/test_generations.py",)

MUTANTS = (
    Mutant(FENCE, "                if seen is not None and not seen.free(now, self._holder):", "                if False:",
        "a lease that another host holds is taken", LEASES,
    ),
    Mutant(FENCE, "            one.out = one.out or self._kept(one)\n", "", "nobody looks whether the lease still holds when a call leaves", LEASES),
    Mutant(FENCE, "        if one.time.outlives_a_call(now):", "        if True:", "a lease that has run out is accepted", LEASES),
    Mutant(FENCE, "        if one.parent in (\"\", self._book.newest(shard)):", "        if True:",
        "a plan comes in whose parent is not the newest version", LEASES,
    ),
    Mutant(FENCE, "self._clock.now()) < self._ttl / 2:", "self._clock.now()) < timedelta():", "a long operation loses its lease", LEASES),
    Mutant(FENCE, "    def leave(self, shard: str) -> None:\n        \"\"\"Give the lease back. One that cannot be given back runs out.\"\"\"\n",
        "    def leave(self, shard: str) -> None:\n        \"\"\"Give the lease back. One that cannot be given back runs out.\"\"\"\n        return\n",
        "leases are never given back: the next host waits", HOSTS,
    ),
    Mutant(RULES, "now > self.expires + SKEW", "now > self.expires", "two clocks that differ share a lease", LEASES),
    Mutant(RULES, "generation = before.generation + 1 if before", "generation = before.generation if before", "generations do not grow", LEASES),
    Mutant(RULES, "else int(now.timestamp())", "else 1", "after a lost history generations begin below what is live", LEASES),
    Mutant(RULES, "timedelta() if now < self.latest else self.since", "self.since", "a clock that goes back makes a lease last longer", LEASES),
    Mutant(RULES, "return self.remaining(now) >= CALL + MARGIN", "return self.remaining(now) > timedelta()",
        "a call outlives the lease it left under", LEASES,
    ),
    Mutant(RULES, "(same and holder.store != \"\")", "(same)", "workers that share no state folder take each other's leases", LEASES),
    Mutant(BOOK, "        if self._lease(after.shard, head) != before:\n            return False\n", "", "a lease changes without compare-and-swap", LEASES),
    Mutant(EFFECTS, "        if (kept := self.fence.keep(change.shard)) is not None:\n            return self._told(change, request, kept, plan)\n", "",
        "a call leaves without a lease", DOOR,
    ),
    Mutant(EFFECTS, "            if not isinstance(entered, int):\n                return _word(entered)\n            generation = entered\n",
        "            generation = entered if isinstance(entered, int) else 0\n", "who may not write looks, and goes on", DOOR,
    ),
    Mutant(JUDGE, "        if case.generation and newer > case.generation:", "        if False:", "what a newer apply wrote is written over", GENERATIONS),
    Mutant(JUDGE, "        if case.generation and newer > case.generation:", "        if case.generation and newer >= case.generation:",
        "an apply may not write twice to one object", GENERATIONS,
    ),
    Mutant(CALLING, "stamped(kind, body, case.generation)", "dict(body)", "objects do not say which apply wrote them", GENERATIONS),
    Mutant(CYCLE, "            if not isinstance(entered, int):\n", "            if False:\n", "a version is recorded without the lease", HOSTS),
)  # fmt: skip
