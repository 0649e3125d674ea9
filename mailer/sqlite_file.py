"""The file of an SQLite database: its address and its opening. It is created at most once, never by SQLite itself.

Promises: a connection gets the file that has the name, or an error. If the name is missing for an instant, between the
check and the opening, no empty database is created. A new file is private to its owner.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from mailer import files

_SCHEME = "sqlite:///"


def address(path: Path) -> str:
    """Return the address of the database in this file; special characters of the name are encoded."""
    return _SCHEME + quote(str(path))


def named(url: str) -> Path | None:
    """Return the file that an address names; None for another kind of database, or without a name."""
    name = unquote(url.removeprefix(_SCHEME).partition("?")[0]) if url.startswith(_SCHEME) else ""
    return Path(name) if name else None


class Opening:
    """Handler of SQLAlchemy's event ``do_connect``. Only with ``make`` may the first connection create the file."""

    def __init__(self, path: Path, make: bool) -> None:
        self._path, self._make = path, make

    def __call__(self, _dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]) -> None:
        """Create the file if it is missing and may be created, and tell the driver to create none."""
        if self._make and not self._path.exists():
            with suppress(OSError):  # created by another process meanwhile; SQLite meets and reports any other reason
                os.close(files.create(self._path))
        self._make = False
        arguments[:] = [f"file:{quote(str(self._path))}?mode=rw"]
        named["uri"] = True
