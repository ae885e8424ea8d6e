"""The kinds of Cloud Run resources that people make, and the words each is called by in requests and messages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`word` as in field paths (`CreateServiceRequest.service`), `shown` as in messages (recorded for jobs)."""

    message: str
    collection: str
    word: str
    id_query: str
    shown: str


SERVICE = Kind("Service", "services", "service", "serviceId", "SERVICE")
JOB = Kind("Job", "jobs", "job", "jobId", "JOB")
POOL = Kind("WorkerPool", "workerPools", "worker_pool", "workerPoolId", "WORKERPOOL")
INSTANCE = Kind("Instance", "instances", "instance", "instanceId", "INSTANCE")

SHOWN = {kind.collection: kind.shown for kind in (SERVICE, JOB, POOL, INSTANCE)} | {
    "revisions": "REVISION", "executions": "EXECUTION", "tasks": "TASK",
}  # fmt: skip
MESSAGES = {kind.collection: kind.message for kind in (SERVICE, JOB, POOL, INSTANCE)} | {
    "revisions": "Revision", "executions": "Execution", "tasks": "Task",
}  # fmt: skip
