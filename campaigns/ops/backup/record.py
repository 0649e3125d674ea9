"""The record of the last good backup: a small file in the data folder, for ``doctor`` and ``/metrics``.

Promises: it is written whole, after the archive is in its place and was checked. It has no secret. :func:`last` never
raises: a record that cannot be read is as good as none.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mailer import files

FILE = "last-backup.json"
_LARGEST = 10_000


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The archive that was made and checked last. ``foreign``: objects in it for which a restore refuses it."""

    archive: str
    made_at: str  # UTC, ISO 8601
    size: int  # bytes
    encrypted: bool
    foreign: tuple[str, ...] = ()

    @property
    def at(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.made_at)


def write(data: Path, made: LastBackup) -> None:
    """Replace the record. Raises ``OSError``."""
    with files.replaced(data / FILE) as file:
        file.write(json.dumps(asdict(made), ensure_ascii=False).encode() + b"\n")


def last(data: Path) -> LastBackup | None:
    """Return the record; None when there is none."""
    try:
        found = json.loads(files.read(data / FILE, _LARGEST))
        made = LastBackup(
            archive=str(found["archive"]),
            made_at=str(found["made_at"]),
            size=int(found["size"]),
            encrypted=found["encrypted"] is True,
            foreign=tuple(str(name) for name in found.get("foreign", ())),
        )
        return made if made.at.tzinfo else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
