"""``restore``: an archive put into an empty place, as the page on restoring says, ``restored`` included.

The archive is read, decrypted and checked whole before anything is changed. Then, in this order: the file of settings
where there is none, the mark, the secrets, the journal, the files that settings name, the database, the note of the
archive. An SQLite database is migrated and made safe to send from while it is a working copy, and gets its name last. A
PostgreSQL database is filled in one transaction. Promises: after a kill at any step the same command goes on. From the
mark to the end no other command uses the installation. A database that another program made is never taken for that of
the archive. The archive is never changed. Raises ``InputError``, ``StateError``, ``StorageError``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from campaigns import migrations
from campaigns.ops.backup import archive, encryption, keeping, maintenance, making, postgres_copy
from campaigns.ops.backup import manifest as manifests
from campaigns.ops.backup.archive import Opened
from campaigns.ops.backup.encryption import Passphrase
from campaigns.ops.backup.manifest import Manifest
from campaigns.ops.restore import journals, named_files, place
from campaigns.ops.restore.named_files import PutBack
from campaigns.ops.restore.place import Place
from campaigns.ops.restoring import Restored, restored
from campaigns.settings import configuration, file_modes, ownership
from campaigns.settings.configuration import Configuration
from campaigns.staff import audit
from mailer import files, journal, settings_file, sqlite_file, suppression
from mailer.errors import InputError, SettingsFaults
from mailer.journal import Journal
from mailer.messages import Message
from mailer.settings import MailerSettings, read
from mailer.settings_base import environment
from mailer.storage import Database, open_database
from unsubscribe.spelling import respell

WORK = ".postiljon-restore"
NEWER = Message(
    "the archive was made by a newer Postiljon ({product}, schema {found}; this one knows {known}): install that "
    "one, or a newer one. Nothing was done"
)
IN_THE_WAY = Message(
    "{path} lies in {folder}, which a restore empties for its own work. Nothing was done. Move it elsewhere first"
)
_HOUSE = ("POSTILJON_DATA", "POSTILJON_DATABASE_URL", "POSTILJON_SECRET_KEYS", "POSTILJON_PEPPER")


@dataclass(slots=True)
class RestoreDone:
    """The work done. ``ended_before``: when this archive was restored here already; then nothing was done now."""

    manifest: Manifest
    database: str
    ended_before: str = ""
    restored: Restored = field(default_factory=Restored)
    files: list[PutBack] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "database": self.database,
            "made_at": self.manifest.made_at,
            "schema": migrations.HEAD,
            "before": self.manifest.schema,
            "rows": dict(self.manifest.rows),
            "already": self.ended_before or None,
            "restored": self.restored.as_json(),
            "files": [{"path": str(one.path), "in_place": one.in_place} for one in self.files],
            "missing_from_environment": self.missing,
        }


def restore(path: Path, passphrase: Passphrase | None, newer: Path | None, now: datetime) -> RestoreDone:
    """Restore an archive. ``newer``: a later copy of the journal."""
    if newer is not None and not newer.is_file():
        raise InputError(Message("the journal {path} cannot be read: {why}", path=newer, why=files.NO_FILE))
    archive.refuse_unreadable(path)
    with ExitStack() as held:
        base, work = _base(held, [path, *([newer] if newer else [])])
        opened = archive.extract(path, work, passphrase or _set_one())
        _check(opened)
        with _settings(opened) as settings:
            are_ours = not named_files.are_settings_of(opened)
            there = place.found(settings, opened.manifest, opened.identity)
            done = RestoreDone(opened.manifest, _shown(settings), there.ended_at)
            needs_secrets = not there.ended_at and _begun(held, base, opened, there)
        if not there.ended_at:
            _carry_out(_Job(opened, there, needs_secrets, are_ours, newer), done, now)
    return done


def _begun(held: ExitStack, base: Path, opened: Opened, there: Place) -> bool:
    """Make the last checks, take the lock of the data folder, and leave the mark.

    Return whether the secrets of the archive are needed.
    """
    needs_secrets = place.secrets_needed(there, opened.member(manifests.SECRETS))
    place.refuse_running(there)
    if there.database is None:
        with closing(open_database(there.settings.campaign.database)) as db:
            postgres_copy.refuse_unusable(db, opened.member(opened.manifest.database_member))
    with maintenance.disk_errors(there.data):
        files.make_folder(there.data)
    if base.resolve() != there.data.resolve():
        held.enter_context(maintenance.alone(there.data))
    place.begin(there, opened.manifest, opened.identity)
    return needs_secrets


@dataclass(frozen=True, slots=True)
class _Job:
    """The values that every step needs."""

    opened: Opened
    place: Place
    needs_secrets: bool
    settings_are_ours: bool
    newer: Path | None


def _carry_out(job: _Job, done: RestoreDone, now: datetime) -> None:
    opened, there = job.opened, job.place
    if job.needs_secrets:
        _put_secrets(opened.member(manifests.SECRETS), there.data / file_modes.SECRETS)
    _put_journal(job)
    done.files = named_files.put_back(opened, there, job.settings_are_ours)
    done.restored = _put_database(opened, there, now)
    place.end(there, opened.manifest, opened.identity, now)
    done.missing = [name for name in opened.manifest.from_environment if not _is_set(name)]


def _is_set(name: str) -> bool:
    return name.removeprefix("POSTILJON_").lower() in environment()


def _has_settings() -> bool:
    found = settings_file.find()
    return found is not None and found.exists()


def _base(held: ExitStack, given: Sequence[Path]) -> tuple[Path, Path]:
    """Return the base and the empty folder in it in which the archive is read, locked until ``held`` ends.

    The base is the folder of the data, or one beside the settings that are to come. What an earlier try left beside the
    settings is removed. Raises ``InputError`` where a given file lies in a folder that is emptied.
    """
    beside = settings_file.in_use().parent / WORK
    _refuse_inside(given, beside)
    if _has_settings():
        if beside.exists():
            with maintenance.alone(beside):
                _remove(beside)
        base = ownership.refuse_others()[0]
        _refuse_inside(given, base / maintenance.WORK)
    else:
        base = beside
    with maintenance.disk_errors(base):
        files.make_folder(base)
    work = held.enter_context(maintenance.alone(base))
    if base == beside:  # called at the end before the lock is freed: another restore may wait to use this folder
        held.callback(_remove, beside)
    return base, work


def _refuse_inside(given: Sequence[Path], folder: Path) -> None:
    """Raise ``InputError`` for a file that the preparation of a working folder would remove."""
    root = os.path.realpath(folder)
    for path in given:
        if os.path.commonpath([root, os.path.realpath(path)]) == root:
            raise InputError(IN_THE_WAY.format(path=path, folder=folder))


def _remove(beside: Path) -> None:
    """Remove what :mod:`maintenance` makes in a folder, and the folder if nothing else is in it.

    The process has the lock of the folder. One that opened the file of the lock before it was removed does not count
    as its holder: see :func:`maintenance.alone`.
    """
    with suppress(OSError):
        maintenance.empty(beside / maintenance.WORK)
        (beside / maintenance.LOCK).unlink(missing_ok=True)
        beside.rmdir()


def _set_one() -> Passphrase | None:
    """Return the passphrase that the settings name, where they do."""
    found = configuration.look().campaign.backup_passphrase_file if _has_settings() else None
    return encryption.passphrase_in(found) if found and found.exists() else None


def _check(opened: Opened) -> None:
    """Check the database in an archive before anything is changed."""
    manifest = opened.manifest
    if manifest.schema not in migrations.KNOWN:
        known = migrations.HEAD
        raise InputError(NEWER.format(product=manifest.product, found=manifest.schema, known=known))
    if names := making.foreign(opened):
        raise InputError(postgres_copy.FOREIGN.format(names=", ".join(names)))
    place.archived_secrets(opened.member(manifests.SECRETS))
    making.check(opened)


@contextmanager
def _settings(opened: Opened) -> Iterator[Configuration]:
    """Yield the settings; those of the archive are put into place first, where there are none.

    If the block raises, they are taken away again.
    """
    written = named_files.put_settings(opened)
    try:
        found = configuration.look()
        if wrong := [fault for fault in found.faults if fault.field in _HOUSE]:
            raise SettingsFaults(wrong)
        yield found
    except BaseException:
        if written:
            written.unlink(missing_ok=True)
        raise


def _shown(settings: Configuration) -> str:
    with closing(open_database(settings.campaign.database, make=False)) as db:
        return db.shown


def _put_secrets(source: Path, target: Path) -> None:
    with maintenance.disk_errors(target), files.replaced(target) as file:
        file.write(source.read_bytes())


def _put_journal(job: _Job) -> None:
    """Put the journals of the archive, of the data folder and of ``--journal`` together."""
    target = job.place.data / journal.FILE
    lines = journals.united(journals.lines_of(job.opened.member(manifests.JOURNAL)), journals.lines_of(target))
    if job.newer is not None:
        lines = journals.united(lines, journals.lines_of(job.newer))
    with maintenance.disk_errors(target), files.replaced(target) as file:
        file.writelines(line + b"\n" for line in lines)


def _put_database(opened: Opened, there: Place, now: datetime) -> Restored:
    """Put the database into its place.

    A database that is there is that of the archive only if an earlier try left that stage in the mark.
    """
    source = opened.member(opened.manifest.database_member)
    target = there.database
    if target is None:
        with closing(open_database(there.settings.campaign.database)) as db:
            if not there.has_database or postgres_copy.is_empty(db):
                place.reach_database(there, opened.manifest, opened.identity)
                postgres_copy.put_back(db, source)
            return _made_safe(db, there, now)
    if there.has_database and target.exists():
        with closing(open_database(there.settings.campaign.database, make=False)) as db:
            return _made_safe(db, there, now)
    with closing(open_database(sqlite_file.address(source))) as db:
        done = _made_safe(db, there, now)
        db.empty_log()
    with maintenance.disk_errors(target):
        files.make_folder(target.parent)
        place.reach_database(there, opened.manifest, opened.identity)
        _rename(source, target)
        keeping.on_disk(target.parent)
    return done


def _made_safe(db: Database, there: Place, now: datetime) -> Restored:
    """Migrate, and do the steps of ``restored``."""
    migrations.upgrade(db)
    mailer = read(MailerSettings, data=there.data)
    assert mailer.pepper is not None  # noqa: S101 - written before
    pepper = mailer.pepper.get_secret_value()
    db.journal = Journal(there.data / journal.FILE)
    with db.write() as conn:
        suppression.bind_pepper(conn, pepper)
        audit.protect(conn)
    done = restored(db, db.journal, now)
    respell(db, pepper, now)
    return done


def _rename(source: Path, target: Path) -> None:
    """Give the working copy its name; on another disk, by way of a copy there."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    try:
        source.rename(target)
    except OSError:
        with files.replaced(target) as copy, source.open("rb") as file:
            shutil.copyfileobj(file, copy)
