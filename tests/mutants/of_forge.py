"""Planted bugs in what is told on a pull request, and in who may ask for what there."""

from tests.mutants.mutant import Mutant

STICKY, COMMANDS, TRUST, WHERE, CALLS, GITHUB, GITLAB = (
    f"reconciler/forge/{name}.py" for name in ("sticky", "commands", "trust", "where", "calls", "github", "gitlab")
)
TELL, HEARING, MARK, CHECKS, ALIKE, CI = (
    "reconciler/actions/pull_request.py", "reconciler/actions/hearing.py", "reconciler/model/mark.py",
    "reconciler/report/checks.py", "reconciler/report/alike.py", "reconciler/cli/ci.py",
)  # fmt: skip
OF_STICKY, OF_COMMANDS, OF_TRUST, OF_WHERE, OF_ADAPTERS, OF_HEARING = (
    (f"tests/forge/test_{name}.py",) for name in ("sticky", "commands", "trust", "where", "adapters", "hearing")
)
OF_TELL, OF_CHECKS, OF_ALIKE, OF_CI = (
    ("tests/actions/test_pull_request.py",), ("tests/report/test_checks.py",), ("tests/report/test_alike.py",),
    ("tests/cli/test_ci_command.py",),
)  # fmt: skip

MUTANTS = (
    # --- one comment ---
    Mutant(
        STICKY,
        "if c.author == me and (m := Mark.of(c.body)) and",
        "if (m := Mark.of(c.body)) and",
        "a stranger's comment with our first line is edited as ours",
        OF_STICKY,
    ),
    Mutant(
        STICKY,
        "        return found.head == current",
        "        return found.at > other.at",
        "a slow job of an old commit overwrites the plan of the head",
        OF_STICKY,
    ),
    Mutant(
        STICKY,
        "    return found.at > other.at",
        "    return False",
        "of two plans of one head the earlier is shown",
        OF_STICKY,
    ),
    Mutant(
        STICKY,
        "    ours.sort(key=lambda pair: pair[0].id)\n",
        "",
        "two runs at once keep different comments",
        OF_STICKY,
    ),
    Mutant(
        STICKY,
        "    return (found.key, found.fleet) == (safe(wanted.key), safe(wanted.fleet))",
        "    return found.key == safe(wanted.key)",
        "two fleets of a repository fight over one comment",
        OF_STICKY,
    ),
    Mutant(
        MARK,
        '    return re.sub(r"-{2,}", "-", _UNSAFE.sub("", value)[:_LONGEST])',
        '    return _UNSAFE.sub("", value)[:_LONGEST]',
        "a fleet's name ends the HTML comment",
        OF_STICKY,
    ),
    Mutant(
        TELL,
        "            if isinstance(decision, Edit) and not decision.extra:",
        "            if True:",
        "nobody looks whether another run created one too",
        OF_TELL,
    ),
    Mutant(TELL, "            del parts[0]\n", "            raise\n", "a host that takes less gets nothing", OF_TELL),
    Mutant(
        TELL,
        "                raise\n            continue",
        "                raise\n            return told",
        "a comment taken away before our edit is not made anew",
        OF_TELL,
    ),
    Mutant(
        STICKY,
        "    past = bool(new.current) and new.mark.head != new.current",
        "    past = False",
        "a late run of an old commit writes over what became the newest meanwhile",
        OF_STICKY,
    ),
    Mutant(
        STICKY,
        " and (not past or m.line() == mine)",
        "",
        "a late run of an old commit takes away what became the newest meanwhile",
        OF_STICKY,
    ),
    # --- who may ask for what ---
    Mutant(
        COMMANDS,
        "    if asked.permission < Permission.WRITE:",
        "    if asked.permission < Permission.READ:",
        "who may only read sets off an apply",
        OF_COMMANDS,
    ),
    Mutant(
        COMMANDS,
        "    if asked.edited:",
        "    if False:",
        "a comment changed by somebody else is its author's command",
        OF_COMMANDS,
    ),
    Mutant(
        COMMANDS,
        "    if command.head and command.head != pull.head:",
        "    if False:",
        "a push after the command is applied with it",
        OF_COMMANDS,
    ),
    Mutant(
        COMMANDS,
        '    if not asked.digest.removeprefix("sha256:").startswith(command.plan):',
        "    if False:",
        "another plan than the one that was named is applied",
        OF_COMMANDS,
    ),
    Mutant(
        COMMANDS,
        "plan=(?:sha256:)?([0-9a-f]{12,64})",
        "plan=(?:sha256:)?([0-9a-f]{4,64})",
        "four digits name a plan",
        OF_COMMANDS,
    ),
    Mutant(
        COMMANDS,
        "    if found := _PLAN.fullmatch(first):",
        "    if found := _PLAN.match(first):",
        "words after a command are ignored",
        OF_COMMANDS,
    ),
    Mutant(
        TRUST,
        "        if given.commit == pull.head and permission",
        "        if permission",
        "the yes to an earlier commit holds for what was pushed after it",
        OF_TRUST,
    ),
    Mutant(
        TRUST,
        "given.commit == pull.head and permission(given.user) >= Permission.WRITE",
        "given.commit == pull.head",
        "anybody's yes is good for a fork",
        OF_TRUST,
    ),
    Mutant(
        TRUST,
        "    if not pull.fork and permission(pull.author) >= Permission.WRITE:",
        "    if not pull.fork:",
        "a branch of somebody who may not push any more is planned",
        OF_TRUST,
    ),
    Mutant(
        TRUST,
        "    if not pull.fork and permission(pull.author) >= Permission.WRITE:",
        "    if permission(pull.author) >= Permission.WRITE:",
        "a maintainer's fork is planned unasked, whoever else pushes to it",
        OF_TRUST,
    ),
    Mutant(
        HEARING,
        "    found = [(c.author, parse(c.body)) for c in comments if not c.edited]",
        "    found = [(c.author, parse(c.body)) for c in comments]",
        "an edited comment is a yes to a fork",
        OF_HEARING,
    ),
    Mutant(
        HEARING,
        "    elif forge.permission(said.author) < Permission.WRITE:",
        "    elif False:",
        "a stranger makes us talk as often as he likes",
        OF_HEARING,
    ),
    # --- the hosts ---
    Mutant(
        GITHUB,
        '        if (row.get("user") or {}).get("id") != user:',
        "        if False:",
        "who took somebody's old name has his rights",
        OF_ADAPTERS,
    ),
    Mutant(
        GITHUB,
        'not head.get("repo") or head["repo"]["id"] != base["repo"]["id"]',
        "False",
        "no pull request is a fork's",
        OF_ADAPTERS,
    ),
    Mutant(GITHUB, ' and row["state"] != "COMMENTED"', "", "a remark after a yes takes the yes away", OF_ADAPTERS),
    Mutant(GITHUB, "BATCH = 50", "BATCH = 60", "more annotations at once than GitHub takes", OF_ADAPTERS),
    Mutant(GITHUB, "check.summary[:SUMMARY]", "check.summary", "a summary longer than GitHub takes", OF_ADAPTERS),
    Mutant(
        GITLAB,
        '    return next((head for came, head in reversed(heads) if came <= given), "")',
        "    return heads[-1][1]",
        "an approval is of the newest head, whenever it was given",
        OF_ADAPTERS,
    ),
    Mutant(
        GITLAB,
        'row["source_project_id"] != row["target_project_id"]',
        "False",
        "no merge request is a fork's",
        OF_ADAPTERS,
    ),
    Mutant(
        GITLAB,
        "            if _SAME_STATE not in str(error).lower():\n",
        "            if True:\n",
        "the same status twice is a failure",
        OF_ADAPTERS,
    ),
    Mutant(
        CALLS,
        "        if _origin_of(url) != self._origin:",
        "        if False:",
        "the token goes to whatever host a page names",
        OF_ADAPTERS,
    ),
    Mutant(
        CALLS,
        '    if not origin or (origin.startswith("http:") and host not in _LOOPBACK):',
        "    if not origin:",
        "the token travels in the open",
        OF_ADAPTERS,
    ),
    Mutant(
        CALLS,
        "        return max(asked, 1.0)",
        "        return 1.0",
        "a secondary limit is not waited out",
        OF_ADAPTERS,
    ),
    Mutant(
        CALLS,
        "            if tried == TRIES or wait > LONGEST_WAIT:",
        "            if tried == TRIES:",
        "an hour of silence is waited for in a job",
        OF_ADAPTERS,
    ),
    Mutant(
        CALLS,
        '            answer = self.call("GET", answer.next)',
        "            return",
        "only the first hundred comments are seen",
        OF_ADAPTERS,
    ),
    Mutant(
        CALLS,
        "    token: str = field(repr=False)",
        "    token: str",
        "the token is in what an error prints",
        OF_ADAPTERS,
    ),
    Mutant(
        WHERE,
        '    return number, str(head.get("sha", "")), None in ids or ids[0] != ids[1]',
        '    return number, str(head.get("sha", "")), ids[0] != ids[1]',
        "a fork that is gone counts as our own branch",
        OF_WHERE,
    ),
    # --- checks and words ---
    Mutant(
        CHECKS,
        '        return Conclusion.ACTION_REQUIRED, _line(f"Refused by',
        '        return Conclusion.SUCCESS, _line(f"Refused by',
        "a refused plan is a green check",
        OF_CHECKS,
    ),
    Mutant(CHECKS, "    if plan.unread():\n", "    if False:\n", "what could not be read is a green check", OF_CHECKS),
    Mutant(
        CHECKS,
        "key=lambda d: order.index(d.severity))[:MOST]",
        "key=lambda d: -order.index(d.severity))[:MOST]",
        "the worst remarks are the ones left out",
        OF_CHECKS,
    ),
    Mutant(
        ALIKE,
        "                same.sites.update(section.targets)",
        "                same.sites.add(section.target)",
        "a change of thousands reads as one of few",
        OF_ALIKE,
    ),
    Mutant(
        CI,
        "        if not place.stranger:\n            raise\n        return instead",
        "        return instead",
        "a token that may not comment goes unnoticed",
        OF_CI,
    ),
)
