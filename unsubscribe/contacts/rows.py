"""Rows of a CSV file as contacts: the meaning of each cell, and why a row cannot be used. Uses no database.

Promises: an address that can be mailed to (:mod:`.cells`), values without control characters, names on one line.
Languages are tags (RFC 5646), ``name[]`` columns are lists separated by ``|``. An empty cell is a missing value; a cell
that is missing at the end of a row has no meaning at all. Every fault of a row is returned as :class:`Rejected` and
never raised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from mailer import invisible
from mailer.columns import json_object
from mailer.control_characters import IN_TABLE_TEXT
from mailer.errors import AddressError
from mailer.messages import Message
from mailer.signing import address_hash
from unsubscribe.contacts import foreign
from unsubscribe.contacts.cells import LONGEST as LONGEST_ADDRESS
from unsubscribe.contacts.cells import read as address_of
from unsubscribe.contacts.foreign import ForeignStatus
from unsubscribe.contacts.heads import HELD_BACK
from unsubscribe.contacts.people import Attribute, dump_json
from unsubscribe.contacts.sheet import MOST_COLUMNS, Column, Record, unescape_formula
from unsubscribe.contacts.simple_rows import simple_rows
from unsubscribe.contacts.topics import is_slug

LONGEST_CELL = 10_000  # characters
_TAG = 35  # characters of a language tag (RFC 5646 section 4.4.1)
_BROKEN = re.compile(r"[\ud800-\udfff]")
_NO_LANGUAGE = Message("language {language}: expected a code such as nl or en-GB")
_UNKNOWN = Message(
    "column {column}: {value} does not say whether this person gets mail; write subscribed or unsubscribed there, "
    "or import with --column {head}=attribute"
)
_BROKEN_CELL = Message("column {column}: {value} is an error of the spreadsheet")
_SAID = 60  # characters kept in the proof of the cell that keeps a person out
_PLAIN = ("name", "language", "attribute", "first", "infix", "last")
_MORE = ("attributes", "date", "until", "days")
_SPREADSHEET = re.compile(
    r"#(?:N/[AVB]|NAME\?|NAAM\?|NOM\s?\?|NAME\?|REF!|VERW!|BEZUG!|VALUE!|WAARDE!|WERT!|VALEUR\s?!|DIV/0!|DEEL/0!|NUM!"
    r"|GETAL!|ZAHL!|NOMBRE\s?!|NULL!|LEEG!|NUL\s?!|NV|#+)"
)
_ATTRIBUTE = re.compile(r"[^\W\d]\w{0,63}")
_LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{2,8})*)")


@dataclass(slots=True)  # not frozen: there may be millions
class Rejected:
    """A row that was not used: its place, the reason (for the person at the keyboard), and its text."""

    line: int
    reason: str
    raw: str


@dataclass(slots=True)
class ImportRow:
    """A good row, not yet compared with the database. ``fields``: name and language, if the file has them.

    ``kind``, ``said``, ``left_at``: the status that keeps the person out, the cell with it, and its time if known.
    ``since``: the time of subscribing. From our own export come ``left`` (the topics that they left), ``until`` (the
    end of a pause) and ``every_days`` (*less often*).
    """

    line: int
    raw: str
    email: str
    key: str
    domain: str
    address_hash: bytes = field(repr=False)
    fields: dict[str, str]
    attributes: dict[str, Attribute]
    kind: ForeignStatus = "subscribed"
    status_cell: str = ""
    left_at: datetime | None = None
    since: datetime | None = None
    left: tuple[str, ...] = ()
    until: datetime | None = None
    every_days: int = 0


class RowReader:
    """Turns records into rows, or into the reason why not. Knows the columns; uses no database."""

    def __init__(self, columns: Sequence[Column], pepper: bytes, topic: str = "") -> None:
        self._columns = columns
        held = [place for place, column in enumerate(columns) if column.head == HELD_BACK]
        self._held = held[0] if held else MOST_COLUMNS
        self._email = [column.used_as for column in columns].index("email")
        unused = ("email", "none")
        self._rest = [(place, column) for place, column in enumerate(columns) if column.used_as not in unused]
        self._plain = [(place, column) for place, column in self._rest if column.used_as in _PLAIN]
        self._named = any(column.used_as in ("first", "infix", "last") for column in columns)
        self._has_name = self._named or any(column.used_as == "name" for column in columns)
        self._other = [(place, column) for place, column in self._rest if column.used_as in _MORE]
        standing = ("status", "topics")
        self._standing = [(place, column) for place, column in self._rest if column.used_as in standing]
        self._pepper, self._topic = pepper, topic
        self._simple = simple_rows(columns, pepper, _language)

    def read(self, record: Record) -> ImportRow | Rejected:
        """Return a row, or its rejection: by the fast path (:mod:`.simple_rows`), else by :meth:`read_any`."""
        usual = self._simple.read(record) if self._simple else None
        return ImportRow(record.line, record.raw, *usual) if usual else self.read_any(record)

    def read_any(self, record: Record) -> ImportRow | Rejected:
        """Return a row of any kind, or its rejection."""
        fault = record.fault or self._fault(record)
        if fault:
            return Rejected(record.line, fault, record.raw)
        cells = record.cells
        typed = unescape_formula(cells[self._email]) if self._email < len(cells) else ""
        if len(typed) > LONGEST_ADDRESS:
            return Rejected(record.line, Message("an address longer than 254 characters"), record.raw)
        try:
            address, name = address_of(typed)
        except AddressError as error:
            return Rejected(record.line, str(error), record.raw)
        key = address.key
        hashed = address_hash(self._pepper, key)
        row = ImportRow(record.line, record.raw, str(address), key, address.domain, hashed, {}, {})
        if name and not self._has_name:
            row.fields["name"] = name
        fault = self._values(row, cells) or (self._says(row, cells) if self._standing else "")
        if self._other:
            self._more(row, cells)
        return Rejected(record.line, fault, record.raw) if fault else row

    def _values(self, row: ImportRow, cells: Sequence[str]) -> str:
        """Fill in name, language and attributes; return the fault found in them."""
        parts: dict[str, str] = {}
        for place, column in self._plain:
            if place >= len(cells):
                break  # cells missing at the end have no meaning; an empty cell means an empty value
            value = cells[place]
            value = value.strip() if value.isascii() else invisible.strip_words(value)
            if "'" in value:
                value = unescape_formula(value)
            if value.startswith("#") and _SPREADSHEET.fullmatch(value):
                return _BROKEN_CELL.format(value=value, column=repr(column.head or column.name))
            use = column.used_as
            if use == "name":
                row.fields["name"] = " ".join(value.split())
            elif use == "language":
                language = _language(value)
                if language is None:
                    return _NO_LANGUAGE.format(language=repr(value[:_TAG]))
                row.fields["language"] = language
            elif column.is_list:
                row.attributes[column.name] = _list(value)
            else:
                row.attributes[column.name] = value if "\r" not in value else _line_breaks(value)
                if self._named:
                    parts[use] = value
        if self._named and parts:
            whole = " ".join(parts.get(use, "") for use in ("first", "infix", "last"))
            row.fields["name"] = " ".join(whole.split())
        return ""

    def _says(self, row: ImportRow, cells: Sequence[str]) -> str:
        """Set the status by which the file keeps the person out; return the fault where it is not clear."""
        for place, column in self._standing:
            cell = invisible.strip(unescape_formula(cells[place])) if place < len(cells) else ""
            kind: ForeignStatus | None
            if column.used_as == "topics":
                row.left = tuple(slug for slug in _list(cell) if is_slug(slug))
                kind = "unsubscribed" if self._topic in row.left else "subscribed"
            else:
                kinds = [column.status.read(part) for part in cell.split("|")] if column.status else []
                kind = foreign.worst([found for found in kinds if found]) if all(kinds) else None
            if kind is None:
                return _UNKNOWN.format(column=repr(column.head), value=repr(cell[:_TAG]), head=column.head)
            if kind != row.kind and foreign.worst((kind, row.kind)) == kind:
                row.kind, row.status_cell, row.left_at = kind, f"{column.head}: {cell[:_SAID]}", _moment(cell)
        return ""

    def _more(self, row: ImportRow, cells: Sequence[str]) -> None:
        """Read values in the shape of another program: a day of subscribing, attributes as JSON."""
        for place, column in self._other:
            cell = invisible.strip(unescape_formula(cells[place])) if place < len(cells) else ""
            if column.used_as == "date":
                since = _moment(cell)
                row.since = max(since, row.since) if since and row.since else since or row.since
            elif column.used_as == "until":
                row.until = _moment(cell) if "pause" in self._why(cells) else None
            elif column.used_as == "days":
                row.every_days = int(cell) if re.fullmatch(r"[1-9]\d?", cell) else 0
            else:
                row.attributes |= _from_json(column.name, cell)

    def _why(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Return the reasons in our own export for which mail is held back."""
        return _list(cells[self._held]) if self._held < len(cells) else ()

    def _fault(self, record: Record) -> str:
        if len(record.cells) > len(self._columns) and any(record.cells[len(self._columns) :]):
            found, expected = len(record.cells), len(self._columns)
            if expected == 1:
                return Message("{found} cells, but the first line has one column", found=found)
            return Message("{found} cells, but the first line has {expected} columns", found=found, expected=expected)
        if len(record.raw) > LONGEST_CELL and any(len(cell) > LONGEST_CELL for cell in record.cells):
            return Message("a cell is longer than 10,000 characters")
        if not record.raw.isascii() and _BROKEN.search(record.raw):
            return Message("a character that is neither UTF-8 nor Windows-1252")
        if IN_TABLE_TEXT.search(record.raw) and IN_TABLE_TEXT.search(" ".join(map(invisible.strip, record.cells))):
            return Message("a control character in a cell")
        return ""


def kept(attributes: Mapping[str, Attribute]) -> str:
    """Return the attributes as stored: an empty cell is a missing value."""
    return dump_json({name: value for name, value in sorted(attributes.items()) if value}) if attributes else "{}"


def _line_breaks(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _list(value: str) -> tuple[str, ...]:
    return tuple(item for part in value.split("|") if (item := part.strip()))


@lru_cache(maxsize=1024)
def _language(value: str) -> str | None:
    """Return the tag (RFC 5646): ``nl``, ``en-GB``, also for *Nederlands* or *nld*.

    Empty stays empty; None: not a language.
    """
    if not value:
        return ""
    named = foreign.language_code(value) if len(value) <= _TAG else None
    if named:
        return named
    match = _LANGUAGE.fullmatch(value) if len(value) <= _TAG else None
    if match is None:
        return None
    first = foreign.language_code(match[1]) or match[1].lower()
    return first + "".join(f"-{part.upper() if len(part) == 2 else part}" for part in re.split("[-_]", match[2])[1:])


def _moment(cell: str) -> datetime | None:
    """Return a time as programs write it (ISO 8601, UTC where no zone is given); None for anything else."""
    try:
        found = datetime.fromisoformat(cell.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found if found >= _LONG_AGO else None


def _from_json(name: str, cell: str) -> dict[str, Attribute]:
    """Return the attributes in a JSON cell; where it is no JSON object, the cell is one attribute."""
    items = json_object(cell) if cell.startswith("{") else None
    if items is None:
        return {name: cell}
    found: dict[str, Attribute] = {}
    for key, value in items.items():
        called = re.sub(r"[\s-]+", "_", str(key).strip())
        if not _ATTRIBUTE.fullmatch(called) or called in ("email", "name", "language"):
            continue
        if isinstance(value, list):
            found[called] = tuple(_text(item) for item in value)
        else:
            found[called] = _text(value)
    return found


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip() if not IN_TABLE_TEXT.search(value) else ""
    return "" if value is None else json.dumps(value, ensure_ascii=False)
