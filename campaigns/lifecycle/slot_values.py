"""The values filled into a letter for one contact: the contact's present values, and its own links.

Promises: values are read again for each attempt and stored nowhere else (I5). Links are made with the letter, under the
key and the public address frozen on the mailing, so that each attempt has the same links. A recipient that was
erased is missing from the answer. Service letters are filled by :mod:`unsubscribe.notices`, those to staff by
:mod:`campaigns.lifecycle.staff_mail`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from campaigns.lifecycle import records, staff_mail
from mailer.messages import Message
from mailer.outbox import Mailing
from mailer.worker import Filled, LetterLinks
from unsubscribe import contacts, notices
from unsubscribe.tokens import Tokens, letter_links

UNREADABLE = Message("what is kept of contact {number} cannot be read; import the person again, or mend the row")


class ContactSlots:
    """The ``SlotSource`` of the installation."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def fill(self, conn: Connection, mailing: Mailing, recipients: Sequence[int]) -> Mapping[int, Filled]:
        """Return name and values of each of ``recipients`` that still exists; the links too in service mail."""
        if mailing.is_service and staff_mail.is_staff(mailing):
            return staff_mail.fill(conn, mailing, recipients, self._tokens.keyring)
        if mailing.is_service:
            return notices.fill(conn, mailing, recipients, self._tokens)
        filled: dict[int, Filled] = {}
        for number, known in contacts.letter_values(conn, recipients).items():
            if known is None:
                filled[number] = Filled("", {}, fault=UNREADABLE.format(number=number))
            else:
                filled[number] = Filled(known[0], {"contact": known[1]})
        return filled

    def links(self, conn: Connection, mailing: Mailing) -> LetterLinks | None:
        """Return the public address that was frozen on the mailing, and its links; None for service mail."""
        if mailing.is_service:
            return None
        url, campaign = mailing.identity.public_url, records.of_mailing(conn, mailing.id)
        online = records.online_url(url, campaign.online, campaign.online_code) if campaign else ""
        return LetterLinks(online, *letter_links(url))
