"""Change details: the decisions behind ``/d/TOKEN`` and the fresh links that follow an opt-out.

Promises: :func:`save` stores name, language, the fields that the organisation opened, topics (leave and join again),
how often, and a pause, all or none of them; every change is announced to the mailbox with an undo, in the same
transaction, since whoever holds a forwarded letter holds this link. What a reader sets is marked as their own, and no
import overwrites it. :func:`undo` puts back each item that nobody changed since. Nothing that is stored is ever given
out: a form shows only what :func:`offered` says, which is the same for everybody with that letter.

Raises ``FaultsError`` (``field`` names the field of the form) for values that cannot be stored, ``TokenError`` for an
undo that there is not, ``StateError`` when the same person's details change too often in a day.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mailer import suppression
from mailer.errors import Fault, FaultsError, StateError, TokenError
from mailer.signing import Token
from templates.words import LANGUAGES
from unsubscribe import changes, consent, contacts, notices, optout, typed
from unsubscribe.changes import Change
from unsubscribe.consent import Statement
from unsubscribe.contacts import Contact, Standing, Topic
from unsubscribe.notices import Post
from unsubscribe.optout import Reader

MOST_CHANGES = 10  # announced in a day: more is somebody playing with another person's link
LONGEST_VALUE = 200
JOINED = Statement("consent", "change details page")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_KEEPS_OUT = ("erased", "complaint", "manual")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a reader filled in; None and what is missing stays as it is. ``until``: the end of a pause."""

    name: str | None = None
    language: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, bool] = field(default_factory=dict)
    days: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class House:
    """What the organisation allows: fields of its own (attributes), and who writes its service letters."""

    post: Post
    open_fields: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of it. ``change`` is None when all was so already; ``lines`` say in words what changed."""

    reader: Reader
    change: Change | None
    lines: Sequence[str] = ()


def offered(conn: Connection, reader: Reader) -> list[Topic]:
    """The topics that the form shows: the one of the letter, and those for which anybody may sign up."""
    mine = [reader.topic] if reader.topic else []
    return mine + [topic for topic in contacts.topics(conn, only_open=True) if topic not in mine]


def save(conn: Connection, token: Token, wishes: Wishes, house: House, now: datetime) -> Saved:
    """Store what differs and announce it. A reader who is gone changes nothing."""
    contact = contacts.get_many(conn, [token.recipient], lock=True).get(token.recipient)
    reader = optout.look(conn, token, now)
    if contact is None:
        return Saved(reader, None)
    topics = {topic.slug: topic for topic in offered(conn, reader)}
    _check(wishes, house, topics, now)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    _fields(conn, contact, wishes, (before, after), now)
    _topics(conn, contact, {topics[slug]: on for slug, on in wishes.topics.items()}, (before, after), now)
    _rhythm(conn, contact, wishes, (before, after), now)
    if not after:
        return Saved(reader, None)
    _not_too_often(conn, contact.id, now)
    change = changes.keep(conn, contact.id, "details", (before, after), now)
    fresh = contacts.get(conn, contact.id) or contact
    house.post.send(conn, "details_changed", change, notices.recipient_of(contact), fresh.language, now)
    return Saved(optout.look(conn, token, now), change, notices.in_words(conn, change, fresh.language))


def undo(conn: Connection, token: Token, now: datetime) -> Reader:
    """Put back what an act changed, where nobody changed it since; ``token.subject`` numbers it. Again: nothing more.

    Raises ``TokenError`` when there is no such act of this person.
    """
    contact = contacts.get_many(conn, [token.recipient], lock=True).get(token.recipient)
    change = changes.get(conn, token.subject)
    if contact is None:
        return optout.look(conn, token, now)  # erased: nothing is left to put back
    if change is None or change.contact_id != token.recipient or change.kind != "details":
        raise TokenError("there is nothing to undo")
    if changes.undone(conn, change.id, now):
        _fields_back(conn, contact, change, now)
        _topics_back(conn, contact, change, now)
        _rhythm_back(conn, contact, change, now)
    return optout.look(conn, token, now)


def _check(wishes: Wishes, house: House, topics: Mapping[str, Topic], now: datetime) -> None:
    faults: list[Fault] = []
    texts = {"name": wishes.name or "", **wishes.fields}
    for name, value in texts.items():
        if len(value) > LONGEST_VALUE:
            faults.append(_fault(name, f"{len(value)} characters", f"at most {LONGEST_VALUE}"))
        elif _CONTROL.search(value):
            faults.append(_fault(name, "a character that cannot be shown", "letters, digits and signs on one line"))
        elif typed.says_where(value):
            faults.append(_fault(name, "a link or a mail address", "a text without one"))
    faults += [
        _fault(name, "a field that is not open", "another field")
        for name in set(wishes.fields) - set(house.open_fields)
    ]
    faults += [
        _fault(f"topic-{slug}", "a topic that is not offered", "another topic")
        for slug in set(wishes.topics) - set(topics)
    ]
    if wishes.language is not None and wishes.language not in LANGUAGES["letter"]:
        faults.append(_fault("language", wishes.language, "one of " + ", ".join(LANGUAGES["letter"])))
    if wishes.days not in (None, 0, 7, 30):
        faults.append(_fault("often", str(wishes.days), "7, 30, or 0 for each letter"))
    if wishes.until is not None and not now < wishes.until <= now + optout.LONGEST_PAUSE:
        faults.append(_fault("until", wishes.until.isoformat(), "a day after today and within a year"))
    if faults:
        raise FaultsError(faults)


def _fault(name: str, found: str, expected: str) -> Fault:
    return Fault("", 0, name, found, expected)


_Sides = tuple[dict[str, Any], dict[str, Any]]


def _fields(conn: Connection, contact: Contact, wishes: Wishes, sides: _Sides, now: datetime) -> None:
    before, after = sides
    for name in ("name", "language"):
        wish = getattr(wishes, name)
        value = " ".join(wish.split()) if wish else ""
        if value and value != getattr(contact, name):
            before[name], after[name] = getattr(contact, name), value
    fields = {name: value.strip() for name, value in wishes.fields.items() if value.strip()}
    fields = {name: value for name, value in fields.items() if contact.attributes.get(name) != value}
    if fields:
        before["fields"] = {name: contact.attributes.get(name) for name in fields}
        after["fields"] = fields
    own = {*fields, *(name for name in ("name", "language") if name in after)}
    if own:
        before["own"] = sorted(contact.own_fields)
        changed = {name: after[name] for name in ("name", "language") if name in after}
        attributes = {**contact.attributes, **fields}
        contacts.change(conn, contact, now, attributes=attributes, own_fields=contact.own_fields | own, **changed)


def _fields_back(conn: Connection, contact: Contact, change: Change, now: datetime) -> None:
    before, after = change.before, change.after
    plain = {
        name: before[name] for name in ("name", "language") if name in after and getattr(contact, name) == after[name]
    }
    attributes = dict(contact.attributes)
    own = set(contact.own_fields) - (set(plain) - set(before.get("own", ())))
    for name, value in after.get("fields", {}).items():
        if attributes.get(name) == value:
            old = before["fields"][name]
            attributes.pop(name)
            attributes |= {} if old is None else {name: tuple(old) if isinstance(old, list) else old}
            own -= {name} - set(before["own"])
    contacts.change(conn, contact, now, attributes=attributes, own_fields=frozenset(own), **plain)


def _topics(conn: Connection, contact: Contact, wanted: Mapping[Topic, bool], sides: _Sides, now: datetime) -> None:
    """Leave and join topics; keep the rows and the suppressions as they were for an undo."""
    mine = contacts.standings(conn, [contact.id]).get(contact.id, {})
    held = suppression.entries(conn, contact.address_hash)
    scopes = {entry.scope for entry in held if entry.reason == "opt_out"}
    news: dict[Topic, bool] = {}
    for topic, on in wanted.items():
        state = mine[topic.id].state if topic.id in mine else "opted_out"
        held_back = bool(scopes & {topic.slug, ""})
        if (on and (held_back or state != "subscribed")) or (not on and not held_back and state != "opted_out"):
            news[topic] = on
    if not news:
        return
    if True in news.values() and any(entry.reason in _KEEPS_OUT and not entry.scope for entry in held):
        raise FaultsError([_fault("topics", "an address that gets no mail at all", "a new sign-up first")])
    sides[0]["topics"] = {topic.slug: optout.dump(mine[topic.id]) if topic.id in mine else None for topic in news}
    sides[0]["scopes"] = sorted(scopes)
    sides[1]["topics"] = {topic.slug: on for topic, on in news.items()}
    sides[1]["scopes"] = sorted(_scopes_after(conn, mine, scopes, news))
    _put_scopes(conn, contact, sides[0]["scopes"], sides[1]["scopes"], now)
    statement = consent.store_statement(conn, JOINED)
    rows = [
        Standing(contact.id, topic.id, "subscribed", now, statement)
        if on
        else replace(
            mine.get(topic.id, Standing(contact.id, topic.id, "opted_out", now, 0)), state="opted_out", since=now
        )
        for topic, on in news.items()
    ]
    contacts.put_standings(conn, rows)
    detail = {"address": contact.email, "how": "change details"}
    events = [
        consent.Event(contact.id, "given" if on else "withdrawn", topic.slug, now, statement if on else 0, detail)
        for topic, on in news.items()
    ]
    consent.record_many(conn, events, now)


def _scopes_after(
    conn: Connection, mine: Mapping[int, Standing], scopes: set[str], news: Mapping[Topic, bool]
) -> set[str]:
    """What is opted out of afterwards. Who left all mail and joins one topic stays out of every other one."""
    after = set(scopes)
    if "" in after and True in news.values():
        after.remove("")
        slugs = {topic.id: topic.slug for topic in contacts.topics(conn)}
        after |= {slugs[number] for number in mine}
    after |= {topic.slug for topic, on in news.items() if not on}
    return after - {topic.slug for topic, on in news.items() if on}


def _put_scopes(conn: Connection, contact: Contact, old: Sequence[str], new: Sequence[str], now: datetime) -> None:
    for scope in sorted(set(old) - set(new)):
        suppression.lift(conn, contact.address_hash, scope, ["opt_out"])
    suppression.suppress_many(
        conn, [(contact.address_hash, scope) for scope in sorted(set(new) - set(old))], "opt_out", now
    )


def _topics_back(conn: Connection, contact: Contact, change: Change, now: datetime) -> None:
    if "topics" not in change.after:
        return
    ids = {topic.slug: topic.id for topic in contacts.topics(conn)}
    mine = contacts.standings(conn, [contact.id]).get(contact.id, {})
    since = [slug for slug in change.after["topics"] if slug in ids and ids[slug] in mine]
    back = [slug for slug in since if mine[ids[slug]].since == change.at]
    if len(back) != len(change.after["topics"]):
        return  # somebody chose anew meanwhile: that choice stands
    _put_scopes(conn, contact, change.after["scopes"], change.before["scopes"], now)
    rows = {slug: change.before["topics"][slug] for slug in back}
    contacts.put_standings(conn, [optout.load(contact.id, row) for row in rows.values() if row])
    contacts.drop_standings(conn, contact.id, [ids[slug] for slug, row in rows.items() if not row])
    detail = {"address": contact.email, "how": "undo"}
    consent.record_many(conn, [consent.Event(contact.id, "undone", slug, now, 0, detail) for slug in back], now)


def _rhythm(conn: Connection, contact: Contact, wishes: Wishes, sides: _Sides, now: datetime) -> None:
    """How often, and a pause."""
    before, after = sides
    held = {entry.reason: entry for entry in suppression.entries(conn, contact.address_hash) if not entry.scope}
    often, pause = held.get("less_often"), held.get("pause")
    days = (often.every_days or 0) if often else 0
    if wishes.days is not None and wishes.days != days:
        before["days"], after["days"] = days, wishes.days
        suppression.limit(conn, contact.address_hash, wishes.days, now)
    until = pause.until if pause and pause.until and pause.until > now else None
    if wishes.until is not None and wishes.until != until:
        before["until"], after["until"] = until.isoformat() if until else None, wishes.until.isoformat()
        suppression.suppress(conn, contact.address_hash, suppression.EVERYTHING, "pause", now, wishes.until)


def _rhythm_back(conn: Connection, contact: Contact, change: Change, now: datetime) -> None:
    before, after = change.before, change.after
    if "days" in after:
        suppression.limit(conn, contact.address_hash, before["days"], now)
    if "until" in after:
        suppression.lift(conn, contact.address_hash, suppression.EVERYTHING, ["pause"])
        until = datetime.fromisoformat(before["until"]) if before["until"] else None
        if until:
            suppression.suppress(conn, contact.address_hash, suppression.EVERYTHING, "pause", now, until)


def _not_too_often(conn: Connection, contact_id: int, now: datetime) -> None:
    recent = [act for act in changes.of_contact(conn, contact_id) if act.at > now - timedelta(days=1)]
    if sum(act.kind in ("details", "address") for act in recent) >= MOST_CHANGES:
        raise StateError("these details were changed many times today; try again tomorrow")
