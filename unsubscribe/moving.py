"""A change of mail address: requested on the details page, confirmed from the new mailbox, announced to the old one.

Promises: nothing changes until the new address was confirmed *and* the old one agreed or stayed silent for some days
(seven by default). The old mailbox can keep its address during that time, and put it back for :data:`.moves.PUT_BACK`
after the change. :func:`keep` undoes every later change of the chain too, and only ever gives back the address of the
mailbox that asks. All announcements go to each mailbox of the chain that can still do so.

The consent and its proof stay with the contact: the chain belongs to the contact, not to the address. Opt-outs, pauses
and limits move to the new address; entries that already hold back the new address stay as well. An address that another
contact has is never taken over. :func:`ask` does the same work and gives the same answer whether the address is new,
known, or the contact's own.

Raises ``FaultsError`` for a text that is no address, ``TokenError`` for a link without a change of address. Raises
``StateError`` when the same contact's address would change too often in a day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from mailer import suppression
from mailer.address import key_of, mask
from mailer.errors import AddressError, Fault, FaultsError, StateError, TokenError
from mailer.outbox import Recipient
from mailer.signing import Token, address_hash
from unsubscribe import changes, consent, contacts, erasing, limits, moves, notices, typed_text
from unsubscribe.changes import Change
from unsubscribe.contacts import Contact
from unsubscribe.limits import Limit
from unsubscribe.moves import AddressChange
from unsubscribe.notices import MOST_A_DAY, ServiceMailer

AddressChangeStage = Literal["waiting", "moved", "kept", "elsewhere", "taken", "apart", "gone"]
ASKED = Limit("change of address of a contact", MOST_A_DAY["address_change_old"], limits.A_DAY)
WAIT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AddressChangeStatus:
    """The state of a change of address. Addresses are masked, except ``new_in_full``, for the old mailbox's link.

    ``confirmed``: from the new mailbox; ``agreed``: from the old one.

    ``here``: the address that the contact has now. ``stand`` is *waiting*, *moved* (the new address is the present one)
    or *kept* (called off or put back, the old one is). Or it is *elsewhere* (another one is), *taken* (by another
    contact, so nothing changed), *apart* (the old address now has its own contact), *gone* (erased).
    """

    stand: AddressChangeStage
    old: str = ""
    new: str = ""
    here: str = ""
    language: str = ""
    confirmed: bool = False
    agreed: bool = False
    new_in_full: str = field(default="", repr=False)


def ask(
    conn: Connection, token: Token, email: str, service_mail: ServiceMailer, pepper: bytes, now: datetime
) -> AddressChangeStatus:
    """Ask both mailboxes. Nothing has changed yet; the answer is the same for every address (D8)."""
    try:
        address = typed_text.address(email)
    except AddressError as error:
        raise FaultsError([Fault("", 0, "email", str(error), "a mail address")]) from error
    contact = contacts.get_many(conn, [token.recipient], lock=True).get(token.recipient)
    if contact is None:
        return AddressChangeStatus("gone", new=mask(email))
    if not limits.take(conn, limits.of_contact(ASKED, contact.id), now):
        raise StateError("this address was to be changed many times today; try again tomorrow")
    for move in moves.of_contact(conn, contact.id):
        if move.waits:
            changes.undone(conn, move.id, now)
    change = changes.keep(conn, contact.id, "address", moves.sides(contact, str(address)), now)
    there = Recipient(contact.id, str(address), address_hash(pepper, address.key), address.domain)
    service_mail.send(conn, "address_change_new", change, there, contact.language, now)
    with conn.begin_nested() as step:
        service_mail.announce(conn, "address_change_old", change, contact, now)
        if address.key == contact.key:
            step.rollback()  # same work as for any address, then undone: both mailboxes are one, one letter is enough
    return _move(contact, moves.of(change))


def look(conn: Connection, token: Token) -> AddressChangeStatus:
    """Return the state of the change. Changes nothing."""
    contact, change = contacts.get(conn, token.recipient), changes.get(conn, token.subject)
    if contact is None:
        return AddressChangeStatus("gone")
    mine = change is not None and change.contact_id == contact.id and change.kind == "address"
    if change is None or not mine or not moves.can_be_read(change):
        raise TokenError("there is no change of address")
    return _move(contact, moves.of(change))


def confirm(
    conn: Connection, token: Token, pepper: bytes, now: datetime, wait: timedelta = WAIT
) -> AddressChangeStatus:
    """Confirm from the new mailbox: it exists, and its owner wants this. Never takes another contact's address."""
    return _step(conn, token, "confirmed", pepper, (now, wait))


def agree(conn: Connection, token: Token, pepper: bytes, now: datetime, wait: timedelta = WAIT) -> AddressChangeStatus:
    """Agree from the old mailbox: the change may be carried out."""
    return _step(conn, token, "agreed", pepper, (now, wait))


def keep(conn: Connection, token: Token, pepper: bytes, now: datetime) -> AddressChangeStatus:
    """Undo this change and all later ones, from the old mailbox, and put the old address back.

    Nothing is done where the link's own mailbox no longer has the right to: the answer is then the present state.
    """
    contacts.lock(conn, [token.recipient])
    before = look(conn, token)
    contact, change = contacts.get(conn, token.recipient), changes.get(conn, token.subject)
    if contact is None or change is None:
        return before
    mine = moves.of(change)
    later = [move for move in moves.of_contact(conn, contact.id) if move.id >= mine.id and not move.undone]
    if not later or not later[0].leaves(mine) or not (later[0].waits or later[0].can_be_put_back(now)):
        return before
    for move in later:
        changes.undone(conn, move.id, now)
    if later[0].moved and not _back(conn, contact, later[0], pepper, now):
        erasing.erase(conn, contact.id, now)
        return AddressChangeStatus("apart", before.old, before.new, before.here, contact.language)
    return look(conn, token)


def is_refused(conn: Connection, contact_id: int, now: datetime) -> bool:
    """Return whether :func:`ask` would refuse today. Reads only, so it can be called before any lock."""
    return limits.spent(conn, [limits.of_contact(ASKED, contact_id)], now)


def settle(conn: Connection, pepper: bytes, now: datetime, wait: timedelta = WAIT) -> int:
    """Carry out the confirmed changes to which the old mailbox did not answer; return how many. For the daily tidying.

    A change that was never confirmed is called off once the link to confirm has ended.
    """
    done = 0
    for found in changes.open_ones(conn, "address", now - wait):
        if not moves.can_be_read(found) or not moves.of(found).waits:
            continue
        contacts.lock(conn, [found.contact_id])
        change = changes.get(conn, found.id)  # read again: keep() may run on PostgreSQL while we wait for the lock
        if change is None or not moves.of(change).waits:
            continue
        done += _carry_out(conn, change, pepper, now, wait)
        if not change.after["confirmed"] and change.at < now - timedelta(days=notices.UNDO_DAYS):
            changes.undone(conn, change.id, now)
    return done


def _step(
    conn: Connection, token: Token, step: str, pepper: bytes, when: tuple[datetime, timedelta]
) -> AddressChangeStatus:
    now, wait = when
    contacts.lock(conn, [token.recipient])
    before = look(conn, token)
    contact, change = contacts.get(conn, token.recipient), changes.get(conn, token.subject)
    if before.stand != "waiting" or change is None or contact is None:
        return before
    if step == "confirmed" and _is_taken(conn, contact, change.after["email"]):
        return AddressChangeStatus("taken", before.old, before.new, before.here, contact.language)
    if key_of(change.after["email"]) == contact.key:  # the contact's own address: there is nothing to change
        changes.undone(conn, change.id, now)
        return look(conn, token)
    if not change.after[step]:
        change = changes.revise(conn, change, {**change.after, step: now.isoformat()})
    _carry_out(conn, change, pepper, now, wait)
    return look(conn, token)


def _carry_out(conn: Connection, change: Change, pepper: bytes, now: datetime, wait: timedelta) -> bool:
    """Carry out a change that is confirmed, and agreed or unanswered long enough; call it off if it is impossible."""
    silent = now >= change.at + wait
    contact = contacts.get(conn, change.contact_id)
    if contact is None or not change.after["confirmed"] or not (change.after["agreed"] or silent):
        return False
    if contacts.find(conn, change.after["email"]) is not None:  # the contact's own, or signed up since then
        changes.undone(conn, change.id, now)
        return False
    if (former := _former(conn, contact, change.after["email"], now)) is not None:
        _back(conn, contact, former, pepper, now)  # a return within the time for putting back counts as putting back
        for move in moves.of_contact(conn, contact.id):
            if move.id >= former.id:
                changes.undone(conn, move.id, now)
        return True
    _put(conn, contact, change.after["email"], pepper, now)
    changes.revise(conn, change, {**change.after, "moved": now.isoformat()})
    return True


def _former(conn: Connection, contact: Contact, email: str, now: datetime) -> AddressChange | None:
    """Return the change by which a contact left this address, if it can still be put back."""
    left = (move for move in moves.of_contact(conn, contact.id) if move.can_be_put_back(now))
    return next((move for move in left if key_of(move.old) == key_of(email)), None)


def _back(conn: Connection, contact: Contact, move: AddressChange, pepper: bytes, now: datetime) -> bool:
    """Give a contact the address that it left by a change; return whether it has it now."""
    if contact.key != key_of(move.old):
        if _is_taken(conn, contact, move.old):
            return False
        _put(conn, contact, move.old, pepper, now, move.moved)
    return True


def _is_taken(conn: Connection, contact: Contact, email: str) -> bool:
    found = contacts.find(conn, email)
    return found is not None and found.id != contact.id


def _put(
    conn: Connection, contact: Contact, email: str, pepper: bytes, now: datetime, since: datetime | None = None
) -> None:
    """Give a contact another address, copy the former one's suppressions to it, and record that.

    ``since`` (when putting back): only choices from then on are copied; older ones are there already, or the other
    mailbox's. A limit and a pause replace those at the address. All entries stay at the former one, so no import there
    loosens it.
    """
    moved = contacts.change_address(conn, contact, email, pepper, now)
    suppression.lift(conn, moved.address_hash, suppression.EVERYTHING, ["less_often", "pause"])
    for entry in suppression.entries(conn, contact.address_hash):
        if since and entry.since < since:
            continue
        if entry.reason == "less_often" and entry.every_days:
            suppression.limit(conn, moved.address_hash, entry.every_days, now)
        elif entry.reason in ("opt_out", "pause", "complaint", "manual"):
            at = now if entry.reason == "pause" else entry.since
            suppression.suppress(conn, moved.address_hash, entry.scope, entry.reason, at, entry.until)  # type: ignore[arg-type]
    told = {"from": contact.email, "to": moved.email}
    consent.record(conn, consent.ConsentEvent(contact.id, "address", "", now, 0, told), now)


def _move(contact: Contact, move: AddressChange) -> AddressChangeStatus:
    """Return the state of a change, by the address that the contact has now."""
    stand: AddressChangeStage = "waiting"
    if not move.waits:
        by_key: dict[str, AddressChangeStage] = {key_of(move.new): "moved"}
        by_key |= {key_of(move.old): "kept"} if move.undone else {}
        stand = by_key.get(contact.key, "elsewhere")
    steps = (move.confirmed, move.agreed)
    return AddressChangeStatus(
        stand, mask(move.old), move.masked_new, contact.masked, contact.language, *steps, move.new
    )
