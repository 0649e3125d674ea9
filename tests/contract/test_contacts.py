"""Contacts, topics and subscriptions keep their promises on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import SQLModel

from mailer.errors import AddressError, InputError
from mailer.storage import Database
from unsubscribe import contacts
from unsubscribe.contacts import Person

PEPPER = b"p" * 32
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)


@pytest.fixture
def database(house_database: Database) -> Database:
    with house_database.write() as conn:
        SQLModel.metadata.create_all(conn)
    return house_database


def test_an_address_is_kept_as_given_and_found_in_any_case(database: Database) -> None:
    with database.write() as conn:
        added = contacts.add(conn, Person("Esther.VanDerMark@Gouda.NL", name="Esther"), PEPPER, NOW)
        found = contacts.find(conn, "esther.vandermark@gouda.nl")
    assert found == added
    assert found is not None
    assert found.email == "Esther.VanDerMark@gouda.nl"


def test_the_same_address_in_another_case_is_the_same_contact(database: Database) -> None:
    with database.write() as conn:
        first = contacts.add(conn, Person("e@vng.nl", name="Esther"), PEPPER, NOW)
        second = contacts.add(conn, Person("E@VNG.nl", name="Other"), PEPPER, NOW)
    assert second == first


def test_a_domain_in_another_script_is_stored_as_a_labels(database: Database) -> None:
    with database.write() as conn:
        added = contacts.add(conn, Person("info@münchen.example"), PEPPER, NOW)
        again = contacts.find(conn, "info@xn--mnchen-3ya.example")
    assert added.email == "info@xn--mnchen-3ya.example"
    assert again == added


def test_an_address_that_cannot_be_used_is_refused(database: Database) -> None:
    with database.write() as conn, pytest.raises(AddressError):
        contacts.add(conn, Person("geen adres"), PEPPER, NOW)


def test_attributes_come_back_as_text_and_lists(database: Database) -> None:
    person = Person("a@b.example", attributes={"role": "griffier", "cities": ("Gouda", "Delft")})
    with database.write() as conn:
        number = contacts.add(conn, person, PEPPER, NOW).id
        found = contacts.get(conn, number)
    assert found is not None
    assert found.attributes == {"role": "griffier", "cities": ("Gouda", "Delft")}
    assert found.values()["cities"] == ["Gouda", "Delft"]


def test_many_contacts_are_read_at_once_and_those_that_are_gone_are_missing(database: Database) -> None:
    with database.write() as conn:
        numbers = [contacts.add(conn, Person(f"r{i}@b.example"), PEPPER, NOW).id for i in range(3)]
        found = contacts.get_many(conn, [*numbers, 999_999])
    assert sorted(found) == sorted(numbers)


def test_a_number_is_never_used_again(database: Database) -> None:
    with database.write() as conn:
        first = contacts.add(conn, Person("a@b.example"), PEPPER, NOW)
        contacts.remove(conn, first.id)
        second = contacts.add(conn, Person("a@b.example"), PEPPER, NOW)
    assert second.id > first.id


def test_a_topic_is_made_once_with_a_name_from_its_slug(database: Database) -> None:
    with database.write() as conn:
        first = contacts.ensure_topic(conn, "verenigingsnieuws", "", NOW)
        second = contacts.ensure_topic(conn, "verenigingsnieuws", "Other", NOW)
    assert first == second
    assert first.name == "Verenigingsnieuws"


def test_a_topic_has_a_name_per_language(database: Database) -> None:
    with database.write() as conn:
        made = contacts.ensure_topic(conn, "nieuws", "Nieuws", NOW)
        contacts.describe_topic(conn, made.id, names={"en": "News"}, is_open=True)
        found = contacts.topic(conn, "nieuws")
        listed = contacts.topics(conn, only_open=True)
    assert (found.name_in("en-GB"), found.name_in("fr")) == ("News", "Nieuws")
    assert listed == [found]


def test_a_topic_says_what_it_brings_in_each_language(database: Database) -> None:
    with database.write() as conn:
        made = contacts.ensure_topic(conn, "nieuws", "Nieuws", NOW)
        contacts.describe_topic(conn, made.id, description="Elke maand.", descriptions={"en": "Each month."})
        found = contacts.topic(conn, "nieuws")
    assert (found.about("en-GB"), found.about("nl"), made.about("nl")) == ("Each month.", "Elke maand.", "")


@pytest.mark.parametrize("slug", ["", "Nieuws", "a b", "-a", "a" * 65, "nieuws\n", "é"])
def test_a_slug_with_other_characters_is_refused(sqlite_database: Database, slug: str) -> None:
    with sqlite_database.write() as conn:
        SQLModel.metadata.create_all(conn)
        with pytest.raises(InputError):
            contacts.ensure_topic(conn, slug, "", NOW)


def test_a_topic_that_does_not_exist_is_said_to_be_so(database: Database) -> None:
    with database.read() as conn, pytest.raises(InputError, match="no topic 'nix'"):
        contacts.audience_page(conn, "nix")


def test_the_audience_is_who_is_subscribed_in_pages_by_number(database: Database) -> None:
    with database.write() as conn:
        topic = contacts.ensure_topic(conn, "nieuws", "", NOW)
        numbers = [contacts.add(conn, Person(f"r{i}@b.example"), PEPPER, NOW).id for i in range(7)]
        for number in numbers:
            contacts.subscribe(conn, number, topic.id, NOW)
        contacts.set_state(conn, numbers[3], topic.id, "opted_out", NOW)
        contacts.set_state(conn, numbers[4], topic.id, "pending", NOW)
        first = contacts.audience_page(conn, "nieuws", 0, 2)
        rest = contacts.audience_page(conn, "nieuws", first[-1].id, 100)
        count = contacts.audience_count(conn, "nieuws")
    assert [contact.id for contact in first + rest] == [n for i, n in enumerate(numbers) if i not in (3, 4)]
    assert count == 5


def test_who_opted_out_is_not_subscribed_again_except_by_themselves(database: Database) -> None:
    with database.write() as conn:
        topic = contacts.ensure_topic(conn, "nieuws", "", NOW)
        number = contacts.add(conn, Person("a@b.example"), PEPPER, NOW).id
        contacts.set_state(conn, number, topic.id, "opted_out", NOW)
        assert contacts.subscribe(conn, number, topic.id, NOW) == "opted_out"
        assert contacts.subscriptions(conn, number) == {"nieuws": "opted_out"}
        assert contacts.subscribe(conn, number, topic.id, NOW, rejoin=True) == "subscribed"


def test_subscribing_twice_keeps_the_date_of_the_first_time(database: Database) -> None:
    with database.write() as conn:
        topic = contacts.ensure_topic(conn, "nieuws", "", NOW)
        number = contacts.add(conn, Person("a@b.example"), PEPPER, NOW).id
        contacts.subscribe(conn, number, topic.id, NOW, statement=4)
        contacts.subscribe(conn, number, topic.id, NOW + timedelta(days=1), statement=5)
        assert contacts.subscription(conn, number, topic.id) == ("subscribed", NOW, 4)


def test_removing_a_contact_removes_the_subscriptions(database: Database) -> None:
    with database.write() as conn:
        topic = contacts.ensure_topic(conn, "nieuws", "", NOW)
        number = contacts.add(conn, Person("a@b.example"), PEPPER, NOW).id
        contacts.subscribe(conn, number, topic.id, NOW)
        contacts.remove(conn, number)
        assert contacts.audience_count(conn, "nieuws") == 0
        assert contacts.get(conn, number) is None


def test_another_address_moves_the_key_and_the_hash(database: Database) -> None:
    with database.write() as conn:
        before = contacts.add(conn, Person("a@b.example"), PEPPER, NOW)
        after = contacts.change_address(conn, before, "New@c.example", PEPPER, NOW)
        assert contacts.find(conn, "a@b.example") is None
        assert contacts.find(conn, "new@C.example") == after
    assert after.address_hash != before.address_hash


def test_the_database_gives_the_same_audience_and_addresses_as_reading_it(database: Database) -> None:
    """Both ways to freeze an audience: copied within the database, or looked at one by one for a segment."""
    odd = ["Jan.Pieterse@B.Example", "o'brien+x@münchen.example", '"a@b"@c.example', "piet@sub.b.example"]
    with database.write() as conn:
        topic = contacts.ensure_topic(conn, "nieuws", "", NOW)
        for email in odd:
            contacts.subscribe(conn, contacts.add(conn, Person(email), PEPPER, NOW).id, topic.id, NOW)
        left = contacts.add(conn, Person("weg@b.example"), PEPPER, NOW).id
        contacts.subscribe(conn, left, topic.id, NOW)
        contacts.set_state(conn, left, topic.id, "opted_out", NOW)
        last, number = contacts.audience_until(conn, "nieuws", 0, 3)
        rows = list(conn.execute(contacts.audience_between(conn, "nieuws", 0, last)))
        rows += conn.execute(contacts.audience_between(conn, "nieuws", last, 1 << 40)).all()
        read = contacts.audience_page(conn, "nieuws")
        after = contacts.audience_until(conn, "nieuws", left, 3)
    assert number == 3
    assert after == (left, 0)
    addresses = [f"{contact.email.rpartition('@')[0]}@{contact.domain}" for contact in read]
    assert [(row.number, row.address, bytes(row.address_hash), row.domain) for row in rows] == [
        (contact.id, address, bytes(contact.address_hash), contact.domain)
        for contact, address in zip(read, addresses, strict=True)
    ]
