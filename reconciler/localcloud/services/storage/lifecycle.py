"""Lifecycle rules, acting in virtual time: whoever looks at a bucket's objects first brings them up to date.

Google says that actions may take up to a day after their condition holds; here a bucket is swept when it is looked
at, at most once an hour. Rules: https://cloud.google.com/storage/docs/lifecycle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.storage import generations
from reconciler.localcloud.services.storage.rules import bucket_of
from reconciler.localcloud.values import Json, milliseconds, seconds_of

_DAY = 86_400
_EVERY = 3_600.0


def swept(call: Call, name: str = "") -> Json:
    """The bucket, after its lifecycle rules have acted. GoogleError 404."""
    bucket = bucket_of(call, name)
    rules = bucket.get("lifecycle", {}).get("rule", [])
    if not rules:
        return bucket
    key = f"storage.sweep/{bucket['name']}/{bucket['metageneration']}"
    last = call.state.get(key) or {"at": seconds_of(bucket["timeCreated"])}
    if call.now - last["at"] >= _EVERY:
        call.state.put(key, {"at": call.now})
        for row, live, newer in list(_generations(call, bucket["name"])):
            _apply(call, bucket, rules, (row, live, newer))
    return bucket


def _generations(call: Call, bucket: str) -> Iterator[tuple[Json, bool, int]]:
    """Every generation with whether it is live and how many are newer."""
    found = [(row, True) for _, row in call.state.scan(f"storage.o/{bucket}/")]
    found += [(row, False) for _, row in call.state.scan(f"storage.old/{bucket}/")]
    found.sort(key=lambda item: (item[0]["name"], -int(item[0]["generation"])))
    newer, name = 0, ""
    for row, live in found:
        newer = newer + 1 if row["name"] == name else 0
        name = row["name"]
        yield row, live, newer


def _apply(call: Call, bucket: Json, rules: list[Json], item: tuple[Json, bool, int]) -> None:
    row, live, _ = item
    kinds = [rule["action"] for rule in rules if _holds(call, rule.get("condition", {}), item)]
    if any(action["type"] == "Delete" for action in kinds):  # deletion wins over a change of class (documentation)
        try:
            generations.unprotected(call, row)
        except GoogleError:
            return
        generations.remove(call, bucket, row, forever=not live)
        return
    wished = next((action["storageClass"] for action in kinds if action["type"] == "SetStorageClass"), "")
    if wished and wished != row["storageClass"]:
        stamp = milliseconds(call.now)
        generations.save(call, {**row, "storageClass": wished, "timeStorageClassUpdated": stamp, "updated": stamp})


def _holds(call: Call, condition: Json, item: tuple[Json, bool, int]) -> bool:
    """All conditions of a rule must hold; a rule without any holds for no object."""
    row, live, newer = item
    age = (call.now - seconds_of(row["timeCreated"])) // _DAY
    gone = (call.now - seconds_of(row["timeDeleted"])) // _DAY if "timeDeleted" in row else -1
    custom = seconds_of(row["customTime"]) if row.get("customTime") else None
    tests: dict[str, Callable[[Any], bool]] = {
        "age": lambda wish: age >= int(wish),
        "createdBefore": lambda wish: row["timeCreated"] < wish,
        "isLive": lambda wish: live == wish,
        "numNewerVersions": lambda wish: newer >= int(wish),
        "matchesStorageClass": lambda wish: row["storageClass"] in wish,
        "matchesPrefix": lambda wish: row["name"].startswith(tuple(wish)),
        "matchesSuffix": lambda wish: row["name"].endswith(tuple(wish)),
        "daysSinceNoncurrentTime": lambda wish: gone >= int(wish),
        "noncurrentTimeBefore": lambda wish: "timeDeleted" in row and row["timeDeleted"] < wish,
        "daysSinceCustomTime": lambda wish: custom is not None and (call.now - custom) // _DAY >= int(wish),
        "customTimeBefore": lambda wish: custom is not None and row["customTime"] < wish,
    }
    asked = {name: wish for name, wish in condition.items() if wish not in (None, [], "")}
    return bool(asked) and all(name in tests and tests[name](wish) for name, wish in asked.items())
