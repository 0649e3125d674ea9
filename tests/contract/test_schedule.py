"""A campaign starts at its hour, not before, once; with a clock that the test sets."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES

from campaigns.lifecycle import control, launch, records
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.schedule import Schedule
from campaigns.lifecycle.states import CampaignState
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.errors import FaultsError, StateError, StorageAway
from mailer.storage import Database, open_database
from tests.support.campaigning import CampaignSetup, campaign_setup
from tests.support.waiting import wait_until

HOUR = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(empty_database, tmp_path)


@pytest.fixture
def small(sqlite_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(sqlite_database, tmp_path)


def plan(setup: CampaignSetup, at: str = "2024-09-18 09:00") -> Campaign:
    return launch.schedule(
        setup.config, from_folder(setup.write(send_at=at, timezone="Europe/Amsterdam")), setup.clock()
    )


def tick(setup: CampaignSetup) -> None:
    clockwork = Schedule(setup.config, setup.clock)
    clockwork.look()
    clockwork.freeze()
    clockwork.follow()


def read(setup: CampaignSetup) -> Campaign:
    with setup.db.read() as conn:
        return records.get(conn, "denkt-u-mee")


def recipients(setup: CampaignSetup) -> int:
    campaign = read(setup)
    if campaign.mailing_id is None:
        return 0
    with setup.db.read() as conn:
        return outbox.get(conn, campaign.mailing_id).counts.recipients


def test_nothing_leaves_a_second_before_the_hour_and_everything_from_it_on(setup: CampaignSetup) -> None:
    planned = plan(setup)
    assert (planned.state, planned.send_at) == (CampaignState.SCHEDULED, HOUR)
    setup.clock.now = HOUR - timedelta(seconds=1)
    tick(setup)
    assert (read(setup).state, recipients(setup)) == (CampaignState.SCHEDULED, 0)
    setup.clock.now = HOUR
    tick(setup)
    assert (read(setup).state, recipients(setup)) == (CampaignState.SENDING, 5)


def test_who_joins_before_the_hour_is_counted(small: CampaignSetup) -> None:
    plan(small)
    small.people(2)
    small.clock.now = HOUR
    tick(small)
    assert recipients(small) == 7


def test_a_restart_forgets_nothing(small: CampaignSetup) -> None:
    plan(small)
    small.db.close()
    again = CampaignSetup(open_database(f"sqlite:///{small.db.sqlite_path}"), small.folder, small.clock)
    again.clock.now = HOUR + timedelta(minutes=59)
    tick(again)
    assert read(again).state is CampaignState.SENDING
    again.db.close()


def test_an_hour_that_was_missed_by_too_much_is_held_and_said(setup: CampaignSetup) -> None:
    plan(setup)
    setup.clock.now = HOUR + timedelta(hours=1, seconds=1)
    tick(setup)
    held = read(setup)
    assert (held.state, held.reason) == (CampaignState.HELD, "missed")
    assert recipients(setup) == 0
    with pytest.raises(StateError, match="its hour passed while nothing was serving"):
        launch.start(setup.config, from_folder(setup.folder / "denkt-u-mee.md"), setup.clock())


def test_a_campaign_that_missed_its_hour_is_sent_by_resume(small: CampaignSetup) -> None:
    plan(small)
    small.clock.now = HOUR + timedelta(days=1)
    tick(small)
    assert control.resume(small.config, "denkt-u-mee", small.clock()).state is CampaignState.SENDING
    tick(small)
    assert recipients(small) == 5


def test_a_campaign_that_missed_its_hour_can_be_planned_anew(small: CampaignSetup) -> None:
    plan(small)
    small.clock.now = HOUR + timedelta(days=1)
    tick(small)
    again = plan(small, "2024-09-20 09:00")
    assert (again.state, again.send_at) == (CampaignState.SCHEDULED, datetime(2024, 9, 20, 7, tzinfo=UTC))


def test_two_serving_processes_start_a_campaign_once(setup: CampaignSetup) -> None:
    plan(setup)
    setup.clock.now = HOUR
    started: list[Campaign] = []

    def look() -> None:
        started.extend(Schedule(setup.config, setup.clock).look())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 1
    tick(setup)
    assert recipients(setup) == 5


def test_an_hour_that_was_moved_while_somebody_looked_is_not_started_early(small: CampaignSetup) -> None:
    plan(small)
    small.clock.now = HOUR
    with small.db.read() as conn:
        (seen,) = records.due(conn, HOUR)
    plan(small, "2024-09-18 10:00")
    with small.db.write() as conn:
        assert launch._open_mailing(conn, small.config, seen, launch.CampaignEvent.START, HOUR, strict=False) is None
    assert read(small).state is CampaignState.SCHEDULED


@pytest.mark.parametrize(
    ("at", "utc"),
    [
        ("2025-03-30 01:59:59", datetime(2025, 3, 30, 0, 59, 59, tzinfo=UTC)),
        ("2025-03-30 03:00", datetime(2025, 3, 30, 1, 0, tzinfo=UTC)),
        ("2025-03-30 09:00", datetime(2025, 3, 30, 7, 0, tzinfo=UTC)),
        ("2025-10-26 01:59", datetime(2025, 10, 25, 23, 59, tzinfo=UTC)),
        ("2025-10-26 02:30+02:00", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("2025-10-26 02:30+01:00", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
        ("2025-10-26 03:00", datetime(2025, 10, 26, 2, 0, tzinfo=UTC)),
    ],
)
def test_on_the_days_when_the_clock_changes_it_starts_at_the_second_that_was_meant(
    small: CampaignSetup, at: str, utc: datetime
) -> None:
    plan(small, at)
    small.clock.now = utc - timedelta(seconds=1)
    tick(small)
    assert read(small).state is CampaignState.SCHEDULED
    small.clock.now = utc
    tick(small)
    assert read(small).state is CampaignState.SENDING


@pytest.mark.parametrize(
    ("at", "sentence"), [("2025-03-30 02:30", "does not exist"), ("2025-10-26 02:30", "happens twice")]
)
def test_an_hour_that_is_not_there_or_there_twice_is_refused(small: CampaignSetup, at: str, sentence: str) -> None:
    with pytest.raises(FaultsError, match=sentence):
        plan(small, at)


def test_the_past_is_refused_with_what_to_do_instead(small: CampaignSetup) -> None:
    with pytest.raises(FaultsError, match="send_now"):
        plan(small, "2024-08-18 09:00")


def test_a_plan_needs_an_hour(small: CampaignSetup) -> None:
    with pytest.raises(FaultsError, match="the hour of sending"):
        launch.schedule(small.config, from_folder(small.write()), small.clock())


def test_planning_again_changes_hour_and_text(small: CampaignSetup) -> None:
    first = plan(small)
    path = small.write(send_at="2024-09-19 09:00", timezone="Europe/Amsterdam", layout="plain")
    second = launch.schedule(small.config, from_folder(path), small.clock.forward(minutes=1))
    assert second.id == first.id
    assert second.snapshot != first.snapshot
    assert second.send_at == HOUR + timedelta(days=1)


def test_a_cancelled_plan_starts_never(small: CampaignSetup) -> None:
    plan(small)
    control.cancel(small.db, "denkt-u-mee", small.clock())
    small.clock.now = HOUR
    tick(small)
    assert read(small).state is CampaignState.CANCELLED


def test_the_clockwork_itself_starts_a_campaign_when_it_looks_after_its_hour(small: CampaignSetup) -> None:
    """Expected: it looks each second; none before the hour starts it, the first or second after the hour does."""
    plan(small)
    clockwork, looked = Schedule(small.config, small.clock), threading.Semaphore(0)
    clockwork.scheduler.add_listener(lambda event: event.job_id == "look" and looked.release(), EVENT_JOB_EXECUTED)
    clockwork.start()
    try:
        assert looked.acquire(timeout=120)
        assert read(small).state is CampaignState.SCHEDULED
        small.clock.now = HOUR
        for _ in range(2):  # one look may have begun before the hour
            assert looked.acquire(timeout=120)
        assert read(small).state is CampaignState.SENDING
    finally:
        clockwork.close()


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(hours=1), -timedelta(days=20_000)], ids=str)
def test_a_machine_whose_clock_is_set_while_it_serves_goes_on_looking(small: CampaignSetup, ahead: timedelta) -> None:
    """E19: put back by a day or an hour, or forward from 1970: the next look seems that far away, or that late."""
    plan(small)
    clockwork = Schedule(small.config, small.clock)
    clockwork.start()
    try:
        for job in ("look", "freeze", "follow"):
            clockwork.scheduler.modify_job(job, next_run_time=datetime.now(UTC) + ahead)
        small.clock.now = HOUR
        wait_until(lambda: recipients(small) == 5)
        assert (read(small).state, recipients(small)) == (CampaignState.SENDING, 5)
    finally:
        clockwork.close()


def test_the_clock_tidies_as_soon_as_it_runs_and_a_failing_chore_stops_nothing_else(small: CampaignSetup) -> None:
    plan(small)
    small.clock.now = HOUR
    asked: list[datetime] = []
    begun = threading.Event()

    def tidy(now: datetime) -> None:
        asked.append(now)
        begun.set()
        raise StorageAway("the database is away")

    clockwork = Schedule(small.config, small.clock, tidy)
    clockwork.start()
    assert begun.wait(120)
    wait_until(lambda: read(small).state is CampaignState.SENDING)
    clockwork.close()
    assert asked == [HOUR]
    assert read(small).state is CampaignState.SENDING


def test_turns_that_are_left_out_while_one_takes_long_fill_no_log(
    small: CampaignSetup, caplog: pytest.LogCaptureFixture
) -> None:
    """Expected: while a turn is held up, none of those after it is a line; after it the schedule goes on."""
    gate, turns, left_out = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)
    clockwork = Schedule(small.config, small.clock)

    def held_up() -> None:
        turns.release()
        gate.wait(120)

    small_job = clockwork.scheduler.get_job("look")
    small_job.modify(args=[held_up])
    clockwork.scheduler.add_listener(lambda _event: left_out.release(), EVENT_JOB_MAX_INSTANCES)
    clockwork.start()
    assert turns.acquire(timeout=120)
    for _ in range(3):
        assert left_out.acquire(timeout=120)
    gate.set()
    assert turns.acquire(timeout=120)
    clockwork.close()
    assert [record.getMessage() for record in caplog.records if "skipped" in record.getMessage()] == []
