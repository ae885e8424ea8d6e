"""Cloud Run: services with their revisions, worker pools, jobs with their executions, instances; v2 and Knative v1.

One stored object, in the form of v2, whichever API version it came through; `knative` reads and prints the v1 form.
Nothing here may know about HTTP, files or the clock, nor about the state of another service beyond what `needs` reads.
"""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.run import builds, executions, jobs, resources, rollouts
from reconciler.localcloud.services.run.knative import methods as knative

_V2: dict[str, Behaviour] = {**resources.METHODS, **jobs.METHODS, **executions.METHODS, **builds.METHODS}


def _by_version(own: str) -> Behaviour:
    """v1 and v2 have methods of the same id with different messages."""
    older, newer = knative.METHODS.get(own, generic.answer), _V2.get(own, generic.answer)

    def behaviour(call: Call) -> Answer:
        return (newer if call.api.version == "v2" else older)(call)

    return behaviour


METHODS: dict[str, Behaviour] = {own: _by_version(own) for own in {**knative.METHODS, **_V2}}
FINISHERS: dict[str, Finisher] = {
    "run.rolled_out": rollouts.rolled_out, "run.made_ready": jobs.made_ready, "run.deleted": resources.gone,
    **executions.FINISHERS,
}  # fmt: skip
