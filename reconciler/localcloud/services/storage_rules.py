"""Preconditions and absences, worded as Cloud Storage words them; shared by buckets, folders and objects."""

from __future__ import annotations

from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json


def no_bucket() -> GoogleError:
    return GoogleError(404, "The specified bucket does not exist.", reason="notFound")


def no_object(bucket: str, name: str) -> GoogleError:
    return GoogleError(404, f"No such object: {bucket}/{name}", reason="notFound")


def unmet() -> GoogleError:
    return GoogleError(412, "At least one of the pre-conditions you specified did not hold.", reason="conditionNotMet")


def at_least_one(state: State, prefix: str) -> bool:
    return next(iter(state.scan(prefix)), None) is not None


def check(call: Call, row: Json | None, prefix: str = "if") -> None:
    """ifGenerationMatch and its kin against `row` (None: there is no such object, its generation is 0).

    GoogleError 412 when one does not hold; 304 for the NotMatch kind on a read.
    """
    for field in ("generation", "metageneration"):
        current = (row or {}).get(field, "0")
        wanted = call.query(f"{prefix}{field.capitalize()}Match")
        if wanted and wanted != current:
            raise unmet()
        unwanted = call.query(f"{prefix}{field.capitalize()}NotMatch")
        if unwanted and unwanted == current:
            raise GoogleError(304, "Not Modified") if call.request.verb == "GET" else unmet()
