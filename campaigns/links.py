"""What is filled into a letter for one person: the contact's values of this moment, and the links that are theirs.

Promises: values are read anew for each attempt and stored nowhere else (I5); links are made under the key and the
public address that were frozen on the mailing, so that each attempt has the same. A recipient who was erased is
missing from the answer. Service letters are filled by :mod:`unsubscribe.notices`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from campaigns import records
from mailer.outbox import Mailing
from mailer.worker import Filled
from unsubscribe import contacts, notices
from unsubscribe.tokens import Tokens

N_ = str  # marks a text for the catalogue (domain cli)
UNREADABLE = N_("what is kept of contact {number} cannot be read; import the person again, or mend the row")


class Slots:
    """The ``SlotSource`` of the house."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._online: dict[int, str] = {}  # by mailing; what was launched does not change

    def fill(self, conn: Connection, mailing: Mailing, recipients: Sequence[int]) -> Mapping[int, Filled]:
        """Name, values and links for each of ``recipients`` who is still there."""
        if mailing.is_service:
            return notices.fill(conn, mailing, recipients, self._tokens)
        online = self._online_of(conn, mailing)
        url, key, mine = mailing.identity.public_url, mailing.identity.key_id, mailing.id
        optout_of, details_of = self._tokens.optout_urls(url, key, mine), self._tokens.details_urls(url, key, mine)
        filled: dict[int, Filled] = {}
        for number, known in contacts.letter_values(conn, recipients).items():
            if known is None:
                filled[number] = Filled("", {}, fault=UNREADABLE.format(number=number))
                continue
            name, values = known
            optout = optout_of(number)
            links = {"online": online, "details": details_of(number), "optout": optout}
            filled[number] = Filled(name, {"contact": values, "links": links}, optout)
        return filled

    def _online_of(self, conn: Connection, mailing: Mailing) -> str:
        if mailing.id not in self._online:
            campaign = records.of_mailing(conn, mailing.id)
            url = (
                records.online_url(mailing.identity.public_url, campaign.online, campaign.online_code)
                if campaign
                else ""
            )
            self._online[mailing.id] = url
        return self._online[mailing.id]
