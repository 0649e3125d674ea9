"""Helper processes: what a job may use, what becomes of a bad one, and that the next one works."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from campaigns.ops.work_pool import BUSY, DIED, TOO_LARGE, TOO_LONG, WorkLimits, WorkPool, WorkStopped
from mailer.errors import FaultsError, InputError
from mailer.messages import Message
from tests.support import jobs

SOON = WorkLimits(seconds=1.0, patience=30.0)


@pytest.fixture
def pool() -> Iterator[WorkPool]:
    """One helper, so that the next job meets what the one before left."""
    made = WorkPool(1)
    yield made
    made.close()


@pytest.fixture
def hasty() -> Iterator[WorkPool]:
    """The same with little time for a job."""
    made = WorkPool(1, SOON)
    made.run(jobs.twice, 1)
    yield made
    made.close()


def test_a_helper_is_started_by_the_first_job_and_kept_for_the_next(pool: WorkPool) -> None:
    assert pool.processes == []
    first = pool.run(jobs.number_of_process)
    assert pool.run(jobs.number_of_process) == first != os.getpid()
    assert pool.processes == [first]


def test_a_job_knows_none_of_our_settings(pool: WorkPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTILJON_SECRET_KEYS", "secret")
    names = pool.run(jobs.environment)
    assert "PATH" in names
    assert not [name for name in names if name.startswith("POSTILJON_")]


def test_what_a_job_prints_is_no_answer(pool: WorkPool) -> None:
    assert pool.run(jobs.print_much) == "said"
    assert pool.run(jobs.twice, 2) == 4


def test_an_error_of_ours_comes_back_as_it_was(pool: WorkPool) -> None:
    with pytest.raises(InputError) as raised:
        pool.run(jobs.refuse, "a.md")
    said = raised.value.args[0]
    assert isinstance(said, Message)
    assert said.params == {"path": "a.md"}


def test_faults_come_back_each_with_its_place_and_its_message(pool: WorkPool) -> None:
    with pytest.raises(FaultsError) as raised:
        pool.run(jobs.refuse_faults)
    (fault,) = raised.value.faults
    assert (fault.line, fault.field, fault.found) == (3, "subject", "nothing")
    assert isinstance(fault.found, Message)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (lambda pool: pool.run(jobs.allocate, 20_000_000_000), TOO_LARGE),
        (lambda pool: pool.run(jobs.die), DIED),
        (lambda pool: pool.run(jobs.fail), DIED),
        (lambda pool: pool.run(jobs.evil), DIED),
    ],
    ids=["memory", "killed", "library", "no value"],
)
def test_after_a_job_that_went_wrong_the_next_one_works(
    pool: WorkPool, job: Callable[[WorkPool], Any], said: Message
) -> None:
    with pytest.raises(WorkStopped) as raised:
        job(pool)
    assert raised.value.args[0] == said
    assert pool.run(jobs.twice, 21) == 42
    assert "POSTILJON_EVIL" not in os.environ


@pytest.mark.parametrize("job", [jobs.run_for_ever, jobs.sleep_for_ever])
def test_a_job_without_end_is_killed_and_the_next_one_works(hasty: WorkPool, job: Callable[[], None]) -> None:
    (before,) = hasty.processes
    with pytest.raises(WorkStopped) as raised:
        hasty.run(job)
    assert raised.value.args[0].msgid == TOO_LONG.msgid
    assert hasty.run(jobs.number_of_process) != before
    assert not _is_there(before)


def test_a_helper_that_died_between_two_jobs_costs_one_answer_at_most(pool: WorkPool) -> None:
    first = pool.run(jobs.number_of_process)
    os.kill(first, 9)
    with pytest.raises(WorkStopped):
        pool.run(jobs.twice, 1)
    assert pool.run(jobs.twice, 1) == 2


def test_where_all_are_busy_the_caller_is_told_so() -> None:
    pool = WorkPool(1, WorkLimits(seconds=30, patience=0.2))
    pool.run(jobs.twice, 1)
    busy = threading.Thread(target=_stopped, args=(pool,))
    busy.start()
    while pool.is_free:
        pass
    with pytest.raises(WorkStopped) as raised:
        pool.run(jobs.twice, 1)
    assert raised.value.args[0] == BUSY
    pool.close()
    busy.join()


def test_after_the_end_no_process_is_left_and_a_running_job_is_told() -> None:
    pool = WorkPool(1, WorkLimits(seconds=30))
    number = pool.run(jobs.number_of_process)
    told: list[str] = []
    busy = threading.Thread(target=lambda: told.append(_stopped(pool)))
    busy.start()
    while pool.is_free:
        pass
    pool.close()
    busy.join()
    assert told == [DIED]
    assert pool.processes == []
    assert not _is_there(number)
    assert jobs.helpers_running() == []
    with pytest.raises(WorkStopped):
        pool.run(jobs.twice, 1)


def _stopped(pool: WorkPool) -> str:
    with pytest.raises(WorkStopped) as raised:
        pool.run(jobs.sleep_for_ever)
    return str(raised.value)


def _is_there(number: int) -> bool:
    return Path(f"/proc/{number}").exists()
