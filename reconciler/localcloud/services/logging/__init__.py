"""Cloud Logging v2: sinks, buckets with their views, metrics, exclusions, and entries that can be found again.

Nothing here may write a log of our own: entries come from callers, and from services that log in the real cloud.
"""

from __future__ import annotations

from reconciler.localcloud.services.logging import buckets, entries, links, metrics, settings, sinks

METHODS = {
    **sinks.METHODS, **buckets.METHODS, **metrics.METHODS, **entries.METHODS, **settings.METHODS,
    **links.METHODS,
}  # fmt: skip
FINISHERS = {**buckets.FINISHERS, **links.FINISHERS}
