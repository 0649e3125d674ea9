"""The database address (``POSTILJON_DATABASE_URL``), parsed; an error message repeats no part of it.

Raises ``SettingsError``. No file is opened: closing a descriptor of the database file would free SQLite's locks.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from mailer import hostname
from mailer.errors import SettingFault, SettingsError, SettingsFaults
from mailer.messages import Message

EXPECTED = Message(
    "sqlite:///path or postgresql://user:password@host/name, with a password that is percent-encoded (@ as %40, / as "
    "%2F, ? as %3F, # as %23, % as %25)"
)
NO_KIND = Message("an address of no database that Postiljon knows")
_MORE_AT = Message("more than one @")
_NO_PORT = Message("a port that is no number from 1 to 65535")
_NO_HOST = Message("a host that is not the name of a machine")


def unreadable(why: str) -> SettingsFaults:
    """Return the fault of an address that cannot be parsed; ``why`` repeats no part of the address."""
    return SettingsFaults([SettingFault("", 0, "POSTILJON_DATABASE_URL", why, EXPECTED)])


def parse(url: str) -> URL:
    """Parse the address. An unencoded delimiter in a password would put its rest into the host: refused, not shown."""
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (SQLAlchemyError, ValueError):
        raise unreadable(_NO_PORT if re.match(r"postgres\w*://", url) else NO_KIND) from None
    if kind == "sqlite":
        return parsed
    host = parsed.host or ""
    if url.count("@") > 1:
        raise unreadable(_MORE_AT)
    if not _is_port(parsed.port):
        raise unreadable(_NO_PORT)
    if re.search(r"[\s\[\]#%/?]", host):
        raise unreadable(_NO_HOST)
    if not host or re.fullmatch(r"[!-~]+", host):
        return parsed
    try:
        return parsed.set(host=hostname.looked_up(host))
    except ValueError:
        raise unreadable(_NO_HOST) from None


def _is_port(port: int | None) -> bool:
    return port is None or 1 <= port <= 65535


def sqlite_file(parsed: URL) -> Path:
    """Return the file of an SQLite database: it does not exist yet, or it can be read and written."""
    if not parsed.database or parsed.database == ":memory:":
        raise SettingsError(Message("the database must be a file: several processes share it"))
    try:
        path = Path(parsed.database).resolve()
        if path.exists() and not path.is_file():
            raise SettingsError(Message("{path} is not a database, but a folder, a device or a pipe", path=path))
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a symbolic link to itself
        said = Message("the database {path} cannot be used: {why}")
        why = getattr(error, "strerror", "") or str(error)
        raise SettingsError(said.format(path=parsed.database[:200], why=why)) from None
    wanted = os.R_OK if _is_read_only(path) else os.R_OK | os.W_OK
    if path.exists() and not os.access(path, wanted):
        raise SettingsError(Message("the database {path} cannot be read and written by this user", path=path))
    return path


def _is_read_only(path: Path) -> bool:
    """Return whether the whole disk is read-only: then ``status`` may still read the file."""
    return path.exists() and bool(os.statvfs(path).f_flag & os.ST_RDONLY)
