"""Staff hold back all mail to somebody who asks for it; only that person's own double opt-in lifts it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailer import suppression
from mailer.errors import AddressError
from mailer.storage import Database
from tests.support.people import NOW, PEPPER, ReaderSetup
from tests.support.signing_up import WISH, ask, confirm, link
from unsubscribe import erasing, holding
from unsubscribe.holding import Held


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


def hold(setup: ReaderSetup, email: str = "Esther@Gouda.example") -> Held:
    with setup.db.write() as conn:
        return holding.hold(conn, email, PEPPER, NOW)


def why(setup: ReaderSetup, email: str) -> str | None:
    with setup.db.read() as conn:
        return suppression.why(conn, erasing.hash_of(email, PEPPER), "agenda", NOW)


def test_no_letter_is_claimed_any_more_and_nothing_is_deleted(setup: ReaderSetup) -> None:
    before = setup.contact()
    assert hold(setup) == Held(known=True, again=False, topics=("agenda", "nieuws"))
    assert not setup.claimed(setup.mailing)
    assert setup.contact() == before
    assert setup.topics() == {"agenda": "opted_out", "nieuws": "opted_out"}
    assert setup.fault() == ""
    assert hold(setup) == Held(known=True, again=True)


def test_only_a_confirmed_sign_up_lifts_it_and_for_that_topic_only(setup: ReaderSetup) -> None:
    hold(setup)
    ask(setup, replace(WISH, email=setup.reader.email))
    assert why(setup, setup.reader.email) == "manual"
    confirm(setup, link(setup, 1, setup.reader.email))
    assert why(setup, setup.reader.email) is None
    assert setup.topics() == {"agenda": "subscribed", "nieuws": "opted_out"}
    assert setup.claimed(setup.letter("b", "agenda"))
    assert not setup.claimed(setup.mailing)


def test_an_address_that_nobody_has_is_kept_out_too(setup: ReaderSetup) -> None:
    assert hold(setup, "later@gouda.example") == Held(known=False, again=False)
    assert why(setup, "later@gouda.example") == "manual"


def test_what_is_no_address_is_refused(setup: ReaderSetup) -> None:
    with pytest.raises(AddressError):
        hold(setup, "geen adres")
