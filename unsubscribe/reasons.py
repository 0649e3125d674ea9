"""How many people opt out through a letter, and why: numbers per letter, without persons.

Home of the tables ``opt_out_count`` and ``opt_out_reason``. Promises: only numbers are kept, so no row here can be
traced to a person; a reason outside :data:`REASONS` counts as *other*. The reason of one opt-out counts once, in
whichever process it arrives. An opt-out that is undone is no longer in the number of those who left; its reason stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, Connection, Integer, Table, Text, select
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, insert_into
from mailer.signing import Token
from unsubscribe import changes

REASONS = ("too_many", "not_relevant", "never_asked", "changed_job", "other")


class ReasonRow(SQLModel, table=True):
    """How often a reason was given on the page after an opt-out through a letter of this mailing."""

    __tablename__ = "opt_out_reason"

    mailing_id: int = Field(sa_column=Column(NUMBER, primary_key=True, autoincrement=False))
    reason: str = Field(sa_column=Column(Text, primary_key=True))
    count: int = Field(sa_column=Column(Integer, nullable=False))


class OptOutCountRow(SQLModel, table=True):
    """How many people opted out through a letter of this mailing, without those who undid it."""

    __tablename__ = "opt_out_count"

    mailing_id: int = Field(sa_column=Column(NUMBER, primary_key=True, autoincrement=False))
    count: int = Field(sa_column=Column(Integer, nullable=False))


LEFT: Table = SQLModel.metadata.tables["opt_out_count"]
REASON: Table = SQLModel.metadata.tables["opt_out_reason"]


def add(conn: Connection, mailing_id: int, reason: str) -> None:
    """Add one to the count of a reason."""
    known = reason if reason in REASONS else "other"
    insert = insert_into(conn, REASON).values(mailing_id=mailing_id, reason=known, count=1)
    once_more = {"count": REASON.c.count + 1}
    conn.execute(insert.on_conflict_do_update(index_elements=["mailing_id", "reason"], set_=once_more))


def give(conn: Connection, token: Token, reason: str) -> None:
    """Count the reason of the opt-out in ``token.subject``, once: a button may be pressed twice."""
    if changes.answered(conn, token.subject):
        add(conn, token.mailing, reason)


def counts(conn: Connection, mailing_id: int) -> dict[str, int]:
    """Return the reasons that were given for a mailing, and how often."""
    query = select(REASON.c.reason, REASON.c.count).where(REASON.c.mailing_id == mailing_id)
    return {row[0]: row[1] for row in conn.execute(query)}


def count_left(conn: Connection, changed: Mapping[int, int]) -> None:
    """Add to the number of people who opted out through a mailing: a difference for each, in one order of locks."""
    for mailing_id in sorted(changed):
        more = changed[mailing_id]
        insert = insert_into(conn, LEFT).values(mailing_id=mailing_id, count=max(0, more))
        sum_ = {"count": LEFT.c.count + more}
        conn.execute(insert.on_conflict_do_update(index_elements=["mailing_id"], set_=sum_))


def left(conn: Connection, mailings: Sequence[int]) -> dict[int, int]:
    """Return how many people opted out through each of these mailings; a mailing without any is missing."""
    query = select(LEFT.c.mailing_id, LEFT.c.count).where(LEFT.c.mailing_id.in_(mailings))
    return {row[0]: row[1] for row in conn.execute(query)}
