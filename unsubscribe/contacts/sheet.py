"""CSV files as they occur: separator and rows; and cells made harmless for spreadsheets (E38, E39).

Promises: reads comma, semicolon, tab or bar, with or without Excel's ``sep=`` line; line breaks inside quotes, blanks
around quotation marks, the encodings of :mod:`.text_file`. The file is read as a stream. A row that cannot be read is
given with its line and a reason, and no other row is lost. Even a quote that is never closed costs only one line.
Memory is bounded for any file: a row has at most :data:`LONGEST_ROW` characters, a head :data:`MOST_COLUMNS` columns.
:func:`unescape_formula` restores the text that :func:`escape_formula` changed.

Raises ``FaultsError`` for a file that is not CSV, and for a head that cannot be used (:mod:`.heads`).
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TextIO

from mailer import invisible
from mailer.errors import Fault, FaultsError
from mailer.messages import Message
from unsubscribe.contacts import text_file
from unsubscribe.contacts.cells import holds_address
from unsubscribe.contacts.column_decision import ColumnDecision
from unsubscribe.contacts.heads import CORE, Column, read_heads

__all__ = [
    "CORE",
    "Column",
    "Reading",
    "Record",
    "Sheet",
    "SheetWriter",
    "escape_formula",
    "is_empty",
    "split",
    "unescape_formula",
]
MAX_RECORD_LINES = 50
LONGEST_ROW = 200_000  # characters of a row, on all its lines
LONGEST_HEAD = 100_000
MOST_COLUMNS = 500
_EMPTY = frozenset(" \t,;|\"'\u00a0\u200b\ufeff")  # first characters that a visibly empty row may have
_TYPOGRAPHIC = "„“”‟"
_QUOTES = str.maketrans(dict.fromkeys(_TYPOGRAPHIC, '"'))
_SEPARATOR = re.compile(r'"?sep=([^\w\s"]|[\t ])"?[,;\t]*', re.IGNORECASE)
# A formula begins with one of these, or with a sign that becomes one of them (NFKC) ...
_STARTS = "=+@\\-\u2212＝＋－＠\ufe62\ufe63\ufe66\ufe6b\ufb29\u207a-\u207c\u208a-\u208c\u2a75\u2a76"
# ... perhaps after invisible characters: space, control, format and other ignorable signs (Unicode,
# DerivedCoreProperties), or after quotation marks, which a program with another separator may take for its own.
_UNSEEN = (
    "\\s'\"\0-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_FORMULA = f"(?=[{_UNSEEN}]*?[{_STARTS}\\t\\r\\n\\0])"  # the nearest match, so that no run of characters is read twice
# Where a cell begins: here at the start; for a program with another separator after each of these too.
_BEGIN = r"(?:\A|(?<=[;|\t\r\n]))"
_BEHIND, _HERE = re.compile(r"[;|\t\r\n]"), re.compile(_FORMULA)
_OPEN, _CLOSED = re.compile(_BEGIN + _FORMULA), re.compile(f"{_BEGIN}'{_FORMULA}")


@dataclass(slots=True)  # not frozen: there are millions, and freezing costs a tenth of their reading
class Record:
    """A row: the line on which it begins, its cells, its text. ``fault``: why it cannot be read."""

    line: int
    cells: list[str]
    raw: str
    fault: str = ""


class _TooLong(Exception):
    """A quote was opened and not closed within MAX_RECORD_LINES lines."""


class _TooLarge(Exception):
    """A row has more than LONGEST_ROW characters."""


def escape_formula(text: str) -> str:
    """Put an apostrophe before each text that a spreadsheet, whatever its separator, would take for a formula (E38).

    An apostrophe may itself precede a formula, so adding or removing one changes no other place.
    :func:`unescape_formula` removes exactly the apostrophes that were added.
    """
    if not _BEHIND.search(text):  # the usual cell has no second beginning
        return f"'{text}" if _HERE.match(text) else text
    return _OPEN.sub("'", text)


def unescape_formula(text: str) -> str:
    """Return the cell without the apostrophes that :func:`escape_formula` put in."""
    return _CLOSED.sub("", text) if "'" in text else text


class SheetWriter:
    """A writer of CSV: UTF-8 with BOM (so that spreadsheets show accents), every cell quoted and harmless."""

    def __init__(self, out: IO[str], columns: Iterable[str]) -> None:
        """Set up; ``out`` is opened with ``newline=""``, in UTF-8."""
        out.write("\ufeff")
        self._writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        self.row(columns)

    def row(self, cells: Iterable[object]) -> None:
        """Write one row; ``None`` is an empty cell."""
        self._writer.writerow([_written(cell) for cell in cells])


def _written(cell: object) -> str:
    if cell is None:
        return ""
    return str(cell) if isinstance(cell, int) and cell >= 0 else escape_formula(str(cell))


@dataclass(frozen=True, slots=True)
class Reading:
    """The way to read a file: its encoding (empty: detected), and the uses of columns that the caller sets.

    ``bare``: a list of addresses may begin without a head.
    """

    encoding: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    bare: bool = False


class Sheet:
    """An open CSV file: ``columns`` from its head, then :meth:`records`. Close it, or use it in ``with``.

    ``program``: the program that exported it, if known; ``guessed``: the encoding is a guess. ``empty``: the number of
    rows without a visible character so far.
    """

    def __init__(self, path: Path, reading: Reading | None = None) -> None:
        self.name, self._line, self.empty = path.name, 0, 0
        reading = reading or Reading()
        self.encoding, self.guessed, source = text_file.opened(path, reading.encoding)
        self._file = TextIOWrapper(source, self.encoding, "surrogateescape", newline="")
        self._lines = _bounded(self._file, self.name)
        self._quotes = False
        self._first: list[Record] = []
        try:
            self.delimiter, header = self._header()
            if reading.bare and (found := _addresses(header)):
                self.columns, self.program = found, ""
                self._line -= 1
            else:
                self.columns, self.program = read_heads(header, self.name, self._line, reading.columns)
            rows = ((record.line, record.cells) for record in self.records())
            self.columns = ColumnDecision(self.columns, self.name, self._line).by_rows(rows, unescape_formula)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def records(self) -> Iterator[Record]:
        """Yield the rows below the head, each time from the first; empty rows are counted and left out."""
        self.empty = 0
        self._file.seek(0)
        lines = _bounded(self._file, self.name)
        for _ in range(self._line):
            next(lines, None)
        if self._quotes:
            lines = (line.translate(_QUOTES) for line in lines)
        for record in split(lines, self.delimiter, self._line + 1):
            if record.raw[0] in _EMPTY and not record.fault and is_empty(record.cells):
                self.empty += 1
            else:
                yield record

    def _header(self) -> tuple[str, list[str]]:
        delimiter = ""
        for text in self._lines:
            self._line += 1
            if len(text) > LONGEST_HEAD and text.strip(" ,;\t\r\n"):
                found, expected = (
                    Message("a first line of more than {number} characters"),
                    Message("{number} characters at most"),
                )
                raise FaultsError(
                    [self._fault(found.format(number=LONGEST_HEAD), expected.format(number=LONGEST_HEAD))]
                )
            line = invisible.strip(text) if not text.isascii() else text.strip("\r\n")
            named = _SEPARATOR.fullmatch(line) if self._line == 1 else None
            if named:
                delimiter = named[1]
            elif line.strip(" ,;\t|"):
                self._quotes = line[0] in _TYPOGRAPHIC
                line = line.translate(_QUOTES) if self._quotes else line
                delimiter = delimiter or _separator(line)
                cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
                if len(cells) > MOST_COLUMNS:
                    wrong, most = Message("{number} columns"), Message("{number} columns at most")
                    raise FaultsError([self._fault(wrong.format(number=len(cells)), most.format(number=MOST_COLUMNS))])
                return delimiter, [unescape_formula(cell.strip()) for cell in cells]
        raise FaultsError(
            [Fault(self.name, 0, "file", Message("nothing"), Message("a first line with the names of the columns"))]
        )

    def _fault(self, found: str, expected: str) -> Fault:
        return Fault(self.name, self._line, "columns", found, expected, Message("Leave out what no letter says."))


def is_empty(cells: Sequence[str]) -> bool:
    """Return whether a row has no visible character."""
    return not any(invisible.strip(cell) for cell in cells)


def _separator(line: str) -> str:
    """Return the separator of the heads; characters in quotation marks do not count."""
    outside = re.sub(r'"[^"]*"', "", line)
    found = max(",;\t", key=outside.count)
    return found if found in outside else "|" if "|" in outside else found


def _addresses(header: Sequence[str]) -> list[Column]:
    """Return the columns of a list without a head: the one with the address; the others are left out."""
    places = [place for place, cell in enumerate(header) if holds_address(cell)]
    if not places:
        return []
    return [
        Column("email", use="email") if place == places[0] else Column(f"c{place}", use="none")
        for place in range(len(header))
    ]


def _bounded(file: TextIO, name: str) -> Iterator[str]:
    """Yield the lines of a file; a line too long for a row is cut to one character over the limit.

    Raises ``FaultsError`` where the bytes do not fit the file's encoding.
    """
    number = 0
    try:
        while line := file.readline(LONGEST_ROW + 1):
            number += 1
            rest = line
            while len(rest) > LONGEST_ROW and rest[-1] not in "\r\n":
                rest = file.readline(LONGEST_ROW + 1)
            yield line
    except UnicodeError:
        fault = Fault(name, number + 1, "file", Message("bytes that are no text"), Message("a file in UTF-8"))
        raise FaultsError([fault]) from None


def split(lines: Iterable[str], delimiter: str, first_line: int) -> Iterator[Record]:
    """Split physical lines into rows of cells. A row that cannot be read is one line; reading goes on with the next."""
    source = _Lines(lines)
    number = first_line
    while True:
        try:
            for cells in csv.reader(source, delimiter=delimiter, strict=True, skipinitialspace=True):
                taken, raw = source.take()
                if cells:
                    yield Record(number, cells, raw)
                number += taken
            if not source.held:
                return
            raise csv.Error("unexpected end of data")
        except (csv.Error, _TooLong, _TooLarge) as error:
            raw = source.give_back()
            cells = _once_more(raw, delimiter) if "expected after" in str(error) else []
            yield Record(number, cells, raw, "" if cells else _reason(error))
            number += 1


def _once_more(raw: str, delimiter: str) -> list[str]:
    """Return the cells of a line with blanks after its quotation marks.

    Empty when the line has another fault.
    """
    mended = re.sub(rf'" +(?=[{re.escape(delimiter)}\r\n]|$)', '"', raw)
    try:
        return next(csv.reader([mended], delimiter=delimiter, strict=True, skipinitialspace=True), [])
    except csv.Error:
        return []


class _Lines:
    """Lines for ``csv.reader``. Keeps those of the present row, so that all but the first can be read again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.held: list[str] = []
        self._size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.held) >= MAX_RECORD_LINES:
            raise _TooLong
        line = self._again.popleft() if self._again else next(self._lines)
        self.held.append(line)
        self._size += len(line)
        if self._size > LONGEST_ROW:
            raise _TooLarge
        return line

    def take(self) -> tuple[int, str]:
        """Take the complete row; return its number of lines, and its text."""
        held, self.held, self._size = self.held, [], 0
        return len(held), held[0] if len(held) == 1 else "".join(held)

    def give_back(self) -> str:
        """Give back a row that cannot be read: return its first line; the other lines are read again."""
        held, self.held, self._size = self.held, [], 0
        self._again.extendleft(reversed(held[1:]))
        return held[0] if held else ""


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, _TooLarge):
        return Message("a row is longer than 200,000 characters")
    if isinstance(error, _TooLong) or "unexpected end" in text:
        return Message('a quotation mark (") is opened and not closed')
    if "field larger" in text:
        return Message("a cell is longer than 131,072 characters")
    return Message('the quotation marks (") do not fit together')
