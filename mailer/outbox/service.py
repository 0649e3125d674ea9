"""Service mail that the relay refuses: the waiting letters, the reason, and the probes that test for acceptance.

A refusal about us (the login, the From address, a limit) says nothing about the reader, and no person watches service
mail. So it is not held until a person resumes it: it *stops*, and one letter at a time, the *probe*, is tried again.
A stop is for one From address, or for all service mail (:data:`EVERY`) when the relay refuses the session itself.

Promises: a stop is on disk, so it survives a restart. Only one of many senders begins a probe (:func:`begin_probe` is
one conditional statement). A probe comes after a minute, then after two, four … thirty. A letter whose time is over is
skipped, its mailing closed as ``expired`` (:func:`expire`), and counted. This module never outputs a reader's address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mailer.outbox.counters import CounterDelta
from mailer.outbox.mailings import close, get, open_ones
from mailer.outbox.senders import running
from mailer.outbox.states import mailing_sources, sources
from mailer.outbox.tables import DELIVERY, MAILING, SENDER, SERVICE_STOP
from mailer.outbox.values import Hold, Mailing

EVERY = "*"
EXPIRED = "expired"
FIRST_PROBE, LONGEST = timedelta(minutes=1), timedelta(minutes=30)
SHORTEST = timedelta(minutes=1)  # between two refusals, even if the relay accepts mail from another address meanwhile
AT_START = timedelta(seconds=5)  # the same for a sender that starts, since it may restart repeatedly
REMEMBERED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ServiceStop:
    """Why letters of ``sender`` wait, since when, and the letter tried last (``probing``: its answer is pending)."""

    sender: str
    reason: str
    words: str
    since: datetime
    refused_at: datetime
    tries: int
    try_at: datetime
    probe: int | None = None
    probing: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """Service letters that wait for one reason.

    The reason is a class key, ``no_sender``, ``relay_away`` (as in :mod:`.why`), a sentence, or "" if they are leaving.
    """

    number: int
    since: datetime
    reason: str = ""
    words: str = ""


def delay(tries: int) -> timedelta:
    """Return the time until the next probe, after ``tries`` probes."""
    return min(FIRST_PROBE * (1 << min(tries, 10)), LONGEST)


def stops(conn: Connection) -> dict[str, ServiceStop]:
    """Return every stop, by sender."""
    return {row.sender: ServiceStop(*row) for row in conn.execute(select(SERVICE_STOP))}


def stop(conn: Connection, sender: str, why: Hold, now: datetime, probe: int | None = None) -> None:
    """Stop the letters of ``sender`` from now on. A repeat changes only the reason and the time of the refusal."""
    dialect: Any = sqlite if conn.dialect.name == "sqlite" else postgresql
    said = {"reason": why.reason, "words": why.words, "refused_at": now, "probing": False}
    row = {"sender": sender, "since": now, "tries": 0, "try_at": now + delay(0), "probe": probe} | said
    conn.execute(dialect.insert(SERVICE_STOP).values(row).on_conflict_do_update(index_elements=["sender"], set_=said))


def begin_probe(conn: Connection, found: ServiceStop, mailing: int, now: datetime) -> bool:
    """Begin a probe with one letter, if it is due and no other sender has begun; return whether this call began it."""
    row = SERVICE_STOP.c
    mine = (row.sender == found.sender, row.tries == found.tries, row.try_at <= now)
    tries = found.tries + 1
    change = {"probe": mailing, "probing": True, "tries": tries, "try_at": now + delay(tries)}
    return conn.execute(update(SERVICE_STOP).where(*mine).values(change)).rowcount == 1


def hurry(conn: Connection, sender: str, now: datetime) -> None:
    """Make a probe due now, since mail from another address was accepted; not within a minute of a refusal."""
    row = SERVICE_STOP.c
    mine = (row.sender == sender, row.refused_at <= now - SHORTEST, row.try_at > now)
    conn.execute(update(SERVICE_STOP).where(*mine).values(try_at=now))


def begin_anew(conn: Connection, now: datetime) -> None:
    """Make a probe of each stop due now, since a sender starts, possibly after a repair."""
    row = SERVICE_STOP.c
    conn.execute(update(SERVICE_STOP).where(row.refused_at <= now - AT_START, row.try_at > now).values(try_at=now))


def go(conn: Connection, sender: str) -> None:
    """Remove the stop: the relay accepts these letters again."""
    conn.execute(delete(SERVICE_STOP).where(SERVICE_STOP.c.sender == sender))


def release_held(conn: Connection, before: datetime, now: datetime, from_address: str | None = None) -> int:
    """Release single service letters held before a time (such as one that could not be built); return how many."""
    row = MAILING.c
    mine = [row.state.in_(mailing_sources("release")), row.kind == "service", row.changed_at <= before]
    if from_address is not None:
        mine.append(row.from_address == from_address)
    change = {"state": "open", "reason": "", "hold_words": "", "hold_until": None, "changed_at": now}
    return conn.execute(update(MAILING).where(*mine).values(change)).rowcount


def expire(conn: Connection, mailing_id: int, now: datetime) -> int:
    """Skip the unsent deliveries of a service letter whose time is over, and close it; return how many."""
    delta, skipped = CounterDelta(), 0
    for state in ("waiting", "retry"):
        assert state in sources("skip", "skipped")  # noqa: S101 - see states.py
        mine = (DELIVERY.c.mailing_id == mailing_id, DELIVERY.c.state == state)
        moved = conn.execute(
            update(DELIVERY).where(*mine).values(state="skipped", reason=EXPIRED, retry_at=None, at=now)
        ).rowcount
        delta.moved(mailing_id, state, "skipped", moved)
        skipped += moved
    delta.post(conn)
    if not get(conn, mailing_id).counts.unfinished:
        close(conn, mailing_id, now, EXPIRED if skipped else "")
    return skipped


def expired(conn: Connection, now: datetime) -> int:
    """Return the number of service letters that expired within ``REMEMBERED``."""
    row = MAILING.c
    mine = (row.reason == EXPIRED, row.kind == "service", row.changed_at > now - REMEMBERED)
    return int(conn.execute(select(func.count()).select_from(MAILING).where(*mine)).scalar_one())


def waiting(conn: Connection) -> list[Waiting]:
    """Return the service mail that waits now, with reasons; letters without a stop form one group."""
    groups: dict[tuple[str, str, datetime | None], list[datetime]] = {}
    known = stops(conn)
    for mailing in open_ones(conn):
        if mailing.is_service and mailing.counts.waiting:
            found = stop_of(mailing, known)
            key = (found.reason, found.words, found.since) if found else ("", "", None)
            groups.setdefault(key, []).append(mailing.created_at)
    for row in _held(conn):
        groups.setdefault((row.reason, row.hold_words, None), []).append(row.changed_at)
    if ("", "", None) in groups:
        groups[(*_why(conn), None)] = groups.pop(("", "", None))
    return [Waiting(len(times), since or min(times), reason, words) for (reason, words, since), times in groups.items()]


def away_since(conn: Connection) -> datetime | None:
    """Return since when no running sender has an answer from the relay; None when one has, or none runs."""
    senders = running(conn)
    if not senders:
        return None
    known = conn.execute(select(SENDER.c.relay_away_since).where(SENDER.c.id.in_(senders))).scalars().all()
    since = [each for each in known if each is not None]
    return min(since) if since and len(since) == len(known) else None


def stop_of(mailing: Mailing, known: Mapping[str, ServiceStop]) -> ServiceStop | None:
    """Return the stop that makes a service letter wait, if any. The probe itself does not wait."""
    found = known.get(EVERY) or known.get(mailing.spec.from_address)
    return None if found is None or (found.probing and found.probe == mailing.id) else found


def _held(conn: Connection) -> list[Row[Any]]:
    row = MAILING.c
    mine = (row.state == "held", row.kind == "service", or_(row.waiting > 0, row.retry > 0))
    return list(conn.execute(select(row.reason, row.hold_words, row.changed_at).where(*mine)))


def _why(conn: Connection) -> tuple[str, str]:
    """Return the reason and words for letters that wait without a stop; "" if they can leave."""
    senders = running(conn)
    if not senders:
        return "no_sender", ""
    query = select(SENDER.c.relay_away_since, SENDER.c.relay_words).where(SENDER.c.id.in_(senders))
    rows = conn.execute(query).all()
    away = all(row.relay_away_since for row in rows)
    return ("relay_away", rows[0].relay_words) if away else ("", "")
