"""Planted bugs in what the daemon does about pull requests."""

from tests.mutants.mutant import Mutant

REVIEW, PROPOSALS, REVIEWING, MERGING, COMMANDS, LOOP = (
    "reconciler/actions/review.py", "reconciler/daemon/proposals.py", "reconciler/daemon/reviewing.py",
    "reconciler/source/merging.py", "reconciler/forge/commands.py", "reconciler/cycle/loop.py",
)  # fmt: skip
CONTRACT, APPROVED, CONVERGING, APPLY = (
    "reconciler/daemon/contract.py", "reconciler/planning/approved.py", "reconciler/daemon/converging.py",
    "reconciler/actions/apply.py",
)  # fmt: skip
OF_PULLS, OF_COMMANDS, OF_BASE, OF_MERGES = (
    ("tests/daemon/test_pull_requests.py",), ("tests/forge/test_commands.py",), ("tests/cycle/test_judged_by_base.py",),
    ("tests/daemon/test_after_the_merge.py",),
)  # fmt: skip

MUTANTS = (
    Mutant(
        PROPOSALS,
        "        if head != pull.head:\n",
        "        if False:\n",
        "a commit that came after the judgement is planned against the live cloud",
        OF_PULLS,
    ),
    Mutant(
        PROPOSALS,
        "        return merged(self._store, base, head)",
        "        return head",
        "a branch that is behind shows the loss of what its base got since",
        OF_PULLS,
    ),
    Mutant(
        REVIEW,
        "        if isinstance(stand.reach, Offline):\n",
        "        if False:\n",
        "a stranger's commit is planned against the live cloud",
        OF_PULLS,
    ),
    Mutant(
        REVIEW,
        "    if before is not None and (before.head, before.plan) == (pull.head, safe(sign)):\n",
        "    if False:\n",
        "the same conflict is told anew at each look",
        OF_PULLS,
    ),
    Mutant(
        REVIEW,
        "    if pull.base != bench.branch or",
        "    if",
        "a pull request to another branch gets a plan",
        OF_PULLS,
    ),
    Mutant(
        REVIEW,
        "    since = heard if heard is not None else max((c.id for c in comments if c.author == me), default=0)",
        "    since = heard or 0",
        "memory that is lost has old commands carried out again",
        OF_PULLS,
    ),
    Mutant(
        REVIEWING,
        "        for number in hinted.keys() - failed:\n",
        "        for number in hinted.keys():\n",
        "a pull request that could not be looked at is forgotten",
        OF_PULLS,
    ),
    Mutant(
        REVIEWING,
        "        everything = self._due() or 0 in hinted",
        "        everything = 0 in hinted",
        "a lost webhook is never made good",
        OF_PULLS,
    ),
    Mutant(
        REVIEWING,
        "        if found.heard:\n",
        "        if False:\n",
        "a command is carried out at each look",
        OF_PULLS,
    ),
    Mutant(
        COMMANDS,
        "    if pull.open:\n        return No(",
        "    if False:\n        return No(",
        "a plan is applied before its merge",
        OF_COMMANDS,
    ),
    Mutant(
        COMMANDS,
        "    if not pull.merged:\n",
        "    if False:\n",
        "what was closed without a merge is applied",
        OF_COMMANDS,
    ),
    Mutant(
        LOOP,
        "    rules = read_fleet(world.repository, base.commit, frozenset(), NO_TEXTS) if base.commit else fleet",
        "    rules = fleet",
        "a pull request is judged by guards that it loosens itself",
        OF_BASE,
    ),
    # --- after the merge ---
    Mutant(
        APPLY,
        "        unapproved |= request.withhold(plan)\n",
        "        request.withhold(plan)\n",
        "what was merged runs although it means something else than what was shown",
        OF_MERGES,
        survives="the hold is set all the same, and the gate asks for holds once more before each write",
    ),
    Mutant(
        APPROVED,
        "    return then.action is now.action and known and",
        "    return then.action is now.action and",
        "a change that touches more than was shown counts as shown",
        OF_MERGES,
    ),
    Mutant(
        CONTRACT,
        "            self.world.history.set_hold(Hold(name, why, US, now, None, HoldKind.REVIEW.value, plan.fleet_head))\n",
        "            pass\n",
        "what waits for a yes runs with the next sweep",
        OF_MERGES,
    ),
    Mutant(
        CONTRACT,
        '            if not shown.asked.digest.removeprefix("sha256:").startswith(digest):\n',
        "            if False:\n",
        "a yes to an earlier question counts for a later one",
        OF_MERGES,
    ),
    Mutant(
        CONVERGING,
        "            done = (self._now.done | (looked & targets)) - failed.keys() - waits.keys()",
        "            done = self._now.done | (looked & targets)",
        "a commit is said to have converged while something waits",
        OF_MERGES,
    ),
)
