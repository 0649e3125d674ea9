"""Tables to download: CSV and XLSX, written into a temporary file that has no name, and sent from there.

Promises: memory does not grow with the number of rows. CSV is UTF-8 with BOM, each cell quoted, and a cell that a
spreadsheet would take for a formula begins with an apostrophe (:mod:`unsubscribe.contacts.sheet`). In XLSX a text stays
a text: no formula, no link. The file is named by what it is, the campaign's slug and the day. Raises ``InputError`` for
more rows than a sheet has room for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from typing import IO, cast
from zoneinfo import ZoneInfo

import xlsxwriter
from starlette.responses import Response, StreamingResponse

from campaigns.console.visit import Visit
from mailer.errors import InputError
from mailer.messages import Message
from unsubscribe.contacts.sheet import SheetWriter

CSV, XLSX = "csv", "xlsx"
MOST_ROWS = 1_048_575  # of a sheet, below its head
_TYPES = {CSV: "text/csv; charset=utf-8", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
_SAFE = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_CHUNK = 64 * 1024
_WIDEST = 60
Cell = str | int | float


def download(visit: Visit, name: str, kind: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """Return a table as a file to keep; ``kind``: ``csv`` or ``xlsx``."""
    file = cast("IO[bytes]", tempfile.TemporaryFile())  # noqa: SIM115 - closed when it was sent
    try:
        (write_csv if kind == CSV else write_xlsx)(file, columns, rows)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    day = visit.now.astimezone(ZoneInfo(visit.words.zone))
    headers = {
        "content-disposition": f'attachment; filename="{name}-{day:%Y-%m-%d}.{kind}"',
        "content-length": str(size),
        "cache-control": "no-store",
    }
    return StreamingResponse(_sent(file), 200, headers, _TYPES[kind])


def write_csv(file: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table as CSV."""
    text = TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = SheetWriter(text, columns)
    for row in rows:
        writer.row(row)
    text.flush()
    text.detach()


def write_xlsx(file: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a table as a workbook with one sheet, row by row."""
    with xlsxwriter.Workbook(file, _SAFE) as book:
        sheet, head = book.add_worksheet(), book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, min(_WIDEST, max(16, len(column) + 4)))
            sheet.write_string(0, place, column, head)
        for number, row in enumerate(rows, 1):
            if number > MOST_ROWS:
                raise InputError(Message("a sheet has room for 1,048,575 rows; choose CSV"))
            for place, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, place, cell)
                else:
                    sheet.write_number(number, place, cell)


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while data := file.read(_CHUNK):
            yield data
