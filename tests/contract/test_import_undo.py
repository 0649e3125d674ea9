"""An undo that is still open when the list of another program says that the person left gives nothing back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailer.storage import Database
from tests.support.opt_out_setup import NOW, PEPPER, OptOutSetup
from unsubscribe import consent, importing, optout
from unsubscribe.importing import ImportJob

MEMBER = consent.make_statement("member", "register")


@pytest.fixture
def setup(house_database: Database) -> OptOutSetup:
    return OptOutSetup(house_database)


@pytest.mark.parametrize("scope", ["topic", "all"])
@pytest.mark.parametrize(
    ("file", "stands"),
    [("email,status\n{},unsubscribed\n", False), ("email,status\n{},blocklisted\n", False), ("email\n{}\n", True)],
)
def test_an_import_that_keeps_somebody_out_closes_an_undo_that_is_open(
    setup: OptOutSetup, tmp_path: Path, scope: optout.Scope, file: str, stands: bool
) -> None:
    mailing = setup.mailing("a")
    left = setup.leave(mailing, scope)
    path = tmp_path / "people.csv"
    path.write_text(file.format(setup.reader.email))
    at = NOW + timedelta(minutes=1)
    importing.import_contacts(setup.db, path, ImportJob("nieuws", MEMBER, PEPPER), at)
    with setup.db.write() as conn:
        optout.undo(conn, setup.token(mailing, left.change), at + timedelta(minutes=1))
    assert (setup.claim(mailing) != []) == stands
