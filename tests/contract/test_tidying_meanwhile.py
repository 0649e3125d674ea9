"""Retention work reads its rows again under the lock, so an act that came first is not undone (M-11)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from mailer import outbox
from mailer.signing import Purpose, Token
from mailer.storage import Database
from tests.support.people import NOW, PEPPER, ReaderSetup
from unsubscribe import changes, contacts, moving, signup
from unsubscribe.signup import SignUpForm

WISH = SignUpForm("nieuw@gouda.example", ("agenda",), "Ja.", "2", "https://vng.example/aanmelden", language="nl")
LATER = NOW + timedelta(days=15)
BEFORE = LATER - timedelta(days=14)


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


@contextmanager
def meanwhile(setup: ReaderSetup, act: Callable[[Connection], object]) -> Iterator[Connection]:
    """``act`` begins in another transaction once the block has run, and ends after this one is committed."""
    other = threading.Thread(target=lambda: write(setup, act))
    with setup.db.write() as conn:
        yield conn
        other.start()
        other.join(0.5)  # on PostgreSQL it has read the old state and waits for the row, on SQLite for the database
    other.join()


def write(setup: ReaderSetup, act: Callable[[Connection], object]) -> None:
    with setup.db.write() as conn:
        act(conn)


def ask(setup: ReaderSetup, days: float = 0) -> int:
    """Sign up; the number of the act."""
    now = NOW + timedelta(days=days)
    write(setup, lambda conn: signup.request(conn, WISH, setup.service_mail, PEPPER, now))
    with setup.db.read() as conn:
        return changes.open_ones(conn, "sign_up", now)[-1].id


def person(setup: ReaderSetup) -> contacts.Contact | None:
    with setup.db.read() as conn:
        return contacts.find(conn, WISH.email)


def states(setup: ReaderSetup) -> dict[str, str]:
    found = person(setup)
    with setup.db.read() as conn:
        return dict(contacts.subscriptions(conn, found.id)) if found else {}


def link(setup: ReaderSetup, act: int) -> Token:
    found = person(setup)
    assert found
    return Token(Purpose.CONFIRM, 1, found.id, 1, act)


def test_a_sign_up_that_is_confirmed_while_the_tidying_runs_stays(setup: ReaderSetup) -> None:
    token = link(setup, ask(setup))
    with meanwhile(setup, lambda conn: signup.expire(conn, BEFORE, LATER)) as conn:
        assert signup.confirm(conn, token, LATER).stand == "confirmed"
    assert states(setup) == {"agenda": "subscribed"}


def test_a_sign_up_that_expires_while_it_is_being_confirmed_is_told_so(setup: ReaderSetup) -> None:
    token = link(setup, ask(setup))
    told: list[str] = []
    with meanwhile(setup, lambda conn: told.append(signup.confirm(conn, token, LATER).stand)) as conn:
        assert signup.expire(conn, BEFORE, LATER) == 1
    assert told == ["gone"]
    assert person(setup) is None


def test_who_signs_up_again_while_the_first_request_expires_gets_a_letter_that_works(setup: ReaderSetup) -> None:
    ask(setup)
    with meanwhile(setup, lambda conn: signup.request(conn, WISH, setup.service_mail, PEPPER, LATER)) as conn:
        signup.expire(conn, BEFORE, LATER)
    with setup.db.read() as conn:
        (act,) = changes.open_ones(conn, "sign_up", LATER)
        assert outbox.find(conn, f"optin_confirm:{act.id}")
    write(setup, lambda conn: signup.confirm(conn, link(setup, act.id), LATER))
    assert states(setup) == {"agenda": "subscribed"}


def test_a_later_request_that_waits_keeps_what_an_earlier_one_left(setup: ReaderSetup) -> None:
    ask(setup)
    second = ask(setup, days=13)
    write(setup, lambda conn: signup.expire(conn, BEFORE, LATER))
    write(setup, lambda conn: signup.confirm(conn, link(setup, second), LATER))
    assert states(setup) == {"agenda": "subscribed"}


def test_of_two_requests_that_both_expired_nothing_is_left(setup: ReaderSetup) -> None:
    ask(setup)
    ask(setup, days=13)
    much_later = LATER + timedelta(days=20)
    write(setup, lambda conn: signup.expire(conn, much_later - timedelta(days=14), much_later))
    assert person(setup) is None
    with setup.db.read() as conn:
        assert changes.open_ones(conn, "sign_up", much_later) == []


def test_an_address_that_is_kept_while_the_tidying_runs_does_not_move(setup: ReaderSetup) -> None:
    ask_to_move = setup.token()
    write(setup, lambda conn: moving.ask(conn, ask_to_move, "e@delft.example", setup.service_mail, PEPPER, NOW))
    with setup.db.read() as conn:
        (act,) = changes.of_contact(conn, setup.reader.id, "address")
    new, keep = (setup.token(purpose, act.id) for purpose in (Purpose.ADDRESS_NEW, Purpose.ADDRESS_KEEP))
    write(setup, lambda conn: moving.confirm(conn, new, PEPPER, NOW))
    later = NOW + timedelta(days=8)
    with meanwhile(setup, lambda conn: moving.settle(conn, PEPPER, later)) as conn:
        assert moving.keep(conn, keep, PEPPER, later).stand == "kept"
    assert setup.contact().email == setup.reader.email
