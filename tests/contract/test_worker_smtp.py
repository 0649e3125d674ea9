"""A whole worker against a real SMTP server that misbehaves, and a database that goes away."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer.storage import Database
from tests.support.sending import Sending, agree, relay_deps, send, sendable, utc_now
from tests.support.sending_db import counts
from tests.support.smtpd import Rule, smtp_server
from tests.support.waiting import until


async def test_everybody_gets_one_letter(db: Database, tmp_path: Path) -> None:
    async with smtp_server() as server:
        mailing = sendable(db, 200)
        assert (await send(relay_deps(db, tmp_path, server), only=mailing)).kind == "done"
        agree(db, mailing, server)
    assert counts(db, mailing) == {"recipients": 200, "accepted": 200}


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        ([], {"pipelining": False}),
        ([], {"close_after": 10}),
        ([Rule("rcpt", "reply", "450 4.2.0 greylisted", every=3)], {}),
        ([Rule("mail", "reply", "421 4.3.2 closing", every=7)], {}),
        ([Rule("rcpt", "reply", "421 4.3.2 closing", every=7)], {}),
        ([Rule("data", "drop", every=9)], {}),
        ([Rule("content", "reset", every=9)], {}),
        ([Rule("dot", "reply", "451 4.3.0 later", every=5)], {}),
        ([Rule("dot", "drop", every=11)], {}),
        ([Rule("after", "drop", every=6)], {}),
        ([Rule("rcpt", "reply", "550 5.7.1 policy", every=10)], {}),
        ([Rule("rcpt", "reply", "452 4.5.3 too many recipients", nth=4)], {}),
    ],
    ids=lambda value: (
        "-".join(f"{rule.at}-{rule.do}-{rule.text[:3]}" for rule in value)
        if isinstance(value, list)
        else "-".join(value)
    ),
)
async def test_whatever_the_server_does_both_records_agree(lite: Database, tmp_path: Path, rules, options) -> None:
    async with smtp_server(*rules, **options) as server:
        mailing = sendable(lite, 60)
        await send(relay_deps(lite, tmp_path, server), only=mailing)
        agree(lite, mailing, server)
        found = counts(lite, mailing)
    assert found["accepted"] >= 40
    assert "sending" not in found
    if not rules or rules[0].at == "after":
        assert found == {"recipients": 60, "accepted": 60}


async def test_a_cut_after_the_dot_leaves_that_row_in_doubt_alone(db: Database, tmp_path: Path) -> None:
    async with smtp_server(Rule("dot", "drop", nth=5)) as server:
        mailing = sendable(db, 40)
        await send(relay_deps(db, tmp_path, server), only=mailing)
        agree(db, mailing, server)
    assert counts(db, mailing) == {"recipients": 40, "accepted": 39, "in_doubt": 1}


async def test_a_slow_answer_holds_up_no_other_row(lite: Database, tmp_path: Path) -> None:
    """One connection waits for its 250; the others go on, and the pipelined envelope behind it goes elsewhere."""
    async with smtp_server(Rule("dot", "hold", nth=3)) as server:
        mailing = sendable(lite, 120)
        sending = Sending(relay_deps(lite, tmp_path, server), only=mailing)
        await until(lambda: len(server.accepted) == 120)  # the one that waits for its 250 among them
        assert not sending.task.done()
        server.release()
        assert (await sending.ended()).kind == "done"
        agree(lite, mailing, server)
    assert counts(lite, mailing) == {"recipients": 120, "accepted": 120}


async def test_a_database_that_is_locked_for_a_while_loses_nothing(lite: Database, tmp_path: Path) -> None:
    async with smtp_server() as server:
        mailing = sendable(lite, 400)
        sending = Sending(relay_deps(lite, tmp_path, server), only=mailing)
        await until(lambda: len(server.accepted) > 20)

        def hold_the_lock() -> None:
            with lite.write() as conn:
                conn.execute(text("UPDATE mailing SET priority = priority"))
                time.sleep(1.5)

        holder = threading.Thread(target=hold_the_lock)
        holder.start()
        assert (await sending.ended()).kind == "done"
        holder.join()
        agree(lite, mailing, server)
    assert counts(lite, mailing) == {"recipients": 400, "accepted": 400}


@pytest.mark.postgres
@pytest.mark.parametrize("times", [1, 5])
async def test_a_postgresql_that_cuts_all_connections_loses_nothing(postgres, tmp_path: Path, times: int) -> None:
    """E20: also a COMMIT whose answer is lost is read back, never redone."""
    from mailer.storage import open_database
    from tests.support.tables import create_all

    name = postgres.fresh()
    database = create_all(open_database(postgres.url(name)))
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = ''"
    async with smtp_server(Rule("dot", "delay", seconds=0.002)) as server:
        mailing = sendable(database, 500)
        sending = Sending(relay_deps(database, tmp_path, server), only=mailing)
        for number in range(times):
            await until(lambda number=number: len(server.accepted) > 20 + 60 * number)
            await asyncio.to_thread(postgres.admin, cut)
        assert (await sending.ended(60)).kind == "done"
        agree(database, mailing, server)
    found = counts(database, mailing)
    database.close()
    postgres.drop(name)
    assert found["accepted"] == len(server.recipients)
    assert found["accepted"] + found.get("in_doubt", 0) == 500


async def test_a_clock_that_jumps_changes_nothing(lite: Database, tmp_path: Path) -> None:
    """E19: a day ahead, an hour back, in the middle of a campaign with limits."""
    from datetime import timedelta

    jumps = [timedelta(), timedelta(days=1), timedelta(hours=-1), timedelta(0)]

    def clock():
        return utc_now() + jumps[min(len(server.accepted) // 100, 3)]

    async with smtp_server() as server:
        mailing = sendable(lite, 400)
        assert (await send(relay_deps(lite, tmp_path, server, clock=clock, rate=60_000), only=mailing)).kind == "done"
        agree(lite, mailing, server)
    assert counts(lite, mailing) == {"recipients": 400, "accepted": 400}
