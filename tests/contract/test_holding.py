"""Staff hold back all mail to somebody who asks for it; only that person's own double opt-in lifts it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailer import suppression
from mailer.errors import AddressError
from mailer.storage import Database
from tests.support.people import NOW, PEPPER, Stage
from tests.support.signing_up import WISH, ask, confirm, link
from unsubscribe import erasing, holding
from unsubscribe.holding import Held


@pytest.fixture
def stage(house_database: Database) -> Stage:
    return Stage(house_database)


def hold(stage: Stage, email: str = "Esther@Gouda.example") -> Held:
    with stage.db.write() as conn:
        return holding.hold(conn, email, PEPPER, NOW)


def why(stage: Stage, email: str) -> str | None:
    with stage.db.read() as conn:
        return suppression.why(conn, erasing.hash_of(email, PEPPER), "agenda", NOW)


def test_no_letter_is_claimed_any_more_and_nothing_is_deleted(stage: Stage) -> None:
    before = stage.contact()
    assert hold(stage) == Held(known=True, again=False, topics=("agenda", "nieuws"))
    assert not stage.claimed(stage.mailing)
    assert stage.contact() == before
    assert stage.topics() == {"agenda": "opted_out", "nieuws": "opted_out"}
    assert stage.fault() == ""
    assert hold(stage) == Held(known=True, again=True)


def test_only_a_confirmed_sign_up_lifts_it_and_for_that_topic_only(stage: Stage) -> None:
    hold(stage)
    ask(stage, replace(WISH, email=stage.reader.email))
    assert why(stage, stage.reader.email) == "manual"
    confirm(stage, link(stage, 1, stage.reader.email))
    assert why(stage, stage.reader.email) is None
    assert stage.topics() == {"agenda": "subscribed", "nieuws": "opted_out"}
    assert stage.claimed(stage.letter("b", "agenda"))
    assert not stage.claimed(stage.mailing)


def test_an_address_that_nobody_has_is_kept_out_too(stage: Stage) -> None:
    assert hold(stage, "later@gouda.example") == Held(known=False, again=False)
    assert why(stage, "later@gouda.example") == "manual"


def test_what_is_no_address_is_refused(stage: Stage) -> None:
    with pytest.raises(AddressError):
        hold(stage, "geen adres")
