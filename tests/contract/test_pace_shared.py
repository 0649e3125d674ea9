"""Limits are kept in the database, so that several senders share them: two whole workers on one database."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailer.storage import Database
from tests.support.sending import Sending, deps, sendable
from tests.support.sending_db import person
from tests.support.slow import Slow
from tests.support.waiting import until

pytestmark = pytest.mark.slow
ENOUGH = 25  # more than the ten that may leave at once


async def both(db: Database, folder: Path, **settings: object) -> tuple[int, float]:
    """Return how many letters left, by two senders together, and in how many seconds at most."""
    transports, begun = (Slow(500), Slow(500)), time.monotonic()
    senders = [Sending(deps(db, folder, transport, **settings), until_done=False) for transport in transports]
    await until(lambda: sum(len(transport.times) for transport in transports) >= ENOUGH)
    for sender in senders:
        await sender.end()
    return sum(len(transport.times) for transport in transports), time.monotonic() - begun


async def test_two_senders_share_the_limit_of_the_whole(db: Database, tmp_path: Path) -> None:
    sendable(db, 400)
    number, seconds = await both(db, tmp_path, rate=600)
    assert number <= 10 + seconds * 10 + 2, "ten at once, and ten a second: not twice that"


async def test_two_senders_share_the_limit_of_a_campaign(db: Database, tmp_path: Path) -> None:
    sendable(db, 400, rate=600)
    number, seconds = await both(db, tmp_path)
    assert number <= 10 + seconds * 10 + 2


async def test_two_senders_share_the_limit_of_a_domain(db: Database, tmp_path: Path) -> None:
    sendable(db, [person(number, "one.example") for number in range(1, 400)])
    number, seconds = await both(db, tmp_path, domain_rate=600)
    assert number <= 10 + seconds * 10 + 2
