"""Change details: the decisions behind ``/d/TOKEN`` and the fresh links that follow an opt-out.

Promises: :func:`save` stores name, language, the fields that the organisation opened, topics (leave and join again),
frequency, and a pause: all or none of them. Every change is announced to the mailbox with an undo, in the same
transaction, since a forwarded letter also carries this link. A value that the reader sets is marked as their own, and
no import overwrites it. :func:`undo` puts back each item separately, where it was not changed since. :func:`less_often`
and :func:`pause` announce a change that lets more mail through than before, and no other. A stored value is never
shown: a form shows only the result of :func:`offered`, which is the same for every reader of that letter.

Raises ``FaultsError`` (``field`` names the field of the form) for values that cannot be stored, and ``TokenError`` for
an undo that does not exist. Raises ``StateError`` when more changes would be announced in a day than a mailbox may get.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailer import suppression
from mailer.control_characters import IN_SHOWN_LINE
from mailer.errors import Fault, FaultsError, InputError, StateError, TokenError
from mailer.signing import Token
from templates.words import LANGUAGES
from unsubscribe import changes, consent, contacts, frequency, limits, moves, optout, repeated_optout, typed_text
from unsubscribe.changes import Change, ChangeKind
from unsubscribe.consent import ConsentStatement
from unsubscribe.contacts import Contact, Standing, Topic
from unsubscribe.frequency import FrequencyChoice, Sides
from unsubscribe.history import History, Row
from unsubscribe.limits import Limit
from unsubscribe.notices import MOST_A_DAY, ServiceMailer
from unsubscribe.optout import Subscriber

DETAILS = Limit(
    "details of a contact", MOST_A_DAY["details_changed"], limits.A_DAY
)  # more means that somebody plays with another person's link
LONGEST_VALUE = 200
JOINED = ConsentStatement("consent", "change details page")
_KEEPS_OUT = ("erased", "complaint", "manual")


@dataclass(frozen=True, slots=True)
class DetailsForm:
    """The values that a reader filled in; None or a missing key leaves a value as is. ``until``: the end of a pause."""

    name: str | None = None
    language: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, bool] = field(default_factory=dict)
    days: int | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was filled in."""
        texts = (self.name, self.language, *self.fields.values())
        return not (any(text and text.strip() for text in texts) or self.topics or self._rhythm)

    @property
    def takes_away(self) -> bool:
        """Return whether the form only asks for less mail."""
        texts = any((self.name, self.language, *self.fields.values()))
        return not texts and True not in self.topics.values() and self.days != 0

    @property
    def _rhythm(self) -> bool:
        return self.days is not None or self.until is not None

    def as_stored(self) -> dict[str, Any]:
        """Return all values that were filled in, in the shape of the *after* side of an act."""
        values = {"name": self.name, "language": self.language, "days": self.days, "until": self.until}
        own = {"fields": self.fields, "topics": self.topics}
        return {name: value for name, value in values.items() if value is not None} | own


@dataclass(frozen=True, slots=True)
class DetailsPolicy:
    """The settings of the organisation: its own fields (attributes), and the sender of its service letters."""

    service_mail: ServiceMailer
    open_fields: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """The result of :func:`save`. ``change`` is None when every value was stored already."""

    reader: Subscriber
    change: Change | None


def offered(conn: Connection, reader: Subscriber) -> list[Topic]:
    """Return the topics that the form shows: the topic of the letter, and those open to everybody."""
    mine = [reader.topic] if reader.topic else []
    return mine + [topic for topic in contacts.topics(conn, only_open=True) if topic not in mine]


def is_over(conn: Connection, contact_id: int, now: datetime) -> bool:
    """Return whether the day's forms are used up: then a looser choice is refused, or left as it is."""
    return limits.spent(conn, [limits.of_contact(DETAILS, contact_id)], now)


def is_refused(conn: Connection, contact_id: int, form: DetailsForm, now: datetime) -> bool:
    """Return whether :func:`save` would refuse this form today. Reads only, so it can be called before any lock."""
    return not form.is_empty and not form.takes_away and is_over(conn, contact_id, now)


def save(conn: Connection, token: Token, form: DetailsForm, policy: DetailsPolicy, now: datetime) -> Saved:
    """Store the values that differ and announce them. For an erased reader nothing changes.

    Each form counts, whether or not it differs from the stored values, so that counting reveals nothing. Forms that
    only reduce mail are never refused: over the limit they are stored and not announced.
    """
    contact = contacts.get_many(conn, [token.recipient], lock=True).get(token.recipient)
    reader = optout.look(conn, token, now)
    if contact is None or form.is_empty:
        return Saved(reader, None)
    topics = {topic.slug: topic for topic in offered(conn, reader)}
    _check(form, policy, topics, now)
    within = _take(conn, contact, now)
    if not within and not form.takes_away:
        raise StateError("these details were changed many times today; try again tomorrow")
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    _fields(conn, contact, form, (before, after), now)
    _topics(conn, contact, {topics[slug]: on for slug, on in form.topics.items()}, (before, after), now)
    rhythm = frequency.apply(conn, contact, FrequencyChoice(form.days, form.until, only_stricter=not within), now)
    before, after = before | rhythm[0], after | rhythm[1]
    if not after:
        return Saved(reader, None)
    change = _keep(conn, contact, (before, after), policy if within else None, now)
    return Saved(optout.look(conn, token, now), change)


def less_often(conn: Connection, token: Token, days: int, policy: DetailsPolicy, now: datetime) -> Subscriber:
    """Limit campaign letters to one in 7 or 30 days; 0: each one. Takes back the opt-out in ``token.subject``.

    A looser choice than the present one is announced, with an undo (I7). It counts as :func:`save` does; over the limit
    the stricter of the two stays, and *each letter* raises ``StateError``.
    """
    if days not in (0, 7, 30):
        raise InputError(f"{days} days: expected 7, 30, or 0 for each letter")
    return _instead(conn, token, "less_often", policy, (now, FrequencyChoice(days)))


def pause(conn: Connection, token: Token, until: datetime | None, policy: DetailsPolicy, now: datetime) -> Subscriber:
    """Hold campaign letters until a day (None: end the pause). Takes back the opt-out in ``token.subject``.

    A shorter pause than the present one is announced, with an undo (I7). It counts as :func:`save` does; over the limit
    the longer of the two stays, and ending it raises ``StateError``.
    """
    if until is not None and not now < until <= now + optout.LONGEST_PAUSE:
        raise InputError("a pause ends between tomorrow and a year from now")
    return _instead(conn, token, "pause", policy, (now, FrequencyChoice(until=until)))


def undo(conn: Connection, token: Token, now: datetime) -> tuple[Subscriber, bool]:
    """Put back the values of act ``token.subject`` that were not changed since. A second call changes nothing.

    The second value tells whether anything was put back, now or before. Raises ``TokenError`` when there is no such act
    of this person.
    """
    contact = contacts.get_many(conn, [token.recipient], lock=True).get(token.recipient)
    change = changes.get(conn, token.subject)
    if contact is None:
        return optout.look(conn, token, now), False  # erased: nothing is left to put back
    if change is None or change.contact_id != token.recipient or change.kind != "details":
        raise TokenError("there is nothing to undo")
    if change.undone_at or not moves.may_take_back(conn, contact, token, now):
        return optout.look(conn, token, now), change.undone_at is not None
    changes.undone(conn, change.id, now)
    history = History(changes.of_contact(conn, contact.id), change)
    done = [
        _fields_back(conn, contact, change, history, now),
        _topics_back(conn, contact, change, history, now),
        frequency.put_back(conn, contact, change, history, now),
    ]
    return optout.look(conn, token, now), any(done)


def _instead(
    conn: Connection, token: Token, kind: ChangeKind, policy: DetailsPolicy, when: tuple[datetime, FrequencyChoice]
) -> Subscriber:
    """Take back the opt-out that the token names, if any, and make the choice that replaces it. Locks the contact."""
    now, wanted = when
    contacts.lock(conn, [token.recipient])
    reader = optout.undo(conn, token, now) if token.subject else optout.look(conn, token, now)
    contact = reader.contact
    if contact is None:
        return reader
    within = _take(conn, contact, now)
    ends = wanted.until is None and wanted.days is None
    if not within and (ends or wanted.days == 0):
        raise StateError("how often was changed many times today; try again tomorrow")
    wanted = replace(wanted, only_stricter=not within)
    sides = frequency.end_pause(conn, contact, now) if ends else frequency.apply(conn, contact, wanted, now)
    if frequency.is_looser(*sides):
        _keep(conn, contact, sides, policy, now)
    elif sides[1]:
        changes.keep(conn, contact.id, kind, sides, now)
    return optout.look(conn, token, now)


def _take(conn: Connection, contact: Contact, now: datetime) -> bool:
    """Count one form that was filled in; return whether it is within the day's limit."""
    return limits.take(conn, limits.of_contact(DETAILS, contact.id), now)


def _keep(conn: Connection, contact: Contact, sides: Sides, policy: DetailsPolicy | None, now: datetime) -> Change:
    """Keep an act; with ``policy``, tell the mailbox too, with an undo, in the language that was stored before it."""
    change = changes.keep(conn, contact.id, "details", sides, now)
    if policy:
        policy.service_mail.announce(conn, "details_changed", change, contact, now)
    return change


def _check(form: DetailsForm, policy: DetailsPolicy, topics: Mapping[str, Topic], now: datetime) -> None:
    faults: list[Fault] = []
    texts = {"name": form.name or "", **form.fields}
    for name, value in texts.items():
        if len(value) > LONGEST_VALUE:
            faults.append(_fault(name, f"{len(value)} characters", f"at most {LONGEST_VALUE}"))
        elif IN_SHOWN_LINE.search(value):
            faults.append(_fault(name, "a character that cannot be shown", "letters, digits and signs on one line"))
        elif typed_text.says_where(value):
            faults.append(_fault(name, "a link or a mail address", "a text without one"))
    faults += [
        _fault(name, "a field that is not open", "another field") for name in set(form.fields) - set(policy.open_fields)
    ]
    faults += [
        _fault(f"topic-{slug}", "a topic that is not offered", "another topic")
        for slug in set(form.topics) - set(topics)
    ]
    if form.language is not None and form.language not in LANGUAGES["letter"]:
        faults.append(_fault("language", form.language, "one of " + ", ".join(LANGUAGES["letter"])))
    if form.days not in (None, 0, 7, 30):
        faults.append(_fault("often", str(form.days), "7, 30, or 0 for each letter"))
    if form.until is not None and not now < form.until <= now + optout.LONGEST_PAUSE:
        faults.append(_fault("until", form.until.isoformat(), "a day after today and within a year"))
    if faults:
        raise FaultsError(faults)


def _fault(name: str, found: str, expected: str) -> Fault:
    return Fault("", 0, name, found, expected)


def _fields(conn: Connection, contact: Contact, form: DetailsForm, sides: Sides, now: datetime) -> None:
    before, after = sides
    for name in ("name", "language"):
        given = getattr(form, name)
        value = " ".join(given.split()) if given else ""
        if value and value != getattr(contact, name):
            before[name], after[name] = getattr(contact, name), value
    fields = {name: value.strip() for name, value in form.fields.items() if value.strip()}
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


def _fields_back(conn: Connection, contact: Contact, change: Change, history: History, now: datetime) -> bool:
    after = change.after
    plain = {
        name: history.before(name)
        for name in ("name", "language")
        if name in after and getattr(contact, name) == after[name] and history.is_newest(name)
    }
    attributes = dict(contact.attributes)
    own = set(contact.own_fields) - {name for name in plain if not history.was_own(name)}
    done = bool(plain)
    for name, value in after.get("fields", {}).items():
        if attributes.get(name) == value and history.is_newest(f"fields.{name}"):
            old = history.before(f"fields.{name}")
            attributes.pop(name)
            attributes |= {} if old is None else {name: tuple(old) if isinstance(old, list) else old}
            own -= set() if history.was_own(f"fields.{name}") else {name}
            done = True
    if done:
        contacts.change(conn, contact, now, attributes=attributes, own_fields=frozenset(own), **plain)
    return done


def _topics(conn: Connection, contact: Contact, wanted: Mapping[Topic, bool], sides: Sides, now: datetime) -> None:
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
    repeated_optout.record_many(conn, {contact.id: [topic.slug for topic, on in wanted.items() if not on]}, now)
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
        consent.ConsentEvent(
            contact.id, "given" if on else "withdrawn", topic.slug, now, statement if on else 0, detail
        )
        for topic, on in news.items()
    ]
    consent.record_many(conn, events, now)


def _scopes_after(
    conn: Connection, mine: Mapping[int, Standing], scopes: set[str], news: Mapping[Topic, bool]
) -> set[str]:
    """Return the opt-outs afterwards. A contact that left all mail and joins one topic stays out of every other."""
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


def _topics_back(conn: Connection, contact: Contact, change: Change, history: History, now: datetime) -> bool:
    """Put back each topic for which no later choice was made."""
    chosen = change.after.get("topics", {})
    ids = {topic.slug: topic.id for topic in contacts.topics(conn)}
    mine = contacts.standings(conn, [contact.id]).get(contact.id, {})
    there = [slug for slug in chosen if slug in ids and ids[slug] in mine]
    joined = consent.store_statement(conn, JOINED)
    by_it = [slug for slug in there if mine[ids[slug]].since == change.at]
    back = [
        slug for slug in by_it if not chosen[slug] or mine[ids[slug]].statement == joined
    ]  # else by an import since
    if not back:
        return False
    held = {entry.scope for entry in suppression.entries(conn, contact.address_hash) if entry.reason == "opt_out"}
    rows = {slug: history.row_before(change.before["topics"][slug]) for slug in back}
    _put_scopes(conn, contact, sorted(held), sorted(_scopes_before(change, held, rows)), now)
    contacts.put_standings(conn, [optout.load(contact.id, row) for row in rows.values() if row])
    contacts.drop_standings(conn, contact.id, [ids[slug] for slug, row in rows.items() if not row])
    detail = {"address": contact.email, "how": "undo"}
    consent.record_many(conn, [consent.ConsentEvent(contact.id, "undone", slug, now, 0, detail) for slug in back], now)
    return True


def _scopes_before(change: Change, held: set[str], rows: Mapping[str, Row | None]) -> set[str]:
    """Return the opt-outs after an undo: as they were, or topic by topic where a choice was made since."""
    before, after = set(change.before["scopes"]), set(change.after["scopes"])
    if held == after and rows == change.before["topics"]:
        return before
    same = {slug for slug, row in rows.items() if row == change.before["topics"][slug]}
    out = {slug for slug in same if before & {slug, ""}}
    out |= {slug for slug, row in rows.items() if slug not in same and (not row or row["state"] == "opted_out")}
    return (held - set(rows)) | out
