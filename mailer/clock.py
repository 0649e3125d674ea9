"""The clock of the installation: the machine's; after a jump, time goes on as before until the jump has lasted (E19).

Promises: a jump of more than ``JUMP`` seconds, forward or back, is not believed for ``DOUBT`` seconds. Jumps are
measured against a clock that cannot be set (and that counts sleep, where the machine has one that does). So a wrong
step that is corrected within that time launches nothing early, dates no letter in the far future and moves no retry. A
jump that lasts is believed: a correction after a start with a wrong clock takes effect a minute late. Slow drift and
NTP's slewing are followed at once. Safe to call from any thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

JUMP, DOUBT = 30.0, 60.0
log = logging.getLogger("postiljon.clock")


def utc_now() -> datetime:
    """Return the machine's time, aware and in UTC."""
    return datetime.now(UTC)


def ticks() -> float:
    """Return seconds of a clock that cannot be set; time asleep counts, where Linux counts it."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SteadyClock:
    """See the module. ``wall`` and ``ticks`` are given by tests."""

    def __init__(self, wall: Callable[[], datetime] = utc_now, ticks: Callable[[], float] = ticks) -> None:
        self._wall, self._ticks = wall, ticks
        self._lock = threading.Lock()
        self._anchor: tuple[datetime, float] | None = None
        self._doubted: float | None = None

    def __call__(self) -> datetime:
        """Return the time to use."""
        with self._lock:
            wall, now = self._wall(), self._ticks()
            if self._anchor is None:
                self._anchor = (wall, now)
            expected = self._anchor[0] + timedelta(seconds=now - self._anchor[1])
            jump = (wall - expected).total_seconds()
            if abs(jump) > JUMP:
                if self._doubted is None:
                    self._doubted = now
                    log.warning("the clock jumped by %d seconds; not believed for %d seconds", jump, DOUBT)
                if now - self._doubted < DOUBT:
                    return expected
                log.warning("the clock jumped by %d seconds and stays so: it is believed now", jump)
            self._anchor, self._doubted = (wall, now), None
            return wall


steady = SteadyClock()
