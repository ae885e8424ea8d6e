"""Settings in, real adapters wired: the only place that picks one. Nothing here decides anything, and a module that is
heavy to load is loaded when it is wired."""

from reconciler.assemble.choosing import APP, NAMES, SECRETS, Setting, Settings, settings
from reconciler.assemble.daemon import following, hosted, listen, merges, reviewing, start_of
from reconciler.assemble.hosting import forge
from reconciler.assemble.observing import logbook, seam, watchers
from reconciler.assemble.place import cloud_url, running_cloud
from reconciler.assemble.probes import probes
from reconciler.assemble.wiring import expressions, records, repository, world

__all__ = [
    "APP", "NAMES", "SECRETS", "Setting", "Settings", "cloud_url", "expressions", "following", "forge", "hosted",
    "listen", "logbook", "merges", "probes", "records", "repository", "reviewing", "running_cloud", "seam", "settings",
    "start_of", "watchers", "world",
]  # fmt: skip
