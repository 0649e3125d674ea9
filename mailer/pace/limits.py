"""Limits that staff set: letters a minute for the whole, a mailing and a recipient domain, shared by all senders.

Promises: with a limit of N a minute, no span of 60 seconds sees more than N claims, however many senders there are;
they are spread evenly, in bursts of a second's worth. A clock that jumps back costs no more than one interval.

The arithmetic is the generic cell rate algorithm: a bucket remembers the moment at which it will be empty again.
All functions run inside the caller's transaction; times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Float, Table, delete, select
from sqlmodel import Field, SQLModel

from mailer.columns import insert_into

WHOLE = "whole"
RELAY = "relay"
_FORGET = 3600.0


class PaceRow(SQLModel, table=True):
    """One bucket. ``rate`` is what it was last held to."""

    __tablename__ = "pace"

    bucket: str = Field(primary_key=True)
    empty_at: float = Field(default=0.0, sa_type=Float(53))
    rate: float | None = Field(default=None, sa_type=Float(53))
    changed_at: float = Field(default=0.0, sa_type=Float(53))


PACE: Table = SQLModel.metadata.tables["pace"]


@dataclass(frozen=True, slots=True)
class Room:
    """``number`` may go now; when it is 0, one may go at ``at``."""

    number: int
    at: float


def mailing_bucket(mailing: int) -> str:
    """Return the bucket of a mailing with a rate of its own."""
    return f"mailing:{mailing}"


def domain_bucket(domain: str) -> str:
    """Return the bucket of a recipient domain."""
    return f"domain:{domain}"


def room(conn: Connection, rates: Mapping[str, float], now: float) -> dict[str, Room]:
    """How many may go now through each bucket at its rate a minute; the rows are locked until the transaction ends."""
    if not rates:
        return {}
    query = select(PACE.c.bucket, PACE.c.empty_at).where(PACE.c.bucket.in_(sorted(rates)))
    query = query.order_by(PACE.c.bucket).with_for_update()
    known = dict(conn.execute(query).all())
    new = sorted(rates.keys() - known.keys())
    if new and conn.dialect.name != "sqlite":  # what is not there cannot be locked: two would have the first burst each
        rows = [{"bucket": bucket, "empty_at": 0.0, "changed_at": now} for bucket in new]
        conn.execute(insert_into(conn, PACE).on_conflict_do_nothing(), rows)
        known = dict(conn.execute(query).all())
    return {bucket: _room(known.get(bucket, 0.0), rate, now) for bucket, rate in rates.items()}


def take(conn: Connection, taken: Mapping[str, tuple[int, float]], now: float) -> None:
    """Note that (number, rate) went through each bucket."""
    buckets = sorted(bucket for bucket, (number, _rate) in taken.items() if number)
    if not buckets:
        return
    known = dict(conn.execute(select(PACE.c.bucket, PACE.c.empty_at).where(PACE.c.bucket.in_(buckets))).all())
    rows = []
    for bucket in buckets:
        number, rate = taken[bucket]
        begin = max(_sane(known.get(bucket, 0.0), rate, now), now)
        rows.append({"bucket": bucket, "empty_at": begin + number * _interval(rate), "rate": rate, "changed_at": now})
    insert = insert_into(conn, PACE)
    same = {name: insert.excluded[name] for name in ("empty_at", "rate", "changed_at")}
    conn.execute(insert.on_conflict_do_update(index_elements=["bucket"], set_=same), rows)


def held_up(conn: Connection, buckets: Collection[str], now: float) -> dict[str, tuple[float, float]]:
    """Of these buckets, those through which nothing may go now: (rate a minute, when the next may go)."""
    query = select(PACE.c.bucket, PACE.c.empty_at, PACE.c.rate).where(PACE.c.bucket.in_(sorted(buckets)))
    found = {}
    for bucket, empty_at, rate in conn.execute(query):
        if rate and not (free := _room(empty_at, rate, now)).number:
            found[bucket] = (rate, free.at)
    return found


def forget(conn: Connection, now: float) -> int:
    """Drop buckets that say nothing any more; how many."""
    old = (PACE.c.empty_at < now - _FORGET) & (PACE.c.changed_at < now - _FORGET)
    return conn.execute(delete(PACE).where(old)).rowcount


def _burst(rate: float) -> int:
    return max(1, int(rate // 60))


def _interval(rate: float) -> float:
    """Seconds a letter: a little over 60 / rate, so that a burst and what follows stay within ``rate`` a minute."""
    return 60.0 / max(1.0, rate - (_burst(rate) - 1)) if rate >= 1 else 60.0 / rate


def _sane(empty_at: float, rate: float, now: float) -> float:
    """Later than it can be means that the clock was set back."""
    latest = now + (_burst(rate) + 1) * _interval(rate) + 1
    return now if empty_at > latest else empty_at


def _room(empty_at: float, rate: float, now: float) -> Room:
    interval, burst = _interval(rate), _burst(rate)
    behind = max(_sane(empty_at, rate, now) - now, 0.0)
    number = max(0, int((burst * interval - behind) / interval + 1e-6))
    return Room(number, now if number else now + behind - (burst - 1) * interval)
