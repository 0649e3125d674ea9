"""Everything that is known of contacts, as CSV that a spreadsheet opens safely and the import reads back.

Promises: UTF-8 with BOM (spreadsheets then see the accents), every cell quoted, what a spreadsheet would take
for a formula has an apostrophe in front (E38) that the import takes away again; lists are ``name[]`` columns with
``|`` between the items. Reads page by page, so a million contacts cost no memory. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from mailer.storage import Database
from unsubscribe import contacts
from unsubscribe.contacts import Contact
from unsubscribe.contacts.sheet import CORE, SheetWriter

_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Exported:
    """How many contacts were written, and under which columns; the addresses of those without their attributes."""

    contacts: int
    columns: tuple[str, ...]
    broken: tuple[str, ...] = ()


def export(db: Database, out: IO[str], topic: str | None = None) -> Exported:
    """Write all contacts, or those subscribed to a topic, to a text file opened with ``newline=""``.

    Raises ``InputError`` for a topic that does not exist.
    """
    lists, texts = _names(db, topic)
    columns = (*CORE, *texts, *(f"{name}[]" for name in lists))
    writer = SheetWriter(out, columns)
    count, broken = 0, list[str]()
    for contact in _contacts(db, topic):
        cells = [contact.email, contact.name, contact.language]
        cells += [_text(contact, name) for name in texts] + [_list(contact, name) for name in lists]
        writer.row(cells)
        count += 1
        if contact.broken:
            broken.append(contact.email)
    return Exported(count, columns, tuple(broken))


def _names(db: Database, topic: str | None) -> tuple[list[str], list[str]]:
    """The attributes that anybody has: lists, and texts."""
    lists: set[str] = set()
    texts: set[str] = set()
    for contact in _contacts(db, topic):
        for name, value in contact.attributes.items():
            (texts if isinstance(value, str) else lists).add(name)
    return sorted(lists), sorted(texts - lists)


def _contacts(db: Database, topic: str | None) -> Iterator[Contact]:
    after = 0
    while True:
        with db.read() as conn:
            page = contacts.audience_page(conn, topic, after, _PAGE) if topic else contacts.everyone(conn, after, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _text(contact: Contact, name: str) -> str:
    value = contact.attributes.get(name, "")
    return value if isinstance(value, str) else ""


def _list(contact: Contact, name: str) -> str:
    value = contact.attributes.get(name, ())
    return value if isinstance(value, str) else "|".join(value)
