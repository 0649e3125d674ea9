"""The settings file: its location, and its values with their line numbers. Standard library only, for ``--help``.

The file is that of ``--config FILE`` or POSTILJON_CONFIG (the first is put into the second, so that child processes
use the same), else ``postiljon.toml`` in the working directory, else ``/etc/postiljon/postiljon.toml``. A working
directory that this user may not enter is passed over. Promises: a named or existing file is read whole, or refused
with its path and line (:class:`SettingsFileError`); nothing blocks.
Relative paths in the file are relative to its folder. No error message contains a value of the file.
"""

from __future__ import annotations

import codecs
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailer import files, sqlite_file
from mailer.errors import SettingFault, SettingsFaults
from mailer.messages import Message

VARIABLE = "POSTILJON_CONFIG"
BESIDE, SYSTEM = Path("postiljon.toml"), Path("/etc/postiljon/postiljon.toml")
PATHS = frozenset({"data", "brand", "dkim_key", "smtp_password_file", "backup_to", "backup_passphrase_file"})
_LONGEST = 1_000_000
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_AT_LINE = re.compile(r" ?\(at line (\d+), column \d+\)")
_DEEPEST = 20


class SettingsFileError(SettingsFaults):
    """A settings file that is missing or unusable. ``denied``: this user may not read it."""

    def __init__(self, path: Path, why: str, line: int = 0, *, denied: bool = False) -> None:
        self.path, self.denied = path, denied
        text = Message("{path} cannot be read: {why}")
        super().__init__([SettingFault(str(path), line, "", "", text.format(path=path, why=why))])


@dataclass(frozen=True, slots=True)
class Keys:
    """The content of a file: values by key, and the line of each; keys of tables as ``table.key``."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lines: Mapping[str, int] = field(default_factory=dict)

    def line(self, key: str) -> int:
        """Return the line of a key; 0 if it is not known."""
        return self.lines.get(key, 0)


def find(system: Path = SYSTEM) -> Path | None:
    """Return the file in use; None if there is none. It may be unreadable; a named file may be missing."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    beside = (BESIDE,) if os.access(".", os.X_OK) else ()  # such as /root, from which sudo runs a command
    return next((path for path in (*beside, system) if _is_there(path)), None)


def in_use() -> Path:
    """Return the file in use; if there is none, the file that would be created."""
    return find() or BESIDE


def load() -> Keys | None:
    """Read the file in use; None if there is none. Raises :class:`SettingsFileError`."""
    path = find()
    return None if path is None else _moved(parse(path), path)


def parse(path: Path) -> Keys:
    """Read a file without changing its values. Raises :class:`SettingsFileError`."""
    text = _text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        said = Message("line {line} is not valid TOML ({why})")
        raise SettingsFileError(path, said.format(line=line, why=_AT_LINE.sub("", str(error))), line) from None
    except RecursionError:
        raise SettingsFileError(path, Message("it has too many brackets in brackets")) from None
    except ValueError:  # Python limits the number of digits
        raise SettingsFileError(path, Message("it has a number of too many digits")) from None
    return Keys(path, dict(_flat(table, "", 0)), dict(_lines(text)))


def _is_there(path: Path) -> bool:
    """Return whether the name exists: also a dangling link, or a name that cannot be inspected."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _text(path: Path) -> str:
    try:
        data = files.read(path, _LONGEST)
    except (OSError, ValueError) as error:
        if os.path.exists(path) and not os.path.isfile(path):
            raise SettingsFileError(
                path, Message("it is not an ordinary file, but a folder, a device or a pipe")
            ) from None
        why = getattr(error, "strerror", "") or Message("that is not the name of a file")
        raise SettingsFileError(path, why, denied=isinstance(error, PermissionError)) from None
    if data.startswith(_UTF_16) or b"\0" in data:
        raise SettingsFileError(path, Message("it is not text in UTF-8 (UTF-16?); save it in that encoding"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        said = Message("line {line} has the byte {found}; save it as text in UTF-8")
        raise SettingsFileError(path, said.format(line=line, found=f"0x{data[error.start]:02X}"), line) from None


def _flat(table: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and value and depth < _DEEPEST:
            yield from _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", value


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield each key and table, from the last line to the first, so that the first of two lines counts."""
    table, found = "", []
    for number, line in enumerate(text.split("\n"), start=1):
        if header := re.match(r"\s*\[+\s*([^\[\]]+?)\s*\]", line):
            table = _bare(header[1])
            found.append((table, number))
        elif key := re.match(r"\s*([^=#\[\]]{1,200}?)\s*=", line):
            found.append((f"{table}.{_bare(key[1])}" if table else _bare(key[1]), number))
    return reversed(found)


def _bare(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))


def _moved(keys: Keys, path: Path) -> Keys:
    """Return the keys with paths relative to the working directory, when the file is in another folder."""
    folder = path.parent
    if folder == Path():
        return keys
    values = dict(keys.values)
    for name in PATHS & values.keys():
        if isinstance(values[name], str) and values[name] and not values[name].startswith("~"):  # refused later
            values[name] = str(folder / values[name])
    url = values.get("database_url")
    if isinstance(url, str) and (database := sqlite_file.named(url)):
        _, mark, options = url.partition("?")
        values["database_url"] = sqlite_file.address(folder / database) + mark + options
    return Keys(keys.path, values, keys.lines)
