"""Order and speed of letters: a whole worker on the shipped fake, with limits."""

from __future__ import annotations

import time
from pathlib import Path

from mailer import outbox
from mailer.outcome import Replied
from mailer.storage import Database
from mailer.transport.memory import MemoryTransport
from tests.support.sending import Sending, deps, send, sendable, utc_now
from tests.support.sending_db import counts, person
from tests.support.waiting import until


async def test_service_mail_goes_first_and_its_mailing_is_closed(lite: Database, tmp_path: Path) -> None:
    sendable(lite, 50)
    service = sendable(lite, [person(900)], key="details:1", kind="service", scope="")
    transport = MemoryTransport()
    await send(deps(lite, tmp_path, transport))
    assert transport.letters[0].recipient == "reader900@example.org"
    with lite.read() as conn:
        assert outbox.get(conn, service).state == "closed"


async def test_a_small_campaign_does_not_wait_behind_a_large_one(lite: Database, tmp_path: Path) -> None:
    sendable(lite, 400)
    small = sendable(lite, [person(n) for n in range(901, 911)], key="campaign:2")
    transport = MemoryTransport()
    await send(deps(lite, tmp_path, transport))
    first = [parcel.recipient for parcel in transport.letters[:60]]
    assert all(person(n).address in first for n in range(901, 911))
    assert counts(lite, small) == {"recipients": 10, "accepted": 10}


async def test_a_limit_a_minute_spreads_the_letters(db: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(db, 21), MemoryTransport()
    begun = time.monotonic()
    await send(deps(db, tmp_path, transport, rate=600), only=mailing)
    assert time.monotonic() - begun > (21 - 10) * 0.1 - 0.2
    assert counts(db, mailing) == {"recipients": 21, "accepted": 21}


async def test_the_rate_of_one_campaign_does_not_slow_another(lite: Database, tmp_path: Path) -> None:
    slow, fast = sendable(lite, 1000, rate=1), sendable(lite, 300, key="campaign:2")
    sending = Sending(deps(lite, tmp_path, MemoryTransport()), until_done=False)
    await until(lambda: any(turn.counts[fast].accepted == 300 for turn in sending.turns if fast in turn.counts))
    await sending.end()
    assert counts(lite, fast) == {"recipients": 300, "accepted": 300}
    assert counts(lite, slow)["accepted"] < 20


async def test_status_says_how_much_of_the_limit_is_left(lite: Database, tmp_path: Path) -> None:
    mailing = sendable(lite, 100)
    sending = Sending(deps(lite, tmp_path, MemoryTransport(), rate=1), only=mailing)
    await until(lambda: counts(lite, mailing).get("accepted"))
    with lite.read() as conn:
        (why,) = outbox.why_nothing(conn, mailing, utc_now())
    assert why.key == "rate"
    assert 90 * 60 <= why.number <= 100 * 60
    await sending.end()
    with lite.read() as conn:
        assert [why.key for why in outbox.why_nothing(conn, mailing, utc_now())] == ["no_sender"]


async def test_a_domain_with_a_limit_holds_up_no_other(db: Database, tmp_path: Path) -> None:
    people = [person(n, "big.example") for n in range(1, 301)] + [person(n, f"d{n}.example") for n in range(301, 401)]
    mailing, transport = sendable(db, people), MemoryTransport()
    sending = Sending(deps(db, tmp_path, transport, domain_rate=1), only=mailing)
    others = [item.address for item in people[300:]]
    await until(lambda: {parcel.recipient for parcel in transport.letters} >= set(others))
    await sending.end()
    big = [parcel for parcel in transport.letters if parcel.recipient.endswith("@big.example")]
    assert 1 <= len(big) < 30
    assert counts(db, mailing)["accepted"] == 100 + len(big)


async def test_a_domain_that_asks_to_wait_slows_down_and_the_rest_does_not(lite: Database, tmp_path: Path) -> None:
    people = [person(n, "slow.example" if n % 2 else f"d{n}.example") for n in range(1, 401)]
    mailing = sendable(lite, people)
    transport = MemoryTransport(
        lambda parcel: Replied("rcpt", 421, "4.7.0 too much mail") if "slow.example" in parcel.recipient else None
    )
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) == 200)
    await sending.end()
    found = counts(lite, mailing)
    assert found["accepted"] == 200
    assert found["waiting"] > 50
