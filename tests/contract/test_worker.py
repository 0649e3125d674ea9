"""A whole worker on the shipped fake: what it sends, to whom, when, and what it writes down."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailer import outbox, suppression
from mailer.outcome import RelayEvent, Replied, Result, Unknown
from mailer.storage import Database
from mailer.transport.base import OutgoingMessage
from mailer.transport.memory import MemoryTransport
from tests.support.sending import WINDOW, AheadClock, People, Sending, deps, send, sendable, utc_now
from tests.support.sending_db import counts, hash_of, person, states
from tests.support.slow import Slow
from tests.support.waiting import until


def identity(parcel: OutgoingMessage) -> tuple[object, ...]:
    """Return the parts that must be the same at each attempt (I5)."""
    headers = re.findall(rb"^(?:Date|Message-ID|List-Unsubscribe): .*$", parcel.content, re.MULTILINE)
    return (parcel.sender, parcel.recipient, *headers)


def reasons(db: Database, mailing: int, now: datetime) -> list[str]:
    """Why nothing leaves, as keys."""
    with db.read() as conn:
        return [why.key for why in outbox.why_nothing(conn, mailing, now)]


def handed_back(db: Database, mailing: int) -> int:
    """How often the first row was claimed."""
    with db.read() as conn:
        return next(outbox.deliveries(conn, mailing)).attempt


async def test_everybody_gets_one_letter_and_the_worker_ends(db: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(db, 100), MemoryTransport()
    ending = await send(deps(db, tmp_path, transport), only=mailing)
    assert ending.kind == "done"
    assert sorted(parcel.recipient for parcel in transport.letters) == sorted(person(n + 1).address for n in range(100))
    assert counts(db, mailing) == {"recipients": 100, "accepted": 100}
    with db.read() as conn:
        assert outbox.running(conn) == []


async def test_the_envelope_sender_names_the_delivery_and_the_message_id_our_domain(
    lite: Database, tmp_path: Path
) -> None:
    from mailer.return_path import parse
    from tests.support.sending import RING

    mailing, transport = sendable(lite, 1), MemoryTransport()
    await send(deps(lite, tmp_path, transport), only=mailing)
    (parcel,) = transport.letters
    token = parse(parcel.sender, RING)
    assert (token.mailing, token.recipient) == (mailing, 1)
    assert re.search(rb"^Message-ID: <[A-Za-z0-9_-]{36}@vng\.nl>\r$", parcel.content, re.MULTILINE)
    assert b"To: Reader 1 <reader1@example.org>\r\n" in parcel.content


async def test_without_a_return_path_the_from_address_takes_the_bounces(lite: Database, tmp_path: Path) -> None:
    from tests.support.sending import RING

    plain = outbox.Identity("https://example.org", "", RING.current.id)
    mailing, transport = sendable(lite, 1, identity=plain), MemoryTransport()
    await send(deps(lite, tmp_path, transport), only=mailing)
    assert transport.letters[0].sender == "info@vng.nl"


async def test_each_attempt_is_the_same_letter(db: Database, tmp_path: Path) -> None:
    seen: list[OutgoingMessage] = []

    def greylist(parcel: OutgoingMessage) -> Result | None:
        seen.append(parcel)
        return Replied("rcpt", 450, "4.2.0 greylisted") if len(seen) <= 2 else None

    mailing, transport, clock = sendable(db, 1), MemoryTransport(greylist), AheadClock()
    given = deps(db, tmp_path, transport, clock=clock)
    for _ in range(3):
        assert (await send(given, only=mailing)).kind == "done"
        clock.ahead += timedelta(hours=2)
    assert len({identity(parcel) for parcel in seen}) == 1
    assert len(seen) == 3
    assert counts(db, mailing) == {"recipients": 1, "accepted": 1}


async def test_a_temporary_refusal_is_tried_again_at_its_time_and_given_up_in_the_end(
    lite: Database, tmp_path: Path
) -> None:
    mailing, clock = sendable(lite, 1), AheadClock()
    transport = MemoryTransport(lambda _parcel: Replied("rcpt", 451, "4.3.0 try later"))
    given = deps(lite, tmp_path, transport, clock=clock)
    tried = []
    for _ in range(400):
        await send(given, only=mailing)
        with lite.read() as conn:
            (row,) = outbox.deliveries(conn, mailing)
        if row.state != "retry":
            break
        assert row.retry_at
        tried.append(row.retry_at - clock())
        clock.ahead += row.retry_at - clock() + timedelta(seconds=1)
    assert row.state == "refused"
    assert clock.ahead < timedelta(days=4)
    assert timedelta(minutes=29) < tried[0] < timedelta(minutes=37)
    assert timedelta(hours=11) < tried[-1] < timedelta(hours=15)


async def test_who_was_erased_after_the_claim_is_skipped(db: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(db, 4), MemoryTransport()
    await send(deps(db, tmp_path, transport, people=People(gone={2, 3})), only=mailing)
    assert states(db, mailing) == {1: "accepted", 2: "skipped", 3: "skipped", 4: "accepted"}
    assert counts(db, mailing) == {"recipients": 4, "accepted": 2, "skipped": 2}


async def test_a_dead_address_is_refused_and_suppressed(db: Database, tmp_path: Path) -> None:
    mailing = sendable(db, 3)
    transport = MemoryTransport(
        lambda parcel: Replied("rcpt", 550, "5.1.1 no such user") if "reader2@" in parcel.recipient else None
    )
    await send(deps(db, tmp_path, transport), only=mailing)
    assert counts(db, mailing) == {"recipients": 3, "accepted": 2, "refused": 1}
    with db.read() as conn:
        assert suppression.why(conn, hash_of(2), "news", utc_now()) == "undeliverable"
        assert suppression.why(conn, hash_of(1), "news", utc_now()) is None


async def test_an_outage_at_a_provider_suppresses_nobody(lite: Database, tmp_path: Path) -> None:
    mailing = sendable(lite, [person(n, "provider.example") for n in range(1, 61)])
    transport = MemoryTransport(lambda _parcel: Replied("rcpt", 550, "5.1.1 no such user"))
    await send(deps(lite, tmp_path, transport), only=mailing)
    with lite.read() as conn:
        suppressed = [n for n in range(1, 61) if suppression.why(conn, hash_of(n), "news", utc_now())]
    assert counts(lite, mailing) == {"recipients": 60, "refused": 60}
    assert suppressed == []


async def test_a_problem_of_the_sender_holds_the_campaign_and_nobody_is_lost(db: Database, tmp_path: Path) -> None:
    mailing = sendable(db, 30)
    answer = Replied("dot", 550, "5.7.26 This mail is unauthenticated: SPF and DKIM both did not pass")
    ending = await send(deps(db, tmp_path, MemoryTransport(lambda _parcel: answer)), only=mailing)
    assert ending.kind == "held"
    with db.read() as conn:
        assert outbox.get(conn, mailing).state == "held"
        assert all(suppression.why(conn, hash_of(n), "news", utc_now()) is None for n in range(1, 31))
    assert counts(db, mailing) == {"recipients": 30, "waiting": 30}


async def test_a_relay_that_refuses_us_holds_every_campaign(lite: Database, tmp_path: Path) -> None:
    mine, other = sendable(lite, 5), sendable(lite, 5, key="campaign:2")
    transport = MemoryTransport()
    transport.trouble = RelayEvent("refused", "auth", 535, "5.7.8 authentication failed")
    ending = await send(deps(lite, tmp_path, transport), only=mine)
    assert (ending.kind, ending.words) == ("held", "relay_auth")
    with lite.read() as conn:
        assert [outbox.get(conn, n).reason for n in (mine, other)] == ["relay_auth", "relay_auth"]


async def test_a_relay_that_stays_away_for_a_minute_ends_the_send(lite: Database, tmp_path: Path) -> None:
    mailing, clock, transport = sendable(lite, 5), AheadClock(), MemoryTransport()
    transport.trouble = RelayEvent("away", "connect", 0, "connection refused")
    sending = Sending(deps(lite, tmp_path, transport, clock=clock), only=mailing)
    await until(lambda: reasons(lite, mailing, clock()) == ["relay_away"])
    assert not sending.task.done()
    clock.ahead = timedelta(seconds=61)
    assert (await sending.ended()).kind == "relay_away"
    assert counts(lite, mailing) == {"recipients": 5, "waiting": 5}


async def test_a_relay_that_comes_back_gets_the_rest(lite: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(lite, 5), MemoryTransport()
    transport.trouble = RelayEvent("away", "connect", 0, "connection refused")
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: any(turn.relay_away_since for turn in sending.turns))
    transport.trouble = None
    assert (await sending.ended()).kind == "done"
    assert counts(lite, mailing) == {"recipients": 5, "accepted": 5}


@pytest.mark.parametrize("stop", ["hold", "cancel"])
async def test_after_a_pause_or_a_cancel_no_more_leaves_than_was_claimed(
    db: Database, tmp_path: Path, stop: str
) -> None:
    mailing, transport = sendable(db, 1000), Slow(100)
    sending = Sending(deps(db, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) > 10)
    with db.write() as conn:
        (outbox.hold if stop == "hold" else outbox.cancel)(
            conn, mailing, *(["paused"] if stop == "hold" else []), utc_now()
        )
    before = len(transport.letters)
    ending = await sending.ended()
    assert len(transport.letters) - before <= WINDOW
    assert ending.kind == ("held" if stop == "hold" else "done")
    sent = len(transport.letters)
    left = "waiting" if stop == "hold" else "skipped"
    assert counts(db, mailing) == {"recipients": 1000, "accepted": sent, left: 1000 - sent}


async def test_an_opt_out_counts_within_a_second_also_behind_a_slow_relay(lite: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(lite, 60), Slow(10)
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) > 3)
    with lite.write() as conn:
        for number in range(1, 61):
            suppression.suppress(conn, hash_of(number), "news", "opt_out", utc_now())
    before = len(transport.letters)
    assert (await sending.ended()).kind == "done"
    assert len(transport.letters) - before <= 10, "the number of a second, of all that were claimed"
    assert counts(lite, mailing) == {
        "recipients": 60, "accepted": len(transport.letters), "skipped": 60 - len(transport.letters),
    }  # fmt: skip


async def test_nothing_waits_for_long_between_claim_and_socket(lite: Database, tmp_path: Path) -> None:
    """A transport that takes nothing: what was claimed goes back within a second or so."""

    class Deaf(MemoryTransport):
        async def run(self, feed, stop: asyncio.Event) -> None:
            await stop.wait()

    mailing, transport = sendable(lite, 8), Deaf()
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: handed_back(lite, mailing) > 1)
    await sending.end()
    assert counts(lite, mailing) == {"recipients": 8, "waiting": 8}


async def test_told_to_stop_it_finishes_what_it_began_and_hands_back_the_rest(db: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(db, 500), Slow(100)
    sending = Sending(deps(db, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) > 20)
    assert (await sending.end()).kind == "stopped"
    sent = len(transport.letters)
    assert counts(db, mailing) == {"recipients": 500, "accepted": sent, "waiting": 500 - sent}
    assert outbox.sweep(db, utc_now()) == 0


async def test_a_letter_in_doubt_is_listed_and_not_sent_again(db: Database, tmp_path: Path) -> None:
    mailing = sendable(db, 3)
    transport = MemoryTransport(lambda parcel: Unknown("cut after the dot") if "reader2@" in parcel.recipient else None)
    assert (await send(deps(db, tmp_path, transport), only=mailing)).kind == "done"
    with db.read() as conn:
        assert [doubt.address for doubt in outbox.doubts(conn, mailing)] == ["reader2@example.org"]
    assert counts(db, mailing) == {"recipients": 3, "accepted": 2, "in_doubt": 1}


async def test_under_send_again_a_letter_in_doubt_goes_out_once_more_the_same(db: Database, tmp_path: Path) -> None:
    seen: list[OutgoingMessage] = []

    def once(parcel: OutgoingMessage) -> Result | None:
        seen.append(parcel)
        return Unknown("cut after the dot") if len(seen) == 1 else None

    mailing = sendable(db, 1, in_doubt="send_again")
    await send(deps(db, tmp_path, MemoryTransport(once)), only=mailing)
    assert len(seen) == 2
    assert identity(seen[0]) == identity(seen[1])
    assert counts(db, mailing) == {"recipients": 1, "accepted": 1}


@pytest.mark.parametrize("what", ["values", "letter"])
async def test_a_letter_that_cannot_be_made_holds_its_mailing_and_no_other(
    lite: Database, tmp_path: Path, what: str
) -> None:
    good = sendable(lite, 3)
    bad = sendable(lite, 3, key="campaign:2")
    people = People()
    if what == "letter":
        from sqlalchemy import update

        from mailer.outbox.tables import MAILING

        with lite.write() as conn:
            conn.execute(update(MAILING).where(MAILING.c.id == bad).values(snapshot="f" * 64))
    else:
        plain = people.fill
        people.fill = lambda conn, mailing, who: plain(conn, mailing, who) if mailing.id == good else 1 / 0  # type: ignore
    transport = MemoryTransport()
    assert (await send(deps(lite, tmp_path, transport, people=people))).kind == "done"
    assert counts(lite, good) == {"recipients": 3, "accepted": 3}
    assert counts(lite, bad) == {"recipients": 3, "waiting": 3}
    with lite.read() as conn:
        assert outbox.get(conn, bad).state == "held"


async def test_a_refused_policy_suppresses_nobody(lite: Database, tmp_path: Path) -> None:
    mailing = sendable(lite, 2)
    transport = MemoryTransport(lambda _parcel: Replied("rcpt", 554, "5.7.1 blocked by our policy"))
    await send(deps(lite, tmp_path, transport), only=mailing)
    with lite.read() as conn:
        assert suppression.why(conn, hash_of(1), "news", utc_now()) is None


@pytest.mark.slow
async def test_two_senders_share_a_mailing_and_nobody_gets_it_twice(db: Database, tmp_path: Path) -> None:
    mailing = sendable(db, 1500)
    one, two = MemoryTransport(), MemoryTransport()
    endings = await asyncio.gather(
        send(deps(db, tmp_path, one), only=mailing), send(deps(db, tmp_path, two), only=mailing)
    )
    assert [ending.kind for ending in endings] == ["done", "done"]
    got = [parcel.recipient for parcel in one.letters + two.letters]
    assert len(got) == len(set(got)) == 1500
    assert counts(db, mailing) == {"recipients": 1500, "accepted": 1500}


async def test_a_worker_takes_over_what_a_dead_one_left(db: Database, tmp_path: Path) -> None:
    mailing = sendable(db, 10)
    dead = outbox.register(db, tmp_path, "dead", utc_now())
    with dead.write() as conn:
        outbox.claim(conn, dead.id, {mailing: 4}, utc_now())
    dead.abandon()
    await send(deps(db, tmp_path, MemoryTransport()), only=mailing)
    assert counts(db, mailing) == {"recipients": 10, "accepted": 6, "in_doubt": 4}


async def test_an_audience_that_is_still_being_frozen_is_waited_for(lite: Database, tmp_path: Path) -> None:
    mailing = sendable(lite, 5)
    from sqlalchemy import update

    from mailer.outbox.tables import MAILING

    with lite.write() as conn:
        conn.execute(update(MAILING).values(audience_complete=False))
    transport = MemoryTransport()
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) == 5)
    with lite.write() as conn:
        outbox.enqueue(conn, mailing, [person(6)], 6, utc_now())
        outbox.audience_complete(conn, mailing)
    assert (await sending.ended()).kind == "done"
    assert len(transport.letters) == 6


async def test_an_address_that_cannot_stand_in_a_header_is_refused_alone(lite: Database, tmp_path: Path) -> None:
    odd = outbox.Recipient(2, "x\r\nBcc: y@example.org", hash_of(2), "example.org")
    mailing, transport = sendable(lite, [person(1), odd, person(3)]), MemoryTransport()
    await send(deps(lite, tmp_path, transport), only=mailing)
    assert states(lite, mailing) == {1: "accepted", 2: "refused", 3: "accepted"}


async def test_a_mailing_whose_key_is_gone_is_held(lite: Database, tmp_path: Path) -> None:
    from tests.support.sending import RING

    strange = outbox.Identity("https://example.org", "", (RING.current.id + 1) % 256)
    mailing = sendable(lite, 1, identity=strange)
    ending = await send(deps(lite, tmp_path, MemoryTransport()), only=mailing)
    assert ending.kind == "held"
    assert "POSTILJON_SECRET_KEYS" in ending.words
