"""Importing people: every kind of file, every kind of row, and who stays out."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailer import suppression
from mailer.errors import FaultsError, InputError
from mailer.signing import address_hash
from mailer.storage import Database
from tests.support.importing import MEMBER, NOW, PEPPER, Importer
from unsubscribe import consent, contacts, importing, verifying
from unsubscribe.importing import ImportJob, ImportSummary


@pytest.fixture
def load(house_database: Database, tmp_path: Path) -> Importer:
    return Importer(house_database, tmp_path)


@pytest.fixture
def load_one(sqlite_database: Database, tmp_path: Path) -> Importer:
    """Where the kind of database does not matter."""
    return Importer(sqlite_database, tmp_path)


def test_people_are_added_with_their_fields_and_subscribed(load: Importer) -> None:
    summary = load("email,name,language,salutation\nEsther@Gouda.example,Esther van der Mark,nl,Geachte mevrouw\n")
    contact = load.contact("esther@gouda.example")
    assert (summary.added, summary.rejected, summary.rows) == (1, 0, 1)
    assert (contact.email, contact.name, contact.language) == ("Esther@gouda.example", "Esther van der Mark", "nl")
    assert contact.attributes == {"salutation": "Geachte mevrouw"}
    assert load.topics("esther@gouda.example") == {"nieuws": "subscribed"}


def test_the_same_file_again_changes_nothing(load: Importer) -> None:
    text = "email,name,cities[]\na@x.example,A,Gouda|Delft\nb@x.example,B,\n"
    load(text)
    with load.db.read() as conn:
        before = (contacts.everyone(conn), consent.count(conn))
    summary = load(text)
    with load.db.read() as conn:
        after = (contacts.everyone(conn), consent.count(conn))
    assert (summary.added, summary.updated, summary.unchanged) == (0, 0, 2)
    assert after == before


def test_a_changed_cell_updates_and_an_empty_one_takes_the_value_away(load: Importer) -> None:
    load("email,name,role,city\na@x.example,A,griffier,Gouda\n")
    summary = load("email,role,city\na@x.example,raadslid,\n")
    assert summary.updated == 1
    assert load.contact("a@x.example").name == "A"
    assert load.contact("a@x.example").attributes == {"role": "raadslid"}


def test_cells_that_are_missing_at_the_end_of_a_row_say_nothing(load: Importer) -> None:
    load("email,name,role\na@x.example,A,griffier\n")
    assert load("email,name,role\na@x.example,A\n").unchanged == 1


def test_a_bad_row_is_reported_with_its_line_and_loses_no_other(load: Importer) -> None:
    text = (
        "email,name,language\n"
        "a@x.example,A,nl\n"
        "geen adres,B,nl\n"
        '"c@x.example","C\nover twee regels",nl\n'
        "d@x.example,D,iets anders\n"
        "e@x.example,E,nl,te veel\n"
        "f@x.example,F\x01,nl\n"
        "g@x.example,G,nl\n"
    )
    summary = load(text)
    assert (summary.added, summary.rejected) == (3, 4)
    assert [(row.line, row.raw.strip()[:3]) for row in load.rejected] == [
        (3, "gee"),
        (6, "d@x"),
        (7, "e@x"),
        (8, "f@x"),
    ]
    assert "not a mail address" in load.rejected[0].reason
    assert "nl or en-GB" in load.rejected[1].reason
    assert "4 cells" in load.rejected[2].reason
    assert "control character" in load.rejected[3].reason
    assert load.contact("c@x.example").name == "C over twee regels"


def test_a_quote_that_is_never_closed_loses_one_line_only(load_one: Importer) -> None:
    rows = "".join(f"p{number}@x.example,P{number}\n" for number in range(200))
    summary = load_one(f'email,name\na@x.example,"A\n{rows}z@x.example,Z\n')
    assert (summary.added, summary.rejected) == (201, 1)
    assert load_one.rejected[0].line == 2
    assert "not closed" in load_one.rejected[0].reason


def test_a_quote_that_is_never_closed_on_the_last_line_loses_that_line(load_one: Importer) -> None:
    summary = load_one('email,name\na@x.example,A\nb@x.example,"B\n')
    assert (summary.added, summary.rejected, load_one.rejected[0].line) == (1, 1, 3)


def test_quotes_that_do_not_fit_together_lose_that_row(load_one: Importer) -> None:
    summary = load_one('email,name\na@x.example,"A"B\nb@x.example,5\' 10" lang\n')
    assert (summary.added, summary.rejected) == (1, 1)
    assert load_one.contact("b@x.example").name == "5' 10\" lang"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_files_are_read_as_programs_write_them(load_one: Importer, end: str, separator: str, encoding: str) -> None:
    text = end.join(
        separator.join(cells)
        for cells in [["email", "name", "note"], ["a@x.example", "Zoë Müller", "één\u2019s"], ["b@x.example", "B", ""]]
    )
    summary = load_one((text + end).encode(encoding))
    assert (summary.added, summary.rejected) == (2, 0)
    assert load_one.contact("a@x.example").name == "Zoë Müller"
    assert load_one.contact("a@x.example").attributes["note"] == "één’s"
    assert summary.encoding == encoding.removesuffix("-sig")


def test_one_broken_byte_does_not_turn_a_file_of_utf8_into_something_else(load_one: Importer) -> None:
    data = "email,name\na@x.example,Zoë\nb@x.example,Noël\n".encode() + b"c@x.example,Andr\xe9\n"
    summary = load_one(data)
    assert (summary.added, summary.rejected) == (2, 1)
    assert "neither UTF-8 nor Windows-1252" in load_one.rejected[0].reason
    assert load_one.contact("a@x.example").name == "Zoë"


def test_excels_line_that_names_the_separator_is_understood(load_one: Importer) -> None:
    summary = load_one("sep=;\r\nemail;name\r\na@x.example;A, B\r\n")
    assert summary.added == 1
    assert load_one.contact("a@x.example").name == "A, B"


def test_a_line_break_inside_quotes_stays_in_an_attribute(load_one: Importer) -> None:
    load_one('email,address\r\na@x.example,"Nassaulaan 12\r\nDen Haag"\r\n')
    assert load_one.contact("a@x.example").attributes == {"address": "Nassaulaan 12\nDen Haag"}


def test_a_list_column_is_split_at_the_bar(load_one: Importer) -> None:
    load_one("email,cities[]\na@x.example, Gouda | Delft ||\nb@x.example,\n")
    assert load_one.contact("a@x.example").attributes == {"cities": ("Gouda", "Delft")}
    assert load_one.contact("b@x.example").attributes == {}


def test_one_person_twice_in_a_file_counts_once_and_the_last_row_stands(load: Importer) -> None:
    summary = load("email,name\na@x.example,First\nA@X.example,Second\na@x.example,Second\n")
    assert (summary.added, summary.updated, summary.unchanged) == (1, 1, 1)
    assert load.contact("a@x.example").name == "Second"
    assert load.count() == 1


def test_columns_are_called_as_contact_tags_can_call_them(load_one: Importer) -> None:
    load_one("email,Functie titel,e-post\na@x.example,griffier,x\n")
    assert load_one.contact("a@x.example").attributes == {"Functie_titel": "griffier", "e_post": "x"}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("adres,name", "did you mean 'adres'"),
        ("emial,name", "did you mean 'emial'"),
        ("naam,plaats", "expected a column email"),
        ("email,role,Role", "more than once"),
        ("email,email", "more than once"),
        ("email,,name", "without a name"),
        ("email,name[]", "one value for each person"),
        ("email,1st", "letters, digits and _"),
        ("", "names of the columns"),
    ],
)
def test_a_header_that_cannot_be_used_says_what_it_should_be(load_one: Importer, header: str, words: str) -> None:
    with pytest.raises(FaultsError, match=words.replace("[", r"\[")):
        load_one(f"{header}\na@x.example,A\n" if header else "")
    assert load_one.count() == 0


@pytest.mark.parametrize("data", [b"PK\x03\x04zip", b"%PDF-1.7", b"\xd0\xcf\x11\xe0old", b"\0\1\2\3binary"])
def test_a_file_of_another_kind_is_refused_by_its_kind(load_one: Importer, data: bytes) -> None:
    with pytest.raises(FaultsError, match="expected CSV"):
        load_one(data)


def test_a_file_that_is_not_there_is_said_to_be_so(load_one: Importer, tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="No such file"):
        importing.import_contacts(load_one.db, tmp_path / "nix.csv", ImportJob("a", MEMBER, PEPPER), NOW)


def hold(load: Importer, email: str, scope: str, reason: suppression.Reason, until: datetime | None = None) -> None:
    with load.db.write() as conn:
        suppression.suppress(conn, address_hash(PEPPER, email), scope, reason, NOW, until)


def test_who_opted_out_of_the_topic_stays_out(load: Importer) -> None:
    load("email,name\na@x.example,A\n")
    with load.db.write() as conn:
        topic = contacts.topic(conn, "nieuws")
        found = contacts.find(conn, "a@x.example")
        assert found
        contacts.set_state(conn, found.id, topic.id, "opted_out", NOW)
    summary = load("email,name\na@x.example,New name\n")
    assert (summary.kept_out, summary.updated) == (1, 1)
    assert load.topics("a@x.example") == {"nieuws": "opted_out"}


@pytest.mark.parametrize("scope", ["", "nieuws"])
def test_a_suppressed_address_that_is_new_here_is_added_as_opted_out(load: Importer, scope: str) -> None:
    hold(load, "a@x.example", scope, "opt_out")
    summary = load("email\nA@x.example\nb@x.example\n")
    assert (summary.added, summary.kept_out) == (2, 1)
    assert load.topics("a@x.example") == {"nieuws": "opted_out"}
    assert load.topics("b@x.example") == {"nieuws": "subscribed"}


def test_an_opt_out_of_another_topic_keeps_nobody_out_of_this_one(load: Importer) -> None:
    hold(load, "a@x.example", "agenda", "opt_out")
    assert load("email\na@x.example\n").kept_out == 0


def test_a_dead_address_is_counted_and_stays_suppressed(load: Importer) -> None:
    hold(load, "a@x.example", "", "undeliverable")
    summary = load("email\na@x.example\n")
    assert (summary.added, summary.suppressed) == (1, 1)
    with load.db.read() as conn:
        assert suppression.why(conn, address_hash(PEPPER, "a@x.example"), "nieuws", NOW) == "undeliverable"


def test_a_pause_that_is_over_holds_nobody_back(load: Importer) -> None:
    hold(load, "a@x.example", "", "pause", NOW - timedelta(days=1))
    assert load("email\na@x.example\n").suppressed == 0


def test_an_erased_person_is_not_brought_back(load: Importer) -> None:
    hold(load, "a@x.example", "", "erased")
    summary = load("email,name\na@x.example,A\nb@x.example,B\n")
    assert (summary.added, summary.rejected, load.count()) == (1, 1, 1)
    assert "erased" in load.rejected[0].reason


def test_what_a_reader_said_about_themselves_is_left_as_they_said_it(load: Importer) -> None:
    load("email,name,language,role\na@x.example,A,nl,griffier\n")
    with load.db.write() as conn:
        found = contacts.find(conn, "a@x.example")
        assert found
        contacts.change(conn, found, NOW, name="Anna", own_fields=frozenset({"name"}))
    summary = load("email,name,language,role\na@x.example,A,en,raadslid\n")
    contact = load.contact("a@x.example")
    assert (summary.updated, contact.name, contact.language) == (1, "Anna", "en")


def test_each_person_has_the_basis_on_record_once(load: Importer) -> None:
    load("email\na@x.example\n")
    load("email\na@x.example\n")
    with load.db.read() as conn:
        chain = verifying.verify(conn, load.contact("a@x.example").id, ["nieuws"])
    assert chain.fault == ""
    assert [(entry.kind, entry.topic) for entry in chain.entries] == [("given", "nieuws")]
    assert chain.entries[0].statement == MEMBER
    assert chain.entries[0].detail == {"address": "a@x.example", "how": "import"}


def test_another_basis_is_put_on_record_beside_the_first(load: Importer) -> None:
    load("email\na@x.example\n")
    summary = load("email\na@x.example\n", statement=consent.make_statement("consent", "beurs 2024"))
    with load.db.read() as conn:
        chain = verifying.chain(conn, load.contact("a@x.example").id)
    assert summary.updated == 1
    assert [entry.statement.basis for entry in chain.entries if entry.statement] == ["member", "consent"]
    assert chain.fault == ""


def test_a_customer_basis_without_a_source_is_refused() -> None:
    with pytest.raises(InputError, match="--source"):
        consent.make_statement("customer")


def test_an_unknown_basis_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="consent, customer, member, public_task"):
        consent.make_statement("bought")


def test_a_topic_that_cannot_be_is_refused_before_anything_is_written(load_one: Importer) -> None:
    with pytest.raises(InputError):
        load_one("email\na@x.example\n", topic="Nieuws en meer")
    assert load_one.count() == 0


def test_progress_is_told_along_the_way(load_one: Importer, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["email"], *([f"p{number}@x.example"] for number in range(3000))])
    seen: list[int] = []
    tell: Callable[[ImportSummary], None] = lambda summary: seen.append(summary.rows)  # noqa: E731
    importing.import_contacts(load_one.db, path, ImportJob("nieuws", MEMBER, PEPPER), NOW, progress=tell)
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert seen[-1] == 3000


def test_columns_with_formulas_are_text_and_nothing_else(load_one: Importer) -> None:
    load_one("email,name,note\na@x.example,=1+1,'=SUM(A1)\n")
    contact = load_one.contact("a@x.example")
    assert (contact.name, contact.attributes["note"]) == ("=1+1", "=SUM(A1)")
