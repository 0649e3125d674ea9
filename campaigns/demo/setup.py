"""The folder in which the demo runs: settings, the letter with its brand and pictures, invented contacts.

Promises: the folder is an ordinary working directory, so that every command can be tried in it while the demo
runs and afterwards. A folder that the demo did not make is never emptied (``InputError``). The letters are those of
``examples/``, to which a link in this package points (so that a wheel has them too).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from gettext import NullTranslations
from pathlib import Path

from mailer import files
from mailer.errors import InputError

HERE = Path(__file__).parent
LETTER, SECOND = "denkt-u-mee", "have-your-say"
TOPIC, SECOND_TOPIC = "verenigingsnieuws", "association-news"
OPTED_OUT = "afgemeld@gemeente-waterhoek.example"
REFUSED = "opgeheven@gemeente-oudeveer.example"
DEFERRED = "later@gemeente-lindenhage.example"
_MARK = ".postiljon-demo"
_SETTINGS = """\
# Written by 'postiljon demo'. Environment variables (POSTILJON_…) win over this file.
data = "data"
smtp_url = "smtp://127.0.0.1:{smtp_port}?connections=4"
public_url = "{public_url}"
return_path = "bounce@vng.example"
brand = "vng.toml"
organisation = "VNG"
contact = "info@vng.example"
"""


@dataclass(frozen=True)
class DemoFolder:
    """A prepared folder."""

    folder: Path

    @property
    def letter(self) -> Path:
        """The campaign that is sent at once."""
        return self.folder / f"{LETTER}.md"

    @property
    def second(self) -> Path:
        """The campaign that is scheduled."""
        return self.folder / f"{SECOND}.md"

    def configure(self, smtp_port: int, public_url: str) -> None:
        """Write ``postiljon.toml``."""
        text = _SETTINGS.format(smtp_port=smtp_port, public_url=public_url)
        with files.replaced(self.folder / "postiljon.toml") as file:
            file.write(text.encode())


def prepare(folder: Path, words: NullTranslations) -> DemoFolder:
    """Empty and fill ``folder``, and return it. Raises ``InputError`` when it has other files."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        text = words.gettext("{folder} is not empty and was not made by the demo; give another with --folder")
        raise InputError(text.format(folder=folder))
    shutil.rmtree(folder, ignore_errors=True)
    files.make_folder(folder)
    os.close(files.create(folder / _MARK))
    for name in ("examples", "contacts-nl.csv", "contacts-en.csv"):
        _copy(HERE / name, folder if name == "examples" else folder / name)
    return DemoFolder(folder)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, or a folder with all that is in it, for its owner alone."""
    if source.is_dir():
        files.make_folder(target)
        for item in source.iterdir():
            _copy(item, target / item.name)
        return
    with files.replaced(target) as file:
        file.write(source.read_bytes())
