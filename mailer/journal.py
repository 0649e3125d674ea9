"""The journal: a file beside the database with facts that must survive the restore of an older backup (E24, D12).

It has one JSON object a line and is append-only. A line is a launch or a reader's request. A request has the keyed hash
of the address, scope, reason, since when and until when, or that it was lifted. Promises: a line given to :func:`add`
inside ``Database.write`` is on disk before that transaction is committed, so a confirmed request is in both. The lines
of an opt-out are written ahead of the transaction instead (``Database.journal_ahead``), so that no process waits for
the disk while it holds SQLite's lock. If the transaction fails after that, the line remains: ``postiljon restored``
replays it, and after an ordinary crash the provider asks again, since it got no 200. A torn line damages no other.

The journal names no person: without the pepper a hash reveals nothing. :meth:`Journal.append` raises ``OSError``.
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
LONGEST_LINE = 4096  # bytes; our own lines have about 150
_ROOM = 16 * 1024  # bytes: more than the lines of a transaction
_KEY = "postiljon_journal"
_json = json.JSONEncoder(sort_keys=True).encode  # created once: json.dumps creates an encoder at each call
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal file of one installation; several processes append to it."""

    path: Path

    def append(self, lines: Sequence[Line]) -> None:
        """Append lines in one write, and wait until they are on disk."""
        data = "".join(f"\n{_json(line)}" for line in lines).encode() + b"\n"
        descriptor = files.open_or_create(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(28, "No space left on device")
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def look(self) -> None:
        """Check that lines could be added now: the file can be opened, and the disk has room. Writes nothing.

        The room is reserved behind the end of the file, for the next lines; on a disk without that, it must be free.
        """
        descriptor = files.open_or_create(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            files.take_room(descriptor, _ROOM)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def lines(self) -> Iterator[Line]:
        """Return all complete lines, the oldest first; none when there is no file."""
        return (line for line in self.read() if line is not None)

    def read(self) -> Iterator[Line | None]:
        """Yield all lines, with None for each unreadable one: torn, foreign, or longer than ``LONGEST_LINE``."""
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


def add(conn: Connection, line: Line) -> None:
    """Add a line that is written with the transaction of ``conn``."""
    conn.info.setdefault(_KEY, []).append(line)


def taken_lines(conn: Connection) -> list[Line]:
    """Return the lines that were added to ``conn``, and clear them."""
    lines: list[Line] = conn.info.pop(_KEY, [])
    return lines
