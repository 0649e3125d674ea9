"""Signing up: a request, one letter to confirm it, one button (D5 to D8, D22).

Promises: a request gets the same answer, after the same work, whether the address is new, known, opted out or erased. A
mailbox gets at most one letter to confirm in 24 hours, however often it is signed up (:mod:`unsubscribe.notices`). A
peer, its network, an address and a domain have limits on tries too (:mod:`unsubscribe.limits`): no single network uses
up a domain's limit. A domain that is no public provider's may lead to one mailbox (a *catch-all*). So a network has at
most as many letters sent there in a day as a mailbox gets from us. :func:`consider` finds, in a read, requests that are
over a limit or invalid: that takes no lock, writes nothing and adds to no other limit. Before the button is used only
that letter is sent, and typed values change no stored value. A request that is not confirmed is deleted with all its
traces (:func:`expire`). Confirming records the exact text with its version. It is the one act that lifts an opt-out, a
complaint, an erasure or a hold by staff: the person's own. The page with the button shows the name that will be stored,
since a stranger may have typed it. Confirming lifts *undeliverable* too, since the person has just read a letter there.
The letter to confirm goes to a dead address as to any other, within the same limits.

Raises ``FaultsError`` (``field`` names the field of the form) when there is nothing to sign up with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from mailer import outbox, suppression, undeliverable
from mailer.address import parse
from mailer.errors import AddressError, Fault, FaultsError, TokenError
from mailer.signing import Token
from unsubscribe import changes, consent, contacts, limits, notices, typed_text
from unsubscribe.changes import Change
from unsubscribe.consent import ConsentStatement
from unsubscribe.contacts import Contact, Person, Standing, Topic
from unsubscribe.limits import Limit, LimitUse, Spent
from unsubscribe.notices import ServiceMailer
from unsubscribe.providers import PUBLIC_PROVIDERS

SignUpStage = Literal["waiting", "confirmed", "gone"]
PEER_AN_HOUR = 20
ADDRESS_AN_HOUR = 20
NETWORK_AN_HOUR = 60
DOMAIN_AN_HOUR = 300
AT_ONE_DOMAIN_A_DAY = 20  # people of one office share one network and one domain too
_OF_PEER = Limit("sign-up by peer", PEER_AN_HOUR, limits.AN_HOUR)
_OF_NETWORK = Limit("sign-up by network", NETWORK_AN_HOUR, limits.AN_HOUR)
_OF_ADDRESS = Limit("sign-up of address", ADDRESS_AN_HOUR, limits.AN_HOUR)
_OF_DOMAIN = Limit("sign-up in domain", DOMAIN_AN_HOUR, limits.AN_HOUR)
_OF_PERSON = Limit("letters to a person", 0, limits.A_DAY)  # counted by notices; here only for its name
_AT_DOMAIN = Limit("sign-up by network at domain", AT_ONE_DOMAIN_A_DAY, limits.A_DAY)
_LIFTED = ("opt_out", "complaint", "erased", "manual")


@dataclass(frozen=True, slots=True)
class SignUpForm:
    """The values filled in, and the consent shown: its ``text`` and ``version``; ``source`` is the form."""

    email: str
    topics: tuple[str, ...]
    text: str
    version: str
    source: str
    name: str = ""
    language: str = ""
    peer: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignUp:
    """The request behind a link to confirm. ``topics``: as chosen; ``name``: the name that confirming will store."""

    stand: SignUpStage
    masked: str = ""
    language: str = ""
    topics: tuple[Topic, ...] = ()
    name: str = ""


def consider(
    conn: Connection, form: SignUpForm, uses: Sequence[LimitUse], spent: Spent, now: datetime
) -> list[Fault] | bool:
    """Return the faults of a request, else whether :func:`request` would process it.

    Reads only, so it takes no lock.
    """
    faults = _check(conn, form)[1]
    return faults or not spent.look(conn, uses, now)


def uses(form: SignUpForm, pepper: bytes, now: datetime) -> list[LimitUse]:
    """Return all limits that a try counts for; none where there is no valid address."""
    tries, letters = _uses(form, pepper, now)
    return [*tries, *letters]


def _uses(form: SignUpForm, pepper: bytes, now: datetime) -> tuple[list[LimitUse], list[LimitUse]]:
    """Return the limits of a try (peer, network, mailbox) and those of a letter (domain).

    An unknown peer counts like any other; the hash of a peer, and of its network, changes each day.
    """
    try:
        address = parse(form.email)
    except AddressError:
        return [], []
    network = f"{now.date()} {limits.network_of(form.peer)}"
    tries = [
        limits.use(_OF_PEER, pepper, f"{now.date()} {form.peer}"),
        limits.use(_OF_NETWORK, pepper, network),
        limits.use(_OF_ADDRESS, pepper, address.mailbox),
    ]
    letters = [limits.use(_OF_DOMAIN, pepper, address.domain)]
    if address.domain not in PUBLIC_PROVIDERS:
        owner = ".".join(address.domain.split(".")[-2:])  # subdomains may lead to the same mailbox
        letters.append(limits.use(_AT_DOMAIN, pepper, f"{network} {owner}"))
    return tries, letters


def request(
    conn: Connection, form: SignUpForm, service_mail: ServiceMailer, pepper: bytes, now: datetime
) -> Limit | None:
    """Ask the owner of an address to confirm. Return the limit that prevented it, if any, for staff."""
    topics, faults = _check(conn, form)
    if faults:
        raise FaultsError(faults)
    tries, letters = _uses(form, pepper, now)
    if spent := _first_spent(conn, tries, now):
        return spent  # adds to no other limit: not to the domain's
    with conn.begin_nested() as step:
        if spent := _first_spent(conn, letters, now):
            step.rollback()
            return spent
        contact = _locked(conn, Person(form.email, language=form.language), pepper, now)
        if not _ask(conn, form, (contact, topics), service_mail, now):
            step.rollback()  # same work, then undone: the time does not reveal an earlier request
            return _OF_PERSON
    return None


def _first_spent(conn: Connection, uses: Sequence[LimitUse], now: datetime) -> Limit | None:
    return next((use.limit for use in uses if not limits.take(conn, use, now)), None)


def _locked(conn: Connection, person: Person, pepper: bytes, now: datetime) -> Contact:
    """Return the contact with an address, locked.

    A contact that was deleted while we waited for the lock is added again, once.
    """
    contact = contacts.add(conn, person, pepper, now)
    contacts.lock(conn, [contact.id])
    return contacts.get(conn, contact.id) or contacts.add(conn, person, pepper, now)


def _ask(
    conn: Connection, form: SignUpForm, who: tuple[Contact, Sequence[Topic]], service_mail: ServiceMailer, now: datetime
) -> bool:
    """Store the request and write the letter; same statements for every address (D8). False: over the limit."""
    contact, topics = who
    statement = consent.store_statement(conn, ConsentStatement("consent", form.source, form.text, form.version))
    slugs = sorted(topic.slug for topic in topics)
    asked = {"topics": dict.fromkeys(slugs, True), "statement": statement, "name": form.name, "confirmed": None}
    change = changes.keep(conn, contact.id, "sign_up", ({"new": contact.created_at == now}, asked), now)
    mine = contacts.standings(conn, [contact.id]).get(contact.id, {})
    pending = (Standing(contact.id, topic.id, "pending", now, statement) for topic in topics)
    contacts.put_standings(conn, [mine.get(row.topic_id, row) for row in pending])  # known ones stay unchanged
    detail = {"address": contact.email, "form": form.source} | ({"peer": form.peer} if form.peer else {})
    consent.record_many(
        conn, [consent.ConsentEvent(contact.id, "requested", slug, now, statement, detail) for slug in slugs], now
    )
    language = contact.language or form.language
    return service_mail.send(conn, "optin_confirm", change, notices.recipient_of(contact), language, now)


def look(conn: Connection, token: Token) -> SignUp:
    """Return the request behind the link. Changes nothing (B7)."""
    found = _find(conn, token)
    if found is None:
        return SignUp("gone")
    contact, change = found
    wanted = tuple(topic for topic in contacts.topics(conn) if topic.slug in change.after["topics"])
    stand: SignUpStage = "confirmed" if change.after["confirmed"] else "waiting"
    name = "" if contact.name or stand == "confirmed" else change.after["name"]
    return SignUp(stand, contact.masked, contact.language, wanted, name)


def confirm(conn: Connection, token: Token, now: datetime) -> SignUp:
    """Subscribe the person. A second call changes nothing."""
    contacts.lock(conn, [token.recipient])
    found = _find(conn, token)
    if found is None or found[1].after["confirmed"]:
        return look(conn, token)
    contact, change = found
    statement = change.after["statement"]
    mine = contacts.standings(conn, [contact.id]).get(contact.id, {})
    lifted = _lift(conn, contact, change)
    _is_alive(conn, contact.address_hash)
    for topic in contacts.topics(conn):
        if topic.slug in change.after["topics"]:
            contacts.set_state(conn, contact.id, topic.id, "subscribed", now, statement=statement)
        elif lifted and topic.id in mine:
            suppression.suppress(conn, contact.address_hash, topic.slug, "opt_out", now)  # "all" was lifted, not this
    if change.after["name"] and not contact.name:
        contacts.change(conn, contact, now, name=change.after["name"], own_fields=contact.own_fields | {"name"})
    changes.revise(conn, change, {**change.after, "confirmed": now.isoformat()})
    detail = {"address": contact.email, "how": "link in the letter"}
    events = [
        consent.ConsentEvent(contact.id, "confirmed", slug, now, statement, detail) for slug in change.after["topics"]
    ]
    consent.record_many(conn, events, now)
    return look(conn, token)


def expire(conn: Connection, before: datetime, now: datetime) -> int:
    """Delete unconfirmed requests from before a time, and contacts with nothing else stored; return how many.

    A simultaneous confirmation locks the contact first, or waits for us: each act is read again after the lock.
    """
    found = [change for change in changes.open_ones(conn, "sign_up", before) if not change.after["confirmed"]]
    contacts.lock(conn, {change.contact_id for change in found})
    return sum(_expire(conn, change.id, before, now) for change in found)


def _expire(conn: Connection, number: int, before: datetime, now: datetime) -> bool:
    """Delete one request of a locked contact; return False where it has changed, or a later request waits."""
    change = changes.get(conn, number)
    if change is None or change.undone_at or change.after["confirmed"]:
        return False
    rows = contacts.standings(conn, [change.contact_id]).get(change.contact_id, {})
    pending = [number for number, row in rows.items() if row.state == "pending"]
    if any(act.at > before for act in _waiting(conn, change.contact_id)):
        return False  # a later request may name the same topics, and its letter has a link that still works
    if change.before["new"] and len(pending) == len(rows):
        _forget_letters(conn, change.contact_id, now)
        consent.drop(conn, change.contact_id)
        changes.erase(conn, change.contact_id)
        contacts.remove(conn, change.contact_id)
    else:
        contacts.drop_standings(conn, change.contact_id, pending)
        changes.undone(conn, change.id, before)
    return True


def _waiting(conn: Connection, contact_id: int) -> list[Change]:
    acts = changes.of_contact(conn, contact_id, "sign_up")
    return [act for act in acts if not act.undone_at and not act.after["confirmed"]]


def _forget_letters(conn: Connection, contact_id: int, now: datetime) -> None:
    """Remove the address from the letters about the sign-up requests of a contact with nothing else stored."""
    asked = [act.id for act in changes.of_contact(conn, contact_id) if act.kind == "sign_up"]
    letters = [outbox.find(conn, f"optin_confirm:{number}") for number in asked]
    outbox.erase_recipient(conn, contact_id, now, [letter.id for letter in letters if letter])


def _check(conn: Connection, form: SignUpForm) -> tuple[list[Topic], list[Fault]]:
    """Return the requested topics, and the faults of the request."""
    faults: list[Fault] = []
    try:
        typed_text.address(form.email)
    except AddressError as error:
        faults.append(Fault("", 0, "email", str(error), "a mail address"))
    known = {topic.slug: topic for topic in contacts.topics(conn, only_open=True)}
    topics = [known[slug] for slug in form.topics if slug in known]
    if not topics:
        faults.append(Fault("", 0, "topics", "none", "at least one topic"))
    if typed_text.says_where(form.name):
        faults.append(Fault("", 0, "name", "a link or a mail address", "a name"))
    return topics, faults


def _find(conn: Connection, token: Token) -> tuple[Contact, Change] | None:
    contact, change = contacts.get(conn, token.recipient), changes.get(conn, token.subject)
    if contact is None or change is None or change.undone_at:
        return None
    if change.contact_id != token.recipient or change.kind != "sign_up":
        raise TokenError("there is nothing to confirm")
    return contact, change


def _is_alive(conn: Connection, address_hash: bytes) -> None:
    """Lift *undeliverable* from an address: its owner has just read a letter there."""
    suppression.lift(conn, address_hash, suppression.EVERYTHING, [suppression.HOLDS_SERVICE])
    undeliverable.forget(conn, [address_hash])


def _lift(conn: Connection, contact: Contact, change: Change) -> bool:
    """Lift the suppressions of these topics; return whether all mail was held back."""
    for slug in change.after["topics"]:
        suppression.lift(conn, contact.address_hash, slug, _LIFTED)
    return suppression.lift(conn, contact.address_hash, suppression.EVERYTHING, _LIFTED) > 0
