"""A campaign file with what lies beside it: its text, its brand, its images.

Promises: only files in the folder of the campaign file (or below it) are read, and never through a link that leaves
it; what was read is remembered, so that :meth:`Material.parts` can say by hash what the letter was made of, and
:func:`differences` what has changed since it was launched. Raises ``InputError`` for a file that cannot be read and
``FaultsError`` for what is wrong in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches, unified_diff
from pathlib import Path

from campaigns.definition import Definition, read
from campaigns.moments import Say, as_is
from mailer import files
from mailer.errors import Fault, FaultsError, InputError
from mailer.letter.brand import Brand, brand_from_toml, builtin_brand

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_LARGEST = 20_000_000
_LONGEST_TEXT = 2_000_000
_LONGEST_NAME = 1000
_WORD = re.compile(r"[^\s()<>\"'\[\]]+")
_MENTIONED = re.compile(r".+\.(?:png|jpe?g|gif|webp)", re.IGNORECASE)  # matched at a word's start only: linear


class Folder(Mapping[str, bytes]):
    """The pictures in a folder that a text names (and those whose names look like it), read when asked for."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path.resolve()
        self.names = tuple(self._named(text))
        self._read: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        if name not in self._read:
            try:
                self._read[name] = files.read(files.beside(self.path, name), _LARGEST)
            except OSError:
                raise KeyError(name) from None
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.names if name in self)

    def __len__(self) -> int:
        return sum(1 for _name in self)

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def _named(self, text: str) -> Iterator[str]:
        beside = sorted(path.name for path in self.path.glob("*") if path.suffix.lower() in _PICTURES)
        words = (_MENTIONED.match(word) for word in _WORD.findall(text) if len(word) <= _LONGEST_NAME)
        mentioned = {*(match[0] for match in words if match), *(name for name in beside if name in text)}
        near = {other for name in mentioned - set(beside) for other in get_close_matches(name, beside, 1)}
        return iter(sorted(mentioned | near))


@dataclass(frozen=True, slots=True)
class Material:
    """All that a letter is made of. ``faults`` are those of the head and of the brand file, warnings among them."""

    path: Path
    definition: Definition
    brand: Brand
    brand_file: bytes = field(repr=False)
    images: Folder = field(repr=False)
    faults: tuple[Fault, ...] = ()

    def parts(self, used: Container[str] | None = None) -> dict[str, str]:
        """What the letter is made of, each with its hash; ``used``: the hashes of the images that stand in it."""
        parts = {"text": self.definition.source.encode(), "brand": self.brand_file}
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
        images = {f"image {name}": hashlib.sha256(data).hexdigest() for name, data in self.images.items()}
        return hashes | {name: found for name, found in images.items() if used is None or found in used}


def load(path: Path, house_brand: Path | None = None, _: Say = as_is) -> Material:
    """Read a campaign file and its brand (its own, else that of the house, else a plain one with the From name)."""
    definition, faults = read(_text(path, _), str(path), _)
    images = Folder(path.parent, definition.source)
    plain = builtin_brand(definition.from_name or definition.from_address)
    if not definition.brand and house_brand is None:
        return Material(path, definition, plain, b"", images, tuple(faults))
    try:
        brand_path = _brand_path(path.parent, definition.brand, _) if definition.brand else house_brand or path
        text = _text(brand_path, _)
    except InputError as error:
        if not definition.brand:
            raise
        line, expected = definition.lines.get("brand", 0), _("a file beside the campaign file, such as brand.toml")
        faults.append(Fault(str(path), line, "brand", repr(definition.brand), expected, f"{error}."))
        return Material(path, definition, plain, b"", images, tuple(faults))
    brand, wrong = _brand(text, brand_path, definition)
    return Material(path, definition, brand, text.encode(), images, (*faults, *wrong))


def house_brand(path: Path | None, name: str, _: Say = as_is) -> Brand:
    """The brand of the house, for pages; a plain one with ``name`` when none is set. Raises ``FaultsError``."""
    if path is None:
        return builtin_brand(name)
    text = _text(path, _)
    return brand_from_toml(text, str(path), Folder(path.parent, text))


def _brand(text: str, path: Path, definition: Definition) -> tuple[Brand, tuple[Fault, ...]]:
    try:
        brand = brand_from_toml(text, str(path), Folder(path.parent, text))
    except FaultsError as error:
        return builtin_brand(definition.from_name or definition.from_address), error.faults
    return brand, brand.warnings


def differences(material: Material, source: str, parts: Mapping[str, str], _: Say = as_is) -> str:
    """What differs from what was launched, for a person to read; empty when nothing does."""
    now = {name: found for name, found in material.parts().items() if name in parts or not name.startswith("image ")}
    lines = []
    if now["text"] != parts.get("text"):
        old, new = source.splitlines(), material.definition.source.splitlines()
        lines += list(unified_diff(old, new, _("launched"), str(material.path), lineterm="", n=0))
    changed = sorted(name for name in {*now, *parts} - {"text"} if now.get(name) != parts.get(name))
    lines += [_("{part} is not what it was at launch").format(part=name) for name in changed]
    return "\n".join(lines)


def _brand_path(folder: Path, name: str, _: Say) -> Path:
    """The brand file that a campaign names: of its own folder, as its author may not be who may read other files."""
    try:
        files.beside(folder, name)
    except OSError as error:
        raise InputError(_("{path} cannot be read: {why}").format(path=name, why=_(str(error.strerror)))) from None
    return folder / name


def _text(path: Path, _: Say) -> str:
    try:
        data = files.read(path, _LONGEST_TEXT)
    except FileNotFoundError:
        raise InputError(_("{path}: there is no such file").format(path=path)) from None
    except OSError as error:
        raise InputError(_("{path} cannot be read: {why}").format(path=path, why=_(str(error.strerror)))) from None
    if b"\0" in data[:1000]:
        raise InputError(_("{path} is not a text file; save it as plain text, in UTF-8").format(path=path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, found = data[: error.start].count(b"\n") + 1, data[error.start]
        message = _("{path}:{line}: found the byte {found}; expected text in UTF-8. Save the file in that encoding")
        raise InputError(message.format(path=path, line=line, found=f"0x{found:02X}")) from None
