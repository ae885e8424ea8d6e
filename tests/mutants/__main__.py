"""`make mutants`: plant each bug of the list, one at a time, and see whether the tests notice.

`python -m tests.mutants [--only TEXT] [--jobs N] [--list]`. Fails below 95 % killed, for a survivor that nobody
explained, for an explained one that is killed after all, and for a list that does not fit the code.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from tests.mutants.all import MUTANTS
from tests.mutants.bench import Bench, Ended, StaleError
from tests.mutants.mutant import Mutant

LEAST = 95.0
"""Percent that must be killed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name has this text")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--list", action="store_true", help="print the list and run nothing")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    if options.list or not chosen:
        print("\n".join(mutant.name for mutant in chosen) or f"no mutant has {options.only!r} in its name")
        return 0 if chosen else 1
    began = time.monotonic()
    benches = [Bench() for _ in range(max(1, options.jobs))]
    try:
        fine, said = benches[0].healthy(chosen)
        if not fine:
            print(f"The tests do not pass on the code as it is, so nothing can be said of mutants:\n{said}")
            return 1
        print(f"{len(chosen)} mutants; their tests pass without them ({time.monotonic() - began:.0f} s).", flush=True)
        ended = tried(chosen, benches)
    except StaleError as error:
        print(error)
        return 1
    finally:
        for bench in benches:
            bench.close()
    return verdict(ended, time.monotonic() - began)


def tried(chosen: Sequence[Mutant], benches: Sequence[Bench]) -> list[Ended]:
    """All of them, as many at a time as there are benches; each is told as it ends."""
    free: SimpleQueue[Bench] = SimpleQueue()
    for bench in benches:
        free.put(bench)

    def one(mutant: Mutant) -> Ended:
        bench = free.get()
        try:
            ended = bench.tried(mutant)
        finally:
            free.put(bench)
        print(f"{'killed  ' if ended.killed else 'SURVIVED'} {ended.seconds:5.1f} s  {mutant.name}", flush=True)
        return ended

    with ThreadPoolExecutor(len(benches)) as pool:
        return list(pool.map(one, chosen))


def verdict(ended: Sequence[Ended], seconds: float) -> int:
    """The figures, and what is wrong: 0 when nothing is."""
    killed = sum(e.killed for e in ended)
    percent = 100 * killed / len(ended)
    print(f"\n{killed} of {len(ended)} killed ({percent:.1f} %) in {seconds:.0f} s.")
    wrong = [f"nobody explains why this one survives: {e.mutant.name}" for e in ended if lives(e) == "unexplained"]
    wrong += [f"explained as a survivor, and killed: {e.mutant.name}" for e in ended if lives(e) == "explained away"]
    if percent < LEAST:
        wrong.append(f"{percent:.1f} % is less than {LEAST:.0f} %")
    for e in ended:
        if lives(e) == "explained":
            print(f"survives: {e.mutant.name}\n  because {e.mutant.survives}")
    print("\n".join(wrong))
    return 1 if wrong else 0


def lives(ended: Ended) -> str:
    """ "killed", "explained", "unexplained" or "explained away"."""
    if ended.killed:
        return "explained away" if ended.mutant.survives else "killed"
    return "explained" if ended.mutant.survives else "unexplained"


if __name__ == "__main__":
    sys.exit(main())
