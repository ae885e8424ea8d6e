"""Objects that Google's own services leave in buckets, such as the logs of a build."""

from __future__ import annotations

from reconciler.localcloud.call import Moment
from reconciler.localcloud.services.storage.defaults import complete, placed
from reconciler.localcloud.services.storage.generations import Written, write
from reconciler.localcloud.services.storage.rules import LINK, bucket_key
from reconciler.localcloud.values import Json, milliseconds

# The project that owns the buckets of Google's services; no caller sees it.
_GOOGLE = "0"


def own_bucket(moment: Moment, name: str) -> None:
    """Have a bucket of a Google service, which is in nobody's list."""
    if moment.state.get(bucket_key(name)) is not None:
        return
    stamp = milliseconds(moment.now)
    row: Json = {
        "kind": "storage#bucket", "id": name, "name": name, "selfLink": LINK + name, "projectNumber": _GOOGLE,
        "timeCreated": stamp, "updated": stamp, "metageneration": "1", "defaultObjectAcl": [],
        "generation": str(int(moment.now * 1_000_000)), "softDeletePolicy": {"retentionDurationSeconds": "0"},
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
    }  # fmt: skip
    placed(row)
    complete(moment.now, row, {})
    moment.state.put(bucket_key(name), row)


def put(moment: Moment, bucket: str, name: str, content: bytes) -> None:
    """Write an object; a bucket that does not exist loses it."""
    owner = moment.state.get(bucket_key(bucket))
    if owner is not None:
        write(moment, Written(owner, name, {"contentType": "text/plain"}, content))
