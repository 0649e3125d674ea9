"""Topics and the subscriptions to them. SQL on the tables ``topic`` and ``subscription``, a function each.

States of a subscription: *subscribed* (gets letters), *pending* (has yet to confirm), *opted_out* (left). This module
stores the given state. Only :func:`subscribe` keeps an opted-out contact out, unless ``rejoin`` is set, which only the
reader's own act may do. Raises ``InputError`` for a topic that does not exist or a slug that cannot be one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from mailer import suppression
from mailer.columns import insert_into, json_object
from mailer.errors import InputError
from mailer.messages import Advice, Message
from mailer.prepared_statements import BulkInsert, PreparedStatement, given_numbers, instant, time_out
from unsubscribe.contacts.people import Contact, contact_columns, contact_of, dump_json, in_slices
from unsubscribe.contacts.tables import CONTACT, SUBSCRIPTION, TOPIC

SubscriptionState = Literal["subscribed", "pending", "opted_out"]
LONGEST_NAME, LONGEST_DESCRIPTION = 100, 300
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_COLUMNS = (
    TOPIC.c.id,
    TOPIC.c.slug,
    TOPIC.c.name,
    TOPIC.c.names,
    TOPIC.c.description,
    TOPIC.c.is_open,
    TOPIC.c.descriptions,
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that contacts subscribe to. ``is_open``: strangers may sign up for it."""

    id: int
    slug: str
    name: str
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    description: str = ""
    is_open: bool = False
    descriptions: Mapping[str, str] = field(default_factory=dict, hash=False)

    def name_in(self, language: str) -> str:
        """Return the name in a language, else the default name."""
        return self.names.get(language.partition("-")[0], self.name)

    def about(self, language: str) -> str:
        """Return the description in a language, else the default one."""
        return self.descriptions.get(language.partition("-")[0], self.description)


@dataclass(frozen=True, slots=True)
class Subscription:
    """The state of a contact for a topic, since when, and the number of its legal basis."""

    topic: Topic
    state: SubscriptionState
    since: datetime
    statement: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The row of a subscription, whole, so that it can be put back as it was."""

    contact_id: int
    topic_id: int
    state: SubscriptionState
    since: datetime
    statement: int


def check_slug(slug: str) -> str:
    """Return the slug, if it can be one: a-z, 0-9, hyphen and underscore, 64 at most. Else ``InputError``."""
    if not _SLUG.fullmatch(slug):
        expected = Message("{slug} cannot be a topic: expected lower-case letters, digits and hyphens, 64 at most")
        raise InputError(expected.format(slug=repr(slug)))
    return slug


def is_slug(text: str) -> bool:
    """Return whether a text can be the slug of a topic."""
    return _SLUG.fullmatch(text) is not None


def ensure_topic(conn: Connection, slug: str, name: str, now: datetime) -> Topic:
    """Return the topic with that slug, made if needed (then with ``name``, else with a name from the slug)."""
    shown = name or check_slug(slug).replace("-", " ").replace("_", " ").capitalize()
    values = {"slug": check_slug(slug), "name": shown, "names": "{}", "description": "", "is_open": False}
    insert = insert_into(conn, TOPIC).values(created_at=now, **values)
    conn.execute(insert.on_conflict_do_nothing(index_elements=["slug"]))
    return topic(conn, slug)


def describe_topic(conn: Connection, topic_id: int, **fields: Any) -> None:
    """Store ``name``, ``names``, ``description``, ``descriptions`` (mappings) or ``is_open`` of a topic."""
    for some in ("names", "descriptions"):
        if some in fields:
            fields[some] = json.dumps(fields[some], ensure_ascii=False, sort_keys=True)
    conn.execute(update(TOPIC).where(TOPIC.c.id == topic_id).values(**fields))


def find_topic(conn: Connection, slug: str) -> Topic | None:
    """Return the topic with that slug, or None."""
    row = conn.execute(select(*_COLUMNS).where(TOPIC.c.slug == slug)).first()
    return _topic_of(row) if row else None


def topic(conn: Connection, slug: str) -> Topic:
    """Return the topic with that slug; raises ``InputError`` when there is none."""
    found = find_topic(conn, slug)
    if found is None:
        said = Message("there is no topic {name}; {import_it}")
        raise InputError(said.format(name=repr(slug), import_it=Advice("import_topic", slug=slug)))
    return found


def topics(conn: Connection, *, only_open: bool = False) -> list[Topic]:
    """Return all topics by name; ``only_open``: only those for which strangers may sign up."""
    found = [_topic_of(row) for row in _TOPICS.run(conn, {}).fetchall()]
    return [topic for topic in found if topic.is_open] if only_open else found


_TOPICS = PreparedStatement(lambda _dialect: select(*_COLUMNS).order_by(TOPIC.c.name, TOPIC.c.id))


def subscriptions(conn: Connection, contact_id: int) -> dict[str, SubscriptionState]:
    """Return the contact's state for each topic with a row for it, by slug."""
    return {item.topic.slug: item.state for item in subscriptions_of(conn, contact_id)}


def subscriptions_of(conn: Connection, contact_id: int) -> list[Subscription]:
    """Return the contact's subscriptions with topic and date, by the topic's name."""
    query = (
        select(*_COLUMNS, SUBSCRIPTION.c.state, SUBSCRIPTION.c.since, SUBSCRIPTION.c.statement)
        .join_from(SUBSCRIPTION, TOPIC, TOPIC.c.id == SUBSCRIPTION.c.topic_id)
        .where(SUBSCRIPTION.c.contact_id == contact_id)
        .order_by(TOPIC.c.name, TOPIC.c.id)
    )
    return [Subscription(_topic_of(row), *row[-3:]) for row in conn.execute(query)]


def subscription(conn: Connection, contact_id: int, topic_id: int) -> tuple[SubscriptionState, datetime, int] | None:
    """Return state, since when, and statement; None when the contact has no row for the topic."""
    columns = (SUBSCRIPTION.c.state, SUBSCRIPTION.c.since, SUBSCRIPTION.c.statement)
    mine = (SUBSCRIPTION.c.topic_id == topic_id) & (SUBSCRIPTION.c.contact_id == contact_id)
    row = conn.execute(select(*columns).where(mine)).first()
    return (row[0], row[1], row[2]) if row else None


_STANDINGS = PreparedStatement(
    lambda dialect: select(
        SUBSCRIPTION.c.contact_id,
        SUBSCRIPTION.c.topic_id,
        SUBSCRIPTION.c.state,
        SUBSCRIPTION.c.since,
        SUBSCRIPTION.c.statement,
    ).where(SUBSCRIPTION.c.contact_id.in_(given_numbers(dialect)))
)


def standings(conn: Connection, contact_ids: Iterable[int]) -> dict[int, dict[int, Standing]]:
    """Return the rows of many contacts: by contact, then by topic."""
    found: dict[int, dict[int, Standing]] = {}
    for some in in_slices(sorted(set(contact_ids))):
        for contact_id, topic_id, state, since, statement in _STANDINGS.run(conn, {"b_ids": json.dumps(some)}):
            item = contact_id, topic_id, state, instant(since), statement
            found.setdefault(item[0], {})[item[1]] = Standing(*item)
    return found


def put_standings(conn: Connection, rows: Sequence[Standing]) -> None:
    """Store rows of subscriptions exactly, new or not."""
    last = {(row.topic_id, row.contact_id): row for row in rows}  # of a row that is given twice, the last one counts
    kind = conn.dialect.name
    _UPSERT.put(conn, [(*key, row.state, time_out(row.since, kind), row.statement) for key, row in last.items()])


def _or_change(insert: Any) -> Any:
    changed = {name: insert.excluded[name] for name in ("state", "since", "statement")}
    return insert.on_conflict_do_update(index_elements=["topic_id", "contact_id"], set_=changed)


_UPSERT = BulkInsert(SUBSCRIPTION, ("topic_id", "contact_id", "state", "since", "statement"), _or_change)


def drop_standings(conn: Connection, contact_id: int, topic_ids: Sequence[int]) -> None:
    """Delete rows of subscriptions, as if the contact had never subscribed to these topics."""
    mine = (SUBSCRIPTION.c.contact_id == contact_id, SUBSCRIPTION.c.topic_id.in_(tuple(topic_ids)))
    conn.execute(delete(SUBSCRIPTION).where(*mine))


def subscribe(
    conn: Connection, contact_id: int, topic_id: int, now: datetime, *, statement: int = 0, rejoin: bool = False
) -> SubscriptionState:
    """Subscribe a contact; return the new state. An opt-out stays unless ``rejoin``, which only the reader may use."""
    before = subscription(conn, contact_id, topic_id)
    if before and (before[0] == "subscribed" or (before[0] == "opted_out" and not rejoin)):
        return before[0]
    set_state(conn, contact_id, topic_id, "subscribed", now, statement=statement)
    return "subscribed"


def set_state(
    conn: Connection, contact_id: int, topic_id: int, state: SubscriptionState, since: datetime, *, statement: int = 0
) -> None:
    """Store a state; ``statement`` 0 leaves the number of the basis as it was."""
    row = {"contact_id": contact_id, "topic_id": topic_id, "state": state, "since": since, "statement": statement}
    changed = {"state": state, "since": since} | ({"statement": statement} if statement else {})
    insert = insert_into(conn, SUBSCRIPTION).values(row)
    conn.execute(insert.on_conflict_do_update(index_elements=["topic_id", "contact_id"], set_=changed))


def audience_page(conn: Connection, topic_slug: str, after_id: int = 0, limit: int = 1000) -> list[Contact]:
    """Return a page of the contacts that are subscribed to a topic, by number, those after ``after_id``.

    Suppressed addresses are among them: the statement that claims leaves them out (I2), and the report counts them.
    """
    query = (
        select(*contact_columns())
        .join_from(SUBSCRIPTION, CONTACT, CONTACT.c.id == SUBSCRIPTION.c.contact_id)
        .where(SUBSCRIPTION.c.topic_id == topic(conn, topic_slug).id, SUBSCRIPTION.c.state == "subscribed")
        .where(SUBSCRIPTION.c.contact_id > after_id)
        .order_by(SUBSCRIPTION.c.contact_id)
        .limit(limit)
    )
    return [contact_of(row) for row in conn.execute(query)]


def audience_until(conn: Connection, topic_slug: str, after_id: int, limit: int) -> tuple[int, int]:
    """Return the last number of the page after ``after_id`` (``after_id`` when it is empty), and how many are in it."""
    mine = SUBSCRIPTION.c.topic_id == topic(conn, topic_slug).id, SUBSCRIPTION.c.state == "subscribed"
    query = select(SUBSCRIPTION.c.contact_id).where(*mine, SUBSCRIPTION.c.contact_id > after_id)
    page = query.order_by(SUBSCRIPTION.c.contact_id).limit(limit).subquery()
    last, number = conn.execute(select(func.max(page.c.contact_id), func.count()).select_from(page)).one()
    return last or after_id, number


def audience_between(conn: Connection, topic_slug: str, after_id: int, last_id: int) -> Select[Any]:
    """Return a query for ``outbox.enqueue_selected``: number, address (with A-labels), address_hash, domain."""
    local = func.rtrim(CONTACT.c.email, func.replace(CONTACT.c.email, "@", ""))  # up to and including the last @
    columns = (CONTACT.c.id.label("number"), local.concat(CONTACT.c.domain).label("address"))
    hashed = CONTACT.c.address_hash.label("address_hash"), CONTACT.c.domain.label("domain")
    query = select(*columns, *hashed).join_from(SUBSCRIPTION, CONTACT, CONTACT.c.id == SUBSCRIPTION.c.contact_id)
    mine = SUBSCRIPTION.c.topic_id == topic(conn, topic_slug).id, SUBSCRIPTION.c.state == "subscribed"
    return query.where(*mine, SUBSCRIPTION.c.contact_id > after_id, SUBSCRIPTION.c.contact_id <= last_id).order_by(
        SUBSCRIPTION.c.contact_id
    )


def audience_count(conn: Connection, topic_slug: str) -> int:
    """Return the number of contacts subscribed to a topic."""
    mine = SUBSCRIPTION.c.topic_id == topic(conn, topic_slug).id
    query = select(func.count()).select_from(SUBSCRIPTION).where(mine, SUBSCRIPTION.c.state == "subscribed")
    return conn.execute(query).scalar_one()


def held_back(conn: Connection, topic_slug: str, now: datetime) -> dict[str, int]:
    """Return how many subscribers of a topic would be left out now, by the reason of their suppression."""
    held = suppression.SUPPRESSION.c
    per_address = (
        select(held.address_hash, func.min(held.reason).label("reason"))
        .where(suppression.in_force(topic_slug, now))
        .group_by(held.address_hash)
        .subquery()
        .c
    )
    mine = (SUBSCRIPTION.c.topic_id == topic(conn, topic_slug).id) & (SUBSCRIPTION.c.state == "subscribed")
    query = (
        select(per_address.reason, func.count())
        .join(CONTACT, CONTACT.c.address_hash == per_address.address_hash)
        .join(SUBSCRIPTION, (SUBSCRIPTION.c.contact_id == CONTACT.c.id) & mine)
        .group_by(per_address.reason)
    )
    return dict(map(tuple, conn.execute(query)))


def having(conn: Connection, name: str, topic_slug: str = "") -> bool:
    """Return whether any contact (of a topic) has an attribute of that name."""
    written = dump_json({name: ""})[1:-3]  # "name":
    attributes = CONTACT.c.attributes
    query = select(CONTACT.c.id).where(func.replace(attributes, written, "") != attributes).limit(1)
    if topic_slug:
        mine = SUBSCRIPTION.c.topic_id == topic(conn, topic_slug).id, SUBSCRIPTION.c.state == "subscribed"
        query = query.join(SUBSCRIPTION, SUBSCRIPTION.c.contact_id == CONTACT.c.id).where(*mine)
    return conn.execute(query).first() is not None


def _topic_of(row: Row[*tuple[Any, ...]]) -> Topic:
    return Topic(row[0], row[1], row[2], json_object(row[3]) or {}, row[4], bool(row[5]), json_object(row[6]) or {})
