"""Rejected rows of an import: the first of them to show, all of them for the file that ``--rejects`` names.

Promises: memory is bounded, however many there are. The file is written row by row, exists when the import ends, and
is safe to open in a spreadsheet. Raises ``InputError`` when it cannot be written.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaigns.cli.output import _, complain, number, refuse_input, say, translated, writable, writing_text

if TYPE_CHECKING:
    from unsubscribe.contacts.rows import Rejected

SHOWN, TOLD, LONGEST = 20, 1_000, 1_000  # rows printed, rows in JSON, characters of each in JSON


_BEGINS = b'\xef\xbb\xbf"line","reason","row"'


def refuse_place(path: Path, read: Path) -> None:
    """Refuse to write rejected rows over the list that is read, or over anything but an earlier file of them."""
    refuse_input(path, [read], "--rejects")
    writable(path, _BEGINS)


class Rejects:
    """Collects rejected rows: pass each to :meth:`take`, within ``with``."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._writer: Any = None
        self._first: list[Rejected] = []
        self._count = 0
        self._open = ExitStack()

    def __enter__(self) -> Rejects:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def take(self, row: Rejected) -> None:
        """Take one more rejected row."""
        self._count += 1
        if len(self._first) < TOLD:
            self._first.append(replace(row, raw=row.raw[:LONGEST]))
        if self._path is None:
            return
        if self._writer is None:
            from unsubscribe.contacts.sheet import SheetWriter

            self._writer = SheetWriter(self._open.enter_context(writing_text(self._path)), ["line", "reason", "row"])
        self._writer.row([row.line, row.reason, row.raw])

    def as_json(self) -> list[dict[str, object]]:
        """Return the first thousand rows."""
        return [{"line": item.line, "reason": item.reason, "row": item.raw} for item in self._first]

    def show(self, file: Path) -> None:
        """Print the first twenty, how many more there are, and which file has all of them."""
        for item in self._first[:SHOWN]:
            complain(f"{file}:{item.line}: {translated(item.reason)}")
        if self._count > SHOWN:
            more = number(self._count - SHOWN)
            complain(_("… and {number} more; --rejects FILE writes all of them").format(number=more))
        if self._writer is not None:
            say(_("Rejected rows: {path}").format(path=self._path))
