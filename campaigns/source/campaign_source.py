"""A campaign file with the other files of its folder: its text, its brand, its images.

Promises: only files in the folder of the campaign file (or below it) are read, and never through a link that leaves
it. The content read is remembered, so that :meth:`CampaignSource.parts` can list the parts of the letter by hash, and
:func:`differences` the changes since its launch. Raises ``InputError`` for a file that cannot be read and
``FaultsError`` for the faults in it.
"""

from __future__ import annotations

import errno
import hashlib
import re
import unicodedata
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Literal

from campaigns.source.definition import Definition, read
from mailer import files, similar
from mailer.errors import Fault, FaultsError, InputError
from mailer.letter.brand import Brand, brand_from_toml, builtin_brand
from mailer.letter.picture import picture
from mailer.messages import Message, joined

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_LARGEST, _TOGETHER = 20_000_000, 200_000_000  # bytes of a picture, of all that are read
_LARGEST_LETTER, _LARGEST_BRAND = 2_000_000, 100_000  # bytes
_MOST_NAMES, _MOST_BESIDE = 500, 5_000  # pictures that a text mentions; pictures in the folder
_LONGEST_NAME = 1000
_COMPARED = 2_000  # lines
_MOST_ASKED, _LONG = 20, 100  # names for which a similar one is looked up; characters of each
_WORD = re.compile(r"[^\s()<>\"'\[\]]+")
_MENTIONED = re.compile(r".+\.(?:png|jpe?g|gif|webp)", re.IGNORECASE)  # matched at a word's start only: linear


class Folder(Mapping[str, bytes]):
    """The pictures in a folder that a text names (and those with similar names), read when asked for."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path.resolve()
        self.names = tuple(self._named(text))
        self._read: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        if name not in self._read:
            try:
                self._read[name] = self._bytes(name)
            except (OSError, ValueError):  # a name that is too long, or that no file can have
                raise KeyError(name) from None
        return self._read[name]

    def _bytes(self, name: str) -> bytes:
        left = _TOGETHER - sum(map(len, self._read.values()))
        return files.read(files.beside(self.path, self._spelled(name)), min(_LARGEST, left))

    def _spelled(self, name: str) -> str:
        """Return the name as the folder spells it: some systems keep ``é`` as an ``e`` and an accent, some as one."""
        if name.isascii() or (self.path / name).exists():
            return name
        for form in ("NFC", "NFD"):
            if (self.path / (other := unicodedata.normalize(form, name))).exists():
                return other
        return name

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
        names = (path.name for path in self.path.glob("*") if path.suffix.lower() in _PICTURES)
        beside = sorted(islice(names, _MOST_BESIDE))
        words = (_MENTIONED.match(word[0]) for word in _WORD.finditer(text) if len(word[0]) <= _LONGEST_NAME)
        found = dict.fromkeys(match[0] for match in words if match)
        one = unicodedata.normalize("NFC", text)
        mentioned = {*islice(found, _MOST_NAMES)}
        mentioned |= {name for name in beside if name in text or unicodedata.normalize("NFC", name) in one}
        missing = islice((name for name in found if name not in beside), _MOST_ASKED)
        near = {other for name in missing for other in similar.nearest(name[:_LONG], beside[:_MOST_NAMES])}
        return iter(sorted(mentioned | near))


@dataclass(frozen=True, slots=True)
class CampaignSource:
    """All parts of a letter. ``faults`` are those of the head and of the brand file, warnings among them."""

    name: str  # of the file, or what a door shows in its place
    definition: Definition
    brand: Brand
    brand_file: bytes = field(repr=False)
    images: Mapping[str, bytes] = field(repr=False)
    faults: tuple[Fault, ...] = ()
    origin: Literal["file", "console"] = "file"

    def parts(self, used: Container[str] | None = None) -> dict[str, str]:
        """Return the parts of the letter, each with its hash; ``used``: the hashes of the images in it."""
        parts = {"text": self.definition.source.encode(), "brand": self.brand_file}
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
        images = {name: data for name, data in self.images.items() if used is None or _kept_as(data) in used}
        return hashes | {f"image {name}": hashlib.sha256(data).hexdigest() for name, data in images.items()}

    def pictures(self, used: Container[str] | None = None) -> dict[str, str]:
        """Return the images by name, each with the hash under which a letter keeps it; ``used``: only these hashes."""
        kept = {name: _kept_as(data) for name, data in self.images.items()}
        return {name: digest for name, digest in kept.items() if digest and (used is None or digest in used)}


def _kept_as(data: bytes) -> str:
    """Return the hash under which a letter keeps a picture; "" for a file that is none."""
    try:
        return picture(data).image.sha256
    except ValueError:
        return ""


def from_folder(path: Path, house_brand: Path | None = None) -> CampaignSource:
    """Return the source in a campaign file, with its brand (its own, else the installation's, else a plain one).

    Raises ``InputError`` for a file that cannot be read; what is wrong in it is a fault of the source.
    """
    definition, faults = read(_text(path, _LARGEST_LETTER), str(path))
    images = Folder(path.parent, definition.source)
    if not definition.brand and house_brand is None:
        return _whole(definition, faults, images)
    try:
        brand_path = _brand_path(path.parent, definition.brand) if definition.brand else house_brand or path
        text = _text(brand_path, _LARGEST_BRAND)
    except InputError as error:
        if not definition.brand:
            raise
        line, expected = (
            definition.lines.get("brand", 0),
            Message("a file beside the campaign file, such as brand.toml"),
        )
        hint = Message("{message}.", message=str(error))
        faults.append(Fault(str(path), line, "brand", repr(definition.brand), expected, hint))
        return _whole(definition, faults, images)
    return _whole(definition, faults, images, (text, str(brand_path), Folder(brand_path.parent, text)))


def exact_text(path: Path) -> str:
    """Return the text of a campaign file as it is, with its byte order mark. Raises ``InputError``."""
    return _text(path, _LARGEST_LETTER, "utf-8")


def from_texts(name: str, text: str, images: Mapping[str, bytes], house_brand: Path | None = None) -> CampaignSource:
    """Return the source for a text and pictures at hand, such as those of an editor or of a row.

    ``name`` stands for the file in faults. The brand is that of the installation, else a plain one: a text without a
    folder has none of its own, and a key ``brand`` is a fault.
    """
    definition, faults = read(text, name)
    if definition.brand:
        expected = Message("no brand file: a campaign of the console has the brand of the installation")
        faults.append(Fault(name, definition.lines.get("brand", 0), "brand", repr(definition.brand), expected))
    beside = None
    if house_brand is not None:
        words = _text(house_brand, _LARGEST_BRAND)
        beside = words, str(house_brand), Folder(house_brand.parent, words)
    return replace(_whole(definition, faults, images, beside), origin="console")


def _whole(
    definition: Definition,
    faults: list[Fault],
    images: Mapping[str, bytes],
    brand_file: tuple[str, str, Mapping[str, bytes]] | None = None,
) -> CampaignSource:
    """Return the source; ``brand_file``: its text, its name, and the pictures beside it."""
    brand = builtin_brand(definition.from_name or definition.from_address)
    if brand_file is None:
        return CampaignSource(definition.file, definition, brand, b"", images, tuple(faults))
    text, name, beside = brand_file
    try:
        brand = brand_from_toml(text, name, beside)
        faults = [*faults, *brand.warnings]
    except FaultsError as error:
        faults = [*faults, *error.faults]
    return CampaignSource(definition.file, definition, brand, text.encode(), images, tuple(faults))


def house_brand(path: Path | None, name: str) -> Brand:
    """Return the installation's brand, for pages; a plain one with ``name`` if none is set. Raises ``FaultsError``."""
    if path is None:
        return builtin_brand(name)
    text = _text(path, _LARGEST_BRAND)
    return brand_from_toml(text, str(path), Folder(path.parent, text))


def differences(given: CampaignSource, source: str, parts: Mapping[str, str]) -> str:
    """Return the differences from the launched letter, for a person to read; empty when there are none."""
    now = {name: found for name, found in given.parts().items() if name in parts or not name.startswith("image ")}
    lines = []
    if now["text"] != parts.get("text"):
        lines += _changed(source.splitlines(), given.definition.source.splitlines(), given.name)
    changed = sorted(name for name in {*now, *parts} - {"text"} if now.get(name) != parts.get(name))
    lines += [Message("{part} is not what it was at launch", part=name) for name in changed]
    return joined("\n", lines)


def _brand_path(folder: Path, name: str) -> Path:
    """Return the brand file of a campaign: of its own folder, since its author may not read other files."""
    try:
        files.beside(folder, name)
    except OSError as error:
        raise InputError(Message("{path} cannot be read: {why}", path=name, why=str(error.strerror))) from None
    return folder / name


def _changed(old: Sequence[str], new: Sequence[str], name: str) -> list[str]:
    """Return the lines that differ, from the first one on: comparing takes the square of their number."""
    pairs = enumerate(zip(old, new, strict=False))
    same = next((number for number, (one, other) in pairs if one != other), min(len(old), len(new)))
    end = same + _COMPARED
    found = list(unified_diff(old[:end], new[:end], Message("launched"), name, lineterm="", n=0))
    return [*found, "…"] if max(len(old), len(new)) > end else found


def _too_long(path: Path, largest: int) -> FaultsError:
    with path.open("rb") as file:  # an ordinary file, as was just checked
        line = file.read(largest).count(b"\n") + 1
    words = (
        Message("more than {number} bytes", number=largest),
        Message("{number} bytes at most", number=largest),
    )
    return FaultsError([Fault(str(path), line, "file", *words)])


def _text(path: Path, largest: int, encoding: str = "utf-8-sig") -> str:
    """Return a file's text.

    Raises ``InputError`` if it cannot be read, ``FaultsError`` with the line where it is too long.
    """
    try:
        data = files.read(path, largest)
    except FileNotFoundError:
        raise InputError(Message("{path}: there is no such file", path=path)) from None
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise _too_long(path, largest) from None
        raise InputError(Message("{path} cannot be read: {why}", path=path, why=str(error.strerror))) from None
    if b"\0" in data[:1000]:
        raise InputError(Message("{path} is not a text file; save it as plain text, in UTF-8", path=path))
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line, found = data[: error.start].count(b"\n") + 1, data[error.start]
        message = Message(
            "{path}:{line}: found the byte {found}; expected text in UTF-8. Save the file in that encoding"
        )
        raise InputError(message.format(path=path, line=line, found=f"0x{found:02X}")) from None
