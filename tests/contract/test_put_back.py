"""A letter that came too fast waits, costs no try, and ends in time (A3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from mailer import outbox
from mailer.outbox import CounterDelta, Settlement
from mailer.outcome import Replied
from mailer.storage import Database
from mailer.transport.memory import MemoryTransport
from tests.support.sending import Sending, deps, send, sendable
from tests.support.sending_db import NOW, counts, fill, later, person, states
from tests.support.waiting import until

SLOW = Replied("rcpt", 450, "4.7.1 rate limited, slow down")


@contextmanager
def put_back(db: Database, folder: Path, reason: str) -> Iterator[tuple[int, outbox.Sender]]:
    """A mailing of which one row was claimed at NOW and handed back for this reason."""
    mailing = fill(db, 2)
    sender = outbox.register(db, folder, "one", NOW)
    with sender.write() as conn:
        (claim,) = outbox.claim(conn, sender.id, {mailing: 1}, NOW)
        back = Settlement(claim.delivery, mailing, claim.attempt, "waiting", reason, 450, "4.7.1 rate limited")
        assert outbox.settle(conn, sender.id, [back], NOW) == 1
    try:
        yield mailing, sender
    finally:
        sender.close(NOW)


def test_it_costs_no_try_and_says_why_it_waits(db: Database, tmp_path: Path) -> None:
    with put_back(db, tmp_path, "speed") as (mailing, sender), sender.write() as conn:
        first = min(outbox.deliveries(conn, mailing), key=lambda row: row.recipient)
        assert (first.state, first.reason, first.reply) == ("waiting", "speed", "4.7.1 rate limited")
        claims = outbox.claim(conn, sender.id, {mailing: 2}, later(seconds=1))
    assert [claim.tries for claim in claims] == [0, 0]


def test_it_is_given_up_when_its_time_is_over(db: Database, tmp_path: Path) -> None:
    with put_back(db, tmp_path, "speed") as (mailing, sender), sender.write() as conn:
        claims = outbox.claim(conn, sender.id, {mailing: 2}, later(days=3), given_up=later(days=1))
    assert [claim.recipient for claim in claims] == [2]
    assert states(db, mailing)[1] == "refused"


def test_one_that_was_handed_back_for_another_reason_is_not_given_up(db: Database, tmp_path: Path) -> None:
    with put_back(db, tmp_path, "") as (mailing, sender), sender.write() as conn:
        assert len(outbox.claim(conn, sender.id, {mailing: 2}, later(days=3), given_up=later(days=1))) == 2


@pytest.mark.parametrize(("reason", "found"), [("speed", 1), ("", 0)])
def test_it_is_given_up_also_where_nobody_may_claim_it(db: Database, tmp_path: Path, reason: str, found: int) -> None:
    with put_back(db, tmp_path, reason) as (mailing, _sender), db.write() as conn:
        delta = CounterDelta()
        assert outbox.give_up(conn, mailing, NOW - timedelta(seconds=1), later(days=3), delta) == 0
        assert outbox.give_up(conn, mailing, later(days=1), later(days=3), delta) == found
        delta.post(conn)
    assert counts(db, mailing).get("refused", 0) == found


async def test_it_comes_again_as_soon_as_there_is_room(db: Database, tmp_path: Path) -> None:
    said: set[str] = set()

    def script(parcel):
        new = parcel.recipient not in said
        said.add(parcel.recipient)
        return SLOW if new and len(said) % 4 == 0 and len(said) <= 40 else None

    mailing = sendable(db, [person(number, f"d{number % 9}.example") for number in range(1, 61)])
    transport = MemoryTransport(script)
    assert (await send(deps(db, tmp_path, transport), only=mailing)).kind == "done"
    assert counts(db, mailing) == {"recipients": 60, "accepted": 60}


async def test_a_domain_that_rests_lets_one_letter_try_and_holds_up_no_other(lite: Database, tmp_path: Path) -> None:
    asked: list[str] = []

    def script(parcel):
        if "bad.example" not in parcel.recipient:
            return None
        asked.append(parcel.recipient)
        return Replied("dot", 421, "4.7.28 unusual rate of unsolicited mail")

    people = [person(number, "bad.example" if number % 2 else f"d{number}.example") for number in range(1, 401)]
    mailing, transport = sendable(lite, people), MemoryTransport(script)
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) == 200, 20)
    with lite.read() as conn:
        (why,) = [why for why in outbox.why_nothing(conn, mailing, later(days=0)) if why.key == "rest"] or [None]
    await sending.end()
    assert len(asked) <= 16, "those that were on their way when it first said so"
    assert why is None or why.words == "bad.example"
    assert counts(lite, mailing)["waiting"] >= 184
