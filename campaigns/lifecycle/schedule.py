"""The clock: looks every quarter of a second for due campaigns, and starts them. The only apscheduler import.

Promises: the database holds the truth: a restart forgets nothing. Due campaigns are found by SQL and started by a
conditional update, so that two serving processes never start one twice. A campaign starts within a second of its hour.
A missed hour is still sent up to ``POSTILJON_LATE`` later; after that the campaign is held (``missed``). A failing look
is repeated at the next tick; nothing raises out of a tick.

Traps (docs/decisions): an interval job per kind, in memory, ``coalesce``, ``max_instances=1``,
``misfire_grace_time=None``; APScheduler's default silently drops a job that is a second late. A turn that is skipped
because the one before it is still at work is not logged. APScheduler uses the wall clock of the machine: see
:class:`Clockwork` (E19).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from campaigns.lifecycle import control, freezing, launch
from campaigns.lifecycle.figures import Counting
from campaigns.lifecycle.preparation import LaunchConfig
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.staff_news import StaffNews
from mailer.errors import PostiljonError

LOOK_EVERY = 0.25
FOLLOW_EVERY = 0.5
COUNT_EVERY = 5.0
TIDY_EVERY = 3600.0
OVERDUE = timedelta(seconds=30)
_BREATH = 0.005  # between two pages the lock is free for others
LONG = 60.0  # seconds that a turn may take before the log says so
log = structlog.get_logger("postiljon.schedule")


def _not_skipped(record: logging.LogRecord) -> bool:
    """Return whether a line is not about a skipped turn; those come four a second while a large audience is frozen.

    A skipped turn loses nothing: the next one finds all that is due.
    """
    return "maximum number of running instances" not in record.getMessage()


class Clockwork(BackgroundScheduler):  # type: ignore[misc]
    """APScheduler on a machine whose clock is set while it runs (E19).

    If the clock were put back by an hour, it would sleep for that hour. If put forward from 1970, it would count each
    quarter of a second since. So it never sleeps longer than a tick. A job that is further away than its interval, or
    long overdue, is due now.
    """

    def _process_jobs(self) -> float | None:
        now = datetime.now(UTC)
        for job in self.get_jobs():
            late = now - job.next_run_time if job.next_run_time else timedelta()
            if late > OVERDUE or -late > job.trigger.interval:
                job.modify(next_run_time=now)
        wait: float | None = super()._process_jobs()
        return wait if wait is None else min(wait, LOOK_EVERY)


class Schedule:
    """*look* (launch what is due), *freeze* (audiences), *follow* (mailings), *count* (figures), and *tidy*."""

    def __init__(
        self,
        config: LaunchConfig,
        clock: Callable[[], datetime],
        tidy: Callable[[datetime], object] | None = None,
        news: StaffNews | None = None,
    ) -> None:
        self._config, self._clock, self._tidy, self._news = config, clock, tidy, news
        self._closing, self._counting = threading.Event(), Counting()
        self._complained = ""
        self._begun: dict[str, float] = {}  # turns at work now, and since when, in monotonic seconds
        self._told: set[str] = set()
        self.scheduler = Clockwork(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        often = ((self.look, LOOK_EVERY), (self.freeze, LOOK_EVERY), (self.follow, FOLLOW_EVERY))
        for job, seconds in (*often, (self.count, COUNT_EVERY)):
            self.scheduler.add_job(self._quietly, "interval", [job], seconds=seconds, id=job.__name__)
        if tidy:  # at the start, then each hour: due work is found by its date, so a missed hour loses nothing
            begin = {"seconds": TIDY_EVERY, "id": "tidy", "next_run_time": datetime.now(UTC)}
            self.scheduler.add_job(self._quietly, "interval", [self.tidy], **begin)
        self.scheduler.add_listener(self._still_runs, EVENT_JOB_MAX_INSTANCES)
        logging.getLogger("apscheduler.scheduler").addFilter(_not_skipped)  # the same one each time: it is added once

    def start(self) -> None:
        """Begin to look."""
        self.scheduler.start()

    def close(self) -> None:
        """Stop looking; waits for a look that is under way (some tens of milliseconds)."""
        self._closing.set()
        if self.scheduler.running:
            self.scheduler.shutdown(wait=True)

    def look(self) -> list[Campaign]:
        """Start the due campaigns; return them."""
        launched = launch.launch_due(self._config, self._clock())
        for campaign in launched:
            log.info("launched", campaign=campaign.slug)
        return launched

    def freeze(self) -> None:
        """Go on with every audience that is not whole yet, also one that another process left half done."""
        while not self._closing.wait(_BREATH):
            with self._config.db.read() as conn:
                unfinished = control.incomplete(conn)
            if not unfinished:
                return
            for campaign in unfinished:  # a page each, so that a small one does not wait behind a large one
                freezing.freeze_page(self._config.db, campaign, self._clock())

    def follow(self) -> None:
        """Finish and hold campaigns as their mailings are; resume campaigns whose quota period is over."""
        now = self._clock()
        for campaign in control.resume_due(self._config.db, now):
            log.info("resumed", campaign=campaign.slug, why="the quota of the mail server should be over")
        control.reconcile(self._config.db, now, self._news)

    def count(self) -> None:
        """Count the figures of reports that have changed."""
        self._counting.turn(self._config.db, self._clock)

    def tidy(self) -> None:
        """Do the work of the reader's side that falls due by itself: retention, addresses without an objection."""
        if self._tidy:
            self._tidy(self._clock())

    def _still_runs(self, event: JobSubmissionEvent) -> None:
        """Log once that a turn came while the one before it was at work, when that takes longer than a minute."""
        begun = self._begun.get(event.job_id)
        if begun is not None and time.monotonic() - begun > LONG and event.job_id not in self._told:
            self._told.add(event.job_id)
            log.warning("a turn of the schedule takes long", job=event.job_id, seconds=round(time.monotonic() - begun))

    def _quietly(self, job: Callable[[], object]) -> None:
        self._begun[job.__name__] = time.monotonic()
        try:
            job()
            self._complained = ""
        except PostiljonError as error:
            if str(error) != self._complained:
                self._complained = str(error)
                log.warning("schedule", job=job.__name__, error=str(error))
        finally:
            self._begun.pop(job.__name__, None)
            self._told.discard(job.__name__)
