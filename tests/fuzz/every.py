"""Every target by name, and its seeds as bytes: what `python -m tests.fuzz` runs."""

from collections.abc import Callable, Iterator, Mapping

from tests.fuzz.answers import any_answer
from tests.fuzz.corpus import BYTES, content, found
from tests.fuzz.objects import git_object, version_files
from tests.fuzz.rendering import words
from tests.fuzz.seeds_answers import SEEDS as ANSWERS
from tests.fuzz.seeds_words import SEEDS as WORDS
from tests.fuzz.seeds_words import text
from tests.fuzz.targets import TARGETS as PLAIN

TARGETS: Mapping[str, Callable[[bytes], None]] = {
    **PLAIN,
    "git-object": git_object,
    "version": version_files,
    "answer": any_answer,
    "words": words,
}


def SEEDS(target: str, largest: int) -> Iterator[bytes]:
    """Seeds of a target that are at most so large, and what was found before."""
    for seed in BYTES.get(target, {}).values():
        if len(made := content(seed)) <= largest:
            yield made
    if target == "answer":
        for number, given in enumerate(ANSWERS.values()):
            if len(given.content) <= largest:
                yield bytes([number % 12, number % 20]) + given.content
    if target == "words":
        yield from (
            made.encode("utf-8", "surrogatepass") for seed in WORDS.values() if len(made := text(seed)) <= largest
        )
    yield from found(target).values()
