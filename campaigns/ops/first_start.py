"""``serve --init``: the database and the secrets of a new installation, made at its first start.

Promises: an installation that has a schema is left as it is, whatever its age, so that a new image migrates nothing
unasked; ``serve`` then says what to run. Raises what :func:`campaigns.ops.installation.install` raises.
"""

from __future__ import annotations

from campaigns import migrations
from campaigns.ops.installation import Installed, install
from campaigns.settings.configuration import configuration
from mailer import database_url, sqlite_file
from mailer.storage import open_database


def install_new() -> Installed | None:
    """Make the installation if there is none; None if there is one."""
    return install() if _is_new() else None


def _is_new() -> bool:
    """Return whether the database has no schema."""
    address = configuration().campaign.database
    database_url.parse(address)
    file = sqlite_file.named(address)
    if file and not file.exists():
        return True
    db = open_database(address)
    try:
        with db.read() as conn:
            return migrations.current(conn) is None
    finally:
        db.close()
