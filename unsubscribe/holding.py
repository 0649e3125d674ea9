"""Hold back all mail to an address, at the person's request to the staff (GDPR 18 and 21): reason *manual*.

Promises: nothing is deleted. Every topic counts as left and is recorded as such, so that signing up for one later
brings back only that topic. Only the person's own double opt-in (:mod:`unsubscribe.signup`) lifts the hold. An address
without a contact is kept out as well. :func:`hold_file` reads a list of any length and holds the database's lock some
tens of milliseconds at a time. A line that holds no address is handed to ``reject``; no other line is lost. A repeated
call changes nothing.

Raises ``AddressError``, and ``FaultsError`` for a file that cannot be used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from mailer import suppression
from mailer.address import parse
from mailer.signing import address_hash
from mailer.storage import Database
from unsubscribe import consent, contacts
from unsubscribe.contacts import Standing, bulk
from unsubscribe.contacts.cells import holds_address
from unsubscribe.contacts.rows import Rejected, RowReader
from unsubscribe.contacts.sheet import Reading, Sheet

LOCK_SECONDS = 0.03  # the target for one transaction
_FIRST, _LARGEST, _SMALLEST = 200, 2_000, 20  # addresses in one transaction


@dataclass(frozen=True, slots=True)
class Held:
    """The result of holding back an address: its contact, if any, an earlier hold by hand, and the topics left."""

    known: bool
    again: bool
    topics: tuple[str, ...] = ()


@dataclass(slots=True)
class HeldMany:
    """How many addresses were held back, how many of these have a contact, how many were held back by hand before."""

    addresses: int = 0
    known: int = 0
    again: int = 0
    rejected: int = 0


def hold(conn: Connection, email: str, pepper: bytes, now: datetime) -> Held:
    """Hold back all mail to that address."""
    key = parse(email).key
    return hold_some(conn, {key: address_hash(pepper, key)}, now)[key]


def hold_some(conn: Connection, hashes: dict[str, bytes], now: datetime) -> dict[str, Held]:
    """Hold back some addresses (key to hash) in one transaction; return the result by key."""
    entries = suppression.entries_of(conn, list(hashes.values()))
    suppression.suppress_many(conn, [(hashed, suppression.EVERYTHING) for hashed in hashes.values()], "manual", now)
    known = bulk.by_key(conn, list(hashes))
    standings = contacts.standings(conn, [item.id for item in known.values()]) if known else {}
    slugs = {topic.id: topic.slug for topic in contacts.topics(conn)} if known else {}
    rows: list[Standing] = []
    events: list[consent.ConsentEvent] = []
    found = {}
    for key, hashed in hashes.items():
        again = any(entry.reason == "manual" for entry in entries.get(hashed, ()))
        item = known.get(key)
        mine = standings.get(item.id, {}).values() if item else ()
        left = sorted((slugs[row.topic_id], row) for row in mine if row.state != "opted_out")
        for slug, row in left:
            rows.append(Standing(row.contact_id, row.topic_id, "opted_out", now, row.statement))
            detail = {"address": item.email if item else "", "how": "staff"}
            events.append(consent.ConsentEvent(row.contact_id, "withdrawn", slug, now, 0, detail))
        found[key] = Held(item is not None, again, tuple(slug for slug, _ in left))
    contacts.put_standings(conn, rows)
    consent.record_many(conn, events, now)
    return found


def hold_file(
    db: Database, path: Path, pepper: bytes, now: datetime, reject: Callable[[Rejected], None] = lambda _: None
) -> HeldMany:
    """Hold back all addresses of a file: a CSV file with a column for them, or one address on each line."""
    done, size = HeldMany(), _FIRST
    seen: set[bytes] = set()

    def refused(row: Rejected) -> None:
        done.rejected += 1
        reject(row)

    with Sheet(path, Reading(bare=True)) as sheet:
        reader = RowReader([column for column in sheet.columns if column.used_as == "email"], pepper)
        place = [column.used_as for column in sheet.columns].index("email")
        addresses = _addresses(sheet, reader, place, refused)
        while some := _slice(addresses, size, seen):
            with db.write() as conn:
                began = time.perf_counter()
                held = hold_some(conn, some, now).values()
            spent = time.perf_counter() - began
            size = max(_SMALLEST, min(_LARGEST, 2 * size, int(len(some) * LOCK_SECONDS / max(spent, 1e-6))))
            done.addresses += len(held)
            done.known += sum(item.known for item in held)
            done.again += sum(item.again for item in held)
    return done


def _addresses(
    sheet: Sheet, reader: RowReader, place: int, reject: Callable[[Rejected], None]
) -> Iterator[tuple[str, bytes]]:
    """Yield the key and the hash of each address; other columns do not matter."""
    bare = not sheet.columns[place].head  # a list without a head: each cell may be an address
    for record in sheet.records():
        cells: Sequence[str] = record.cells[place : place + 1]
        more = [cell for cell in record.cells if holds_address(cell) and [cell] != cells] if bare else []
        for cell in [*cells, *more] or [""]:
            row = reader.read(type(record)(record.line, [cell], record.raw, record.fault))
            if isinstance(row, Rejected):
                reject(row)
            else:
                yield row.key, row.address_hash


def _slice(addresses: Iterator[tuple[str, bytes]], size: int, seen: set[bytes]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for key, hashed in addresses:
        if hashed not in seen:
            seen.add(hashed)
            found[key] = hashed
        if len(found) >= size:
            break
    return found
