"""Codes of one letter below *status*, and a permission that is called like the address: nobody is mailed on a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.errors import FaultsError
from mailer.storage import Database
from tests.support.importing import Importer
from unsubscribe import contacts
from unsubscribe.contacts.sheet import Reading


@pytest.fixture
def load(sqlite_database: Database, tmp_path: Path) -> Importer:
    return Importer(sqlite_database, tmp_path)


def rows(codes: str, head: str = "status") -> str:
    """A person for each code, called as it."""
    lines = [f"{code.strip('-')}{place}@x.example,{code}" for place, code in enumerate(codes.split())]
    return "\n".join([f"email,{head}", *lines, ""])


def mailed(load: Importer, codes: str) -> str:
    """The codes of those who would be mailed."""
    people = [(code, f"{code.strip('-')}{place}@x.example") for place, code in enumerate(codes.split())]
    return " ".join(code for code, email in people if stored(load, email) and load.mailed(email))


def stored(load: Importer, email: str) -> bool:
    with load.db.read() as conn:
        return contacts.find(conn, email) is not None


KNOWN = {  # what stands in the column, whom that leaves
    "The Newsletter Plugin": ("C S U B P C", "C C"),
    "The Newsletter Plugin, not confirmed": ("C N", "C"),
    "The Newsletter Plugin, none confirmed": ("S U B", ""),
    "Emma": ("a e o f", "a"),
    "Emma, opted out": ("a o", "a"),
    "English": ("Y N", "Y"),
    "Dutch": ("j n j", "j j"),
    "French": ("O N", "O"),
    "true": ("T F", "T"),
    "Mailtrain": ("1 2 3 4", "1"),
    "AcyMailing": ("1 -1 0", "1"),
}


@pytest.mark.parametrize("program", KNOWN)
@pytest.mark.parametrize("head", ["status", "Status", "Subscription Status", "statut", "member_status_id"])
def test_a_known_alphabet_of_codes_keeps_out_whom_it_means(load: Importer, program: str, head: str) -> None:
    codes, left = KNOWN[program]
    told = load(rows(codes, head))
    assert (told.rejected, mailed(load, codes)) == (0, left)


@pytest.mark.parametrize("codes", ["A B C", "C", "A", "Q C", "X Z", "5 6", "7", "G W", "д н", "A I", "a u"])
@pytest.mark.parametrize("head", ["status", "Statut", "email status", "E-mailstatus", "state", "Contact status"])
def test_codes_that_nobody_knows_refuse_the_file_and_name_both_ways_on(load: Importer, codes: str, head: str) -> None:
    with pytest.raises(FaultsError) as refused:
        load(rows(codes, head))
    (fault,) = refused.value.faults
    assert f"--column {head}=attribute" in fault.hint
    assert f"--column {head}=status" in fault.hint
    assert codes.split(maxsplit=1)[0] in fault.found


def test_codes_are_an_attribute_or_a_status_where_the_caller_says_so(load: Importer) -> None:
    load(rows("A B"), reading=Reading(columns={"status": "attribute"}))
    assert mailed(load, "A B") == "A B"
    told = load(rows("C C U Q"), reading=Reading(columns={"status": "status"}), topic="status")
    assert told.rejected == 4
    told = load(rows("c u c"), reading=Reading(columns={"status": "status"}), topic="codes")
    assert (told.rejected, load.mailed("u1@x.example", "codes"), load.mailed("c0@x.example", "codes")) == (
        0,
        False,
        True,
    )
    told = load("email,status\ncc@x.example,C\n", reading=Reading(columns={"status": "status"}))
    assert (told.rejected, load.mailed("cc@x.example")) == (0, True)


@pytest.mark.parametrize("words", ["gold silver", "A1 B", "NL DE", "lid A", "AB C"])
def test_words_of_something_else_stay_an_attribute(load: Importer, words: str) -> None:
    assert load(rows(words)).columns[1]["used_as"] == "attribute status"


def test_a_type_or_a_level_of_one_letter_keeps_nobody_out(load: Importer) -> None:
    assert load("email,type,niveau\na@x.example,A,B\n").rejected == 0
    assert load.mailed("a@x.example")


YES, NO = "stays@x.example", "left@x.example"
RIVALS = {
    "Dynamics": ("Naam;E-mail;E-mailadres", "A;Toestaan;{}", "B;Niet toestaan;{}"),
    "Dynamics, the other way round": ("E-mailadres;E-mail", "{};Toestaan", "{};Niet toestaan"),
    "Dynamics in English": ("E-mail;Email address", "Allow;{}", "Do Not Allow;{}"),
    "Dynamics in German": ("E-Mail;E-Mail-Adresse", "Zulassen;{}", "Nicht zulassen;{}"),
    "Dynamics in French": ("Courriel;Adresse e-mail", "Autoriser;{}", "Ne pas autoriser;{}"),
    "yes and no": ("Mail;Mailadres", "ja;{}", "nee;{}"),
    "a column email": ("email;E-mail", "{};Toestaan", "{};Niet toestaan"),
    "a column email that is the permission": ("email;E-mailadres", "Toestaan;{}", "Niet toestaan;{}"),
}


@pytest.mark.parametrize("name", RIVALS)
def test_of_two_columns_called_email_the_one_with_addresses_is_the_address(load: Importer, name: str) -> None:
    head, yes, no = RIVALS[name]
    assert load(f"{head}\n{yes.format(YES)}\n{no.format(NO)}\n").rejected == 0
    assert (load.mailed(YES), load.mailed(NO)) == (True, False)


def test_two_columns_with_addresses_are_refused_unless_one_is_called_email(load: Importer) -> None:
    for head in ("E-mail;E-mailadres", "Mail;Courriel", "E-mail;E-mail"):
        with pytest.raises(FaultsError):
            load(f"{head}\na@x.example;b@x.example\n")
    load("email;E-mail\na@x.example;b@x.example\n")
    assert load.mailed("a@x.example")
    load("Mail;E-mail\nc@x.example;b@x.example\n", reading=Reading(columns={"Mail": "email"}))
    assert load.mailed("c@x.example")
    load("Mail;E-mail\nd@x.example;\n")
    assert load.mailed("d@x.example")
