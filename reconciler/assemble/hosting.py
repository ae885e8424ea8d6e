"""The code host, as whom our token is."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import InputError

if TYPE_CHECKING:
    from reconciler.forge.where import Host, Place
    from reconciler.model.forge import Forge


OWN = ("AIPRESS_FORGE_TOKEN",)
"""The variable that a daemon's token stands in: it acts as nobody whose token happens to be in its environment."""


def forge(place: "Place", names: Sequence[str] = ()) -> "Forge | None":
    """The code host of a pull request, as whom our token is; None without one. `names`: variables that the token is
    looked for in, where not those of the host's CI count. Raises InputError, UsageError."""
    token = _forge_token(place.host, names)
    if not token:
        return None
    from reconciler.engine.clock import SystemClock
    from reconciler.forge.github import GitHub
    from reconciler.forge.gitlab import GitLab
    from reconciler.forge.where import Host

    adapter = GitLab if place.host is Host.GITLAB else GitHub
    return adapter(place.repository, token, SystemClock(), place.api)


def _forge_token(host: "Host", names: Sequence[str]) -> str:
    """From the first variable that has one, or from the file that AIPRESS_FORGE_TOKEN_FILE names; "" : none."""
    from reconciler.forge.where import token_names

    file = os.environ.get("AIPRESS_FORGE_TOKEN_FILE", "")
    if file:
        try:
            return Path(file).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it holds more than a token"
            raise InputError(
                f"{file} (AIPRESS_FORGE_TOKEN_FILE) cannot be read: {why}", "see who may read it"
            ) from error
    return next(
        (os.environ[name].strip() for name in names or token_names(host) if os.environ.get(name, "").strip()), ""
    )
