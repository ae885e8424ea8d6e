"""Every committed seed by target, and inputs that fuzzing once found (tests/fuzz/found/TARGET/NAME)."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fuzz import seeds_saved, seeds_yaml

Seed = bytes | Callable[[], bytes]
FOUND = Path(__file__).parent / "found"

BYTES: Mapping[str, Mapping[str, Seed]] = {
    "document": seeds_yaml.SEEDS, "fleet": seeds_yaml.SEEDS, "plan": seeds_saved.PLANS, "order": seeds_saved.ORDERS,
    "journal": seeds_saved.JOURNALS, "names": seeds_saved.NAMES, "settings": seeds_saved.SETTINGS,
}  # fmt: skip


def found(target: str) -> Mapping[str, bytes]:
    folder = FOUND / target
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())} if folder.is_dir() else {}


def content(seed: Seed) -> bytes:
    return seed() if callable(seed) else seed
