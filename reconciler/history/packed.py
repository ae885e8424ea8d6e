"""The chart of waves over a whole fleet, in a file that stays small: 50,000 sites are 9 MB as plain JSON, and some 20
charts are kept. Columns instead of rows (each target's name once, what is wanted of each kind of object as one long
text in the order of the targets), compressed. A chart of a few sites stays plain, for people and for `git diff`.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.shape import ROWS, TEXTS, shaped

PLAIN = 256 * 1024
"""Bytes of JSON up to which a chart is not packed."""
MOST = 64 * 1024 * 1024
"""Bytes that a packed chart may unfold to: ten times a fleet of 50,000 sites."""
WISH = 12
"""Characters of a wish (planning/standing.py); any other length is written out."""


def pack(chart: Mapping[str, Any]) -> bytes:
    """What `Waves.chart` gives, packed."""
    place = {target: n for n, target in enumerate(_targets(chart))}
    columns: dict[str, dict[int, str]] = defaultdict(dict)
    rest: dict[str, str] = {}
    for address, wish in chart["wishes"].items():
        target, _, what = _parted(address)
        if target in place and len(wish) == WISH:
            columns[what][place[target]] = wish
        else:
            rest[address] = wish
    blank = " " * WISH
    texts = {what: "".join(column.get(n, blank) for n in range(len(place))) for what, column in columns.items()}
    packed = {**chart, "wishes": rest, "columns": texts}
    return zlib.compress(json.dumps(packed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(), 9)


def unpack(content: bytes) -> dict[str, Any]:
    """Raises ValueError for what was not packed here, or is damaged."""
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(content, MOST)
    except zlib.error as error:
        raise ValueError(f"a chart of waves that does not unfold: {error}") from error
    if not stream.eof:
        raise ValueError(f"a chart of waves that is cut off, or unfolds to more than {MOST // 2**20} MiB")
    chart = dict(shaped(json.loads(text), {"wishes": TEXTS, "columns": TEXTS, "waves": ROWS}))
    targets = tuple(_targets(chart))
    wishes = dict(chart["wishes"])
    for what, column in chart.pop("columns").items():
        if len(column) != WISH * len(targets):
            raise ValueError(f"a chart of waves whose column {what[:60]!r} does not fit its targets")
        for n, target in enumerate(targets):
            wish = column[WISH * n : WISH * (n + 1)]
            if not wish.isspace():
                wishes[f"{target}/{what}"] = wish
    return {**chart, "wishes": wishes}


def _targets(chart: Mapping[str, Any]) -> Iterator[str]:
    for wave in chart["waves"]:
        yield from shaped(wave, _WAVE)["targets"]


_WAVE = {"targets": (list, tuple)}


def _parted(address: str) -> tuple[str, str, str]:
    """ "tenant/a/run.service/production" -> its target, "/", and what of it."""
    if address.startswith("fleet/"):
        return address.partition("/")
    kind, _, rest = address.partition("/")
    name, slash, what = rest.partition("/")
    return f"{kind}/{name}", slash, what
