"""Import contacts from a CSV file: the contacts, their subscription to one topic, and its legal basis.

Promises: the file is streamed in chunks sorted by address. The database's lock is held some tens of milliseconds at a
time. A bad row is handed to ``reject`` with its line, the reason and its text; no other row is lost. Importing the same
file again changes nothing. A contact that opted out stays out, an erased person is not brought back (D10), and values
that readers set themselves are kept. For other contacts a column of the file replaces the stored values: an empty cell
removes the old value. A column that the file does not have is left alone. No mail is sent.

Raises ``FaultsError`` for a file that cannot be used, ``InputError`` for a topic or basis that cannot be, before
anything is written. When the import is interrupted, the rows already written stay. The same
call, made again, reads the file from its start and changes only the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from mailer import suppression
from mailer.errors import Fault, FaultsError, StorageBusy, StorageError
from mailer.storage import Database
from mailer.suppression import SuppressionEntry
from unsubscribe import consent, contacts, repeated_optout
from unsubscribe.contacts import Standing, Topic, bulk
from unsubscribe.contacts.bulk import Known
from unsubscribe.contacts.foreign import ForeignStatus
from unsubscribe.contacts.guessed_heads import is_of_people_who_left
from unsubscribe.contacts.people import load_attributes
from unsubscribe.contacts.rows import ImportRow, Rejected, RowReader, kept
from unsubscribe.contacts.sheet import Reading, Record, Sheet
from unsubscribe.contacts.tables import CONTACT

CHUNK, CHUNK_SIZE = 20_000, 20_000_000  # rows, characters
MOST_ATTRIBUTES = 1_000  # for one contact, from all files together
LOCK_SECONDS = 0.03  # the target for one transaction; the promise is 0.05
_FIRST_SLICE, _LARGEST_SLICE, _SMALLEST_SLICE = 500, 5_000, 50
_TRIES, N_ = 3, str  # N_ marks a text for the catalogue (domain cli)
_TOO_MANY = N_("with this row the person would have more than 1,000 attributes")
_ERASED = N_("this person asked to be erased and is not brought back")
# For each status in a file: the reason for which mail is held back here, and whether for all mail.
_HOLDS: Mapping[ForeignStatus, tuple[suppression.Reason, bool]] = {
    "undeliverable": ("undeliverable", True),
    "unsubscribed": ("opt_out", False),
    "blocked": ("opt_out", True),
    "complaint": ("complaint", True),
}
_LONGEST_PAUSE, _LIMITS = timedelta(days=366), (7, 30)  # as readers can choose them
_Entries = Sequence[SuppressionEntry]
_NOTHING: _Entries = ()


@dataclass(frozen=True, slots=True)
class ImportJob:
    """The target of an import: the topic's slug (made if new), the basis (D1, D2), since when, the pepper of hashes."""

    topic: str
    statement: consent.ConsentStatement
    pepper: bytes = field(repr=False)
    at: datetime | None = None
    topic_name: str = ""
    reading: Reading | None = None


@dataclass(slots=True)
class ImportSummary:
    """The numbers of rows by their outcome.

    ``elsewhere``: how many the file keeps out, by :data:`.foreign.KINDS`, counted in ``kept_out`` too. ``passed``: rows
    of people who have yet to confirm in another program; nothing of them is stored. ``empty``: rows without a visible
    character.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    kept_out: int = 0
    suppressed: int = 0
    passed: int = 0
    empty: int = 0
    encoding: str = ""
    guessed: bool = False
    delimiter: str = ""
    program: str = ""
    elsewhere: dict[str, int] = field(default_factory=dict)
    columns: list[dict[str, str]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Return the number of rows in the file."""
        return self.added + self.updated + self.unchanged + self.rejected + self.passed

    def add(self, other: ImportSummary) -> None:
        """Add the numbers of another summary."""
        for item in fields(self):
            if item.type == "int":
                setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))
        for kind, number in other.elsewhere.items():
            self.elsewhere[kind] = self.elsewhere.get(kind, 0) + number

    def keep_out(self, kind: str) -> None:
        """Count one more contact that the file keeps out."""
        self.kept_out += 1
        self.elsewhere[kind] = self.elsewhere.get(kind, 0) + 1

    def as_json(self) -> dict[str, object]:
        """Return the numbers for ``--json``."""
        return {"rows": self.rows} | asdict(self)


def import_contacts(
    db: Database,
    path: Path,
    job: ImportJob,
    now: datetime,
    *,
    reject: Callable[[Rejected], None] = lambda _: None,
    progress: Callable[[ImportSummary], None] = lambda _: None,
) -> ImportSummary:
    """Read the file into the database; return the summary of its rows. ``progress`` is called for each slice."""
    with Sheet(path, job.reading) as sheet:
        _refuse_who_left(sheet)
        contacts.check_slug(job.topic)
        with db.write() as conn:
            topic = contacts.ensure_topic(conn, job.topic, job.topic_name, now)
            number = consent.store_statement(conn, job.statement)
            own = consent.shown_statements(conn)
        work = _Import(db, job, topic, number, now)
        work.own = own
        work.summary.encoding, work.summary.guessed = sheet.encoding.removesuffix("-sig"), sheet.guessed
        work.summary.delimiter, work.summary.program = sheet.delimiter, sheet.program
        work.summary.columns = [{"head": column.head, "used_as": column.told} for column in sheet.columns]
        reader = RowReader(sheet.columns, job.pepper, job.topic)
        for chunk in _chunks(sheet.records(), reader, work.rejecting(reject)):
            work.write(chunk, progress)
        work.summary.empty = sheet.empty
    progress(work.summary)
    return work.summary


def _refuse_who_left(sheet: Sheet) -> None:
    """Refuse a file of which only the name says that its people left: nobody is mailed on a guess."""
    if is_of_people_who_left(sheet.name) and not any(column.told == "status" for column in sheet.columns):
        found, expected = N_("a name that says that these people left, and no column that does"), N_("a column status")
        hint = N_("Keep them out with: postiljon contacts suppress --file; or give the file another name")
        raise FaultsError([Fault(sheet.name, 0, "file", found, expected, hint)])


def _chunks(
    records: Iterator[Record], reader: RowReader, reject: Callable[[Rejected], None]
) -> Iterator[list[ImportRow]]:
    chunk: list[ImportRow] = []
    size = 0
    for record in records:
        row = reader.read(record)
        if isinstance(row, Rejected):
            reject(row)
            continue
        chunk.append(row)
        size += len(row.raw)
        if len(chunk) >= CHUNK or size >= CHUNK_SIZE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class _Import:
    """One run: writes chunks in slices, each a transaction, and keeps the summary."""

    def __init__(self, db: Database, job: ImportJob, topic: Topic, statement: int, now: datetime) -> None:
        self.db, self.job, self.topic, self.statement, self.now = db, job, topic, statement, now
        self.at = job.at or now
        self.own: frozenset[int] = frozenset()  # statements that readers were shown when they signed up here
        self.summary = ImportSummary()
        self._size = _FIRST_SLICE
        self._reject: Callable[[Rejected], None] = lambda _: None

    def rejecting(self, reject: Callable[[Rejected], None]) -> Callable[[Rejected], None]:
        """Return ``reject`` with a counter of the rejected rows."""

        def counted(row: Rejected) -> None:
            self.summary.rejected += 1
            reject(row)

        self._reject = counted
        return counted

    def write(self, chunk: list[ImportRow], progress: Callable[[ImportSummary], None]) -> None:
        """Write a chunk, sorted by address, in slices as large as the time for one allows."""
        chunk.sort(key=lambda row: row.key)
        start = 0
        while start < len(chunk):
            rows = chunk[start : start + self._size]
            start += len(rows)
            began, (counts, left_out) = self._transaction(rows)
            spent = time.perf_counter() - began
            self.summary.add(counts)
            for rejected in left_out:
                self._reject(rejected)
            fitting = int(len(rows) * LOCK_SECONDS / max(spent, 1e-6))
            self._size = max(_SMALLEST_SLICE, min(_LARGEST_SLICE, 2 * self._size, fitting))
            progress(self.summary)

    def _transaction(self, rows: Sequence[ImportRow]) -> tuple[float, tuple[ImportSummary, list[Rejected]]]:
        """Write a slice, whole or not at all; try again when another process added the same person (PostgreSQL)."""
        for _ in range(_TRIES):
            try:
                with self.db.write() as conn:
                    return time.perf_counter(), _Slice(self, conn).take(rows)
            except StorageError as error:
                if not isinstance(error.__cause__, IntegrityError):
                    raise
        raise StorageBusy(N_("others keep adding the same people; try again"))


class _Slice:
    """Some rows in one transaction: read the stored data, compare, write the differences."""

    def __init__(self, work: _Import, conn: Connection) -> None:
        self.work, self.conn = work, conn
        self.counts = ImportSummary()
        self.left_out: list[Rejected] = []
        self._adds: dict[int, tuple[ImportRow, Known]] = {}
        self._updates: dict[int, dict[str, Any]] = {}
        self._standings: list[Standing] = []
        self._events: list[consent.ConsentEvent] = []
        self._holds: dict[suppression.Reason, dict[tuple[bytes, str], None]] = {}
        self._left_again: dict[int, set[str]] = {}  # topics that contacts left before, and by this file again
        self._seldom: list[ImportRow] = []  # rows of new contacts with a pause or a limit
        self._without: set[int] = set()  # contacts that are stored without a subscription

    def take(self, rows: Sequence[ImportRow]) -> tuple[ImportSummary, list[Rejected]]:
        """Write the rows; return their summary, and the rows that are refused here, such as those of erased people."""
        conn, counts = self.conn, self.counts
        known = bulk.by_key(conn, [row.key for row in rows])
        entries = suppression.entries_of(conn, [row.address_hash for row in rows])
        before = contacts.standings(conn, [item.id for item in known.values()]) if known else {}
        numbers = iter(bulk.new_numbers(conn, CONTACT, len({row.key for row in rows} - known.keys())))
        for row in rows:
            held = self._entries_in_force(entries[row.address_hash]) if row.address_hash in entries else _NOTHING
            if held and any(entry.reason == "erased" for entry in held):
                self.left_out.append(Rejected(row.line, _ERASED, row.raw))
                continue
            item = known.get(row.key)
            for slug in row.left:
                self._holds.setdefault("opt_out", {})[(row.address_hash, slug)] = None
            if row.kind == "unconfirmed":
                counts.passed += 1
                counts.keep_out(row.kind)
            elif item is not None and self._is_full(row, item):
                self.left_out.append(Rejected(row.line, _TOO_MANY, row.raw))
            elif item is None:
                known[row.key] = self._add(row, next(numbers), before, held)
                counts.added += 1
            else:
                changed = self._change(row, item)
                known[row.key] = changed or item
                news = self._subscribe_or_keep_out(row, item, before.setdefault(item.id, {}), held)
                counts.updated += news or changed is not None
                counts.unchanged += not (news or changed is not None)
        self._store()
        return counts, self.left_out

    def _is_full(self, row: ImportRow, item: Known) -> bool:
        """Return whether the row would give a contact more attributes than one may have."""
        if len(row.attributes) + item.attributes.count('":') <= MOST_ATTRIBUTES:
            return False  # the usual case, without reading the stored attributes
        return len(load_attributes(item.attributes).keys() | row.attributes.keys()) > MOST_ATTRIBUTES

    def _entries_in_force(self, entries: _Entries) -> list[SuppressionEntry]:
        """Return the entries in force, counted."""
        held = [entry for entry in entries if entry.until is None or entry.until > self.work.now]
        self.counts.suppressed += any(entry.reason not in ("opt_out", "erased") and not entry.scope for entry in held)
        return held

    def _has_opted_out(self, held: _Entries) -> bool:
        return any(entry.reason == "opt_out" and entry.scope in ("", self.work.topic.slug) for entry in held)

    def _add(self, row: ImportRow, number: int, before: dict[int, dict[int, Standing]], held: _Entries) -> Known:
        name, language = row.fields.get("name", ""), row.fields.get("language", "")
        item = Known(number, row.email, name, language, kept(row.attributes), "")
        self._adds[number] = (row, item)
        if row.until or row.every_days:
            self._seldom.append(row)
        if row.kind != "subscribed":
            self._keep_out(row, item, before.setdefault(number, {}), held)
        elif row.since or (held and self._has_opted_out(held)):
            self._subscribe(row, item, before.setdefault(number, {}), held)
        return item

    def _subscribe_or_keep_out(self, row: ImportRow, item: Known, mine: dict[int, Standing], held: _Entries) -> bool:
        """Subscribe a contact that was known before this row, or keep it out; return whether that changed anything."""
        if row.kind != "subscribed":
            return self._keep_out(row, item, mine, held)
        return item.id not in self._adds and self._subscribe(row, item, mine, held)

    def _keep_out(self, row: ImportRow, item: Known, mine: dict[int, Standing], held: _Entries) -> bool:
        """Hold back the mail that the file says the contact left; return whether that changed anything."""
        work, before = self.work, mine.get(self.work.topic.id)
        rejoined = before and before.state == "subscribed" and before.statement in work.own
        if before and rejoined and row.left_at and row.left_at < before.since:
            return False
        self.counts.keep_out(row.kind)
        reason, for_all = _HOLDS[row.kind]
        if reason == "opt_out" and mine:
            self._left_again.setdefault(item.id, set()).update(self._slugs(row, for_all=for_all))
        scope = "" if for_all else work.topic.slug
        news = not any((entry.reason, entry.scope) == (reason, scope) for entry in held)
        if news:
            self._holds.setdefault(reason, {})[(row.address_hash, scope)] = None
        if row.kind == "undeliverable":
            self._without.add(item.id)
        elif before is None or before.state != "opted_out":
            at, news = min(row.left_at or work.now, work.now), True
            statement = before.statement if before else 0
            mine[work.topic.id] = Standing(item.id, work.topic.id, "opted_out", at, statement)
            self._standings.append(mine[work.topic.id])
            detail = {"address": item.email, "how": "import", "column": row.status_cell}
            self._events.append(consent.ConsentEvent(item.id, "withdrawn", work.topic.slug, at, 0, detail))
        return news

    def _slugs(self, row: ImportRow, *, for_all: bool) -> set[str]:
        """Return the topics that a contact left according to the file."""
        every = {topic.slug for topic in contacts.topics(self.conn)} if for_all else set[str]()
        return {self.work.topic.slug, *row.left, *every}

    def _change(self, row: ImportRow, item: Known) -> Known | None:
        """Return the contact with the values of the row; None when it has them already."""
        own = item.own_fields.split()
        fields = {name: value for name, value in row.fields.items() if name not in own}
        attributes = item.attributes
        if row.attributes:
            said = {name: value for name, value in row.attributes.items() if name not in own}
            attributes = kept(load_attributes(item.attributes) | said)
        name, language = fields.get("name", item.name), fields.get("language", item.language)
        if (name, language, attributes) == (item.name, item.language, item.attributes):
            return None
        changed = replace(item, name=name, language=language, attributes=attributes)
        if item.id in self._adds:  # twice in this slice: the contact is one that is being added
            self._adds[item.id] = (row, changed)
        else:
            values = {"name": name, "language": language, "attributes": attributes}
            self._updates[item.id] = {"b_id": item.id, "updated_at": self.work.now} | values
        return changed

    def _subscribe(self, row: ImportRow, item: Known, mine: dict[int, Standing], held: _Entries) -> bool:
        """Subscribe a contact, unless it opted out; return whether that changed anything."""
        topic, statement, at = self.work.topic, self.work.statement, self.work.at
        if row.since and row.since <= self.work.now:
            at = row.since
        before = mine.get(topic.id)
        same = before and before.state == "subscribed" and before.statement == statement
        if before and (same or before.state == "opted_out"):
            self.counts.kept_out += before.state == "opted_out"
            return False
        out = self._has_opted_out(held)
        self.counts.kept_out += out
        since = before.since if before and before.state == "subscribed" else at
        mine[topic.id] = Standing(item.id, topic.id, "opted_out" if out else "subscribed", since, statement)
        self._standings.append(mine[topic.id])
        detail = {"address": item.email, "how": "import"}
        self._events.append(consent.ConsentEvent(item.id, "given", topic.slug, at, statement, detail))
        if out:
            self._events.append(consent.ConsentEvent(item.id, "withdrawn", topic.slug, at, 0, detail))
        return True

    def _store(self) -> None:
        """Write all changes. New contacts that may be mailed, the usual case, are written in bulk."""
        conn, work = self.conn, self.work
        bulk.write_contacts(conn, list(self._adds.values()), list(self._updates.values()), work.now)
        slow = {row.contact_id for row in self._standings} | self._without
        people = [(item.id, item.email) for _, item in self._adds.values() if item.id not in slow]
        bulk.subscribe_new(conn, work.topic.id, work.statement, [number for number, _ in people], work.at)
        first = consent.ConsentEvent(0, "given", work.topic.slug, work.at, work.statement, {"how": "import"})
        consent.record_first(conn, first, people, work.now)
        contacts.put_standings(conn, self._standings)
        consent.record_many(conn, self._events, work.now)
        repeated_optout.record_many(conn, self._left_again, work.now)
        self._store_pauses_and_limits()
        for reason, holds in self._holds.items():
            suppression.suppress_many(conn, list(holds), reason, work.now)

    def _store_pauses_and_limits(self) -> None:
        """Store for new contacts the pause and the limit that our own export states."""
        conn, now = self.conn, self.work.now
        for row in self._seldom:
            if row.until and now < row.until <= now + _LONGEST_PAUSE:
                suppression.suppress(conn, row.address_hash, suppression.EVERYTHING, "pause", now, row.until)
            if row.every_days in _LIMITS:
                suppression.limit(conn, row.address_hash, row.every_days, now)
