"""How often something may happen within a time. Home of the table ``allowance``: one row per *who*, not per try.

Promises: :func:`take` counts one use and returns whether that was within the limit, in one conditional statement. So
all web processes share a limit; a use over the limit writes nothing. :func:`spent` only reads, so a caller over a limit
is turned away before any lock is taken, and :class:`Spent` remembers it. The time begins with the first use that is
counted. Within any such time at most twice the limit passes (the end of one time and the beginning of the next). Nobody
is named: ``who`` is a keyed hash. :func:`forget` deletes a row when its time is over, some thousand rows a call.

Success of :func:`take` counts only once the caller's transaction is committed; a rollback gives the use back.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_interface, ip_network
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, case, delete, or_, select
from sqlmodel import Field, SQLModel

from mailer.columns import Instant, insert_into

MOST_FORGOTTEN, MOST_KNOWN = 5_000, 10_000
AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)


class AllowanceRow(SQLModel, table=True):
    """The number of uses under one limit, and until when they count. Deleted soon after."""

    __tablename__ = "allowance"

    who: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    ends: datetime = Field(sa_type=Instant, index=True)
    number: int = Field(sa_column=Column(Integer, nullable=False))


ALLOWANCE: Table = SQLModel.metadata.tables["allowance"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A maximum number of uses within a time. ``what`` is part of the hash: each kind is counted separately."""

    what: str
    most: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class LimitUse:
    """A limit, and the keyed hash of the party it is counted for."""

    limit: Limit
    who: bytes = field(repr=False)


def use(limit: Limit, pepper: bytes, who: str) -> LimitUse:
    """Return a use; ``who`` (an address, a domain, a network) is kept only as a keyed hash."""
    return LimitUse(limit, hmac.digest(pepper, f"postiljon limit\0{limit.what}\0{who}".encode(), hashlib.sha256)[:16])


def network_of(peer: str) -> str:
    """Return the network that a peer is in: the /48 of IPv6, which one customer can have whole; the /24 of IPv4.

    A peer that is not an address (or empty) is returned unchanged.
    """
    try:
        address = ip_interface(peer)
    except ValueError:
        return peer
    return str(ip_network((address.ip, 48 if address.version == 6 else 24), strict=False))


class Spent:
    """Used-up limits, remembered in this process: a flood is turned away without reading the database.

    It is never wrong: a limit that is used up stays so until its time is over. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._until: dict[bytes, datetime] = {}

    def knows(self, uses: Sequence[LimitUse], now: datetime) -> bool:
        """Return whether one of these limits is known to be used up now."""
        return any(until > now for use in uses if (until := self._until.get(use.who)))

    def which(self, uses: Sequence[LimitUse], now: datetime) -> Limit | None:
        """Return the first of these limits that is known to be used up."""
        return next((use.limit for use in uses if (until := self._until.get(use.who)) and until > now), None)

    def look(self, conn: Connection, uses: Sequence[LimitUse], now: datetime) -> bool:
        """Check as :func:`spent` does, and remember the result; beyond ``MOST_KNOWN`` the oldest is dropped."""
        found = _spent(conn, uses, now)
        for who, until in found.items():
            self._until[who] = until
        while len(self._until) > MOST_KNOWN:
            self._until.pop(next(iter(self._until)), None)
        return bool(found)


def of_contact(limit: Limit, contact: int) -> LimitUse:
    """Return a use by the number of a contact, which names nobody, so it needs no pepper."""
    return use(limit, b"", f"contact {contact}")


def spent(conn: Connection, uses: Sequence[LimitUse], now: datetime) -> bool:
    """Return whether one of these limits is used up now. Reads only; one look-up by key for each."""
    return bool(_spent(conn, uses, now))


def _spent(conn: Connection, uses: Sequence[LimitUse], now: datetime) -> dict[bytes, datetime]:
    """Return the limits that are used up, and until when."""
    row, most = ALLOWANCE.c, {use.who: use.limit.most for use in uses}
    query = select(row.who, row.ends, row.number).where(row.who.in_(list(most)), row.ends > now)
    return {bytes(who): ends for who, ends, number in conn.execute(query) if number >= most[bytes(who)]}


def take(conn: Connection, use: LimitUse, now: datetime) -> bool:
    """Count one use; return False and write nothing when the limit is used up."""
    row, ends = ALLOWANCE.c, now + use.limit.within
    over: Any = row.ends <= now
    insert = insert_into(conn, ALLOWANCE).values(who=use.who, ends=ends, number=1)
    counted = {
        "ends": case((over, insert.excluded.ends), else_=row.ends),
        "number": case((over, 1), else_=row.number + 1),
    }
    left = or_(over, row.number < use.limit.most)
    statement = insert.on_conflict_do_update(index_elements=["who"], set_=counted, where=left)
    return conn.execute(statement.returning(row.number)).scalar() is not None


def add_to_counter(conn: Connection, who: bytes, number: int, ends: datetime) -> None:
    """Add to a counter of our own, which limits nothing and is kept until ``ends``."""
    row, insert = ALLOWANCE.c, insert_into(conn, ALLOWANCE).values(who=who, ends=ends, number=number)
    added = {"ends": insert.excluded.ends, "number": row.number + insert.excluded.number}
    conn.execute(insert.on_conflict_do_update(index_elements=["who"], set_=added))


def counters(conn: Connection, start: bytes) -> list[tuple[bytes, int, datetime]]:
    """Return the counters whose name begins with ``start``: name, number, and until when they are kept."""
    row, after = ALLOWANCE.c, start[:-1] + bytes([start[-1] + 1])
    query = select(row.who, row.number, row.ends).where(row.who >= start, row.who < after).order_by(row.who)
    return [(bytes(who), number, ends) for who, number, ends in conn.execute(query)]


def forget(conn: Connection, now: datetime) -> int:
    """Delete some of the rows whose time is over; return how many. Call again until it is 0."""
    old = select(ALLOWANCE.c.who).where(ALLOWANCE.c.ends <= now).limit(MOST_FORGOTTEN)
    return conn.execute(delete(ALLOWANCE).where(ALLOWANCE.c.who.in_(old))).rowcount
