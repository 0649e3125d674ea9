"""``init``: the folder, the secrets and the tables; safe to run any number of times.

Promises: secrets that exist, in the environment or in ``secrets.toml``, are never replaced. New ones are written whole,
with mode 0600, before anything is signed with them. The pepper is bound to the database. Addresses that an earlier
version stored in another spelling get their canonical one (:mod:`unsubscribe.spelling`). Raises ``SettingsError`` when
the pepper is not that of the database, ``SchemaError`` when the database was made by a newer Postiljon.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from campaigns import migrations
from campaigns.settings import file_modes, unfinished
from campaigns.settings.configuration import configuration
from mailer import database_url, files, journal, settings_file, suppression
from mailer.errors import SettingsError
from mailer.journal import Journal
from mailer.messages import Message
from mailer.settings import MailerSettings, read
from mailer.signing import Keyring
from mailer.storage import open_database
from unsubscribe.settings import ReaderSettings
from unsubscribe.spelling import respell

FILE = "secrets.toml"


@dataclass(frozen=True, slots=True)
class Installed:
    """The work done: the database's address without a password, its revision before (None: it is new), new secrets."""

    database: str
    before: str | None
    secrets_file: Path | None


def install() -> Installed:
    """Make or migrate the installation."""
    settings = configuration().campaign
    database_url.parse(settings.database)  # before anything is made
    unfinished.refuse(settings.data)
    _make(settings.data)
    written = _secrets(settings.data)
    mailer = read(MailerSettings)
    if mailer.pepper is None or not mailer.secret_keys:
        raise SettingsError("POSTILJON_SECRET_KEYS and POSTILJON_PEPPER go together: one of them is not set")
    Keyring.of(key.get_secret_value() for key in mailer.secret_keys)
    db = open_database(settings.database)
    try:
        before = migrations.upgrade(db)
        pepper = mailer.pepper.get_secret_value()
        db.journal = Journal(settings.data / journal.FILE)
        with db.write() as conn:
            suppression.bind_pepper(conn, pepper)
        respell(db, pepper, datetime.now(UTC))
        file_modes.tighten(settings.data, db)
        return Installed(db.shown, before, written)
    finally:
        db.close()


def _make(folder: Path) -> None:
    try:
        files.make_folder(folder)
    except OSError as error:
        words = Message(
            "POSTILJON_DATA: the folder {path} cannot be made or used: {why}. Set data to a folder of your own, "
            "such as /var/lib/postiljon"
        )
        raise SettingsError(words.format(path=folder, why=error.strerror or error)) from None


@dataclass(frozen=True, slots=True)
class Naming:
    """The lines about the organisation to write into the file of settings."""

    path: Path
    text: str
    lines: tuple[str, ...]

    def write(self) -> Path | None:
        """Write them; return the file, or None when it has all of them already. Raises ``SettingsError``."""
        if not self.lines:
            return None
        try:
            files.make_folder(self.path.parent)
            _write(self.path, "".join(self.lines) + self.text)
        except OSError as error:
            said = Message("{path} cannot be read or written: {why}")
            raise SettingsError(said.format(path=self.path, why=error.strerror)) from None
        return self.path


def naming(organisation: str, contact: str) -> Naming:
    """Return the text to write so that the file in use names the organisation; nothing is done yet.

    Raises ``SettingsError`` for a value that cannot be used, and for a file that differs or cannot be written.
    """
    configuration()
    settings = read(ReaderSettings, **{key: value for key, value in _named(organisation, contact).items() if value})
    wanted = _named(settings.organisation if organisation else "", settings.contact if contact else "")
    path, text, known = settings_file.in_use(), "", settings_file.Keys(settings_file.BESIDE)
    if path.exists():
        known = settings_file.parse(path)
        text = path.read_bytes().decode("utf-8-sig")
    lines = []
    for key, value in wanted.items():
        there = known.values.get(key, "")
        if there not in ("", value) and value:
            said = Message("{path} has {key} = {value}; change it there")
            raise SettingsError(said.format(path=path, key=key, value=json.dumps(there, ensure_ascii=False)))
        if value and key not in known.values:
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}\n")
    if lines and not os.access(path if path.exists() else path.parent, os.W_OK):
        said = Message("{path} cannot be written. Write these lines into it yourself: {lines}")
        raise SettingsError(said.format(path=path, lines=" | ".join(line.strip() for line in lines)))
    return Naming(path, text, tuple(lines))


def _write(path: Path, text: str) -> None:
    """Keep mode and owner of a file that is there: the service may read it as another user than its writer."""
    descriptor = files.open_or_create(path, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _named(organisation: str, contact: str) -> dict[str, str]:
    return {"organisation": organisation.strip(), "contact": contact.strip()}


def _secrets(folder: Path) -> Path | None:
    """Write each of the two secrets that is missing; return the file, if it was made."""
    mailer = read(MailerSettings)
    lines = []
    if not mailer.secret_keys:
        lines.append(f'secret_keys = "{_new()}"')
    if mailer.pepper is None:
        lines.append(f'pepper = "{_new()}"')
    path = folder / FILE
    if not lines or path.exists():
        return None
    words = (
        "# Both belong to the backup. secret_keys rotate (newest first, separated by commas); pepper never changes.\n"
    )
    draft = folder / f".{FILE}.{secrets.token_hex(8)}"
    with os.fdopen(files.create(draft), "w") as file:
        file.write(words + "\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # never over a file that another process made meanwhile
    except FileExistsError:
        return None
    finally:
        draft.unlink()
    return path


def _new() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
