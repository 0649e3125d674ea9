"""A relay that answers before it is asked: the connection is ended, that is said, and no letter counts as accepted.

Each script runs on a real socket. Time limits are those that people have: nothing here waits for an own limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from mailer import outbox
from mailer.errors import RelayAway
from mailer.settings import Relay
from mailer.storage import Database
from mailer.transport.base import NotWritten
from mailer.transport.smtp import SmtpOptions, SmtpTransport
from tests.support.certificates import authority
from tests.support.early_replies import EHLO, PLAIN_EHLO, Hasty, Step, hasty_server
from tests.support.feeds import ListFeed, parcel
from tests.support.sending import Sending, deps, sendable
from tests.support.sending_db import counts
from tests.support.waiting import until

HELLO = b"220 hasty.example\r\n"
ENVELOPE = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go on\r\n"
TAKEN = b"250 2.0.0 Ok: queued as 1\r\n"
WORDS = "its answers do not fit what was asked"
SCRIPTS: dict[str, list[Step]] = {
    "the answer to EHLO with the greeting": [HELLO + EHLO],
    "a whole conversation with the greeting": [HELLO + EHLO + ENVELOPE + TAKEN + b"221 bye\r\n"],
    "the beginning of an answer with the greeting": [HELLO + b"25"],
    "two greetings": [HELLO + HELLO],
    "a whole conversation with the answer to EHLO": [HELLO, 1, EHLO + ENVELOPE + TAKEN],
    "the beginning of an answer with that to EHLO": [HELLO, 1, EHLO + b"2"],
    "the answer to the dot with those to the envelope": [HELLO, 1, EHLO, 3, ENVELOPE + TAKEN],
    "its beginning with those to the envelope": [HELLO, 1, EHLO, 3, ENVELOPE + b"250 2.0.0 O", 0.2, b"k\r\n"],
    "answers to two letters with those to the envelope": [HELLO, 1, EHLO, 3, (ENVELOPE + TAKEN) * 2],
    "the answer to the dot with 354": [HELLO, 1, EHLO, 3, ENVELOPE[:28], 0.1, ENVELOPE[28:] + TAKEN],
    "all answers at once, one command at a time": [HELLO, 1, PLAIN_EHLO, 1, ENVELOPE + TAKEN],
    "two answers at once, one command at a time": [HELLO, 1, PLAIN_EHLO, 1, b"250 Ok\r\n250 Ok\r\n"],
    "an answer too many before the envelope's": [HELLO, 1, EHLO, 3, b"250 early\r\n" + ENVELOPE],
    "answers in another order": [HELLO, 1, EHLO, 3, b"354 go on\r\n250 Ok\r\n250 Ok\r\n"],
    "a stream of 250": [HELLO, 1, EHLO, *([b"250 Ok\r\n", 0.01] * 300)],
    "an endless answer of many lines": [HELLO, 1, EHLO, 3, b"250-on and on\r\n" * 100_000],
    "an endless line": [HELLO, 1, EHLO, 3, b"250 " + b"x" * 10_000_000],
    "an endless answer to EHLO": [HELLO, 1, b"250-X\r\n" * 1_000_000],
    "what is no answer": [HELLO, 1, EHLO, 3, b"\x1b[2J\x00\xff\r\n"],
}


def transport(server: Hasty, **relay: object) -> SmtpTransport:
    """Over one connection."""
    made = Relay(port=server.port, **({"tls": "none", "connections": 1} | relay))  # type: ignore[arg-type]
    context = authority().client() if made.tls != "none" else None
    return SmtpTransport(made, "sender.example", SmtpOptions(context=context))


async def trouble(carrier: SmtpTransport, feed: ListFeed) -> None:
    """Run until trouble was told and each letter is back; a minute is what a person waits at most."""
    stop = asyncio.Event()
    running = asyncio.create_task(carrier.run(feed, stop))
    try:
        await until(lambda: bool(feed.kinds), seconds=30)
    finally:
        stop.set()
        await running


@pytest.mark.parametrize("name", SCRIPTS)
async def test_answers_that_fit_no_question_end_the_connection_are_told_and_accept_nothing(name: str) -> None:
    async with hasty_server(SCRIPTS[name]) as server:
        feed = ListFeed([parcel(1), parcel(2)])
        await trouble(transport(server), feed)
        event = next(event for event in feed.events if event.kind != "open")
        assert (event.kind, feed.accepted, feed.unknown, feed.out) == ("away", [], [], {})
        assert WORDS in event.text or event.text.startswith("an answer that is no SMTP")
        assert event.text.isprintable()
        assert all(isinstance(result, NotWritten) for results in feed.results.values() for result in results)
        assert server.contents == 0


def script(*steps: Step) -> Sequence[Step]:
    """After EHLO."""
    return [HELLO, 1, EHLO, *steps]


async def test_an_accepted_letter_stays_accepted_when_an_unasked_answer_comes_with_its_own() -> None:
    async with hasty_server(script(3, ENVELOPE, 6, TAKEN + b"250 once more\r\n")) as server:
        feed = ListFeed([parcel(1)])
        await trouble(transport(server), feed)
        assert (feed.accepted, feed.unknown, feed.kinds[0]) == ([1], [], "away")


async def test_an_answer_while_nothing_is_asked_is_told_and_costs_no_letter() -> None:
    async with hasty_server(script(3, ENVELOPE, 6, TAKEN, 0.3, b"250 hello\r\n")) as server:
        feed = ListFeed([parcel(1)])
        await trouble(transport(server), feed)
        assert (feed.accepted, feed.kinds[0]) == ([1], "away")


async def test_an_unasked_421_with_another_answer_is_no_broken_server() -> None:
    async with hasty_server(script(3, ENVELOPE, 6, TAKEN + b"421 4.3.2 shutting down\r\n")) as server:
        feed = ListFeed([parcel(1)])
        await trouble(transport(server), feed)
        assert (feed.accepted, feed.kinds[0]) == ([1], "rotated")


async def test_answers_behind_the_farewell_are_not_waited_for() -> None:
    async with hasty_server([HELLO, 1, EHLO, 1, b"221 bye\r\n" + b"250 and another\r\n" * 1_000]) as server:
        await asyncio.wait_for(transport(server).check(), 20)


@pytest.mark.parametrize(
    "steps",
    [
        [HELLO, 1, b"250-x\r\n250 AUTH LOGIN\r\n", 1, b"334 VXNlcm5hbWU6\r\n235 2.7.0 in\r\n"],
        [HELLO, 1, b"250-x\r\n250 AUTH PLAIN\r\n235 2.7.0 in\r\n"],
        [HELLO, 1, b"250-x\r\n250 AUTH PLAIN\r\n", 1, b"235 2.7.0 in\r\n250 Ok\r\n"],
    ],
    ids=["behind a question", "before it", "behind it"],
)
async def test_a_login_that_is_answered_before_it_was_asked_is_none(steps: Sequence[Step]) -> None:
    async with hasty_server(steps) as server:
        with pytest.raises(RelayAway, match=WORDS):
            await asyncio.wait_for(transport(server, user="jan", password="geheim").check(), 20)


async def test_an_answer_behind_the_greeting_inside_tls_is_told() -> None:
    async with hasty_server([HELLO + EHLO], tls=authority().server("localhost")) as server:
        with pytest.raises(RelayAway, match=WORDS):
            await asyncio.wait_for(transport(server, tls="implicit", host="localhost").check(), 20)


async def test_letters_of_a_campaign_go_back_to_waiting_and_status_says_why(lite: Database, tmp_path: Path) -> None:
    async with hasty_server(SCRIPTS["the answer to the dot with those to the envelope"]) as server:
        mailing = sendable(lite, 5)
        house = deps(lite, tmp_path, transport(server))
        sending = Sending(house, only=mailing)

        def told() -> list[str]:
            with lite.read() as conn:
                return [one.words for one in outbox.why_nothing(conn, mailing, house.clock())]

        await until(lambda: any(WORDS in words for words in told()), seconds=30)
        sending.stop.set()
        await sending.ended()
        assert counts(lite, mailing) == {"recipients": 5, "waiting": 5}
        assert server.contents == 0
