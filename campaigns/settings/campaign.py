"""Settings of the staff's side: where the database is, which brand, how late a missed hour is still sent.

Promises: typed, frozen, read once (docs/settings.md); :attr:`CampaignSettings.database` is always the address of
a database, by default SQLite in ``POSTILJON_DATA``. Raises ``SettingsError`` through :func:`mailer.settings.read`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from mailer import hostname, sqlite_file
from mailer.messages import Message
from mailer.settings import HouseSettings, duration
from unsubscribe.settings import web_address

_NAME_SERVER = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[0-9.]+|(?:[0-9a-fA-F.]*:){2,}[0-9a-fA-F.]*))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)


def _name_servers(value: Any) -> Any:
    items = value.split(",") if isinstance(value, str) else value
    return tuple(_name_server(str(item).strip()) for item in items) if isinstance(items, list) else items


def _hello(value: Any) -> Any:
    return hostname.said(value) if isinstance(value, str) and value else value


def _name_server(text: str) -> tuple[str, int]:
    """Read ``192.0.2.1``, ``192.0.2.1:5353``, ``2001:db8::1`` or ``[2001:db8::1]:5353``."""
    match = _NAME_SERVER.fullmatch(text)
    try:
        address = str(ip_address(match["six"] or match["host"] if match else ""))
    except ValueError:
        raise ValueError(f"{text!r} is not the address of a DNS server, such as 192.0.2.1 or 192.0.2.1:53") from None
    number = int(match["port"] or 53) if match else 0
    if not 1 <= number <= 65535:
        raise ValueError(f"{text!r}: expected a port from 1 to 65535")
    return address, number


def _console_url(value: Any) -> Any:
    """Return the address of the console as links have it. Raises ``ValueError``."""
    if not isinstance(value, str) or not value.strip():
        return value
    found = str(web_address(value))
    if not found.endswith("/console"):
        raise ValueError(Message("expected an address that ends in /console, such as https://mail.example.org/console"))
    return found


class CampaignSettings(HouseSettings):
    """The settings of the staff's side, ``POSTILJON_DATABASE_URL`` and others.

    ``backup_to``, ``backup_keep``, ``backup_passphrase_file``: the folder of archives (default: ``backups`` in the data
    folder), how many of this installation are kept there (default: all), and a file with a passphrase on its one line.

    ``dns``: the servers that ``check`` and ``doctor`` ask about a sender; those of the machine when none is given.

    ``hello_name``: the full host name that a sender gives the relay in EHLO (A6), where the relay asks for one.

    ``late``: a campaign whose hour passed while nothing served (a restart, a power cut) is still sent if it is no
    later than this. After that it is held, with the reason ``missed``, and a person decides.

    ``console_url``: the address of the console, with ``/console`` at its end, where that is not below the public
    address; links in mails to staff begin with it. ``undo``: how long *send now* waits, so that it can be taken back.

    ``web_processes``: how many processes of ``serve`` answer readers; by default one for each core, at most four.
    """

    database_url: Annotated[str, Field(repr=False)] = ""  # it may hold a password
    brand: Path | None = None
    hello_name: Annotated[str, BeforeValidator(_hello)] = ""
    dns: Annotated[tuple[tuple[str, int], ...], NoDecode, BeforeValidator(_name_servers)] = ()
    late: Annotated[timedelta, NoDecode, BeforeValidator(duration)] = timedelta(hours=1)
    web_processes: Annotated[int, Field(ge=1, le=64)] | None = None
    backup_to: Path | None = None
    backup_keep: Annotated[int, Field(ge=1, le=100_000)] | None = None
    backup_passphrase_file: Path | None = None
    console_url: Annotated[str, BeforeValidator(_console_url)] = ""
    undo: Annotated[timedelta, NoDecode, BeforeValidator(duration)] = timedelta(minutes=5)

    @property
    def database(self) -> str:
        """The address of the database."""
        return self.database_url or sqlite_file.address(self.data / "postiljon.db")
