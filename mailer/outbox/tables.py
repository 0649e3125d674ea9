"""The tables ``mailing``, ``delivery``, ``mailing_figures``, ``sender``, ``service_stop``; the only place for them.

``delivery`` is unique per (mailing_id, recipient), enforced by the database (I1). The states of its rows have partial
indexes: an index holds only the rows that are searched for in that state. So ten million accepted rows cost the claim
nothing. Numbers are never reused (AUTOINCREMENT), because tokens in letters contain them for years.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant

COUNTERS = (
    "recipients",
    "waiting",
    "sending",
    "accepted",
    "retry",
    "refused",
    "skipped",
    "in_doubt",
    "bounced",
    "complained",
)
_EMPTY = {"server_default": ""}


SET_APART = "state IN ('retry', 'refused', 'skipped', 'in_doubt', 'bounced', 'complained')"
"""States of which the people are listed by reason; an index holds these rows alone."""


def _number() -> Any:
    return Column(NUMBER, primary_key=True, autoincrement=True)


def _partial(name: str, state: str, *columns: str) -> Index:
    condition = text(f"state = '{state}'")
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def _put_back(name: str, *columns: str) -> Index:
    """Return a partial index of the rows that wait because mail came too fast."""
    condition = text("state = 'waiting' AND reason = 'speed'")
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


class MailingRow(SQLModel, table=True):
    """One letter to one audience. The transaction that moves a delivery also updates the counters."""

    __tablename__ = "mailing"
    __table_args__ = (
        _partial("mailing_open", "open", "id"),
        _partial("mailing_held", "held", "hold_until"),
        Index(
            "mailing_expired",
            "changed_at",
            sqlite_where=text("reason = 'expired'"),
            postgresql_where=text("reason = 'expired'"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=_number())
    key: str = Field(unique=True)
    kind: str
    scope: str
    snapshot: str
    public_url: str
    return_path: str
    key_id: int
    dkim_selector: str
    dkim_domain: str
    priority: int = 0
    rate: int | None = None
    in_doubt_policy: str = "hold"
    send_before: datetime | None = Field(default=None, sa_type=Instant)
    recipient: int | None = Field(default=None, sa_type=BigInteger, index=True)  # of a letter for one contact
    state: str = "open"
    reason: str = ""
    hold_words: str = Field(default="", sa_column_kwargs=_EMPTY)  # the relay's words when a rule held the mailing
    hold_until: datetime | None = Field(default=None, sa_type=Instant)  # when it is released automatically
    resumed_words: str = Field(default="", sa_column_kwargs=_EMPTY)  # the words after which a person released it
    audience_complete: bool = False
    audience_position: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
    recipients: int = 0
    waiting: int = 0
    sending: int = 0
    accepted: int = 0
    retry: int = 0
    refused: int = 0
    skipped: int = 0
    in_doubt: int = 0
    bounced: int = 0
    complained: int = 0
    asked_for: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    from_address: str = Field(default="", sa_column=Column(String, nullable=False, server_default=""))


class DeliveryRow(SQLModel, table=True):
    """One letter to one recipient. ``at``: the start of its present state (in doubt: when it was offered)."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("mailing_id", "recipient"),
        _partial("delivery_waiting", "waiting", "mailing_id", "id", "domain"),
        _put_back("delivery_put_back", "mailing_id", "first_claimed_at"),
        _partial("delivery_retry", "retry", "mailing_id", "retry_at", "id", "domain"),
        _partial("delivery_sending", "sending", "sender_id"),
        _partial("delivery_in_doubt", "in_doubt", "mailing_id", "id"),
        Index(
            "delivery_set_apart",
            "mailing_id",
            "state",
            "reason",
            "recipient",
            sqlite_where=text(SET_APART),
            postgresql_where=text(SET_APART),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=_number())
    mailing_id: int = Field(sa_type=BigInteger)
    recipient: int = Field(sa_type=BigInteger)
    address: str
    address_hash: bytes = Field(sa_type=LargeBinary)
    domain: str
    state: str = "waiting"
    reason: str = ""
    attempt: int = 0  # claims so far: with sender_id it fences off late settlements
    tries: int = 0  # temporary refusals so far: selects the delay of the next attempt
    sender_id: int | None = Field(default=None, sa_type=BigInteger)
    first_claimed_at: datetime | None = Field(default=None, sa_type=Instant)
    retry_at: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime | None = Field(default=None, sa_type=Instant)
    code: int = 0
    reply: str = ""


class FiguresRow(SQLModel, table=True):
    """The figures of a mailing for its report. ``counters``: those of the mailing at that time; ``figures``: JSON."""

    __tablename__ = "mailing_figures"

    mailing_id: int = Field(sa_column=Column(NUMBER, primary_key=True, autoincrement=False))
    counters: str
    figures: str
    at: datetime = Field(sa_type=Instant)


class SenderRow(SQLModel, table=True):
    """One sender, running or ended; ``lock`` is the name of the lock that it holds while it runs (see senders.py)."""

    __tablename__ = "sender"
    __table_args__ = (
        Index("sender_running", "id", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=_number())
    name: str
    lock: str
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    relay: str = ""
    relay_away_since: datetime | None = Field(default=None, sa_type=Instant)
    relay_words: str = ""


class ServiceStopRow(SQLModel, table=True):
    """Why service mail of one From address waits; ``sender`` is that address, or ``*`` for all service mail."""

    __tablename__ = "service_stop"

    sender: str = Field(primary_key=True)
    reason: str
    words: str = ""
    since: datetime = Field(sa_type=Instant)
    refused_at: datetime = Field(sa_type=Instant)  # the last refusal
    tries: int = 0  # probes so far
    try_at: datetime = Field(sa_type=Instant)  # the time of the next probe
    probe: int | None = Field(default=None, sa_type=BigInteger)  # the mailing of the last probe
    probing: bool = False  # whether the answer to the probe is pending


MAILING: Table = SQLModel.metadata.tables["mailing"]
DELIVERY: Table = SQLModel.metadata.tables["delivery"]
FIGURES: Table = SQLModel.metadata.tables["mailing_figures"]
SENDER: Table = SQLModel.metadata.tables["sender"]
SERVICE_STOP: Table = SQLModel.metadata.tables["service_stop"]
