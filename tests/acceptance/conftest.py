"""A desk with the example letter, a database, people and a relay that keeps what it gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commandline import EXAMPLES, Catcher, Desk, Mailbox, catching

PEOPLE = """email,name,language,salutation,role
ester@waterhoek.example,Ester van der Mark,nl,mevrouw Van der Mark,raadslid
jan@waterhoek.example,Jan de Jong,nl,heer De Jong,wethouder
communicatie@noordermeer.example,,nl,,
weg@waterhoek.example,Weg,nl,,
later@waterhoek.example,Later,nl,,
"""
REFUSED, DEFERRED = "weg@waterhoek.example", "later@waterhoek.example"


@dataclass
class Office:
    """A desk and its mailbox."""

    desk: Desk
    mailbox: Mailbox


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Initialised, with five people, one of whom does not exist and one of whom is greylisted."""
    for path in EXAMPLES.glob("*"):
        if path.is_file():
            shutil.copy(path, tmp_path)
    mailbox = Mailbox()
    with catching(Catcher(mailbox, refuse=[REFUSED], defer=[DEFERRED])) as port:
        desk = Desk(
            tmp_path,
            {"POSTILJON_SMTP_URL": f"smtp://127.0.0.1:{port}?connections=2", "POSTILJON_BRAND": "vng.toml"},
        )
        desk.write("people.csv", PEOPLE)
        desk.do("init")
        desk.do("contacts", "import", "people.csv", "--topic", "verenigingsnieuws", "--basis", "member")
        yield Office(desk, mailbox)
