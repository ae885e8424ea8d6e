"""Cloud Build v1."""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour

METHODS: dict[str, Behaviour] = {}
