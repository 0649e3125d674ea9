"""The versions of a campaign's text: the only module for the table ``campaign_version``.

Promises: a version never changes; numbers begin at 1 and go up by one within a campaign. Its hash is over text and
images. Images are named by their blobs in :mod:`mailer.archive`. Autosaves older than a day are thinned to one in ten
minutes (:func:`thin`); saved, planned and sent versions stay. Functions take the caller's connection.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Column, Connection, Row, Table, Text, delete, insert, literal, select, tuple_, update
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant, json_object
from mailer.errors import InputError
from mailer.messages import Message

Kind = Literal["autosave", "saved", "planned", "sent"]
KEPT_WHOLE, APART = timedelta(days=1), timedelta(minutes=10)


class CampaignVersionRow(SQLModel, table=True):
    """A version. ``images``: a JSON object, the name of an image → the hash of its blob."""

    __tablename__ = "campaign_version"

    campaign_id: int = Field(sa_column=Column(NUMBER, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(NUMBER, primary_key=True, autoincrement=False))
    source: str = Field(sa_column=Column(Text, nullable=False))
    images: str = Field(sa_column=Column(Text, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    made_by: str = Field(sa_column=Column(Text, nullable=False))
    made_at: datetime = Field(sa_column=Column(Instant, nullable=False))


CAMPAIGN_VERSION: Table = SQLModel.metadata.tables["campaign_version"]
_BRIEF = [literal("").label("source") if column.name == "source" else column for column in CAMPAIGN_VERSION.columns]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a campaign. ``made_by``: as the actor of the audit trail."""

    campaign_id: int
    number: int
    source: str = field(repr=False)
    images: Mapping[str, str]
    hash: str
    kind: Kind
    made_by: str
    made_at: datetime


def hash_of(source: str, images: Mapping[str, str]) -> str:
    """Return the hash over a text and its images."""
    content = json.dumps([source, sorted(images.items())], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def add(
    conn: Connection, campaign: int, content: tuple[str, Mapping[str, str]], kind: Kind, by: str, now: datetime
) -> Version:
    """Add a version after the latest one; ``content``: text and images. Return it."""
    source, images = content
    before = latest(conn, campaign)
    row: dict[str, Any] = {
        "campaign_id": campaign,
        "number": before.number + 1 if before else 1,
        "source": source,
        "images": json.dumps(dict(images), sort_keys=True),
        "hash": hash_of(source, images),
        "kind": kind,
        "made_by": by,
        "made_at": now,
    }
    conn.execute(insert(CAMPAIGN_VERSION).values(row))
    return Version(**row | {"images": dict(images)})


def keep(conn: Connection, version: Version, kind: Kind) -> None:
    """Give a version a kind that stays: it was planned or sent."""
    mine = (CAMPAIGN_VERSION.c.campaign_id == version.campaign_id) & (CAMPAIGN_VERSION.c.number == version.number)
    conn.execute(update(CAMPAIGN_VERSION).where(mine).values(kind=kind))


def latest(conn: Connection, campaign: int) -> Version | None:
    """Return the latest version of a campaign; None for a campaign of before there were versions."""
    mine = select(CAMPAIGN_VERSION).where(CAMPAIGN_VERSION.c.campaign_id == campaign)
    row = conn.execute(mine.order_by(CAMPAIGN_VERSION.c.number.desc()).limit(1)).first()
    return _version(row) if row else None


def get(conn: Connection, campaign: int, number: int) -> Version:
    """Return a version by its number. Raises ``InputError``."""
    mine = (CAMPAIGN_VERSION.c.campaign_id == campaign) & (CAMPAIGN_VERSION.c.number == number)
    row = conn.execute(select(CAMPAIGN_VERSION).where(mine)).first()
    if row is None:
        raise InputError(Message("there is no version {number} of this campaign", number=number))
    return _version(row)


def with_hash(conn: Connection, campaign: int, wanted: str) -> Version | None:
    """Return the latest version with a hash, or None."""
    mine = (CAMPAIGN_VERSION.c.campaign_id == campaign) & (CAMPAIGN_VERSION.c.hash == wanted)
    row = conn.execute(select(CAMPAIGN_VERSION).where(mine).order_by(CAMPAIGN_VERSION.c.number.desc()).limit(1)).first()
    return _version(row) if row else None


def made_by(conn: Connection, wanted: Sequence[tuple[int, int]], actor: str) -> set[int]:
    """Return those campaigns of which a version, given by campaign and number, was made by an actor."""
    row = CAMPAIGN_VERSION.c
    query = select(row.campaign_id).where(tuple_(row.campaign_id, row.number).in_(list(wanted)), row.made_by == actor)
    return set(conn.execute(query).scalars())


def all_of(conn: Connection, campaign: int, most: int = 200) -> list[Version]:
    """Return the versions of a campaign, the newest first, without their texts."""
    mine = select(*_BRIEF).where(CAMPAIGN_VERSION.c.campaign_id == campaign)
    return [_version(row) for row in conn.execute(mine.order_by(CAMPAIGN_VERSION.c.number.desc()).limit(most))]


def thin(conn: Connection, campaign: int, now: datetime) -> int:
    """Delete autosaves older than a day but the last one in each ten minutes; return how many went."""
    row = CAMPAIGN_VERSION.c
    query = select(row.number, row.made_at).where(row.campaign_id == campaign, row.kind == "autosave")
    last = latest(conn, campaign)
    old = [(number, at) for number, at in conn.execute(query.order_by(row.number.desc())) if now - at > KEPT_WHOLE]
    seen: set[int] = set()
    gone = []
    for number, at in old:
        slot = int(at.timestamp() // APART.total_seconds())
        if slot in seen and (last is None or number != last.number):
            gone.append(number)
        seen.add(slot)
    mine = (row.campaign_id == campaign) & row.number.in_(gone)
    return conn.execute(delete(CAMPAIGN_VERSION).where(mine)).rowcount if gone else 0


def _version(row: Row[Any]) -> Version:
    values = dict(row._mapping)
    images = {str(name): str(blob) for name, blob in (json_object(values["images"]) or {}).items()}
    return Version(**values | {"images": images})
