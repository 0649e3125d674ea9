"""Whoever acts while the tidying runs is not overtaken by it: what it found is read again under the lock (M-11)."""

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
from tests.support.people import NOW, PEPPER, Stage
from unsubscribe import changes, contacts, moving, signup
from unsubscribe.signup import SignUpForm

WISH = SignUpForm("nieuw@gouda.example", ("agenda",), "Ja.", "2", "https://vng.example/aanmelden", language="nl")
LATER = NOW + timedelta(days=15)
BEFORE = LATER - timedelta(days=14)


@pytest.fixture
def stage(house_database: Database) -> Stage:
    return Stage(house_database)


@contextmanager
def meanwhile(stage: Stage, act: Callable[[Connection], object]) -> Iterator[Connection]:
    """``act`` begins in another transaction once the block has run, and ends after this one is committed."""
    other = threading.Thread(target=lambda: write(stage, act))
    with stage.db.write() as conn:
        yield conn
        other.start()
        other.join(0.5)  # on PostgreSQL it has read the old state and waits for the row, on SQLite for the database
    other.join()


def write(stage: Stage, act: Callable[[Connection], object]) -> None:
    with stage.db.write() as conn:
        act(conn)


def ask(stage: Stage, days: float = 0) -> int:
    """Sign up; the number of the act."""
    now = NOW + timedelta(days=days)
    write(stage, lambda conn: signup.request(conn, WISH, stage.service_mail, PEPPER, now))
    with stage.db.read() as conn:
        return changes.open_ones(conn, "sign_up", now)[-1].id


def person(stage: Stage) -> contacts.Contact | None:
    with stage.db.read() as conn:
        return contacts.find(conn, WISH.email)


def states(stage: Stage) -> dict[str, str]:
    found = person(stage)
    with stage.db.read() as conn:
        return dict(contacts.subscriptions(conn, found.id)) if found else {}


def link(stage: Stage, act: int) -> Token:
    found = person(stage)
    assert found
    return Token(Purpose.CONFIRM, 1, found.id, 1, act)


def test_a_sign_up_that_is_confirmed_while_the_tidying_runs_stays(stage: Stage) -> None:
    token = link(stage, ask(stage))
    with meanwhile(stage, lambda conn: signup.expire(conn, BEFORE, LATER)) as conn:
        assert signup.confirm(conn, token, LATER).stand == "confirmed"
    assert states(stage) == {"agenda": "subscribed"}


def test_a_sign_up_that_expires_while_it_is_being_confirmed_is_told_so(stage: Stage) -> None:
    token = link(stage, ask(stage))
    told: list[str] = []
    with meanwhile(stage, lambda conn: told.append(signup.confirm(conn, token, LATER).stand)) as conn:
        assert signup.expire(conn, BEFORE, LATER) == 1
    assert told == ["gone"]
    assert person(stage) is None


def test_who_signs_up_again_while_the_first_request_expires_gets_a_letter_that_works(stage: Stage) -> None:
    ask(stage)
    with meanwhile(stage, lambda conn: signup.request(conn, WISH, stage.service_mail, PEPPER, LATER)) as conn:
        signup.expire(conn, BEFORE, LATER)
    with stage.db.read() as conn:
        (act,) = changes.open_ones(conn, "sign_up", LATER)
        assert outbox.find(conn, f"optin_confirm:{act.id}")
    write(stage, lambda conn: signup.confirm(conn, link(stage, act.id), LATER))
    assert states(stage) == {"agenda": "subscribed"}


def test_a_later_request_that_waits_keeps_what_an_earlier_one_left(stage: Stage) -> None:
    ask(stage)
    second = ask(stage, days=13)
    write(stage, lambda conn: signup.expire(conn, BEFORE, LATER))
    write(stage, lambda conn: signup.confirm(conn, link(stage, second), LATER))
    assert states(stage) == {"agenda": "subscribed"}


def test_of_two_requests_that_both_expired_nothing_is_left(stage: Stage) -> None:
    ask(stage)
    ask(stage, days=13)
    much_later = LATER + timedelta(days=20)
    write(stage, lambda conn: signup.expire(conn, much_later - timedelta(days=14), much_later))
    assert person(stage) is None
    with stage.db.read() as conn:
        assert changes.open_ones(conn, "sign_up", much_later) == []


def test_an_address_that_is_kept_while_the_tidying_runs_does_not_move(stage: Stage) -> None:
    ask_to_move = stage.token()
    write(stage, lambda conn: moving.ask(conn, ask_to_move, "e@delft.example", stage.service_mail, PEPPER, NOW))
    with stage.db.read() as conn:
        (act,) = changes.of_contact(conn, stage.reader.id, "address")
    new, keep = (stage.token(purpose, act.id) for purpose in (Purpose.ADDRESS_NEW, Purpose.ADDRESS_KEEP))
    write(stage, lambda conn: moving.confirm(conn, new, PEPPER, NOW))
    later = NOW + timedelta(days=8)
    with meanwhile(stage, lambda conn: moving.settle(conn, PEPPER, later)) as conn:
        assert moving.keep(conn, keep, PEPPER, later).stand == "kept"
    assert stage.contact().email == stage.reader.email
