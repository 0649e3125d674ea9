"""Who gets no mail: keyed hashes of addresses, for a topic or for all, with a reason, since when and until when.

Promises: an entry is one row per (hash, scope, reason), so that lifting one reason leaves the others; scope ``""``
means all mail. What it means for a claim is written once, in :func:`verdict`: a campaign is held back by every
entry that is in force for its scope or for all; service mail only by a dead address. The hash is made by
``signing.address_hash`` with the pepper; :func:`bind_pepper` refuses another pepper than the one that the database
was begun with, since then no entry would be found (D11).

Success of :func:`suppress` means, once the caller's transaction is committed: no claim takes that address. A
message that was claimed before is written within a second, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, LargeBinary, ScalarSelect, Table, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from mailer.errors import SettingsError
from mailer.signing import fingerprint
from mailer.storage import Instant

Reason = Literal["opt_out", "undeliverable", "complaint", "pause", "less_often", "erased", "manual"]
EVERYTHING = ""
HOLDS_SERVICE = "undeliverable"


class SuppressionRow(SQLModel, table=True):
    """One reason not to mail one address."""

    __tablename__ = "suppression"

    address_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    scope: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)


class PepperRow(SQLModel, table=True):
    """By which the pepper of this database is recognised; one row."""

    __tablename__ = "pepper"

    id: int = Field(primary_key=True)
    fingerprint: bytes = Field(sa_type=LargeBinary)


SUPPRESSION: Table = SQLModel.metadata.tables["suppression"]
PEPPER: Table = SQLModel.metadata.tables["pepper"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, as it may be shown."""

    scope: str
    reason: str
    since: datetime
    until: datetime | None


def suppress(
    conn: Connection,
    address_hash: bytes,
    scope: str,
    reason: Reason,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Hold back mail of ``scope`` (``""``: all) to that address, for ever or ``until``. Again: ``until`` changes."""
    row = {"address_hash": address_hash, "scope": scope, "reason": reason, "since": now, "until": until}
    insert = _insert(conn)(SUPPRESSION).values(row)
    key = [SUPPRESSION.c.address_hash, SUPPRESSION.c.scope, SUPPRESSION.c.reason]
    conn.execute(insert.on_conflict_do_update(index_elements=key, set_={"until": insert.excluded.until}))


def lift(conn: Connection, address_hash: bytes, scope: str, reasons: Iterable[str]) -> int:
    """Take away these reasons for exactly that scope; the number of entries that were there."""
    mine = (SUPPRESSION.c.address_hash == address_hash, SUPPRESSION.c.scope == scope)
    return conn.execute(delete(SUPPRESSION).where(*mine, SUPPRESSION.c.reason.in_(tuple(reasons)))).rowcount


def why(conn: Connection, address_hash: bytes, scope: str, now: datetime, *, service: bool = False) -> str | None:
    """The reason for which a letter of ``scope`` would be held back now, or ``None``."""
    row = SUPPRESSION
    query = select(func.min(row.c.reason)).where(row.c.address_hash == address_hash, in_force(scope, now))
    if service:
        query = query.where(row.c.reason == HOLDS_SERVICE)
    reason: str | None = conn.execute(query).scalar()
    return reason


def entries(conn: Connection, address_hash: bytes) -> list[Entry]:
    """All entries of one address, also those whose time is over."""
    row = SUPPRESSION.c
    query = select(row.scope, row.reason, row.since, row.until).where(row.address_hash == address_hash)
    return [Entry(*item) for item in conn.execute(query.order_by(row.scope, row.reason))]


def in_force(scope: Any, now: Any) -> ColumnElement[bool]:
    """The condition under which an entry counts for ``scope`` at ``now`` (values, columns or bound parameters)."""
    row = SUPPRESSION.c
    return row.scope.in_([EVERYTHING, scope]) & or_(row.until.is_(None), row.until > now)


def verdict(address_hash: Any, kind: Any, scope: Any, now: Any) -> ScalarSelect[Any]:
    """For the claim: the reason that holds this row back, or NULL. Several: the first in the alphabet."""
    row = SUPPRESSION.c
    matters = or_(kind == "campaign", row.reason == HOLDS_SERVICE)
    query = select(func.min(row.reason)).where(row.address_hash == address_hash, in_force(scope, now), matters)
    return query.scalar_subquery()


def bind_pepper(conn: Connection, pepper: bytes) -> None:
    """Remember the pepper's fingerprint, or compare it; raises ``SettingsError`` when it is another pepper."""
    known = conn.execute(select(PEPPER.c.fingerprint)).scalar()
    if known is None:
        conn.execute(PEPPER.insert().values(id=1, fingerprint=fingerprint(pepper)))
    elif bytes(known) != fingerprint(pepper):
        raise SettingsError(
            "POSTILJON_PEPPER is not the one that this database was made with: nobody who opted out would be "
            "recognised. Put back the pepper of the backup (secrets.toml)"
        )


def _insert(conn: Connection) -> Any:
    return sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
