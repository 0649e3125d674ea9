"""Files as office programs write them: heads in four languages, blanks and quotation marks, signs that nobody sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailer import suppression
from mailer.errors import FaultsError, InputError
from mailer.signing import address_hash
from mailer.storage import Database
from tests.support.commandline import CommandLine
from tests.support.importing import NOW, PEPPER, Importer
from unsubscribe.contacts.sheet import Reading


@pytest.fixture
def load(sqlite_database: Database, tmp_path: Path) -> Importer:
    return Importer(sqlite_database, tmp_path)


SIGNS = ["\u200b", "\u00ad", "\u2060", "\u202f", "\u3000", "\u00a0", "\ufeff", "\u200e", "\u202a", "\u2028", "\ufe0f"]
SIGNS += ["\u3164", "\u061c", "\u2066", "\u200d", "\u034f", "\u180e", "\U000e0020", "\u2003", "\u115f"]


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: f"U+{ord(sign):04X}")
def test_a_sign_that_cannot_be_seen_makes_nobody_else(load: Importer, sign: str) -> None:
    with load.db.write() as conn:
        suppression.suppress(conn, address_hash(PEPPER, "anna@x.example"), "", "complaint", NOW)
    ends = load(f'email,name\n{sign}anna@x.example{sign},"{sign}Anna{sign} "\n')
    assert (ends.added, ends.suppressed, load.mailed("anna@x.example")) == (1, 1, False)
    assert load.contact("anna@x.example").name.strip("\ufe0f\U000e0020") == "Anna"
    within = load(f"email\nan{sign}na@x.example\nanna@x.ex{sign}ample\n")
    assert (within.rejected, load.count()) == (2, 1)
    assert all(f"U+{ord(sign):04X}" in row.reason or "control character" in row.reason for row in load.rejected)


def test_the_head_of_a_column_may_have_them_too(load: Importer) -> None:
    load("\u200bemail\u00a0;na\u00adme\u200e;\ufeffrole\na@x.example;A;lid\n")
    assert load.contact("a@x.example").name == "A"
    assert load.contact("a@x.example").attributes == {"role": "lid"}


@pytest.mark.parametrize(
    "head",
    [
        "e-mail;naam;taal;aanhef",
        "E-mailadres;Naam;Taal;Aanhef",
        "E-Mail-Adresse;Vollständiger Name;Sprache;Briefanrede",
        "Adresse e-mail;Nom complet;Langue;Formule d'appel",
        "Email Address;Full Name;Language;Salutation",
        "MAIL ; NAAM ; TAALCODE ; AANHEF",
        "„e-mail“;„naam“;„taal“;„aanhef“",
        "courriel;nom et prénom;langue;salutation",
    ],
)
def test_heads_are_known_in_four_languages(load: Importer, head: str) -> None:
    summary = load(f"{head}\na@x.example;Anna de Wit;Nederlands;Beste Anna\n")
    contact = load.contact("a@x.example")
    assert (contact.name, contact.language, contact.attributes) == ("Anna de Wit", "nl", {"salutation": "Beste Anna"})
    assert [item["used_as"] for item in summary.columns] == ["address", "name", "language", "attribute salutation"]


def test_a_name_in_parts_is_put_together_and_its_parts_stay(load: Importer) -> None:
    load("e-mail;Voornaam;Tussenvoegsel;Achternaam\na@x.example;Anna;de;Wit\nb@x.example;Bo;;Vos\n")
    assert load.contact("a@x.example").name == "Anna de Wit"
    assert load.contact("b@x.example").name == "Bo Vos"
    assert load.contact("b@x.example").attributes == {"Voornaam": "Bo", "Achternaam": "Vos"}


@pytest.mark.parametrize(
    ("word", "code"),
    [
        *(
            ("Nederlands", "nl"),
            ("NL-nl", "nl-NL"),
            ("Deutsch", "de"),
            ("fra", "fr"),
            ("ENG", "en"),
            ("en_gb", "en-GB"),
        ),
        *(("français", "fr"), ("Duits", "de"), ("zh-Hant-TW", "zh-Hant-TW"), ("", "")),
    ],
)
def test_a_language_is_known_by_its_name_too(load: Importer, word: str, code: str) -> None:
    load(f"email,language\na@x.example,{word}\n")
    assert load.contact("a@x.example").language == code


@pytest.mark.parametrize(
    "text",
    [
        'email, name, language\na@x.example, "Wit, Anna de", nl\n',
        'email,name,language\n"a@x.example" ,"Wit, Anna de" ,nl\n',
        '"sep=,"\nemail,name,language\na@x.example,"Wit, Anna de",nl\n',
        'sep=|\nemail|name|language\na@x.example|"Wit, Anna de"|nl\n',
        "email|name|language\na@x.example|Wit, Anna de|nl\n",
        "sep=;,,\nemail;name;language\na@x.example;Wit, Anna de;nl\n",
        "sep=\t\nemail\tname\tlanguage\na@x.example\tWit, Anna de\tnl\n",
        '"email","name","language"\n"a@x.example","Wit, Anna de","nl"\n',
        'email;"name, in full";language\na@x.example;"Wit, Anna de";nl\n',
        "email;name;language;;\na@x.example;Wit, Anna de;nl;;\n",
        ";;\n\nemail;name;language\n;;\n \u00a0;;\na@x.example;Wit, Anna de;nl\n\n;;\n",
        "„email“,„name“,„language“\n„a@x.example“,„Wit, Anna de“,„nl“\n",
    ],
)
def test_blanks_quotation_marks_and_separators_are_read_as_they_are_meant(load: Importer, text: str) -> None:
    reading = Reading(columns={"name, in full": "name"} if "in full" in text else {})
    summary = load(text, reading=reading)
    contact = load.contact("a@x.example")
    assert (summary.added, summary.rejected) == (1, 0)
    assert (contact.name, contact.language, contact.attributes) == ("Wit, Anna de", "nl", {})


def test_empty_rows_are_counted_and_hide_no_other(load: Importer) -> None:
    summary = load("email;name\nok@x.example;Ok\n" + ";\n" * 30 + "jan.example.org;Jan\n")
    assert (summary.rows, summary.empty, summary.rejected, load.rejected[0].line) == (2, 30, 1, 33)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("email;name;\na@x.example;A;\nb@x.example;B;iets\n", "in line 3 'iets' below it"),
        ("email,Role,role\n", "'Role', 'role'"),
        ("email,role, role \n", "2, 3"),
        ("email,naam,volledige naam\n", "'naam', 'volledige naam'"),
        ("e-mail,mail\n", "'e-mail', 'mail'"),
        ("a@x.example,Anna\nb@x.example,Bo\n", "a person in the first line"),
    ],
)
def test_a_head_that_cannot_be_used_says_which_column(load: Importer, text: str, words: str) -> None:
    with pytest.raises(FaultsError) as caught:
        load(text)
    assert words in str(caught.value)
    assert load.count() == 0


def test_a_column_whose_name_begins_as_a_zip_file_does_is_a_column(load: Importer) -> None:
    load("PKNR;email;naam\n17;a@x.example;A\n")
    assert load.contact("a@x.example").attributes == {"PKNR": "17"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
        (b"%PDF-1.7", "PDF"),
        (b"<!DOCTYPE html><table>", "web page"),
        (b"\x1f\x8b\x08\0", "gzip"),
        ("email\na@x.example\n".encode("utf-16-le"), "--encoding utf-16-le"),
        ("email\na@x.example\n".encode("utf-16-be"), "--encoding utf-16-be"),
    ],
)
def test_a_file_of_another_kind_is_named(load: Importer, data: bytes, words: str) -> None:
    with pytest.raises(FaultsError, match=words):
        load(data)


def test_an_encoding_that_is_a_guess_is_told_and_another_can_be_said(load: Importer) -> None:
    data = "email;name\na@x.example;Jana Dvořáková\n".encode("cp1250")
    assert (load(data).encoding, load(data).guessed) == ("cp1252", True)
    summary = load(data, reading=Reading("windows-1250"))
    assert (summary.encoding, summary.guessed, load.contact("a@x.example").name) == ("cp1250", False, "Jana Dvořáková")
    assert load("email\nb@x.example\n".encode("utf-16-le"), reading=Reading("utf-16-le")).added == 1
    with pytest.raises(InputError, match="not known"):
        load(data, reading=Reading("klingon"))


@pytest.mark.parametrize("value", ["#NAAM?", "#REF!", "#N/B", "#WERT!", "########"])
def test_an_error_of_the_spreadsheet_is_no_value(load: Importer, value: str) -> None:
    assert load(f"email,name\na@x.example,{value}\nb@x.example,#1\n").rejected == 1
    assert "error of the spreadsheet" in load.rejected[0].reason


def test_a_list_comes_through_a_pipe_as_well(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init")
    options = ("--topic", "t", "--basis", "member")
    for name in ("/dev/stdin", "-", "/dev/fd/0"):
        given, typed = os.pipe()
        os.write(typed, f"email\np{len(name)}@x.example\n".encode())
        os.close(typed)
        with (tmp_path / "said").open("w+b") as said:
            process = cli.start("contacts", "import", name, *options, given=given, out=said.fileno())
            os.close(given)
            assert process.wait(120) == 0
        assert (tmp_path / "said").read_bytes().startswith(b"1 added"), name
