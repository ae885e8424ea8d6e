"""Proof that a live object is ours: what a name alone never shows. One place, for planning and for applying.

Objects that take labels carry three more: `aipress-fleet`, `managed-by`, and `aipress-generation`, the generation of
the lease under which they were last written. That one is no part of what is wanted: it is stamped when a call is made,
never compared, never drift, never in a plan; and what carries a higher one than ours is not written.
"""

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.compare import value_at
from reconciler.kinds.kind import Kind, Proof
from reconciler.model.canonical import Body
from reconciler.model.resource import Found

OWNER_LABEL = "aipress-owner"
GENERATION_LABEL = "aipress-generation"

HOW = {
    "folder": "it stands under the fleet's own organisation or folder, by the display name that the fleet writes",
    "project.billing": "it belongs to a project, which has labels",
    "project.service": "it belongs to a project, which has labels",
    "project.iam": "it belongs to a project, which has labels; of its members only ours are touched",
    "iam.service-account": "its description ends in aipress-owner=UID; it takes no labels",
    "artifact.repository.iam": "it belongs to an image repository, which has labels",
    "sql.database": "it lives in an instance, which has labels, and its name carries the owner's uid",
    "sql.user": "it lives in an instance, which has labels, and its name carries the owner's uid",
    "sql.grant": "it belongs to a user of ours",
    "sql.backup": "it belongs to an instance, which has labels, and its description carries the owner's uid",
    "secret.version": "it belongs to a secret, which has labels",
    "secret.iam": "it belongs to a secret, which has labels",
    "storage.managed-folder": "it lives in a bucket, which has labels, and its name carries the owner's uid",
    "storage.managed-folder.iam": "it belongs to a managed folder of ours",
}
"""How a kind without labels shows whose it is. None of these carries a generation: of those that can be changed at all,
projects' and folders' policies have their etag, and the rest is told in kinds/methods.py."""


def proven(kind: Kind, found: Found, owner: str) -> bool:
    """Whether a live object carries the uid `owner` in the way its kind proves ownership."""
    if kind.proof is Proof.CONTAINER:
        return True
    if kind.proof is Proof.DESCRIPTION:
        return f"{OWNER_LABEL}={owner}" in str(found.body.get("description", ""))
    labels = value_at(found.body, kind.labels)
    return isinstance(labels, Mapping) and labels.get(OWNER_LABEL) == owner


def generation_of(kind: Kind, found: Found) -> int:
    """Under which generation it was last written; 0: under none, or by others."""
    labels = value_at(found.body, kind.labels) if kind.labels else None
    text = str(labels.get(GENERATION_LABEL, "")) if isinstance(labels, Mapping) else ""
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def stamped(kind: Kind, body: Body, generation: int) -> dict[str, Any]:
    """The body of a call made under a generation (0: as it is), for kinds that take labels."""
    return _at(body, kind.labels.split("."), str(generation)) if kind.labels and generation else dict(body)


def _at(body: Any, path: list[str], generation: str) -> dict[str, Any]:
    inner = dict(body) if isinstance(body, Mapping) else {}
    if not path:
        return {**inner, GENERATION_LABEL: generation}
    return {**inner, path[0]: _at(inner.get(path[0]), path[1:], generation)}
