"""Settings that were made in the console: the only module for the table ``setting``.

Promises: each change gives the table another :func:`revision`, in the same transaction, so that processes see that
they have to read it again. A value is a text, as an environment variable would have it. A secret one is sealed by the
caller before it comes here, and is never returned for display. The order of sources is environment, file, database;
only :mod:`campaigns.settings.configuration` puts them together.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Table, Text, delete, select
from sqlmodel import Field, SQLModel

from mailer.columns import Instant, insert_into


class SettingRow(SQLModel, table=True):
    """A setting. ``changed_by``: as the actor of the audit trail."""

    __tablename__ = "setting"

    key: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, nullable=False))
    is_secret: bool = Field(sa_column=Column(Boolean, nullable=False))
    changed_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    changed_by: str = Field(sa_column=Column(Text, nullable=False))


SETTING: Table = SQLModel.metadata.tables["setting"]
_REVISION = "revision"  # the key of the row with the revision: random, so that two changes at once are seen as well


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored setting; ``value`` is sealed for a secret one."""

    key: str
    value: str = field(repr=False)
    is_secret: bool
    changed_at: datetime
    changed_by: str


def everything(conn: Connection) -> dict[str, Stored]:
    """Return all stored settings by key."""
    query = select(SETTING).where(SETTING.c.key != _REVISION)
    return {row.key: Stored(**row._mapping) for row in conn.execute(query)}


def revision(conn: Connection) -> str:
    """Return a text that another change of any setting changes; "" before the first."""
    return conn.execute(select(SETTING.c.value).where(SETTING.c.key == _REVISION)).scalar() or ""


def put(conn: Connection, key: str, value: str, by: str, now: datetime, *, is_secret: bool = False) -> None:
    """Store a setting; an empty value removes it."""
    if value:
        _write(conn, {"key": key, "value": value, "is_secret": is_secret, "changed_at": now, "changed_by": by})
    else:
        conn.execute(delete(SETTING).where(SETTING.c.key == key))
    fresh = secrets.token_hex(16)
    _write(conn, {"key": _REVISION, "value": fresh, "is_secret": False, "changed_at": now, "changed_by": by})


def _write(conn: Connection, row: dict[str, Any]) -> None:
    changed = {name: row[name] for name in row if name != "key"}
    conn.execute(insert_into(conn, SETTING).values(row).on_conflict_do_update(index_elements=["key"], set_=changed))
