"""Answers leave at even moments."""

from __future__ import annotations

import asyncio
import time

import pytest

from unsubscribe.web.response_time import evenly


@pytest.mark.parametrize(("work", "whole"), [(0.0, 0.05), (0.03, 0.05), (0.07, 0.1)])
async def test_what_is_inside_takes_a_whole_number_of_steps(work: float, whole: float) -> None:
    started = time.monotonic()
    async with evenly(0.05):
        await asyncio.sleep(work)
    assert whole - 0.001 <= time.monotonic() - started  # later is the machine's doing, sooner would be ours


async def test_what_raises_takes_them_too() -> None:
    started = time.monotonic()
    with pytest.raises(KeyError):
        async with evenly(0.05):
            raise KeyError
    assert time.monotonic() - started >= 0.049
