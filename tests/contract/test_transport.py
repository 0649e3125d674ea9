"""The promises of each transport: the shipped fake, and SMTP over a real socket with and without PIPELINING."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from mailer.errors import RelayAway, RelayRefused
from mailer.outcome import RelayEvent
from mailer.settings import Relay
from mailer.transport.base import NotWritten, OutgoingMessage, Replied, Result, Transport
from mailer.transport.memory import MemoryTransport
from mailer.transport.smtp import SmtpTransport
from tests.support.feeds import LETTER, ListFeed, carry, parcel
from tests.support.smtpd import Rule, smtp_server
from tests.support.waiting import until


@dataclass
class Rig:
    """A transport, what arrived, and the two addresses that the other side refuses and defers."""

    transport: Transport
    arrived: Callable[[], list[tuple[str, str, bytes]]]
    real: bool


def script(letter: OutgoingMessage) -> Result | None:
    if "dead" in letter.recipient:
        return Replied("rcpt", 550, "5.1.1 no such user")
    if "later" in letter.recipient:
        return Replied("rcpt", 450, "4.2.0 greylisted")
    if "spam" in letter.recipient:
        return Replied("dot", 554, "5.7.1 spam")
    return None


@pytest.fixture(params=["memory", "smtp", "smtp without PIPELINING"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "memory":
        fake = MemoryTransport(script)
        yield Rig(fake, lambda: [(one.sender, one.recipient, one.content) for one in fake.letters], real=False)
        return
    rules = (
        Rule("rcpt", text="550 5.1.1 no such user", recipient="dead"),
        Rule("rcpt", text="450 4.2.0 greylisted", recipient="later"),
        Rule("dot", text="554 5.7.1 spam", recipient="spam"),
    )
    async with smtp_server(*rules, pipelining=request.param == "smtp") as server:
        transport = SmtpTransport(Relay(port=server.port, connections=3), "sender.example")
        yield Rig(transport, lambda: [(one.sender, one.recipient, one.content) for one in server.accepted], real=True)
        assert server.wrongs == []


async def test_every_letter_arrives_once_byte_for_byte_under_its_own_sender(rig: Rig) -> None:
    letters = [parcel(number, LETTER + b"%d\r\n" % number) for number in range(100)]
    feed = ListFeed(letters)
    await carry(rig.transport, feed)
    assert sorted(feed.accepted) == list(range(100))
    assert sorted(rig.arrived()) == sorted((one.sender, one.recipient, one.content) for one in letters)


async def test_each_refusal_is_reported_with_its_code_its_text_and_its_step(rig: Rig) -> None:
    names = ["dead@a.nl", "fine@a.nl", "later@a.nl", "spam@a.nl", "dead2@a.nl", "fine2@a.nl"]
    feed = ListFeed(parcel(number, recipient=name) for number, name in enumerate(names))
    await carry(rig.transport, feed)
    assert feed.last(0) == Replied("rcpt", 550, "5.1.1 no such user")
    assert feed.last(2) == Replied("rcpt", 450, "4.2.0 greylisted")
    assert feed.last(3) == Replied("dot", 554, "5.7.1 spam")
    assert sorted(feed.accepted) == [1, 5]


async def test_a_paused_campaign_sends_nothing_more(rig: Rig) -> None:
    feed = ListFeed(parcel(number) for number in range(20))
    feed.unwanted.update(range(10, 20))
    await carry(rig.transport, feed)
    assert sorted(feed.accepted) == list(range(10))
    assert all(isinstance(feed.last(number), NotWritten) for number in range(10, 20))
    assert len(rig.arrived()) == 10


async def test_what_comes_later_is_taken_too(rig: Rig) -> None:
    feed, stop = ListFeed(), asyncio.Event()
    running = asyncio.create_task(rig.transport.run(feed, stop))
    for number in range(5):
        feed.add(parcel(number))
        await feed.done.wait()
        for _ in range(10):  # the transport finds nothing to take meanwhile
            await asyncio.sleep(0)
    stop.set()
    await running
    assert feed.accepted == list(range(5))


async def test_told_to_stop_it_takes_nothing_more_and_reports_all_that_it_took(rig: Rig) -> None:
    feed, stop = ListFeed(parcel(number) for number in range(5000)), asyncio.Event()
    running = asyncio.create_task(rig.transport.run(feed, stop))
    await until(lambda: feed.taken >= 20)
    stop.set()
    await running
    assert feed.out == {}
    assert len(feed.results) == feed.taken < 5000
    assert len(rig.arrived()) == len(feed.accepted)


async def test_a_run_that_is_cancelled_still_reports_all_that_it_took(rig: Rig) -> None:
    feed = ListFeed(parcel(number) for number in range(5000))
    running = asyncio.create_task(rig.transport.run(feed, asyncio.Event()))
    await until(lambda: feed.taken >= 20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert feed.out == {}
    assert set(feed.accepted) | set(feed.unknown) >= {int(to.split("@")[0][1:]) for _, to, _ in rig.arrived()}


async def test_cancelled_at_whatever_moment_it_reports_all_that_it_took(rig: Rig) -> None:
    parcels = [parcel(number) for number in range(5000)]
    for turns in range(100):
        feed = ListFeed(parcels)
        running = asyncio.create_task(rig.transport.run(feed, asyncio.Event()))
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert (turns, feed.out) == (turns, {})


async def test_a_fault_of_the_feed_is_raised_and_not_swallowed(rig: Rig) -> None:
    class Broken(ListFeed):
        def take(self) -> OutgoingMessage | None:
            if self.taken >= 3:
                raise LookupError("a fault of ours")
            return super().take()

    with pytest.raises(LookupError):
        await rig.transport.run(Broken(parcel(number) for number in range(10)), asyncio.Event())


async def test_a_relay_that_is_there_passes_the_check(rig: Rig) -> None:
    await rig.transport.check()


async def test_a_run_says_that_the_relay_is_open(rig: Rig) -> None:
    feed = ListFeed([parcel(1)])
    await carry(rig.transport, feed)
    assert [event.kind for event in feed.events] == ["open"]


async def test_the_fake_can_be_in_trouble_too() -> None:
    fake = MemoryTransport()
    fake.trouble = RelayEvent("refused", "auth", 535, "5.7.8 no")
    with pytest.raises(RelayRefused):
        await fake.check()
    fake.trouble = RelayEvent("away", "connect", 0, "nobody there")
    with pytest.raises(RelayAway):
        await fake.check()
