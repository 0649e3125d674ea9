"""Erasing an address also erases a stranger's wish to move there, and a move away from it (M-10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailer import suppression
from mailer.storage import Database
from tests.support import web
from tests.support.site import PEPPER, Town, WebServer, serving
from unsubscribe import changes, contacts, erasing, moves, moving, verifying
from unsubscribe.contacts import Contact, Person
from unsubscribe.endpoint import public_app

THERE = "Tess.Victim@elders.example"
WORDS = ("tess.victim", "elders.example", "victim@")


@pytest.fixture
def town(empty_database: Database) -> Town:
    return Town(empty_database, languages=("nl",))


@pytest.fixture
def site(town: Town) -> Iterator[WebServer]:
    with serving(public_app(town.deps())) as site:
        yield site


def known(town: Town, email: str = THERE) -> None:
    with town.db.write() as conn:
        contacts.add(conn, Person(email), PEPPER, town.now)


def left(town: Town) -> list[str]:
    """The words that are still somewhere in the database."""
    rows = repr(town.everything()).lower()
    return [word for word in WORDS if word in rows]


def wish(site: WebServer, town: Town, email: str, reader: int = 0) -> None:
    assert web.post(site.url(town.path("d", reader)), data={"email": email}).status_code == 200


def move(site: WebServer, town: Town, email: str) -> None:
    """The first reader moves, and both mailboxes agree."""
    wish(site, town, email)
    for notice in ("address_change_new", "address_change_old"):
        web.post(site.url(town.letter(notice, "confirm")))


def person(town: Town, email: str) -> Contact | None:
    with town.db.read() as conn:
        return contacts.find(conn, email)


@pytest.mark.parametrize("spelling", [THERE, THERE.lower()])
def test_a_strangers_wish_to_move_to_an_erased_address_is_forgotten(town: Town, site: WebServer, spelling: str) -> None:
    known(town)
    wish(site, town, spelling)
    wish(site, town, THERE, reader=1)
    confirm = site.url(town.letter("address_change_new", "confirm"))
    erasing.erase_address(town.db, THERE, PEPPER, town.now)
    assert left(town) == []
    assert web.post(confirm).status_code < 500
    assert person(town, THERE) is None


def test_an_address_that_nobody_has_is_forgotten_by_those_who_named_it(town: Town, site: WebServer) -> None:
    wish(site, town, THERE)
    assert erasing.erase_address(town.db, THERE, PEPPER, town.now) is None
    assert left(town) == []


def test_what_others_hold_of_another_address_stays(town: Town, site: WebServer) -> None:
    known(town)
    wish(site, town, "somebody@elders.example")
    erasing.erase_address(town.db, THERE, PEPPER, town.now)
    confirm = site.url(town.letter("address_change_new", "confirm"))
    assert "somebody@elders.example" in repr(town.everything())
    assert web.post(confirm).status_code == 200


def test_whoever_moved_away_from_an_address_is_erased_by_it(town: Town, site: WebServer) -> None:
    former = town.readers[0]
    move(site, town, THERE)
    erased = erasing.erase_address(town.db, former.email, PEPPER, town.now)
    assert erased is not None
    assert erased.contact_id == former.id
    assert left(town) == []
    assert former.email.lower() not in repr(town.everything()).lower()
    with town.db.read() as conn:
        assert suppression.why(conn, former.address_hash, "nieuws", town.now) == "erased"
        assert verifying.chain(conn, former.id).fault == ""


def test_a_move_that_was_put_back_makes_nobody_the_former_owner(town: Town, site: WebServer) -> None:
    move(site, town, THERE)
    web.post(site.url(town.letter("address_change_old", "undo")))
    assert erasing.erase_address(town.db, THERE, PEPPER, town.now) is None
    assert person(town, town.readers[0].email) is not None
    with town.db.read() as conn:
        assert moves.of_contact(conn, town.readers[0].id) == []


def test_who_signed_up_anew_with_a_former_address_is_erased_alone(town: Town, site: WebServer) -> None:
    first = town.readers[0]
    move(site, town, THERE)
    known(town, first.email)
    erasing.erase_address(town.db, first.email, PEPPER, town.now)
    assert person(town, THERE) is not None
    with town.db.read() as conn:
        assert moves.of_contact(conn, first.id) == []


def test_the_first_mailbox_of_a_chain_keeps_its_say_when_the_middle_is_erased(town: Town, site: WebServer) -> None:
    first = town.readers[0]
    move(site, town, THERE)
    keep = site.url(town.letter("address_change_old", "undo"))
    town.now += timedelta(hours=1)
    wish(site, town, "third@delft.example")
    web.post(site.url(town.letter("address_change_new", "confirm")))
    town.now += timedelta(days=8)
    with town.db.write() as conn:
        assert moving.settle(conn, PEPPER, town.now) == 1
    known(town)
    erasing.erase_address(town.db, THERE, PEPPER, town.now)
    with town.db.read() as conn:
        acts = changes.of_contact(conn, first.id, "address")
    assert [word for word in WORDS if word in repr(acts).lower()] == []
    web.post(keep)
    assert person(town, first.email) is not None
    assert person(town, "third@delft.example") is None


@pytest.mark.parametrize("email", ['"a..b%"@elders.example', "JOSÉ.Ñ@elders.example", "o'b_%x@elders.example"])
def test_an_address_in_any_signs_is_found_in_what_others_hold(town: Town, site: WebServer, email: str) -> None:
    wish(site, town, email)
    wish(site, town, "other@elders.example", reader=1)
    erasing.erase_address(town.db, email.lower(), PEPPER, town.now)
    with town.db.read() as conn:
        kept = [changes.of_contact(conn, reader.id, "address") for reader in town.readers[:2]]
    assert [len(acts) for acts in kept] == [0, 1]


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)  # PostgreSQL forgets when it vacuums
def test_nothing_of_it_is_left_in_the_bytes_of_the_files(town: Town, site: WebServer) -> None:
    known(town)
    wish(site, town, THERE)
    erasing.erase_address(town.db, THERE, PEPPER, town.now)
    assert town.db.sqlite_path
    files = b"".join(path.read_bytes() for path in town.db.sqlite_path.parent.rglob("*") if path.is_file()).lower()
    assert [word for word in WORDS if word.encode() in files] == []
