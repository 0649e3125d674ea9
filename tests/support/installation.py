"""A folder with the example letter, a database, people and a relay that keeps what it gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.commandline import EXAMPLES, Catcher, CommandLine, Mailbox, catching

PEOPLE = """email,name,language,salutation,role
ester@waterhoek.example,Ester van der Mark,nl,mevrouw Van der Mark,raadslid
jan@waterhoek.example,Jan de Jong,nl,heer De Jong,wethouder
communicatie@noordermeer.example,,nl,,
weg@waterhoek.example,Weg,nl,,
later@waterhoek.example,Later,nl,,
"""
REFUSED, DEFERRED = "weg@waterhoek.example", "later@waterhoek.example"


@dataclass
class Installation:
    """The command line and its mailbox."""

    cli: CommandLine
    mailbox: Mailbox


def furnish(folder: Path, people: str) -> Path:
    """The example letter, a database and these people, by the ordinary commands."""
    for path in EXAMPLES.glob("*"):
        if path.is_file():
            shutil.copy(path, folder)
    cli = CommandLine(folder, {"POSTILJON_BRAND": "vng.toml"})
    cli.write("people.csv", people)
    cli.do("init")
    cli.do("contacts", "import", "people.csv", "--topic", "verenigingsnieuws", "--basis", "member")
    return folder


@contextmanager
def open_office(folder: Path, catcher: Catcher) -> Iterator[Installation]:
    """A furnished folder with this relay."""
    with catching(catcher) as port:
        relay = f"smtp://127.0.0.1:{port}?connections=2"
        yield Installation(
            CommandLine(folder, {"POSTILJON_SMTP_URL": relay, "POSTILJON_BRAND": "vng.toml"}), catcher.mailbox
        )
