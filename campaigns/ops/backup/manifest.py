"""The manifest of a backup: the first member of the archive, with the content of all others and the counts.

Promises: :func:`parsed` accepts only names that this module knows, plain file names without a folder but ``files/``,
settings that may name a file, and sizes that are numbers, so that a reader of the archive is bound by them. Raises
``InputError`` for any other text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

from mailer.errors import InputError
from mailer.messages import Message

FORMAT = 1
NAME = "manifest.json"
LARGEST = 4_000_000  # bytes of a manifest
JOURNAL, SECRETS, SETTINGS = "journal", "secrets.toml", "postiljon.toml"
DATABASES: Mapping[str, str] = {"sqlite": "postiljon.db", "postgresql": "postiljon.dump"}
NAMED = re.compile(r"files/[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
PICTURE = "picture of the brand"
SETTINGS_OF_FILES = frozenset({"brand", PICTURE, "dkim_key", "smtp_password_file"})
NO_MANIFEST = Message("it is no backup of Postiljon: its manifest cannot be read")
NEWER_FORMAT = Message(
    "it has the format {found}, and this Postiljon reads up to {known}: restore it with the Postiljon that made it "
    "({product}), or a newer one"
)
DatabaseKind = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of the archive. ``setting`` and ``original``: which setting named the file, and its path then."""

    name: str
    size: int
    sha256: str
    setting: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of an archive. ``from_environment``: names of settings that are not in it."""

    product: str
    schema: str
    database: DatabaseKind
    made_at: str  # UTC, ISO 8601
    installation: str
    entries: tuple[Entry, ...]
    rows: Mapping[str, int] = field(default_factory=dict)
    journal_lines: int = 0
    from_environment: tuple[str, ...] = ()
    format: int = FORMAT

    def entry(self, name: str) -> Entry | None:
        """Return the member of that name."""
        return next((entry for entry in self.entries if entry.name == name), None)

    @property
    def database_member(self) -> str:
        """The name of the member with the database."""
        return DATABASES[self.database]

    def text(self) -> bytes:
        """Return the manifest as it stands in the archive."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def parsed(data: bytes) -> Manifest:
    """Read a manifest. Raises ``InputError`` for one that is newer, foreign or damaged."""
    try:
        found = json.loads(data)
        number = found["format"]
        if type(number) is int and number > FORMAT:
            text = NEWER_FORMAT.format(found=number, known=FORMAT, product=str(found.get("product", ""))[:80])
            raise InputError(text)
        made = _manifest(found)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise InputError(NO_MANIFEST) from None
    if not _is_right(made):
        raise InputError(NO_MANIFEST)
    return made


def _manifest(found: Mapping[str, Any]) -> Manifest:
    datetime.fromisoformat(found["made_at"])
    return Manifest(
        product=str(found["product"])[:80],
        schema=str(found["schema"])[:80],
        database=cast(DatabaseKind, str(found["database"])),
        made_at=found["made_at"],
        installation=str(found["installation"])[:80],
        entries=tuple(_entry(one) for one in found["entries"]),
        rows={str(name): int(number) for name, number in found["rows"].items()},
        journal_lines=int(found["journal_lines"]),
        from_environment=tuple(str(name)[:80] for name in found["from_environment"]),
        format=found["format"],
    )


def _entry(found: Mapping[str, Any]) -> Entry:
    texts = {name: str(found[name]) for name in ("name", "sha256", "setting", "original")}
    if type(found["size"]) is not int or found["size"] < 0:
        raise ValueError
    return Entry(size=found["size"], **texts)


def _is_right(made: Manifest) -> bool:
    names = [entry.name for entry in made.entries]
    if made.database not in DATABASES or made.format != FORMAT or len(names) != len(set(names)):
        return False
    known = {made.database_member, JOURNAL, SECRETS, SETTINGS}
    required = {made.database_member, JOURNAL, SECRETS}
    return required <= set(names) and all(_is_right_entry(entry, known) for entry in made.entries)


def _is_right_entry(entry: Entry, known: Collection[str]) -> bool:
    """Return whether the name is known, and the setting is one that may name a file."""
    if entry.name in known:
        return entry.setting == ""
    return bool(NAMED.fullmatch(entry.name)) and entry.setting in SETTINGS_OF_FILES
