"""Token buckets per (project, API): we take at most half of what Google allows, so that people keep the other half."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.ports import Clock

PER_MINUTE: Mapping[str, tuple[int, int]] = {
    # API: (reads, writes) a minute and project, half of Google's documented defaults.
    "run": (300, 30),  # 600 and 60 per project and region; low-usage projects have 30 writes (quota pages of projects)
    "sqladmin": (250, 90),  # 500 get/list and 180 mutate (cloud.google.com/sql/docs/mysql/quotas)
    "secretmanager": (300, 300),  # 600 and 600 (cloud.google.com/secret-manager/quotas)
    "storage": (600, 30),  # bucket create/delete about one per 2 s (cloud.google.com/storage/quotas)
    "iam": (3000, 300),  # 6,000 and 600 (cloud.google.com/iam/quotas)
    "serviceusage": (120, 30),  # 240 and 60 (cloud.google.com/service-usage/docs/quotas)
    "cloudresourcemanager": (300, 60),  # 600 reads; the write rate is not published, taken as 120
    "artifactregistry": (300, 60),  # not published per minute; recalled as far above this
    "cloudbilling": (150, 30),  # 300 a minute, recalled
}
_OTHER = (60, 30)


@dataclass(slots=True)
class _Bucket:
    """Holds at most one minute's worth; refills steadily."""

    size: float
    tokens: float
    at: datetime
    lock: threading.Lock = field(default_factory=threading.Lock)


class Pace:
    """`unlimited`: a local cloud, which has no neighbour to spare."""

    def __init__(self, clock: Clock, unlimited: bool = False) -> None:
        self._clock = clock
        self._unlimited = unlimited
        self._buckets: dict[tuple[str, str, bool], _Bucket] = {}
        self._lock = threading.Lock()

    def read(self, project: str, api: str) -> float:
        """Wait until one more read fits. Returns the seconds waited."""
        if self._unlimited:
            return 0.0
        bucket = self._bucket(project, api, write=False)
        with bucket.lock:
            self._refill(bucket)
            bucket.tokens -= 1
            wait = max(0.0, -bucket.tokens * 60 / bucket.size)
        if wait:
            self._clock.sleep(wait)
        return wait

    def write(self, project: str, api: str) -> float:
        """Seconds until one more write fits; 0.0: it does, and is counted. Never waits: what a write follows from (a
        look, a lease) would grow old meanwhile."""
        if self._unlimited:
            return 0.0
        bucket = self._bucket(project, api, write=True)
        with bucket.lock:
            self._refill(bucket)
            if bucket.tokens < 1:
                return (1 - bucket.tokens) * 60 / bucket.size
            bucket.tokens -= 1
        return 0.0

    def _bucket(self, project: str, api: str, write: bool) -> _Bucket:
        size = float(PER_MINUTE.get(api, _OTHER)[write])
        with self._lock:
            if (project, api, write) not in self._buckets:
                self._buckets[project, api, write] = _Bucket(size, size, self._clock.now())
            return self._buckets[project, api, write]

    def _refill(self, bucket: _Bucket) -> None:
        now = self._clock.now()
        earned = max(0.0, (now - bucket.at).total_seconds()) * bucket.size / 60
        bucket.tokens = min(bucket.size, bucket.tokens + earned)
        bucket.at = now
