"""A list of addresses without a head may have several on a line."""

from __future__ import annotations

from pathlib import Path

from mailer.storage import Database
from tests.support.importing import NOW, PEPPER, Importer
from unsubscribe import holding


def test_every_address_on_a_line_is_held_back(sqlite_database: Database, tmp_path: Path) -> None:
    load = Importer(sqlite_database, tmp_path)
    load("email\na@x.example\nb@x.example\nc@x.example\nd@x.example\n")
    path = tmp_path / "list.txt"
    path.write_text("a@x.example; b@x.example\nc@x.example\n")
    assert holding.hold_file(load.db, path, PEPPER, NOW).addresses == 3
    assert [load.mailed(f"{who}@x.example") for who in "abcd"] == [False, False, False, True]
