"""The chain of consent finds whatever was changed in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlmodel import SQLModel

from mailer.storage import Database
from unsubscribe import consent, verifying
from unsubscribe.consent import EVENT, STATEMENT, ConsentEvent, ConsentStatement

NOW = datetime(2024, 9, 18, 7, 0, 0, 123456, tzinfo=UTC)
SHOWN = ConsentStatement("consent", "https://vng.example/aanmelden", "Ja, mail mij het nieuws.", "3")
PERSON = 7


@pytest.fixture
def database(house_database: Database) -> Database:
    with house_database.write() as conn:
        SQLModel.metadata.create_all(conn)
        number = consent.store_statement(conn, SHOWN)
        for place, kind in enumerate(("requested", "confirmed", "withdrawn")):
            detail = {"address": "esther@gouda.example"}
            event = ConsentEvent(PERSON, kind, "nieuws", NOW + timedelta(days=place), number, detail)  # type: ignore[arg-type]
            consent.record(conn, event, NOW + timedelta(days=place))
        consent.record_first(conn, ConsentEvent(0, "given", "nieuws", NOW, number), [(8, "b@x.example")], NOW)
    return house_database


def fault(database: Database, person: int = PERSON) -> str:
    with database.read() as conn:
        return verifying.chain(conn, person).fault


def test_an_untouched_chain_is_in_order_and_says_everything(database: Database) -> None:
    with database.read() as conn:
        chain = verifying.chain(conn, PERSON)
    assert chain.fault == ""
    assert [entry.kind for entry in chain.entries] == ["requested", "confirmed", "withdrawn"]
    assert chain.entries[0].statement == SHOWN
    assert chain.entries[0].at == NOW
    assert chain.entries[0].detail == {"address": "esther@gouda.example"}
    assert fault(database, 8) == ""


def test_a_statement_is_stored_once(database: Database) -> None:
    with database.write() as conn:
        assert consent.store_statement(conn, SHOWN) == consent.store_statement(conn, SHOWN)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "given"},
        {"topic": "agenda"},
        {"at": NOW},
        {"recorded_at": NOW},
        {"statement": 0},
        {"detail": '{"address":"other@gouda.example"}'},
        {"salt": b"s" * 16},
        {"digest": b"d" * 32},
        {"link": b"l" * 32},
        {"detail": None},
        {"salt": None},
        {"detail": None, "salt": None},
    ],
)
def test_any_change_to_an_event_is_found(database: Database, values: dict[str, object]) -> None:
    with database.write() as conn:
        conn.execute(update(EVENT).where(EVENT.c.contact_id == PERSON, EVENT.c.number == 2).values(values))
    assert fault(database)


@pytest.mark.parametrize("number", [1, 2])
def test_an_event_that_was_taken_out_is_missed(database: Database, number: int) -> None:
    with database.write() as conn:
        conn.execute(delete(EVENT).where(EVENT.c.contact_id == PERSON, EVENT.c.number == number))
    assert fault(database) == f"event {number} is missing"


def test_events_that_changed_places_are_found(database: Database) -> None:
    with database.write() as conn:
        for old, new in ((1, 9), (2, 1), (9, 2)):
            mine = (EVENT.c.contact_id == PERSON, EVENT.c.number == old)
            conn.execute(update(EVENT).where(*mine).values(number=new))
    assert fault(database)


def test_another_text_under_the_same_consent_is_found(database: Database) -> None:
    with database.write() as conn:
        conn.execute(update(STATEMENT).values(text="Ja, mail mij alles."))
    assert fault(database)


def test_an_event_of_somebody_else_does_not_fit(database: Database) -> None:
    with database.write() as conn:
        conn.execute(delete(EVENT).where(EVENT.c.contact_id == 8))
        mine = (EVENT.c.contact_id == PERSON, EVENT.c.number == 1)
        conn.execute(update(EVENT).where(*mine).values(contact_id=8))
    assert fault(database, 8)


def test_a_subscription_without_its_event_is_found(database: Database) -> None:
    with database.write() as conn:
        conn.execute(delete(EVENT).where(EVENT.c.contact_id == PERSON, EVENT.c.number == 3))
        assert verifying.verify(conn, PERSON, ["nieuws"]).fault == ""
        assert verifying.verify(conn, PERSON, ["nieuws", "agenda"]).fault == "no consent on record for agenda"


def test_an_erased_chain_verifies_without_what_was_personal(database: Database) -> None:
    later = NOW + timedelta(days=9)
    with database.write() as conn:
        consent.erase(conn, PERSON, later)
        chain = verifying.chain(conn, PERSON)
    assert (chain.fault, chain.erased_at) == ("", later)
    assert {entry.detail for entry in chain.entries} == {None}
    assert chain.entries[0].statement == SHOWN


def test_what_stood_beside_an_event_may_only_go_when_the_person_was_erased(database: Database) -> None:
    with database.write() as conn:
        conn.execute(update(EVENT).where(EVENT.c.contact_id == PERSON).values(detail=None, salt=None))
    assert "not erased" in fault(database)


def test_a_chain_is_told_as_json(database: Database) -> None:
    with database.read() as conn:
        told = verifying.chain(conn, PERSON).as_json()
    assert told["intact"] is True
    assert isinstance(told["events"], list)
    assert told["events"][0]["statement"]["version"] == "3"
    assert told["events"][0]["at"] == "2024-09-18T07:00:00.123456+00:00"


def test_a_person_without_events_has_an_empty_chain_in_order(database: Database) -> None:
    assert fault(database, 99) == ""
