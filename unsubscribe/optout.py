"""Opting out, and the choices instead of it: the decisions behind ``/u/TOKEN`` and the page that follows.

Promises: :func:`carry_out` writes, above all, four things in the caller's transaction: the suppression that the claim
obeys, the subscription's state, the event in the chain of consent, and the values for an undo. It leaves the topic of
the letter, or all mail of the organisation. A repeated opt-out changes nothing. The link of a letter can only opt out.
:func:`undo` takes the number of the act, which travels in a short-lived token of its own (I7), and puts back exactly
that act's items. A delivery in doubt whose link is used has arrived, and is settled as such.

:func:`look` reads and changes nothing, so a GET may call it. A reader whose row was erased is answered as opted out,
because nothing will be sent to them: ``Subscriber.contact`` is None then.

Raises ``StorageError`` when the database cannot store the opt-out: then nothing was done and the answer is 503 (B9).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection

from mailer import outbox, suppression
from mailer.errors import StateError, TokenError
from mailer.journal import Line
from mailer.signing import Token
from unsubscribe import changes, consent, contacts, limits, moves, reasons, repeated_optout
from unsubscribe.changes import Change
from unsubscribe.contacts import Contact, Standing, Topic
from unsubscribe.history import History, standing_in
from unsubscribe.limits import Limit

Scope = Literal["topic", "all"]
OptOutStatus = Literal["on", "left_topic", "left_all", "gone"]
LONGEST_PAUSE = timedelta(days=366)
UNDONE = Limit("undo of an opt-out", 20, limits.A_DAY)
MAILING = "mailing"  # key in an act: the letter that it came through
_FOR_ALL = ("opt_out", "erased", "complaint", "manual")


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The reader of a link, and their state for the topic of that letter. ``scope`` is the topic's slug."""

    token: Token
    scope: str
    contact: Contact | None
    topic: Topic | None
    stand: OptOutStatus

    @property
    def masked(self) -> str:
        """Return the masked address; empty when the person is erased."""
        return self.contact.masked if self.contact else ""

    @property
    def language(self) -> str:
        """Return the reader's own language; empty when it is not known."""
        return self.contact.language if self.contact else ""


@dataclass(frozen=True, slots=True)
class OptOutResult:
    """The result of an opt-out. ``change``: the number of the act, for a token to undo it (0: nothing to undo now)."""

    reader: Subscriber
    scope: Scope
    already: bool
    change: int = 0
    how: str = "page"


@dataclass(frozen=True, slots=True)
class OptOutRequest:
    """One request to opt out. ``how`` goes into the proof: one-click, page, mail.

    ``earlier``: the act whose undo the caller already got (left one topic, now all mail): one undo is for both.
    """

    token: Token
    scope: Scope = "topic"
    how: str = "page"
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class _Act:
    """The changes of one request. ``holds``: address hash and scope, the present one first; ``ended``: subscriptions.

    An address that may still be put back is held too, because a list imported meanwhile may contain it.
    """

    place: int
    left: OptOutResult
    suppressions: Sequence[tuple[bytes, str]]
    ended: Sequence[Standing]
    topics: Sequence[str]


@dataclass(frozen=True, slots=True)
class OptOutPlan:
    """The changes of some requests, made by :func:`plan`.

    ``answers``, by place: for contacts that had left already. ``acts``, by contact: still to be done. ``again``:
    earlier acts that a request repeats, so that their undo no longer puts anything back.
    """

    requests: Sequence[OptOutRequest]
    now: datetime
    answers: Mapping[int, OptOutResult]
    acts: Mapping[int, _Act]
    chain: consent.ChainEntries
    again: Mapping[int, Sequence[Change]]

    def lines(self) -> list[Line]:
        """Return the journal's lines about these acts, for ``Database.journal_ahead``."""
        return suppression.lines([hold for act in self.acts.values() for hold in act.suppressions], "opt_out", self.now)


@dataclass(frozen=True, slots=True)
class _BatchFacts:
    """The data that a batch of requests needs, read at once."""

    scopes: Mapping[int, str]
    people: Mapping[int, Contact]
    entries: Mapping[bytes, list[suppression.SuppressionEntry]]
    standings: Mapping[int, Mapping[int, Standing]]
    by_slug: Mapping[str, Topic]
    moves: Mapping[int, Sequence[Change]]


def look(conn: Connection, token: Token, now: datetime) -> Subscriber:
    """Return the reader of a link and their state. Changes nothing."""
    return look_many(conn, [token], now)[0]


def look_many(conn: Connection, tokens: Sequence[Token], now: datetime) -> list[Subscriber]:
    """Look up many links at once; the results are in the same order. A few statements serve all."""
    known = _know(conn, tokens)
    return [_reader(token, known, now) for token in tokens]


def opt_out(conn: Connection, token: Token, scope: Scope, now: datetime, *, how: str = "page") -> OptOutResult:
    """Opt out of the topic of the letter, or of all mail."""
    return opt_out_many(conn, [OptOutRequest(token, scope, how)], now)[0]


def opt_out_many(conn: Connection, requests: Sequence[OptOutRequest], now: datetime) -> list[OptOutResult]:
    """Carry out many opt-outs in one transaction; the answers are in the same order. A few statements serve all."""
    return carry_out(conn, plan(conn, requests, now))


def plan(conn: Connection, requests: Sequence[OptOutRequest], now: datetime) -> OptOutPlan:
    """Return the changes of these requests. Reads only, so it can run before the transaction that writes."""
    ends = consent.chain_ends(
        conn, {request.token.recipient for request in requests}
    )  # before all else, see consent.chain_ends
    known = _know(conn, [request.token for request in requests])
    before = changes.standing(
        conn, [who.id for who in known.people.values() if who.address_hash in known.entries], "opt_out"
    )
    answers: dict[int, OptOutResult] = {}
    acts: dict[int, _Act] = {}
    again: dict[int, Sequence[Change]] = {}
    for place, request in enumerate(requests):
        if request.token.recipient in acts:
            continue  # a second request of the same contact is planned after the first is carried out
        left = _asked(request, known, now)
        again[request.token.recipient] = _repeated(left, request.earlier, before.get(request.token.recipient, ()))
        if left.already:
            answers[place] = left
        else:
            acts[request.token.recipient] = _act(place, left, known, _former(known, request.token.recipient, now))
    events = [event for act in acts.values() for event in _events(act, now)]
    return OptOutPlan(tuple(requests), now, answers, acts, consent.chain_entries(conn, ends, events, now), again)


def carry_out(conn: Connection, planned: OptOutPlan, *, journaled: bool = False) -> list[OptOutResult]:
    """Carry out a plan; contacts whose state has changed since are planned again, in this transaction.

    ``journaled``: the plan's lines are in the journal. If a state has changed, all of them are written again: an
    opt-out may have been lifted since, and then the last line about it must be ours.
    """
    counted: Counter[int] = Counter()
    found = _carried_out(conn, planned, counted, journaled=journaled)
    reasons.count_left(conn, counted)  # last, so that no other process waits longer for these rows than for a commit
    return found


def _carried_out(
    conn: Connection, planned: OptOutPlan, counted: Counter[int], *, journaled: bool = False
) -> list[OptOutResult]:
    """Carry out a plan; ``counted`` gets the number of people who left, by mailing."""
    requests, now = planned.requests, planned.now
    tokens = [request.token for request in requests]
    contacts.lock(conn, planned.chain.after)
    overtaken = consent.stale_contacts(conn, planned.chain)
    acts = [act for person, act in planned.acts.items() if person not in overtaken]
    outbox.prove_many(conn, [(token.mailing, token.recipient) for token in tokens], now)
    suppressions = [hold for act in acts for hold in act.suppressions]
    suppression.suppress_many(conn, suppressions, "opt_out", now, journaled=journaled and not overtaken)
    ended = [row for act in acts for row in act.ended]
    contacts.put_standings(
        conn, [Standing(row.contact_id, row.topic_id, "opted_out", now, row.statement) for row in ended]
    )
    consent.add(conn, planned.chain, but=overtaken)
    for repeated in (found for person, found in planned.again.items() if person not in overtaken):
        repeated_optout.record(conn, repeated, now)
    kept = [_change(act, now) for act in acts]
    counted.update(change.before[MAILING] for change in kept if MAILING in change.before)
    answers = {place: left for place, left in planned.answers.items() if tokens[place].recipient not in overtaken}
    for act, number in zip(acts, changes.keep_many(conn, "opt_out", kept, now), strict=True):
        answers[act.place] = _left(act.left, number)
    places = [place for place in range(len(requests)) if place not in answers]
    if places:
        later = plan(conn, [requests[place] for place in places], now)
        answers |= dict(zip(places, _carried_out(conn, later, counted), strict=True))
    return [answers[place] for place in range(len(requests))]


def undo(conn: Connection, token: Token, now: datetime) -> Subscriber:
    """Put back exactly the items that act ``token.subject`` of this person took. A second call changes nothing.

    Nothing is put back where the same opt-out was requested again since, unless the link came by mail. Raises
    ``TokenError`` when this person has no such act, ``StateError`` for too many undos in a day.
    """
    contacts.lock(conn, [token.recipient])
    change = changes.get(conn, token.subject)
    mine = change is not None and change.contact_id == token.recipient and change.kind == "opt_out"
    if change is None or not mine or "scope" not in change.before:
        raise TokenError("there is nothing to undo")
    contact = contacts.get(conn, token.recipient)
    by_mail = outbox.service_address(conn, token.mailing, token.recipient) is not None
    if contact and by_mail and change.undone_at:
        later = changes.standing(conn, [contact.id], "opt_out").get(contact.id, ())
        change = standing_in(later, change) or change
    if contact is None or change.undone_at or (repeated_optout.AGAIN in change.after and not by_mail):
        return look(conn, token, now)
    if moves.may_take_back(conn, contact, token, now):
        if not by_mail and not limits.take(conn, limits.of_contact(UNDONE, contact.id), now):
            raise StateError("an opt-out was undone many times today; try again tomorrow")
        _put_back(conn, change, now)
    return look(conn, token, now)


def _know(conn: Connection, tokens: Sequence[Token]) -> _BatchFacts:
    people = contacts.get_many(conn, [token.recipient for token in tokens])
    scopes = _scopes(conn, tokens)
    entries = suppression.entries_of(conn, [person.address_hash for person in people.values()])
    by_slug = {topic.slug: topic for topic in contacts.topics(conn)}
    return _BatchFacts(
        scopes, people, entries, contacts.standings(conn, people), by_slug, changes.standing(conn, people, "address")
    )


def _scopes(conn: Connection, tokens: Sequence[Token]) -> dict[int, str]:
    """Return the topic of each mailing. The topic of a deleted mailing is unknown: leaving it leaves all mail."""
    numbers = {token.mailing for token in tokens}
    return {number: outbox.scope_of(conn, number) or suppression.EVERYTHING for number in numbers}


def _reader(token: Token, known: _BatchFacts, now: datetime) -> Subscriber:
    scope = known.scopes[token.mailing]
    contact = known.people.get(token.recipient)
    topic = known.by_slug.get(scope)
    if contact is None:
        return Subscriber(token, scope, None, topic, "gone")
    standing = known.standings.get(contact.id, {}).get(topic.id) if topic else None
    stand: OptOutStatus = "left_topic" if standing and standing.state == "opted_out" else "on"
    held = _held(known.entries.get(contact.address_hash, ()), scope, now)
    return Subscriber(token, scope, contact, topic, held or stand)


def _held(entries: Sequence[suppression.SuppressionEntry], scope: str, now: datetime) -> OptOutStatus | None:
    """Return the lasting state that the claim would obey.

    All mail is held back, or this topic's. A pause does not count.
    """
    lasting = [entry for entry in entries if entry.until is None or entry.until > now]
    if any(entry.scope == suppression.EVERYTHING and entry.reason in _FOR_ALL for entry in lasting):
        return "left_all"
    return "left_topic" if any(entry.scope == scope and entry.reason == "opt_out" for entry in lasting) else None


def _asked(request: OptOutRequest, known: _BatchFacts, now: datetime) -> OptOutResult:
    """Return the answer to a request.

    Where it is still to be done, ``change`` is the act before it (left one topic, now all mail).
    """
    reader = _reader(request.token, known, now)
    scope: Scope = "all" if request.scope == "all" or not reader.scope else "topic"
    entries = known.entries.get(reader.contact.address_hash, ()) if reader.contact else ()
    held = _held(entries, reader.scope, now)
    done = reader.contact is None or held == "left_all" or (held == "left_topic" and scope == "topic")
    return OptOutResult(reader, scope, done, 0 if done else request.earlier, request.how)


def _repeated(left: OptOutResult, earlier: int, acts: Sequence[Change]) -> list[Change]:
    """Return the acts whose opt-out is requested again: for the same topic, or for all mail."""
    scope = suppression.EVERYTHING if left.scope == "all" else left.reader.scope
    topics = {act.after.get("scope") for act in acts} if not scope else {scope}
    return [act for act in repeated_optout.undoable(acts, topics) if act.id != earlier]


def _left(left: OptOutResult, number: int) -> OptOutResult:
    """Return the answer once the opt-out is done."""
    was = left.reader
    stand: OptOutStatus = "left_all" if left.scope == "all" else "left_topic"
    return OptOutResult(
        Subscriber(was.token, was.scope, was.contact, was.topic, stand), left.scope, False, number, left.how
    )


def _former(known: _BatchFacts, person: int, now: datetime) -> list[bytes]:
    """Return the hashes of the former addresses that a contact may still get back."""
    found = [moves.of(change) for change in known.moves.get(person, ()) if moves.can_be_read(change)]
    return [move.old_hash for move in found if move.old_hash and move.can_be_put_back(now)]


def _act(place: int, left: OptOutResult, known: _BatchFacts, former: Sequence[bytes]) -> _Act:
    """Return the changes of a request that is not fulfilled yet."""
    contact = left.reader.contact
    assert contact is not None  # noqa: S101 - an erased contact has no act
    slugs = {topic.id: slug for slug, topic in known.by_slug.items()}
    scope = suppression.EVERYTHING if left.scope == "all" else left.reader.scope
    mine = known.standings.get(contact.id, {}).values()
    rows = [row for row in mine if row.state != "opted_out" and (not scope or slugs.get(row.topic_id) == scope)]
    topics = sorted(slugs[row.topic_id] for row in rows) or [scope]
    return _Act(place, left, [(hashed, scope) for hashed in (contact.address_hash, *former)], rows, topics)


def _events(act: _Act, now: datetime) -> list[consent.ConsentEvent]:
    reader = act.left.reader
    assert reader.contact is not None  # noqa: S101 - see _act
    detail = {"address": reader.contact.email, "how": act.left.how, "mailing": str(reader.token.mailing)}
    return [consent.ConsentEvent(reader.contact.id, "withdrawn", topic, now, 0, detail) for topic in act.topics]


def _change(act: _Act, now: datetime) -> Change:
    """Return the values that an undo needs."""
    scope = act.suppressions[0][1]
    before = {"scope": scope, "standings": [dump(row) for row in act.ended], "and": act.left.change}
    if not act.left.change:  # left a topic, then all mail: one person
        before[MAILING] = act.left.reader.token.mailing
    after = {"scope": scope} | ({repeated_optout.PAGE: True} if act.left.how == repeated_optout.PAGE else {})
    return Change(0, act.left.reader.token.recipient, "opt_out", before, after, now)


def _put_back(conn: Connection, change: Change, now: datetime) -> None:
    """Put back the items of one act, each topic separately, where no later choice was made."""
    contact = contacts.get(conn, change.contact_id)
    if contact is None or not changes.undone(conn, change.id, now):
        return
    if MAILING in change.before:
        reasons.count_left(conn, {change.before[MAILING]: -1})
    scope = change.before["scope"]
    slugs = {topic.id: topic.slug for topic in contacts.topics(conn)}
    mine = contacts.standings(conn, [contact.id]).get(contact.id, {})
    history = History(changes.of_contact(conn, contact.id), change)
    found = [history.row_before(item) for item in change.before["standings"]]
    rows = [load(contact.id, row) for row in found if row]
    again = [row for row in rows if row.topic_id in mine and mine[row.topic_id].since == change.at]
    contacts.put_standings(conn, again)
    held = [entry for entry in suppression.entries(conn, contact.address_hash) if entry.reason == "opt_out"]
    for hashed in (
        contact.address_hash,
        *(one.recipient.address_hash for one in moves.former_mailboxes(conn, contact, now)),
    ):
        there = suppression.entries(conn, hashed)
        if any(
            (one.reason, one.scope, one.since) == ("opt_out", scope, change.at) for one in there
        ):  # not the entry of a later act
            suppression.lift(conn, hashed, scope, ["opt_out"])
    if not scope:  # joining one topic since then replaced the entry for all mail by one for each other topic
        for slug in {slugs[row.topic_id] for row in again} & {entry.scope for entry in held}:
            suppression.lift(conn, contact.address_hash, slug, ["opt_out"])
    out = [(contact.address_hash, slugs[row.topic_id]) for row in again if row.state == "opted_out"]
    suppression.suppress_many(conn, out, "opt_out", now)  # joined since an earlier opt-out, and the join was undone
    together = changes.get(conn, change.before["and"])  # left the topic, then all mail: one undo for both
    ours = together is not None and (together.contact_id, together.kind) == (contact.id, "opt_out")
    if together and ours and repeated_optout.AGAIN not in together.after:
        _put_back(conn, together, now)
    topics = sorted(slugs[row.topic_id] for row in again) or [change.before["scope"]]
    detail = {"address": contact.email, "how": "undo"}
    consent.record_many(
        conn, [consent.ConsentEvent(contact.id, "undone", slug, now, 0, detail) for slug in topics], now
    )


def dump(row: Standing) -> dict[str, Any]:
    """Return a row of a subscription in the form stored in an act."""
    return {"topic": row.topic_id, "state": row.state, "since": row.since.isoformat(), "statement": row.statement}


def load(contact_id: int, item: Mapping[str, Any]) -> Standing:
    """Return the row from the form that :func:`dump` made."""
    since = datetime.fromisoformat(item["since"])
    return Standing(contact_id, item["topic"], item["state"], since, item["statement"])
