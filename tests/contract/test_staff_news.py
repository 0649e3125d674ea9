"""News of a sender is told to staff, once, and only to people that want it; on both databases."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from campaigns.lifecycle import control, launch, records
from campaigns.lifecycle.records import Campaign
from campaigns.source.campaign_source import from_folder
from campaigns.staff import users
from campaigns.staff.mails import StaffMail, first_choice, offered
from campaigns.staff.rights import Role
from mailer import archive, outbox
from mailer.outbox import Claimed
from mailer.storage import Database
from mailer.transport.memory import MemoryTransport
from mailer.worker.message_builder import MessageBuilder
from tests.support.console import ConsoleSetup, console_setup
from tests.support.staff_mail import WaitingMail, waiting


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    made = console_setup(empty_database, tmp_path, 3)
    made.staff("sender")
    made.staff("author")
    return made


def launched(setup: ConsoleSetup) -> Campaign:
    return launch.start(setup.config, from_folder(setup.write(), None), setup.clock(), lambda _prepared: None)


def follow(setup: ConsoleSetup, times: int = 2) -> list[WaitingMail]:
    context = setup.context()
    for _ in range(times):
        control.reconcile(setup.db, setup.clock(), context.staff_news)
    return waiting(setup)


def settle(setup: ConsoleSetup, campaign: Campaign, accepted: int, in_doubt: int = 0) -> None:
    """Write the counts of a mailing that went out, as senders do."""
    with setup.db.write() as conn:
        conn.exec_driver_sql(
            f"UPDATE mailing SET waiting = 0, accepted = {accepted}, in_doubt = {in_doubt}, audience_complete = true "
            f"WHERE id = {campaign.mailing_id}"
        )


def test_a_finished_campaign_is_told_once_to_those_who_want_it(setup: ConsoleSetup) -> None:
    campaign = launched(setup)
    settle(setup, campaign, 3)
    told = follow(setup)
    assert [(mail.kind, mail.address, mail.link) for mail in told] == [
        ("finished", setup.staff("sender"), f"/campaigns/{campaign.slug}")
    ]


def test_a_held_campaign_is_told_each_time_that_it_is_held(setup: ConsoleSetup) -> None:
    campaign = launched(setup)
    for _ in range(2):
        with setup.db.write() as conn:
            outbox.hold(conn, campaign.mailing_id or 0, "relay", setup.clock())
        follow(setup)
        setup.clock.now += timedelta(minutes=5)
        control.resume(setup.config, campaign.slug, setup.clock())
    assert [mail.kind for mail in waiting(setup)] == ["held", "held"]


def test_doubts_are_told_once_for_a_campaign(setup: ConsoleSetup) -> None:
    settle(setup, launched(setup), 2, in_doubt=1)
    assert sorted(mail.kind for mail in follow(setup, 3)) == ["finished", "in_doubt"]


def test_a_relay_that_is_away_for_ten_minutes_is_told_once_a_day(setup: ConsoleSetup) -> None:
    sender = outbox.register(setup.db, setup.folder, "here", setup.clock())
    try:
        with setup.db.write() as conn:
            outbox.relay_away(conn, sender.id, setup.clock(), "relay", "no answer")
        assert follow(setup) == []
        setup.clock.now += timedelta(minutes=10)
        assert [mail.kind for mail in follow(setup, 3)] == ["relay_away"]
    finally:
        sender.close(setup.clock())


def test_nothing_is_told_to_a_person_without_a_verified_address_or_the_right(setup: ConsoleSetup) -> None:
    mailer, sender, writer = setup.context().staff_mail, setup.staff("sender"), setup.staff("author")
    with setup.db.write() as conn:
        number = users.named(conn, sender).id
        users.change(conn, number, setup.clock(), verified_at=None)
        assert not mailer.send(conn, StaffMail.HELD, users.get(conn, number), "1", setup.clock())
        author = users.named(conn, writer)
        users.change(conn, author.id, setup.clock(), mails="relay_away held")
        author = users.get(conn, author.id)
        assert not mailer.send(conn, StaffMail.RELAY_AWAY, author, "0-1", setup.clock())
        assert mailer.send(conn, StaffMail.HELD, author, "1", setup.clock())


def test_a_mail_is_about_the_campaign_and_names_nobody(setup: ConsoleSetup) -> None:
    campaign = launched(setup)
    settle(setup, campaign, 3)
    follow(setup)
    with setup.db.read() as conn:
        [mailing] = [each for each in outbox.open_ones(conn) if each.is_service]
        kept = archive.letter(conn, mailing.spec.snapshot).to_bytes().decode()
        assert "Vera" not in kept
        assert campaign.shown not in kept
        assert records.numbered(conn, campaign.id) == records.get(conn, campaign.slug)
        letters = outbox.posted_to(conn, 1)  # of the contact with the number of the user
    assert letters == []


def test_a_removed_person_gets_no_mail_that_still_waits(setup: ConsoleSetup) -> None:
    settle(setup, launched(setup), 3)
    assert len(follow(setup)) == 1
    sender = setup.staff("sender")
    with setup.db.write() as conn:
        users.remove(conn, users.named(conn, sender).id, setup.clock())
    assert waiting(setup) == []


def test_each_first_choice_is_offered_to_that_role() -> None:
    for role in Role:
        assert first_choice([role]) <= set(offered([role]))


def test_a_mail_as_it_leaves_has_the_link_and_the_campaign_as_text(setup: ConsoleSetup) -> None:
    context, address, campaign = setup.context(), setup.staff("sender"), launched(setup)
    with setup.db.write() as conn:
        conn.exec_driver_sql("UPDATE campaign SET name = '<b>Nieuws</b>'")
        context.staff_mail.send(conn, StaffMail.HELD, users.named(conn, address), str(campaign.id), setup.clock())
    builder = MessageBuilder(context.worker_deps(MemoryTransport()))
    with setup.db.read() as conn:
        [mailing] = [each for each in outbox.open_ones(conn) if each.is_service]
        [item] = outbox.deliveries(conn, mailing.id)
        claim = Claimed(
            item.delivery, mailing.id, item.recipient, item.address, b"x" * 16, item.domain, 1, 0, setup.clock()
        )
        [(_claim, make)] = builder.make(conn, mailing, [claim]).ready
    message = message_from_bytes(make().content, policy=policy.default)
    assert (message["to"], message["list-unsubscribe"]) == (address, None)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert f"/console/campaigns/{campaign.slug}>" in plain.get_content()
    assert "&lt;b&gt;Nieuws&lt;/b&gt;" in html.get_content()
    builder.close()
