"""Changes that readers made, before and after: the home of the table ``change``. An undo puts the old values back.

Promises: a row per act of a reader; the row is deleted when its contact is erased. The module that wrote a row defines
the meaning of *before* and *after* (:mod:`.optout`, :mod:`.details`). A change is undone at most once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant, json_object
from mailer.prepared_statements import BulkInsert, PreparedStatement, given_numbers, instant, time_out
from unsubscribe.contacts.bulk import new_numbers

ChangeKind = Literal["opt_out", "details", "less_often", "pause", "address", "sign_up", "my_data"]


class ChangeRow(SQLModel, table=True):
    """An act of a reader; ``before`` and ``after`` are JSON."""

    __tablename__ = "change"
    __table_args__: Any = (Index("change_contact", "contact_id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    contact_id: int = Field(sa_column=Column(NUMBER, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    before: str = Field(sa_column=Column(Text, nullable=False))
    after: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_type=Instant)
    undone_at: datetime | None = Field(default=None, sa_type=Instant, nullable=True)


CHANGE: Table = SQLModel.metadata.tables["change"]
_ALL = select(
    CHANGE.c.id,
    CHANGE.c.contact_id,
    CHANGE.c.kind,
    CHANGE.c.before,
    CHANGE.c.after,
    CHANGE.c.at,
    CHANGE.c.undone_at,
)


@dataclass(frozen=True, slots=True)
class Change:
    """An act of a reader. ``undone_at``: when it was taken back."""

    id: int
    contact_id: int
    kind: ChangeKind
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    at: datetime
    undone_at: datetime | None = None


def keep(
    conn: Connection,
    contact_id: int,
    kind: ChangeKind,
    sides: tuple[Mapping[str, Any], Mapping[str, Any]],
    now: datetime,
) -> Change:
    """Store an act with its two sides, before and after."""
    act = Change(0, contact_id, kind, *sides, now)
    return replace(act, id=keep_many(conn, kind, [act], now)[0])


def keep_many(conn: Connection, kind: ChangeKind, acts: Sequence[Change], now: datetime) -> list[int]:
    """Store many acts; return their numbers, in the same order (the number in ``acts`` is ignored)."""
    numbers = new_numbers(conn, CHANGE, len(acts))
    at = time_out(now, conn.dialect.name)
    sides = [(act.contact_id, kind, _json(act.before), _json(act.after), at) for act in acts]
    _KEEP.put(conn, [(number, *side) for number, side in zip(numbers, sides, strict=True)])
    return numbers


_KEEP = BulkInsert(CHANGE, ("id", "contact_id", "kind", "before", "after", "at"))


def get(conn: Connection, number: int) -> Change | None:
    """Return the act with that number."""
    row = conn.execute(_ALL.where(CHANGE.c.id == number)).first()
    return _change_of(row) if row else None


def of_contact(conn: Connection, contact_id: int, kind: ChangeKind | None = None) -> list[Change]:
    """List the acts of a contact, oldest first: all, or those of one kind."""
    mine = [CHANGE.c.contact_id == contact_id, *([CHANGE.c.kind == kind] if kind else [])]
    return [_change_of(row) for row in conn.execute(_ALL.where(*mine).order_by(CHANGE.c.id))]


def standing(conn: Connection, contact_ids: Collection[int], kind: ChangeKind) -> dict[int, list[Change]]:
    """Return the acts of a kind that were not taken back, by contact, oldest first; contacts without one are absent."""
    found: dict[int, list[Change]] = {}
    if contact_ids:
        for row in _STANDING.run(conn, {"b_ids": json.dumps(sorted(contact_ids)), "b_kind": kind}).fetchall():
            act = Change(row[0], row[1], kind, json_object(row[2]) or {}, json_object(row[3]) or {}, instant(row[4]))
            found.setdefault(act.contact_id, []).append(act)
    return found


_STANDING = PreparedStatement(
    lambda dialect: (
        select(CHANGE.c.id, CHANGE.c.contact_id, CHANGE.c.before, CHANGE.c.after, CHANGE.c.at)
        .where(CHANGE.c.contact_id.in_(given_numbers(dialect)), CHANGE.c.undone_at.is_(None))
        .where(CHANGE.c.kind == bindparam("b_kind", type_=Text()))
        .order_by(CHANGE.c.id)
    )
)


def revise(conn: Connection, change: Change, after: Mapping[str, Any]) -> Change:
    """Store the present state of an act that takes several steps, unless it was taken back meanwhile."""
    _changes(conn, (CHANGE.c.id == change.id) & CHANGE.c.undone_at.is_(None), after=_json(after))
    return replace(change, after=after)


def answered(conn: Connection, number: int) -> bool:
    """Record that a reason was given for an act; return False when one was given before, or the act was deleted."""
    kept = conn.execute(select(CHANGE.c.after).where(CHANGE.c.id == number)).scalar()
    if kept is None or "answered" in (side := json_object(kept) or {}):
        return False
    return _changes(conn, (CHANGE.c.id == number) & (CHANGE.c.after == kept), after=_json(side | {"answered": True}))


def open_ones(conn: Connection, kind: ChangeKind, before: datetime) -> list[Change]:
    """Return the acts of a kind until a time that were not taken back, oldest first."""
    mine = (CHANGE.c.kind == kind, CHANGE.c.at <= before, CHANGE.c.undone_at.is_(None))
    return [_change_of(row) for row in conn.execute(_ALL.where(*mine).order_by(CHANGE.c.id))]


def forget(conn: Connection, before: datetime) -> int:
    """Delete the acts from before a time, which can no longer be undone; return how many."""
    return conn.execute(delete(CHANGE).where(CHANGE.c.at < before)).rowcount


def with_text(conn: Connection, kind: ChangeKind, text: str) -> list[Change]:
    """Return the acts of a kind, of any contact, that contain ``text`` (lower case) in any case; oldest first.

    Reads the whole table, so it is for an erasure alone.
    """
    sides = [func.lower(side).contains(text, autoescape=True) for side in (CHANGE.c.before, CHANGE.c.after)]
    query = _ALL.where(CHANGE.c.kind == kind, or_(*sides)).order_by(CHANGE.c.id)
    return [_change_of(row) for row in conn.execute(query)]


def remove(conn: Connection, number: int) -> None:
    """Delete one act."""
    conn.execute(delete(CHANGE).where(CHANGE.c.id == number))


def undone(conn: Connection, number: int, now: datetime) -> bool:
    """Record that an act was taken back; return False when it already was (one conditional statement)."""
    return _changes(conn, (CHANGE.c.id == number) & CHANGE.c.undone_at.is_(None), undone_at=now)


def _changes(conn: Connection, where: ColumnElement[bool], **values: Any) -> bool:
    """Store these values if one act is still as ``where`` says; return whether it was."""
    return conn.execute(update(CHANGE).where(where).values(**values)).rowcount == 1


def erase(conn: Connection, contact_id: int) -> None:
    """Delete all acts of a contact."""
    conn.execute(delete(CHANGE).where(CHANGE.c.contact_id == contact_id))


def _change_of(row: Row[*tuple[Any, ...]]) -> Change:
    return Change(row[0], row[1], row[2], json_object(row[3]) or {}, json_object(row[4]) or {}, row[5], row[6])


_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode  # made once: json.dumps makes it each time
