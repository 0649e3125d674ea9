"""Faults of the relay and the network (E13 to E15), each with its expected result: nobody lost, nobody twice.

A letter is in doubt only if its dot left and its answer was never read. Long waits are a clock that is pushed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from mailer.outcome import NotWritten, Replied, Unknown
from mailer.settings import Relay
from mailer.transport.limits import Limits, Reuse, Timeouts
from mailer.transport.smtp import SmtpOptions, SmtpTransport
from tests.support.feeds import JumpClock, ListFeed, carry, parcel
from tests.support.smtpd import Rule, Server, smtp_server
from tests.support.waiting import until

FAST = Limits(Timeouts(grace=1))


def transport(
    server: Server, *, connections: int = 3, limits: Limits = FAST, clock: JumpClock | None = None
) -> SmtpTransport:
    options = SmtpOptions(limits=limits, clock=clock or JumpClock())
    return SmtpTransport(Relay(port=server.port, connections=connections), "sender.example", options)


def reconcile(feed: ListFeed, server: Server, count: int) -> None:
    """Check that our counts and the record of the server agree; nobody is lost, nobody twice."""
    assert feed.out == {}
    assert set(feed.results) == set(range(count))
    there = Counter(int(name.split("@")[0][1:]) for name in server.recipients)
    assert not [number for number, times in there.items() if times > 1]
    assert set(feed.accepted) <= set(there)
    assert set(there) <= set(feed.accepted) | set(feed.unknown)
    assert server.wrongs == []


@pytest.mark.parametrize("do", ["drop", "reset"])
@pytest.mark.parametrize("at", ["greeting", "ehlo", "mail", "rcpt", "data", "content", "dot", "after"])
async def test_a_cut_at_any_step_loses_nobody_and_doubts_only_after_the_dot(at: str, do: str) -> None:
    async with smtp_server(Rule(at, do, every=7, times=3)) as server:
        feed = ListFeed((parcel(number) for number in range(40)), again=True)
        if at in ("greeting", "ehlo"):
            server.rules = [Rule(at, do, session=1), Rule(at, do, session=3)]
        await carry(transport(server), feed)
        reconcile(feed, server, 40)
        # a reset may also destroy what the kernel had not delivered: then the content of that letter is in doubt too
        doubts = {"dot": 3, "content": 3, "after": 3}.get(at, 3 if do == "reset" else 0)
        assert len(feed.unknown) <= doubts
        if at == "dot":
            assert len(feed.unknown) == 3


@pytest.mark.parametrize("at", ["mail", "rcpt", "data", "dot"])
async def test_a_black_hole_at_any_step_ends_by_its_timeout(at: str) -> None:
    clock = JumpClock()
    async with smtp_server(Rule(at, "deaf", nth=3)) as server:
        feed = ListFeed((parcel(number) for number in range(6)), again=True)
        running = asyncio.create_task(carry(transport(server, connections=1, clock=clock), feed))
        await until(lambda: server.seen[at] == 3)
        await clock.looked()
        assert not feed.done.is_set()
        clock.extra += 601
        await running
        reconcile(feed, server, 6)
        assert len(feed.unknown) == (1 if at == "dot" else 0)


async def test_a_relay_that_never_greets_is_given_up_and_costs_no_letter() -> None:
    limits = replace(FAST, timeouts=replace(FAST.timeouts, greeting=0.3))
    async with smtp_server(Rule("greeting", "stall", session=1)) as server:
        feed = ListFeed([parcel(0)])
        await carry(transport(server, connections=1, limits=limits), feed)
        reconcile(feed, server, 1)
        assert feed.accepted == [0]
        assert feed.kinds == ["away"]


async def test_nine_minutes_before_the_250_do_not_cause_a_second_letter() -> None:
    clock = JumpClock()
    async with smtp_server(Rule("dot", "hold", nth=1)) as server:
        feed = ListFeed((parcel(number) for number in range(2)), again=True)
        running = asyncio.create_task(carry(transport(server, connections=1, clock=clock), feed))
        await until(lambda: server.seen["dot"] == 1)
        clock.extra += 540
        await clock.looked()
        server.release()
        await running
        reconcile(feed, server, 2)
        assert sorted(feed.accepted) == [0, 1]


async def test_a_slow_connection_holds_its_own_letters_and_no_others() -> None:
    async with smtp_server(Rule("dot", "hold", nth=1)) as server:
        feed = ListFeed((parcel(number) for number in range(300)), again=True)
        running = asyncio.create_task(carry(transport(server, connections=3), feed))
        await until(lambda: len(feed.accepted) >= 299)
        server.release()
        await running
        reconcile(feed, server, 300)
        handed = [number for number, results in feed.results.items() if isinstance(results[0], NotWritten)]
        assert len(handed) == 1


async def test_replies_of_one_byte_at_a_time_are_read() -> None:
    async with smtp_server(
        Rule("dot", "slow", nth=1, seconds=0.005), Rule("rcpt", "slow", nth=3, seconds=0.005)
    ) as server:
        feed = ListFeed(parcel(number) for number in range(5))
        await carry(transport(server, connections=1), feed)
        reconcile(feed, server, 5)
        assert len(feed.accepted) == 5


async def test_an_endless_banner_and_a_reply_of_ten_megabytes_end_the_session_and_not_us() -> None:
    banner = "\n".join(["220-hello"] * 20_000) + "\n220 hello"
    async with smtp_server(Rule("greeting", text=banner, session=1), Rule("dot", "huge", nth=1)) as server:
        feed = ListFeed((parcel(number) for number in range(3)), again=True)
        await carry(transport(server, connections=1), feed)
        reconcile(feed, server, 3)
        assert len(feed.unknown) == 1


@pytest.mark.parametrize("at", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
async def test_421_at_any_step_loses_nobody(at: str) -> None:
    async with smtp_server(
        Rule(at, text="421 4.3.2 shutting down", nth=4 if at in ("mail", "rcpt", "data", "dot") else 1)
    ) as server:
        feed = ListFeed((parcel(number) for number in range(12)), again=True)
        await carry(transport(server, connections=1), feed)
        reconcile(feed, server, 12)
        assert feed.unknown == []
        later = [
            number for number in feed.results if isinstance(feed.last(number), Replied) and number not in feed.accepted
        ]
        assert len(later) == (1 if at == "dot" else 0)
        assert feed.kinds == (["slow_down"] if at in ("greeting", "ehlo") else ["rotated"])


async def test_421_to_the_eleventh_connection_leaves_the_others_working() -> None:
    rules = [Rule("greeting", text="421 4.7.0 too many connections", session=number) for number in range(3, 9)]
    async with smtp_server(*rules, Rule("dot", "delay", seconds=0.002)) as server:
        feed = ListFeed((parcel(number) for number in range(200)), again=True)
        await carry(transport(server, connections=8), feed)
        reconcile(feed, server, 200)
        assert len(feed.accepted) == 200
        assert len(server.sessions) < 6


async def test_a_server_that_closes_after_ten_letters_is_replaced_at_once() -> None:
    async with smtp_server(close_after=10) as server:
        feed = ListFeed((parcel(number) for number in range(200)), again=True)
        await carry(transport(server, connections=2), feed)
        reconcile(feed, server, 200)
        assert len(feed.accepted) == 200
        assert set(feed.kinds) == {"rotated"}


async def test_greylisting_and_refusals_for_some_cost_the_others_nothing() -> None:
    rules = (
        Rule("rcpt", text="450 4.2.0 greylisted", recipient="r1"),
        Rule("rcpt", text="550 5.7.1 not you", recipient="r2@"),
        Rule("dot", text="554 5.7.1 spam", every=5),
    )
    async with smtp_server(*rules) as server:
        feed = ListFeed((parcel(number) for number in range(100)), again=True)
        await carry(transport(server), feed)
        reconcile(feed, server, 100)
        refused = [number for number in feed.results if number not in feed.accepted]
        assert {1, 2, *range(10, 20)} <= set(refused)
        assert len(feed.accepted) > 60


BROKEN: list[dict[str, Any]] = [
    {"one_command_a_read": True},
    *({"loses": what} for what in ("command", "bytes", "dot")),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: next(str(value) for value in broken.values()))
async def test_a_server_that_offers_pipelining_and_cannot_do_it_soon_gets_every_letter_command_by_command(
    broken: dict[str, Any],
) -> None:
    clock = JumpClock()
    async with smtp_server(**broken) as server:
        feed = ListFeed((parcel(number) for number in range(120)), again=True)
        running = asyncio.create_task(carry(transport(server, connections=10, clock=clock), feed))
        await until(lambda: len(server.sessions) == 10 or feed.done.is_set())
        while not feed.done.is_set():
            clock.extra += 4  # longer than the rest of a group's answers may take
            await clock.looked()
        await running
        assert clock.extra < FAST.timeouts.mail, "no session has waited for the usual timeout"
        assert len(feed.accepted) == 120
        reconcile_broken(feed, server)
        assert feed.kinds == ["no_groups"]


def reconcile_broken(feed: ListFeed, server: Server) -> None:
    """As :func:`reconcile`, for a server that calls our good commands wrong."""
    wrongs, server.wrongs = server.wrongs, []
    assert not {"an empty letter", "content for nobody", "several recipients"} & set(wrongs)
    reconcile(feed, server, 120)
    assert not feed.unknown


async def test_a_row_that_may_not_wait_shows_broken_pipelining_as_well() -> None:
    async with smtp_server(one_command_a_read=True) as server:
        feed, clock = ListFeed([parcel(0), parcel(1)]), JumpClock()
        running = asyncio.create_task(carry(transport(server, connections=1, clock=clock), feed))
        await until(lambda: server.seen["mail"] == 1)
        await clock.looked()
        clock.extra += 0.8
        feed.unwanted.add(0)  # as the worker does a second after the claim
        await running
        assert isinstance(feed.last(0), NotWritten)
        assert feed.accepted == [1]
        assert feed.kinds == ["no_groups"]


@pytest.mark.parametrize("at", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("text", ["250 2.0.0 one too many", "354 go on", "hello"])
async def test_an_answer_too_many_ends_the_session_and_nobody_gets_an_empty_or_a_second_letter(
    at: str, text: str
) -> None:
    async with smtp_server(Rule(at, "extra", text=text, nth=2)) as server:
        feed = ListFeed((parcel(number) for number in range(8)), again=True)
        await carry(transport(server, connections=1), feed)
        assert feed.out == {}
        there = Counter(server.recipients)
        assert max(there.values()) == 1
        assert set(there) >= {f"r{number}@example.nl" for number in feed.accepted}
        assert "an empty letter" not in server.wrongs


async def test_354_after_a_refused_rcpt_delivers_nothing_to_anybody() -> None:
    async with smtp_server(Rule("rcpt", text="550 5.1.1 no", every=3), early_354=True) as server:
        feed = ListFeed((parcel(number) for number in range(12)), again=True)
        await carry(transport(server, connections=1), feed)
        reconcile(feed, server, 12)
        assert len(feed.accepted) == 8
        assert all(one.content for one in server.accepted)


async def test_no_letter_ever_leaves_under_another_persons_envelope_sender() -> None:
    rules = (
        Rule("mail", text="451 4.3.0 not now", every=4),
        Rule("rcpt", text="550 5.1.1 no", every=5),
        Rule("data", text="451 no", every=7),
    )
    async with smtp_server(*rules) as server:
        feed = ListFeed((parcel(number) for number in range(100)), again=True)
        await carry(transport(server), feed)
        reconcile(feed, server, 100)
        for one in server.accepted:
            assert one.sender.split("@")[0][1:] == one.recipient.split("@")[0][1:]


async def test_a_mebibyte_that_is_not_read_to_its_end_is_never_in_doubt() -> None:
    big = b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 100_000
    async with smtp_server(Rule("content", "deaf", nth=1), receive_buffer=65_536) as server:
        clock = JumpClock()
        feed = ListFeed([parcel(0, big)], again=True)
        running = asyncio.create_task(carry(transport(server, connections=1, clock=clock), feed))
        await until(lambda: server.seen["content"] == 1)
        while not feed.results:  # what the kernel still takes is no silence
            clock.extra += 181
            await clock.looked()
        await running
        reconcile(feed, server, 1)
        assert [type(result) for result in feed.results[0]] == [NotWritten, Replied]
        assert server.accepted[0].content == big


async def test_a_connection_is_used_for_so_many_letters_and_no_more() -> None:
    limits = Limits(FAST.timeouts, Reuse(messages=5))
    async with smtp_server() as server:
        feed = ListFeed(parcel(number) for number in range(23))
        await carry(transport(server, connections=1, limits=limits), feed)
        reconcile(feed, server, 23)
        assert sorted(Counter(one.session for one in server.accepted).values()) == [3, 5, 5, 5, 5]
        assert feed.kinds == []


@pytest.mark.parametrize("answers", [True, False])
async def test_a_run_that_must_stop_waits_for_the_last_answer_and_no_longer_than_its_grace(*, answers: bool) -> None:
    async with smtp_server(Rule("dot", "hold")) as server:
        feed, stop, clock = ListFeed([parcel(0), parcel(1)]), asyncio.Event(), JumpClock()
        running = asyncio.create_task(
            transport(server, connections=1, clock=clock, limits=Limits(Timeouts(grace=60))).run(feed, stop)
        )
        await until(lambda: server.seen["dot"] == 1)
        stop.set()
        await clock.looked()
        assert not running.done()
        if answers:
            server.release()
        else:
            clock.extra += 61
        await running
        assert isinstance(feed.last(0), Replied if answers else Unknown)
        assert isinstance(feed.last(1), NotWritten)


async def test_a_relay_that_is_not_there_is_tried_again_ever_more_slowly_and_then_found() -> None:
    async with smtp_server() as server:
        gone = server.port
    feed = ListFeed([parcel(0)])
    relay = SmtpTransport(Relay(port=gone), "sender.example", SmtpOptions(limits=FAST))
    stop = asyncio.Event()
    running = asyncio.create_task(relay.run(feed, stop))
    await until(lambda: len(feed.kinds) >= 2)
    assert feed.kinds == ["away", "away"]
    assert feed.taken == 0
    stop.set()
    await running


async def test_a_name_of_which_one_address_is_broken_is_reached_by_the_other() -> None:
    """E13: IPv6 is there and leads nowhere, IPv4 works."""
    async with smtp_server() as server:
        feed = ListFeed(parcel(number) for number in range(5))
        relay = Relay(host="localhost", port=server.port, connections=1)
        await carry(SmtpTransport(relay, "sender.example", SmtpOptions(limits=FAST)), feed)
        assert len(feed.accepted) == 5


async def test_a_name_that_cannot_be_looked_up_is_a_relay_that_is_away() -> None:
    """E13: no DNS. Nothing is taken, so nothing has to be handed back."""
    feed, stop = ListFeed([parcel(0)]), asyncio.Event()
    relay = Relay(host="relay.invalid", port=25, connections=2)
    running = asyncio.create_task(SmtpTransport(relay, "sender.example", SmtpOptions(limits=FAST)).run(feed, stop))
    await until(lambda: bool(feed.kinds))
    stop.set()
    await running
    assert set(feed.kinds) == {"away"}
    assert feed.taken == 0


async def test_there_are_never_more_connections_than_were_set() -> None:
    """Also while the relay closes them and they are replaced."""
    open_at_once: list[int] = []
    async with smtp_server(close_after=7) as server:
        server.on_dot = lambda _: open_at_once.append(sum(not session.over for session in server.sessions))
        feed = ListFeed((parcel(number) for number in range(300)), again=True)
        await carry(transport(server, connections=4), feed)
        reconcile(feed, server, 300)
        assert len(feed.accepted) == 300
        assert 2 <= max(open_at_once) <= 4
