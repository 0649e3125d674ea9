"""Service mail and a relay that refuses us: one letter is tried, the others wait, and all go once it takes mail."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from mailer import outbox, suppression
from mailer.outbox import service
from mailer.outbox.tables import MAILING
from mailer.outcome import RelayEvent, Replied, Result
from mailer.settings import Relay
from mailer.storage import Database
from mailer.transport.base import OutgoingMessage
from mailer.transport.memory import MemoryTransport
from mailer.transport.smtp import SmtpTransport
from mailer.worker import WorkerDeps
from tests.support.sending import AheadClock, Sending, deps, send, sendable, utc_now
from tests.support.sending_db import counts, hash_of, person
from tests.support.smtpd import Rule, smtp_server
from tests.support.waiting import until

OURS, OTHER = "info@vng.example", "post@vng.example"
LOGIN = RelayEvent("refused", "auth", 535, "5.7.8 authentication failed")
SENDER = Replied("mail", 553, "5.7.1 <info@vng.nl>: Sender address rejected: not owned by user")
DEAD = Replied("rcpt", 550, "5.1.1 no such user")


class Relaying(MemoryTransport):
    """``refuses``: what it answers to letters, by a part of the address; ``tried`` has those that were offered."""

    def __init__(self, **refuses: Result) -> None:
        super().__init__(self._answer)
        self.refuses, self.tried = refuses, list[str]()

    def _answer(self, parcel: OutgoingMessage) -> Result | None:
        self.tried.append(parcel.recipient)
        return next((answer for part, answer in self.refuses.items() if part in parcel.recipient), None)

    @property
    def got(self) -> list[str]:
        return sorted(parcel.recipient.partition("@")[0] for parcel in self.letters)


def letters(
    db: Database, *numbers: int, sender: str = OURS, made: datetime | None = None, **given: object
) -> list[int]:
    """Service letters to these people, each a mailing of its own."""
    more = {"kind": "service", "scope": "", "from_address": sender} | given
    mailings = [sendable(db, [person(number)], f"notice:{number}", recipient=number, **more) for number in numbers]
    with db.write() as conn:
        conn.execute(update(MAILING).where(MAILING.c.id.in_(mailings)).values(created_at=made or utc_now()))
    return mailings


def waiting(db: Database) -> list[tuple[int, str, str]]:
    """Return the waiting service mail: number, reason, the relay's words."""
    with db.read() as conn:
        return [(item.number, item.reason, item.words) for item in service.waiting(conn)]


def finished(db: Database, mailings: list[int]) -> bool:
    with db.read() as conn:
        return all(outbox.get(conn, number).state == "closed" for number in mailings)


def tries(db: Database) -> list[int]:
    with db.read() as conn:
        return [stop.tries for stop in service.stops(conn).values()]


async def test_mail_held_by_a_login_that_fails_goes_when_the_relay_lets_us_in(db: Database, tmp_path: Path) -> None:
    mailings, relay = letters(db, 1, 2, 3), MemoryTransport()
    campaign = sendable(db, [person(9)])
    relay.trouble = LOGIN
    sending = Sending(deps(db, tmp_path, relay), until_done=False)
    await until(lambda: [item[:2] for item in waiting(db)] == [(3, "relay_auth")])
    assert waiting(db)[0][2] == "535 5.7.8 authentication failed"
    relay.trouble = None
    await until(lambda: finished(db, mailings))
    await sending.end()
    assert (waiting(db), tries(db)) == ([], [])
    with db.read() as conn:
        assert outbox.get(conn, campaign).state == "held"


async def test_one_letter_is_tried_at_a_time_and_the_others_go_with_it(db: Database, tmp_path: Path) -> None:
    mailings, relay, clock = letters(db, *range(1, 8)), Relaying(reader=SENDER), AheadClock()
    sending = Sending(deps(db, tmp_path, relay, clock=clock), until_done=False)
    await until(lambda: [item[:2] for item in waiting(db)] == [(7, "sender_refused")])
    before = len(relay.tried)
    for minutes, number in ((1, 1), (2, 2), (4, 3)):
        clock.ahead += timedelta(minutes=minutes, seconds=1)
        await until(lambda number=number: tries(db) == [number] and len(relay.tried) == before + number)
    assert len(set(relay.tried[before:])) == 3
    relay.refuses.clear()
    clock.ahead += timedelta(minutes=9)
    await until(lambda: finished(db, mailings))
    await sending.end()
    assert relay.got == [f"reader{number}" for number in range(1, 8)]
    assert [counts(db, number) for number in mailings] == [{"recipients": 1, "accepted": 1}] * 7


async def test_what_stopped_is_known_after_a_restart(db: Database, tmp_path: Path) -> None:
    mailings, relay, clock = letters(db, 1, 2), Relaying(reader=SENDER), AheadClock()
    given = deps(db, tmp_path, relay, clock=clock)
    assert (await send(given)).kind == "done"
    before = len(relay.tried)
    assert (await send(given)).kind == "done"
    assert len(relay.tried) == before
    relay.refuses.clear()
    clock.ahead += timedelta(seconds=30)  # before the first try is due: whoever starts a sender may have mended it
    sending = Sending(given, until_done=False)
    await until(lambda: finished(db, mailings))
    await sending.end()


async def test_a_new_letter_waits_as_well_while_the_login_fails(lite: Database, tmp_path: Path) -> None:
    relay, clock = MemoryTransport(), AheadClock()
    letters(lite, 1)
    relay.trouble = LOGIN
    given = deps(lite, tmp_path, relay, clock=clock)
    assert (await send(given)).kind == "done"
    letters(lite, 2)
    assert (await send(given)).kind == "done"
    assert [item[:2] for item in waiting(lite)] == [(2, "relay_auth")]


async def test_an_address_that_is_refused_does_not_stop_letters_from_another(lite: Database, tmp_path: Path) -> None:
    bad, good = letters(lite, 1, 2), letters(lite, 11, 12, sender=OTHER)
    relay = Relaying(reader1=SENDER, reader2=SENDER)
    relay.refuses = {"reader1@": SENDER, "reader2@": SENDER}
    assert (await send(deps(lite, tmp_path, relay))).kind == "done"
    assert finished(lite, good)
    assert not finished(lite, bad[:1])
    assert [item[:2] for item in waiting(lite)] == [(2, "sender_refused")]


async def test_a_campaign_that_goes_again_has_a_letter_tried_at_once(lite: Database, tmp_path: Path) -> None:
    mailings, relay, clock = letters(lite, 1, 2), Relaying(reader=SENDER), AheadClock()
    given = deps(lite, tmp_path, relay, clock=clock)
    await send(given)
    clock.ahead += timedelta(minutes=1, seconds=1)
    sending = Sending(given, until_done=False)
    await until(lambda: tries(lite) == [1] and len(relay.tried) > 1)
    relay.refuses.clear()
    clock.ahead += timedelta(seconds=70)  # before the next try, which is due two minutes after the last
    sendable(lite, [person(9)])
    await until(lambda: finished(lite, mailings))
    await sending.end()


async def test_one_odd_letter_does_not_keep_the_others_waiting(lite: Database, tmp_path: Path) -> None:
    (odd,), relay, clock = letters(lite, 1), Relaying(), AheadClock()
    relay.refuses = {"reader1@": SENDER}
    given = deps(lite, tmp_path, relay, clock=clock)
    await send(given)
    others = letters(lite, 2, 3)
    clock.ahead += timedelta(minutes=1, seconds=1)
    sending = Sending(given, until_done=False)
    await until(lambda: finished(lite, others))
    await until(lambda: [item[:2] for item in waiting(lite)] == [(1, "sender_refused")] and not tries(lite))
    more = letters(lite, 4, 5)
    await until(lambda: finished(lite, more))
    await sending.end()
    assert not finished(lite, [odd])


async def test_a_letter_whose_time_is_over_is_closed_and_counted(db: Database, tmp_path: Path) -> None:
    short = letters(db, 1, send_before=utc_now() + timedelta(minutes=30))
    long, relay, clock = letters(db, 2), Relaying(reader=SENDER), AheadClock()
    given = deps(db, tmp_path, relay, clock=clock, give_up=timedelta(days=4))
    await send(given)
    clock.ahead += timedelta(hours=1)
    sending = Sending(given, until_done=False)
    await until(lambda: finished(db, short))
    await sending.end()
    assert counts(db, short[0]) == {"recipients": 1, "skipped": 1}
    assert not finished(db, long)
    with db.read() as conn:
        assert service.expired(conn, clock()) == 1
        assert service.expired(conn, clock() + timedelta(days=8)) == 0


async def test_no_letter_is_kept_for_longer_than_any_other_is_tried(lite: Database, tmp_path: Path) -> None:
    mailings, relay = letters(lite, 1, made=utc_now() - timedelta(days=4)), Relaying(reader=SENDER)
    sending = Sending(deps(lite, tmp_path, relay), until_done=False)
    await until(lambda: finished(lite, mailings))
    await sending.end()
    assert len(relay.tried) == 1
    assert counts(lite, mailings[0]) == {"recipients": 1, "skipped": 1}


async def test_a_letter_that_could_not_be_made_is_tried_again_by_the_next_sender(
    lite: Database, tmp_path: Path
) -> None:
    mailings, relay = letters(lite, 1), MemoryTransport()
    with lite.write() as conn:
        outbox.hold(conn, mailings[0], "POSTILJON_DKIM_KEY is gone", utc_now())
    assert [item[:2] for item in waiting(lite)] == [(1, "POSTILJON_DKIM_KEY is gone")]
    sending = Sending(deps(lite, tmp_path, relay), until_done=False)
    await until(lambda: finished(lite, mailings))
    await sending.end()
    assert len(relay.letters) == 1


def on(port: int, lite: Database, folder: Path, clock: AheadClock) -> WorkerDeps:
    relay = Relay("127.0.0.1", port, "me", "secret", tls="none", connections=2, window=8)
    return deps(lite, folder, SmtpTransport(relay, "sender.example"), clock=clock, smtp_url=relay)


async def test_an_smtp_server_that_refuses_the_sender_for_a_while_gets_all(lite: Database, tmp_path: Path) -> None:
    mailings, clock = letters(lite, *range(1, 6)), AheadClock()
    refusing = Rule("mail", "reply", "553 5.7.1 Sender address rejected: not owned by user")
    async with smtp_server(refusing, auth=("me", "secret")) as server:
        sending = Sending(on(server.port, lite, tmp_path, clock), until_done=False)
        await until(lambda: [item[:2] for item in waiting(lite)] == [(5, "sender_refused")])
        clock.ahead += timedelta(minutes=1, seconds=1)
        await until(lambda: tries(lite) == [1])
        server.rules.clear()
        clock.ahead += timedelta(minutes=3)
        await until(lambda: finished(lite, mailings), 20)
        await sending.end()
        assert sorted(server.recipients) == [person(number).address for number in range(1, 6)]


async def test_an_smtp_server_that_refuses_the_password_for_a_while_gets_all(lite: Database, tmp_path: Path) -> None:
    mailings, clock = letters(lite, *range(1, 4)), AheadClock()
    refusing = Rule("auth", "reply", "535 5.7.8 authentication failed", times=1)
    async with smtp_server(refusing, auth=("me", "secret")) as server:
        sending = Sending(on(server.port, lite, tmp_path, clock), until_done=False)
        await until(lambda: finished(lite, mailings) or [item[:2] for item in waiting(lite)] == [(3, "relay_auth")])
        clock.ahead += timedelta(minutes=2)
        await until(lambda: finished(lite, mailings), 20)
        await sending.end()
        assert sorted(server.recipients) == [person(number).address for number in range(1, 4)]


async def test_a_confirmation_that_is_refused_strikes_off_nobody(db: Database, tmp_path: Path) -> None:
    letters(db, 1, asked_for=True)
    letters(db, 2)
    await send(deps(db, tmp_path, Relaying(reader=DEAD)))
    with db.read() as conn:
        assert suppression.why(conn, hash_of(1), "", utc_now()) is None
        assert suppression.why(conn, hash_of(2), "", utc_now()) == "undeliverable"


async def test_a_dead_address_that_asked_gets_its_letter_and_stays_dead_until_it_confirms(
    db: Database, tmp_path: Path
) -> None:
    with db.write() as conn:
        for number in (1, 2):
            suppression.suppress(conn, hash_of(number), "", "undeliverable", utc_now())
    letters(db, 1, asked_for=True)
    letters(db, 2)
    relay = Relaying()
    await send(deps(db, tmp_path, relay))
    assert relay.got == ["reader1"]
    with db.read() as conn:
        assert suppression.why(conn, hash_of(1), "", utc_now()) == "undeliverable"


async def test_an_outage_that_refuses_a_confirmation_lifts_nothing_that_was_there(
    lite: Database, tmp_path: Path
) -> None:
    with lite.write() as conn:
        suppression.suppress(conn, hash_of(1), "", "undeliverable", utc_now())
    letters(lite, 1, asked_for=True)
    sendable(lite, [person(number) for number in range(2, 62)])
    await send(deps(lite, tmp_path, Relaying(reader=DEAD)))
    with lite.read() as conn:
        assert suppression.why(conn, hash_of(1), "", utc_now()) == "undeliverable"
