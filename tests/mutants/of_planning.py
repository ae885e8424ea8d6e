"""Planted bugs in deciding: differences, order, and each guard."""

from tests.mutants.mutant import Mutant

DIFF, ESCROW, GUARDS, ORDER, PLAN = (
    f"reconciler/planning/{name}.py" for name in ("diff", "escrow", "guards", "order", "plan")
)
HOLD = "reconciler/model/hold.py"
COMPARE, MERGE, OWNERSHIP = (f"reconciler/kinds/{name}.py" for name in ("compare", "merge", "ownership"))
LOSS = "tests/planning/test_identity_and_loss.py"
RESOURCE, GUARD = ("tests/planning/test_one_resource.py", LOSS), ("tests/planning/test_guards.py", LOSS)
REVISION = "reconciler/planning/revision.py"
BLAST, STANDING = "reconciler/planning/blast.py", "reconciler/planning/standing.py"
WAVES = ("tests/planning/test_waves.py", "tests/planning/test_guards.py", "tests/planning/test_identity_and_loss.py")
BYTES, KINDS = ("tests/planning/test_order_and_bytes.py",), ("tests/kinds/test_comparison_examples.py",)

MUTANTS = (
    Mutant(
        DIFF, "fields = difference(kind, seen.body, pair.body, pair.before)", "fields = difference(kind, seen.body, pair.body, None)",
        "two-way instead of three-way: what Git no longer says stays in the cloud", RESOURCE,
    ),
    Mutant(
        DIFF, "if (pair.applied is None or _recreated(pair, seen)) and not proven(kind, seen, resource.owner):", "if False:",
        "what stands under our name is taken over without proof", RESOURCE,
    ),
    Mutant(
        DIFF, "    if isinstance(seen, Unknown):\n        why = Why.FORBIDDEN if seen.forbidden else Why.UNREADABLE\n"
        "        return Blocked(resource.address, why, f\"{resource.address} could not be read: {seen.reason}\")\n"
        "    if isinstance(seen, Absent):",
        "    if isinstance(seen, Absent | Unknown):", "what cannot be read is planned to be made", RESOURCE,
    ),
    Mutant(
        DIFF, "    if applied.uid and seen.uid and applied.uid != seen.uid:", "    if False:",
        "a deletion takes another object of the same name", RESOURCE,
    ),
    Mutant(
        DIFF, "        return _change(pair, Action.REPLACE, f\"{names}", "        return _change(pair, Action.UPDATE, f\"{names}",
        "a replacement is planned as an update", RESOURCE,
    ),
    Mutant(
        DIFF, "recreated = _recreated(pair, seen)", "recreated = False",
        "an object that was made again counts as the recorded one", RESOURCE,
    ),
    Mutant(
        DIFF, "return replace(_change(pair, action, reason, fields, ABSENT), drift=lost)",
        "return _change(pair, action, reason, fields, ABSENT)", "data that was lost is made anew, empty, without a word", RESOURCE,
    ),
    # --- each guard taken out ---
    Mutant(BLAST, "    if len(sites) <= allowed:", "    if True:", "any number of live sites may change at once", GUARD),
    Mutant(BLAST, "    if len(sites) <= allowed:", "    if len(sites) < allowed:", "blast radius: one site too strict", GUARD),
    Mutant(BLAST, "    elif not waves_spec(facts).enabled:", "    elif False:", "where waves are off, nothing is refused", WAVES),
    Mutant(BLAST, "100 * number > percent * recorded:", "False:", "most of a shard may change at once", WAVES),
    Mutant(BLAST, "100 * len(gone) > DELETE_PERCENT * recorded:", "False:", "a large share of the fleet may be deleted, if each is approved", WAVES),
    Mutant(STANDING, "        if change.action is Action.ADOPT:\n            continue\n", "", "adopting counts as changing sites", GUARD),
    Mutant(ESCROW, "        if change.action not in _DESTROYS or not kind.data_bearing:\n            continue\n        why",
        "        if True:\n            continue\n        why", "data is deleted without an approval", GUARD,
    ),
    Mutant(ESCROW, "        if change.action is Action.REPLACE:\n            why =", "        if False:\n            why =",
        "replacing what holds data is no deletion", GUARD,
    ),
    Mutant(GUARDS, "    if len(gone) > limits.stateless_deletes:", "    if False:", "any number of objects may be deleted", GUARD),
    Mutant(GUARDS, "    if len(gone) > limits.stateless_deletes:", "    if len(gone) > limits.stateless_deletes + 1:",
        "one deletion more than the limit", GUARD,
    ),
    Mutant(GUARDS, "change.action is Action.REPLACE and kind.never_replace and not kind.data_bearing", "False",
        "a folder is replaced", GUARD,
    ),
    Mutant(GUARDS, "        if change.action is Action.CREATE and change.drift:", "        if False:",
        "lost data is made anew, empty", RESOURCE,
    ),
    Mutant(REVISION, "        if recorded and len(gone) == len(recorded):", "        if False:", "an empty shard in the repository is an empty shard", GUARD),
    Mutant(REVISION, "    if len(vanished) > allowed:", "    if False:", "half of the fleet may vanish", GUARD),
    Mutant(REVISION, "    if len(drifted) > allowed:", "    if False:", "everything drifted at once, and is undone at once", GUARD),
    Mutant(HOLD, "return (self.begins is None or self.begins <= now) and (self.until", "return False and (self.until",
        "holds are ignored", GUARD,
    ),
    Mutant(HOLD, "<= now) and (self.until is None or self.until > now)", "<= now) and (self.until is None or self.until < now)",
        "a hold binds only once it is over", GUARD,
    ),
    Mutant(GUARDS, "        if placed[shard] > most and fresh:", "        if False:", "a shard is filled beyond its capacity", GUARD),
    Mutant(GUARDS, "        yield GuardVerdict(\"move\", tenant_target(name), Verdict.REFUSE, message, items)",
        "        yield GuardVerdict(\"move\", tenant_target(name), Verdict.WARN, message, items)",
        "a tenant that moves is made anew elsewhere, empty", GUARD,
    ),
    Mutant(ESCROW, "    if approval.last_day < today:", "    if False:", "an approval never expires", GUARD),
    Mutant(ESCROW, "    if approval.last_day > today + LONGEST:", "    if False:", "an approval for years ahead is one", GUARD),
    Mutant(ESCROW, "if end > now else \"\"", "if end < now else \"\"", "the escrow window has the wrong sign", GUARD),
    Mutant(ESCROW, "if p.tenant == name and p.uid == change.owner", "if p.tenant == name", "an approval by name approves whoever has it now", GUARD),
    Mutant(ESCROW, "    if tenant is None or tenant.state != \"deleted\":", "    if False:", "what was never deleted may be purged", GUARD),
    Mutant(ESCROW, "        if backup is not None and (recorded is None or recorded.uid != backup.uid):", "        if False:",
        "a purge trusts another backup than the one of this deletion", GUARD,
    ),
    Mutant(GUARDS, "    allow = frozenset(allowed) & ALLOWABLE", "    allow = frozenset(allowed)", "--allow passes guards that nobody may pass", GUARD),
    Mutant(GUARDS, "        if verdict.verdict is not Verdict.REFUSE or verdict.guard in allow:", "        if True:",
        "refused items run", GUARD,
    ),
    # --- order and bytes ---
    Mutant(ORDER, "-_RANK.get(a.kind, 0)))", "_RANK.get(a.kind, 0)))", "parents are deleted before their children", ("tests/planning",)),
    Mutant(ORDER, " | frozenset(resource.after)", "", "what comes after something is done before it", ("tests/planning",)),
    Mutant(ORDER, "    while ready:\n        address = heappop(ready)[-1]", "    while ready:\n        address = ready.pop()[-1]",
        "the order of a plan depends on chance", BYTES,
    ),
    # --- comparing ---
    Mutant(COMPARE, "        if key not in desired and not empty(live.get(key)):", "        if False:",
        "what Git no longer declares is left behind", KINDS,
    ),
    Mutant(COMPARE, "        if rule.owned:\n            yield _change(kind, where, item, None)\n        elif key in last_by:",
        "        if True:\n            yield _change(kind, where, item, None)\n        elif key in last_by:",
        "what others put into a shared list is taken away", KINDS,
    ),
    Mutant(COMPARE, "    elif not same(kind, path, live, want):", "    elif live != want:", "spelling counts as a difference: drift for ever", KINDS),
    Mutant(COMPARE, "    if under(secret, path) or any(inner.startswith(f\"{path}.\") for inner in secret):", "    if False:",
        "a secret value stands in the plan", ("tests/kinds/test_nothing_secret_is_told.py",),
    ),
    Mutant(MERGE, "result if rule.owned else [item for key, item in have_by.items() if key not in want_by] + result", "result",
        "an update throws others out of a shared list", ("tests/kinds/test_comparison_properties.py", "tests/kinds/test_comparison_examples.py"),
    ),
    Mutant(MERGE, "{\"uid\": found.uid, \"fields\"", "{\"fields\"", "a fingerprint does not know which object it is of", ("tests/kinds/test_comparison_properties.py", "tests/kinds/test_comparison_examples.py")),
    Mutant(MERGE, "    result: dict[str, Any] = dict(live) if isinstance(live, Mapping) else {}", "    result: dict[str, Any] = {}",
        "fields that the server or others set are wiped by an update", ("tests/kinds/test_comparison_properties.py", "tests/kinds/test_comparison_examples.py"),
    ),
    Mutant(OWNERSHIP, "return isinstance(labels, Mapping) and labels.get(OWNER_LABEL) == owner",
        "return isinstance(labels, Mapping) and OWNER_LABEL in labels", "any owner's mark is ours", RESOURCE,
    ),
)  # fmt: skip
