"""Planted bugs in policies and ownership: whose laws count, what an error comes to, what a bomb may take."""

from tests.mutants.mutant import Mutant

RULE, CEL, WORKER, LAWS, OWNED, GUARDS = (
    "reconciler/planning/policies.py", "reconciler/policy/cel.py", "reconciler/policy/worker.py", "reconciler/cycle/laws.py",
    "reconciler/source/ownership.py", "reconciler/planning/guards.py",
)  # fmt: skip
JUDGED, ASKED, OF_THE_BASE, WHOSE = (
    ("tests/planning/test_policies.py",), ("tests/policy/test_cel.py",),
    ("tests/cycle/test_whose_laws_a_plan_is_held_to.py",), ("tests/source/test_source_policies.py",),
)  # fmt: skip

MUTANTS = (
    Mutant(RULE, "if a.error or a.value is True", "if a.value is True", "a policy that cannot be judged lets everything through", JUDGED),
    Mutant(RULE, "if e.last_day >= today", "if True", "an exemption holds for ever", JUDGED),
    Mutant(RULE, "if laws.unreadable and changes:", "if False:", "a base nobody can read has no policies", JUDGED),
    Mutant(RULE, "tuple(a for items in mine.values() for a in items)", "()", "a policy about forty tenants refuses the whole fleet", JUDGED),
    Mutant(GUARDS, 'yield GuardVerdict("field-ownership", one.target, Verdict.REFUSE', 'yield GuardVerdict("field-ownership", one.target, Verdict.WARN', "a trespass is only warned of", JUDGED),
    Mutant(CEL, "env={}", "env=None", "expressions are evaluated beside our secrets", ASKED),
    Mutant(CEL, 'Answer(error=why)] * len(one.questions)', 'Answer(value=False)] * len(one.questions)', "who ends the process often enough is let through", ASKED),
    Mutant(WORKER, "resource.setrlimit(resource.RLIMIT_AS,", "resource.getrlimit(resource.RLIMIT_AS) or (", "an expression takes all memory", ASKED),
    Mutant(WORKER, "if self._spent > seconds:", "if False:", "an expression takes any time, a little at a time", ASKED),
    Mutant(WORKER, "            given.clear()\n            return", "            return", "a bomb takes its neighbours along", ASKED),
    Mutant(LAWS, "return Laws(there.fleet, base.commit,", "return Laws(fleet.fleet, base.commit,", "a pull request is held to its own policies", OF_THE_BASE),
    Mutant(LAWS, "if there.fleet is None and FLEET_FILE in there.files:", "if False:", "a broken base has no policies", OF_THE_BASE),
    Mutant(OWNED, "if said.count(\"@\") != 1:", "if False:", "whoever writes an id as their address is believed", WHOSE),
    Mutant(OWNED, "owners = frozenset(_owners(self._read(self.base.commit, path).value))", "owners = frozenset(_owners(after.value))", "who makes themselves an owner is one", WHOSE),
    Mutant(OWNED, "if wrote == left and all(value != wrote for value in had):", "if any(value != wrote for value in had):", "who merges the platform's work is taken for its author", WHOSE),
    Mutant(OWNED, "user in members)", "any(user.startswith(m) for m in members))", "user 220 is taken for user 22", WHOSE),
)  # fmt: skip
