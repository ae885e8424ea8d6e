"""`aipress`, and `python -m reconciler`."""

import sys
from collections.abc import Sequence

from reconciler.cli.app import run


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one call; without arguments those of the process."""
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
