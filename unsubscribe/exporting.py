"""Everything that is stored about contacts, as CSV that a spreadsheet opens safely and the import reads back.

Promises: each row states the opt-outs: the topics that were left, why all mail is held back, since when and until when,
*less often*. The import obeys these columns, so that no contact is mailed again because of a file. The file is UTF-8
with BOM, so that spreadsheets show accents, and every cell is quoted. A cell that a spreadsheet would take for a
formula begins with an apostrophe (E38), which the import removes. Lists are ``name[]`` columns with ``|`` between the
items. Reads page by page, so the number of contacts does not increase the memory. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from mailer import suppression
from mailer.storage import Database
from unsubscribe import contacts
from unsubscribe.contacts import Contact
from unsubscribe.contacts.heads import EVERY_DAYS, HELD_BACK, OPTED_OUT, SINCE, UNTIL
from unsubscribe.contacts.sheet import CORE, SheetWriter

_PAGE = 2_000
_OUT = (OPTED_OUT, HELD_BACK, SINCE, UNTIL, EVERY_DAYS)


@dataclass(frozen=True, slots=True)
class Exported:
    """The number of contacts written, the columns, and the addresses of contacts written without their attributes."""

    contacts: int
    columns: tuple[str, ...]
    broken: tuple[str, ...] = ()


def export(db: Database, out: IO[str], topic: str | None = None, now: datetime | None = None) -> Exported:
    """Write all contacts, or those subscribed to a topic, to a text file opened with ``newline=""``.

    Raises ``InputError`` for a topic that does not exist.
    """
    lists, texts = _names(db, topic)
    texts = [name for name in texts if name not in _OUT]
    columns = (*CORE, *texts, *(f"{name}[]" for name in lists), *_OUT)
    writer = SheetWriter(out, columns)
    count, broken = 0, list[str]()
    for page in _pages(db, topic):
        out_of = _out(db, page, now or datetime.now(UTC))
        for contact in page:
            cells = [contact.email, contact.name, contact.language]
            cells += [_text(contact, name) for name in texts] + [_list(contact, name) for name in lists]
            writer.row([*cells, *out_of[contact.id]])
            count += 1
            if contact.broken:
                broken.append(contact.email)
    return Exported(count, columns, tuple(broken))


def _names(db: Database, topic: str | None) -> tuple[list[str], list[str]]:
    """Return the names of all attributes in use: lists, and texts."""
    lists: set[str] = set()
    texts: set[str] = set()
    for contact in (contact for page in _pages(db, topic) for contact in page):
        for name, value in contact.attributes.items():
            (texts if isinstance(value, str) else lists).add(name)
    return sorted(lists), sorted(texts - lists)


def _out(db: Database, page: Sequence[Contact], now: datetime) -> dict[int, tuple[str, ...]]:
    """Return for each contact the topics left, why mail is held back, since when, until when, and *less often*."""
    with db.read() as conn:
        slugs = {topic.id: topic.slug for topic in contacts.topics(conn)}
        standings = contacts.standings(conn, [contact.id for contact in page])
        entries = suppression.entries_of(conn, [contact.address_hash for contact in page])
    found: dict[int, tuple[str, ...]] = {}
    for contact in page:
        mine = [entry for entry in entries.get(contact.address_hash, ()) if entry.until is None or entry.until > now]
        left = {slugs[row.topic_id] for row in standings.get(contact.id, {}).values() if row.state == "opted_out"}
        left |= {entry.scope for entry in mine if entry.scope and entry.reason == "opt_out"}
        held = [entry for entry in mine if not entry.scope]
        until = [entry.until.isoformat() for entry in held if entry.until]
        days = [entry.every_days for entry in entries.get(contact.address_hash, ()) if entry.every_days]
        found[contact.id] = (
            "|".join(sorted(left)),
            "|".join(sorted({entry.reason for entry in held})),
            min((entry.since.isoformat() for entry in held), default=""),
            max(until) if until and len(until) == len(held) else "",
            str(max(days)) if days else "",
        )
    return found


def _pages(db: Database, topic: str | None) -> Iterator[list[Contact]]:
    after = 0
    while True:
        with db.read() as conn:
            page = contacts.audience_page(conn, topic, after, _PAGE) if topic else contacts.everyone(conn, after, _PAGE)
        yield page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _text(contact: Contact, name: str) -> str:
    value = contact.attributes.get(name, "")
    return value if isinstance(value, str) else ""


def _list(contact: Contact, name: str) -> str:
    value = contact.attributes.get(name, ())
    return value if isinstance(value, str) else "|".join(value)
