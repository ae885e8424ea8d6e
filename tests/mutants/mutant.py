"""A planted bug: one exact text of one file replaced by another, and the tests that are expected to see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """`file`: where `old` occurs exactly once. `breaks`: what goes wrong in the world, in a sentence.

    `tests`: what pytest is given, as little as kills it; with `slow`, tests marked so as well. `survives`: why no test
    can see it; "" : one must.
    """

    file: str
    old: str
    new: str
    breaks: str
    tests: tuple[str, ...]
    slow: bool = False
    survives: str = ""

    @property
    def name(self) -> str:
        """ "applying/judge: a delete goes ahead although …"."""
        return f"{self.file.removeprefix('reconciler/').removesuffix('.py')}: {self.breaks}"
