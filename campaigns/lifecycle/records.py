"""Campaigns as stored: the only module for the table ``campaign``; one function for each operation.

Promises: a state moves by :func:`change_state` alone, one conditional statement whose WHERE comes from the state table
(:mod:`campaigns.lifecycle.states`), so that of two processes one wins. Launched values (``source``, ``parts``,
``snapshot``, ``mailing_id``) stay as they were. Each function takes the connection of the caller, which owns the
transaction. Raises ``InputError`` for a slug that does not exist, ``StateError`` for a move that the present state does
not allow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Column, Connection, Index, Row, Table, Text, func, literal, or_, select, update
from sqlmodel import Field, SQLModel

from campaigns.lifecycle.states import CampaignEvent, CampaignState, after, sources
from mailer import similar
from mailer.columns import NUMBER, Instant, insert_into, json_object
from mailer.errors import InputError
from mailer.messages import Message


class CampaignRow(SQLModel, table=True):
    """A campaign. ``parts`` is JSON: a hash for each part of the letter (text, brand, images)."""

    __tablename__ = "campaign"
    __table_args__: Any = (
        Index("campaign_due", "state", "send_at"),
        Index("campaign_launched", "launched_at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    slug: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    state: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    source: str = Field(sa_column=Column(Text, nullable=False))
    file_name: str = Field(sa_column=Column(Text, nullable=False))
    parts: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    snapshot: str = Field(default="", sa_column=Column(Text, nullable=False))
    mailing_id: int | None = Field(default=None, sa_column=Column(NUMBER, nullable=True, unique=True))
    subject: str = Field(sa_column=Column(Text, nullable=False))
    from_address: str = Field(sa_column=Column(Text, nullable=False))
    topic: str = Field(sa_column=Column(Text, nullable=False))
    language: str = Field(sa_column=Column(Text, nullable=False))
    timezone: str = Field(default="", sa_column=Column(Text, nullable=False))
    send_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))
    online: str = Field(sa_column=Column(Text, nullable=False))
    online_code: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    changed_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    launched_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))
    finished_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))
    origin: str = Field(sa_column=Column(Text, nullable=False, server_default="file"))
    name: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    version: int = Field(sa_column=Column(NUMBER, nullable=False, server_default="1"))
    put_away_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))


Origin = Literal["file", "console"]
CAMPAIGN: Table = SQLModel.metadata.tables["campaign"]
_BRIEF = [literal("").label("source") if column.name == "source" else column for column in CAMPAIGN.columns]
_SEARCHED = ("name", "subject", "slug")


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as stored. ``online`` is ``unlisted``, ``public`` or ``none``; ``subject`` is the public one.

    ``origin``: where its text is changed. ``name``: that of the staff, "" for the subject. ``version``: of its text.
    """

    id: int
    slug: str
    state: CampaignState
    reason: str
    source: str = field(repr=False)
    file_name: str
    parts: Mapping[str, str]
    snapshot: str
    mailing_id: int | None
    subject: str
    from_address: str
    topic: str
    language: str
    timezone: str
    send_at: datetime | None
    online: str
    online_code: str
    created_at: datetime
    changed_at: datetime
    launched_at: datetime | None
    finished_at: datetime | None
    origin: Origin
    name: str
    version: int
    put_away_at: datetime | None

    @property
    def shown(self) -> str:
        """The name that staff see: its own, else the subject, else the slug."""
        return self.name or self.subject or self.slug

    @property
    def is_launched(self) -> bool:
        """Return whether it has a mailing; from then on its text cannot change."""
        return self.mailing_id is not None


def find(conn: Connection, slug: str) -> Campaign | None:
    """Return the campaign with that slug, or None."""
    return _first(conn, CAMPAIGN.c.slug == slug)


def get(conn: Connection, slug: str) -> Campaign:
    """Return the campaign with that slug; ``InputError`` with slugs that look like it when there is none."""
    found = find(conn, slug)
    if found:
        return found
    near = similar.nearest(slug, conn.execute(select(CAMPAIGN.c.slug)).scalars())
    if near:
        said = Message("there is no campaign {name}; did you mean {near}?")
        raise InputError(said.format(name=repr(slug), near=repr(near[0])))
    raise InputError(Message("there is no campaign {name}", name=repr(slug)))


def locked(conn: Connection, slug: str) -> Campaign:
    """Return the campaign with that slug, which no other transaction changes until this one ends."""
    row = conn.execute(select(CAMPAIGN).where(CAMPAIGN.c.slug == slug).with_for_update()).first()
    return _campaign(row) if row else get(conn, slug)


def with_online_code(conn: Connection, code: str) -> Campaign | None:
    """Return the campaign that is read online under ``code``, once it was launched; None for one that is not online."""
    launched = CAMPAIGN.c.launched_at.is_not(None) & (CAMPAIGN.c.online != "none")
    return _first(conn, (CAMPAIGN.c.online_code == code) & launched)


def of_mailing(conn: Connection, mailing_id: int) -> Campaign | None:
    """Return the campaign that drives a mailing, or None: a service letter."""
    return _first(conn, CAMPAIGN.c.mailing_id == mailing_id)


def numbered(conn: Connection, number: int) -> Campaign | None:
    """Return the campaign with that number, or None."""
    return _first(conn, CAMPAIGN.c.id == number)


def of_mailings(conn: Connection, mailings: Sequence[int]) -> dict[int, Campaign]:
    """Return the campaigns that drive these mailings, by mailing, without their texts."""
    query = select(*_BRIEF).where(CAMPAIGN.c.mailing_id.in_(mailings))
    return {row.mailing_id: _campaign(row) for row in conn.execute(query)}


def earlier(conn: Connection, campaign: Campaign, most: int) -> list[Campaign]:
    """Return the campaigns of the same topic that were launched before this one, the newest first, without texts."""
    if campaign.launched_at is None:
        return []
    row = CAMPAIGN.c
    query = select(*_BRIEF).where(row.topic == campaign.topic, row.launched_at < campaign.launched_at)
    return [_campaign(one) for one in conn.execute(query.order_by(row.launched_at.desc()).limit(most))]


def all_campaigns(conn: Connection) -> list[Campaign]:
    """Return all campaigns, the newest first."""
    return [_campaign(row) for row in conn.execute(select(CAMPAIGN).order_by(CAMPAIGN.c.id.desc()))]


def has_name(conn: Connection, name: str) -> bool:
    """Return whether staff see a campaign under that name."""
    named = or_(CAMPAIGN.c.name == name, (CAMPAIGN.c.name == "") & (CAMPAIGN.c.subject == name))
    return conn.execute(select(CAMPAIGN.c.id).where(named).limit(1)).first() is not None


def newest(conn: Connection) -> Campaign | None:
    """Return the campaign that was made last, or None."""
    row = conn.execute(select(CAMPAIGN).order_by(CAMPAIGN.c.id.desc()).limit(1)).first()
    return _campaign(row) if row else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search for campaigns: in one of ``states`` (none: any), with each of ``words`` in name, subject or slug.

    ``before``: only campaigns with a smaller number, for the next page. ``put_away``: those alone.
    """

    states: Sequence[str] = ()
    words: str = ""
    topic: str = ""
    put_away: bool = False
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search. ``next_before``: where the next page begins, None at the end."""

    campaigns: list[Campaign]
    next_before: int | None


def search(conn: Connection, wanted: Wanted, most: int) -> Found:
    """Return a page of campaigns, the newest first, without their texts."""
    row = CAMPAIGN.c
    query = select(*_BRIEF).order_by(row.id.desc()).limit(most + 1)
    query = query.where(row.put_away_at.is_not(None) if wanted.put_away else row.put_away_at.is_(None))
    if wanted.states:
        query = query.where(row.state.in_(list(wanted.states)))
    if wanted.topic:
        query = query.where(row.topic == wanted.topic)
    if wanted.before is not None:
        query = query.where(row.id < wanted.before)
    for word in wanted.words.lower().split()[:10]:
        pattern = f"%{_escaped(word)}%"
        query = query.where(or_(*(func.lower(row[name]).like(pattern, escape="\\") for name in _SEARCHED)))
    found = [_campaign(one) for one in conn.execute(query)]
    return Found(found[:most], found[most - 1].id if len(found) > most else None)


def finished(conn: Connection, most: int) -> list[Campaign]:
    """Return the campaigns that were sent or stopped last, without their texts."""
    ended = CAMPAIGN.c.state.in_([CampaignState.FINISHED.value, CampaignState.CANCELLED.value])
    launched = CAMPAIGN.c.launched_at.is_not(None)
    query = select(*_BRIEF).where(ended, launched).order_by(CAMPAIGN.c.launched_at.desc()).limit(most)
    return [_campaign(row) for row in conn.execute(query)]


def drafts(conn: Connection, most: int) -> list[Campaign]:
    """Return the drafts that were changed last and not put away, without their texts."""
    open_ones = [CampaignState.DRAFT.value, CampaignState.IN_REVIEW.value, CampaignState.APPROVED.value]
    query = select(*_BRIEF).where(CAMPAIGN.c.state.in_(open_ones), CAMPAIGN.c.put_away_at.is_(None))
    return [_campaign(row) for row in conn.execute(query.order_by(CAMPAIGN.c.changed_at.desc()).limit(most))]


def planned(conn: Connection, until: datetime) -> list[Campaign]:
    """Return the campaigns that are planned for an hour before ``until``, the next one first, without their texts."""
    row = CAMPAIGN.c
    mine = (row.state == CampaignState.SCHEDULED.value) & (row.send_at < until)
    return [_campaign(one) for one in conn.execute(select(*_BRIEF).where(mine).order_by(row.send_at))]


def public_campaigns(conn: Connection) -> list[Campaign]:
    """Return the campaigns in the archive: launched and public, the newest first."""
    mine = (CAMPAIGN.c.online == "public") & CAMPAIGN.c.launched_at.is_not(None)
    return [
        _campaign(row) for row in conn.execute(select(CAMPAIGN).where(mine).order_by(CAMPAIGN.c.launched_at.desc()))
    ]


def in_states(conn: Connection, states: Sequence[CampaignState], *, brief: bool = False) -> list[Campaign]:
    """Return the campaigns in one of ``states``, the oldest first; ``brief``: without their texts."""
    columns = _BRIEF if brief else CAMPAIGN.columns
    query = select(*columns).where(CAMPAIGN.c.state.in_([state.value for state in states])).order_by(CAMPAIGN.c.id)
    return [_campaign(row) for row in conn.execute(query)]


def due(conn: Connection, now: datetime) -> list[Campaign]:
    """Return the campaigns whose hour has come."""
    ready = (CAMPAIGN.c.state == CampaignState.SCHEDULED.value) & (CAMPAIGN.c.send_at <= now)
    return [_campaign(row) for row in conn.execute(select(CAMPAIGN).where(ready).order_by(CAMPAIGN.c.send_at))]


def add(conn: Connection, values: Mapping[str, Any], now: datetime) -> bool:
    """Add a new draft; ``values`` by column. False when its slug is taken: another process was faster."""
    row = dict(values) | {"state": CampaignState.DRAFT.value, "reason": "", "created_at": now, "changed_at": now}
    statement = insert_into(conn, CAMPAIGN).values(**_plain(row)).on_conflict_do_nothing(index_elements=["slug"])
    return conn.execute(statement.returning(CAMPAIGN.c.id)).first() is not None


def store(conn: Connection, campaign_id: int, values: Mapping[str, Any], now: datetime) -> None:
    """Change the columns of a campaign that was not launched yet; ``state`` is not among them."""
    change = _plain(dict(values) | {"changed_at": now})
    conn.execute(update(CAMPAIGN).where(CAMPAIGN.c.id == campaign_id, CAMPAIGN.c.mailing_id.is_(None)).values(**change))


def attach(conn: Connection, campaign_id: int, mailing_id: int) -> None:
    """Remember the mailing that a campaign drives; it is never another one."""
    mine = (CAMPAIGN.c.id == campaign_id) & CAMPAIGN.c.mailing_id.is_(None)
    conn.execute(update(CAMPAIGN).where(mine).values(mailing_id=mailing_id))


def latest_sender(conn: Connection) -> str:
    """Return the From address of the campaign that was launched last, else of the one that was made last.

    "" for none.
    """
    row = CAMPAIGN.c
    query = select(row.from_address).where(row.from_address != "")
    launched = query.where(row.launched_at.is_not(None)).order_by(row.launched_at.desc(), row.id.desc()).limit(1)
    return conn.execute(launched).scalar() or conn.execute(query.order_by(row.id.desc()).limit(1)).scalar() or ""


def change_state(
    conn: Connection, campaign: Campaign, event: CampaignEvent, now: datetime, *, reason: str = "", **values: Any
) -> bool:
    """Move ``campaign`` by ``event``; return whether this call moved it. ``values`` are stored with the move.

    Raises ``StateError`` when its state, as the caller read it, allows no such move. False: it was changed since.
    """
    target = after(campaign.state, event, campaign.slug)
    allowed = [state.value for state in sources(event, target)]
    change = {"state": target.value, "reason": reason, "changed_at": now, **values}
    as_read = (CAMPAIGN.c.id == campaign.id) & (CAMPAIGN.c.changed_at == campaign.changed_at)
    mine = as_read & CAMPAIGN.c.state.in_(allowed)
    return conn.execute(update(CAMPAIGN).where(mine).values(**change)).rowcount == 1


TRIAL_CODE = "test"  # in the link of a test mail; other codes are longer


def online_url(public_url: str, online: str, code: str) -> str:
    """Return the address ``/o/CODE``; empty for a campaign that is not read online."""
    return f"{public_url}/o/{code}" if online != "none" else ""


def canonical_url(public_url: str, online: str, code: str, slug: str) -> str:
    """Return the lasting address of the public version: its page in the archive, else its code; empty for none."""
    return f"{public_url}/archive/{slug}" if online == "public" else online_url(public_url, online, code)


def _first(conn: Connection, condition: Any) -> Campaign | None:
    row = conn.execute(select(CAMPAIGN).where(condition)).first()
    return _campaign(row) if row else None


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    if "parts" in values:
        values["parts"] = json.dumps(values["parts"], sort_keys=True)
    return values


def _campaign(row: Row[Any]) -> Campaign:
    values = dict(row._mapping)
    return Campaign(**values | {"state": CampaignState(values["state"]), "parts": json_object(values["parts"]) or {}})
