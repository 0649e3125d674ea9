"""A campaign file with what lies beside it: its text, its brand, its images.

Promises: only files in the folder of the campaign file (or below it) are read, and never through a link that leaves
it; what was read is remembered, so that :meth:`Material.parts` can say by hash what the letter was made of, and
:func:`differences` what has changed since it was launched. Raises ``InputError`` for a file that cannot be read and
``FaultsError`` for what is wrong in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from campaigns.definition import Definition, read
from campaigns.moments import Say, as_is
from mailer.errors import Fault, InputError
from mailer.letter.brand import Brand, brand_from_toml, builtin_brand

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_LARGEST = 20_000_000


class Folder(Mapping[str, bytes]):
    """The pictures in a folder, read when asked for, by the name as it is written in the text."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.used: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        if name not in self.used:
            path = (self.path / name).resolve()
            if not name or not path.is_relative_to(self.path) or not path.is_file() or path.stat().st_size > _LARGEST:
                raise KeyError(name)
            self.used[name] = path.read_bytes()
        return self.used[name]

    def __iter__(self) -> Iterator[str]:
        found = (path for path in self.path.glob("*") if path.suffix.lower() in _PICTURES)
        return iter(sorted(path.name for path in found))

    def __len__(self) -> int:
        return sum(1 for _name in self)


@dataclass(frozen=True, slots=True)
class Material:
    """All that a letter is made of. ``faults`` are those of the head and of the brand file, warnings among them."""

    path: Path
    definition: Definition
    brand: Brand
    brand_file: bytes = field(repr=False)
    images: Folder = field(repr=False)
    faults: tuple[Fault, ...] = ()

    def parts(self) -> dict[str, str]:
        """What the letter was made of, each with its hash; complete after it was compiled."""
        parts = {"text": self.definition.source.encode(), "brand": self.brand_file}
        parts |= {f"image {name}": data for name, data in self.images.used.items()}
        return {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}


def load(path: Path, house_brand: Path | None = None, _: Say = as_is) -> Material:
    """Read a campaign file and its brand (its own, else that of the house, else a plain one with the From name)."""
    definition, faults = read(_text(path, _), str(path), _)
    brand_path = path.parent / definition.brand if definition.brand else house_brand
    images = Folder(path.parent)
    if brand_path is None:
        name = definition.from_name or definition.from_address
        return Material(path, definition, builtin_brand(name), b"", images, tuple(faults))
    text = _text(brand_path, _)
    brand, wrong = _brand(text, brand_path, definition)
    return Material(path, definition, brand, text.encode(), images, (*faults, *wrong))


def _brand(text: str, path: Path, definition: Definition) -> tuple[Brand, tuple[Fault, ...]]:
    from mailer.errors import FaultsError

    try:
        brand = brand_from_toml(text, str(path), Folder(path.parent))
    except FaultsError as error:
        return builtin_brand(definition.from_name or definition.from_address), error.faults
    return brand, brand.warnings


def differences(material: Material, source: str, parts: Mapping[str, str], _: Say = as_is) -> str:
    """What differs from what was launched, for a person to read; empty when nothing does."""
    for name in parts:
        if name.startswith("image "):
            material.images.get(name.removeprefix("image "))
    now = material.parts()
    lines = []
    if now["text"] != parts.get("text"):
        old, new = source.splitlines(), material.definition.source.splitlines()
        lines += list(unified_diff(old, new, _("launched"), str(material.path), lineterm="", n=0))
    changed = sorted(name for name in {*now, *parts} - {"text"} if now.get(name) != parts.get(name))
    lines += [_("{part} is not what it was at launch").format(part=name) for name in changed]
    return "\n".join(lines)


def _text(path: Path, _: Say) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(_("{path}: there is no such file").format(path=path)) from None
    except OSError as error:
        raise InputError(_("{path} cannot be read: {why}").format(path=path, why=error.strerror)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = _("{path}:{line}: the text is not in UTF-8; save it in that encoding")
        raise InputError(message.format(path=path, line=line)) from None
