"""The clock jumps a day ahead or an hour back while letters leave (E19).

Expected, in one sentence: what the house's clock does not believe changes nothing; and also a sender that is given the
jump itself loses nobody, sends nobody anything twice, keeps to its limits, and tokens stay what they are.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from campaigns.lifecycle import launch, records
from campaigns.lifecycle.states import CampaignState
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.clock import SteadyClock
from mailer.outcome import Replied, Result
from mailer.storage import Database
from mailer.transport.base import OutgoingMessage
from mailer.transport.memory import MemoryTransport
from tests.support.campaigning import campaign_setup
from tests.support.sending import Sending, deps, send, sendable, utc_now
from tests.support.sending_db import counts, person
from tests.support.slow import Slow
from tests.support.waiting import until, wait_until

JUMPS = [timedelta(days=1), -timedelta(hours=1)]
PEOPLE = 200


class Wall:
    """A machine's clock that somebody sets."""

    def __init__(self) -> None:
        self.wrong = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.wrong


def dates(letters: list[OutgoingMessage]) -> list[datetime]:
    found = [re.search(rb"^Date: (.*?)\r$", letter.content, re.MULTILINE) for letter in letters]
    return [parsedate_to_datetime(match[1].decode()) for match in found if match]


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_while_letters_leave_puts_no_wrong_date_into_any(
    lite: Database, tmp_path: Path, jump: timedelta
) -> None:
    """Expected: all get it once; every Date is the time of sending, give or take a minute."""
    mailing, transport, wall = sendable(lite, PEOPLE), Slow(300), Wall()
    sending = Sending(deps(lite, tmp_path, transport, clock=SteadyClock(wall)), only=mailing)
    await until(lambda: len(transport.letters) > 20)
    wall.wrong = jump
    assert (await sending.ended()).kind == "done"
    assert len(dates(transport.letters)) == PEOPLE
    assert max(abs(date - datetime.now(UTC)) for date in dates(transport.letters)) < timedelta(minutes=1)
    assert counts(lite, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_sender_that_is_given_the_jump_itself_loses_nobody(
    db: Database, tmp_path: Path, jump: timedelta
) -> None:
    """Expected: all get it once, nobody in doubt, whatever the clock says."""
    mailing, transport, wall = sendable(db, PEOPLE), Slow(300), Wall()
    sending = Sending(deps(db, tmp_path, transport, clock=wall), only=mailing)
    await until(lambda: len(transport.letters) > 20)
    wall.wrong = jump
    assert (await sending.ended()).kind == "done"
    assert len({letter.recipient for letter in transport.letters}) == len(transport.letters) == PEOPLE
    assert counts(db, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}


async def test_a_clock_that_is_set_again_and_again_costs_nobody_and_no_letter_leaves_twice(
    db: Database, tmp_path: Path
) -> None:
    """Expected: a leap second, an hour and a day, forward and back, each believed at once: who was asked to wait half
    an hour is asked again when the clock says so, at most once for each time that it was put forward; all get it once.
    """
    steps = [timedelta(**{unit: sign * 1}) for unit in ("seconds", "hours", "days") for sign in (1, -1)]
    asked: Counter[str] = Counter()
    wall = Wall()

    def greylist(parcel: OutgoingMessage) -> Result | None:
        asked[parcel.recipient] += 1
        wall.wrong = steps[sum(asked.values()) // 30 % len(steps)]
        first_time = asked[parcel.recipient] == 1
        return Replied("rcpt", 450, "4.2.0 greylisted") if first_time and len(asked) % 10 == 0 else None

    mailing, transport = sendable(db, PEOPLE), MemoryTransport(greylist)
    given = deps(db, tmp_path, transport, clock=wall)
    await send(given, only=mailing)
    wall.wrong = timedelta(days=2)  # in the end it is later for everybody
    await send(given, only=mailing)
    assert counts(db, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}
    assert {recipient: number for recipient, number in asked.items() if number > 2} == {}
    assert sum(asked.values()) == PEOPLE + PEOPLE // 10


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("limit", ["rate", "domain_rate"])
async def test_a_jump_neither_bursts_through_a_limit_nor_blocks_behind_it(
    lite: Database, tmp_path: Path, jump: timedelta, limit: str
) -> None:
    """Expected: at 1,200 a minute about 20 a second go on leaving: no burst (+1 day), no hour of silence (−1 h)."""
    people = [person(number, "big.example") for number in range(1, 1001)]
    mailing, transport, wall = sendable(lite, people), MemoryTransport(), Wall()
    sending = Sending(deps(lite, tmp_path, transport, clock=wall, **{limit: 1200}), only=mailing)
    await until(lambda: len(transport.letters) > 25)
    before, begun, wall.wrong = len(transport.letters), time.monotonic(), jump
    await until(lambda: len(transport.letters) - before >= 36)
    left, seconds = len(transport.letters) - before, time.monotonic() - begun
    assert left <= seconds * 20 + 24, "no more than the limit gives in the time that it really took"
    await sending.end()
    assert counts(lite, mailing) == {"recipients": 1000, "accepted": len(transport.letters), "waiting": 1000 - len(transport.letters)}  # fmt: skip  # noqa: E501


async def test_a_retry_is_neither_forgotten_nor_sent_at_once_by_a_jump_that_is_not_believed(
    lite: Database, tmp_path: Path
) -> None:
    """Expected: half an hour stays half an hour; a jump of a day does not make it due, one of an hour back not late."""
    seen: list[OutgoingMessage] = []

    def greylist(parcel: OutgoingMessage) -> Result | None:
        seen.append(parcel)
        return Replied("rcpt", 450, "4.2.0 greylisted") if len(seen) == 1 else None

    mailing, wall, ran = sendable(lite, 1), Wall(), [0.0]
    clock = SteadyClock(lambda: wall() + timedelta(seconds=ran[0]), lambda: ran[0])
    given = deps(lite, tmp_path, MemoryTransport(greylist), clock=clock)
    for jump in (timedelta(), *JUMPS):
        wall.wrong = jump
        await send(given, only=mailing)
        assert len(seen) == 1
    wall.wrong = timedelta()
    ran[0] += 40 * 60
    await send(given, only=mailing)
    assert len(seen) == 2
    assert counts(lite, mailing) == {"recipients": 1, "accepted": 1}


def test_a_campaign_of_tomorrow_does_not_leave_today_because_of_a_jump(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Expected: neither launched nor held as missed, while the clock that jumped is not believed."""
    setup, ran = campaign_setup(sqlite_database, tmp_path), [0.0]
    begin, wrong = setup.clock(), [timedelta()]
    clock = SteadyClock(lambda: begin + wrong[0] + timedelta(seconds=ran[0]), lambda: ran[0])
    early, late = begin + timedelta(hours=2), begin + timedelta(hours=23, minutes=30)
    for slug, hour in (("vandaag", early), ("morgen", late)):
        launch.schedule(setup.config, from_folder(setup.write(slug)), clock(), f"{hour:%Y-%m-%d %H:%M}Z")
    wrong[0] = timedelta(days=1)
    for _ in range(50):
        ran[0] += 1
        assert launch.launch_due(setup.config, clock()) == []
    wrong[0] = timedelta()
    ran[0] += 1
    assert launch.launch_due(setup.config, clock()) == []
    with setup.db.read() as conn:
        assert {item.state for item in records.all_campaigns(conn)} == {CampaignState.SCHEDULED}
    ran[0] = timedelta(hours=2).total_seconds()
    assert [item.slug for item in launch.launch_due(setup.config, clock())] == ["vandaag"]


def test_a_dead_sender_is_found_whatever_the_clock_says(db: Database, tmp_path: Path) -> None:
    """Expected: locks, not times, say who lives: no clock makes a living sender look dead, or a dead one alive."""
    mailing = sendable(db, 3)
    living = outbox.register(db, tmp_path, "living", utc_now())
    with living.write() as conn:
        outbox.claim(conn, living.id, {mailing: 2}, utc_now())
    for jump in JUMPS:
        assert outbox.sweep(db, utc_now() + jump) == 0
    living.abandon()
    swept: list[int] = []  # PostgreSQL notices the closed connection a moment later
    wait_until(lambda: swept.append(outbox.sweep(db, utc_now() - timedelta(hours=1))) or swept[-1])
    assert swept[-1] == 2
