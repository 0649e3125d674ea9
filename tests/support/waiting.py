"""Wait for a condition that has no event: for a process of another kind, a thread, a row in a database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LONGEST = 120.0  # seconds, on a busy machine; a test that fails may take so long
_PAUSE = 0.01
_AT_ONCE = 0.05  # seconds in which a condition is looked at after each step of the loop


def wait_until(condition: Callable[[], object], seconds: float = LONGEST) -> None:
    """Block until ``condition()`` is true; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {seconds:g} s"
        time.sleep(_PAUSE)


async def until(condition: Callable[[], object], seconds: float = LONGEST) -> None:
    """Let the event loop run until ``condition()`` is true; fail after ``seconds``."""
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        assert waited < seconds, f"it did not happen within {seconds:g} s"
        await asyncio.sleep(0 if waited < _AT_ONCE else _PAUSE)
