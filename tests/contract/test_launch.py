"""A launch: one winner, one audience, nothing twice; on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.lifecycle import control, freezing, launch, records, report
from campaigns.lifecycle.preparation import PreparedCampaign
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState
from campaigns.source.campaign_source import from_folder
from mailer import archive, outbox
from mailer.errors import FaultsError, InputError
from mailer.outbox import Hold
from mailer.storage import Database
from tests.support.campaigning import CampaignSetup, campaign_setup
from unsubscribe import contacts


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(empty_database, tmp_path)


@pytest.fixture
def small(sqlite_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(sqlite_database, tmp_path)


def read(setup: CampaignSetup, slug: str = "denkt-u-mee") -> Campaign:
    with setup.db.read() as conn:
        return records.get(conn, slug)


def launched(setup: CampaignSetup, **more: str) -> Campaign:
    campaign = launch.start(setup.config, from_folder(setup.write(**more)), setup.clock())
    freezing.freeze(setup.config.db, campaign, setup.clock, lambda: True)
    return read(setup)


def counts(setup: CampaignSetup, campaign: Campaign) -> outbox.Counts:
    with setup.db.read() as conn:
        return outbox.get(conn, campaign.mailing_id or 0).counts


def test_a_launch_keeps_the_letter_opens_a_mailing_and_freezes_the_audience(setup: CampaignSetup) -> None:
    campaign = launched(setup)
    assert campaign.state is CampaignState.SENDING
    with setup.db.read() as conn:
        mailing = outbox.get(conn, campaign.mailing_id or 0)
        assert archive.letter(conn, campaign.snapshot).from_address == "info@vng.nl"
    assert mailing.audience_complete
    assert (mailing.counts.recipients, mailing.counts.waiting) == (5, 5)
    assert mailing.spec.scope == "verenigingsnieuws"
    assert (mailing.identity.public_url, mailing.identity.key_id) == ("https://mail.example.org", 7)


def test_the_same_file_again_launches_nothing_twice(setup: CampaignSetup) -> None:
    first = launched(setup)
    setup.people(3)
    second = launched(setup)
    assert second.mailing_id == first.mailing_id
    assert counts(setup, second).recipients == 5


def test_of_many_who_launch_at_once_one_wins_and_nobody_is_added_twice(setup: CampaignSetup) -> None:
    path, launched_ones = setup.write(), []

    def go() -> None:
        campaign = launch.start(setup.config, from_folder(path), setup.clock())
        freezing.freeze(setup.config.db, campaign, setup.clock, lambda: True)
        launched_ones.append(campaign.mailing_id)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(launched_ones) == 4
    assert len(set(launched_ones)) == 1
    assert counts(setup, read(setup)).recipients == 5


def test_an_audience_that_was_cut_off_is_completed_by_somebody_else(setup: CampaignSetup) -> None:
    setup.people(4_500)
    campaign = launch.start(setup.config, from_folder(setup.write()), setup.clock())
    assert freezing.freeze_page(setup.config.db, campaign, setup.clock()) is False
    assert counts(setup, campaign).recipients == 4_000
    with setup.db.read() as conn:
        assert [item.slug for item in control.incomplete(conn)] == ["denkt-u-mee"]
    freezing.freeze(setup.config.db, read(setup), setup.clock, lambda: True)
    assert counts(setup, campaign).recipients == 4_505
    with setup.db.read() as conn:
        assert control.incomplete(conn) == []


def test_a_file_that_differs_from_what_was_launched_is_refused_with_what_differs(small: CampaignSetup) -> None:
    launched(small)
    path = small.write(layout="plain")
    with pytest.raises(InputError, match=r"\+layout: plain"):
        launch.start(small.config, from_folder(path), small.clock())


def test_the_letter_that_was_shown_is_the_one_that_is_launched_whatever_happens_to_the_file(
    small: CampaignSetup,
) -> None:
    path, shown = small.write(), []

    def confirm(prepared: PreparedCampaign) -> None:
        shown.append(prepared)
        small.write(layout="plain")

    campaign = launch.start(small.config, from_folder(path), small.clock(), confirm)
    assert campaign.source == shown[0].definition.source
    with small.db.read() as conn:
        assert archive.letter(conn, campaign.snapshot) == shown[0].compiled.letter


def test_a_launch_that_is_not_confirmed_stores_nothing(small: CampaignSetup) -> None:
    class Declined(Exception):
        pass

    def confirm(_prepared: PreparedCampaign) -> None:
        raise Declined

    with pytest.raises(Declined):
        launch.start(small.config, from_folder(small.write()), small.clock(), confirm)
    with small.db.read() as conn:
        assert records.all_campaigns(conn) == []


def test_a_segment_chooses_among_the_subscribers(small: CampaignSetup) -> None:
    small.people(3, city="Utrecht")
    small.people(2, city="Zwolle")
    campaign = launched(small, segment='contact.city == "Utrecht"')
    assert counts(small, campaign).recipients == 3


def test_an_unknown_topic_stops_a_launch_and_names_one_that_looks_like_it(small: CampaignSetup) -> None:
    path = small.write()
    path.write_text(path.read_text().replace("topic: verenigingsnieuws", "topic: verenigingsnieuw"))
    with pytest.raises(FaultsError) as raised:
        launch.start(small.config, from_folder(path), small.clock())
    assert [(fault.field, fault.hint) for fault in raised.value.faults] == [
        ("topic", "Did you mean verenigingsnieuws?")
    ]


def test_faults_of_head_and_text_are_told_together(small: CampaignSetup) -> None:
    path = small.write(rate="0")
    path.write_text(path.read_text() + "\n{{ contact.name }}\n")
    with pytest.raises(FaultsError) as raised:
        launch.start(small.config, from_folder(path), small.clock())
    assert len(raised.value.faults) == 2
    with small.db.read() as conn:
        assert records.all_campaigns(conn) == []


def test_pause_and_resume_go_to_the_mailing_too(setup: CampaignSetup) -> None:
    campaign = launched(setup)
    paused = control.pause(setup.db, "denkt-u-mee", "ester", setup.clock())
    with setup.db.read() as conn:
        assert (paused.state, paused.reason, outbox.get(conn, campaign.mailing_id or 0).state) == (
            CampaignState.PAUSED,
            "ester",
            "held",
        )
    resumed = control.resume(setup.config, "denkt-u-mee", setup.clock())
    with setup.db.read() as conn:
        assert (resumed.state, outbox.get(conn, campaign.mailing_id or 0).state) == (CampaignState.SENDING, "open")


def test_cancel_leaves_out_everybody_who_waits(setup: CampaignSetup) -> None:
    launched(setup)
    campaign = control.cancel(setup.db, "denkt-u-mee", setup.clock())
    assert campaign.state is CampaignState.CANCELLED
    with setup.db.read() as conn:
        status = report.status(conn, "denkt-u-mee")
        assert "cancelled" in report.why_not(conn, campaign)
    assert (status["skipped"], status["waiting"]) == (5, 0)


def test_what_a_quota_holds_goes_on_by_itself_when_that_is_over_and_no_other(setup: CampaignSetup) -> None:
    campaign = launched(setup)
    now = setup.clock()
    with setup.db.write() as conn:
        outbox.hold(conn, campaign.mailing_id or 0, Hold("quota", "550 hourly limit", now + timedelta(hours=1)), now)
    control.reconcile(setup.db, now)
    assert control.resume_due(setup.db, now + timedelta(minutes=59)) == []
    assert [item.slug for item in control.resume_due(setup.db, now + timedelta(hours=1))] == ["denkt-u-mee"]
    with setup.db.write() as conn:
        mailing = outbox.get(conn, campaign.mailing_id or 0)
        assert (mailing.state, mailing.resumed_words) == ("open", "")
        outbox.hold(conn, mailing.id, Hold("many_alike", "550 Blocked"), now)
    control.reconcile(setup.db, now)
    assert control.resume_due(setup.db, now + timedelta(days=99)) == []


def test_a_held_campaign_says_what_the_mail_server_said_and_until_when(setup: CampaignSetup) -> None:
    campaign = launched(setup)
    now = setup.clock()
    with setup.db.write() as conn:
        outbox.hold(conn, campaign.mailing_id or 0, Hold("quota", "550 hourly limit", now + timedelta(hours=1)), now)
    control.reconcile(setup.db, now)
    with setup.db.read() as conn:
        words = report.why_not(conn, records.get(conn, "denkt-u-mee"))
        details = report.status(conn, "denkt-u-mee")["details"]
    assert "Sending limit of the mail server reached" in words
    assert 'The mail server said: "550 hourly limit".' in words
    assert "It goes on by itself on" in words
    assert (details["held_words"], details["held_until"]) == (
        "550 hourly limit",
        (now + timedelta(hours=1)).isoformat(),
    )


def test_a_mailing_that_a_rule_holds_takes_its_campaign_along(setup: CampaignSetup) -> None:
    campaign = launched(setup)
    with setup.db.write() as conn:
        outbox.hold(conn, campaign.mailing_id or 0, "relay_refused", setup.clock())
    control.reconcile(setup.db, setup.clock())
    held = read(setup)
    assert (held.state, held.reason) == (CampaignState.HELD, "relay_refused")
    assert control.resume(setup.config, "denkt-u-mee", setup.clock()).state is CampaignState.SENDING


def test_a_campaign_without_people_left_is_finished(setup: CampaignSetup) -> None:
    with setup.db.write() as conn:
        topic = contacts.topic(conn, "verenigingsnieuws")
        for contact in contacts.audience_page(conn, topic.slug):
            contacts.set_state(conn, contact.id, topic.id, "opted_out", setup.clock())
    launched(setup)
    control.reconcile(setup.db, setup.clock())
    finished = read(setup)
    assert (finished.state, finished.finished_at) == (CampaignState.FINISHED, setup.clock())


def test_the_status_has_the_fields_of_the_contract_and_they_add_up(setup: CampaignSetup) -> None:
    launched(setup)
    with setup.db.read() as conn:
        status = report.status(conn, "denkt-u-mee")
    names = (
        "campaign state reason recipients waiting sending accepted retry refused skipped in_doubt bounced complained"
    )
    assert list(status)[:13] == names.split()
    numbers = {name: value for name, value in status.items() if isinstance(value, int)}
    assert list(numbers) == names.split()[3:]
    assert sum(numbers.values()) - numbers["recipients"] == numbers["recipients"] == 5


def test_an_unknown_slug_gets_a_name_that_looks_like_it(small: CampaignSetup) -> None:
    launched(small)
    with small.db.read() as conn, pytest.raises(InputError, match="did you mean 'denkt-u-mee'"):
        records.get(conn, "denkt-u-me")
