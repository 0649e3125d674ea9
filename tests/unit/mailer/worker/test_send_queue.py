"""The loop's side of the worker, by itself: what is given out, what is handed back, and what is asked again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mailer.errors import InputError
from mailer.outbox import Claimed
from mailer.transport.base import NotWritten, OutgoingMessage, Replied
from mailer.worker.send_queue import ASK_AGAIN, WITHIN, InFlight, SendQueue

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def flight(number: int, make: Callable[[], OutgoingMessage] | None = None, *, seconds: float = WITHIN) -> InFlight:
    claimed = Claimed(number, 1, number, f"r{number}@example.nl", b"", "example.nl", 1, 0, AT)
    parcel = OutgoingMessage(number, "s@vng.example", claimed.address, b"a\r\n")
    return InFlight(claimed, 1, make or (lambda: parcel), time.monotonic() + seconds)


@pytest.fixture
def outbound() -> SendQueue:
    return SendQueue(threading.Event(), 2)


def give(outbound: SendQueue, *flights: InFlight) -> None:
    outbound.flights.update((item.claimed.delivery, item) for item in flights)
    outbound.add(flights)


def broken() -> OutgoingMessage:
    raise InputError("this cannot stand in a header")


def test_a_letter_is_made_when_the_transport_takes_it(outbound: SendQueue) -> None:
    made: list[int] = []
    give(outbound, flight(1, lambda: made.append(1) or OutgoingMessage(1, "", "r@example.nl", b"")))  # type: ignore[func-returns-value]
    assert made == []
    assert outbound.take() is not None
    assert made == [1]


def test_one_that_cannot_be_made_is_for_the_writer_and_the_next_one_goes(outbound: SendQueue) -> None:
    give(outbound, flight(1, broken), flight(2))
    taken = outbound.take()
    assert taken is not None
    assert taken.delivery == 2
    assert [(number, str(error)) for number, error in outbound.broken] == [(1, "this cannot stand in a header")]
    assert outbound.has_replies


def test_what_waited_for_too_long_is_handed_back_and_counted_as_late(outbound: SendQueue) -> None:
    give(outbound, flight(1, seconds=-1))
    assert outbound.take() is None
    assert [(number, type(result)) for number, result in outbound.results] == [(1, NotWritten)]
    assert outbound.late == 1


def test_while_the_database_is_away_nothing_is_given_out(outbound: SendQueue) -> None:
    give(outbound, flight(1))
    outbound.halt(True)
    assert outbound.take() is None
    outbound.halt(False)
    assert outbound.take() is not None


def test_only_what_was_taken_some_time_ago_is_asked_about_again(outbound: SendQueue) -> None:
    old, fresh, waiting = flight(1, seconds=WITHIN - ASK_AGAIN - 0.1), flight(2), flight(3, seconds=0.1)
    give(outbound, old, fresh)
    outbound.take()
    outbound.take()
    give(outbound, waiting)
    assert outbound.waiting_for_answers() == [old]


def test_the_writer_is_woken_by_a_quarter_of_the_window() -> None:
    wake = threading.Event()
    outbound = SendQueue(wake, 2)
    outbound.report(1, Replied("dot", 250, "ok"))
    assert not wake.is_set()
    outbound.report(2, Replied("dot", 250, "ok"))
    assert wake.is_set()


def test_while_letters_are_signed_a_single_reply_asks_for_no_turn() -> None:
    wake, signed = threading.Event(), flight(3)
    outbound, signed.slow = SendQueue(wake, 2), True
    outbound.expect(1)
    outbound.report(1, Replied("dot", 250, "ok"))
    assert outbound.take() is None
    assert not wake.is_set()
    give(outbound, signed)
    assert outbound.take() is not None
    assert outbound.take() is None
    assert wake.is_set()


async def test_a_letter_is_given_out_at_its_moment_and_holds_up_no_other(outbound: SendQueue) -> None:
    later = flight(1)
    later.not_before = time.monotonic() + 0.05
    give(outbound, later, flight(2))
    first = outbound.take()
    assert first is not None
    assert first.delivery == 2
    assert outbound.take() is None
    await asyncio.wait_for(outbound.wait(), 5)
    assert time.monotonic() >= later.not_before - 0.001
    second = outbound.take()
    assert second is not None
    assert second.delivery == 1
