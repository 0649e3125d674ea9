"""An export opens safely in a spreadsheet, and comes back through the import as it was."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import SQLModel

from mailer.errors import InputError
from mailer.storage import Database, open_database
from unsubscribe import consent, contacts, exporting, importing
from unsubscribe.contacts import Person
from unsubscribe.contacts.sheet import harmless, plain
from unsubscribe.importing import Plan

PEPPER = b"p" * 32
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
DANGEROUS = ["=1+1", "+31 6 1234", "-5", "@SUM(A1)", "\t=1", "＝1+1", "＋1", "－1", "＠x", " =1", "'=1", "''+1"]


def export(db: Database, topic: str | None = None) -> str:
    out = io.StringIO(newline="")
    exporting.export(db, out, topic)
    return out.getvalue()


@pytest.fixture
def database(house_database: Database) -> Database:
    with house_database.write() as conn:
        SQLModel.metadata.create_all(conn)
        topic = contacts.ensure_topic(conn, "nieuws", "", NOW)
        for place, value in enumerate(DANGEROUS):
            person = Person(
                f"p{place}@x.example", value.strip(), "nl", {"note": value.strip(), "list": (value.strip(), "b")}
            )
            contacts.subscribe(conn, contacts.add(conn, person, PEPPER, NOW).id, topic.id, NOW)
        contacts.add(conn, Person("=cmd@x.example", "No topic", attributes={"street": "Één\nTwee"}), PEPPER, NOW)
    return house_database


def test_no_cell_begins_as_a_formula_does(database: Database) -> None:
    rows = list(csv.reader(io.StringIO(export(database).removeprefix("\ufeff"), newline="")))
    assert rows[0] == ["email", "name", "language", "note", "street", "list[]"]
    assert len(rows) == len(DANGEROUS) + 2
    assert not [cell for row in rows for cell in row if cell.lstrip()[:1] and cell.lstrip()[0] in "=+-@＝＋－＠\t\r\0"]


def test_an_export_comes_back_as_it_was(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text(export(database), newline="")
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    with other.write() as conn:
        SQLModel.metadata.create_all(conn)
    summary = importing.import_file(other, path, Plan("x", consent.make_statement("member"), PEPPER), NOW)
    with database.read() as here, other.read() as there:
        before, after = contacts.everyone(here), contacts.everyone(there)
    other.close()
    assert summary.rejected == 0
    told = [(item.email, item.name, item.language, item.attributes) for item in before]
    assert sorted(told) == sorted((item.email, item.name, item.language, item.attributes) for item in after)


def test_an_export_of_a_topic_has_who_is_subscribed_to_it(database: Database) -> None:
    assert len(export(database, "nieuws").splitlines()) == len(DANGEROUS) + 1
    with pytest.raises(InputError):
        export(database, "nix")


@given(st.text())
def test_the_apostrophe_in_front_is_taken_away_again(value: str) -> None:
    assert plain(harmless(value)) == value


@given(st.text(alphabet="'=+-@ \t ab", min_size=1))
def test_a_harmless_cell_is_no_formula_and_comes_back(value: str) -> None:
    assert plain(harmless(value)) == value
    assert harmless(value).lstrip()[:1] not in tuple("=+-@")
