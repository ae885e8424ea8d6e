"""hypothesis: valid documents with something done to them, so that what is tried gets past the first check.

The shapes come from the models' own JSON Schemas, so a new field is tried without new code here.
"""

import copy
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.fuzz.seeds_pieces import NASTY, SNIPPETS
from tests.fuzz.worlds import VALID

PATHS = tuple(VALID)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, bytes]:
    """(path, content): one file of the valid fleet, changed as a tree and then as text."""
    path = draw(st.sampled_from(PATHS))
    tree = yaml.safe_load(VALID[path])
    for _ in range(draw(st.integers(0, 3))):
        tree = _changed(draw, tree)
    content = yaml.dump(
        tree, allow_unicode=draw(st.booleans()), default_flow_style=draw(st.booleans()), width=10_000
    ).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.sampled_from(SNIPPETS)) + content[at + draw(st.integers(0, 3)) :]
    return path, content


def _changed(draw: st.DrawFn, tree: Any) -> Any:
    """Something at a random place replaced, taken away, renamed, doubled or moved."""
    tree = copy.deepcopy(tree)
    holder, key = draw(st.sampled_from(list(_places(tree)) or [(None, None)]))
    if holder is None:
        return draw(st.sampled_from(NASTY))
    match draw(st.integers(0, 4)):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[draw(st.text(max_size=20))] = holder.pop(key)
        case 2 if isinstance(holder, list):
            holder.extend([holder[key]] * draw(st.integers(1, 120)))
        case 3:
            other, name = draw(st.sampled_from(list(_places(tree))))
            holder[key] = copy.deepcopy(other[name])
        case _:
            holder[key] = draw(st.sampled_from(NASTY) | st.text(max_size=40) | st.integers() | st.floats())
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in (
        list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    ):
        yield tree, key
        yield from _places(value)
