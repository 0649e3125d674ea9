"""Why mail to a person is held back, in words, with what can be done about it.

Promises: only entries in force are returned, without the marks that the house keeps for itself. It reads and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailer import suppression
from mailer.messages import Message
from mailer.suppression import SuppressionEntry
from unsubscribe import contacts
from unsubscribe.contacts import Contact

_ALL_MAIL = Message("all mail")
_SENTENCES = {
    "opt_out": Message("this person opted out of {scope} on {since}."),
    "undeliverable": Message("mail to this address was refused on {since}, so no more is sent there."),
    "complaint": Message("this person reported a letter as spam on {since}."),
    "pause": Message("this person paused {scope} on {since}, until {until}."),
    "less_often": Message("this person asked for at most one letter in {days} days; the next may go on {until}."),
    "erased": Message("this person asked to be erased on {since}."),
    "manual": Message("the address is held back by hand since {since}."),
}
_ADVICE = {
    "opt_out": Message("Only this person can come back: with the link in an earlier letter, or by signing up again."),
    "undeliverable": Message("If the address works again, an administrator can lift this."),
    "complaint": Message("Only this person can come back, by signing up again."),
    "pause": Message("It ends by itself. This person can end it earlier, with the link in a letter."),
    "less_often": Message("This person can change that with the link in a letter."),
    "erased": Message("Only this person can come back, by signing up again."),
    "manual": Message("An administrator can say why."),
}


@dataclass(frozen=True, slots=True)
class HoldReason:
    """A reason that holds mail back. ``scope``: the topic, "" for all mail. ``sentence`` begins in lower case."""

    reason: str
    scope: str
    sentence: str
    advice: str


def of_contact(
    conn: Connection, contact: Contact, written: Callable[[datetime], str], language: str, now: datetime
) -> list[HoldReason]:
    """Return what holds mail to a person back now."""
    names = {topic.slug: topic.name_in(language) for topic in contacts.topics(conn)}
    found = suppression.entries(conn, contact.address_hash)
    return [
        _held(entry, written, names)
        for entry in found
        if not entry.scope.startswith("person:") and (entry.until is None or entry.until > now)
    ]


def _held(entry: SuppressionEntry, written: Callable[[datetime], str], names: dict[str, str]) -> HoldReason:
    values = {
        "since": written(entry.since),
        "until": written(entry.until) if entry.until else "",
        "days": entry.every_days or 0,
        "scope": names.get(entry.scope, entry.scope) if entry.scope else _ALL_MAIL,
    }
    sentence = _SENTENCES.get(entry.reason, _SENTENCES["manual"])
    return HoldReason(entry.reason, entry.scope, sentence.format(**values), _ADVICE.get(entry.reason, ""))
