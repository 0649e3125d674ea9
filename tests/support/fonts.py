"""Fonts for Chromium, whatever the machine has: a browser sees one family alone, as where that is the system's font.

The families come from system packages that ``.ci/system-packages`` names. DejaVu is the widest that people have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.needs import missing

FOLDERS = tuple(map(Path, ("/usr/share/fonts", "/usr/local/share/fonts", Path.home() / ".local/share/fonts")))
CONFIGURATION = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
<dir>{folder}/fonts</dir>
<cachedir>{folder}/cache</cachedir>
<match><edit name="family" mode="append_last"><string>{sans}</string></edit></match>
<alias binding="strong"><family>sans-serif</family><prefer><family>{sans}</family></prefer></alias>
<alias binding="strong"><family>system-ui</family><prefer><family>{sans}</family></prefer></alias>
<alias binding="strong"><family>monospace</family><prefer><family>{mono}</family></prefer></alias>
</fontconfig>
"""


@dataclass(frozen=True)
class Family:
    """A family of fonts: the package it is in, its files, and the family that has letters of one width."""

    sans: str
    mono: str
    package: str
    files: tuple[str, ...]


def _files(*stems: str) -> tuple[str, ...]:
    return tuple(f"{stem}.ttf" for stem in stems)


DEJAVU = Family(
    "DejaVu Sans", "DejaVu Sans Mono", "fonts-dejavu-core", _files("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono")
)
LIBERATION = Family(
    "Liberation Sans",
    "Liberation Mono",
    "fonts-liberation",
    _files("LiberationSans-Regular", "LiberationSans-Bold", "LiberationSans-Italic", "LiberationMono-Regular"),
)
NOTO = Family(
    "Noto Sans", "Noto Sans", "fonts-noto-core", _files("NotoSans-Regular", "NotoSans-Bold", "NotoSans-Italic")
)
FAMILIES = {"dejavu": DEJAVU, "liberation": LIBERATION, "noto": NOTO}


@contextmanager
def alone(family: Family) -> Iterator[dict[str, str]]:
    """An environment in which fontconfig knows ``family`` and no other; a skip or a failure if a file is missing."""
    with TemporaryDirectory(prefix="postiljon-fonts-") as name:
        folder = Path(name)
        (folder / "fonts").mkdir()
        for file in family.files:
            (folder / "fonts" / file).symlink_to(_found(file, family.package))
        configuration = folder / "fonts.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, sans=family.sans, mono=family.mono), "utf-8")
        yield {**os.environ, "FONTCONFIG_FILE": str(configuration)}


def _found(file: str, package: str) -> Path:
    for folder in FOLDERS:
        if path := next(folder.rglob(file), None):
            return path
    return missing(f"the font {file}", package)
