"""Why a mailing sends no letter now, in keys and numbers: the caller puts them into words.

Keys: ``held`` and ``cancelled`` (words: the reason) · ``finished`` · ``audience`` (it is still being frozen) ·
``no_sender`` (number: letters that wait) · ``relay_away`` (at: since when no sender can hand over a letter, words: the
relay's reply with its code, or the failure) · ``rate`` (number: seconds until all waiting letters are sent, at: when
the next may go, words: the bucket) · ``retry`` (number: how many, at: when the first) · ``rest`` (number: letters
that wait for this domain, at: when one goes again, words: the domain) · ``in_doubt`` (number). There is no promise
about later events.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, literal_column, select

from mailer import pace
from mailer.outbox.mailings import CANCELLED, get, next_retry
from mailer.outbox.senders import running
from mailer.outbox.tables import DELIVERY, SENDER
from mailer.outbox.values import Mailing


@dataclass(frozen=True, slots=True)
class Why:
    """One reason; the module's docstring lists the fields that each key uses."""

    key: str
    number: int = 0
    at: datetime | None = None
    words: str = ""


def why_nothing(conn: Connection, mailing_id: int, now: datetime) -> list[Why]:
    """Return the reasons why no letter of this mailing leaves at this moment; empty when letters leave."""
    mailing = get(conn, mailing_id)
    counts, found = mailing.counts, []
    if mailing.state != "open":
        key = "held" if mailing.state == "held" else "cancelled" if mailing.reason == CANCELLED else "finished"
        found.append(Why(key, counts.unfinished, mailing.changed_at, mailing.reason))
    elif not mailing.audience_complete:
        found.append(Why("audience", counts.recipients))
    later = next_retry(conn, mailing_id) if mailing.state != "closed" and counts.retry else None
    if mailing.state == "open" and counts.waiting:
        found += _held_up(conn, mailing, now)
    elif mailing.state == "open" and (counts.sending or (later is not None and later <= now)):
        found += _relay_away(conn, running(conn))  # if it is away, the last few are claimed and handed back in turn
    if mailing.state != "closed" and counts.retry:
        found.append(Why("retry", counts.retry, later))
    if counts.in_doubt:
        found.append(Why("in_doubt", counts.in_doubt))
    return found


def no_mail(conn: Connection) -> list[Why]:
    """Return why no mail at all can leave now: ``no_sender`` or ``relay_away``; empty when it can."""
    senders = running(conn)
    return _relay_away(conn, senders) if senders else [Why("no_sender")]


def _held_up(conn: Connection, mailing: Mailing, now: datetime) -> list[Why]:
    waiting, senders = mailing.counts.waiting, running(conn)
    if not senders:
        return [Why("no_sender", waiting)]
    found = _relay_away(conn, senders)
    buckets = [pace.WHOLE, pace.RELAY, pace.mailing_bucket(mailing.id)]
    for bucket, (rate, at) in pace.held_up(conn, buckets, now.timestamp()).items():
        found.append(Why("rate", round(waiting * 60 / rate), datetime.fromtimestamp(at, UTC), bucket))
    return found + _learnt(conn, mailing, now.timestamp())


def _learnt(conn: Connection, mailing: Mailing, now: float) -> list[Why]:
    """Return the learnt rate of the relay, if no letter may go now, and the domains that rest."""
    found = []
    for bucket, learnt in sorted(pace.known(conn, now).items()):
        slots = pace.slots(learnt, now)
        at = datetime.fromtimestamp(max(slots.at, now), UTC)
        if bucket == pace.RELAY and learnt.rate and not slots.number:
            found.append(Why("rate", round(mailing.counts.waiting / learnt.rate), at, bucket))
        elif learnt.rest.length and not slots.number:
            domain = bucket.removeprefix(pace.domain_bucket(""))
            row = DELIVERY.c
            waiting = row.state == literal_column("'waiting'")
            query = select(func.count()).where(row.mailing_id == mailing.id, waiting)
            waits = conn.execute(query.where(row.domain == domain)).scalar_one()
            found += [Why("rest", waits, at, domain)] if waits else []
    return found


def _relay_away(conn: Connection, senders: Collection[int]) -> list[Why]:
    """Return ``relay_away``, only if no sender can reach the relay."""
    query = select(SENDER.c.relay_away_since, SENDER.c.relay_words).where(SENDER.c.id.in_(senders))
    rows = conn.execute(query).all()
    since = [row.relay_away_since for row in rows if row.relay_away_since]
    return [Why("relay_away", 0, min(since), rows[0].relay_words)] if since and len(since) == len(rows) else []
