"""The place of a restore: its database and data folder, whether it is empty, and the stage of an earlier try.

Promises: nothing that was there is replaced. :func:`refuse_full` names the paths in the way. The mark of a begun
restore holds the identity of its archive: only the same archive may go on. The mark holds the stage too: a database is
that of an earlier try only if the stage says that it was put there. Raises ``InputError`` and ``StateError``.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from campaigns.ops.backup import keeping, maintenance, postgres_copy
from campaigns.ops.backup.manifest import Manifest
from campaigns.settings import file_modes
from campaigns.settings.configuration import Configuration
from campaigns.settings.unfinished import MARK
from mailer import files, settings_file, sqlite_file
from mailer.errors import InputError, SettingsError, StateError, StateHeld
from mailer.messages import Message
from mailer.settings import parse_secret
from mailer.storage import Database, open_database

DONE = "restored-from.json"
STAGE_DATABASE = "database"
_LARGEST = 10_000
_WAIT = 10.0  # seconds, at most, until sessions of programs that were just ended are gone
_OTHERS = (
    "SELECT DISTINCT coalesce(nullif(application_name, ''), usename, '?') FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY 1"
)
NOT_EMPTY = Message(
    "there is an installation already: {paths}. Nothing was done. A restore goes into an empty place: move them away "
    "first, for instance into a folder of another name"
)
FULL_DATABASE = Message(
    "the database {database} has tables already. Nothing was done. A restore goes into an empty one: make it again "
    "(dropdb, createdb), or set another one with database_url"
)
OTHER_ARCHIVE = Message(
    "a restore of another archive was begun here and did not end (made at {made_at}). Give that archive again; or move "
    "what is in {data} away and start again"
)
OTHER_SECRETS = Message(
    "the secrets in force here ({where}) are not those of the archive: links in letters and suppression would not "
    "work. Nothing was done. Take away POSTILJON_SECRET_KEYS and POSTILJON_PEPPER, or secrets.toml, and try again"
)
BAD_SECRETS = Message("secrets.toml in the archive has no pepper and secret_keys that can be read: take another backup")
SENDER_RUNS = Message(
    "Postiljon runs (a process holds {path}). Nothing was done. Stop it on every machine: systemctl stop postiljon"
)
IN_USE = Message(
    "other programs are connected to the database {database} ({names}). Nothing was done. Stop them, Postiljon on "
    "every machine among them: systemctl stop postiljon"
)
OTHER_KIND = Message(
    "the archive has a database of {found}, and the settings here name one of {expected}. Nothing was done. Set "
    "database_url to a database of the same kind"
)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a restore, and whether an earlier try of the same archive has begun or ended.

    ``has_database``: the earlier try came as far as putting the database into its place.
    """

    settings: Configuration
    begun: bool
    ended_at: str  # "": it has not ended
    has_database: bool = False

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.settings.campaign.data

    @property
    def database(self) -> Path | None:
        """The file of an SQLite database; None for PostgreSQL."""
        return sqlite_file.named(self.settings.campaign.database)


def found(settings: Configuration, manifest: Manifest, identity: str) -> Place:
    """Return the place. Raises unless it is empty, or has what an earlier try of the same archive left."""
    data = settings.campaign.data
    begun, ended = _read(data / MARK), _read(data / DONE)
    if begun and begun["identity"] != identity:
        raise StateError(OTHER_ARCHIVE.format(made_at=begun["made_at"], data=data))
    place = Place(settings, bool(begun), ended["at"] if ended and ended["identity"] == identity and not begun else "")
    expected = "sqlite" if place.database else "postgresql"
    if expected != manifest.database:
        names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
        raise InputError(OTHER_KIND.format(found=names[manifest.database], expected=names[expected]))
    if place.ended_at and not _is_empty(place):
        return place
    has_database = begun is not None and begun["stage"] == STAGE_DATABASE
    if not has_database:
        refuse_full(place)
    return Place(settings, place.begun, "", has_database)


def refuse_full(place: Place) -> None:
    """Raise ``InputError`` where there is a database."""
    if place.database:
        if there := list(_files(place.database)):
            raise InputError(NOT_EMPTY.format(paths=", ".join(str(path) for path in there)))
    elif not _is_empty(place):
        with closing(open_database(place.settings.campaign.database)) as db:
            raise InputError(FULL_DATABASE.format(database=db.shown))


def _files(database: Path) -> Iterator[Path]:
    for end in ("", "-wal", "-shm", "-journal"):
        path = Path(f"{database}{end}")
        if path.exists():
            yield path


def _is_empty(place: Place) -> bool:
    if place.database:
        return not any(_files(place.database))
    with closing(open_database(place.settings.campaign.database)) as db:
        return postgres_copy.is_empty(db)


def archived_secrets(path: Path) -> tuple[bytes, set[bytes]]:
    """Return the pepper and the secret keys of an archive. Raises ``InputError`` where they cannot be read."""
    try:
        kept = settings_file.parse(path).values
        return parse_secret(str(kept["pepper"])), {parse_secret(item) for item in str(kept["secret_keys"]).split(",")}
    except (SettingsError, KeyError, ValueError):
        raise InputError(BAD_SECRETS) from None


def secrets_needed(place: Place, archived: Path) -> bool:
    """Return whether the secrets of the archive are to be written. Raises ``InputError`` where others are in force."""
    pepper, keys = archived_secrets(archived)
    mailer = place.settings.mailer
    here = {key.get_secret_value() for key in mailer.secret_keys}
    other_pepper = mailer.pepper is not None and mailer.pepper.get_secret_value() != pepper
    if other_pepper or (here and not keys <= here):
        file = place.data / "secrets.toml"
        where = str(file) if file.exists() else Message("environment")
        raise InputError(OTHER_SECRETS.format(where=where))
    return mailer.pepper is None or not here


def refuse_running(place: Place) -> None:
    """Raise ``StateHeld`` while a sender of this data folder runs, or another program uses the database."""
    for path in sorted((place.data / file_modes.SENDERS).glob("*")):
        if _is_locked(path):
            raise StateHeld(SENDER_RUNS.format(path=path))
    if place.database is None:
        with closing(open_database(place.settings.campaign.database)) as db:
            if names := _others(db):
                raise StateHeld(IN_USE.format(database=db.shown, names=", ".join(names)))


def _is_locked(path: Path) -> bool:
    """Return whether another process holds a lock on a file; a lock that the check takes is released at once."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # removed since, or no ordinary file: no sender holds it
        return False
    return False


def _others(db: Database) -> list[str]:
    """Return the names of the other sessions of a PostgreSQL database.

    The server ends a session some time after its client: after a kill of ``pg_restore``, or the close of our own
    connections. So the check is repeated until no session is left, or for at most ``_WAIT`` seconds.
    """
    until = time.monotonic() + _WAIT
    while True:
        with db.read() as conn:
            names = [str(name) for name in conn.execute(text(_OTHERS)).scalars()]
        if not names or time.monotonic() > until:
            return names
        time.sleep(0.05)


def begin(place: Place, manifest: Manifest, identity: str) -> None:
    """Leave the mark that a restore has begun: until it ends, no other command uses the installation.

    The mark of an earlier try stays as it is, with its stage.
    """
    if not place.begun:
        _mark(place, {"identity": identity, "made_at": manifest.made_at})


def reach_database(place: Place, manifest: Manifest, identity: str) -> None:
    """Write into the mark that the database is put into its place next. Raises ``InputError`` where there is one."""
    refuse_full(place)
    _mark(place, {"identity": identity, "made_at": manifest.made_at, "stage": STAGE_DATABASE})


def _mark(place: Place, values: dict[str, str]) -> None:
    with maintenance.disk_errors(place.data):
        _write(place.data / MARK, values)
        keeping.on_disk(place.data)


def end(place: Place, manifest: Manifest, identity: str, now: datetime) -> None:
    """Turn the mark into a note of what was restored."""
    with maintenance.disk_errors(place.data):
        values = {"identity": identity, "made_at": manifest.made_at, "at": now.isoformat(timespec="seconds")}
        values["stage"] = STAGE_DATABASE  # a kill before the mark is renamed leaves it as the mark
        _write(place.data / MARK, values)
        (place.data / MARK).replace(place.data / DONE)
        keeping.on_disk(place.data)


def _write(path: Path, values: dict[str, str]) -> None:
    with files.replaced(path) as file:
        file.write(json.dumps(values).encode() + b"\n")


def _read(path: Path) -> dict[str, str] | None:
    try:
        values = json.loads(files.read(path, _LARGEST))
        return {name: str(values.get(name, "")) for name in ("identity", "made_at", "at", "stage")}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, RecursionError):
        return {"identity": "", "made_at": "?", "at": "", "stage": ""}
