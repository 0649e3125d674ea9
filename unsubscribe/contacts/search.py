"""Find contacts by the beginning of their address, of their name, or of the last word of their name.

Promises: each search reads three indexes, so it takes the same time with ten people and with a million. It does not
find the middle of a word, or all people of a domain. Capitals are forgiven; where the database knows A to Z alone
(SQLite, locale C), not in letters with accents within a name. Success does not mean that all matches are in the answer:
``most`` of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from mailer.prepared_statements import PreparedStatement, given_numbers
from unsubscribe.contacts.people import in_slices
from unsubscribe.contacts.tables import CONTACT, LAST_NAME, LOWER_NAME

SHORTEST = 3
_LAST_SIGN = "\U0010ffff"
_CAPITALS = {ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@dataclass(frozen=True, slots=True)
class NamedContact:
    """A contact in a list."""

    id: int
    email: str
    name: str


def starting_with(conn: Connection, text: str, most: int) -> list[NamedContact]:
    """Return the contacts whose address or name begins with a text; an exact address first, then by name."""
    wanted = " ".join(text.split())
    if len(wanted) < SHORTEST:
        return []
    found: dict[int, NamedContact] = {}
    for column, forms in (
        (CONTACT.c.email_key, [wanted.lower()]),
        (LOWER_NAME, _forms(wanted)),
        (LAST_NAME, _forms(wanted)),
    ):
        query = select(CONTACT.c.id, CONTACT.c.email, CONTACT.c.name)
        query = query.where(or_(*(_begins(conn, column, form) for form in forms)))
        found |= {row.id: NamedContact(row.id, row.email, row.name) for row in conn.execute(query.limit(most))}
    exact = wanted.lower()
    in_order = sorted(found.values(), key=lambda one: (one.email.lower() != exact, one.name.lower(), one.email))
    return in_order[:most]


def names(conn: Connection, contact_ids: Collection[int]) -> dict[int, NamedContact]:
    """Return address and name of contacts by number; erased ones are missing."""
    found: dict[int, NamedContact] = {}
    for some in in_slices(sorted(set(contact_ids))):
        for number, email, name in _NAMES.run(conn, {"b_ids": json.dumps(some)}):
            found[number] = NamedContact(number, email, name)
    return found


def _names(dialect: str) -> Select[Any]:
    query: Select[Any] = select(CONTACT.c.id, CONTACT.c.email, CONTACT.c.name)
    return query.where(CONTACT.c.id.in_(given_numbers(dialect)))


_NAMES = PreparedStatement(_names)


def _begins(conn: Connection, column: Any, start: str) -> ColumnElement[bool]:
    """Return the condition that a column begins with a text, as a range of an index."""
    if conn.dialect.name == "sqlite":
        between: ColumnElement[bool] = column.between(start, start + _LAST_SIGN)
        return between
    after: ColumnElement[bool] = column.bool_op("~>=~")(start)
    before: ColumnElement[bool] = column.bool_op("~<=~")(start + _LAST_SIGN)
    return and_(after, before)


def _forms(text: str) -> list[str]:
    """Return the text in the lower case of a database: all letters, or A to Z alone (SQLite, locale C)."""
    lower = text.lower()
    return sorted({lower, *(form.translate(_CAPITALS) for form in (text, lower[:1].upper() + lower[1:]))})
