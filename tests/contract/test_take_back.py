"""Taking a planned campaign back races its start: one of them wins, never both, never neither."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.lifecycle import control, launch, records
from campaigns.lifecycle.control import TooLateError
from campaigns.lifecycle.states import CampaignEvent, CampaignState
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.errors import StateError
from mailer.storage import Database
from tests.support.campaigning import CampaignSetup, campaign_setup

ROUNDS = 40


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(empty_database, tmp_path)


def planned(setup: CampaignSetup, slug: str = "denkt-u-mee") -> None:
    path = setup.write(slug, send_at="2024-09-18 09:00", timezone="Europe/Amsterdam")
    launch.schedule(setup.config, from_folder(path), setup.clock())


def copies(setup: CampaignSetup, number: int) -> list[str]:
    """Copies of a planned campaign, each planned for the same hour."""
    planned(setup)
    with setup.db.write() as conn:
        first = records.get(conn, "denkt-u-mee")
        names = [f"ronde-{at}" for at in range(number)]
        for name in names:
            columns = ("source", "file_name", "snapshot", "subject", "from_address", "topic", "language", "timezone")
            values = {column: getattr(first, column) for column in columns} | {"parts": {}, "online": "none"}
            records.add(conn, values | {"slug": name, "online_code": name}, setup.clock())
            one = records.get(conn, name)
            records.change_state(conn, one, CampaignEvent.SCHEDULE, setup.clock(), send_at=first.send_at)
        records.change_state(conn, first, CampaignEvent.CANCEL, setup.clock())
    return names


def test_a_planned_campaign_that_is_taken_back_is_a_draft_of_which_nothing_was_sent(setup: CampaignSetup) -> None:
    planned(setup)
    taken = control.take_back(setup.db, "denkt-u-mee", setup.clock.forward(minutes=1))
    assert (taken.state, taken.reason, taken.send_at) == (CampaignState.DRAFT, "taken back", None)
    assert launch.launch_due(setup.config, setup.clock.forward(days=20)) == []
    with setup.db.read() as conn:
        assert records.get(conn, "denkt-u-mee").mailing_id is None


def test_a_campaign_that_was_taken_back_can_be_planned_once_more(setup: CampaignSetup) -> None:
    planned(setup)
    control.take_back(setup.db, "denkt-u-mee", setup.clock.forward(minutes=1))
    planned(setup)
    with setup.db.read() as conn:
        assert records.get(conn, "denkt-u-mee").state is CampaignState.SCHEDULED


def test_one_that_has_begun_is_not_taken_back_and_the_user_gets_the_numbers(setup: CampaignSetup) -> None:
    planned(setup)
    setup.clock.now = setup.clock.now.replace(month=9, day=18, hour=7, minute=0)
    (begun,) = launch.launch_due(setup.config, setup.clock())
    with pytest.raises(TooLateError) as caught:
        control.take_back(setup.db, begun.slug, setup.clock())
    assert (caught.value.left, caught.value.rest) == (0, 5)


def test_a_draft_cannot_be_taken_back(setup: CampaignSetup) -> None:
    planned(setup)
    control.take_back(setup.db, "denkt-u-mee", setup.clock.forward(minutes=1))
    with pytest.raises(StateError, match="is a draft"):
        control.take_back(setup.db, "denkt-u-mee", setup.clock())


def test_of_taking_back_and_the_start_exactly_one_wins(setup: CampaignSetup) -> None:
    names = copies(setup, ROUNDS)
    with setup.db.read() as conn:
        due = records.get(conn, names[0]).send_at
    assert due is not None
    for name in names:
        with setup.db.write() as conn:  # only this one is due in this round
            records.store(conn, records.get(conn, name).id, {"send_at": due - timedelta(days=1)}, setup.clock())
        launched, taken, late = race(setup, name, due - timedelta(hours=23, minutes=30))
        assert len(launched) + len(taken) == 1, (launched, taken, late)
        assert len(late) == len(launched)
        with setup.db.read() as conn:
            campaign = records.get(conn, name)
            assert campaign.state is (CampaignState.SENDING if launched else CampaignState.DRAFT)
            assert campaign.is_launched is bool(launched)
            mailings = [mailing for mailing in outbox.open_ones(conn) if mailing.spec.key == f"campaign:{campaign.id}"]
            assert len(mailings) == len(launched)


def race(setup: CampaignSetup, name: str, now: object) -> tuple[list[str], list[str], list[str]]:
    """Take back and start at the same moment; return what was launched, taken back, and too late."""
    line = threading.Barrier(2)
    launched: list[str] = []
    taken: list[str] = []
    late: list[str] = []

    def start() -> None:
        line.wait()
        launched.extend(item.slug for item in launch.launch_due(setup.config, now))  # type: ignore[arg-type]

    def take() -> None:
        line.wait()
        try:
            taken.append(control.take_back(setup.db, name, now).slug)  # type: ignore[arg-type]
        except TooLateError:
            late.append(name)

    threads = [threading.Thread(target=start), threading.Thread(target=take)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return launched, taken, late
