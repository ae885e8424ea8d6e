"""Plans that were shown on pull requests, until what was merged of them is done: two files of each in the state folder.

A small one says what the merge would leave in the fleet's files: by it a merge is known, whatever way it was made. What
is lost here costs a question: without the plan that was shown, what is merged is applied as everything else is.
"""

import gzip
import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.errors import AipressError
from reconciler.model.plan import Plan
from reconciler.model.shape import OBJECT, TEXT, shaped

FOLDER = "shown"
MOST = 500
"""Pull requests; the ones shown longest ago go first."""
MOST_BYTES = 512 * 1024 * 1024
"""Of one file, unpacked."""
_NAME = re.compile(r"([0-9]{1,10})\.json")
_WRONG = "%s holds no shown plan (%s): its merge is applied without a comparison"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """`files`: path below the fleet root -> blob that the merge would leave there ("" : none), for each that it would
    change. `asked`: what waits for a yes since the merge, as a plan of these items alone."""

    number: int
    head: str
    files: Mapping[str, str]
    plan: Plan
    asked: Plan | None = None


class ShownPlans:
    """One pull request is written by one thread at a time; any may read."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER

    def keep(self, shown: Shown) -> None:
        """Raises AipressError when it cannot be written."""
        plans = {"plan": shown.plan.to_json(), "asked": shown.asked.to_json() if shown.asked else None}
        sketch = {"number": shown.number, "head": shown.head, "files": dict(shown.files)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            packed = gzip.compress(json.dumps(plans).encode(), compresslevel=3, mtime=0)
            self._put(self._plans(shown.number), packed)
            self._put(self._sketch(shown.number), json.dumps(sketch).encode())
            for old in sorted(self._sketches(), key=lambda f: f.stat().st_mtime)[:-MOST]:
                self.drop(int(old.stem))
        except OSError as error:
            raise AipressError(
                f"the plan of pull request {shown.number} cannot be kept in {self._folder}: {error.strerror or error}",
                "free space or make the folder writable",
            ) from error

    def merged(self, blob: Callable[[str], str]) -> Iterator[Shown]:
        """Those of which a commit says what the merge would say. `blob`: of a path there ("" : no such file).

        The plan is read of these alone. A file that cannot be read is passed over.
        """
        for file in sorted(self._sketches(), key=lambda f: int(f.stem)):
            files = _files(file)
            if files and all(blob(path) == there for path, there in files.items()):
                shown = self.of(int(file.stem))
                if shown is not None:
                    yield shown

    def of(self, number: int) -> Shown | None:
        file = self._plans(number)
        try:
            sketch = json.loads(self._sketch(number).read_bytes())
            with gzip.open(file) as packed:
                content = packed.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise ValueError("it is too large")
            row = shaped(json.loads(content), {"plan": OBJECT, "asked": (dict, type(None))})
            asked = Plan.from_json(row["asked"]) if row["asked"] else None
            return Shown(number, str(sketch["head"]), dict(sketch["files"]), Plan.from_json(row["plan"]), asked)
        except FileNotFoundError:
            return None
        except (OSError, EOFError, ValueError, RecursionError, KeyError, TypeError) as error:
            _LOG.warning(_WRONG, file, error)
            return None

    def drop(self, number: int) -> None:
        for file in (self._sketch(number), self._plans(number)):
            file.unlink(missing_ok=True)

    def _put(self, file: Path, content: bytes) -> None:
        fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
        fresh.write_bytes(content)
        fresh.replace(file)

    def _sketch(self, number: int) -> Path:
        return self._folder / f"{number}.json"

    def _plans(self, number: int) -> Path:
        return self._folder / f"{number}.plan.json.gz"

    def _sketches(self) -> list[Path]:
        return [f for f in self._folder.iterdir() if _NAME.fullmatch(f.name)] if self._folder.is_dir() else []


def _files(file: Path) -> dict[str, str]:
    try:
        row = shaped(json.loads(file.read_bytes()), {"number": (int,), "head": TEXT, "files": OBJECT})
        return dict(shaped(row["files"], dict.fromkeys(row["files"], TEXT)))
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        _LOG.warning(_WRONG, file, error)
        return {}
