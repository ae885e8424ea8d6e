"""Planted bugs in money: what is counted, what is not, what has no price, and the ceilings."""

from tests.mutants.mutant import Mutant

MONEY, BOOK, PRICES, COST, PLANNED = (
    "reconciler/model/money.py", "reconciler/kinds/pricebook.py", "reconciler/kinds/prices.py",
    "reconciler/planning/cost.py", "reconciler/model/cost.py",
)  # fmt: skip
EXACT, LISTED, PLANS = ("tests/model/test_money.py",), ("tests/kinds/test_prices.py",), ("tests/planning/test_cost.py",)

SUMS, TOLD = "reconciler/desired/cost.py", "reconciler/report/costs.py"
ADDED, TYPED = ("tests/actions/test_cost.py",), ("tests/cli/test_cost_command.py",)

NOTICED, NOTICES = "reconciler/kinds/noticed.py", "reconciler/report/notices.py"
SEEN, SAID = ("tests/kinds/test_noticed.py",), ("tests/report/test_notices.py",)

MUTANTS = (
    Mutant(NOTICED, '("settings.tier", _MACHINE),', "", "another machine under the database is noticed by nobody", SEEN),
    Mutant(NOTICED, "    return min(found, default=NOTHING)", "    return max(found, default=NOTHING)", "the mildest of a change is told", SEEN),
    Mutant(NOTICES, "min(mine.get(target, NOTHING), noticed(change))", "noticed(change)", "the last change of a site hides its worst", SAID),
    Mutant(SUMS, "weights[tenant] += _connections(resource)", "weights[tenant] += 1", "a small site pays for a large one", ADDED),
    Mutant(SUMS, "            self._unpriced[price.unpriced] += 1", "            pass", "what has no price is not told", ADDED),
    Mutant(TOLD, 'if shown[:1] in ("=", "+", "-", "@") else shown', "if False else shown", "a tenant's name is a formula in a spreadsheet", ADDED),
    Mutant("reconciler/actions/cost.py", "earlier, _ = _cost(repository, targets, base, book)", "earlier, _ = _cost(repository, targets, revision, book)", "nothing ever changed since a base", TYPED),
    Mutant(MONEY, "part + (1 if index < left else 0)", "part", "shares of a cost do not add up to it", EXACT),
    Mutant(MONEY, "or abs(amount) > MOST // MILLION", "", "a saved plan may cost anything", EXACT),
    Mutant(MONEY, "if amount and not whole", "if False", "less than a cent reads as nothing", EXACT),
    Mutant(BOOK, "Decimal(line.regions.get(region, line.usd))", "Decimal(line.usd)", "a price of one's own forgets the region", LISTED),
    Mutant(BOOK, "        if known is None:\n            return None\n", "        if known is None:\n            known = {}\n", "a region without a price is priced like another", LISTED),
    Mutant(BOOK, "if len(found) != len(pairs)", "if False", "a price that stands twice in the book is taken", LISTED),
    Mutant(PRICES, "2 if settings.get(\"availabilityType\") == \"REGIONAL\" else 1", "1", "a standby is free", LISTED),
    Mutant(PRICES, 'and labels.get("aipress-state") == "active"', "", "a suspended site has visitors", LISTED),
    Mutant(PRICES, "    if settings.get(\"edition\", \"ENTERPRISE\") != \"ENTERPRISE\":", "    if False:", "another edition costs what this one does", LISTED),
    Mutant(PRICES, "        if rule is None:\n", "        if rule is None and kind not in self.book.not_priced:\n            return FREE\n        if rule is None:\n", "a kind that nobody priced is free in silence", LISTED),
    Mutant(COST, "prices[step.change.address] = step.after", "prices[step.change.address] = step.before", "a plan's cost after is that before", PLANS),
    Mutant(COST, "or change.action is Action.REPLACE else _grown(change, found.body)", "or True else _grown(change, found.body)", "a disk that grew is planned at its old price", PLANS),
    Mutant(COST, "rest=sum(d.delta for d in drivers[DRIVERS:])", "rest=0", "small differences vanish from the sum", PLANS),
    Mutant(COST, "total = standing + sum(step.delta for step in steps if step.delta < 0)", "total = standing", "what a plan saves pays for nothing", PLANS),
    Mutant(COST, "        if total + step.delta > ceiling:", "        if total > ceiling:", "one item may go over the ceiling", PLANS),
    Mutant(COST, "for address, (shard, applied) in facts.recorded().items():", "for address, (shard, applied) in ():", "a plan of one site does not know what its shard costs", PLANS),
    Mutant(COST, "            steps = [s for s in steps if s.change.address not in out]\n", "", "an item is refused by every ceiling", PLANS),
    Mutant(COST, "    ruling = facts.ruling\n", "    ruling = facts.fleet.fleet.document.spec if facts.fleet.fleet else None\n", "a pull request lowers the prices it is judged by", PLANS),
    Mutant(PLANNED, "rest=read(row[\"rest_usd_delta\"])", "rest=0", "a saved plan forgets a part of its cost", PLANS),
)  # fmt: skip
