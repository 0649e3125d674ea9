"""Addresses are struck off, and come back (I15): through a real worker, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mailer import outbox, suppression, undeliverable
from mailer.outcome import Replied
from mailer.storage import Database
from mailer.transport.base import OutgoingMessage
from mailer.transport.limits import Offers
from mailer.transport.memory import MemoryTransport
from tests.support.sending import deps, send, sendable, utc_now
from tests.support.sending_db import counts, hash_of, person, states

DEAD = "5.1.1 no such user"
UNAVAILABLE = "mailbox unavailable"


class CampaignSeries:
    """Campaigns one after the other, each on another day."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder, self.ahead, self.sent = db, folder, timedelta(), 0

    def clock(self):  # type: ignore[no-untyped-def]
        return utc_now() + self.ahead

    async def campaign(self, said: dict[int, str] | str, *, days: float = 0, people=5, **given) -> int:  # type: ignore[no-untyped-def]
        """Send to all; ``said``: recipient → what the server says with a 550 (all: the same)."""
        self.ahead += timedelta(days=days)
        self.sent += 1
        mailing = sendable(self.db, people, key=f"campaign:{self.sent}", **given)
        transport = MemoryTransport(self.script(said))
        await send(deps(self.db, self.folder, transport, clock=self.clock), only=mailing)
        return mailing

    def script(self, said: dict[int, str] | str) -> Callable[[OutgoingMessage], Replied | None]:
        def answer(parcel: OutgoingMessage) -> Replied | None:
            number = int(parcel.recipient.partition("@")[0].removeprefix("reader"))
            text = said if isinstance(said, str) else said.get(number)
            return None if text is None else Replied("rcpt", 550, text)

        return answer

    def struck(self, among: range = range(1, 101)) -> list[int]:
        with self.db.read() as conn:
            return [n for n in among if suppression.why(conn, hash_of(n), "news", self.clock()) == "undeliverable"]


@pytest.fixture
def series(db: Database, tmp_path: Path) -> CampaignSeries:
    return CampaignSeries(db, tmp_path)


@pytest.fixture
def small(lite: Database, tmp_path: Path) -> CampaignSeries:
    return CampaignSeries(lite, tmp_path)


async def test_a_clear_statement_strikes_off_at_once(series: CampaignSeries) -> None:
    mailing = await series.campaign({2: DEAD})
    assert series.struck() == [2]
    assert counts(series.db, mailing) == {"recipients": 5, "accepted": 4, "refused": 1}


async def test_an_unclear_statement_strikes_off_when_a_second_campaign_hears_one_too(series: CampaignSeries) -> None:
    await series.campaign({2: UNAVAILABLE, 3: UNAVAILABLE})
    assert series.struck() == []
    await series.campaign({2: "5.2.1 mailbox disabled"}, days=7)
    assert series.struck() == [2]


@pytest.mark.parametrize("days", [0.5, 91])
async def test_too_soon_or_too_late_is_no_second_time(small: CampaignSeries, days: float) -> None:
    await small.campaign({2: UNAVAILABLE})
    await small.campaign({2: UNAVAILABLE}, days=days)
    assert small.struck() == []


async def test_a_letter_that_was_accepted_in_between_counts(series: CampaignSeries) -> None:
    await series.campaign({2: UNAVAILABLE})
    await series.campaign({}, days=7)
    await series.campaign({2: UNAVAILABLE}, days=7)
    assert series.struck() == []
    await series.campaign({2: UNAVAILABLE}, days=7)
    assert series.struck() == [2]


@pytest.mark.parametrize(
    "text",
    [
        "Requested action not taken: mailbox unavailable Failure sending mail. Try again later.",
        "5.7.1 Reject due to policy restrictions",
        "5.2.2 mailbox full",
        "Blocked",
        "Frobnicated",
        "5.1.1 user unknown; daily limit reached",
    ],
)
async def test_nothing_else_ever_strikes_off(small: CampaignSeries, text: str) -> None:
    for _ in range(3):
        await small.campaign({2: text}, days=7)
    assert small.struck() == []


async def test_a_relay_that_refuses_all_in_the_same_words_holds_and_strikes_nobody_off(series: CampaignSeries) -> None:
    people = [person(n, f"d{n}.example") for n in range(1, 61)]
    text = "Requested action not taken: mailbox unavailable Failure sending mail. Try again later."
    mailing = await series.campaign(dict.fromkeys(range(11, 61), text), people=people)
    with series.db.read() as conn:
        held = outbox.get(conn, mailing)
    assert (held.state, held.reason, held.hold.words) == ("held", "many_alike", f"550 {text}")
    assert series.struck() == []
    assert counts(series.db, mailing).get("refused", 0) == 0


async def test_who_was_refused_in_the_words_that_held_it_waits_again(series: CampaignSeries) -> None:
    people = [person(n, f"d{n}.example") for n in range(1, 21)]
    mailing = await series.campaign("Blocked", people=people)
    assert counts(series.db, mailing) == {"recipients": 20, "waiting": 20}
    with series.db.write() as conn:
        outbox.release(conn, mailing, utc_now(), by_person=True)
    await send(deps(series.db, series.folder, MemoryTransport()), only=mailing)
    assert counts(series.db, mailing) == {"recipients": 20, "accepted": 20}


async def test_words_that_a_person_has_read_refuse_one_by_one(small: CampaignSeries) -> None:
    people = [person(n, f"d{n}.example") for n in range(1, 21)]
    mailing = await small.campaign("Blocked", people=people)
    with small.db.write() as conn:
        outbox.release(conn, mailing, utc_now(), by_person=True)
    await send(deps(small.db, small.folder, MemoryTransport(small.script("Blocked"))), only=mailing)
    assert counts(small.db, mailing) == {"recipients": 20, "refused": 20}


async def test_a_letter_that_is_too_big_for_the_relay_holds_the_campaign_and_all_wait(small: CampaignSeries) -> None:
    people = [person(n, f"d{n}.example") for n in range(1, 21)]
    mailing = sendable(small.db, people)
    transport = MemoryTransport(offers=Offers(pipelining=True, size=10))
    await send(deps(small.db, small.folder, transport), only=mailing)
    with small.db.read() as conn:
        held = outbox.get(conn, mailing)
    assert (held.state, "too big" in held.hold.words) == ("held", True)
    assert counts(small.db, mailing) == {"recipients": 20, "waiting": 20}


async def test_addresses_that_the_relay_cannot_carry_are_refused_and_hold_nothing(small: CampaignSeries) -> None:
    people = [outbox.Recipient(n, f"jos\u00e9{n}@d{n}.example", hash_of(n), f"d{n}.example") for n in range(1, 21)]
    mailing = sendable(small.db, people)
    await send(deps(small.db, small.folder, MemoryTransport(offers=Offers(pipelining=True))), only=mailing)
    assert counts(small.db, mailing) == {"recipients": 20, "refused": 20}
    assert small.struck() == []


async def test_a_provider_that_says_so_of_too_many_strikes_nobody_off_and_they_are_listed(
    series: CampaignSeries,
) -> None:
    people = [person(n, "provider.example") for n in range(1, 61)]
    mailing = await series.campaign(DEAD, people=people)
    assert series.struck() == []
    with series.db.read() as conn:
        assert outbox.outcomes(conn, mailing) == [("refused", "outage", 60)]


async def test_two_senders_that_see_four_each_see_a_wave_together(series: CampaignSeries) -> None:
    people = [person(n, "provider.example") for n in range(1, 9)]
    mailing = sendable(series.db, people)
    with series.db.write() as conn:
        outbox.hold(conn, mailing, "paused", utc_now())
    for part in (range(1, 5), range(5, 9)):
        with series.db.write() as conn:
            outbox.release(conn, mailing, utc_now())
        answers = dict.fromkeys(part, DEAD)

        def answer(parcel: OutgoingMessage, answers: dict[int, str] = answers) -> Replied:
            number = int(parcel.recipient.partition("@")[0].removeprefix("reader"))
            return Replied("rcpt", 550, DEAD) if number in answers else Replied("rcpt", 451, "4.3.0 internal error")

        await send(deps(series.db, series.folder, MemoryTransport(answer), clock=series.clock), only=mailing)
        series.ahead += timedelta(hours=1)
    assert states(series.db, mailing) == dict.fromkeys(range(1, 9), "refused")
    assert series.struck() == []


async def test_after_a_wave_the_next_campaign_tries_each_once(series: CampaignSeries) -> None:
    people = [person(n, "provider.example") for n in range(1, 11)]
    await series.campaign(DEAD, people=people)
    mailing = await series.campaign(dict.fromkeys(range(1, 9), DEAD), days=2, people=people)
    assert states(series.db, mailing)[1] == "refused"
    assert series.struck() == list(range(1, 9))


async def test_a_service_letter_strikes_off_for_a_clear_statement_alone(small: CampaignSeries) -> None:
    for _ in range(2):
        await small.campaign({1: UNAVAILABLE}, days=7, people=1, kind="service", scope="")
    assert small.struck() == []
    await small.campaign({1: DEAD}, people=1, kind="service", scope="")
    assert small.struck() == [1]


async def test_staff_lift_one_or_what_a_campaign_struck_off_or_since_a_day(series: CampaignSeries) -> None:
    first = await series.campaign({1: DEAD, 2: DEAD})
    since = series.clock() + timedelta(days=3)
    await series.campaign({3: DEAD, 4: DEAD}, days=7)
    with series.db.write() as conn:
        assert undeliverable.lift(conn, hashes=[hash_of(1)]) == [hash_of(1)]
        assert undeliverable.lift(conn, mailing=first) == [hash_of(2)]
        assert sorted(undeliverable.lift(conn, since=since)) == sorted([hash_of(3), hash_of(4)])
    assert series.struck() == []


async def test_what_staff_have_lifted_is_not_struck_off_for_what_was_said_before(small: CampaignSeries) -> None:
    await small.campaign({1: DEAD})
    with small.db.write() as conn:
        undeliverable.lift(conn, hashes=[hash_of(1)])
    await small.campaign({1: UNAVAILABLE}, days=7)
    assert small.struck() == []


def test_no_lift_touches_what_the_reader_or_staff_said(db: Database) -> None:
    with db.write() as conn:
        for reason in ("opt_out", "complaint", "manual", "erased", "pause"):
            suppression.suppress(conn, hash_of(1), "", reason, utc_now())  # type: ignore[arg-type]
        suppression.strike_off(conn, hash_of(1), 7, utc_now())
        assert undeliverable.lift(conn, hashes=[hash_of(1)]) == [hash_of(1)]
        left = {entry.reason for entry in suppression.entries(conn, hash_of(1))}
    assert left == {"opt_out", "complaint", "manual", "erased", "pause"}


async def test_what_was_said_goes_after_ninety_days(small: CampaignSeries) -> None:
    await small.campaign({1: UNAVAILABLE, 2: UNAVAILABLE})
    with small.db.write() as conn:
        assert undeliverable.forget_before(conn, small.clock() + timedelta(days=89)) == 0
        assert undeliverable.forget_before(conn, small.clock() + timedelta(days=91)) == 2


async def test_an_address_that_was_struck_off_gets_no_other_letter_of_that_campaign(small: CampaignSeries) -> None:
    mailing = await small.campaign({1: DEAD})
    with small.db.write() as conn:
        assert outbox.put_back(conn, outbox.refused_for(conn, mailing, "no_address"), utc_now()) == 1
    await send(deps(small.db, small.folder, MemoryTransport()), only=mailing)
    assert states(small.db, mailing)[1] == "skipped"
