"""Limits set by staff: letters a minute in total, for a mailing and for a recipient domain, shared by all senders.

Promises: with a limit of N a minute, no span of 60 seconds has more than N claims, for any number of senders.
Claims are spread evenly, in bursts of a second's worth. A clock that jumps back costs no more than one interval.

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
    """One bucket. ``rate`` is the rate that was last applied to it."""

    __tablename__ = "pace"

    bucket: str = Field(primary_key=True)
    empty_at: float = Field(default=0.0, sa_type=Float(53))
    rate: float | None = Field(default=None, sa_type=Float(53))
    changed_at: float = Field(default=0.0, sa_type=Float(53))


PACE: Table = SQLModel.metadata.tables["pace"]


@dataclass(frozen=True, slots=True)
class Room:
    """``number`` letters may go now; when it is 0, one may go at ``at``."""

    number: int
    at: float


def mailing_bucket(mailing: int) -> str:
    """Return the name of the bucket of a mailing with its own rate."""
    return f"mailing:{mailing}"


def domain_bucket(domain: str) -> str:
    """Return the name of the bucket of a recipient domain."""
    return f"domain:{domain}"


def room(conn: Connection, rates: Mapping[str, float], now: float) -> dict[str, Room]:
    """Return the room in each bucket at its rate a minute; the rows stay locked until the transaction ends."""
    if not rates:
        return {}
    query = select(PACE.c.bucket, PACE.c.empty_at).where(PACE.c.bucket.in_(sorted(rates)))
    query = query.order_by(PACE.c.bucket).with_for_update()
    known = dict(conn.execute(query).all())
    new = sorted(rates.keys() - known.keys())
    if new and conn.dialect.name != "sqlite":  # a missing row cannot be locked: two would each take the first burst
        rows = [{"bucket": bucket, "empty_at": 0.0, "changed_at": now} for bucket in new]
        conn.execute(insert_into(conn, PACE).on_conflict_do_nothing(), rows)
        known = dict(conn.execute(query).all())
    return {bucket: _room(known.get(bucket, 0.0), rate, now) for bucket, rate in rates.items()}


def take(conn: Connection, taken: Mapping[str, tuple[int, float]], now: float) -> None:
    """Record the (number, rate) that went through each bucket."""
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
    """Return the buckets through which no letter may go now: (rate a minute, when the next may go)."""
    query = select(PACE.c.bucket, PACE.c.empty_at, PACE.c.rate).where(PACE.c.bucket.in_(sorted(buckets)))
    found = {}
    for bucket, empty_at, rate in conn.execute(query):
        if rate and not (free := _room(empty_at, rate, now)).number:
            found[bucket] = (rate, free.at)
    return found


def forget(conn: Connection, now: float) -> int:
    """Delete stale buckets; return how many."""
    old = (PACE.c.empty_at < now - _FORGET) & (PACE.c.changed_at < now - _FORGET)
    return conn.execute(delete(PACE).where(old)).rowcount


def _burst(rate: float) -> int:
    return max(1, int(rate // 60))


def _interval(rate: float) -> float:
    """Return the seconds a letter: a little over 60 / rate, so that a burst and its successors stay within ``rate``."""
    return 60.0 / max(1.0, rate - (_burst(rate) - 1)) if rate >= 1 else 60.0 / rate


def _sane(empty_at: float, rate: float, now: float) -> float:
    """Return ``empty_at``, or ``now`` if it is impossibly late, since the clock was set back."""
    latest = now + (_burst(rate) + 1) * _interval(rate) + 1
    return now if empty_at > latest else empty_at


def _room(empty_at: float, rate: float, now: float) -> Room:
    interval, burst = _interval(rate), _burst(rate)
    behind = max(_sane(empty_at, rate, now) - now, 0.0)
    number = max(0, int((burst * interval - behind) / interval + 1e-6))
    return Room(number, now if number else now + behind - (burst - 1) * interval)
