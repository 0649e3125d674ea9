"""Rows of a CSV file as people: what each cell means, and why a row cannot be taken. Touches no database.

Promises: an address that can be mailed to, values without control characters, names on one line, languages as tags
(RFC 5646), ``name[]`` columns as lists separated by ``|``. An empty cell is a missing value; a cell that is missing at
the end of a row says nothing at all. Whatever is wrong with a row comes back as :class:`Rejected` and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from mailer.address import parse
from mailer.errors import AddressError
from mailer.signing import address_hash
from unsubscribe.contacts.people import Attribute, dump_attributes
from unsubscribe.contacts.sheet import Column, Record, plain

N_ = str  # marks a text for the catalogue (domain cli)
LONGEST_CELL, LONGEST_ADDRESS = 10_000, 1_000  # characters
_TAG = 35  # characters of a language tag (RFC 5646 section 4.4.1)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_BROKEN = re.compile(r"[\ud800-\udfff]")
_NO_LANGUAGE = N_("language {language}: expected a code such as nl or en-GB")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{2,8})*)")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: where, why (for the person at the keyboard), and its text."""

    line: int
    reason: str
    raw: str


@dataclass(slots=True)
class ImportRow:
    """A good row, not yet compared with the database. ``fields``: name and language, if the file has them."""

    line: int
    raw: str
    email: str
    key: str
    domain: str
    address_hash: bytes = field(repr=False)
    fields: dict[str, str]
    attributes: dict[str, Attribute]


class RowReader:
    """Turns records into rows, or into the reason why not. Knows the columns; touches no database."""

    def __init__(self, columns: Sequence[Column], pepper: bytes) -> None:
        self._columns = columns
        self._email = [column.name for column in columns].index("email")
        self._rest = [(place, column) for place, column in enumerate(columns) if column.name != "email"]
        self._pepper = pepper

    def read(self, record: Record) -> ImportRow | Rejected:
        """A row, or why it cannot be one."""
        fault = record.fault or self._fault(record)
        if fault:
            return Rejected(record.line, fault, record.raw)
        cells = record.cells
        typed = plain(cells[self._email]) if self._email < len(cells) else ""
        if len(typed) > LONGEST_ADDRESS:
            return Rejected(record.line, N_("an address longer than 254 characters"), record.raw)
        try:
            address = parse(typed)
        except AddressError as error:
            return Rejected(record.line, str(error), record.raw)
        key = address.key
        hashed = address_hash(self._pepper, key)
        row = ImportRow(record.line, record.raw, str(address), key, address.domain, hashed, {}, {})
        for place, column in self._rest:
            if place >= len(cells):
                break  # cells that are missing at the end say nothing; empty ones say: nothing here
            value = cells[place].strip()
            if "'" in value:
                value = plain(value)
            if column.name == "name":
                row.fields["name"] = " ".join(value.split())
            elif column.name == "language":
                language = _language(value)
                if language is None:
                    return Rejected(record.line, _NO_LANGUAGE.format(language=repr(value[:_TAG])), record.raw)
                row.fields["language"] = language
            elif column.is_list:
                row.attributes[column.name] = _list(value)
            else:
                row.attributes[column.name] = value if "\r" not in value else _line_breaks(value)
        return row

    def _fault(self, record: Record) -> str:
        if len(record.cells) > len(self._columns) and any(record.cells[len(self._columns) :]):
            found, expected = len(record.cells), len(self._columns)
            if expected == 1:
                return N_("{found} cells, but the first line has one column").format(found=found)
            return N_("{found} cells, but the first line has {expected} columns").format(found=found, expected=expected)
        if len(record.raw) > LONGEST_CELL and any(len(cell) > LONGEST_CELL for cell in record.cells):
            return N_("a cell is longer than 10,000 characters")
        if not record.raw.isascii() and _BROKEN.search(record.raw):
            return N_("a character that is neither UTF-8 nor Windows-1252")
        if _CONTROL.search(record.raw):
            return N_("a control character in a cell")
        return ""


def kept(attributes: Mapping[str, Attribute]) -> str:
    """What is stored of them: an empty cell is a missing value."""
    if "" in attributes.values() or () in attributes.values():
        attributes = {name: value for name, value in attributes.items() if value}
    return dump_attributes(attributes)


def _line_breaks(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _list(value: str) -> tuple[str, ...]:
    return tuple(item for part in value.split("|") if (item := part.strip()))


@lru_cache(maxsize=1024)
def _language(value: str) -> str | None:
    """The tag as it is written (RFC 5646): ``nl``, ``en-GB``; empty stays empty; None when it cannot be one."""
    if not value:
        return ""
    match = _LANGUAGE.fullmatch(value) if len(value) <= _TAG else None
    return match[1].lower() + match[2].replace("_", "-") if match else None
