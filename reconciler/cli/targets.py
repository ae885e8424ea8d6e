"""What a person points at: `tenant/acme-bakery`, or the file that is under their cursor."""

import os
from pathlib import Path, PurePosixPath

from reconciler.model.errors import UsageError
from reconciler.model.ids import FLEET, Target, shard_target, tenant_target

HINT = "write fleet, shard/NAME, tenant/NAME, tenant/NAME@ENVIRONMENT, or a path under the fleet repository"


def target_from(text: str, directory: Path) -> Target:
    """Read a target, or a path (relative to `directory`) as the target that it declares. Raises UsageError."""
    try:
        return Target.parse(text)
    except ValueError as error:
        inside = _inside_fleet(text, directory)
        if inside is not None:
            return _declared(inside)
        raise UsageError(str(error), HINT) from error


def _inside_fleet(text: str, directory: Path) -> PurePosixPath | None:
    """The path below the fleet root, or None when it is no path of a fleet."""
    path = Path(os.path.abspath(directory / text))  # noqa: PTH100 - resolve() would follow symlinks out of the fleet
    if path.exists():
        for folder in (path, *path.parents):
            if (folder / "fleet.yaml").is_file():
                return PurePosixPath(path.relative_to(folder))
        return None
    # A bare repository has no files to look at, and a removed file is a target still: the form alone decides.
    plain = PurePosixPath(text)
    known = plain.parts[:1] in (("shards",), ("tiers",)) or text == "fleet.yaml"
    return plain if known and ".." not in plain.parts else None


def _declared(path: PurePosixPath) -> Target:
    match path.parts:
        case ("shards", _, "tenants", tenant, *_):
            return tenant_target(tenant)
        case ("shards", shard, *_):
            return shard_target(shard)
        case _:
            return FLEET


def fleet_path(text: str, directory: Path, root: Path | None) -> str:
    """A path as it is called below the fleet root ("" : all of it). `root` None: a bare repository, the text as it is.

    Raises UsageError for a path outside the fleet.
    """
    if root is None:
        return text.strip("/")
    path = Path(os.path.abspath(directory / text))  # noqa: PTH100
    top = Path(os.path.abspath(root))  # noqa: PTH100
    if not path.is_relative_to(top):
        raise UsageError(f"{text} is not in the fleet at {top}", "name files below it, or none for all of them")
    inside = path.relative_to(top).as_posix()
    return "" if inside == "." else inside
