"""The modes of the private files: rights of other users are found, reported, and removed where this user may do so.

Promises: :func:`tighten` takes rights from files and folders of the installation that belong to this user, and gives
none. The data folder itself stays as it is, since it may be a home or hold other things. Nothing is opened, so no lock
is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mailer import files
from mailer.journal import FILE
from mailer.storage import Database

SECRETS, SENDERS = "secrets.toml", "senders"


def kept(data: Path, db: Database) -> Iterator[Path]:
    """Return the private files that exist: the database with its log, the journal, the secrets, the locks."""
    senders = data / SENDERS
    found = (*db.files, data / FILE, data / SECRETS, senders, *senders.glob("*.lock"))
    return (path for path in found if path.exists())


def too_open(data: Path, db: Database) -> list[Path]:
    """Return the private files that users other than their owner may read or change."""
    return [path for path in kept(data, db) if files.open_to_others(path)]


def tighten(data: Path, db: Database) -> list[Path]:
    """Take these rights from other users; return the mended files. Files of another user are left to ``doctor``."""
    return [path for path in too_open(data, db) if files.tighten(path)]
