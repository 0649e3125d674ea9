"""A fast path to read the usual row: a plain address, a name, a language, attributes, all in ASCII.

It applies to files whose columns are used as address, name, language, attribute (no list) or not at all, each name
once. In these it applies to rows with as many cells as the head, without control characters, ``#`` and ``'``. The
address must be a lower-case or upper-case *dot-atom* at a domain in ASCII. For other files :func:`simple_rows` returns
None, for other rows :meth:`SimpleRows.read` does. :class:`.rows.RowReader`, which is the specification, reads those.

Promises: a row that it returns is equal to that of :class:`.rows.RowReader`. It rejects nothing and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mailer.signing import address_hash
from unsubscribe.contacts.people import Attribute
from unsubscribe.contacts.sheet import Column, Record

_LONGEST_ROW, _LONGEST_ADDRESS = 5_000, 200
_USUAL = re.compile(r"[\t -\"$-&(-~]*(?:\r\n|\n|\r)?")
_NAME = r"(?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_NAME}@((?:{_LABEL}\.)+[A-Za-z]{{2,63}})")
_USES = frozenset({"email", "name", "language", "attribute", "none"})

Language = Callable[[str], str | None]
Simple = tuple[str, str, str, bytes, dict[str, str], dict[str, Attribute]]
"""Address, key, domain, hash, fields, attributes."""


class SimpleRows:
    """Reads the usual rows of a file with these columns."""

    def __init__(self, columns: Sequence[Column], pepper: bytes, language: Language) -> None:
        uses = [column.used_as for column in columns]
        self._number, self._pepper, self._tag = len(columns), pepper, language
        self._email = uses.index("email")
        self._name = uses.index("name") if "name" in uses else -1
        self._language = uses.index("language") if "language" in uses else -1
        self._attributes = [(column.name, place) for place, column in enumerate(columns) if uses[place] == "attribute"]

    def read(self, record: Record) -> Simple | None:
        """Return the row as :class:`.rows.RowReader` would; None when that class has to read it."""
        cells, raw = record.cells, record.raw
        if record.fault or len(cells) != self._number or len(raw) > _LONGEST_ROW or not _USUAL.fullmatch(raw):
            return None
        typed = cells[self._email]
        found = _ADDRESS.fullmatch(typed)
        if found is None or len(typed) > _LONGEST_ADDRESS:
            return None
        key, domain = typed.lower(), found[1].lower()
        if "xn--" in domain:
            return None
        fields: dict[str, str] = {}
        if self._name >= 0:
            fields["name"] = " ".join(cells[self._name].split())
        if self._language >= 0:
            tag = self._tag(cells[self._language].strip())
            if tag is None:
                return None
            fields["language"] = tag
        attributes: dict[str, Attribute] = {name: cells[place].strip() for name, place in self._attributes}
        email = typed if typed == key else f"{typed[: -len(domain)]}{domain}"
        return email, key, domain, address_hash(self._pepper, key), fields, attributes


def simple_rows(columns: Sequence[Column], pepper: bytes, language: Language) -> SimpleRows | None:
    """Return the fast reader for a file with these columns; None when the columns do not allow it."""
    uses = [column.used_as for column in columns]
    names = [column.name for column in columns if column.used_as == "attribute"]
    once = uses.count("email") == 1 and uses.count("name") <= 1 and uses.count("language") <= 1
    lists = any(column.is_list and column.used_as == "attribute" for column in columns)
    if not once or lists or len(set(names)) != len(names) or not set(uses) <= _USES:
        return None
    return SimpleRows(columns, pepper, language)
