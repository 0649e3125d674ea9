"""*What do you know about me* and *erase me*: by a letter to the mailbox, because other people may hold a link.

Promises: a mailbox gets one letter in 24 hours, and :func:`ask` reveals nothing else. While a former mailbox may still
put its address back, the letter goes only there, since an erasure could not be put back. :func:`everything` returns all
that the database has about the person: details, topics, holds on mail, changes, proof of consent, and letters with
their outcome. A letter is named by its subject in the archive (which outlives the campaign; empty for a letter that is
no longer kept). The result is one structure for the page and for JSON (GDPR articles 15 and 20).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailer import archive, outbox, suppression
from mailer.errors import InputError, StorageError
from mailer.letter.personalise import render_public
from mailer.outbox import Posted, Recipient
from mailer.signing import Token
from unsubscribe import changes, contacts, erasing, moves, notices, verifying
from unsubscribe.changes import Change
from unsubscribe.contacts import Contact
from unsubscribe.erasing import Erased
from unsubscribe.notices import ServiceMailer

_SUBJECTS: dict[str, str] = {}  # by snapshot, which never changes


def may_ask(conn: Connection, token: Token, service_mail: ServiceMailer, now: datetime) -> bool:
    """Return whether :func:`ask` would send something. Reads only, so that a flood of requests takes no lock."""
    contact = contacts.get(conn, token.recipient)
    return contact is not None and not service_mail.spent(conn, "my_data", _mailbox(conn, contact, now), now)


def ask(conn: Connection, token: Token, service_mail: ServiceMailer, now: datetime) -> None:
    """Send the person a link to everything that is stored. An erased person gets nothing."""
    contact = contacts.get_many(conn, [token.recipient], lock=True).get(token.recipient)
    if contact is None or service_mail.spent(conn, "my_data", to := _mailbox(conn, contact, now), now):
        return
    change = changes.keep(conn, contact.id, "my_data", ({}, {}), now)
    service_mail.send(conn, "my_data", change, to, contact.language, now)


def _mailbox(conn: Connection, contact: Contact, now: datetime) -> Recipient:
    """Return the mailbox for the link: the original one while it may put its address back, else the present one."""
    former = [found.recipient for found in moves.former_mailboxes(conn, contact, now)]
    return [*former, notices.recipient_of(contact)][0]


def everything(conn: Connection, token: Token, language: str = "") -> dict[str, Any] | None:
    """Return all data about the person; None when there is none (any more). Topics by their name in ``language``."""
    contact = contacts.get(conn, token.recipient)
    if contact is None:
        return None
    names = {topic.slug: topic.name_in(language) for topic in contacts.topics(conn)}
    return {
        "details": _details(contact),
        "topics": [
            {
                "topic": item.topic.slug,
                "name": item.topic.name_in(language),
                "state": item.state,
                "since": item.since.isoformat(),
            }
            for item in contacts.subscriptions_of(conn, contact.id)
        ],
        "held_back": _held_back(conn, contact),
        "changes": [_act(act) for act in changes.of_contact(conn, contact.id)],
        "consent": verifying.chain(conn, contact.id).as_json(),
        "letters": [_letter(conn, item) for item in outbox.posted_to(conn, contact.id)],
        "topic_names": names,
    }


def erase(conn: Connection, token: Token, now: datetime) -> Erased | None:
    """Erase the person (``unsubscribe.erasing``); return None when that was done already."""
    return erasing.erase(conn, token.recipient, now)


def _details(contact: Contact) -> dict[str, Any]:
    known = {name: list(value) if isinstance(value, tuple) else value for name, value in contact.attributes.items()}
    if contact.broken:  # no stored value is left out, even one that another program has broken
        known = {"unreadable": contact.broken}
    return {
        "email": contact.email,
        "name": contact.name,
        "language": contact.language,
        "attributes": known,
        "known_since": _time(contact.created_at),
        "changed_at": _time(contact.updated_at),
    }


def _held_back(conn: Connection, contact: Contact) -> list[dict[str, Any]]:
    """Return the entries that hold mail back, for which topic ("*": all), and until when if they end."""
    return [
        {
            "topic": entry.scope or "*",
            "reason": entry.reason,
            "since": _time(entry.since),
            "until": _time(entry.until),
        }
        for entry in suppression.entries(conn, contact.address_hash)
    ]


def _act(act: Change) -> dict[str, Any]:
    """Return the facts of an act by the person, or in their name."""
    return {
        "what": act.kind,
        "at": _time(act.at),
        "undone_at": _time(act.undone_at),
        "before": act.before,
        "after": act.after,
    }


def _letter(conn: Connection, item: Posted) -> dict[str, Any]:
    """Return the facts of a letter to the person; the relay's own words only where there are any."""
    told = {
        "subject": _subject(conn, item.snapshot),
        "mailing": item.key,
        "kind": item.kind,
        "topic": item.scope or None,
        "address": item.address,
        "state": item.state,
        "reason": item.reason,
        "at": _time(item.at),
    }
    return told | ({"answer": f"{item.code} {item.reply}".strip()} if item.code else {})


def _subject(conn: Connection, snapshot: str) -> str:
    """Return the subject of a kept letter, without a contact's values; empty when it is not kept (any more)."""
    if snapshot not in _SUBJECTS:
        try:
            kept = archive.letter(conn, snapshot)
        except (InputError, StorageError):
            return ""
        _SUBJECTS[snapshot] = render_public(kept.subject, kept.language)
    return _SUBJECTS[snapshot]


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
