"""Relays that change their mind, and senders that come and go (E12, E15): what is expected of each."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from mailer.outcome import Replied, Result
from mailer.storage import Database
from mailer.transport.base import OutgoingMessage
from mailer.transport.memory import MemoryTransport
from tests.support.sending import AheadClock, Sending, deps, relay_deps, send, sendable, utc_now
from tests.support.sending_db import counts
from tests.support.slow import Slow
from tests.support.smtpd import smtp_server
from tests.support.smtpd_script import Rule
from tests.support.waiting import until

SOON = tuple(timedelta(seconds=0.2) for _ in range(8))


async def test_a_relay_that_says_250_and_421_by_turns_gets_everything_once(lite: Database, tmp_path: Path) -> None:
    """Expected: 421 in answer to a dot is a refusal for now; the letter comes again, everybody has one in the end."""
    async with smtp_server(Rule("dot", "reply", "421 4.3.2 try another time", every=2, times=6)) as server:
        mailing = sendable(lite, 12)
        clock = AheadClock()
        for _ in range(40):
            await send(relay_deps(lite, tmp_path, server, retry=SOON, clock=clock), only=mailing)
            if counts(lite, mailing) == {"recipients": 12, "accepted": 12}:
                break
            clock.ahead += timedelta(seconds=1)
    assert sorted(server.recipients) == sorted(f"reader{one}@example.org" for one in range(1, 13))
    assert counts(lite, mailing) == {"recipients": 12, "accepted": 12}


async def test_a_greylist_of_fifteen_minutes_costs_time_and_nobody(db: Database, tmp_path: Path) -> None:
    """Expected: 450 until fifteen minutes after the first attempt; then accepted, each with the Date of the first."""
    wrong, first, seen = timedelta(), dict[str, datetime](), dict[str, set[bytes]]()

    def clock() -> datetime:
        return utc_now() + wrong

    def script(parcel: OutgoingMessage) -> Result | None:
        since = first.setdefault(parcel.recipient, clock())
        date = next(line for line in parcel.content.split(b"\r\n") if line.startswith((b"Date:", b"Message-ID:")))
        seen.setdefault(parcel.recipient, set()).add(date)
        if clock() - since < timedelta(minutes=15):
            return Replied("rcpt", 450, "4.2.0 greylisted, come back in 900 seconds")
        return None

    mailing, transport = sendable(db, 5), MemoryTransport(script)
    for _ in range(8):
        await send(deps(db, tmp_path, transport, clock=clock), only=mailing)
        wrong += timedelta(minutes=20)
    assert counts(db, mailing) == {"recipients": 5, "accepted": 5}
    assert sorted(letter.recipient for letter in transport.letters) == sorted(seen)
    assert all(len(dates) == 1 for dates in seen.values())


async def test_a_storm_of_restarts_beside_a_second_sender_sends_each_letter_once(db: Database, tmp_path: Path) -> None:
    """Expected: ten senders, each told to end after some letters, beside one that stays: all once, nobody in doubt."""
    mailing, transports = sendable(db, 300), [Slow(150) for _ in range(11)]
    stays = Sending(deps(db, tmp_path, transports[0]), only=mailing)
    for transport in transports[1:]:
        passing = Sending(deps(db, tmp_path, transport), only=mailing)
        await until(lambda transport=transport: len(transport.letters) >= 5 or stays.task.done())  # type: ignore[misc]
        await passing.end()
    assert (await stays.ended()).kind == "done"
    got = sorted(letter.recipient for transport in transports for letter in transport.letters)
    assert got == sorted(f"reader{one}@example.org" for one in range(1, 301))
    assert counts(db, mailing) == {"recipients": 300, "accepted": 300}
