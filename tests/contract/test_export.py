"""An export opens safely in a spreadsheet, and comes back through the import as it was."""

from __future__ import annotations

import csv
import io
import re
import sys
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import SQLModel

from mailer import suppression
from mailer.errors import InputError
from mailer.signing import address_hash
from mailer.storage import Database, open_database
from tests.support.importing import Importer
from unsubscribe import consent, contacts, exporting, importing
from unsubscribe.contacts import Person
from unsubscribe.contacts.sheet import escape_formula, unescape_formula
from unsubscribe.importing import ImportJob

PEPPER = b"p" * 32
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
UNSEEN = "\u200b\u200d\u2060\ufeff\xad\xa0\u202e\u3164\u2800\u115f\ufe0f\U000e0041\u3000\u061c"
DANGEROUS = [
    *(
        "x;=1+1;y",
        'x;"=1+1"',
        "x|=1",
        "x;\u200b=1",
        "x\ty\t=1",
        "x;;-1",
        "x;'=1",
        "x\n=1",
        "x\n\n=1",
        "a;b",
        ";=1",
        "|",
    ),
    *(f"{sign}=1" for sign in UNSEEN),
    *(f"x;{sign}@y" for sign in UNSEEN),
    "x;＝1",
    "−1",
    "﹦1",
    "=1+1",
    "+31 6 1234",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    "'=1",
    "''+1",
]


def export(db: Database, topic: str | None = None) -> str:
    out = io.StringIO(newline="")
    exporting.export(db, out, topic)
    return out.getvalue()


@pytest.fixture
def database(house_database: Database) -> Database:
    with house_database.write() as conn:
        SQLModel.metadata.create_all(conn)
        topic = contacts.ensure_topic(conn, "nieuws", "", NOW)
        for place, value in enumerate(map(str.strip, DANGEROUS)):  # as the import keeps it
            attributes = {"note": value, "list": (value.replace("|", " ").strip() or "a", "b")}
            person = Person(f"p{place}@x.example", " ".join(value.split()), "nl", attributes)
            contacts.subscribe(conn, contacts.add(conn, person, PEPPER, NOW).id, topic.id, NOW)
        contacts.add(conn, Person("=cmd@x.example", "No topic", attributes={"street": "Één\nTwee"}), PEPPER, NOW)
    return house_database


def test_no_cell_begins_as_a_formula_does(database: Database) -> None:
    rows = list(csv.reader(io.StringIO(export(database).removeprefix("\ufeff"), newline="")))
    out = ["opted_out_topics", "held_back", "held_back_since", "held_back_until", "at_most_every_days"]
    assert rows[0] == ["email", "name", "language", "note", "street", "list[]", *out]
    assert len(rows) == len(DANGEROUS) + 2
    assert not [cell for row in rows for cell in row if cell.lstrip()[:1] and cell.lstrip()[0] in "=+-@＝＋－＠\t\r\0"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_cell_is_a_formula_for_a_program_with_another_separator(database: Database, separator: str) -> None:
    text = export(database).removeprefix("\ufeff")
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
    assert [cell for cell in cells if is_formula(cell)] == []
    rough = [cell.strip('"') for line in re.split(r"[\r\n]+", text) for cell in line.split(separator)]
    assert separator == "," or [cell for cell in rough if is_formula(cell)] == []  # one that knows no quotes


def test_an_export_comes_back_as_it_was(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text(export(database), newline="")
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    with other.write() as conn:
        SQLModel.metadata.create_all(conn)
    summary = importing.import_contacts(other, path, ImportJob("x", consent.make_statement("member"), PEPPER), NOW)
    with database.read() as here, other.read() as there:
        before, after = contacts.everyone(here), contacts.everyone(there)
    other.close()
    assert summary.rejected == 0
    told = [(item.email, item.name, item.language, item.attributes) for item in before]
    assert sorted(told) == sorted((item.email, item.name, item.language, item.attributes) for item in after)


def test_an_export_says_who_is_out_and_its_import_keeps_them_out(house_database: Database, tmp_path: Path) -> None:
    out = Importer(house_database, tmp_path)
    out("email\nleft@x.example\nall@x.example\ndead@x.example\npause@x.example\non@x.example\n")
    with house_database.write() as conn:
        hold = partial(suppression.suppress, conn)
        hold(address_hash(PEPPER, "left@x.example"), "nieuws", "opt_out", NOW)
        hold(address_hash(PEPPER, "left@x.example"), "agenda", "opt_out", NOW)
        hold(address_hash(PEPPER, "all@x.example"), "", "complaint", NOW)
        hold(address_hash(PEPPER, "dead@x.example"), "", "undeliverable", NOW)
        hold(address_hash(PEPPER, "pause@x.example"), "", "pause", NOW, NOW + timedelta(days=9))
        hold(address_hash(PEPPER, "on@x.example"), "", "pause", NOW, NOW - timedelta(days=9))
    text = io.StringIO(newline="")
    exporting.export(house_database, text, now=NOW)
    rows = {row["email"]: row for row in csv.DictReader(io.StringIO(text.getvalue().removeprefix("\ufeff")))}
    assert rows["left@x.example"]["opted_out_topics"] == "agenda|nieuws"
    assert [rows[f"{who}@x.example"]["held_back"] for who in ("all", "dead", "pause", "on")] == [
        "complaint",
        "undeliverable",
        "pause",
        "",
    ]
    assert rows["all@x.example"]["held_back_since"] == NOW.isoformat()
    assert rows["pause@x.example"]["held_back_until"] == (NOW + timedelta(days=9)).isoformat()
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    there = Importer(other, tmp_path)
    there(text.getvalue())
    assert there.rejected == []
    assert [there.mailed(f"{who}@x.example") for who in ("left", "all", "dead", "on")] == [False, False, False, True]
    there("email\nleft@x.example\n", topic="agenda")
    assert not there.mailed("left@x.example", "agenda")
    other.close()


def test_a_pause_and_less_often_come_along_for_people_who_are_new(house_database: Database, tmp_path: Path) -> None:
    out = Importer(house_database, tmp_path)
    out("email\npause@x.example\nseldom@x.example\nboth@x.example\n")
    until = NOW + timedelta(days=40)
    with house_database.write() as conn:
        for who in ("pause", "both"):
            suppression.suppress(conn, address_hash(PEPPER, f"{who}@x.example"), "", "pause", NOW, until)
        for who in ("seldom", "both"):
            suppression.limit(conn, address_hash(PEPPER, f"{who}@x.example"), 30, NOW)
    text = io.StringIO(newline="")
    exporting.export(house_database, text, now=NOW)
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    there = Importer(other, tmp_path)
    for _ in "again":
        there(text.getvalue())
        with other.read() as conn:
            held = [
                suppression.entries(conn, address_hash(PEPPER, f"{who}@x.example"))
                for who in ("pause", "seldom", "both")
            ]
        assert [{entry.reason: entry.every_days for entry in one} for one in held] == [
            {"pause": None},
            {"less_often": 30},
            {"less_often": 30, "pause": None},
        ]
        assert [entry.until for one in held for entry in one if entry.reason == "pause"] == [until, until]
    there("email\nseldom@x.example\n")
    with other.write() as conn:
        suppression.limit(conn, address_hash(PEPPER, "seldom@x.example"), 0, NOW)
    there(text.getvalue())
    with other.read() as conn:
        assert suppression.entries(conn, address_hash(PEPPER, "seldom@x.example")) == []
    other.close()


def test_an_export_of_a_topic_has_who_is_subscribed_to_it(database: Database) -> None:
    rows = list(csv.reader(io.StringIO(export(database, "nieuws"), newline="")))
    assert len(rows) == len(DANGEROUS) + 1
    with pytest.raises(InputError):
        export(database, "nix")


def is_formula(cell: str) -> bool:
    """As strictly as one may think: all that is not seen left out, every form of a sign taken for the sign."""
    seen = (sign for sign in cell if sign.isprintable() and sign not in UNSEEN and not sign.isspace())
    return unicodedata.normalize("NFKC", next(seen, "x"))[:1] in ("=", "+", "-", "@", "\u2212")


def test_every_sign_that_is_not_seen_is_known() -> None:
    signs = [chr(number) for number in range(sys.maxunicode + 1)]
    unseen = [sign for sign in signs if unicodedata.category(sign) in ("Cf", "Cc", "Zs", "Zl", "Zp")]
    assert [f"U+{ord(sign):04X}" for sign in unseen if not escape_formula(f"{sign}=1").startswith("'")] == []
    starts = [sign for sign in signs if unicodedata.normalize("NFKC", sign)[:1] in ("=", "+", "-", "@")]
    assert [f"U+{ord(sign):04X}" for sign in starts if not escape_formula(sign).startswith("'")] == []


@pytest.mark.parametrize("sign", ["\n", "\t", " ", ";", "\u200b", "'", '"', "|\n"])
def test_a_cell_of_a_hundred_thousand_such_signs_is_read_once(sign: str) -> None:
    assert unescape_formula(escape_formula(sign * 100_000)) == sign * 100_000  # quadratic, this would take an hour


@given(
    st.lists(st.sampled_from(["=", "-", "'", '"', ";", "|", "\t", "\r", "\n", " ", "\u200b", "\0", "a", "＝"])).map(
        "".join
    )
)
def test_however_separators_and_signs_are_mixed_no_part_is_a_formula_and_all_comes_back(value: str) -> None:
    written = escape_formula(value)
    assert unescape_formula(written) == value
    assert [part for part in re.split(r"[;|\t\r\n]", written) if is_formula(part.strip('"'))] == []


@given(st.text())
def test_the_apostrophe_in_front_is_taken_away_again(value: str) -> None:
    assert unescape_formula(escape_formula(value)) == value


@given(st.text(alphabet="'=+-@ \t ab", min_size=1))
def test_a_harmless_cell_is_no_formula_and_comes_back(value: str) -> None:
    assert unescape_formula(escape_formula(value)) == value
    assert escape_formula(value).lstrip()[:1] not in tuple("=+-@")
