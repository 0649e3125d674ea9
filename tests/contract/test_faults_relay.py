"""A whole worker and a relay that is broken in a way of its own (E13): everybody gets one letter, and soon."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mailer.storage import Database
from tests.contract.test_worker_smtp import agree, given
from tests.support.house_db import counts, lite
from tests.support.sending import send, sendable
from tests.support.smtpd import smtp_server

__all__ = ["lite"]


@pytest.mark.parametrize("broken", [{"one_command_a_read": True}, {"loses": "dot"}], ids=["each reply", "the dot"])
async def test_a_relay_with_broken_pipelining_gets_120_letters_within_seconds_and_none_twice(
    lite: Database, tmp_path: Path, broken: dict[str, Any]
) -> None:
    """Expected: noticed before the first letter is late; then each command waits, all are accepted, none twice."""
    async with smtp_server(**broken) as server:
        mailing = sendable(lite, 120)
        async with asyncio.timeout(30):
            ending = await send(given(lite, tmp_path, server), only=mailing)
        assert ending.kind == "done"
        agree(lite, mailing, server)
    assert counts(lite, mailing) == {"recipients": 120, "accepted": 120}
