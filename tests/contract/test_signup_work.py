"""The time of a sign-up request tells nothing about the address: the work is the same (D8).

Not the time is compared here, but what takes time: the statements by kind and table, and the commits, in order.
``python -m bench.timing`` measures the time itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlmodel import SQLModel

from mailer import suppression
from mailer.storage import Database
from tests.support.people import NOW, PEPPER, ReaderSetup
from tests.support.work import work_on
from unsubscribe import contacts, erasing, signup
from unsubscribe.contacts import Person
from unsubscribe.signup import SignUpForm

KINDS = ["subscribed", "opted_out", "left_all", "erased", "undeliverable", "complained", "asked_before", "asked_now"]


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


def known(setup: ReaderSetup, kind: str) -> str:
    """An address that stands like that."""
    email = f"{kind}@gouda.example"
    with setup.db.write() as conn:
        contact = contacts.add(conn, Person(email, language="nl"), PEPPER, NOW - timedelta(days=9))
        topic = contacts.topic(conn, "agenda")
        if kind not in ("asked_before", "asked_now"):
            state = "subscribed" if kind in ("subscribed", "undeliverable") else "opted_out"
            contacts.set_state(conn, contact.id, topic.id, state, NOW - timedelta(days=9))  # type: ignore[arg-type]
        reasons = {"opted_out": "opt_out", "left_all": "opt_out", "undeliverable": kind, "complained": "complaint"}
        if kind in reasons:
            scope = "agenda" if kind == "opted_out" else suppression.EVERYTHING
            suppression.suppress(conn, contact.address_hash, scope, reasons[kind], NOW)  # type: ignore[arg-type]
        if kind == "erased":
            erasing.erase(conn, contact.id, NOW)
    if kind.startswith("asked"):
        ask(setup, email, hours=-48 if kind == "asked_before" else -1)
    return email


def ask(setup: ReaderSetup, email: str, hours: int = 0, topics: Sequence[str] = ("agenda",)) -> None:
    wish = SignUpForm(
        email, tuple(topics), "Ja, mail mij.", "1", "https://vng.example/aanmelden", "", "nl", "192.0.2.1"
    )
    with setup.db.write() as conn:
        signup.request(conn, wish, setup.service_mail, PEPPER, NOW + timedelta(hours=hours))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sign_up_is_the_same_work_for_a_new_address_and_for_any_other(setup: ReaderSetup, kind: str) -> None:
    email = known(setup, kind)
    ask(setup, "warm@gouda.example")  # the letter is compiled and the text of consent is stored: once a day, for all
    with work_on(setup.db.engine) as for_new:
        ask(setup, "nieuw@gouda.example")
    with work_on(setup.db.engine) as for_known:
        ask(setup, email)
    assert for_known == for_new
    assert for_new.count("COMMIT") == 1
    assert for_new.count("INSERT delivery") == 1


def test_what_was_asked_for_twice_in_a_day_is_done_once(setup: ReaderSetup) -> None:
    email = known(setup, "asked_now")
    before = rows(setup)
    ask(setup, email)
    after = rows(setup)
    assert {table for table in after if after[table] != before[table]} == {"allowance"}


def rows(setup: ReaderSetup) -> dict[str, list[str]]:
    """All rows of all tables."""
    tables = SQLModel.metadata.tables
    with setup.db.read() as conn:
        return {name: sorted(map(repr, conn.execute(table.select()))) for name, table in tables.items()}
