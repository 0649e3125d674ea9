"""CSV files as people have them: which encoding, which separator, which rows; and cells that do no harm (E38, E39).

Promises: UTF-8 with or without BOM, Windows-1252 and (with BOM) UTF-16; comma, semicolon or tab, with or without
Excel's ``sep=`` line; line breaks inside quotes. The file is read as a stream. A row that cannot be read is given
with its line and a reason, and loses no other: also a quote that is never closed swallows one line only. Memory is
bounded, whatever the file: a row has :data:`LONGEST_ROW` characters at most, a head :data:`MOST_COLUMNS` columns. What
:func:`harmless` wrote, :func:`plain` gives back.

Raises ``FaultsError`` for a file that is no CSV at all, and for a header without a column *email*, with a column
twice, with a name that cannot be used, or with too many columns.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO, BinaryIO, TextIO

from mailer import files
from mailer.errors import Fault, FaultsError

N_ = str  # marks a text for the catalogue (domain cli)
CORE = ("email", "name", "language")
MAX_RECORD_LINES = 50
LONGEST_ROW = 200_000  # characters of a row, on however many lines
LONGEST_HEAD = 100_000
MOST_COLUMNS = 500
_MOST_FAULTS, _SHOWN = 20, 60  # of a head; characters of a name in a fault
MOST_BYTES = 1 << 32  # of a pipe
# A formula begins with one of these, or with a sign that becomes one of them (NFKC) ...
_STARTS = "=+@\\-\u2212＝＋－＠\ufe62\ufe63\ufe66\ufe6b\ufb29\u207a-\u207c\u208a-\u208c\u2a75\u2a76"
# ... perhaps behind signs that are not seen: space, control, format and other ignorable signs (Unicode,
# DerivedCoreProperties), or behind quotation marks, which a program that splits elsewhere takes for its own.
_UNSEEN = (
    "\\s'\"\0-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_FORMULA = f"(?=[{_UNSEEN}]*?[{_STARTS}\\t\\r\\n\\0])"  # the nearest, so that no run of signs is read twice
# Where a cell begins: for us at the start, for a program with another separator behind each of these too.
_BEGIN = r"(?:\A|(?<=[;|\t\r\n]))"
_OPEN, _CLOSED = re.compile(_BEGIN + _FORMULA), re.compile(f"{_BEGIN}'{_FORMULA}")
_NAME = re.compile(r"[^\W\d]\w{0,63}")
_ALIASES = {"email": {"mail", "emailadres", "emailaddress", "mailadres", "adres", "address", "epost", "courriel"}}
_MAGIC = (
    (b"PK", N_("an Excel workbook or a zip file")),
    (b"\xd0\xcf\x11\xe0", N_("an old Excel file")),
    (b"%PDF", N_("a PDF document")),
)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: by what name it is stored, and whether it is a list (``name[]``)."""

    name: str
    is_list: bool = False


@dataclass(frozen=True, slots=True)
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


def harmless(text: str) -> str:
    """The cell with an apostrophe before what a spreadsheet, whatever its separator, would take for a formula (E38).

    An apostrophe is itself a sign that may stand before a formula, so putting one in or taking one away changes no
    other place: :func:`plain` takes away exactly those that were put in.
    """
    return _OPEN.sub("'", text)


def plain(text: str) -> str:
    """The cell without the apostrophes that :func:`harmless` put in."""
    return _CLOSED.sub("", text) if "'" in text else text


class SheetWriter:
    """How we write CSV: UTF-8 with BOM (spreadsheets then see the accents), every cell quoted and harmless."""

    def __init__(self, out: IO[str], columns: Iterable[str]) -> None:
        """``out`` is opened with ``newline=""``, in UTF-8."""
        out.write("\ufeff")
        self._writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        self.row(columns)

    def row(self, cells: Iterable[object]) -> None:
        """One more row; nothing for ``None``."""
        self._writer.writerow(["" if cell is None else harmless(str(cell)) for cell in cells])


def find_encoding(file: BinaryIO) -> str:
    """The encoding of a file; of bytes that are no UTF-8 here and there, the one that explains more of them."""
    start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    strange = foreign = 0
    block = start
    while block:
        text = decoder.decode(block)
        if not text.isascii():
            read = text.encode("utf-8", "ignore").decode()  # without the bytes that are no UTF-8
            strange += len(text) - len(read)
            foreign += len(read) - len(read.encode("ascii", "ignore"))
        block = file.read(_BLOCK)
    return "cp1252" if strange > foreign else "utf-8-sig"


class Sheet:
    """An open CSV file: ``columns`` from its header, then :meth:`records`. Close it, or use it in ``with``."""

    def __init__(self, path: Path) -> None:
        self.name, self._line = path.name, 0
        source = _opened(path)
        try:
            _refuse_others(source, self.name)
            source.seek(0)
            self.encoding = find_encoding(source)
            source.seek(0)
        except BaseException:
            source.close()
            raise
        self._file = TextIOWrapper(source, self.encoding, "surrogateescape", newline="")
        self._lines = _bounded(self._file)
        try:
            self.delimiter, header = self._header()
            self.columns = _columns(header, self.name, self._line)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def records(self) -> Iterator[Record]:
        """The rows below the header, empty ones left out."""
        yield from split(self._lines, self.delimiter, self._line + 1)

    def _header(self) -> tuple[str, list[str]]:
        delimiter = ""
        for text in self._lines:
            self._line += 1
            if len(text) > LONGEST_HEAD and text.strip(" ,;\t\r\n"):
                found, expected = N_("a first line of more than {number} characters"), N_("{number} characters at most")
                raise FaultsError(
                    [self._fault(found.format(number=LONGEST_HEAD), expected.format(number=LONGEST_HEAD))]
                )
            line = text.strip("\r\n")
            if self._line == 1 and line.lower().startswith("sep=") and len(line) == 5:
                delimiter = line[4]
            elif line.strip(" ,;\t"):
                found = delimiter or max(",;\t", key=line.count)
                cells = next(csv.reader([line], delimiter=found))
                if len(cells) > MOST_COLUMNS:
                    wrong, most = N_("{number} columns"), N_("{number} columns at most")
                    raise FaultsError([self._fault(wrong.format(number=len(cells)), most.format(number=MOST_COLUMNS))])
                return found, cells
        raise FaultsError(
            [Fault(self.name, 0, "file", N_("nothing"), N_("a first line with the names of the columns"))]
        )

    def _fault(self, found: str, expected: str) -> Fault:
        return Fault(self.name, self._line, "columns", found, expected, N_("Leave out what no letter says."))


def _bounded(file: TextIO) -> Iterator[str]:
    """The lines of a file; of one that is too long for a row only its beginning, one character more than a row has.

    Raises ``FaultsError`` where the bytes are none of the file's encoding.
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
        name = Path(str(file.name)).name
        fault = Fault(name, number + 1, "file", N_("bytes that are no text"), N_("a file in UTF-8"))
        raise FaultsError([fault]) from None


def split(lines: Iterable[str], delimiter: str, first_line: int) -> Iterator[Record]:
    """Physical lines as rows of cells. A row that cannot be read is one line; reading goes on with the next."""
    source = _Lines(lines)
    number = first_line
    while True:
        try:
            for cells in csv.reader(source, delimiter=delimiter, strict=True):
                taken, raw = source.take()
                if cells:
                    yield Record(number, cells, raw)
                number += taken
            if not source.held:
                return
            raise csv.Error("unexpected end of data")
        except (csv.Error, _TooLong, _TooLarge) as error:
            yield Record(number, [], source.give_back(), _reason(error))
            number += 1


class _Lines:
    """Lines for ``csv.reader``; remembers those of the present row, so that all but the first can be read again."""

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
        """The row is whole: how many lines it had, and its text."""
        held, self.held, self._size = self.held, [], 0
        return len(held), held[0] if len(held) == 1 else "".join(held)

    def give_back(self) -> str:
        """The row cannot be read: its first line is left out, the others come again."""
        held, self.held, self._size = self.held, [], 0
        self._again.extendleft(reversed(held[1:]))
        return held[0] if held else ""


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, _TooLarge):
        return N_("a row is longer than 200,000 characters")
    if isinstance(error, _TooLong) or "unexpected end" in text:
        return N_('a quotation mark (") is opened and not closed')
    if "field larger" in text:
        return N_("a cell is longer than 131,072 characters")
    return N_('the quotation marks (") do not fit together')


def _opened(path: Path) -> BinaryIO:
    """The file, to be read from its start more than once: what comes through a pipe (``/dev/stdin``) is copied."""
    try:
        return files.stream(path, MOST_BYTES)
    except OSError as error:
        fault = Fault(path.name, 0, "file", error.strerror or "an error", N_("a file that can be read"))
        raise FaultsError([fault]) from error


def _refuse_others(file: BinaryIO, name: str) -> None:
    start = file.read(8)
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            hint = N_("Save it as CSV (UTF-8) first")
            raise FaultsError([Fault(name, 0, "file", kind, "CSV", hint)])
    if b"\0" in start and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FaultsError([Fault(name, 0, "file", N_("bytes that are no text"), "CSV")])


def _columns(header: Sequence[str], file: str, line: int) -> list[Column]:
    faults: list[Fault] = []
    columns: list[Column] = []
    for place, cell in enumerate(header, 1):
        name = plain(cell.strip().strip("\ufeff"))
        is_list = name.endswith("[]")
        name = re.sub(r"[\s-]+", "_", name.removesuffix("[]").strip())
        column = Column(cell.strip() if cell.strip() in CORE else name, is_list)
        columns.append(column)
        faults += [Fault(file, line, f"column {place}", *what) for what in _name_faults(cell, column)]
    names = Counter(column.name.casefold() for column in columns)
    for name in sorted(name for name, times in names.items() if name and times > 1):
        faults.append(Fault(file, line, name, N_("the column more than once"), N_("each column once")))
    if "email" not in [column.name for column in columns]:
        faults = [_no_email(header, file, line), *faults]
    if faults:
        raise FaultsError(faults[:_MOST_FAULTS])
    return columns


def _name_faults(cell: str, column: Column) -> Iterator[tuple[str, str, str]]:
    """found, expected, hint"""
    name = column.name
    if not name:
        yield N_("a column without a name"), N_("a name for each column"), ""
    elif not _NAME.fullmatch(name):
        yield _shown(cell), N_("a name of letters, digits and _"), N_("Contact tags call it by this name")
    elif name not in CORE and name.casefold() in CORE and name.casefold() != "email":
        yield _shown(cell), f"'{name.casefold()}'", N_("did you mean {name}?").format(name=_shown(name.casefold()))
    elif column.is_list and name in CORE:
        yield _shown(cell), f"'{name}'", N_("this column has one value for each person")


def _shown(cell: str) -> str:
    text = cell.strip()
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _no_email(header: Sequence[str], file: str, line: int) -> Fault:
    shown = ", ".join([*map(_shown, header[:_MOST_FAULTS]), *(["…"] if len(header) > _MOST_FAULTS else [])])
    plain_names = {re.sub(r"[\W_]", "", cell[:_SHOWN].casefold()): cell.strip() for cell in header}
    close = [cell for key, cell in plain_names.items() if key == "email" or key in _ALIASES["email"]]
    close = close or [plain_names[key] for key in difflib.get_close_matches("email", list(plain_names), 1, 0.7)]
    hint = N_("did you mean {name}? Call that column email").format(name=_shown(close[0])) if close else ""
    return Fault(
        file, line, "email", N_("no such column, but {columns}").format(columns=shown), N_("a column email"), hint
    )
