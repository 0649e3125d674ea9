"""The proof of consent says what happened: nobody *agreed* who was put on a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.cli.consent import WHAT, lines
from mailer.storage import Database
from tests.support.importing import NOW, Importer
from unsubscribe import consent, holding, verifying
from unsubscribe.consent import ConsentEvent, ConsentStatement
from unsubscribe.endpoint.known_data import PROOFS, parts
from unsubscribe.verifying import Chain
from unsubscribe.web.pages import View

ADDRESS = "a@x.example"
BASES = {
    "member": ("because you are a member", "omdat u lid bent", "weil Sie Mitglied sind", "partie de nos membres"),
    "customer": ("because you are a customer", "omdat u klant bent", "weil Sie Kunde", "partie de nos clients"),
    "public_task": ("our public task", "onze publieke taak", "öffentliche Aufgabe", "mission publique"),
    "consent": ("according to our records", "volgens onze gegevens", "nach unseren Unterlagen", "selon nos données"),
}


@pytest.fixture
def importer(sqlite_database: Database, tmp_path: Path) -> Importer:
    return Importer(sqlite_database, tmp_path)


def chain(importer: Importer) -> Chain:
    with importer.db.read() as conn:
        return verifying.chain(conn, importer.contact(ADDRESS).id)


def shown(importer: Importer, language: str = "en") -> str:
    """The part of *my data* about it."""
    known = {"details": {"attributes": {}}, "topics": [], "held_back": [], "changes": []}
    found = parts(View(language), known | {"consent": chain(importer).as_json()})
    return str(found[4])


@pytest.mark.parametrize("basis", BASES)
def test_who_was_put_on_a_list_reads_that_and_why(importer: Importer, basis: str) -> None:
    importer(f"email\n{ADDRESS}\n", statement=consent.make_statement(basis, "ledenlijst 2024", "2024-01-02"))
    for language, words in zip(("en", "nl", "de", "fr"), BASES[basis], strict=True):
        text = shown(importer, language)
        assert words in text, (language, text)
        assert "ledenlijst 2024" in text
    assert "You agreed" not in shown(importer)
    told = " ".join(lines(ADDRESS, chain(importer)))
    assert "put on the list" in told
    assert "given on 2024-01-02" in told
    assert [entry["what"] for entry in chain(importer).as_json()["events"]] == [f"listed_{basis}"]  # type: ignore[attr-defined]


def test_only_who_did_so_themselves_agreed(importer: Importer) -> None:
    importer(f"email\n{ADDRESS}\n")
    with importer.db.write() as conn:
        number = consent.store_statement(conn, ConsentStatement("consent", "form", "Yes, mail me", "1"))
        person = importer.contact(ADDRESS).id
        for kind in ("requested", "confirmed"):
            consent.record(conn, ConsentEvent(person, kind, "agenda", NOW, number, {"address": ADDRESS}), NOW)
        member = consent.store_statement(conn, consent.make_statement("member"))
        consent.record(
            conn, ConsentEvent(person, "given", "x", NOW, member, {"how": "the same mailbox as contact 7"}), NOW
        )
        consent.record(conn, ConsentEvent(person, "given", "y", NOW, number, {"how": "change details"}), NOW)
        consent.record(conn, ConsentEvent(person, "undone", "y", NOW, 0, {"how": "undo"}), NOW)
        consent.record(conn, ConsentEvent(person, "address", "", NOW, 0, {"from": "a", "to": "b"}), NOW)
        holding.hold(conn, ADDRESS, b"p" * 32, NOW)
    what = [entry.what for entry in chain(importer).entries]
    assert what == ["listed_member", "requested", "confirmed", "joined", "chosen", "undone", "moved", "stopped"]
    assert shown(importer).count("You agreed") == 1


def test_who_had_left_elsewhere_reads_where_that_was_said(importer: Importer) -> None:
    importer(f"email,UNSUB_TIME\n{ADDRESS},2024-02-02 12:00:00\n")
    assert "You had unsubscribed before" in shown(importer)
    assert "UNSUB_TIME: 2024-02-02 12:00:00" in shown(importer)
    assert "column: UNSUB_TIME" in " ".join(lines(ADDRESS, chain(importer)))


def test_everything_that_can_happen_has_words_on_the_page_and_on_the_command_line() -> None:
    assert set(PROOFS) == set(WHAT) == set(verifying.What.__args__)  # type: ignore[attr-defined]
