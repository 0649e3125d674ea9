"""A worker and a relay that takes nothing for a while: what ``status`` says, when it ends, and that it goes on."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from mailer import outbox
from mailer.outbox.why import Why
from mailer.outcome import RelayEvent, Replied, Result
from mailer.outcome.results import EventKind
from mailer.settings import Relay
from mailer.storage import Database
from mailer.transport.base import OutgoingMessage
from mailer.transport.memory import MemoryTransport
from mailer.transport.smtp import SmtpTransport
from tests.support.feeds import ListFeed, carry, parcel
from tests.support.sending import AheadClock, Sending, deps, relay_deps, sendable
from tests.support.sending_db import counts
from tests.support.smtpd import Rule, smtp_server
from tests.support.waiting import until

WAIT = "4.7.0 come back tomorrow"


def why(db: Database, mailing: int, clock: AheadClock) -> list[Why]:
    with db.read() as conn:
        return outbox.why_nothing(conn, mailing, clock())


@pytest.mark.parametrize(("people", "stage"), [(5, "greeting"), (5, "auth"), (5, "mail"), (1, "greeting")])
async def test_a_relay_that_asks_us_to_wait_is_told_in_its_own_words_and_ends_a_send_after_a_minute(
    lite: Database, tmp_path: Path, people: int, stage: str
) -> None:
    mailing, clock, transport = sendable(lite, people), AheadClock(), MemoryTransport()
    transport.trouble = RelayEvent("slow_down", stage, 454, WAIT)
    sending = Sending(deps(lite, tmp_path, transport, clock=clock), only=mailing)
    await until(lambda: [(one.key, one.words) for one in why(lite, mailing, clock)] == [("relay_away", f"454 {WAIT}")])
    assert not sending.task.done()
    clock.ahead = timedelta(seconds=61)
    ending = await sending.ended()
    assert (ending.kind, ending.words) == ("relay_away", f"454 {WAIT}")
    assert counts(lite, mailing) == {"recipients": people, "waiting": people}


async def test_a_relay_that_puts_every_mail_off_ends_a_send_after_a_minute_too(lite: Database, tmp_path: Path) -> None:
    mailing, clock = sendable(lite, 5), AheadClock()
    transport = MemoryTransport(lambda _parcel: Replied("mail", 451, "4.3.0 not this moment"))
    sending = Sending(deps(lite, tmp_path, transport, clock=clock), only=mailing)
    await until(lambda: "relay_away" in [one.key for one in why(lite, mailing, clock)])
    clock.ahead = timedelta(seconds=61)
    ending = await sending.ended()
    assert (ending.kind, ending.words) == ("relay_away", "451 4.3.0 not this moment")
    assert counts(lite, mailing) == {"recipients": 5, "waiting": 5}


async def test_a_relay_that_puts_some_mail_off_and_takes_the_rest_is_not_away(lite: Database, tmp_path: Path) -> None:
    asked: list[str] = []

    def script(letter: OutgoingMessage) -> Result | None:
        asked.append(letter.recipient)
        return Replied("mail", 451, "4.7.1 not this moment") if len(asked) % 9 == 5 else None

    mailing = sendable(lite, 60)
    sending = Sending(deps(lite, tmp_path, MemoryTransport(script)), only=mailing)
    assert (await sending.ended(60)).kind == "done"
    assert not any(turn.relay_away_since for turn in sending.turns)
    assert counts(lite, mailing) == {"recipients": 60, "accepted": 60}


async def test_a_relay_that_has_not_greeted_us_yet_is_told_and_waited_for(lite: Database, tmp_path: Path) -> None:
    mailing, clock, transport = sendable(lite, 5), AheadClock(), MemoryTransport()
    transport.trouble = RelayEvent("silent", "greeting", 0, "no greeting within 7 seconds")
    sending = Sending(deps(lite, tmp_path, transport, clock=clock), only=mailing)
    await until(lambda: [one.key for one in why(lite, mailing, clock)] == ["relay_away"])
    clock.ahead = timedelta(minutes=4)
    seen = len(sending.turns)
    await until(lambda: len(sending.turns) > seen + 3)
    assert not sending.task.done()
    transport.trouble = RelayEvent("away", "greeting", 0, "no greeting within 300 seconds")
    assert (await sending.ended()).kind == "relay_away"


@pytest.mark.parametrize("kind", ["slow_down", "silent"])
async def test_a_relay_that_takes_mail_again_gets_the_rest_and_no_trouble_is_told_any_more(
    lite: Database, tmp_path: Path, kind: EventKind
) -> None:
    mailing, transport = sendable(lite, 5), MemoryTransport()
    transport.trouble = RelayEvent(kind, "greeting", 0, "wait")
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: any(turn.relay_away_since for turn in sending.turns))
    transport.trouble = None
    assert (await sending.ended()).kind == "done"
    assert sending.turns[-1].relay_away_since is None
    assert counts(lite, mailing) == {"recipients": 5, "accepted": 5}


async def test_a_421_about_one_recipient_is_no_trouble_of_the_relay(lite: Database, tmp_path: Path) -> None:
    async with smtp_server(Rule("rcpt", text="421 4.7.0 not this one", recipient="reader1@")) as server:
        mailing = sendable(lite, 1)
        sending = Sending(relay_deps(lite, tmp_path, server), only=mailing)
        assert (await sending.ended()).kind == "done"
        assert not any(turn.relay_away_since for turn in sending.turns)


async def test_a_statement_in_answer_to_mail_is_reported_as_said_and_not_as_broken_pipelining(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with smtp_server(Rule("mail", text="502 5.7.0 SMTP account is not yet activated")) as server:
        feed = ListFeed((parcel(number) for number in range(6)), again=True)
        relay = SmtpTransport(Relay(port=server.port, tls="none", connections=2), "sender.example")
        await carry(relay, feed)
    said = Replied("mail", 502, "5.7.0 SMTP account is not yet activated")
    assert [feed.last(number) for number in range(6)] == [said] * 6
    assert (feed.kinds, caplog.records) == ([], [])


async def test_serve_logs_trouble_with_the_relay_once_and_that_it_is_over(
    lite: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from campaigns.runtime.sender import teller

    caplog.set_level(logging.WARNING)
    mailing, transport = sendable(lite, 5), MemoryTransport()
    transport.trouble = RelayEvent("slow_down", "greeting", 421, f"{WAIT}.")
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    tell, told = teller("relay.example:25"), 0
    while not sending.task.done():
        for turn in sending.turns[told:]:
            tell(turn)
        told = len(sending.turns)
        transport.trouble = transport.trouble if told < 6 else None
        await asyncio.sleep(0.02)
    tell(sending.turns[-1])
    assert [record.getMessage() for record in caplog.records] == [
        f"The mail server relay.example:25 takes no mail now, it says: 421 {WAIT}.",
        "The mail server relay.example:25 takes mail again.",
    ]
