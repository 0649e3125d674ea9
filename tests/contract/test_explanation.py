"""Why did she not get it? One answer for each case, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.lifecycle import control, explanation, launch
from campaigns.lifecycle.explanation import Explanation, Question
from campaigns.lifecycle.records import Campaign
from campaigns.source.campaign_source import from_folder
from mailer import outbox, suppression
from mailer.outbox import Hold
from mailer.storage import Database
from tests.support.campaigning import TOPIC, CampaignSetup, campaign_setup
from tests.support.reported import GONE, YES, Answer, add, answered, launched, read, sent
from unsubscribe import consent, contacts
from unsubscribe.consent import ConsentEvent
from unsubscribe.contacts import Contact


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(empty_database, tmp_path, 2)


def written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %b %H:%M}"


def why(setup: CampaignSetup, campaign: Campaign, contact: Contact) -> Explanation:
    with setup.db.read() as conn:
        return explanation.explain(conn, Question(campaign, contact, written, "nl"), setup.clock())


def answer_of(setup: CampaignSetup, answer: Answer) -> Explanation:
    """The explanation for a person whose letter was answered like that."""
    anna = add(setup, "anna@example.org")
    return why(setup, sent(setup, answer=lambda one: answer if one.recipient == anna.id else YES), anna)


def state(setup: CampaignSetup, contact: Contact, state: contacts.SubscriptionState, since: datetime) -> None:
    """Store the state of a subscription to the topic of the campaign."""
    with setup.db.write() as conn:
        contacts.set_state(conn, contact.id, contacts.topic(conn, TOPIC).id, state, since)


def test_a_campaign_that_was_not_sent_went_to_nobody(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    launch.schedule(
        setup.config, from_folder(setup.write(timezone="Europe/Amsterdam")), setup.clock(), at="2024-09-18 09:00"
    )
    planned = why(setup, read(setup), anna)
    assert (planned.case, str(planned.sentence)) == ("planned", "Not yet: this campaign goes out on 18 Sep 07:00.")
    control.cancel(setup.db, "denkt-u-mee", setup.clock())
    assert why(setup, read(setup), anna).case == "not_launched"


def test_accepted_is_not_called_delivered_and_names_the_junk_folder(setup: CampaignSetup) -> None:
    found = answer_of(setup, YES)
    assert found.case == "accepted"
    assert "took this letter on 01 Sep 12:00" in found.sentence
    assert "elivered" not in found.sentence + found.advice
    assert "junk folder" in found.advice
    assert found.reply == "250 2.0.0 Ok: queued as 4F2"


def test_refused_says_why_in_words_what_to_do_and_what_the_server_said(setup: CampaignSetup) -> None:
    found = answer_of(setup, GONE)
    assert found.case == "refused"
    assert found.sentence == "The mail server refused this letter on 01 Sep 12:00: Address does not exist."
    assert "Change the address" in found.advice
    assert found.reply.startswith("550 5.1.1")


def test_a_letter_that_will_be_tried_again_says_when(setup: CampaignSetup) -> None:
    found = answer_of(setup, ("retry", "greylist", 451, "come back later"))
    assert found.case == "retry"
    assert "We try again on 01 Sep 12:15." in found.sentence


def test_in_doubt_says_that_nobody_knows(setup: CampaignSetup) -> None:
    found = answer_of(setup, ("in_doubt", "in_doubt", 0, ""))
    assert found.case == "in_doubt"
    assert found.sentence.startswith("We do not know")


def test_a_doubt_that_was_decided_says_how(setup: CampaignSetup) -> None:
    anna, kees = add(setup, "anna@example.org"), add(setup, "kees@example.org")
    campaign = sent(setup, answer=("in_doubt", "in_doubt", 0, ""))
    with setup.db.write() as conn:
        outbox.prove(conn, campaign.mailing_id or 0, anna.id, setup.clock())
    control.decide(setup.db, "denkt-u-mee", "treat_as_sent", [], setup.clock())
    assert why(setup, campaign, anna).case == "arrived"
    assert why(setup, campaign, kees).case == "treated_as_sent"


def test_came_back_and_reported_as_spam_are_told_apart(setup: CampaignSetup) -> None:
    anna, kees = add(setup, "anna@example.org"), add(setup, "kees@example.org")
    campaign = sent(setup)
    with setup.db.write() as conn:
        outbox.bounced(conn, campaign.mailing_id or 0, anna.id, "no_address", setup.clock())
        outbox.complained(conn, campaign.mailing_id or 0, kees.id, setup.clock())
    assert why(setup, campaign, anna).case == "bounced"
    assert why(setup, campaign, kees).case == "complained"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("opt_out", "Left out: this person opted out of Verenigingsnieuws on 30 Aug 12:00."),
        ("undeliverable", "Left out: mail to this address was refused on 30 Aug 12:00, so no more is sent there."),
        ("pause", "Left out: this person paused Verenigingsnieuws on 30 Aug 12:00, until 01 Oct 12:00."),
        ("complaint", "Left out: this person reported a letter as spam on 30 Aug 12:00."),
        ("manual", "Left out: the address is held back by hand since 30 Aug 12:00."),
    ],
)
def test_left_out_says_since_when_and_why(setup: CampaignSetup, reason: suppression.Reason, said: str) -> None:
    anna = add(setup, "anna@example.org")
    until = setup.clock() + timedelta(days=30) if reason == "pause" else None
    with setup.db.write() as conn:
        suppression.suppress(conn, anna.address_hash, TOPIC, reason, setup.clock() - timedelta(days=2), until)
    found = why(setup, sent(setup), anna)
    assert (found.case, str(found.sentence)) == (f"left_out:{reason}", said)
    assert found.advice


def test_left_out_for_a_reason_that_no_longer_holds_still_says_why(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    with setup.db.write() as conn:
        suppression.suppress(conn, anna.address_hash, TOPIC, "opt_out", setup.clock())
    campaign = sent(setup)
    with setup.db.write() as conn:
        suppression.lift(conn, anna.address_hash, TOPIC, ["opt_out"])
    assert why(setup, campaign, anna).sentence == "Left out on 01 Sep 12:00: opted out."


def test_a_person_whom_the_stop_of_the_campaign_came_before(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    launched(setup)
    control.cancel(setup.db, "denkt-u-mee", setup.clock())
    found = why(setup, read(setup), anna)
    assert (found.case, str(found.sentence)) == (
        "cancelled",
        "The campaign was stopped on 01 Sep 12:00, before the turn of this person.",
    )


def test_a_letter_that_was_too_late(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    campaign = launched(setup, send_before="2024-09-02 09:00", timezone="Europe/Amsterdam")
    setup.clock.forward(days=3)
    answered(setup, campaign)
    assert why(setup, read(setup), anna).case == "expired"


def test_a_letter_in_the_queue_says_what_it_waits_for(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    campaign = launched(setup)
    found = why(setup, campaign, anna)
    assert found.case == "queued"
    assert "No sender runs" in found.advice
    control.pause(setup.db, "denkt-u-mee", "vera", setup.clock())
    assert "is paused" in why(setup, read(setup), anna).sentence


def test_a_campaign_that_a_rule_holds_says_why(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    campaign = launched(setup)
    with setup.db.write() as conn:
        outbox.hold(conn, campaign.mailing_id or 0, Hold("quota", "limit"), setup.clock())
    control.reconcile(setup.db, setup.clock())
    found = why(setup, read(setup), anna)
    assert "is held" in found.sentence
    assert "Sending limit" in found.advice


def test_a_letter_that_is_offered_now(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    campaign = launched(setup)
    sender = outbox.register(setup.db, setup.folder, "a sender", setup.clock())
    with setup.db.write() as conn:
        outbox.claim(conn, sender.id, {campaign.mailing_id or 0: 10}, setup.clock())
    assert why(setup, campaign, anna).case == "being_offered"
    sender.abandon()


def test_an_audience_that_is_still_being_listed(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    campaign = launch.start(setup.config, from_folder(setup.write()), setup.clock())
    assert why(setup, campaign, anna).case == "listing"


def test_a_person_that_was_added_after_the_start(setup: CampaignSetup) -> None:
    campaign = sent(setup)
    setup.clock.forward(hours=1)
    found = why(setup, campaign, add(setup, "anna@example.org"))
    assert (found.case, str(found.sentence)) == (
        "joined_after",
        "This person was added on 01 Sep 13:00, after the campaign had started on 01 Sep 12:00.",
    )


def test_a_person_that_is_not_subscribed(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org", topic="")
    assert why(setup, sent(setup), anna).sentence == "This person is not subscribed to Verenigingsnieuws."


def test_a_subscription_that_was_not_confirmed(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org", topic="")
    state(setup, anna, "pending", setup.clock())
    assert why(setup, sent(setup), anna).case == "not_confirmed"


def test_a_person_that_had_opted_out_before(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org")
    state(setup, anna, "opted_out", setup.clock() - timedelta(days=1))
    found = why(setup, sent(setup), anna)
    assert (found.case, str(found.sentence)) == (
        "opted_out",
        "This person opted out of Verenigingsnieuws on 31 Aug 12:00.",
    )
    assert "Only this person" in found.advice


def test_a_person_that_subscribed_after_the_start(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org", topic="")
    campaign = sent(setup)
    state(setup, anna, "subscribed", setup.clock.forward(days=1))
    assert why(setup, campaign, anna).case == "subscribed_after"


def test_a_person_that_had_left_and_came_back_after_the_start(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org", topic="")
    with setup.db.write() as conn:
        for kind in ("given", "withdrawn"):
            consent.record(conn, ConsentEvent(anna.id, kind, TOPIC, setup.clock.forward(hours=1)), setup.clock())
    setup.clock.forward(days=1)
    campaign = sent(setup)
    state(setup, anna, "subscribed", setup.clock.forward(days=1))
    found = why(setup, campaign, anna)
    assert (found.case, "opted out of Verenigingsnieuws on 01 Sep 14:00" in found.sentence) == ("came_back", True)


def test_a_person_outside_the_group_of_the_campaign(setup: CampaignSetup) -> None:
    anna = add(setup, "anna@example.org", "Anna")
    add(setup, "kees@example.org", "Kees")
    campaign = sent(setup, segment='contact.name == "Kees"')
    found = why(setup, campaign, anna)
    assert (found.case, str(found.advice)) == ("other_group", 'The group: contact.name == "Kees"')


def test_a_person_for_whom_nothing_tells_why(setup: CampaignSetup) -> None:
    campaign = sent(setup)
    with setup.db.write() as conn:
        contact = contacts.find(conn, "lezer0@example.org")
        assert contact
        conn.exec_driver_sql(f"DELETE FROM delivery WHERE recipient = {contact.id}")
    assert why(setup, campaign, contact).case == "unknown"
