"""A whole worker and a relay that is broken in a way of its own (E13): everybody gets one letter, and soon."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailer import suppression
from mailer.storage import Database
from tests.support.sending import Sending, agree, relay_deps, send, sendable
from tests.support.sending_db import counts, hash_of
from tests.support.smtpd import Server, smtp_server
from tests.support.smtpd_script import Rule
from tests.support.waiting import until


async def all_get_one(lite: Database, tmp_path: Path, server: Server, people: int) -> None:
    """A whole worker is done within half a minute, and everybody has one letter."""
    mailing = sendable(lite, people)
    async with asyncio.timeout(30):
        ending = await send(relay_deps(lite, tmp_path, server), only=mailing)
    assert ending.kind == "done"
    agree(lite, mailing, server)
    assert counts(lite, mailing) == {"recipients": people, "accepted": people}


@pytest.mark.parametrize("broken", [{"one_command_a_read": True}, {"loses": "dot"}], ids=["each reply", "the dot"])
async def test_a_relay_with_broken_pipelining_gets_120_letters_within_seconds_and_none_twice(
    lite: Database, tmp_path: Path, broken: dict[str, Any]
) -> None:
    """Expected: noticed before the first letter is late; then each command waits, all are accepted, none twice."""
    async with smtp_server(**broken) as server:
        await all_get_one(lite, tmp_path, server, 120)


async def test_a_relay_that_takes_longer_than_a_second_for_each_envelope_still_gets_everything(
    lite: Database, tmp_path: Path
) -> None:
    """Expected: whether each is still wanted is asked again meanwhile, so that the letters may wait; nothing twice."""
    async with smtp_server(Rule("rcpt", "delay", seconds=1.2)) as server:
        await all_get_one(lite, tmp_path, server, 20)


async def test_who_opts_out_while_a_slow_relay_answers_gets_no_content(lite: Database, tmp_path: Path) -> None:
    """Expected: the envelope had left, the content does not; the row is skipped like any other of theirs."""
    async with smtp_server(Rule("rcpt", "delay", seconds=2)) as server:
        mailing = sendable(lite, 3)
        sending = Sending(relay_deps(lite, tmp_path, server), only=mailing)
        await until(lambda: server.seen["mail"] >= 3)
        with lite.write() as conn:
            suppression.suppress(conn, hash_of(2), "news", "opt_out", datetime.now(UTC))
        assert (await sending.ended(30)).kind == "done"
    assert sorted(counts(lite, mailing).items()) == [("accepted", 2), ("recipients", 3), ("skipped", 1)]
    assert len(server.accepted) == 2
