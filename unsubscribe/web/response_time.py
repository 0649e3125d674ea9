"""Answers that leave after whole time steps, so that their time reveals nothing about an address (D8).

Each address causes the same work (:mod:`unsubscribe.signup`), but a new row costs the disk some tenths of a millisecond
more than an existing one. Promises: the enclosed block ends a whole number of steps after it began, however long it
took. Other requests are not delayed: no lock or thread is held meanwhile.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STEP = 0.05  # seconds; far above the time of a sign-up, so that nearly all take one step


@asynccontextmanager
async def evenly(step: float = STEP) -> AsyncIterator[None]:
    """Wait at the end of the block, also when it raises, until a whole number of steps has passed."""
    started = time.monotonic()
    try:
        yield
    finally:
        spent = time.monotonic() - started
        await asyncio.sleep(math.ceil(spent / step) * step - spent)
