"""Signing up: one letter, one button, the same answer for everybody, and nothing that stays without a confirmation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from mailer import outbox, suppression, undeliverable
from mailer.errors import FaultsError, TokenError
from mailer.outbox.tables import DELIVERY, MAILING
from mailer.signing import Purpose
from mailer.storage import Database
from mailer.undeliverable import MailboxStatement
from tests.support.people import NOW, PEPPER, ReaderSetup
from tests.support.signing_up import WISH, ask, confirm, link, person
from unsubscribe import changes, consent, contacts, erasing, notices, optout, retention, signup, verifying
from unsubscribe.settings import ReaderSettings
from unsubscribe.signup import SignUpForm


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


@pytest.fixture
def one(sqlite_database: Database) -> ReaderSetup:
    return ReaderSetup(sqlite_database)


def letters(setup: ReaderSetup) -> int:
    """How many letters to confirm there are."""
    with setup.db.read() as conn:
        joined = select(func.count()).select_from(DELIVERY.join(MAILING, MAILING.c.id == DELIVERY.c.mailing_id))
        return conn.execute(joined.where(MAILING.c.key.like("optin_confirm:%"))).scalar_one()


def states(setup: ReaderSetup, email: str = WISH.email) -> dict[str, str]:
    found = person(setup, email)
    assert found
    with setup.db.read() as conn:
        return dict(contacts.subscriptions(conn, found.id))


def test_asking_sends_one_letter_and_nothing_else(setup: ReaderSetup) -> None:
    ask(setup)
    assert letters(setup) == 1
    assert states(setup) == {"agenda": "pending"}
    with setup.db.read() as conn:
        assert [contact.email for contact in contacts.audience_page(conn, "agenda")] == [setup.reader.email]


def test_looking_at_the_link_confirms_nothing(setup: ReaderSetup) -> None:
    ask(setup)
    with setup.db.read() as conn:
        for _ in range(3):
            shown = signup.look(conn, link(setup))
    assert (shown.stand, shown.masked) == ("waiting", "N•••@g•••.example")
    assert [topic.slug for topic in shown.topics] == ["agenda"]
    assert states(setup) == {"agenda": "pending"}


def test_confirming_subscribes_and_records_the_exact_text(setup: ReaderSetup) -> None:
    ask(setup)
    assert confirm(setup, link(setup)).stand == "confirmed"
    assert states(setup) == {"agenda": "subscribed"}
    found = person(setup)
    assert found
    assert found.name == "Nieuw"
    with setup.db.read() as conn:
        chain = verifying.verify(conn, found.id, ["agenda"])
    assert chain.fault == ""
    assert [entry.kind for entry in chain.entries] == ["requested", "confirmed"]
    asked = chain.entries[0]
    assert asked.statement == consent.ConsentStatement("consent", WISH.source, WISH.text, "2")
    assert asked.detail == {"address": "Nieuw@gouda.example", "form": WISH.source, "peer": "192.0.2.1"}


def test_confirming_twice_is_confirming_once(setup: ReaderSetup) -> None:
    ask(setup)
    token = link(setup)
    confirm(setup, token)
    assert confirm(setup, token, NOW + timedelta(days=1)).stand == "confirmed"
    found = person(setup)
    assert found
    with setup.db.read() as conn:
        assert len(verifying.chain(conn, found.id).entries) == 2


@pytest.mark.parametrize("reason", ["opt_out", "complaint", "erased"])
def test_the_persons_own_confirmation_lifts_what_held_them_back(setup: ReaderSetup, reason: suppression.Reason) -> None:
    with setup.db.write() as conn:
        hashed = erasing.hash_of(WISH.email, PEPPER)
        suppression.suppress(conn, hashed, "", reason, NOW)
    ask(setup)
    assert letters(setup) == 1
    with setup.db.read() as conn:
        assert suppression.why(conn, hashed, "agenda", NOW) == reason
    confirm(setup, link(setup))
    with setup.db.read() as conn:
        assert suppression.why(conn, hashed, "agenda", NOW) is None


def dead(setup: ReaderSetup, email: str = WISH.email) -> bytes:
    """An address that a mail server said is gone; its hash."""
    with setup.db.write() as conn:
        hashed = erasing.hash_of(email, PEPPER)
        suppression.suppress(conn, hashed, "", "undeliverable", NOW)
    return hashed


def claimed(setup: ReaderSetup, key: str, now: datetime = NOW) -> int:
    """How many rows of a letter a sender takes."""
    with setup.db.write() as conn:
        mailing = outbox.find(conn, key)
        assert mailing
        taken = outbox.claim(conn, 1, {mailing.id: 5}, now)
        assert outbox.unwanted(conn, [row.delivery for row in taken], now) == set()
        return len(taken)


def test_the_letter_to_confirm_goes_to_a_dead_address_and_no_other_letter_does(setup: ReaderSetup) -> None:
    dead(setup, setup.reader.email)
    ask(setup, replace(WISH, email=setup.reader.email))
    with setup.db.write() as conn:
        act = changes.keep(conn, setup.reader.id, "my_data", ({}, {}), NOW)
        setup.service_mail.send(conn, "my_data", act, notices.recipient_of(setup.reader), "nl", NOW)
    assert claimed(setup, "optin_confirm:1") == 1
    assert claimed(setup, f"my_data:{act.id}") == 0
    assert not setup.claimed(setup.mailing)


def test_confirming_lifts_undeliverable_for_all_mail(setup: ReaderSetup) -> None:
    hashed = dead(setup)
    ask(setup)
    with setup.db.read() as conn:
        signup.look(conn, link(setup))
        assert suppression.why(conn, hashed, "agenda", NOW) == "undeliverable"
    confirm(setup, link(setup))
    with setup.db.read() as conn:
        assert suppression.entries(conn, hashed) == []


def test_confirming_forgets_what_servers_said_of_the_mailbox(setup: ReaderSetup) -> None:
    ask(setup)
    found = person(setup)
    assert found
    said = MailboxStatement(1, setup.mailing, found.id, found.address_hash, found.domain, "inactive", clear=False)
    with setup.db.write() as conn:
        undeliverable.record(conn, [said], NOW)
    confirm(setup, link(setup))
    with setup.db.write() as conn:
        assert undeliverable.forget(conn, [found.address_hash]) == 0


def test_confirming_for_one_topic_leaves_what_was_left_for_another(setup: ReaderSetup) -> None:
    hashed = dead(setup, setup.reader.email)
    with setup.db.write() as conn:
        optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "topic", NOW)
    ask(setup, replace(WISH, email=setup.reader.email))
    confirm(setup, link(setup, 2, setup.reader.email))
    with setup.db.read() as conn:
        assert [(entry.scope, entry.reason) for entry in suppression.entries(conn, hashed)] == [("nieuws", "opt_out")]


def test_a_dead_address_gets_one_letter_a_day_like_any_other(one: ReaderSetup) -> None:
    dead(one)
    for number in range(30):
        ask(one, replace(WISH, peer=f"192.0.2.{number}"), NOW + timedelta(minutes=number))
    assert letters(one) == 1
    ask(one, now=NOW + timedelta(hours=25))
    assert letters(one) == 2


def test_a_letter_to_confirm_leaves_before_its_link_ends_or_not_at_all(one: ReaderSetup) -> None:
    ask(one)
    assert claimed(one, "optin_confirm:1", NOW + timedelta(days=notices.UNDO_DAYS)) == 0
    with one.db.read() as conn:
        (letter,) = outbox.posted_to(conn, (person(one) or one.reader).id)
    assert (letter.state, letter.reason) == ("skipped", "expired")


def test_who_left_all_mail_and_signs_up_for_one_topic_gets_that_one_only(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "all", NOW)
    ask(setup, replace(WISH, email=setup.reader.email))
    assert setup.topics() == {"nieuws": "opted_out", "agenda": "opted_out"}
    change = 2
    confirm(setup, link(setup, change, setup.reader.email))
    assert setup.topics() == {"nieuws": "opted_out", "agenda": "subscribed"}
    assert setup.claimed(setup.letter("b", "agenda"))
    assert not setup.claimed(setup.mailing)


def test_what_a_stranger_types_changes_nothing_that_is_known(setup: ReaderSetup) -> None:
    ask(setup, replace(WISH, email=setup.reader.email, name="Stranger", language="fr"))
    assert setup.contact() == setup.reader
    assert setup.topics() == {"nieuws": "subscribed", "agenda": "subscribed"}


def test_a_request_that_is_not_confirmed_goes_with_all_that_it_left(setup: ReaderSetup) -> None:
    ask(setup)
    token = link(setup)
    later = NOW + timedelta(days=15)
    assert retention.tidy(setup.db, ReaderSettings(), PEPPER, later).expired == 1
    assert person(setup) is None
    assert confirm(setup, token, later).stand == "gone"
    with setup.db.read() as conn:
        assert verifying.chain(conn, token.recipient).entries == ()
        (letter,) = outbox.posted_to(conn, token.recipient)
    assert (letter.key, letter.address, letter.state) == ("optin_confirm:1", "", "skipped")


def test_a_request_of_somebody_known_goes_and_leaves_the_person(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        contacts.describe_topic(conn, contacts.topic(conn, "bestuur").id, is_open=True)
    ask(setup, replace(WISH, email=setup.reader.email, topics=("bestuur",)))
    assert setup.topics()["bestuur"] == "pending"
    assert retention.tidy(setup.db, ReaderSettings(), PEPPER, NOW + timedelta(days=15)).expired == 1
    assert setup.topics() == {"nieuws": "subscribed", "agenda": "subscribed"}


def test_a_confirmed_request_stays(setup: ReaderSetup) -> None:
    ask(setup)
    confirm(setup, link(setup))
    assert retention.tidy(setup.db, ReaderSettings(), PEPPER, NOW + timedelta(days=15)).expired == 0
    assert states(setup) == {"agenda": "subscribed"}


@pytest.mark.parametrize(
    ("wish", "fields"),
    [
        (replace(WISH, email="geen adres"), ["email"]),
        (replace(WISH, topics=()), ["topics"]),
        (replace(WISH, topics=("nieuws",)), ["topics"]),
        (replace(WISH, email="", topics=("nix",)), ["email", "topics"]),
    ],
)
def test_there_must_be_an_address_and_an_open_topic(one: ReaderSetup, wish: SignUpForm, fields: list[str]) -> None:
    with pytest.raises(FaultsError) as caught:
        ask(one, wish)
    assert [fault.field for fault in caught.value.faults] == fields
    assert letters(one) == 0


def test_a_link_is_for_the_person_who_got_it(setup: ReaderSetup) -> None:
    ask(setup)
    token = link(setup)
    with setup.db.write() as conn, pytest.raises(TokenError):
        signup.confirm(conn, replace(token, recipient=setup.reader.id), NOW)
