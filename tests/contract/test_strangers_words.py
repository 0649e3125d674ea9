"""A stranger's words: service mail repeats nothing that was typed, and a campaign makes no link of it (M2)."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta

import pytest

from campaigns.lifecycle.slot_values import ContactSlots
from mailer import archive, outbox
from mailer.errors import FaultsError
from mailer.letter.compile import compile_letter
from mailer.letter.compiled import MessageMeta
from mailer.letter.compose import Composer
from mailer.outbox import MailingSpec
from mailer.storage import Database
from tests.support.letters import small
from tests.support.people import IDENTITY, NOW, TOKENS, ReaderSetup
from unsubscribe import changes, contacts, details, notices
from unsubscribe.details import DetailsForm
from unsubscribe.notices import MOST_A_DAY, NoticeKind

LURE = "Lieve klant. Uw postvak is vol: meld u aan op https://postvak.example/nu of help@postvak.example"
WORDS = ("Lieve", "klant", "postvak", "https://postvak", "Nieuwsgierig")
ACTS = {
    "details_changed": "details",
    "optin_confirm": "sign_up",
    "address_change_new": "address",
    "address_change_old": "address",
    "my_data": "my_data",
    "opted_out": "opt_out",
}


@pytest.fixture
def setup(sqlite_database: Database) -> ReaderSetup:
    return ReaderSetup(sqlite_database)


def overwrite(setup: ReaderSetup) -> None:
    """Write a stranger's text into every place, also as an earlier version stored it."""
    with setup.db.write() as conn:
        attributes = {"salutation": LURE, "role": LURE, "new_address": LURE, "confirm": LURE, "topic": LURE}
        own = frozenset({"name", *attributes})
        contacts.change(conn, setup.reader, NOW, name=LURE, attributes=attributes, own_fields=own)


def written(
    setup: ReaderSetup, mailing: outbox.Mailing, name: str, values: dict[str, object]
) -> email.message.EmailMessage:
    """The message as it would leave."""
    with setup.db.read() as conn:
        composer = Composer(archive.letter(conn, mailing.spec.snapshot))
    stamp = MessageMeta(setup.reader.email, NOW, "a@vng.example", name, "https://mail.vng.example/u/x", "")
    found = email.message_from_bytes(composer.message(values, stamp), policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    return found


def texts(message: email.message.EmailMessage) -> str:
    """All that a reader may see: headers and both parts."""
    parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*map(str, message.values()), *parts])


@pytest.mark.parametrize("notice", sorted(MOST_A_DAY))
def test_no_letter_of_service_repeats_what_anybody_typed(setup: ReaderSetup, notice: NoticeKind) -> None:
    overwrite(setup)
    typed = {
        "topics": {"agenda": True},
        "fields": {"salutation": LURE},
        "name": LURE,
        "statement": 1,
        "scope": "nieuws",
        "confirmed": None,
        "email": "nieuwsgierig@postvak.example",
        "masked": "Nieuwsgierig@Postvak.example",
    }
    with setup.db.write() as conn:
        act = changes.keep(conn, setup.reader.id, ACTS[notice], (typed, typed), NOW)  # type: ignore[arg-type]
        assert setup.service_mail.send(conn, notice, act, notices.recipient_of(setup.reader), "nl", NOW)
        mailing = outbox.find(conn, f"{notice}:{act.id}")
        assert mailing
        filled = notices.fill(conn, mailing, [setup.reader.id], TOKENS)[setup.reader.id]
    message = written(setup, mailing, filled.name, dict(filled.values))
    assert str(message["To"]) == setup.reader.email
    assert "Geachte heer, mevrouw," in texts(message)
    assert [word for word in WORDS if word.lower() in texts(message).lower()] == []


def test_a_campaign_makes_no_link_of_what_a_reader_typed(setup: ReaderSetup) -> None:
    overwrite(setup)
    body = 'Beste {{ contact.salutation | default("lezer") }}, {{ contact.name | default("") }}.'
    with setup.db.write() as conn:
        snapshot = archive.keep(
            conn, compile_letter(small(body, subject="Voor {{ contact.name | default('u') }}")), NOW
        )
        mailing = outbox.open_mailing(conn, MailingSpec("c", "campaign", "nieuws", snapshot, IDENTITY), NOW)
        filled = ContactSlots(TOKENS).fill(conn, mailing, [setup.reader.id])[setup.reader.id]
        assert filled.values["contact"] == contacts.get(conn, setup.reader.id).values()  # type: ignore[union-attr]
    shown = texts(written(setup, mailing, filled.name, dict(filled.values)))
    assert "postvak is vol" in shown
    assert all(whole not in shown for whole in ("https://postvak", "postvak.example", "help@postvak"))


def test_what_the_organisation_itself_brought_in_stays_as_it_is(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        attributes = {"page": "https://vng.example/esther"}
        contacts.change(conn, setup.reader, NOW, attributes=attributes, own_fields=frozenset({"name"}))
        name, values = contacts.letter_values(conn, [setup.reader.id])[setup.reader.id]
    assert (name, values["page"]) == ("Esther", "https://vng.example/esther")


@pytest.mark.parametrize("wishes", [DetailsForm(name=LURE), DetailsForm(fields={"salutation": LURE})])
def test_a_name_or_field_that_says_where_to_go_is_refused_at_the_form(setup: ReaderSetup, wishes: DetailsForm) -> None:
    with setup.db.write() as conn, pytest.raises(FaultsError) as caught:
        details.save(conn, setup.token(), wishes, setup.policy, NOW + timedelta(minutes=1))
    assert [fault.field for fault in caught.value.faults] == ["name" if wishes.name else "salutation"]
    assert setup.contact() == setup.reader
