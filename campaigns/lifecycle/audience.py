"""The audience of a campaign, frozen page by page while the sender already runs.

Promises: :func:`freeze_page` is one transaction of at most some tens of milliseconds. The position is stored with the
rows, so that an interrupted launch goes on where it was. Two processes at once add no contact twice (I1, by the
database). Suppressed contacts are in it: the claim leaves them out, and the report says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.lifecycle import segments
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.segments import Keep, everybody
from campaigns.source import definition
from mailer import outbox, suppression
from mailer.outbox import Mailing, Recipient
from mailer.suppression import SuppressionEntry
from unsubscribe import contacts
from unsubscribe.contacts import Contact

PAGE, WHOLE_PAGE = 1_000, 4_000


def add_page(conn: Connection, mailing: Mailing, keep: Keep, now: datetime, page: int = PAGE) -> bool:
    """Freeze the next page of subscribers of the mailing's topic; return whether the audience is whole now."""
    if keep is everybody:
        return _freeze_everybody(conn, mailing, now, WHOLE_PAGE if page == PAGE else page)
    found = contacts.audience_page(conn, mailing.spec.scope, mailing.audience_position, page)
    position = found[-1].id if found else mailing.audience_position
    outbox.enqueue(conn, mailing.id, [_recipient(contact) for contact in found if keep(contact)], position, now)
    if len(found) == page:
        return False
    outbox.audience_complete(conn, mailing.id)
    return True


def _freeze_everybody(conn: Connection, mailing: Mailing, now: datetime, page: int) -> bool:
    """Freeze a page without a segment: no contact has to be looked at, the database copies them."""
    topic, after = mailing.spec.scope, mailing.audience_position
    last, number = contacts.audience_until(conn, topic, after, page)
    people = contacts.audience_between(conn, topic, after, last)
    outbox.enqueue_selected(conn, mailing.id, people, last, now)
    if number == page:
        return False
    outbox.audience_complete(conn, mailing.id)
    return True


def count(conn: Connection, topic: str, keep: Keep = everybody) -> int:
    """Return how many contacts are subscribed now and belong to the segment, suppressed ones included."""
    if keep is everybody:
        return contacts.audience_count(conn, topic)
    number, position = 0, 0
    while page := contacts.audience_page(conn, topic, position, PAGE):
        number, position = number + sum(map(keep, page)), page[-1].id
    return number


def count_planned(conn: Connection, campaign: Campaign) -> int:
    """Return how many contacts a planned campaign would go to now; its audience is frozen when it begins."""
    if contacts.find_topic(conn, campaign.topic) is None:
        return 0
    segment = definition.read(campaign.source, campaign.file_name)[0].segment
    return count(conn, campaign.topic, segments.keep(segment, campaign.language))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many contacts are subscribed and in the segment; of these, how many are left out, by reason."""

    people: int
    left_out: Mapping[str, int]

    @property
    def mailed(self) -> int:
        """The number of people who get it."""
        return self.people - sum(self.left_out.values())


def tally(conn: Connection, topic: str, expression: str, language: str, now: datetime) -> Tally:
    """Return how many contacts would get a campaign now, and how many are left out and why; none of no topic."""
    if contacts.find_topic(conn, topic) is None:
        return Tally(0, {})
    keep = segments.keep(expression, language)
    if keep is everybody:
        return Tally(contacts.audience_count(conn, topic), contacts.held_back(conn, topic, now))
    people, position, left_out = 0, 0, Counter[str]()
    while page := contacts.audience_page(conn, topic, position, PAGE):
        kept = [contact for contact in page if keep(contact)]
        people, position = people + len(kept), page[-1].id
        for entries in suppression.entries_of(conn, [contact.address_hash for contact in kept]).values():
            held = [item.reason for item in entries if _holds(item, topic, now)]
            left_out.update([min(held)] if held else [])
    return Tally(people, left_out)


def _holds(entry: SuppressionEntry, topic: str, now: datetime) -> bool:
    return entry.scope in (suppression.EVERYTHING, topic) and (entry.until is None or entry.until > now)


def _recipient(contact: Contact) -> Recipient:
    local = contact.email.rpartition("@")[0]
    return Recipient(contact.id, f"{local}@{contact.domain}", contact.address_hash, contact.domain)
