"""Cells as mail programs write them: an address with a name before it, a link to it, two of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.storage import Database
from tests.support.importing import NOW, PEPPER, Importer
from unsubscribe import holding


@pytest.fixture
def load(sqlite_database: Database, tmp_path: Path) -> Importer:
    return Importer(sqlite_database, tmp_path)


CELLS = {  # the cell, the name that comes with it
    "Jan de Vries <a@x.example>": "Jan de Vries",
    '"""Vries, Jan de"" <a@x.example>"': "Vries, Jan de",
    "'Jan' <A@x.example>": "Jan",
    "<a@x.example>": "",
    "< a@x.example >": "",
    "a@x.example <a@x.example>": "",
    "Jan <mailto:a@x.example>": "Jan",
    "mailto:a@x.example": "",
    "MAILTO:a@x.example?subject=Hallo": "",
    "Jan<a@x.example>;": "Jan",
    "\u00a0Zoë <a@x.example>\u200b": "Zoë",
}


@pytest.mark.parametrize("cell", CELLS)
def test_an_address_is_taken_out_of_what_a_mail_program_writes_around_it(load: Importer, cell: str) -> None:
    separator = "\t" if ";" in cell else ","
    assert load(f"email{separator}city\n{cell}{separator}Sneek\n").added == 1
    assert load.contact("a@x.example").name == CELLS[cell]


def test_a_column_of_names_counts_before_the_name_beside_an_address(load: Importer) -> None:
    load("email,name\nJan <a@x.example>,Jan de Vries\nPiet <b@x.example>,\n")
    assert [load.contact(f"{who}@x.example").name for who in "ab"] == ["Jan de Vries", ""]


@pytest.mark.parametrize(
    "cell",
    [
        '"a@x.example, b@x.example"',
        "a@x.example; b@x.example",
        "a@x.example b@x.example",
        "a@x.example / b@x.example",
        "Jan <a@x.example> Piet <b@x.example>",
        "b@x.example <a@x.example>",
        "mailto:a@x.example?cc=b@x.example",
    ],
)
def test_a_cell_with_two_addresses_is_rejected_and_says_so(load: Importer, cell: str) -> None:
    assert load(f"email,city\n{cell},Sneek\n").rejected == 1
    assert "more than one address" in load.rejected[0].reason


@pytest.mark.parametrize("cell", ["Jan <a@x>", "Jan <>", "<a@x.example", "mailto:", "Jan <a@x.example> de Vries"])
def test_a_cell_with_no_whole_address_is_rejected(load: Importer, cell: str) -> None:
    assert load(f"email,city\n{cell},Sneek\n").rejected == 1


@pytest.mark.parametrize("head", ["", "email\n"])
def test_a_list_to_keep_out_may_be_written_so_too(load: Importer, head: str, tmp_path: Path) -> None:
    load("email\na@x.example\nb@x.example\nc@x.example\nd@x.example\n")
    path = tmp_path / "out.csv"
    path.write_text(head + "Jan <a@x.example>\n<b@x.example>\nmailto:c@x.example\n")
    done = holding.hold_file(load.db, path, PEPPER, NOW)
    assert (done.known, done.rejected) == (3, 0)
    assert [load.mailed(f"{who}@x.example") for who in "abcd"] == [False, False, False, True]
