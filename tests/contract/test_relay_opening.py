"""While a connection is made: a relay that asks us to wait, says nothing, or speaks something else than SMTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from mailer.errors import RelayAway, RelayRefused
from mailer.outcome import RelayEvent, hold_for
from mailer.settings import Relay, Tls
from mailer.transport.limits import Limits, Timeouts
from mailer.transport.smtp import SmtpOptions, SmtpTransport
from tests.support.certificates import authority
from tests.support.feeds import ListFeed, carry, parcel
from tests.support.smtpd import Rule, Server, smtp_server
from tests.support.translated import in_language
from tests.support.waiting import until

SOON = Timeouts(notice=0.2, grace=1)
LOOPS: dict[str, Callable[[Coroutine[Any, Any, None]], None]] = {"asyncio": asyncio.run, "uvloop": uvloop.run}


def transport(
    server: Server, tls: Tls = "none", *, connections: int = 1, timeouts: Timeouts = SOON, user: str = ""
) -> SmtpTransport:
    relay = Relay(port=server.port, tls=tls, connections=connections, user=user, password="geheim" if user else "")
    context = authority().client() if tls in ("implicit", "starttls") else None
    return SmtpTransport(relay, "sender.example", SmtpOptions(limits=Limits(timeouts), context=context))


async def first_event(carrier: SmtpTransport, *, besides: str = "") -> RelayEvent:
    """Return the first event about the relay."""
    feed, stop = ListFeed([parcel(1)]), asyncio.Event()
    running = asyncio.create_task(carrier.run(feed, stop))
    await until(lambda: any(event.kind != besides for event in feed.events))
    stop.set()
    await running
    return next(event for event in feed.events if event.kind != besides)


@pytest.mark.parametrize("at", ["greeting", "ehlo", "auth"])
async def test_a_4xx_before_any_letter_is_told_at_once_with_the_relays_words_and_holds_nothing(at: str) -> None:
    async with smtp_server(Rule(at, text="454 4.7.0 come back tomorrow"), auth=("jan", "geheim")) as server:
        event = await first_event(transport(server, user="jan"))
        assert event == RelayEvent("slow_down", at, 454, "4.7.0 come back tomorrow")
        assert not hold_for(event)
        with pytest.raises(RelayAway, match=r"454 4\.7\.0 come back tomorrow"):
            await transport(server, user="jan").check()


@pytest.mark.parametrize("at", ["greeting", "ehlo"])
async def test_a_5xx_that_speaks_of_a_busy_server_is_waited_for_and_then_all_is_sent(at: str) -> None:
    async with smtp_server(Rule(at, text="554 5.3.2 too many connections, try again later", times=1)) as server:
        feed = ListFeed(parcel(number) for number in range(5))
        await carry(transport(server), feed)
        assert feed.kinds == ["slow_down"]
        assert len(feed.accepted) == 5


async def test_one_connection_more_than_the_relay_takes_is_no_trouble_while_the_others_work() -> None:
    rules = [Rule("greeting", text="421 4.7.0 too many connections", session=number) for number in range(2, 30)]
    async with smtp_server(*rules, Rule("dot", "delay", seconds=0.01)) as server:
        feed = ListFeed((parcel(number) for number in range(60)), again=True)
        await carry(transport(server, connections=4), feed)
        assert len(feed.accepted) == 60
        assert set(feed.kinds) == {"crowded"}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_greeting_that_comes_late_is_told_once_and_waited_for(loop: str) -> None:
    async def run() -> None:
        async with smtp_server(Rule("greeting", "delay", seconds=1.0)) as server:
            feed = ListFeed(parcel(number) for number in range(5))
            await carry(transport(server), feed)
            assert [event.kind for event in feed.events] == ["silent", "open"]
            assert feed.events[0].text.startswith("no greeting within 0.2 seconds")
            assert len(feed.accepted) == 5

    LOOPS[loop](run())


@pytest.mark.parametrize(("at", "words"), [("ehlo", "no answer to EHLO"), ("auth", "no answer to AUTH")])
async def test_silence_at_a_later_step_is_told_too(at: str, words: str) -> None:
    async with smtp_server(Rule(at, "delay", seconds=0.8), auth=("jan", "geheim")) as server:
        feed = ListFeed([parcel(1)])
        await carry(transport(server, user="jan"), feed)
        assert [event.kind for event in feed.events] == ["silent", "open"]
        assert feed.events[0].text == f"{words} within 0.2 seconds"


@pytest.mark.parametrize("step", ["said while it waits", "said at the end"])
async def test_a_port_that_speaks_tls_at_once_and_is_spoken_to_in_plain_text_is_told_what_to_set(step: str) -> None:
    async with smtp_server(tls=authority().server(), implicit=True) as server:
        if step == "said while it waits":
            event = await first_event(transport(server))
            assert event.kind == "silent"
        else:
            event = await first_event(transport(server, timeouts=replace(SOON, greeting=0.5)), besides="silent")
            assert event.kind == "away"
        assert event.text.endswith("seconds; if this port speaks TLS at once, set tls=implicit")


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_at_once_to_a_port_that_does_not_speak_it_is_told_what_to_set(loop: str) -> None:
    async def run() -> None:
        async with smtp_server() as server:
            event = await first_event(transport(server, "implicit"))
            assert event == RelayEvent("refused", "tls", 0, "this port does not speak TLS at once; use tls=starttls")
            with pytest.raises(RelayRefused, match="use tls=starttls"):
                await transport(server, "implicit").check()

    LOOPS[loop](run())


FOREIGN = [
    ("HTTP/1.1 400 Bad Request", "this port speaks HTTP, not SMTP"),
    ("SSH-2.0-OpenSSH_9.2", "this port speaks SSH, not SMTP"),
    ("* OK IMAP4rev1 ready", "this port speaks IMAP, not SMTP"),
    ("+OK POP3 ready", "this port speaks POP3, not SMTP"),
    ("\x15\x03\x01\x00\x02\x02\x46", "this port speaks TLS at once; set tls=implicit"),
    ("welcome to my server", "an answer that is no SMTP: welcome to my server"),
    ("22x what", "an answer that is no SMTP: 22x what"),
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("said", "words"), FOREIGN)
def test_a_server_that_speaks_something_else_is_named(said: str, words: str, loop: str) -> None:
    async def run() -> None:
        async with smtp_server(Rule("greeting", "close", text=said)) as server:
            event = await first_event(transport(server, timeouts=Timeouts(grace=1)))
            assert (event.kind, event.text) == ("away", words)

    LOOPS[loop](run())


@pytest.mark.parametrize("do", ["drop", "reset"])
async def test_a_server_that_closes_at_once_is_said_to_do_so(do: str) -> None:
    async with smtp_server(Rule("greeting", do)) as server:
        event = await first_event(transport(server))
        assert event.kind == "away"
        assert event.text.startswith("the server closed the connection before a greeting")


async def test_a_greeting_of_one_byte_at_a_time_is_read() -> None:
    async with smtp_server(Rule("greeting", "slow", seconds=0.01)) as server:
        feed = ListFeed([parcel(1)])
        await carry(transport(server), feed)
        assert feed.accepted == [1]


async def test_a_5xx_inside_tls_is_a_refusal_of_the_relay_and_not_of_tls() -> None:
    rule = Rule("greeting", text="554 5.7.1 no service for you")
    async with smtp_server(rule, tls=authority().server(), implicit=True) as server:
        event = await first_event(transport(server, "implicit"))
        assert (event.kind, event.stage, hold_for(event)) == ("refused", "greeting", "relay_refused")


async def test_a_check_tells_of_silence_while_it_waits() -> None:
    async with smtp_server(Rule("greeting", "delay", seconds=0.6)) as server:
        heard: list[RelayEvent] = []
        await transport(server).check(heard.append)
        assert [event.kind for event in heard] == ["silent"]


async def test_a_relay_that_nobody_runs_is_told_in_the_language_of_the_reader() -> None:
    carrier = SmtpTransport(Relay(port=9, tls="none"), "sender.example")
    with pytest.raises(RelayAway) as raised:
        await carrier.check()
    assert str(raised.value).startswith("127.0.0.1:9: no connection: nothing takes mail at this address and port")
    assert in_language(str(raised.value), "nl").startswith("127.0.0.1:9: geen verbinding: op dit adres")
