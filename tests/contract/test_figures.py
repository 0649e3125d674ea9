"""The figures of a report: counted once, kept as one row, counted again when something changed; people by outcome."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.lifecycle import control, figures, statistics
from campaigns.lifecycle.figures import Counting
from mailer import outbox
from mailer.errors import InputError
from mailer.outbox import Claimed
from mailer.storage import Database
from tests.support.campaigning import CampaignSetup, campaign_setup
from tests.support.plans import plans_of
from tests.support.reported import GONE, YES, Answer, add, answered, launched, read, sent
from unsubscribe import reasons


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(empty_database, tmp_path, 12)


@pytest.fixture
def small(sqlite_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(sqlite_database, tmp_path, 12)


def every_fourth_gone(one: Claimed) -> Answer:
    return GONE if one.recipient % 4 == 0 else YES


def counted(setup: CampaignSetup, mailing: int) -> outbox.Figures:
    with setup.db.read() as conn:
        return outbox.figures.count(conn, mailing, setup.clock())


def mailing_of(setup: CampaignSetup) -> int:
    return read(setup).mailing_id or 0


def test_figures_count_outcomes_minutes_and_domains_without_naming_small_ones(setup: CampaignSetup) -> None:
    for number in range(3):
        add(setup, f"lid{number}@klein{number}.example")
    campaign = launched(setup)
    answered(setup, campaign, every_fourth_gone, most=5, pace=timedelta(seconds=40))
    found = counted(setup, mailing_of(setup))
    assert found.outcomes == (("accepted", "", 12), ("refused", "no_address", 3))
    assert [(f"{at:%H:%M}", people) for at, people in found.accepted] == [("12:00", 8), ("12:01", 4)]
    assert [(one.name, one.people, one.accepted, one.refused) for one in found.domains] == [
        ("example.org", 12, 9, 3),
        ("", 3, 3, 0),
    ]


def test_figures_that_were_kept_come_back_as_they_were(setup: CampaignSetup) -> None:
    sent(setup, answer=every_fourth_gone)
    found = counted(setup, mailing_of(setup))
    with setup.db.write() as conn:
        for _ in range(2):  # the second time it takes the place of the first
            outbox.figures.keep(conn, mailing_of(setup), found)
        assert outbox.figures.kept(conn, mailing_of(setup)) == found
        assert outbox.figures.kept(conn, 999) is None


def test_figures_that_another_program_has_broken_are_counted_again(setup: CampaignSetup) -> None:
    sent(setup)
    with setup.db.write() as conn:
        outbox.figures.keep(conn, mailing_of(setup), counted(setup, mailing_of(setup)))
        conn.execute(text("UPDATE mailing_figures SET figures = 'no JSON'"))
    with setup.db.read() as conn:
        assert outbox.figures.kept(conn, mailing_of(setup)) is None


def test_the_clock_counts_what_changed_and_nothing_twice(setup: CampaignSetup) -> None:
    counting = Counting()
    campaign = launched(setup)
    assert counting.turn(setup.db, setup.clock) == [mailing_of(setup)]
    assert counting.turn(setup.db, setup.clock) == []
    answered(setup, campaign, every_fourth_gone)
    assert counting.turn(setup.db, setup.clock) == [], "while it is sent, not at each turn"
    setup.clock.forward(minutes=1)
    assert counting.turn(setup.db, setup.clock) == [mailing_of(setup)]
    control.reconcile(setup.db, setup.clock())
    with setup.db.write() as conn:
        outbox.complained(conn, mailing_of(setup), 1, setup.clock())
    assert counting.turn(setup.db, setup.clock) == [mailing_of(setup)], "one that has ended is counted at once"
    with setup.db.read() as conn:
        kept = outbox.figures.kept(conn, mailing_of(setup))
    assert kept
    assert ("complained", "complaint", 1) in kept.outcomes


def test_a_large_campaign_that_was_never_counted_has_no_figures_yet(
    small: CampaignSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "QUICK", 11)
    campaign = sent(small)
    with small.db.read() as conn:
        report = statistics.of_campaign(conn, campaign, small.clock())
    assert report
    assert report.figures is None
    assert report.is_behind
    assert report.counts.accepted == 12


def test_people_with_an_outcome_come_page_by_page_each_once(setup: CampaignSetup) -> None:
    def answer(one: Claimed) -> Answer:
        return ("refused", "full", 552, "full") if one.recipient % 4 == 1 else every_fourth_gone(one)

    sent(setup, answer=answer)
    for state, reason, people in (
        ("accepted", "", 6),
        ("refused", "", 6),
        ("refused", "full", 3),
        ("refused", "no_address", 3),
        ("skipped", "", 0),
    ):
        found, after = [], ""
        while True:
            with setup.db.read() as conn:
                page = outbox.listed(conn, mailing_of(setup), state, reason=reason, after=after, most=2)
            found += page.people
            after = page.next_after
            if not after:
                break
        assert len({one.recipient for one in found}) == len(found) == people
        assert {one.state for one in found} <= {state}
        assert not reason or {one.reason for one in found} == {reason}


def test_people_who_wait_or_are_being_offered_are_listed_too(setup: CampaignSetup) -> None:
    campaign = launched(setup)
    sender = outbox.register(setup.db, setup.folder, "a sender", setup.clock())
    with setup.db.write() as conn:
        outbox.claim(conn, sender.id, {campaign.mailing_id or 0: 5}, setup.clock())
        assert len(outbox.listed(conn, campaign.mailing_id or 0, "sending").people) == 5
        first = outbox.listed(conn, campaign.mailing_id or 0, "waiting", most=4)
        rest = outbox.listed(conn, campaign.mailing_id or 0, "waiting", after=first.next_after, most=4)
    sender.abandon()
    assert (len(first.people), len(rest.people), rest.next_after) == (4, 3, "")


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 30, "~", "1~'; DROP TABLE delivery"])
def test_a_place_that_nobody_made_begins_at_the_start_or_later(small: CampaignSetup, after: str) -> None:
    sent(small, answer=GONE)
    with small.db.read() as conn:
        assert outbox.listed(conn, mailing_of(small), "refused", after=after).people


def test_an_outcome_that_does_not_exist_is_refused(small: CampaignSetup) -> None:
    sent(small)
    with small.db.read() as conn, pytest.raises(InputError, match="there is no outcome 'delivered'"):
        outbox.listed(conn, mailing_of(small), "delivered")


def test_on_sqlite_the_people_of_a_rare_outcome_are_found_by_their_index(small: CampaignSetup) -> None:
    sent(small, answer=GONE)
    with small.db.read() as conn, plans_of(conn, "delivery") as plans:
        outbox.listed(conn, mailing_of(small), "refused", reason="no_address", after="3~no_address")
        outbox.listed(conn, mailing_of(small), "refused", after="3~no_address")
        outbox.listed(conn, mailing_of(small), "accepted", after="3")
    assert len(plans) == 3
    assert all("delivery_set_apart" in plan for plan in plans[:2]), plans
    assert "(mailing_id=? AND recipient>?)" in plans[2]
    assert not any("TEMP B-TREE" in plan for plan in plans), plans


def test_a_report_hides_opt_outs_of_few_people_and_reasons_of_few(setup: CampaignSetup) -> None:
    campaign = sent(setup, answer=lambda one: YES if one.recipient % 2 else GONE)
    with setup.db.write() as conn:
        reasons.count_left(conn, {campaign.mailing_id or 0: 2})
        for _ in range(4):
            reasons.add(conn, campaign.mailing_id or 0, "too_many")
        report = statistics.of_campaign(conn, campaign, setup.clock())
        assert report
        assert (report.opt_outs.people, report.opt_outs.reasons) == (None, None)
        reasons.add(conn, campaign.mailing_id or 0, "other")
        report = statistics.of_campaign(conn, campaign, setup.clock())
        assert report
        assert report.opt_outs.reasons == {"too_many": 4, "other": 1}


def test_a_report_stands_beside_earlier_campaigns_of_the_topic(setup: CampaignSetup) -> None:
    first = sent(setup, "letter-1")
    with setup.db.write() as conn:
        reasons.count_left(conn, {first.mailing_id or 0: 3})
    setup.clock.forward(days=7)
    sent(setup, "letter-2")
    setup.clock.forward(days=7)
    campaign = sent(setup, "letter-3")
    with setup.db.read() as conn:
        report = statistics.of_campaign(conn, campaign, setup.clock())
    assert report
    assert [(one.campaign.slug, one.counts.accepted, one.left) for one in report.earlier] == [
        ("letter-2", 12, 0),
        ("letter-1", 12, 3),
    ]
    assert report.opt_outs.people == 0


def test_a_draft_has_no_report(small: CampaignSetup) -> None:
    campaign = sent(small)
    with small.db.write() as conn:
        conn.execute(text("UPDATE campaign SET mailing_id = NULL"))
    with small.db.read() as conn:
        assert statistics.of_campaign(conn, read(small, campaign.slug), small.clock()) is None
