"""Cloud Storage JSON API v1: one file per kind of thing in it.

Nothing here may touch a real bucket or file: contents are rows of the state, so that a request is still one
transaction.
"""

from __future__ import annotations

from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.storage import (
    access,
    buckets,
    caches,
    copies,
    folders,
    keys,
    listing,
    notices,
    object_access,
    objects,
)

METHODS = {
    **buckets.METHODS, **access.METHODS, **folders.METHODS, **caches.METHODS, **objects.METHODS,
    **object_access.METHODS, **listing.METHODS, **copies.METHODS, **notices.METHODS, **keys.METHODS,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {**folders.FINISHERS, **caches.FINISHERS, **objects.FINISHERS}
