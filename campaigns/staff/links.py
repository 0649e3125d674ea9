"""Links that work once: invitation, reset of a password, verification of an address, set-up of an empty installation.

Promises: a link has 256 bits; only its SHA-256 is stored. It works once, until its end, and for its purpose alone. A
new link for the same purpose, user and mailbox replaces the one before, except for a reset: else a stranger who asks
for one would end the owner's. Raises ``TokenError`` for any other text.

A link that goes by mail is made by :func:`issue`: its token follows from the row and a secret key of the installation,
so that each attempt of the mail has the same (:func:`again`), and no table holds it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, Text, delete, insert, select, update
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant
from mailer.errors import TokenError
from mailer.signing import Key, Keyring


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


KEPT = timedelta(days=30)  # how long a row stays after the end of its link


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


@dataclass(frozen=True, slots=True)
class Issued:
    """A link for a mail: its number, its token, and its end."""

    id: int
    token: str = field(repr=False)
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


def issue(conn: Connection, keyring: Keyring, purpose: LinkPurpose, user: int, email: str, now: datetime) -> Issued:
    """Make a link for a mail to this mailbox."""
    if purpose is not LinkPurpose.RESET:
        same = (STAFF_LINK.c.purpose == purpose.value) & (STAFF_LINK.c.user_id == user) & (STAFF_LINK.c.email == email)
        conn.execute(update(STAFF_LINK).where(same, STAFF_LINK.c.used_at.is_(None)).values(used_at=now))
    row = {"purpose": purpose.value, "user_id": user, "email": email, "made_at": now, "ends_at": now + VALID[purpose]}
    made: Any = conn.execute(insert(STAFF_LINK).values(**row, token_hash=secrets.token_hex(32))).inserted_primary_key
    number = int(made[0])
    kept = conn.execute(select(STAFF_LINK).where(STAFF_LINK.c.id == number)).one()
    token = _derived(keyring.current, kept)
    conn.execute(update(STAFF_LINK).where(STAFF_LINK.c.id == number).values(token_hash=_hash(token)))
    return Issued(number, token, kept.ends_at)


def again(conn: Connection, keyring: Keyring, number: int) -> Issued | None:
    """Return a link of :func:`issue` as long as it was not used or replaced, and its key is there; else None."""
    row = conn.execute(select(STAFF_LINK).where(STAFF_LINK.c.id == number)).first()
    if row is None or row.used_at is not None:
        return None
    tokens = (_derived(key, row) for key in keyring.keys)
    found = next((token for token in tokens if _hash(token) == row.token_hash), "")
    return Issued(row.id, found, row.ends_at) if found else None


def newest(conn: Connection, purpose: LinkPurpose, user: int, now: datetime) -> int | None:
    """Return the number of the newest link of a user for a purpose that still works."""
    mine = (STAFF_LINK.c.purpose == purpose.value) & (STAFF_LINK.c.user_id == user)
    works = mine & STAFF_LINK.c.used_at.is_(None) & (STAFF_LINK.c.ends_at > now)
    return conn.execute(select(STAFF_LINK.c.id).where(works).order_by(STAFF_LINK.c.id.desc()).limit(1)).scalar()


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


def forget(conn: Connection, now: datetime) -> int:
    """Delete the rows whose link ended long ago; return how many."""
    return conn.execute(delete(STAFF_LINK).where(STAFF_LINK.c.ends_at <= now - KEPT)).rowcount


def _derived(key: Key, row: Row[Any]) -> str:
    """Return the token that follows from a row; a restored database that counts its rows again makes another one."""
    made = row.made_at.astimezone(UTC).isoformat(timespec="microseconds")
    content = "\0".join((row.purpose, str(row.id), str(row.user_id), row.email, made)).encode()
    halves = (key.mac(b"postiljon staff link v1, %d half\0" % half + content) for half in (1, 2))
    return base64.urlsafe_b64encode(b"".join(halves)).decode().rstrip("=")


def _works(purpose: LinkPurpose, token: str, now: datetime) -> Any:
    row = STAFF_LINK.c
    same = (row.token_hash == _hash(token)) & (row.purpose == purpose.value)
    return same & row.used_at.is_(None) & (row.ends_at > now)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
