"""Undeliverable addresses: the servers' statements about a mailbox, stored by keyed hash and date, strike it off.

A statement comes with the refusal of a campaign's letter. Promises (I15):

1. A *clear* statement strikes the address off at once, unless the wave rule applies.
2. An *unclear* one strikes it off when an earlier campaign, 1 to 90 days before, got a statement about the mailbox too.
   No letter to that address may have been accepted in between.
3. *Wave rule*: more than a tenth of a domain's last 100 answers, and at least 5, are the same clear statement. None of
   them strikes an address off; entries from the wave are lifted, and each delivery gets the reason ``outage``. The next
   campaign tries the addresses once: then rule 2 counts.

Nothing else strikes an address off. For a service letter only rule 1 applies, and no statement is stored. Statements
are deleted after 90 days (:func:`forget_before`), and with the contact (:func:`forget`). All functions run in the
caller's transaction; times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, LargeBinary, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from mailer import outbox, suppression
from mailer.columns import Instant
from mailer.outbox import Refusal
from mailer.outcome.series import LAST, is_wave

OUTAGE = "outage"
SOONEST, LATEST = timedelta(days=1), timedelta(days=90)


class MailboxStatementRow(SQLModel, table=True):
    """The last statement about a mailbox that a mailing got."""

    __tablename__ = "mailbox_statement"

    address_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    mailing_id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    reason: str
    clear: bool
    at: datetime = Field(sa_type=Instant, index=True)


STATEMENT: Table = SQLModel.metadata.tables["mailbox_statement"]


@dataclass(frozen=True, slots=True)
class MailboxStatement:
    """A server's statement about the mailbox of a delivery. ``reason``: the key of a class; ``service``: no campaign.

    ``wave``: the sender has seen a wave in its own answers; ``earlier``: deliveries of that wave.
    """

    delivery: int
    mailing: int
    recipient: int
    address_hash: bytes = field(repr=False)
    domain: str
    reason: str
    clear: bool
    service: bool = False
    wave: bool = False
    earlier: tuple[int, ...] = ()


def record(conn: Connection, statements: Iterable[MailboxStatement], now: datetime) -> None:
    """Store statements, and strike off the addresses they prove dead; the deliveries must have been settled before."""
    for said in statements:
        if not said.service:
            _keep(conn, said, now)
        repeated = not said.service and _repeated(conn, said.mailing, said.recipient, said.address_hash, now)
        if repeated or (said.clear and not _wave(conn, said, now)):
            suppression.strike_off(conn, said.address_hash, said.mailing, now)


def forget(conn: Connection, hashes: Collection[bytes]) -> int:
    """Delete all statements about these addresses; return their number."""
    return conn.execute(delete(STATEMENT).where(STATEMENT.c.address_hash.in_(list(hashes)))).rowcount


def forget_before(conn: Connection, now: datetime) -> int:
    """Delete the statements that are too old to count; return their number."""
    return conn.execute(delete(STATEMENT).where(STATEMENT.c.at < now - LATEST)).rowcount


def lift(
    conn: Connection,
    *,
    hashes: Sequence[bytes] | None = None,
    mailing: int | None = None,
    since: datetime | None = None,
) -> list[bytes]:
    """Lift *undeliverable* (see ``suppression.lift_undeliverable``), and delete its statements; return the hashes."""
    lifted = suppression.lift_undeliverable(conn, hashes=hashes, mailing=mailing, since=since)
    forget(conn, lifted)
    return lifted


def _keep(conn: Connection, said: MailboxStatement, now: datetime) -> None:
    dialect: Any = sqlite if conn.dialect.name == "sqlite" else postgresql
    values = {"reason": said.reason, "clear": said.clear, "at": now}
    row = {"address_hash": said.address_hash, "mailing_id": said.mailing} | values
    insert = dialect.insert(STATEMENT).values(row)
    conn.execute(insert.on_conflict_do_update(index_elements=["address_hash", "mailing_id"], set_=values))


def _repeated(conn: Connection, mailing: int, recipient: int, address_hash: bytes, now: datetime) -> bool:
    """Return whether an earlier campaign got a statement about the mailbox, and no letter was accepted since."""
    row = STATEMENT.c
    mine = (row.address_hash == address_hash, row.mailing_id != mailing)
    earlier = select(func.max(row.at)).where(*mine, row.at >= now - LATEST, row.at <= now - SOONEST)
    at: datetime | None = conn.execute(earlier).scalar()
    return at is not None and not outbox.accepted_since(conn, recipient, address_hash, at)


def _wave(conn: Connection, said: MailboxStatement, now: datetime) -> bool:
    """Return whether this statement is part of a wave; if so, correct the wave's earlier deliveries and this one."""
    answers = outbox.last_answers(conn, said.mailing, said.domain, said.delivery, LAST)
    same = [answer for answer in answers if answer.refused and answer.reason in (said.reason, OUTAGE)]
    if not (is_wave(len(same), len(answers)) or said.wave):
        return False
    known = {answer.delivery: answer for answer in same}
    known |= {answer.delivery: answer for answer in outbox.refusals(conn, said.mailing, [*said.earlier, said.delivery])}
    _put_right(conn, said.mailing, list(known.values()), now)
    return True


def _put_right(conn: Connection, mailing: int, wave: Sequence[Refusal], now: datetime) -> None:
    outbox.relabel(conn, [item.delivery for item in wave if item.reason != OUTAGE], OUTAGE)
    hashes = [item.address_hash for item in wave]
    struck = {found.address_hash for found in suppression.undeliverable(conn, hashes=hashes, mailing=mailing)}
    alone = [
        item.address_hash
        for item in wave
        if item.address_hash in struck and not _repeated(conn, mailing, item.recipient, item.address_hash, now)
    ]
    suppression.lift_undeliverable(conn, hashes=alone, mailing=mailing)
