"""Artifact Registry v1: repositories of every format, and the images that Cloud Build pushed into them.

No bytes of images are in here: an image is a digest, its tags and a size.
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.services.artifactregistry import images, pushes, repositories

METHODS: dict[str, Behaviour] = {**repositories.METHODS, **images.METHODS}
WATCHER = pushes.record
