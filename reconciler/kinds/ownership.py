"""Proof that a live object is ours: what a name alone never shows. One place, for planning and for applying."""

from collections.abc import Mapping

from reconciler.kinds.compare import value_at
from reconciler.kinds.kind import Kind, Proof
from reconciler.model.resource import Found

OWNER_LABEL = "aipress-owner"


def proven(kind: Kind, found: Found, owner: str) -> bool:
    """Whether a live object carries the uid `owner` in the way its kind proves ownership."""
    if kind.proof is Proof.CONTAINER:
        return True
    if kind.proof is Proof.DESCRIPTION:
        return f"{OWNER_LABEL}={owner}" in str(found.body.get("description", ""))
    labels = value_at(found.body, kind.labels)
    return isinstance(labels, Mapping) and labels.get(OWNER_LABEL) == owner
