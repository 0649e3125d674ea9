"""The journal: what must survive the restore of an older backup, in a file beside the database (E24, D12).

One JSON object a line, only ever appended: wishes of readers (an address as its keyed hash, scope, reason, since when,
until when, or that it was lifted) and launches. Promises: what :func:`note` is told inside ``Database.write`` is in the
file, on disk, before that transaction is committed (some lines are written ahead of it, so that nobody waits for
that with SQLite's lock in hand); so what was answered is in both. A transaction that fails after it
leaves a line about a wish that was not kept: replaying it does what the reader asked. A torn line spoils no other.

It names nobody: without the pepper a hash says nothing. :meth:`Journal.append` raises ``OSError``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailer import files

if TYPE_CHECKING:
    from sqlalchemy import Connection

FILE = "journal"
LONGEST_LINE = 4096  # bytes; ours have some 150
_ROOM = 16 * 1024  # bytes: more than the lines of a transaction
_KEY, _AHEAD = "postiljon_journal", "postiljon_journal_ahead"
_json = json.JSONEncoder(sort_keys=True).encode  # made once: json.dumps makes it each time
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Journal:
    """The file of one house; several processes append to it."""

    path: Path

    def append(self, lines: Sequence[Line]) -> None:
        """Add lines in one write, and wait until they are on disk."""
        data = "".join(f"\n{_json(line)}" for line in lines).encode() + b"\n"
        descriptor = files.open_or_create(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(28, "No space left on device")
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def look(self) -> None:
        """Whether lines could be added now: it can be opened, and there is room for some. Writes nothing.

        The room is taken behind its end, where the next lines go; where that is not possible, free room must be there.
        """
        descriptor = files.open_or_create(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            files.take_room(descriptor, _ROOM)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def lines(self) -> Iterator[Line]:
        """All that is whole, the oldest first; nothing when there is no file."""
        return (line for line in self.read() if line is not None)

    def read(self) -> Iterator[Line | None]:
        """Yield the same, and None for each line that cannot be read: torn, foreign, or longer than any of ours."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            endless = False
            while text := file.readline(LONGEST_LINE):
                goes_on = len(text) == LONGEST_LINE and not text.endswith(b"\n")
                if goes_on and not endless:
                    yield None
                elif not endless and text.strip():
                    yield _line(text)
                endless = goes_on


def _line(text: bytes) -> Line | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def note(conn: Connection, line: Line) -> None:
    """Have it written with the transaction of ``conn``."""
    if _same(line) not in conn.info.get(_AHEAD, ()):
        conn.info.setdefault(_KEY, []).append(line)


def written_ahead(conn: Connection, lines: Sequence[Line]) -> None:
    """Note that these lines are on disk (``Database.note_ahead``): the transaction of ``conn`` need not write them."""
    conn.info[_AHEAD] = {_same(line) for line in lines}


def noted(conn: Connection) -> list[Line]:
    """Return the lines noted on ``conn``, and forget them."""
    conn.info.pop(_AHEAD, None)
    lines: list[Line] = conn.info.pop(_KEY, [])
    return lines


def _same(line: Line) -> frozenset[tuple[str, Any]]:
    return frozenset(line.items())
