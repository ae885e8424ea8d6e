"""The system's clock; everything that wants the time gets it from here, through the Clock port."""

import time
from datetime import UTC, datetime


class SystemClock:
    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))
