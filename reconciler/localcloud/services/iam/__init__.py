"""IAM v1 and v2: service accounts and their keys, roles, identity pools, deny policies.

The policies of resources are not here but in `localcloud.policies`: every service has them.
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.iam import accounts, denials, keys, pools, roles

METHODS: dict[str, Behaviour] = {
    **accounts.METHODS, **keys.METHODS, **roles.METHODS, **pools.METHODS, **denials.METHODS,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {**accounts.FINISHERS, **roles.FINISHERS, **pools.FINISHERS}
