"""Links that work once: invitation, reset of a password, verification of an address, set-up of an empty installation.

Promises: a link is 256 random bits; only their SHA-256 is stored. It works once, until its end, and for its purpose
alone; a new link for the same purpose and user replaces the one before. Raises ``TokenError`` for any other text.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, Table, Text, insert, select, update
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant
from mailer.errors import TokenError


class LinkPurpose(StrEnum):
    """The one thing that a link does."""

    INVITATION = "invitation"
    RESET = "reset"
    ADDRESS = "address"
    SETUP = "setup"


VALID: dict[LinkPurpose, timedelta] = {
    LinkPurpose.INVITATION: timedelta(days=7),
    LinkPurpose.RESET: timedelta(hours=1),
    LinkPurpose.ADDRESS: timedelta(days=2),
    LinkPurpose.SETUP: timedelta(hours=1),
}


class StaffLinkRow(SQLModel, table=True):
    """A link. ``user_id`` is empty for the set-up link; ``email``: the mailbox that it was sent to."""

    __tablename__ = "staff_link"
    __table_args__: Any = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    token_hash: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    purpose: str = Field(sa_column=Column(Text, nullable=False))
    user_id: int | None = Field(default=None, sa_column=Column(NUMBER, nullable=True))
    email: str = Field(sa_column=Column(Text, nullable=False))
    made_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    ends_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))


STAFF_LINK: Table = SQLModel.metadata.tables["staff_link"]


@dataclass(frozen=True, slots=True)
class StaffLink:
    """A link that still works."""

    id: int
    purpose: LinkPurpose
    user_id: int | None
    email: str
    ends_at: datetime


def make(conn: Connection, purpose: LinkPurpose, user: int | None, email: str, now: datetime) -> str:
    """Make a link; return its token. Earlier ones for the same purpose, user and mailbox stop working."""
    token = secrets.token_urlsafe(32)
    same = (STAFF_LINK.c.purpose == purpose.value) & STAFF_LINK.c.used_at.is_(None) & (STAFF_LINK.c.email == email)
    same &= STAFF_LINK.c.user_id.is_(None) if user is None else STAFF_LINK.c.user_id == user
    conn.execute(update(STAFF_LINK).where(same).values(used_at=now))
    row = {"token_hash": _hash(token), "purpose": purpose.value, "user_id": user, "email": email, "made_at": now}
    conn.execute(insert(STAFF_LINK).values(**row, ends_at=now + VALID[purpose]))
    return token


def read(conn: Connection, purpose: LinkPurpose, token: str, now: datetime) -> StaffLink:
    """Return the link of a token. Reads only. Raises ``TokenError`` for one that does not work (any more)."""
    row = conn.execute(select(STAFF_LINK).where(_works(purpose, token, now))).first()
    if row is None:
        raise TokenError("this link does not work (any more)")
    return StaffLink(row.id, LinkPurpose(row.purpose), row.user_id, row.email, row.ends_at)


def use(conn: Connection, purpose: LinkPurpose, token: str, now: datetime) -> StaffLink:
    """Use a link up and return it: of two uses at once, one gets it. Raises ``TokenError``."""
    found = read(conn, purpose, token, now)
    mine = (STAFF_LINK.c.id == found.id) & STAFF_LINK.c.used_at.is_(None)
    if conn.execute(update(STAFF_LINK).where(mine).values(used_at=now)).rowcount != 1:
        raise TokenError("this link does not work (any more)")
    return found


def cancel(conn: Connection, user: int, now: datetime) -> None:
    """Stop all links of a user."""
    mine = (STAFF_LINK.c.user_id == user) & STAFF_LINK.c.used_at.is_(None)
    conn.execute(update(STAFF_LINK).where(mine).values(used_at=now))


def _works(purpose: LinkPurpose, token: str, now: datetime) -> Any:
    row = STAFF_LINK.c
    same = (row.token_hash == _hash(token)) & (row.purpose == purpose.value)
    return same & row.used_at.is_(None) & (row.ends_at > now)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
