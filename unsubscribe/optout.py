"""Leaving, and what a reader may choose instead: the decisions behind ``/u/TOKEN`` and the page that follows.

Promises: :func:`opt_out` writes, in the caller's transaction, the suppression that the claim obeys, the state of the
subscription, the event in the chain of consent, and what an undo needs; it leaves the topic of the letter, or all
mail of the organisation. Done twice is done once. Whoever holds the link of a letter can only take away: what gives
back (:func:`undo`) takes the number of the act, which travels in a short-lived token of its own (I7), and puts back
exactly what that act took. A delivery in doubt whose link is used has arrived, and is settled as such.

:func:`look` reads and changes nothing: it is what a GET may call. A reader whose row is gone (erased) is answered as
done, because nothing will be sent to them: ``Reader.contact`` is None then.

Raises ``StorageError`` when the database does not keep it: then nothing was done and the answer is 503 (B9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection

from mailer import outbox, suppression
from mailer.errors import InputError, TokenError
from mailer.journal import Line
from mailer.signing import Token
from unsubscribe import changes, consent, contacts
from unsubscribe.changes import Change
from unsubscribe.contacts import Contact, Standing, Topic
from unsubscribe.tokens import SHORT_LIFE

Scope = Literal["topic", "all"]
Stand = Literal["on", "left_topic", "left_all", "gone"]
LONGEST_PAUSE = timedelta(days=366)
_FOR_ALL = ("opt_out", "erased", "complaint", "manual")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a link is about, and how they stand with the topic of that letter. ``scope`` is the topic's slug."""

    token: Token
    scope: str
    contact: Contact | None
    topic: Topic | None
    stand: Stand

    @property
    def masked(self) -> str:
        """The address as it may be shown; empty when the person is gone."""
        return self.contact.masked if self.contact else ""

    @property
    def language(self) -> str:
        """The reader's own language; empty when it is not known."""
        return self.contact.language if self.contact else ""


@dataclass(frozen=True, slots=True)
class Left:
    """What an opt-out did. ``change`` numbers the act for a token to undo it (0: nothing that can be undone now)."""

    reader: Reader
    scope: Scope
    already: bool
    change: int = 0
    how: str = "page"


@dataclass(frozen=True, slots=True)
class Request:
    """One wish to leave. ``how`` goes into the proof: one-click, page, mail."""

    token: Token
    scope: Scope = "topic"
    how: str = "page"


@dataclass(frozen=True, slots=True)
class _Known:
    """What a batch of requests needs to know, read at once."""

    scopes: Mapping[int, str]
    people: Mapping[int, Contact]
    entries: Mapping[bytes, list[suppression.Entry]]
    standings: Mapping[int, Mapping[int, Standing]]
    by_slug: Mapping[str, Topic]


def look(conn: Connection, token: Token, now: datetime) -> Reader:
    """Whom the link is about and how they stand. Changes nothing."""
    return look_many(conn, [token], now)[0]


def look_many(conn: Connection, tokens: Sequence[Token], now: datetime) -> list[Reader]:
    """The same for many links at once, in the same order; some statements for all of them."""
    known = _know(conn, tokens)
    return [_reader(token, known, now) for token in tokens]


def opt_out(conn: Connection, token: Token, scope: Scope, now: datetime, *, how: str = "page") -> Left:
    """Leave the topic of the letter, or all mail."""
    return opt_out_many(conn, [Request(token, scope, how)], now)[0]


def opt_out_many(conn: Connection, requests: Sequence[Request], now: datetime) -> list[Left]:
    """Many opt-outs in one transaction, the answers in the same order; some statements for all of them."""
    answers: dict[int, Left] = {}
    waiting = list(enumerate(requests))
    while waiting:
        turn: dict[int, tuple[int, Request]] = {}
        for place, request in waiting:
            turn.setdefault(request.token.recipient, (place, request))
        chosen = list(turn.values())
        for (place, _), left in zip(chosen, _leave(conn, [request for _, request in chosen], now), strict=True):
            answers[place] = left
        waiting = [item for item in waiting if item[0] not in answers]
    return [answers[place] for place in range(len(requests))]


def wishes(conn: Connection, requests: Sequence[Request], now: datetime) -> list[Line]:
    """The lines that :func:`opt_out_many` will add to the journal at ``now``, as far as can be seen without a lock."""
    people = contacts.hashes(conn, [request.token.recipient for request in requests])
    scopes = _scopes(conn, [request.token for request in requests])
    entries = suppression.entries_of(conn, list(people.values()))
    holds: list[tuple[bytes, str]] = []
    for request in requests:
        hashed = people.get(request.token.recipient)
        scope = suppression.EVERYTHING if request.scope == "all" else scopes[request.token.mailing]
        if hashed and not _gone_for_good(_held(entries.get(hashed, ()), scope, now), scope):
            holds.append((hashed, scope))
    return suppression.lines(holds, "opt_out", now)


def undo(conn: Connection, token: Token, now: datetime) -> Reader:
    """Put back exactly what an act of this person took away; ``token.subject`` is its number. Again: nothing more.

    Raises ``TokenError`` when there is no such act of this person.
    """
    contacts.get_many(conn, [token.recipient], lock=True)
    change = changes.get(conn, token.subject)
    if change is None or change.contact_id != token.recipient or change.kind != "opt_out":
        raise TokenError("there is nothing to undo")
    _put_back(conn, change, now)
    return look(conn, token, now)


def less_often(conn: Connection, token: Token, days: int, now: datetime) -> Reader:
    """At most one campaign letter in 7 or 30 days; 0: each one. Takes back the opt-out in ``token.subject``."""
    if days not in (0, 7, 30):
        raise InputError(f"{days} days: expected 7, 30, or 0 for each letter")
    reader = _instead(conn, token, now)
    if reader.contact:
        suppression.limit(conn, reader.contact.address_hash, days, now)
    return look(conn, token, now)


def pause(conn: Connection, token: Token, until: datetime | None, now: datetime) -> Reader:
    """No campaign letters until a day (None: end the pause). Takes back the opt-out in ``token.subject``."""
    if until is not None and not now < until <= now + LONGEST_PAUSE:
        raise InputError("a pause ends between tomorrow and a year from now")
    reader = _instead(conn, token, now)
    if reader.contact:
        hashed = reader.contact.address_hash
        if until is None:
            suppression.lift(conn, hashed, suppression.EVERYTHING, ["pause"])
        else:
            suppression.suppress(conn, hashed, suppression.EVERYTHING, "pause", now, until)
    return look(conn, token, now)


def _instead(conn: Connection, token: Token, now: datetime) -> Reader:
    """Take back the act that another choice replaces, if the token names one."""
    return undo(conn, token, now) if token.subject else look(conn, token, now)


def _know(conn: Connection, tokens: Sequence[Token], *, lock: bool = False) -> _Known:
    people = contacts.get_many(conn, [token.recipient for token in tokens], lock=lock)
    scopes = _scopes(conn, tokens)
    entries = suppression.entries_of(conn, [person.address_hash for person in people.values()])
    by_slug = {topic.slug: topic for topic in contacts.topics(conn)}
    return _Known(scopes, people, entries, contacts.standings(conn, people), by_slug)


def _scopes(conn: Connection, tokens: Sequence[Token]) -> dict[int, str]:
    """The topic of each mailing. Of one that is gone nobody knows it: leaving it is leaving all."""
    numbers = {token.mailing for token in tokens}
    return {number: outbox.scope_of(conn, number) or suppression.EVERYTHING for number in numbers}


def _reader(token: Token, known: _Known, now: datetime) -> Reader:
    scope = known.scopes[token.mailing]
    contact = known.people.get(token.recipient)
    topic = known.by_slug.get(scope)
    if contact is None:
        return Reader(token, scope, None, topic, "gone")
    standing = known.standings.get(contact.id, {}).get(topic.id) if topic else None
    stand: Stand = "left_topic" if standing and standing.state == "opted_out" else "on"
    held = _held(known.entries.get(contact.address_hash, ()), scope, now)
    return Reader(token, scope, contact, topic, held or stand)


def _held(entries: Sequence[suppression.Entry], scope: str, now: datetime) -> Stand | None:
    """What the claim would obey for good: all mail held back, or this topic's. A pause is none of it."""
    lasting = [entry for entry in entries if entry.until is None or entry.until > now]
    if any(entry.scope == suppression.EVERYTHING and entry.reason in _FOR_ALL for entry in lasting):
        return "left_all"
    return "left_topic" if any(entry.scope == scope and entry.reason == "opt_out" for entry in lasting) else None


def _leave(conn: Connection, requests: Sequence[Request], now: datetime) -> list[Left]:
    """Opt-outs of different people."""
    known = _know(conn, [request.token for request in requests], lock=True)
    answers: list[Left] = []
    acts: list[Left] = []
    for request in requests:
        reader = _reader(request.token, known, now)
        asked = suppression.EVERYTHING if request.scope == "all" else reader.scope
        scope: Scope = "topic" if asked else "all"
        entries = known.entries.get(reader.contact.address_hash, ()) if reader.contact else ()
        held = _held(entries, reader.scope, now)
        done = reader.contact is None or _gone_for_good(held, asked)
        left = Left(reader, scope, done, _recent(conn, reader, now) if done or held else 0, request.how)
        answers.append(left)
        acts += [] if done else [left]
    outbox.prove_many(conn, [(request.token.mailing, request.token.recipient) for request in requests], now)
    numbers = iter(_carry_out(conn, acts, known, now))
    return [left if left.already else _left(left, next(numbers)) for left in answers]


def _gone_for_good(held: Stand | None, scope: str) -> bool:
    """Whether who is held back so gets nothing of this scope already."""
    return held == "left_all" or (held == "left_topic" and bool(scope))


def _left(left: Left, number: int) -> Left:
    was = left.reader
    reader = Reader(was.token, was.scope, was.contact, was.topic, "left_all" if left.scope == "all" else "left_topic")
    return Left(reader, left.scope, left.already, number, left.how)


def _carry_out(conn: Connection, acts: Sequence[Left], known: _Known, now: datetime) -> list[int]:
    """Write everything that these opt-outs mean; the numbers of the acts."""
    slugs = {topic.id: slug for slug, topic in known.by_slug.items()}
    ended: list[Standing] = []
    events: list[consent.Event] = []
    kept: list[Change] = []
    holds: list[tuple[bytes, str]] = []
    for left in acts:
        contact = left.reader.contact
        assert contact is not None  # noqa: S101 - one that is gone has nothing to leave
        scope = suppression.EVERYTHING if left.scope == "all" else left.reader.scope
        mine = known.standings.get(contact.id, {}).values()
        rows = [row for row in mine if row.state != "opted_out" and (not scope or slugs.get(row.topic_id) == scope)]
        ended += rows
        holds.append((contact.address_hash, scope))
        detail = {"address": contact.email, "how": left.how, "mailing": str(left.reader.token.mailing)}
        topics = sorted(slugs[row.topic_id] for row in rows) or [scope]
        events += [consent.Event(contact.id, "withdrawn", topic, now, 0, detail) for topic in topics]
        before = {"scope": scope, "standings": [dump(row) for row in rows], "and": left.change}
        kept.append(Change(0, contact.id, "opt_out", before, {"scope": scope}, now))
    suppression.suppress_many(conn, holds, "opt_out", now)
    out = [Standing(row.contact_id, row.topic_id, "opted_out", now, row.statement) for row in ended]
    contacts.put_standings(conn, out)
    consent.record_many(conn, events, now)
    return changes.keep_many(conn, "opt_out", kept, now)


def _recent(conn: Connection, reader: Reader, now: datetime) -> int:
    """The act by which somebody left, if it is so fresh that its undo could still be in the answer to it."""
    change = changes.latest(conn, reader.contact.id, "opt_out") if reader.contact else None
    return change.id if change and change.at > now - SHORT_LIFE else 0


def _put_back(conn: Connection, change: Change, now: datetime) -> None:
    contact = contacts.get(conn, change.contact_id)
    if contact is None or not changes.undone(conn, change.id, now):
        return
    suppression.lift(conn, contact.address_hash, change.before["scope"], ["opt_out"])
    mine = contacts.standings(conn, [contact.id]).get(contact.id, {})
    rows = [load(contact.id, item) for item in change.before["standings"]]
    again = [row for row in rows if row.topic_id in mine and mine[row.topic_id].since == change.at]
    contacts.put_standings(conn, again)
    together = changes.get(conn, change.before["and"])  # left the topic, then all mail: one undo for both
    if together:
        _put_back(conn, together, now)
    slugs = {topic.id: topic.slug for topic in contacts.topics(conn)}
    topics = sorted(slugs[row.topic_id] for row in again) or [change.before["scope"]]
    detail = {"address": contact.email, "how": "undo"}
    consent.record_many(conn, [consent.Event(contact.id, "undone", slug, now, 0, detail) for slug in topics], now)


def dump(row: Standing) -> dict[str, Any]:
    """A row of a subscription for the side of an act."""
    return {"topic": row.topic_id, "state": row.state, "since": row.since.isoformat(), "statement": row.statement}


def load(contact_id: int, item: Mapping[str, Any]) -> Standing:
    """The row that :func:`dump` wrote."""
    since = datetime.fromisoformat(item["since"])
    return Standing(contact_id, item["topic"], item["state"], since, item["statement"])
