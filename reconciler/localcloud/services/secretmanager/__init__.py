"""Secret Manager v1: secrets, their versions and payloads, global and regional.

What a secret may hold is judged in `rules`. Keys of Cloud KMS are named here, and never read: nothing is encrypted.
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.secretmanager import secrets, versions

METHODS: dict[str, Behaviour] = {**secrets.METHODS, **versions.METHODS}
FINISHERS: dict[str, Finisher] = {**secrets.FINISHERS, **versions.FINISHERS}
