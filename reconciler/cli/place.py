"""`aipress place`: a shard for a new tenant, and its uid."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from reconciler.cli.invocation import Given


def place(
    file: Annotated[Path, Parameter(help="The new tenant's YAML file, anywhere.")],
    /,
    *,
    write: Annotated[bool, Parameter(help="Put it where it belongs, with its uid; default only propose.")] = False,
    given: Given,
) -> int:
    """Propose a shard for a new tenant (capacity, region and tier; nobody else moves). Git holds the answer."""
    raise NotImplementedError
