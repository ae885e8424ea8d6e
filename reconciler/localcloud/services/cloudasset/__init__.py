"""Cloud Asset Inventory v1: what there is, found by a scan of the cloud's own keys; searches; feeds of what changes.

Nothing is kept here about other services' resources: an asset is made when it is asked for. Analyses are not here: they
answer 501.
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.cloudasset import exports, feeds, inventory, queries, search

METHODS: dict[str, Behaviour] = {
    **inventory.METHODS, **search.METHODS, **queries.METHODS, **feeds.METHODS, **exports.METHODS,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = exports.FINISHERS
WATCHER = feeds.tell
