"""``backup``: an archive of the whole installation, made while it runs, and read back before it counts as made.

The steps, in this order: stage the content; write a draft; read the draft back, and check it as a restore would; wait
until it is on disk; give it its name; write the record of the last good backup; remove the oldest archives.
Promises: whatever step fails or is killed, earlier archives and the record stay as they are. Nothing of the
installation is changed. Raises ``StateHeld`` while another one runs, ``StorageError``, ``InputError`` and
``SettingsError``.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from campaigns.context import AppContext
from campaigns.ops.backup import archive, contents, encryption, keeping, maintenance, postgres_copy, record, sqlite_copy
from campaigns.ops.backup.archive import Opened
from campaigns.ops.backup.encryption import Passphrase
from campaigns.ops.backup.manifest import Manifest
from mailer import files, journal, suppression
from mailer.errors import InputError, SettingsError, StorageError
from mailer.messages import Message

FOLDER = "backups"
_MOST_NAMES = 5  # of objects in a database that are told
NOT_READ = Message("the archive that was just written cannot be used, so it was not kept: {why}")
DIFFERENT = Message("{table} has {found} rows in the archive, and {expected} in the database when it was copied")
REFUSED = Message(
    "'postiljon restore' will refuse this archive: the database has objects that Postiljon never makes ({names}). "
    "Remove them from the database (DROP), and make another backup"
)
NO_PLACE = Message("{path}: the folder of backups cannot be made or used: {why}")
READ_ONLY = Message(
    "{path}: the folder of backups cannot be written. If its disk is not read-only, the unit does not allow it: run "
    "'postiljon service install' after a change of backup_to"
)


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """Where to, how many archives of this installation are kept (None: all), and the passphrase."""

    folder: Path
    keep: int | None = None
    passphrase: Passphrase | None = None


@dataclass(frozen=True, slots=True)
class BackupMade:
    """An archive that was made and checked.

    ``left_out``: in words, files that settings name and that cannot be read, and objects that a restore refuses.
    """

    archive: Path
    size: int
    manifest: Manifest
    encrypted: bool
    removed: tuple[Path, ...]
    left_out: tuple[Message, ...]

    def as_json(self) -> dict[str, object]:
        """Return the fields for ``--json``."""
        found = self.manifest
        return {
            "archive": str(self.archive),
            "bytes": self.size,
            "encrypted": self.encrypted,
            "made_at": found.made_at,
            "schema": found.schema,
            "database": found.database,
            "rows": dict(found.rows),
            "journal_lines": found.journal_lines,
            "from_environment": list(found.from_environment),
            "left_out": list(self.left_out),
            "removed": [str(path) for path in self.removed],
        }


def planned(context: AppContext, to: Path | None, keep: int | None, passphrase_file: Path | None) -> BackupPlan:
    """Return the plan from the options of the command, else from the settings. Raises ``SettingsError``."""
    settings = context.campaign
    secret = passphrase_file or settings.backup_passphrase_file
    return BackupPlan(
        folder=to or settings.backup_to or context.data / FOLDER,
        keep=keep if keep is not None else settings.backup_keep,
        passphrase=encryption.passphrase_in(secret) if secret else None,
    )


def back_up(context: AppContext, plan: BackupPlan, now: datetime) -> BackupMade:
    """Make a backup."""
    with maintenance.alone(context.data) as work:
        return made_within(work, context, plan, now)


def made_within(work: Path, context: AppContext, plan: BackupPlan, now: datetime) -> BackupMade:
    """Make a backup in the working folder of a process that has the lock."""
    _use(plan.folder)
    with context.db.read() as conn:
        suppression.bind_pepper(conn, context.pepper)
    staged = contents.stage(context, work, now)
    end = archive.ENCRYPTED if plan.passphrase else archive.PLAIN
    with maintenance.disk_errors(plan.folder), keeping.draft(plan.folder, now, end) as (file, target):
        draft = target.with_name(target.name + keeping.DRAFT)
        archive.write(file, work, staged.manifest, plan.passphrase, partial(maintenance.need_room, plan.folder))
        file.flush()
        _clear(work)
        found = tuple(_read_back(draft, work, staged.manifest, plan.passphrase))
        os.fsync(file.fileno())
        size = file.seek(0, os.SEEK_END)
        draft.rename(target)
        keeping.on_disk(plan.folder)
    encrypted, words = plan.passphrase is not None, staged.left_out
    made = record.LastBackup(str(target.absolute()), staged.manifest.made_at, size, encrypted, found)
    if found:
        words = (*words, REFUSED.format(names=", ".join(found)))
    removed: list[Path] = []
    with maintenance.disk_errors(context.data):
        record.write(context.data, made)
        if plan.keep is not None:
            removed = keeping.remove_old(plan.folder, plan.keep, staged.manifest.installation, target)
    return BackupMade(target, size, staged.manifest, made.encrypted, tuple(removed), words)


def _use(folder: Path) -> None:
    """Make the folder of archives, and remove the drafts of killed runs."""
    try:
        files.make_folder(folder)
        keeping.remove_leftovers(folder)
    except OSError as error:
        if error.errno == errno.EROFS:
            raise SettingsError(READ_ONLY.format(path=folder)) from None
        raise SettingsError(NO_PLACE.format(path=folder, why=error.strerror or error)) from None


def _clear(work: Path) -> None:
    for path in work.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _read_back(draft: Path, work: Path, manifest: Manifest, passphrase: Passphrase | None) -> list[str]:
    """Check a draft as a restore would; return the objects for which a restore refuses it. Raises ``StorageError``."""
    try:
        opened = archive.extract(draft, work, passphrase)
        if opened.manifest != manifest:
            raise StorageError(Message("its manifest is another one"))
        check(opened)
        return foreign(opened)
    except InputError as error:
        raise StorageError(NOT_READ.format(why=str(error))) from error
    finally:
        _clear(work)


def foreign(opened: Opened) -> list[str]:
    """Return the objects in the database of an archive for which a restore refuses it. Raises ``InputError``."""
    database = opened.member(opened.manifest.database_member)
    try:
        found = sqlite_copy.foreign if opened.manifest.database == "sqlite" else postgres_copy.foreign
        return found(database)[:_MOST_NAMES]
    except StorageError as error:
        raise InputError(str(error)) from None


def check(opened: Opened) -> None:
    """Check the database and the journal of an archive that was read: structure and counts. Raises ``InputError``."""
    manifest = opened.manifest
    database = opened.member(manifest.database_member)
    try:
        if manifest.database == "sqlite":
            rows = sqlite_copy.examine(database).rows
        else:  # tables of others may stand in other schemas of the database: they are kept, and not counted
            rows = {name: number for name, number in postgres_copy.examine(database).items() if name in manifest.rows}
    except StorageError as error:
        raise InputError(str(error)) from None
    _compare(rows, manifest.rows)
    lines = sum(1 for _line in journal.Journal(opened.member("journal")).read())
    _compare({"journal": lines}, {"journal": manifest.journal_lines})


def _compare(found: Mapping[str, int], expected: Mapping[str, int]) -> None:
    for table in sorted({*found, *expected}):
        if found.get(table) != expected.get(table):
            shown = DIFFERENT.format(table=table, found=found.get(table, "-"), expected=expected.get(table, "-"))
            raise InputError(shown)
