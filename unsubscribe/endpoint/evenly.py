"""Answers that leave at even moments, so that the time of an answer does not tell what is known of an address (D8).

The work for each address is the same (:mod:`unsubscribe.signup`), but a row that is new costs the disk some tenths of a
millisecond more than one that is there. Promises: what is inside ends a whole number of steps after it began, however
long it took. It costs nobody else anything: nothing is held meanwhile.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STEP = 0.05  # seconds; far above what a sign-up takes, so that nearly all take one step


@asynccontextmanager
async def evenly(step: float = STEP) -> AsyncIterator[None]:
    """Wait at the end, also of what raises, until a whole number of steps has passed."""
    started = time.monotonic()
    try:
        yield
    finally:
        spent = time.monotonic() - started
        await asyncio.sleep(math.ceil(spent / step) * step - spent)
