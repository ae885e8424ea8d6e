"""Resource Manager v1, v2 and v3: organisations, folders, projects, liens, tags, organisation policies, and IAM of all.

One file per kind; `hierarchy` is what they share: parents, ancestors, and the words for what is not ours to see.
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.cloudresourcemanager import (
    access,
    folders,
    liens,
    organisations,
    policies,
    projects,
    tag_bindings,
    tags,
)  # fmt: skip

METHODS: dict[str, Behaviour] = {
    **projects.METHODS, **folders.METHODS, **organisations.METHODS, **access.METHODS, **liens.METHODS, **tags.METHODS,
    **tag_bindings.METHODS, **policies.METHODS,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {**projects.FINISHERS, **folders.FINISHERS}
