"""Memorystore for Redis, v1 and v1beta1: instances, clusters and their backups; ACL policies come from the API model.

Nothing here may speak Redis: there is no data plane behind an address.
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.redis import backups, clusters, instances

FINISHERS: dict[str, Finisher] = {**instances.FINISHERS, **clusters.FINISHERS, **backups.FINISHERS}
METHODS: dict[str, Behaviour] = {**instances.METHODS, **clusters.METHODS, **backups.METHODS}
