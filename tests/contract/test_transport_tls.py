"""TLS, STARTTLS and AUTH as the relay's setting demands (B59, B74, E16), on asyncio and on uvloop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from mailer.errors import RelayRefused, TransportError
from mailer.outcome import NotWritten, hold_for
from mailer.settings import Relay, Tls
from mailer.transport.limits import Limits, Timeouts
from mailer.transport.smtp import SmtpOptions, SmtpTransport
from tests.support.certificates import authority
from tests.support.feeds import LETTER, ListFeed, carry, parcel
from tests.support.smtpd import Rule, Server, smtp_server
from tests.support.waiting import until

LIMITS = Limits(Timeouts(greeting=3, grace=1))


def transport(server: Server, tls: Tls, *, user: str = "", context: ssl.SSLContext | None = None) -> SmtpTransport:
    relay = Relay(port=server.port, tls=tls, connections=1, user=user, password="geheim" if user else "")
    return SmtpTransport(relay, "sender.example", SmtpOptions(limits=LIMITS, context=context))


async def refused(carrier: SmtpTransport, server: Server) -> str:
    """That the relay is refused, holds the campaign, and got no letter; the sentence."""
    feed, stop = ListFeed([parcel(1)]), asyncio.Event()
    running = asyncio.create_task(carrier.run(feed, stop))
    await until(lambda: bool(feed.kinds))
    stop.set()
    await running
    event = feed.events[0]
    assert event.kind == "refused"
    assert hold_for(event)
    assert feed.taken == 0 or isinstance(feed.last(1), NotWritten)
    assert server.accepted == []
    assert "geheim" not in event.text
    with pytest.raises(RelayRefused):
        await carrier.check()
    return event.text


async def delivers(carrier: SmtpTransport, server: Server) -> None:
    feed = ListFeed(parcel(number) for number in range(30))
    await carry(carrier, feed)
    assert len(feed.accepted) == 30
    assert all(one.content == LETTER for one in server.accepted)
    assert server.wrongs == []


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("tls", "implicit"), [("starttls", False), ("implicit", True), ("opportunistic", False)])
def test_letters_go_over_an_encrypted_connection(loop: str, tls: Tls, implicit: bool) -> None:
    async def run() -> None:
        async with smtp_server(tls=authority().server(), implicit=implicit) as server:
            context = None if tls == "opportunistic" else authority().client()
            carrier = transport(server, tls, context=context)
            await carrier.check()
            await delivers(carrier, server)
            assert all(session.encrypted for session in server.sessions)

    _run(loop, run())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_mebibyte_goes_over_tls_unharmed(loop: str) -> None:
    async def run() -> None:
        big = b"Subject: big\r\n\r\n" + b"".join(b"%076d\r\n" % line for line in range(20_000))
        async with smtp_server(tls=authority().server()) as server:
            feed = ListFeed(parcel(number, big) for number in range(3))
            await carry(transport(server, "starttls", context=authority().client()), feed)
            assert [one.content == big for one in server.accepted] == [True] * 3

    _run(loop, run())


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("kind", ["expired", "wrong-name", "self-signed"])
async def test_a_certificate_that_is_not_right_is_refused(kind: str, implicit: bool) -> None:
    async with smtp_server(tls=authority().server(kind), implicit=implicit) as server:
        carrier = transport(server, "implicit" if implicit else "starttls", context=authority().client())
        assert "no safe connection" in await refused(carrier, server)


async def test_a_relay_that_stops_offering_starttls_is_refused_and_gets_neither_letter_nor_password() -> None:
    async with smtp_server(auth=("jan", "geheim")) as server:
        await refused(transport(server, "starttls", user="jan", context=authority().client()), server)
        assert not any(text.startswith(("AUTH", "MAIL")) for _, text in server.commands)


async def test_a_relay_with_tls_older_than_1_2_gets_nothing() -> None:
    async with smtp_server(tls=authority().server(newest=ssl.TLSVersion.TLSv1_1)) as server:
        carrier = transport(server, "starttls", context=authority().client())
        with pytest.raises(TransportError):
            await carrier.check()
        assert not any(session.encrypted for session in server.sessions)
        assert not any(text.startswith("MAIL") for _, text in server.commands)


async def test_starttls_that_is_offered_and_broken_is_refused_but_opportunistic_goes_on_in_the_clear() -> None:
    async with smtp_server(Rule("starttls", "garbage"), tls=authority().server()) as server:
        await refused(transport(server, "starttls", context=authority().client()), server)
        await delivers(transport(server, "opportunistic"), server)


async def test_plain_text_that_is_slipped_in_after_starttls_is_ignored() -> None:
    injected = b"250-injected.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"
    async with smtp_server(tls=authority().server(), inject=injected, pipelining=False) as server:
        feed = ListFeed([parcel(1)])
        await carry(transport(server, "starttls", context=authority().client()), feed)
        accepted, refusals = feed.accepted, feed.kinds
        assert accepted == [1] or "refused" in refusals
        assert server.logins == []


async def test_pipelining_is_taken_from_the_ehlo_after_starttls() -> None:
    async with smtp_server(tls=authority().server(), pipelining=False) as server:
        server.rules = [Rule("ehlo", text="250-x\n250-PIPELINING\n250 STARTTLS", in_session=1)]
        await delivers(transport(server, "starttls", context=authority().client()), server)


async def test_a_right_password_logs_in_over_tls() -> None:
    async with smtp_server(tls=authority().server(), auth=("jan", "geheim")) as server:
        await delivers(transport(server, "starttls", user="jan", context=authority().client()), server)
        assert server.logins == ["jan"]


async def test_a_wrong_password_holds_and_is_never_said() -> None:
    async with smtp_server(tls=authority().server(), auth=("jan", "anders")) as server:
        text = await refused(transport(server, "starttls", user="jan", context=authority().client()), server)
        assert "authentication failed" in text


async def test_a_login_server_that_is_busy_is_no_refusal() -> None:
    rule = Rule("auth", text="454 4.7.0 Temporary authentication failure", session=1)
    async with smtp_server(rule, tls=authority().server(), auth=("jan", "geheim")) as server:
        feed = ListFeed([parcel(1)])
        await carry(transport(server, "starttls", user="jan", context=authority().client()), feed)
        assert feed.kinds == ["slow_down"]
        assert feed.accepted == [1]


async def test_a_relay_that_offers_no_login_holds_when_we_have_a_password() -> None:
    async with smtp_server(tls=authority().server()) as server:
        await refused(transport(server, "starttls", user="jan", context=authority().client()), server)


@pytest.mark.parametrize("at", ["greeting", "ehlo"])
async def test_a_5xx_before_any_letter_holds_and_blames_nobody(at: str) -> None:
    async with smtp_server(Rule(at, text="554 5.7.1 no service for you")) as server:
        await refused(transport(server, "none"), server)


async def test_a_relay_that_knows_only_helo_still_gets_letters() -> None:
    async with smtp_server(helo_only=True) as server:
        await delivers(transport(server, "none"), server)


def _run(loop: str, work: Coroutine[Any, Any, None]) -> None:
    if loop == "uvloop":
        uvloop.run(work)
    else:
        asyncio.run(work)
