"""`python -m tests.outside [--kills N] [--seed N] [--era N]`: eras of real processes killed, until so many kills."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.outside.checking import check
from tests.outside.killing import Era, Tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.outside", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills altogether")
    parser.add_argument("--era", type=int, default=40, help="kills before a cloud is compared, and a fresh one begun")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first era; the next has the next number")
    parser.add_argument("--two-hosts", action="store_true", help="a second host acts while ours is stopped")
    options = parser.parse_args()
    total, seed = Tally(), options.seed
    while total.kills.total() < options.kills:
        folder = Path(tempfile.mkdtemp(prefix=f"outside-{seed}-"))
        era = Era(folder / "era", seed, two_hosts=options.two_hosts)
        try:
            era.reign(min(options.era, options.kills - total.kills.total()))
            check(era, folder / "quiet")
        except BaseException:
            print(f"seed {seed}: kept in {folder}; again: python -m tests.outside --seed {seed} --kills {options.era}")
            raise
        finally:
            era.close()
        total.add(era.tally)
        print(f"seed {seed}: {era.tally}", flush=True)
        shutil.rmtree(folder)
        seed += 1
    print(f"All of it: {total}. The cloud was as after a quiet life {seed - options.seed} times.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
