"""``restore``: an archive put into an empty place, as the page on restoring says, ``restored`` included.

The archive is read, decrypted and checked whole before anything is changed. Then, in this order: the mark, the
secrets, the journal, the files that settings name, the database, the note of what was restored. An SQLite database is
migrated and made safe to send from while it is a working copy, and gets its name last. A PostgreSQL database is filled
in one transaction. Promises: after a kill at any step the same command goes on, and until it has ended no other command
uses the installation. The archive is never changed. Raises ``InputError``, ``StateError``, ``StorageError``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
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
from mailer import files, journal, settings_file, sqlite_file, suppression
from mailer.errors import InputError, SettingsFaults
from mailer.journal import Journal
from mailer.messages import Message
from mailer.settings import MailerSettings, read
from mailer.settings_base import environment
from mailer.storage import Database, open_database
from unsubscribe.spelling import respell

WORK = "postiljon-restore"
NEWER = Message(
    "the archive was made by a newer Postiljon ({product}, schema {found}; this one knows {known}): install that "
    "one, or a newer one. Nothing was done"
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
        base = _base(held)
        opened = archive.extract(path, held.enter_context(maintenance.alone(base)), passphrase or _set_one())
        _check(opened)
        with _settings(opened) as settings:
            are_ours = not named_files.are_settings_of(opened)
            there = place.found(settings, opened.manifest, opened.identity)
            done = RestoreDone(opened.manifest, _shown(settings), there.ended_at)
            needs_secrets = not there.ended_at and place.secrets_needed(there, opened.member(manifests.SECRETS))
        if not there.ended_at:
            files.make_folder(there.data)
            if base.resolve() != there.data.resolve():
                held.enter_context(maintenance.alone(there.data))
            _carry_out(_Job(opened, there, needs_secrets, are_ours, newer), done, now)
    return done


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
    place.begin(there, opened.manifest, opened.identity)
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


def _base(held: ExitStack) -> Path:
    """Return the folder in which the archive is read: that of the data, or one beside the settings that are to come.

    What an earlier try left beside the settings is removed.
    """
    beside = settings_file.in_use().parent / WORK
    if _has_settings():
        if beside.exists():
            with maintenance.alone(beside):
                pass
            shutil.rmtree(beside)
        base = ownership.refuse_others()[0]
    else:
        base = beside
        held.callback(shutil.rmtree, beside, ignore_errors=True)
    with maintenance.disk_errors(base):
        files.make_folder(base)
    return base


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
    if manifest.database == "postgresql":
        postgres_copy.refuse_foreign(opened.member(manifest.database_member))
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
    source = opened.member(opened.manifest.database_member)
    target = there.database
    if target is None:
        with closing(open_database(there.settings.campaign.database)) as db:
            if postgres_copy.is_empty(db):
                postgres_copy.put_back(db, source)
            return _made_safe(db, there, now)
    if target.exists():  # put there by an earlier try, which was stopped after its last step but one
        with closing(open_database(there.settings.campaign.database, make=False)) as db:
            return _made_safe(db, there, now)
    with closing(open_database(sqlite_file.address(source))) as db:
        done = _made_safe(db, there, now)
        db.empty_log()
    with maintenance.disk_errors(target):
        files.make_folder(target.parent)
        _rename(source, target)
        keeping.on_disk(target.parent)
    return done


def _made_safe(db: Database, there: Place, now: datetime) -> Restored:
    """Migrate, and do what ``restored`` does."""
    migrations.upgrade(db)
    mailer = read(MailerSettings, data=there.data)
    assert mailer.pepper is not None  # noqa: S101 - written before
    pepper = mailer.pepper.get_secret_value()
    db.journal = Journal(there.data / journal.FILE)
    with db.write() as conn:
        suppression.bind_pepper(conn, pepper)
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
