"""A contact gets the data about it through its mailbox, and has it erased on request."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mailer import archive, outbox
from mailer.letter.compile import compile_letter
from mailer.outbox import MailingSpec
from mailer.outbox.tables import MAILING
from mailer.signing import Purpose
from mailer.storage import Database
from tests.support.letters import small
from tests.support.people import IDENTITY, NOW, TOKENS, ReaderSetup
from unsubscribe import contacts, details, my_data, notices, optout
from unsubscribe.details import DetailsForm
from unsubscribe.endpoint.known_data import parts
from unsubscribe.web.pages import View


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


def ask(setup: ReaderSetup, hours: int = 0) -> int:
    """How many letters there are after asking."""
    with setup.db.write() as conn:
        my_data.ask(conn, setup.token(), setup.service_mail, NOW + timedelta(hours=hours))
        query = select(func.count()).select_from(MAILING).where(MAILING.c.key.like("my_data:%"))
        return conn.execute(query).scalar_one()


def test_one_letter_a_day_with_a_link_that_ends_after_three_days(setup: ReaderSetup) -> None:
    assert [ask(setup), ask(setup, 1), ask(setup, 25)] == [1, 1, 2]
    url = str(setup.mail("my_data:1")["show"])
    token = TOKENS.read(url.removeprefix("https://mail.vng.example/my-data/"), Purpose.MY_DATA, NOW)
    assert token.recipient == setup.reader.id
    assert token.expires == (NOW + timedelta(days=3)).timestamp()


def test_everything_that_is_known_is_told(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        details.save(conn, setup.token(), DetailsForm(name="Esther de Wit"), setup.policy, NOW)
        optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "topic", NOW)
        told = my_data.everything(conn, setup.token())
    assert told
    text = json.dumps(told, ensure_ascii=False)
    assert all(word in text for word in ("Esther de Wit", "griffier", "esther@gouda.example", "opted_out", "withdrawn"))
    assert told["consent"]["intact"] is True
    assert [entry["reason"] for entry in told["held_back"]] == ["opt_out"]
    assert told["changes"][0]["before"] == {"name": "Esther", "own": []}


def test_the_letters_to_a_person_are_told_with_what_became_of_each(setup: ReaderSetup) -> None:
    other = setup.letter("b", "agenda")
    assert setup.claimed(other)
    with setup.db.write() as conn:
        (row,) = [item for item in outbox.posted_to(conn, setup.reader.id) if item.key == "b"]
        assert (row.state, row.scope) == ("sending", "agenda")
        refused = outbox.Settlement(2, other, 1, "refused", "no_such_person", 550, "5.1.1 nobody")
        outbox.settle(conn, 1, [refused], NOW)
        told = my_data.everything(conn, setup.token())
    assert told
    waiting, settled = told["letters"]
    assert (waiting["mailing"], waiting["state"], waiting["at"]) == ("a", "waiting", None)
    assert settled == {
        "subject": "",
        "mailing": "b",
        "kind": "campaign",
        "topic": "agenda",
        "address": "esther@gouda.example",
        "state": "refused",
        "reason": "no_such_person",
        "at": NOW.isoformat(),
        "answer": "550 5.1.1 nobody",
    }


def test_letters_are_told_by_their_subject_also_when_the_campaign_is_gone(setup: ReaderSetup) -> None:
    compiled = compile_letter(small("Dag.", subject='Denkt u mee, {{ contact.name | default("lid") }}?'))
    with setup.db.write() as conn:
        snapshot = archive.keep(conn, compiled, NOW)
        made = outbox.open_mailing(conn, MailingSpec("campaign:7", "campaign", "agenda", snapshot, IDENTITY), NOW)
        outbox.enqueue(conn, made.id, [notices.recipient_of(setup.reader)], 1, NOW)
        told = my_data.everything(conn, setup.token())
    assert told
    assert [letter["subject"] for letter in told["letters"]] == ["", "Denkt u mee, lid?"]
    page = dict(parts(View("nl"), told))["Mail aan u"]
    assert [text.partition(": ")[2] for _, text in page] == [
        "Nieuws – een mail waarvan wij de tekst niet meer hebben",
        "Agenda – Denkt u mee, lid?",
    ]
    assert "campaign" not in str(page)


def test_topics_are_named_in_the_language_of_the_reader(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        for slug in ("agenda", "nieuws"):
            names = {"nl": f"{slug} (nl)", "fr": f"{slug} (fr)"}
            contacts.describe_topic(conn, contacts.topic(conn, slug).id, name=f"{slug} (en)", names=names)
        contacts.drop_standings(conn, setup.reader.id, [contacts.topic(conn, "nieuws").id])
        optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "topic", NOW)
        for language in ("nl", "fr", "en"):
            told = my_data.everything(conn, setup.token(), language)
            assert told
            shown = str(parts(View(language), told))
            assert all(f"{slug} ({language})" in shown for slug in ("agenda", "nieuws"))
            assert shown.count(f"({language})") == shown.count("(nl)") + shown.count("(fr)") + shown.count("(en)")


def test_erase_me_erases_and_then_nothing_is_known(setup: ReaderSetup) -> None:
    ask(setup)
    with setup.db.write() as conn:
        assert my_data.erase(conn, setup.token(), NOW) is not None
        assert my_data.erase(conn, setup.token(), NOW) is None
        assert my_data.everything(conn, setup.token()) is None
        my_data.ask(conn, setup.token(), setup.service_mail, NOW)
        mailing = outbox.find(conn, "my_data:1")
    assert mailing
    assert mailing.counts.skipped == 1
