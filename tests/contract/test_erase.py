"""A person who asks to be forgotten is forgotten (I12), and it can be proved (D5, D10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from mailer import outbox, suppression
from mailer.errors import InputError
from mailer.outbox import Identity, MailingSpec, Recipient, Settlement
from mailer.signing import Purpose, Token
from mailer.storage import Database
from unsubscribe import changes, consent, contacts, erasing, importing, optout
from unsubscribe.contacts import Person
from unsubscribe.importing import ImportJob

PEPPER = b"p" * 32
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
PERSON = ("esther.vandermark", "Esther van der Mark", "Nassaulaan 12", "griffier van Gouda")
MEMBER = consent.make_statement("member", "ledenlijst")


def everything(db: Database) -> str:
    """All that a dump of the database would show."""
    with db.read() as conn:
        rows = [
            repr(tuple(bytes(cell) if isinstance(cell, memoryview) else cell for cell in row))
            for table in SQLModel.metadata.sorted_tables
            for row in conn.execute(text(f'SELECT * FROM "{table.name}"'))
        ]
    return "\n".join(rows)


@pytest.fixture
def known(house_database: Database, tmp_path: Path) -> tuple[Database, int]:
    """A database in which a person has done everything that leaves a trace; and her number."""
    db = house_database
    with db.write() as conn:
        SQLModel.metadata.create_all(conn)
    path = tmp_path / "people.csv"
    path.write_text(f"email,name,address,role\nEsther.VanDerMark@gouda.example,{PERSON[1]},{PERSON[2]},{PERSON[3]}\n")
    importing.import_contacts(db, path, ImportJob("nieuws", MEMBER, PEPPER), NOW)
    with db.write() as conn:
        person = contacts.find(conn, "esther.vandermark@gouda.example")
        assert person
        mailing = outbox.open_mailing(conn, MailingSpec("a", "campaign", "nieuws", "hash", Identity("u", "b", 7)), NOW)
        recipient = Recipient(person.id, person.email, person.address_hash, person.domain)
        outbox.enqueue(conn, mailing.id, [recipient], 1, NOW)
        (taken,) = outbox.claim(conn, 1, {mailing.id: 1}, NOW)
        reply = f"550 {person.email} unknown"
        told = Settlement(taken.delivery, mailing.id, taken.attempt, "refused", "unknown_user", 550, reply)
        outbox.settle(conn, 1, [told], NOW)
        left = optout.opt_out(conn, Token(Purpose.OPT_OUT, mailing.id, person.id), "topic", NOW)
        optout.undo(conn, Token(Purpose.UNDO, mailing.id, person.id, 1, left.change), NOW)
        changes.keep(conn, person.id, "details", ({"name": PERSON[1]}, {"name": "E."}), NOW)
        later = outbox.open_mailing(conn, MailingSpec("b", "campaign", "nieuws", "hash", Identity("u", "b", 7)), NOW)
        outbox.enqueue(conn, later.id, [recipient], 1, NOW)
    return db, person.id


def test_nothing_of_an_erased_person_is_left_in_the_database(known: tuple[Database, int]) -> None:
    db, _ = known
    assert all(word in everything(db) or word.title() in everything(db) for word in PERSON[1:])
    erasing.erase_address(db, "ESTHER.vandermark@gouda.example", PEPPER, NOW)
    left = everything(db).lower()
    assert not [word for word in (*PERSON, "gouda") if word.lower() in left]


@pytest.mark.parametrize("house_database", ["sqlite"], indirect=True)  # PostgreSQL forgets when it vacuums
def test_nothing_of_an_erased_person_is_left_in_the_bytes_of_the_files(known: tuple[Database, int]) -> None:
    db, _ = known
    assert db.sqlite_path is not None
    with db.write() as conn:
        contacts.add(conn, contacts.Person("other@else.example"), PEPPER, NOW)
    erasing.erase_address(db, "esther.vandermark@gouda.example", PEPPER, NOW)
    files = b"".join(path.read_bytes() for path in db.sqlite_path.parent.glob("postiljon.db*")).lower()
    assert not [word for word in (*PERSON, "gouda") if word.lower().encode() in files]
    assert b"other@else.example" in files


def test_deliveries_stay_as_numbers_and_what_waits_is_not_sent(known: tuple[Database, int]) -> None:
    db, number = known
    with db.write() as conn:
        erased = erasing.erase(conn, number, NOW)
        first, second = outbox.find(conn, "a"), outbox.find(conn, "b")
    assert erased
    assert erased.deliveries == 2
    assert first
    assert second
    assert (first.counts.recipients, first.counts.refused, second.counts.skipped) == (1, 1, 1)


def test_only_a_keyed_hash_keeps_an_erased_person_out(known: tuple[Database, int], tmp_path: Path) -> None:
    db, _ = known
    erasing.erase_address(db, "esther.vandermark@gouda.example", PEPPER, NOW)
    path = tmp_path / "again.csv"
    path.write_text("email,name\nesther.vandermark@gouda.example,Esther\n")
    summary = importing.import_contacts(db, path, ImportJob("agenda", MEMBER, PEPPER), NOW)
    assert (summary.added, summary.rejected) == (0, 1)
    with db.read() as conn:
        assert contacts.find(conn, "esther.vandermark@gouda.example") is None
        hashed = erasing.hash_of("esther.vandermark@gouda.example", PEPPER)
        assert suppression.why(conn, hashed, "agenda", NOW) == "erased"


def test_the_chain_still_verifies_and_says_when_the_person_was_erased(known: tuple[Database, int]) -> None:
    db, _ = known
    later = NOW + timedelta(days=1)
    erasing.erase_address(db, "esther.vandermark@gouda.example", PEPPER, later)
    with db.read() as conn:
        (chain,) = erasing.proof(conn, "Esther.VanDerMark@gouda.example", PEPPER)
    assert (chain.fault, chain.erased_at) == ("", later)
    assert [entry.kind for entry in chain.entries] == ["given", "withdrawn", "undone", "erased"]
    assert [entry.detail for entry in chain.entries] == [None] * 4


def test_who_was_erased_and_came_back_has_both_chains_the_present_one_last(known: tuple[Database, int]) -> None:
    db, number = known
    erasing.erase_address(db, "esther.vandermark@gouda.example", PEPPER, NOW)
    with db.write() as conn:
        again = contacts.add(conn, Person("esther.vandermark@gouda.example"), PEPPER, NOW)
        chains = erasing.proof(conn, "esther.vandermark@gouda.example", PEPPER)
    assert [chain.contact_id for chain in chains] == [number, again.id]
    assert [chain.erased_at for chain in chains] == [NOW, None]


def test_erasing_twice_is_erasing_once(known: tuple[Database, int]) -> None:
    db, number = known
    with db.write() as conn:
        assert erasing.erase(conn, number, NOW) is not None
        assert erasing.erase(conn, number, NOW) is None
    assert erasing.erase_address(db, "esther.vandermark@gouda.example", PEPPER, NOW) is None


def test_an_address_that_nobody_has_is_kept_out_when_asked(known: tuple[Database, int]) -> None:
    db, _ = known
    assert erasing.erase_address(db, "nobody@else.example", PEPPER, NOW) is None
    with db.read() as conn:
        assert suppression.why(conn, erasing.hash_of("nobody@else.example", PEPPER), "x", NOW) == "erased"


def test_proof_for_an_address_that_nobody_ever_had_says_so(known: tuple[Database, int]) -> None:
    db, _ = known
    with db.read() as conn, pytest.raises(InputError, match="nobody has the address"):
        erasing.proof(conn, "nobody@else.example", PEPPER)


def test_the_code_of_an_erasure_names_nobody(known: tuple[Database, int]) -> None:
    db, number = known
    with db.write() as conn:
        erased = erasing.erase(conn, number, NOW)
    assert erased
    assert len(erased.code.split("-")) == 3
    assert str(erased.code) not in everything(db)
