"""Cloud Billing v1: billing accounts, which of them pays for a project, and the public price list.

Nothing is charged here and nothing measures usage.
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.services.cloudbilling import accounts, prices

METHODS: dict[str, Behaviour] = {**accounts.METHODS, **prices.METHODS}
