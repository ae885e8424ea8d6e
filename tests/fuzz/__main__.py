"""Fuzz for a while: `python -m tests.fuzz [--seconds N] [--seed S] [TARGET…]`; without targets each in turn.

With atheris (coverage-guided, where it is installed) or else with a mutator of our own. What fails is written to
tests/fuzz/found/TARGET/ and stays a test once it is committed. Ends with 1 when anything failed.
"""

import argparse
import importlib.util
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

FOUND = Path(__file__).parent / "found"
LARGEST = 20_000
"""Bytes of a mutated input: what is slow by size alone stands in the corpus."""


def main(words: Sequence[str]) -> int:
    given = argparse.ArgumentParser(prog="python -m tests.fuzz")
    given.add_argument("--seconds", type=int, default=60)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--engine", choices=("atheris", "plain", "any"), default="any")
    given.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given.add_argument("targets", nargs="*")
    asked = given.parse_args(words)
    atheris = importlib.util.find_spec("atheris") is not None
    engine = ("atheris" if atheris else "plain") if asked.engine == "any" else asked.engine
    if asked.one:
        (_atheris if engine == "atheris" else _plain)(asked.targets[0], asked.seconds, asked.seed)
        return 0
    from tests.fuzz.every import TARGETS

    unknown = [name for name in asked.targets if name not in TARGETS]
    if unknown:
        given.error(f"no target {unknown[0]}; there are {', '.join(TARGETS)}")
    failed = 0
    for name in asked.targets or TARGETS:
        executions, trouble = run(name, asked.seconds, asked.seed, engine)
        failed += bool(trouble)
        row = {"target": name, "engine": engine, "executions": executions, "seconds": asked.seconds, "failed": trouble}
        print(json.dumps(row), flush=True)
    return 1 if failed else 0


def run(target: str, seconds: int, seed: int, engine: str) -> tuple[int, str]:
    """(executions, "" or the end of what it said) of one target in a process of its own."""
    words = ["--one", "--engine", engine, "--seconds", str(seconds), "--seed", str(seed), target]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words], capture_output=True, text=True, errors="replace",
        timeout=seconds * 3 + 300, check=False,
    )  # fmt: skip
    count = re.findall(r"stat::number_of_executed_units: (\d+)", ended.stderr)
    tail = "" if ended.returncode == 0 else "\n".join(ended.stderr.strip().splitlines()[-25:])
    return int(count[-1]) if count else 0, tail


def _atheris(target: str, seconds: int, seed: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["reconciler"], enable_loader_override=False):
        from tests.fuzz.every import SEEDS, TARGETS

    keep = FOUND / target
    keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, content in enumerate(SEEDS(target, LARGEST)):
            Path(corpus, f"{number:05d}").write_bytes(content)
        options = [
            f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={LARGEST}", "-timeout=20", "-rss_limit_mb=2048",
            "-print_final_stats=1", f"-artifact_prefix={keep}/",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, corpus], TARGETS[target])
        try:
            atheris.Fuzz()
        finally:
            if keep.is_dir() and not any(keep.iterdir()):
                keep.rmdir()


def _plain(target: str, seconds: int, seed: int) -> None:
    from tests.fuzz.every import SEEDS, TARGETS

    dice = random.Random(seed)
    seeds = list(SEEDS(target, LARGEST))
    run_one, end, count = TARGETS[target], time.monotonic() + seconds, 0
    while time.monotonic() < end:
        content = mutated(dice, seeds)
        try:
            run_one(content)
        except BaseException:
            keep = FOUND / target
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"plain-{count}").write_bytes(content)
            raise
        count += 1
    print(f"stat::number_of_executed_units: {count}", file=sys.stderr)


def mutated(dice: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A seed with one to eight things done to it."""
    content = bytearray(dice.choice(seeds))
    for _ in range(dice.randint(1, 8)):
        at = dice.randint(0, len(content))
        other = dice.choice(seeds)
        piece = other[(start := dice.randint(0, len(other))) : start + dice.randint(0, 60)]
        match dice.randint(0, 5):
            case 0:
                content[at : at + 1] = bytes([dice.randint(0, 255)])
            case 1:
                del content[at : at + dice.randint(1, 40)]
            case 2:
                content[at:at] = piece
            case 3:
                content[at : at + len(piece)] = piece
            case 4:
                content[at:at] = content[at : at + 40] * dice.randint(1, 20)
            case _:
                content[at:at] = dice.choice(
                    (b"\0", b"\n", b"\t", b"\r", b"\xff", b"[", b"{", b": ", b"- ", b"&a ", b"*a", b"<<: ")
                )
    return bytes(content[:LARGEST])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
