"""The content of a backup, staged in a folder: the database first, then the journal, so that no request is lost.

Promises: the secrets are those in force, also where they come from the environment. A file that a setting names and
that cannot be read is left out, and reported; everything else must be there. Raises ``StorageError``, ``InputError``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from campaigns.context import AppContext
from campaigns.ops.backup import maintenance, postgres_copy, sqlite_copy
from campaigns.ops.backup import manifest as manifests
from campaigns.ops.backup.manifest import DatabaseKind, Entry, Manifest
from campaigns.version import version_line
from mailer import files, journal, settings_file
from mailer.errors import SchemaError
from mailer.messages import Message
from mailer.settings import MailerSettings
from mailer.settings_base import environment

_LARGEST = 20_000_000  # bytes of a file that a setting names
_PICTURES = ("logo", "logo_dark")
_PART = 65_536  # bytes that are read at once from the end of the journal
_SECRETS_HEAD = "# Written by postiljon backup. Both belong together with the database.\n"
LEFT_OUT = Message("{path} is not in the backup: {why}")


@dataclass(frozen=True, slots=True)
class Staged:
    """The staged members, and the files that were left out, in words."""

    manifest: Manifest
    left_out: tuple[Message, ...]


def stage(context: AppContext, folder: Path, now: datetime) -> Staged:
    """Copy everything into a folder, and describe it."""
    db = context.db
    kind: DatabaseKind = "sqlite" if db.is_sqlite else "postgresql"
    database = folder / manifests.DATABASES[kind]
    with maintenance.disk_errors(database):
        room = partial(maintenance.need_room, folder)
        copied = sqlite_copy.copy(db.sqlite_path, database, room) if db.sqlite_path else _dump(context, database, room)
        if not copied.schema:
            raise SchemaError("the database is empty: run 'postiljon init'")
        lines = _journal(context.data / journal.FILE, folder / manifests.JOURNAL)
        _write(folder / manifests.SECRETS, secrets_text(context.mailer))
        named, left_out = _named(folder)
    members = [database.name, manifests.JOURNAL, manifests.SECRETS]
    entries = [*(_entry(folder, name) for name in members), *named]
    return Staged(
        Manifest(
            product=version_line(),
            schema=copied.schema,
            database=kind,
            made_at=now.isoformat(timespec="seconds"),
            installation=installation(context.pepper),
            entries=tuple(entries),
            rows=copied.rows,
            journal_lines=lines,
            from_environment=tuple(sorted(_from_environment())),
        ),
        tuple(left_out),
    )


def installation(pepper: bytes) -> str:
    """Return a name of this installation that says nothing of its pepper, and stays when it moves."""
    return hmac.new(pepper, b"postiljon backup", hashlib.sha256).hexdigest()[:16]


def secrets_text(mailer: MailerSettings) -> bytes:
    """Return the secrets in force as the text of ``secrets.toml``."""
    assert mailer.pepper is not None  # noqa: S101 - a context has both
    keys = ",".join(_base64(key.get_secret_value()) for key in mailer.secret_keys)
    pepper = _base64(mailer.pepper.get_secret_value())
    return f'{_SECRETS_HEAD}secret_keys = "{keys}"\npepper = "{pepper}"\n'.encode()


def _base64(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _dump(context: AppContext, target: Path, room: Callable[[int], None]) -> sqlite_copy.Copied:
    return postgres_copy.copy(context.db, target, room)


def _journal(source: Path, target: Path) -> int:
    """Copy the journal up to its last whole line; return the number of lines."""
    with os.fdopen(files.create(target), "w+b") as copy:
        if source.exists():
            with source.open("rb") as file:
                shutil.copyfileobj(file, copy)
        copy.truncate(_end_of_lines(copy))
    return sum(1 for _line in journal.Journal(target).read())


def _end_of_lines(file: BinaryIO) -> int:
    """Return the position behind the last newline: a line behind it is still being written, or was torn by a crash."""
    at = file.seek(0, os.SEEK_END)
    while at:
        start = max(0, at - _PART)
        file.seek(start)
        if (found := file.read(at - start).rfind(b"\n")) >= 0:
            return start + found + 1
        at = start
    return 0


def _from_environment() -> Iterator[str]:
    """Yield the names of settings that are not in the archive, since the environment has them."""
    for name in environment():
        if name not in ("config", "secret_keys", "pepper"):
            yield f"POSTILJON_{name.upper()}"


def _named(folder: Path) -> tuple[list[Entry], list[Message]]:
    """Stage the file of settings, and the files that settings name."""
    entries, left_out = [], []
    keys = settings_file.load()
    wanted: list[tuple[str, str, Path]] = []
    if keys is not None:
        wanted.append((manifests.SETTINGS, "", keys.path))
    wanted += ((_safe_name(number, path), name, path) for number, (name, path) in enumerate(_paths(keys), start=1))
    for member, setting, path in wanted:
        try:
            data = files.read(path, _LARGEST)
        except (OSError, ValueError) as error:
            left_out.append(LEFT_OUT.format(path=path, why=getattr(error, "strerror", "") or str(error)))
            continue
        target = folder / member
        files.make_folder(target.parent)
        _write(target, data)
        entries.append(_entry(folder, member, setting, os.path.abspath(path)))
    return entries, left_out


def _paths(keys: settings_file.Keys | None) -> Iterator[tuple[str, Path]]:
    """Yield the files that settings name, with the names of the settings."""
    values = {**(keys.values if keys else {}), **environment()}
    for name in ("brand", "dkim_key", "smtp_password_file"):
        found = values.get(name)
        if isinstance(found, str) and found:
            yield name, Path(found)
            if name == "brand":
                yield from ((manifests.PICTURE, path) for path in _pictures(Path(found)))


def _pictures(brand: Path) -> Iterator[Path]:
    """Yield the pictures that a brand file names: in its own folder, as a brand can name no others."""
    try:
        table = tomllib.loads(files.read(brand, _LARGEST).decode("utf-8-sig"))
    except (OSError, ValueError):
        return
    for key in _PICTURES:
        name = table.get(key)
        if isinstance(name, str) and name:
            with suppress(OSError):  # a name that leads out of the folder: a brand may not name it, and it stays out
                files.beside(brand.parent, name)
                yield brand.parent / name


def _safe_name(number: int, path: Path) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", path.name)[:60]
    return f"files/{number}-{plain}"


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(files.create(path), "wb") as file:
        file.write(data)


def _entry(folder: Path, name: str, setting: str = "", original: str = "") -> Entry:
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(name, (folder / name).stat().st_size, digest, setting, original)
