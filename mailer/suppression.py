"""The suppression list: keyed hashes of addresses, for a topic or for all mail, with a reason, a start and an end.

*Less often* is an entry whose ``until`` moves. Each campaign letter that is claimed for that address sets it again
(:func:`count_letter`, in the claiming transaction), so two campaigns at the same hour send one letter.

Promises: an entry is one row per (hash, scope, reason), so that lifting one reason leaves the others; scope ``""``
means all mail. Only :func:`verdict` defines the effect on a claim. Every entry in force for its scope or for all mail
holds a campaign back; only a dead address holds service mail back. No entry holds back a letter that the address itself
asked for, such as the confirmation of a sign-up. ``signing.address_hash`` makes the hash with the pepper.
:func:`bind_pepper` refuses a pepper other than the database's first one, since then no entry would be found (D11).

Success of :func:`suppress` means, once the caller's transaction is committed, that no claim takes that address. A
message that was claimed before is written within a second, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Index,
    LargeBinary,
    ScalarSelect,
    Select,
    Table,
    delete,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlmodel import Field, SQLModel

from mailer import journal
from mailer.columns import Instant, insert_into
from mailer.errors import SettingsError
from mailer.prepared_statements import BulkInsert, BulkLookup, instant, time_out
from mailer.signing import fingerprint

Reason = Literal["opt_out", "undeliverable", "complaint", "pause", "less_often", "erased", "manual"]
EVERYTHING = ""
JOURNALED = frozenset(
    {"opt_out", "complaint", "erased", "manual", "pause", "less_often"}
)  # reasons that come from people, not from servers
UNDELIVERABLE = "undeliverable"
HOLDS_SERVICE = UNDELIVERABLE


class SuppressionRow(SQLModel, table=True):
    """One reason not to mail one address."""

    __tablename__ = "suppression"
    __table_args__ = (
        Index(
            "suppression_limits",
            "every_days",
            sqlite_where=text("every_days IS NOT NULL"),
            postgresql_where=text("every_days IS NOT NULL"),
        ),
    )

    address_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    scope: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)
    every_days: int | None = None  # less_often: at most one campaign letter in this number of days
    mailing: int | None = Field(default=None, sa_type=BigInteger)  # the mailing that counted last, or struck it off


class PepperRow(SQLModel, table=True):
    """The fingerprint of this database's pepper; the table has one row."""

    __tablename__ = "pepper"

    id: int = Field(primary_key=True)
    fingerprint: bytes = Field(sa_type=LargeBinary)


SUPPRESSION: Table = SQLModel.metadata.tables["suppression"]
PEPPER: Table = SQLModel.metadata.tables["pepper"]


@dataclass(frozen=True, slots=True)
class SuppressionEntry:
    """One row without its hash, for display."""

    scope: str
    reason: str
    since: datetime
    until: datetime | None
    every_days: int | None = None


@dataclass(frozen=True, slots=True)
class StruckOff:
    """An address that is held back as *undeliverable*; ``mailing``: its letter was refused (None: not known)."""

    address_hash: bytes
    since: datetime
    mailing: int | None


def suppress(
    conn: Connection,
    address_hash: bytes,
    scope: str,
    reason: Reason,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Hold back mail of ``scope`` (``""``: all) to that address, for ever or ``until``. A repeat changes ``until``."""
    row = {"address_hash": address_hash, "scope": scope, "reason": reason, "since": now, "until": until}
    insert = insert_into(conn, SUPPRESSION).values(row)
    key = [SUPPRESSION.c.address_hash, SUPPRESSION.c.scope, SUPPRESSION.c.reason]
    conn.execute(insert.on_conflict_do_update(index_elements=key, set_={"until": insert.excluded.until}))
    _journal(conn, address_hash, scope, reason, {"since": now.isoformat(), "until": until and until.isoformat()})


def strike_off(conn: Connection, address_hash: bytes, mailing: int, now: datetime) -> None:
    """Hold back all mail as *undeliverable*, since the letter of a mailing was refused; an earlier entry stays."""
    row = {"address_hash": address_hash, "scope": EVERYTHING, "reason": UNDELIVERABLE, "since": now, "mailing": mailing}
    conn.execute(insert_into(conn, SUPPRESSION).values(row).on_conflict_do_nothing())


def undeliverable(
    conn: Connection,
    *,
    hashes: Sequence[bytes] | None = None,
    mailing: int | None = None,
    since: datetime | None = None,
) -> list[StruckOff]:
    """Return the *undeliverable* addresses, oldest first: all, only these, by a mailing, or since a time."""
    row = SUPPRESSION.c
    query = select(row.address_hash, row.since, row.mailing).where(*_struck_off(hashes, mailing, since))
    return [StruckOff(bytes(item[0]), item[1], item[2]) for item in conn.execute(query.order_by(row.since))]


def undeliverable_hashes(mailing: int | None = None, since: datetime | None = None) -> Select[Any]:
    """Return a query for the hashes of undeliverable addresses, for joins: all, by a mailing, or since a time."""
    return select(SUPPRESSION.c.address_hash).where(*_struck_off(None, mailing, since))


def lift_undeliverable(
    conn: Connection,
    *,
    hashes: Sequence[bytes] | None = None,
    mailing: int | None = None,
    since: datetime | None = None,
) -> list[bytes]:
    """Lift *undeliverable* for the addresses that :func:`undeliverable` selects; return their hashes."""
    gone = delete(SUPPRESSION).where(*_struck_off(hashes, mailing, since)).returning(SUPPRESSION.c.address_hash)
    return [bytes(found) for found in conn.execute(gone).scalars()]


def _struck_off(
    hashes: Sequence[bytes] | None, mailing: int | None, since: datetime | None
) -> list[ColumnElement[bool]]:
    row = SUPPRESSION.c
    chosen = [row.scope == EVERYTHING, row.reason == UNDELIVERABLE]
    if hashes is not None:
        chosen.append(row.address_hash.in_(hashes))
    if mailing is not None:
        chosen.append(row.mailing == mailing)
    if since is not None:
        chosen.append(row.since >= since)
    return chosen


def suppress_many(
    conn: Connection, holds: Sequence[tuple[bytes, str]], reason: Reason, now: datetime, *, journaled: bool = False
) -> None:
    """Hold back mail for ever, for many (address hash, scope); an existing entry stays as it was.

    ``journaled``: the caller has written the :func:`lines` of these holds to the journal.
    """
    if holds:
        since = time_out(now, conn.dialect.name)
        _HOLD.put(conn, [(hashed, scope, reason, since) for hashed, scope in holds])
    for line in () if journaled else lines(holds, reason, now):
        journal.add(conn, line)


def lines(holds: Sequence[tuple[bytes, str]], reason: Reason, now: datetime) -> list[journal.Line]:
    """Return the journal's lines about these holds: added by :func:`suppress_many`, or ahead of its transaction."""
    said = {"reason": reason, "since": now.isoformat(), "until": None}
    return [{"hash": hashed.hex(), "scope": scope} | said for hashed, scope in holds if reason in JOURNALED]


_HOLD = BulkInsert(
    SUPPRESSION, ("address_hash", "scope", "reason", "since"), lambda insert: insert.on_conflict_do_nothing()
)


def limit(conn: Connection, address_hash: bytes, days: int, now: datetime) -> None:
    """Limit an address to one campaign letter in ``days`` days; 0 lifts the limit (docs/decisions, less often)."""
    lift(conn, address_hash, EVERYTHING, ["less_often"])
    if days:
        row = {"address_hash": address_hash, "scope": EVERYTHING, "reason": "less_often", "since": now}
        first = now + rest(days) - timedelta(days=1)  # the last letter, which led to this request, came before now
        conn.execute(insert_into(conn, SUPPRESSION).values(**row, until=first, every_days=days))
        _journal(conn, address_hash, EVERYTHING, "less_often", {"since": now.isoformat(), "days": days})


def rest(days: int) -> timedelta:
    """Return the time between two letters: a tenth less than ``days``, so that an early weekly letter is still sent."""
    return timedelta(days=days - max(1, days // 10))


def limits(conn: Connection) -> list[int]:
    """Return the distinct limits in days of all addresses; usually none."""
    return list(conn.execute(limits_query()).scalars())


def limits_query() -> Select[int]:
    """Return the query of :func:`limits`; the claim prepares it once."""
    return select(SUPPRESSION.c.every_days).where(SUPPRESSION.c.every_days.is_not(None)).distinct()


def count_letter(conn: Connection, mailing: int, hashes: Sequence[bytes], days: Sequence[int], now: datetime) -> None:
    """Count claimed letters for the addresses that want letters less often; ``days`` comes from :func:`limits`."""
    row = SUPPRESSION.c
    for every in days if hashes else ():
        mine = (row.every_days == every, row.address_hash.in_(hashes), row.reason == "less_often")
        conn.execute(update(SUPPRESSION).where(*mine).values(until=now + rest(every), mailing=mailing))


def lift(conn: Connection, address_hash: bytes, scope: str, reasons: Iterable[str]) -> int:
    """Remove these reasons for exactly that scope; return the number of removed entries."""
    reasons = tuple(reasons)
    for reason in reasons:
        _journal(conn, address_hash, scope, reason, {"lifted": True})
    mine = (SUPPRESSION.c.address_hash == address_hash, SUPPRESSION.c.scope == scope)
    return conn.execute(delete(SUPPRESSION).where(*mine, SUPPRESSION.c.reason.in_(reasons))).rowcount


def move(conn: Connection, old: bytes, new: bytes) -> None:
    """Move the entries of one hash to another: that of the same mailbox in its canonical spelling."""
    row = SUPPRESSION.c
    columns = [column.name for column in SUPPRESSION.columns]
    theirs = select(*(literal(new, LargeBinary()) if name == "address_hash" else row[name] for name in columns))
    for entry in entries(conn, old):
        said = {"since": entry.since.isoformat(), "until": entry.until and entry.until.isoformat()}
        _journal(conn, new, entry.scope, entry.reason, said | ({"days": entry.every_days} if entry.every_days else {}))
    insert = insert_into(conn, SUPPRESSION).from_select(columns, theirs.where(row.address_hash == old))
    conn.execute(insert.on_conflict_do_nothing())
    conn.execute(delete(SUPPRESSION).where(row.address_hash == old))


def why(conn: Connection, address_hash: bytes, scope: str, now: datetime, *, service: bool = False) -> str | None:
    """Return the reason for which a letter of ``scope`` would be held back now, or ``None``."""
    row = SUPPRESSION
    query = select(func.min(row.c.reason)).where(row.c.address_hash == address_hash, in_force(scope, now))
    if service:
        query = query.where(row.c.reason == HOLDS_SERVICE)
    reason: str | None = conn.execute(query).scalar()
    return reason


def entries(conn: Connection, address_hash: bytes) -> list[SuppressionEntry]:
    """Return all entries of one address, also expired ones."""
    row = SUPPRESSION.c
    query = select(row.scope, row.reason, row.since, row.until, row.every_days)
    query = query.where(row.address_hash == address_hash)
    return [SuppressionEntry(*item) for item in conn.execute(query.order_by(row.scope, row.reason))]


def entries_of(conn: Connection, hashes: Sequence[bytes]) -> dict[bytes, list[SuppressionEntry]]:
    """Return the entries of many addresses; addresses without entries are left out."""
    found: dict[bytes, list[SuppressionEntry]] = {}
    row = SUPPRESSION.c
    if len(hashes) > 100 and conn.execute(select(row.scope).limit(1)).first() is None:
        return found  # an import into a new installation looks up thousands of addresses in an empty table
    for hashed, scope, reason, since, until, every in _ENTRIES.rows(conn, hashes):
        entry = SuppressionEntry(scope, reason, instant(since), until and instant(until), every)
        found.setdefault(bytes(hashed), []).append(entry)
    return found


_ENTRIES = BulkLookup(
    LargeBinary(),
    lambda given: select(
        SUPPRESSION.c.address_hash,
        SUPPRESSION.c.scope,
        SUPPRESSION.c.reason,
        SUPPRESSION.c.since,
        SUPPRESSION.c.until,
        SUPPRESSION.c.every_days,
    ).where(SUPPRESSION.c.address_hash.in_(given)),
)


def in_force(scope: Any, now: Any) -> ColumnElement[bool]:
    """Return the condition of an entry for ``scope`` at ``now`` (values, columns or bound parameters)."""
    row = SUPPRESSION.c
    return row.scope.in_([EVERYTHING, scope]) & or_(row.until.is_(None), row.until > now)


def verdict(address_hash: Any, now: Any, mailing: Any) -> ScalarSelect[Any]:
    """Return the claim's expression for the reason that holds a row back, or NULL; of several, the first by alphabet.

    ``mailing``: the columns of the row's mailing. A letter that *less often* has counted already does not hold itself
    back in a later attempt.
    """
    row = SUPPRESSION.c
    counted = (row.reason == "less_often") & row.mailing.is_not(None) & (row.mailing == mailing.id)
    service = (row.reason == HOLDS_SERVICE) & not_(mailing.asked_for)
    matters = or_(mailing.kind == "campaign", service) & ~counted
    query = select(func.min(row.reason)).where(row.address_hash == address_hash, in_force(mailing.scope, now), matters)
    return query.scalar_subquery()


def bind_pepper(conn: Connection, pepper: bytes) -> None:
    """Store the pepper's fingerprint, or compare it; raises ``SettingsError`` for another pepper."""
    known = conn.execute(select(PEPPER.c.fingerprint)).scalar()
    if known is None:
        conn.execute(PEPPER.insert().values(id=1, fingerprint=fingerprint(pepper)))
    elif bytes(known) != fingerprint(pepper):
        raise SettingsError(
            "POSTILJON_PEPPER is not the one that this database was made with: nobody who opted out would be "
            "recognised. Put back the pepper of the backup (secrets.toml)"
        )


def _journal(conn: Connection, address_hash: bytes, scope: str, reason: str, more: dict[str, Any]) -> None:
    if reason in JOURNALED:
        journal.add(conn, {"hash": address_hash.hex(), "scope": scope, "reason": reason} | more)
