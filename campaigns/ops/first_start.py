"""The first start: the database and the secrets of a new installation (``serve --init``, ``service install``).

Promises: an installation that has a schema is left as it is, whatever its age, so that a new image or program migrates
nothing unasked; ``serve`` then says what to run. A missing database beside a journal with content, or beside backups,
is no new installation: ``SchemaError``. Raises what :func:`campaigns.ops.installation.install` raises, too.

``python -m campaigns.ops.first_start SETTINGS`` prints ``new`` or ``there``, and ends with 1 after an error. It is run
as the service's user, so that root opens no database of that user.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from campaigns import migrations
from campaigns.ops.backup import record
from campaigns.ops.backup.making import FOLDER
from campaigns.ops.installation import Installed, install
from campaigns.settings.campaign import CampaignSettings
from campaigns.settings.configuration import configuration, look
from mailer import database_url, journal, settings_file, sqlite_file
from mailer.errors import PostiljonError, SchemaError
from mailer.messages import Message
from mailer.storage import open_database

_LOST = Message(
    "{found} is in {data}, but there is no database: restore the backup with 'postiljon restore', or, if there is to "
    "be an empty one, run 'postiljon init'"
)


def install_new() -> Installed | None:
    """Make the installation if there is none; None if there is one."""
    return install() if is_new(configuration().campaign) else None


def is_new(settings: CampaignSettings) -> bool:
    """Return whether the database has no schema. Raises ``SchemaError`` when it is missing from an old installation."""
    if _has_schema(settings.database):
        return False
    if found := _left_by_another(settings.data):
        raise SchemaError(_LOST.format(data=settings.data, found=found))
    return True


def _left_by_another(data: Path) -> Message | None:
    """Return the name of a file that only an installation with a database leaves in its data folder."""
    kept = data / journal.FILE
    if kept.exists() and kept.stat().st_size:
        return Message("a journal")
    if (data / record.FILE).exists() or any((data / FOLDER).glob("*.tar*")):
        return Message("a backup")
    return None


def _has_schema(address: str) -> bool:
    database_url.parse(address)
    file = sqlite_file.named(address)
    if file and not file.exists():
        return False
    if file and _shows_schema(file):
        return True
    db = open_database(address)
    try:
        with db.read() as conn:
            return migrations.current(conn) is not None
    finally:
        db.close()


def _shows_schema(file: Path) -> bool:
    """Return whether the file alone, without its log, has a schema: read without making a file beside it."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?immutable=1", uri=True)) as conn:
            found = conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            return found is not None
    except sqlite3.Error:
        return False


if __name__ == "__main__":
    os.environ[settings_file.VARIABLE] = sys.argv[1]
    try:
        print("new" if is_new(look().campaign) else "there")
    except PostiljonError as error:
        sys.exit(str(error))
