"""Sessions of the console: the only module for the table ``staff_session``.

Promises: a session is 256 random bits in a cookie; only its SHA-256 is stored. It ends after ``IDLE`` without a
request, after ``LONGEST`` at the latest, and at once when its user ends it, is removed, or gets other rights. The stage
``password`` gives no right: the second factor is still to come, and it ends after ``HALF``. ``proved_at`` is when the
user last gave a password or code, for acts that cannot be undone. Functions take the caller's connection.

Source: OWASP session management; NIST SP 800-63B section 7.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Column, Connection, Index, Row, Table, Text, delete, insert, select, update
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant

IDLE, LONGEST, HALF = timedelta(hours=12), timedelta(days=7), timedelta(minutes=10)
FRESH = timedelta(minutes=15)
NOTED = timedelta(minutes=5)  # a request is noted in ``seen_at`` only when the last note is older: a page that is
# looked at writes nothing most of the time
KEPT = timedelta(days=30)  # how long a session is kept after the time in which it could be used
Stage = Literal["password", "whole"]


class StaffSessionRow(SQLModel, table=True):
    """A session. ``network``: the network of the peer; ``browser``: its name in words."""

    __tablename__ = "staff_session"
    __table_args__: Any = (Index("staff_session_user", "user_id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    user_id: int = Field(sa_column=Column(NUMBER, nullable=False))
    token_hash: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    stage: str = Field(sa_column=Column(Text, nullable=False))
    network: str = Field(sa_column=Column(Text, nullable=False))
    browser: str = Field(sa_column=Column(Text, nullable=False))
    made_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    seen_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    proved_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))


STAFF_SESSION: Table = SQLModel.metadata.tables["staff_session"]


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A session that has not ended."""

    id: int
    user_id: int
    stage: Stage
    network: str
    browser: str
    made_at: datetime
    seen_at: datetime
    proved_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Return whether the user gave a password or code within the last quarter of an hour."""
        return now - self.proved_at < FRESH


@dataclass(frozen=True, slots=True)
class Browser:
    """The origin of a request, for the list of sessions: a network, and a browser in words."""

    network: str
    name: str = field(default="")


def begin(conn: Connection, user: int, stage: Stage, browser: Browser, now: datetime) -> str:
    """Begin a session; return its token, for the cookie. An earlier token is never taken over (session fixation)."""
    token = secrets.token_urlsafe(32)
    row = {
        "user_id": user,
        "token_hash": _hash(token),
        "stage": stage,
        "network": browser.network,
        "browser": browser.name,
        "made_at": now,
        "seen_at": now,
        "proved_at": now,
    }
    conn.execute(insert(STAFF_SESSION).values(row))
    return token


def find(conn: Connection, token: str, now: datetime) -> StaffSession | None:
    """Return the session of a token; None for an unknown or ended one. Reads only."""
    if not token:
        return None
    row = conn.execute(select(STAFF_SESSION).where(STAFF_SESSION.c.token_hash == _hash(token))).first()
    return _session(row) if row and _lives(row, now) else None


def owner(conn: Connection, token: str) -> int | None:
    """Return the user whose session had this token, also when it has ended; None for an unknown one. Reads only."""
    if not token:
        return None
    query = select(STAFF_SESSION.c.user_id).where(STAFF_SESSION.c.token_hash == _hash(token))
    return conn.execute(query.where(STAFF_SESSION.c.stage == "whole")).scalar()


def needs_note(session: StaffSession, now: datetime) -> bool:
    """Return whether the request is to be noted by :func:`note`."""
    return now - session.seen_at >= NOTED


def note(conn: Connection, session: StaffSession, now: datetime) -> None:
    """Note that a session is in use."""
    conn.execute(update(STAFF_SESSION).where(STAFF_SESSION.c.id == session.id).values(seen_at=now))


def prove(conn: Connection, session: StaffSession, now: datetime) -> None:
    """Note that the user gave a password or code again."""
    conn.execute(update(STAFF_SESSION).where(STAFF_SESSION.c.id == session.id).values(proved_at=now, seen_at=now))


def alive(conn: Connection, numbers: Iterable[int], now: datetime) -> set[int]:
    """Return those of these sessions that have not ended. Reads only."""
    query = select(STAFF_SESSION).where(STAFF_SESSION.c.id.in_(list(numbers)))
    return {row.id for row in conn.execute(query) if _lives(row, now)}


def living(conn: Connection, user: int, now: datetime) -> list[StaffSession]:
    """Return the sessions of a user that have not ended, the last used first."""
    query = select(STAFF_SESSION).where(STAFF_SESSION.c.user_id == user).order_by(STAFF_SESSION.c.seen_at.desc())
    return [_session(row) for row in conn.execute(query) if _lives(row, now)]


def end(conn: Connection, user: int, session: int, now: datetime) -> bool:
    """End one session of a user; return whether there was one."""
    mine = (STAFF_SESSION.c.id == session) & (STAFF_SESSION.c.user_id == user) & STAFF_SESSION.c.ended_at.is_(None)
    return conn.execute(update(STAFF_SESSION).where(mine).values(ended_at=now)).rowcount == 1


def end_all(conn: Connection, user: int, now: datetime, but: int | None = None) -> int:
    """End all sessions of a user (except ``but``); return how many."""
    mine = (STAFF_SESSION.c.user_id == user) & STAFF_SESSION.c.ended_at.is_(None)
    if but is not None:
        mine &= STAFF_SESSION.c.id != but
    return conn.execute(update(STAFF_SESSION).where(mine).values(ended_at=now)).rowcount


def forget(conn: Connection, now: datetime) -> int:
    """Delete the sessions that were used last long ago; return how many."""
    return conn.execute(delete(STAFF_SESSION).where(STAFF_SESSION.c.seen_at < now - LONGEST - KEPT)).rowcount


def _lives(row: Row[Any], now: datetime) -> bool:
    if row.ended_at is not None:
        return False
    if row.stage == "password":
        return bool(now - row.made_at < HALF)
    return bool(now - row.seen_at < IDLE and now - row.made_at < LONGEST)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _session(row: Row[Any]) -> StaffSession:
    values = dict(row._mapping)
    return StaffSession(**{name: values[name] for name in StaffSession.__slots__})
