"""The file of an SQLite database: its address, and how it is opened: at most once made, and never by SQLite itself.

Promises: a connection gets the file that has the name, or an error. A name that is missing for an instant, between a
look at it and the opening, never becomes an empty database. What is made belongs to its owner alone.
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
    """Return the address of the database in this file; no sign of a name is read as a part of an address."""
    return _SCHEME + quote(str(path))


def named(url: str) -> Path | None:
    """Return the file that an address names; None for another kind of database, or without a name."""
    name = unquote(url.removeprefix(_SCHEME).partition("?")[0]) if url.startswith(_SCHEME) else ""
    return Path(name) if name else None


class Opening:
    """For SQLAlchemy's event ``do_connect``. Only the first connection may make the file, and only with ``make``."""

    def __init__(self, path: Path, make: bool) -> None:
        self._path, self._make = path, make

    def __call__(self, _dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]) -> None:
        """Make the file if that is due, and tell the driver to make none."""
        if self._make and not self._path.exists():
            with suppress(OSError):  # made by somebody else meanwhile; another reason SQLite finds too, and says
                os.close(files.create(self._path))
        self._make = False
        arguments[:] = [f"file:{quote(str(self._path))}?mode=rw"]
        named["uri"] = True
