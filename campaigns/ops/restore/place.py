"""The place of a restore: which database and data folder, whether it is empty, and how far an earlier try came.

Promises: nothing that was there is replaced. :func:`refuse_full` names what is in the way. The mark of a begun restore
holds the identity of its archive: only the same archive may go on. Raises ``InputError`` and ``StateError``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campaigns.ops.backup import keeping, maintenance, postgres_copy
from campaigns.ops.backup.manifest import Manifest
from campaigns.settings.configuration import Configuration
from campaigns.settings.unfinished import MARK
from mailer import files, settings_file, sqlite_file
from mailer.errors import InputError, StateError
from mailer.messages import Message
from mailer.settings import parse_secret
from mailer.storage import open_database

DONE = "restored-from.json"
_LARGEST = 10_000
NOT_EMPTY = Message(
    "there is an installation already: {paths}. Nothing was done. A restore goes into an empty place: move them away "
    "first, for instance into a folder of another name"
)
FULL_DATABASE = Message(
    "the database {database} has tables already. Nothing was done. A restore goes into an empty one: make it anew "
    "(dropdb, createdb), or set another one with database_url"
)
OTHER_ARCHIVE = Message(
    "a restore of another archive was begun here and did not end (made at {made_at}). Give that archive again; or move "
    "what is in {data} away and begin anew"
)
OTHER_SECRETS = Message(
    "the secrets in force here ({where}) are not those of the archive: links in letters and suppression would not "
    "work. Nothing was done. Take away POSTILJON_SECRET_KEYS and POSTILJON_PEPPER, or secrets.toml, and try again"
)
OTHER_KIND = Message(
    "the archive has a database of {found}, and the settings here name one of {expected}. Nothing was done. Set "
    "database_url to a database of the same kind"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a restore goes to, and whether an earlier try of the same archive has begun or ended."""

    settings: Configuration
    begun: bool
    ended_at: str  # "": it has not ended

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
    if not begun:
        refuse_full(place)
    return Place(settings, place.begun, "")


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


def secrets_needed(place: Place, archived: Path) -> bool:
    """Return whether the secrets of the archive are to be written. Raises ``InputError`` where others are in force."""
    kept = settings_file.parse(archived).values
    pepper, keys = parse_secret(str(kept["pepper"])), _keys(str(kept["secret_keys"]))
    mailer = place.settings.mailer
    here = {key.get_secret_value() for key in mailer.secret_keys}
    other_pepper = mailer.pepper is not None and mailer.pepper.get_secret_value() != pepper
    if other_pepper or (here and not keys <= here):
        file = place.data / "secrets.toml"
        where = str(file) if file.exists() else Message("environment")
        raise InputError(OTHER_SECRETS.format(where=where))
    return mailer.pepper is None or not here


def _keys(text: str) -> set[bytes]:
    return {parse_secret(item) for item in text.split(",")}


def begin(place: Place, manifest: Manifest, identity: str) -> None:
    """Leave the mark that a restore has begun: until it ends, nothing else uses the installation."""
    with maintenance.disk_errors(place.data):
        _write(place.data / MARK, {"identity": identity, "made_at": manifest.made_at})
        keeping.on_disk(place.data)


def end(place: Place, manifest: Manifest, identity: str, now: datetime) -> None:
    """Turn the mark into a note of what was restored."""
    with maintenance.disk_errors(place.data):
        values = {"identity": identity, "made_at": manifest.made_at, "at": now.isoformat(timespec="seconds")}
        _write(place.data / MARK, values)
        (place.data / MARK).replace(place.data / DONE)
        keeping.on_disk(place.data)


def _write(path: Path, values: dict[str, str]) -> None:
    with files.replaced(path) as file:
        file.write(json.dumps(values).encode() + b"\n")


def _read(path: Path) -> dict[str, str] | None:
    try:
        values = json.loads(files.read(path, _LARGEST))
        return {name: str(values.get(name, "")) for name in ("identity", "made_at", "at")}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, RecursionError):
        return {"identity": "", "made_at": "?", "at": ""}
