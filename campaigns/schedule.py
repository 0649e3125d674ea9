"""The clock: looks every quarter of a second what is due, and starts it. The only apscheduler import.

Promises: the database holds the truth; what is due is found by SQL and started by a conditional update, so that two
serving processes never start one twice, and a restart forgets nothing. A campaign starts within a second of its hour.
A missed hour is kept up to ``POSTILJON_LATE`` later, then it is held (``missed``). A failing look is repeated at the
next tick; nothing raises out of a tick.

Traps (docs/decisions): an interval job per kind, in memory, ``coalesce``, ``max_instances=1``,
``misfire_grace_time=None``; APScheduler's default drops a job that is a second late without a word. It goes by the wall
clock of the machine: see :class:`Clockwork` (E19).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from campaigns import control, launch
from campaigns.launch import Site
from campaigns.records import Campaign
from mailer.errors import PostiljonError

LOOK_EVERY = 0.25
FOLLOW_EVERY = 0.5
TIDY_EVERY = 3600.0
OVERDUE = timedelta(seconds=30)
_BREATH = 0.005  # between two pages the lock is free for others
log = structlog.get_logger()


class Clockwork(BackgroundScheduler):  # type: ignore[misc]
    """APScheduler on a machine whose clock is set while it runs (E19).

    Put back by an hour, it would sleep for that hour; put forward from 1970, it would count each quarter of a second
    since. So it never sleeps longer than a tick, and a job that is further away than its interval, or long overdue, is
    due now.
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
    """*look* (launch what is due), *freeze* (audiences), *follow* (campaigns follow their mailings), and *tidy*."""

    def __init__(
        self, site: Site, clock: Callable[[], datetime], tidy: Callable[[datetime], object] | None = None
    ) -> None:
        self._site, self._clock, self._tidy = site, clock, tidy
        self._closing = threading.Event()
        self._complained = ""
        self.scheduler = Clockwork(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(3)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        jobs = ((self.look, LOOK_EVERY), (self.freeze, LOOK_EVERY), (self.follow, FOLLOW_EVERY))
        for job, seconds in jobs:
            self.scheduler.add_job(self._quietly, "interval", [job], seconds=seconds, id=job.__name__)
        if tidy:  # at the start, and then each hour: what is due is found by its date, so a missed hour loses nothing
            begin = {"seconds": TIDY_EVERY, "id": "tidy", "next_run_time": datetime.now(UTC)}
            self.scheduler.add_job(self._quietly, "interval", [self.tidy], **begin)

    def start(self) -> None:
        """Begin to look."""
        self.scheduler.start()

    def close(self) -> None:
        """Stop looking; waits for a look that is under way (some tens of milliseconds)."""
        self._closing.set()
        if self.scheduler.running:
            self.scheduler.shutdown(wait=True)

    def look(self) -> list[Campaign]:
        """Start what is due; which."""
        launched = launch.launch_due(self._site, self._clock())
        for campaign in launched:
            log.info("launched", campaign=campaign.slug)
        return launched

    def freeze(self) -> None:
        """Go on with every audience that is not whole yet, also one that another process left half done."""
        while not self._closing.wait(_BREATH):
            with self._site.db.read() as conn:
                unfinished = control.incomplete(conn)
            if not unfinished:
                return
            for campaign in unfinished:  # a page each, so that a small one does not wait behind a large one
                launch.freeze_page(self._site, campaign, self._clock())

    def follow(self) -> None:
        """Finish and hold campaigns as their mailings are; let those go on whose quota is over."""
        now = self._clock()
        for campaign in control.resume_due(self._site.db, now):
            log.info("resumed", campaign=campaign.slug, why="the quota of the mail server should be over")
        control.reconcile(self._site.db, now)

    def tidy(self) -> None:
        """What goes or falls due by itself on the reader's side: retention, addresses that nobody objected to."""
        if self._tidy:
            self._tidy(self._clock())

    def _quietly(self, job: Callable[[], object]) -> None:
        try:
            job()
            self._complained = ""
        except PostiljonError as error:
            if str(error) != self._complained:
                self._complained = str(error)
                log.warning("schedule", job=job.__name__, error=str(error))
