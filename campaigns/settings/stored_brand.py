"""The brand that was made in the console: kept in the database, and laid out as a brand file for letters and pages.

Promises: the database is its home, so one backup has it; colours, address and links are a JSON object in ``setting``,
logos are blobs. :func:`laid_out` writes what the database keeps into a folder of the data folder, named by its
content, and returns the brand file in it. So all that reads a brand file (:mod:`mailer.letter.brand`) reads this one
too, with the same checks. A folder that is there is used as it is; one of an earlier brand stays, since another process
may read it. Raises ``StorageError`` for a logo that is damaged, ``SettingsError`` where the folder cannot be written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from campaigns.settings import stored
from campaigns.settings.stored import Stored
from mailer import archive, files
from mailer.columns import json_object
from mailer.errors import SettingsError
from mailer.letter.brand import brand_from_toml
from mailer.letter.colour import black_or_white, contrast, nearest
from mailer.letter.compiled import Image
from mailer.letter.picture import picture
from mailer.messages import Message

FOLDER, FILE = "brands", "brand.toml"
KEY, LOGOS = "brand", ("logo", "logo_dark")
SHADES = ("action", "on_action")
WORDS, SHAPE = 4.5, 3.0  # least contrast of a text, and of the edge of a button (WCAG 2.2, 1.4.3 and 1.4.11)
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class HouseBrand:
    """The parts of the brand that the console can set. ``light`` and ``dark``: ``action`` and ``on_action``."""

    address: tuple[str, ...] = ()
    website: str = ""
    light: Mapping[str, str] = field(default_factory=dict)
    dark: Mapping[str, str] = field(default_factory=dict)
    logo: str = ""
    logo_dark: str = ""

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is set."""
        return not any(asdict(self).values())


@dataclass(frozen=True, slots=True)
class Shades:
    """The colour of a button and of its text in one scheme, with their contrast; ``nearest``: a shade that passes."""

    action: str
    on_action: str
    page: str
    with_text: float
    on_page: float
    nearest: str

    @property
    def is_readable(self) -> bool:
        """Return whether both contrasts are enough."""
        return self.with_text >= WORDS and self.on_page >= SHAPE


def shades(pair: Mapping[str, str], scheme: str, light: Mapping[str, str] | None = None) -> Shades:
    """Return the colours of a scheme as letters and pages will have them; ``pair`` may leave out some or all.

    ``light``: the colours of the light scheme, from which those of the dark one follow.
    """
    tables = {"light": light or {}, "dark": {}} | {scheme: pair}
    brand = brand_from_toml(as_toml(HouseBrand(light=tables["light"], dark=tables["dark"]), "-", {}), "-", {})
    found = brand.light if scheme == "light" else brand.dark
    text = found.on_action if pair.get("on_action") else black_or_white(found.action)
    grounds = (found.page, found.surface)

    def passes(shade: str) -> bool:
        written = text if pair.get("on_action") else black_or_white(shade)
        return contrast(shade, written) >= WORDS and all(contrast(shade, ground) >= SHAPE for ground in grounds)

    return Shades(
        found.action,
        found.on_action,
        found.page,
        contrast(found.action, found.on_action),
        min(contrast(found.action, ground) for ground in grounds),
        nearest(found.action, passes),
    )


def read(kept: Mapping[str, Stored]) -> HouseBrand:
    """Return the stored brand; an empty one if there is none."""
    found = json_object(kept[KEY].value) if KEY in kept else None
    known = {name: found[name] for name in HouseBrand.__slots__ if name in found} if found else {}
    return HouseBrand(**known | {"address": tuple(known.get("address", ()))})


def save(conn: Connection, brand: HouseBrand, by: str, now: datetime) -> list[str]:
    """Store a checked brand; return the names of the parts that are others now."""
    before = read(stored.everything(conn))
    changed = [name for name in HouseBrand.__slots__ if getattr(before, name) != getattr(brand, name)]
    if changed:
        stored.put(conn, KEY, "" if brand.is_empty else json.dumps(asdict(brand)), by, now)
    return changed


def check_logo(data: bytes) -> None:
    """Raise ``ValueError`` with a sentence for bytes that are no picture."""
    picture(data)


def keep_logo(conn: Connection, data: bytes) -> str:
    """Keep a picture; return the hash of its blob. Raises ``ValueError`` for bytes that are no picture."""
    return archive.keep_image(conn, picture(data).image)


def logo(conn: Connection, name: str) -> Image | None:
    """Return a kept logo by the hash of its blob."""
    if not name:
        return None
    data = archive.image_data(conn, name)
    return picture(data).image


def laid_out(conn: Connection, data: Path, organisation: str, kept: Mapping[str, Stored]) -> Path | None:
    """Return the brand file of the stored brand, written if it is not there yet; None if there is no brand."""
    brand = read(kept)
    if brand.is_empty:
        return None
    logos = {name: image for name in LOGOS if (image := logo(conn, getattr(brand, name)))}
    pictures = {name: f"{name}.{_ENDINGS[image.media_type]}" for name, image in logos.items()}
    text = as_toml(brand, organisation, pictures)
    digest = hashlib.sha256("\n".join([text, *(logos[name].sha256 for name in sorted(logos))]).encode()).hexdigest()
    folder = data / FOLDER / digest[:32]
    if not (folder / FILE).exists():
        contents = {pictures[name]: image.data for name, image in logos.items()}
        _write(folder, contents | {FILE: text.encode()})
    return folder / FILE


def as_toml(brand: HouseBrand, organisation: str, pictures: Mapping[str, str]) -> str:
    """Return the brand as the text of a brand file."""
    lines = [f"name = {_quoted(organisation or 'Postiljon')}"]
    lines += [f"{name} = {_quoted(file)}" for name, file in sorted(pictures.items())]
    tables: dict[str, Mapping[str, object]] = {
        "sender": {"address": list(brand.address)},
        "links": {"website": brand.website},
        "colours": brand.light,
        "colours.dark": brand.dark,
    }
    for table, values in tables.items():
        filled = [f"{key} = {_quoted(value)}" for key, value in sorted(values.items()) if value]
        lines += ["", f"[{table}]", *filled] if filled else []
    return "\n".join([*lines, ""])


def _quoted(value: object) -> str:
    """Return a text or a list of texts in TOML, whose strings are those of JSON but for one sign."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "")


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files, the brand file last: where it is, all are."""
    try:
        files.make_folder(folder.parent)
        files.make_folder(folder)
        for name, content in contents.items():
            with files.replaced(folder / name) as file:
                file.write(content)
    except OSError as error:
        said = Message("the brand of the console cannot be written to {path}: {why}")
        raise SettingsError(said.format(path=folder, why=error.strerror or error)) from None
