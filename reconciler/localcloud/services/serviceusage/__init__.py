"""Service Usage v1 and v1beta1: which APIs a project has on, its service agents, its consumer quotas.

Quotas are shown here and never enforced: that is `limits` and `quotas` of the local cloud.
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.serviceusage import consumer, enabled

METHODS: dict[str, Behaviour] = {**enabled.METHODS, **consumer.METHODS}
FINISHERS: dict[str, Finisher] = enabled.FINISHERS
