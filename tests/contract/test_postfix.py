"""The rules of a group on Postfix itself: refusals in mid-stream, nobody under another's sender, bytes unharmed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mailer.outcome import Context, Replied, decide
from mailer.settings import Relay
from mailer.transport.base import OutgoingMessage
from mailer.transport.limits import Limits, Reuse
from mailer.transport.smtp import SmtpOptions, SmtpTransport
from tests.support.feeds import LETTER as SHORT
from tests.support.feeds import ListFeed, carry
from tests.support.feeds import parcel as short_parcel
from tests.support.postfix import postfix
from tests.support.smtpd import Server, smtp_server
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.postfix]

NOW = datetime(2024, 9, 18, 7, tzinfo=UTC)
LETTER = b"Message-ID: <m@vng.example>\r\nDate: Wed, 18 Sep 2024 07:00:00 +0000\r\n" + SHORT
SETTINGS = {
    "smtpd_recipient_restrictions": (
        "check_recipient_access inline:{ { dead@example.nl = 550 5.1.1 no such user },"
        " { later@example.nl = 450 4.2.0 greylisted } }, permit_mynetworks, reject"
    ),
    "smtpd_sender_restrictions": "check_sender_access inline:{ { nobody@vng.example = 550 5.1.8 bad sender } }",
    "header_checks": "regexp:{ { /^Subject: forbidden/ REJECT 5.7.1 not that subject } }",
    "smtpd_data_restrictions": "check_sender_access inline:{ { nodata@vng.example = 554 5.7.1 no data from you } }",
    "message_size_limit": "200000",
    "smtpd_junk_command_limit": "1000",
    "smtpd_hard_error_limit": "1000",
    "smtpd_soft_error_limit": "900",
}


def parcel(number: int, content: bytes = LETTER, *, recipient: str = "", sender: str = "") -> OutgoingMessage:
    return short_parcel(number, content, recipient=recipient, sender=sender)


async def carried(
    parcels: list[OutgoingMessage], *, accepted: int, connections: int = 2, **settings: str
) -> tuple[ListFeed, Server]:
    """Through our transport, Postfix, and into the scripted server behind it."""
    async with smtp_server() as behind:
        feed = ListFeed(parcels, again=True)
        with postfix(behind.port, {**SETTINGS, **settings}) as relay:
            options = SmtpOptions(limits=Limits(reuse=Reuse(messages=10_000)))
            carrier = SmtpTransport(Relay(port=relay.port, connections=connections), "sender.example", options)
            await carrier.check()
            await carry(carrier, feed)
            await until(lambda: len(behind.accepted) >= accepted)
        return feed, behind


def numbered(server: Server) -> dict[str, tuple[str, bytes]]:
    assert len({one.recipient for one in server.accepted}) == len(server.accepted)
    return {one.recipient: (one.sender, one.content) for one in server.accepted}


async def test_what_comes_out_of_postfix_is_what_went_in_trace_headers_aside() -> None:
    bodies = [
        LETTER,
        LETTER + b"..two dots\r\n",
        LETTER.replace(b"\r\n\r\n", b"\r\n\r\nFrom me\r\n"),
        LETTER + b"x" * 990 + b"\r\n",
        LETTER + "Goedemorgen, \N{PARTY POPPER} één\r\n".encode(),
        LETTER + b"line\r\n" * 25_000,
    ]
    parcels = [parcel(number, bodies[number % len(bodies)]) for number in range(30)]
    feed, behind = await carried(parcels, accepted=30)
    assert len(feed.accepted) == 30
    there = numbered(behind)
    for one in parcels:
        sender, content = there[one.recipient]
        assert sender == one.sender
        assert content.startswith(b"Received: ")
        assert content.endswith(one.content)
        assert content.count(b"\r\n\r\n") == one.content.count(b"\r\n\r\n")


async def test_refusals_in_mid_stream_cost_the_others_nothing_and_mix_no_envelopes() -> None:
    parcels = []
    for number in range(120):
        recipient = {3: "dead@example.nl", 5: "later@example.nl"}.get(number % 8, "")
        sender = "nodata@vng.example" if number % 8 == 6 else ""
        content = LETTER.replace(b"hello", b"forbidden") if number % 8 == 7 else LETTER
        parcels.append(parcel(number, content, recipient=recipient, sender=sender))
    feed, behind = await carried(parcels, accepted=60)
    assert sorted(feed.accepted) == [number for number in range(120) if number % 8 not in (3, 5, 6, 7)]
    for number, (one, two) in {3: ("rcpt", 550), 5: ("rcpt", 450), 6: ("data", 554), 7: ("dot", 550)}.items():
        result = feed.last(number)
        assert isinstance(result, Replied)
        assert (result.stage, result.code) == (one, two)
    for recipient, (sender, content) in numbered(behind).items():
        assert sender.split("@")[0][1:] == recipient.split("@")[0][1:]
        assert content.endswith(LETTER)
    assert feed.kinds == []


@pytest.mark.parametrize("delayed", ["yes", "no"])
async def test_a_sender_that_postfix_refuses_holds_the_campaign_whichever_step_it_says_it_at(delayed: str) -> None:
    parcels = [parcel(1), parcel(2, sender="nobody@vng.example"), parcel(3)]
    feed, behind = await carried(parcels, accepted=2, connections=1, smtpd_delay_reject=delayed)
    result = feed.last(2)
    assert isinstance(result, Replied)
    assert result.stage == ("rcpt" if delayed == "yes" else "mail")
    decision = decide(result, Context(NOW, 1, NOW, (), timedelta(days=4)))
    assert (decision.hold, decision.mailbox) == ("sender_refused", "")
    assert sorted(numbered(behind)) == ["r1@example.nl", "r3@example.nl"]


async def test_a_letter_larger_than_postfix_takes_is_refused_before_it_is_sent() -> None:
    big = LETTER + b"x" * 70 + b"\r\n" + b"line\r\n" * 50_000
    feed, behind = await carried([parcel(1, big), parcel(2)], accepted=1)
    result = feed.last(1)
    assert isinstance(result, Replied)
    assert result.stage == "local"
    assert list(numbered(behind)) == ["r2@example.nl"]


async def test_postfix_that_stops_in_the_middle_loses_nobody() -> None:
    async with smtp_server() as behind:
        feed = ListFeed((parcel(number) for number in range(400)), again=True)
        with postfix(behind.port, SETTINGS) as relay:
            carrier = SmtpTransport(Relay(port=relay.port, connections=2), "sender.example")
            stop = asyncio.Event()
            running = asyncio.create_task(carrier.run(feed, stop))
            await until(lambda: len(feed.accepted) > 50)
        stop.set()
        await running
        assert feed.out == {}
        assert len(feed.unknown) <= 2
        assert len(feed.accepted) > 50
