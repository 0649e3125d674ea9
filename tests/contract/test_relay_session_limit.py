"""Relays that take some letters on a connection and then refuse the next, while the connection stays open."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mailer.outcome import NotWritten, Replied
from mailer.settings import Relay
from mailer.storage import Database
from mailer.transport.limits import Limits, Timeouts
from mailer.transport.smtp import SmtpOptions, SmtpTransport
from tests.support.feeds import ListFeed, carry, parcel
from tests.support.sending import agree, relay_deps, send, sendable
from tests.support.sending_db import counts
from tests.support.smtpd import Rule, Server, smtp_server

WORDS = "4.5.3 too many messages in this session"


def transport(server: Server, connections: int = 3) -> SmtpTransport:
    relay = Relay(port=server.port, connections=connections, tls="none")
    return SmtpTransport(relay, "sender.example", SmtpOptions(limits=Limits(Timeouts(grace=1))))


def handed_back(feed: ListFeed) -> Counter[int]:
    return Counter({n: sum(isinstance(one, NotWritten) for one in results) for n, results in feed.results.items()})


def assert_ended_in_order(server: Server) -> None:
    """The connections that were refused a letter were told QUIT."""
    refused = {session.number for session in server.sessions if session.seen["mail"] > session.taken}
    assert refused <= {number for number, text in server.commands if text == "QUIT"}


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("takes", [1, 7])
@pytest.mark.parametrize(
    ("at", "text"),
    [("mail", f"452 {WORDS}"), ("rcpt", f"450 {WORDS}"), ("data", f"451 {WORDS}"), ("dot", f"550 {WORDS}")],
)
async def test_a_relay_that_takes_so_many_letters_a_connection_gets_all_of_them_on_new_ones(
    at: str, text: str, takes: int, pipelining: bool
) -> None:
    async with smtp_server(Rule(at, text=text, beyond=takes), pipelining=pipelining) as server:
        feed = ListFeed((parcel(number) for number in range(40)), again=True)
        await carry(transport(server), feed)
        assert len(feed.accepted) == 40
        assert max(Counter(server.recipients).values()) == 1
        assert max(handed_back(feed).values()) <= 2
        assert feed.kinds == []
        assert server.wrongs == []
        assert_ended_in_order(server)


async def test_once_it_is_known_how_many_a_connection_takes_no_letter_is_refused_for_it_any_more() -> None:
    async with smtp_server(Rule("mail", text=f"452 {WORDS}", beyond=2)) as server:
        feed = ListFeed((parcel(number) for number in range(40)), again=True)
        await carry(transport(server, connections=1), feed)
        assert len(feed.accepted) == 40
        assert handed_back(feed).total() == 1
        assert len(server.sessions) == 20


async def test_421_with_the_same_words_teaches_it_too() -> None:
    async with smtp_server(Rule("rcpt", text=f"421 {WORDS}", beyond=1)) as server:
        feed = ListFeed((parcel(number) for number in range(20)), again=True)
        await carry(transport(server, connections=1), feed)
        assert len(feed.accepted) == 20
        assert handed_back(feed).total() == 1


@pytest.mark.parametrize("at", ["mail", "rcpt", "dot"])
async def test_what_a_fresh_connection_answers_to_its_first_letter_is_a_reply(at: str) -> None:
    async with smtp_server(
        Rule(at, text=f"452 {WORDS}", recipient="r3@"), Rule("mail", text=f"452 {WORDS}", nth=1)
    ) as (server):
        feed = ListFeed((parcel(number) for number in range(6)), again=True)
        await carry(transport(server, connections=1), feed)
        assert feed.last(0) == Replied("mail", 452, WORDS)
        assert sorted({0, *feed.accepted} ^ set(range(6))) in ([], [3])


async def test_a_full_mailbox_ends_no_connection() -> None:
    async with smtp_server(Rule("rcpt", text="452 4.2.2 mailbox full", every=3)) as server:
        feed = ListFeed((parcel(number) for number in range(30)), again=True)
        await carry(transport(server, connections=1), feed)
        assert len(feed.accepted) == 20
        assert len(server.sessions) == 1


async def test_a_whole_worker_sends_all_to_a_relay_that_takes_one_letter_a_connection(
    lite: Database, tmp_path: Path
) -> None:
    async with smtp_server(Rule("mail", text=f"452 {WORDS}", beyond=1)) as server:
        mailing = sendable(lite, 40)
        assert (await send(relay_deps(lite, tmp_path, server), only=mailing)).kind == "done"
        agree(lite, mailing, server)
    assert counts(lite, mailing) == {"recipients": 40, "accepted": 40}
