"""The tables contact, topic and subscription. Their only home; other modules use :mod:`unsubscribe.contacts`.

Promises: one contact per address (``email_key``, lower-case, unique in the database), one subscription per contact and
topic. Numbers are never reused (tokens hold them for years). The address is kept as given. Consent is stored in
:mod:`unsubscribe.consent`; entries that hold mail back are in ``mailer.suppression``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, ForeignKey, Index, LargeBinary, Table, Text, func, literal_column
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant


class ContactRow(SQLModel, table=True):
    """A person with a mail address. ``attributes`` is JSON: text or list of text by name."""

    __tablename__ = "contact"
    __table_args__: Any = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    email: str = Field(sa_column=Column(Text, nullable=False))
    email_key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    address_hash: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    domain: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(default="", sa_column=Column(Text, nullable=False))
    language: str = Field(default="", sa_column=Column(Text, nullable=False))
    attributes: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    own_fields: str = Field(default="", sa_column=Column(Text, nullable=False))  # names that the reader set, by spaces
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class TopicRow(SQLModel, table=True):
    """A subject of letters, for subscriptions. ``names`` and ``descriptions`` are JSON: language to text."""

    __tablename__ = "topic"
    __table_args__: Any = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    slug: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    names: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    is_open: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))  # may strangers sign up for it?
    created_at: datetime = Field(sa_type=Instant)
    descriptions: str = Field(default="{}", sa_column=Column(Text, nullable=False, server_default="{}"))


class SubscriptionRow(SQLModel, table=True):
    """A contact and a topic. ``statement`` numbers the basis in ``consent_statement`` (0: none)."""

    __tablename__ = "subscription"
    __table_args__: Any = (Index("subscription_contact", "contact_id"), {"sqlite_with_rowid": False})

    topic_id: int = Field(sa_column=Column(NUMBER, ForeignKey("topic.id"), primary_key=True, autoincrement=False))
    contact_id: int = Field(
        sa_column=Column(NUMBER, ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    )
    state: str = Field(sa_column=Column(Text, nullable=False))
    since: datetime = Field(sa_type=Instant)
    statement: int = Field(default=0, sa_column=Column(NUMBER, nullable=False))


CONTACT: Table = SQLModel.metadata.tables["contact"]
TOPIC: Table = SQLModel.metadata.tables["topic"]
SUBSCRIPTION: Table = SQLModel.metadata.tables["subscription"]

LOWER_NAME = func.lower(CONTACT.c.name)
_SPACE: ColumnElement[str] = literal_column("' '")  # literally: a bound value matches no index
_NOTHING: ColumnElement[str] = literal_column("''")
_ONE: ColumnElement[int] = literal_column("1")
_BEFORE_LAST = func.rtrim(CONTACT.c.name, func.replace(CONTACT.c.name, _SPACE, _NOTHING))  # up to the last space
LAST_NAME = func.substr(LOWER_NAME, func.length(_BEFORE_LAST) + _ONE)


def _starts(name: str, expression: Any) -> Index:
    """Declare the index that finds the beginning of a text, sign by sign, whatever the order of the database is."""
    ops = {"start": "text_pattern_ops"}
    return Index(name, expression.label("start"), postgresql_ops=ops, _table=CONTACT)


_starts("contact_name", LOWER_NAME)
_starts("contact_last_name", LAST_NAME)
_starts("contact_address", CONTACT.c.email_key).ddl_if(dialect="postgresql")  # SQLite compares signs in any index
