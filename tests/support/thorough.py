"""How much of a large set a run tries: a share by chance in ``make test``, all of it in ``make chaos``.

The share begins at a place by chance (with pytest-randomly, the seed of the run), so all are tried over time.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

EVERY_STEP = "EVERY_STEP"  # an environment variable: nothing is left out
T = TypeVar("T")


def stride(usual: int) -> int:
    """Return how far apart the tried ones are: ``usual``, or 1 where nothing is left out."""
    return 1 if os.environ.get(EVERY_STEP) else usual


def share(values: Sequence[T], usual: int) -> list[T]:
    """Return each ``usual``-th of the values, from a start by chance; with ``EVERY_STEP``, all of them."""
    step = min(stride(usual), len(values))
    dice = random.Random(f"{random.random()} {os.environ.get('PYTEST_CURRENT_TEST')}")  # else alike for each test
    return list(values[dice.randrange(step) :: step])


def examples(all_of_them: int, usual: int) -> int:
    """Return the number of examples: a ``usual``-th part of them; with ``EVERY_STEP``, all of them."""
    return -(-all_of_them // stride(usual))
