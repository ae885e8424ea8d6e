"""Cloud Build v1: builds that pass through their stages as time passes, triggers and worker pools; v2 is generic.

There are recordings of worker pools only; the rest is from the discovery document, the documentation and the messages
of Google's own cloud-build-local. Nothing here may run a step: what a step does is read off its command (see `course`).
"""

from __future__ import annotations

from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.cloudbuild import builds, pools, triggers

METHODS = {**builds.METHODS, **triggers.METHODS, **pools.METHODS}
FINISHERS: dict[str, Finisher] = {**builds.FINISHERS, **pools.FINISHERS}
