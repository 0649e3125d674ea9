"""The event loop of a sender: an error of a callback that means exhaustion is told in a sentence."""

from __future__ import annotations

import asyncio
import logging

import pytest

from campaigns.runtime.sender import run_loop


async def _failing(error: Exception) -> None:
    def fail() -> None:
        raise error

    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_memory_that_runs_out_in_a_callback_is_told_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        run_loop(_failing(MemoryError()))
    assert "no memory left" in caplog.text
    assert "Traceback" not in caplog.text


def test_any_other_error_of_a_callback_keeps_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        run_loop(_failing(ValueError("a fault of the program")))
    assert "Traceback" in caplog.text
