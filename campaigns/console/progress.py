"""The progress of one campaign, as the follow page and the overview show it: one value, read in one go.

Promises: the numbers are those of ``postiljon status --json`` at the same moment. No query reads all deliveries: counts
are kept with the mailing, reasons have indexes of their own. Speed is measured by this process from what it read
before; a process that has not looked for long enough has none, and says so.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import Connection

from campaigns.lifecycle import records, report
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState
from mailer import outbox
from mailer.outbox import Counts, Hold

WINDOW = timedelta(seconds=60)  # the speed is that of the last minute
SHORTEST = timedelta(seconds=3)
MOST_KEPT = 200  # campaigns whose speed or reasons are remembered


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a number of people did not get it, in words, with the next step for staff."""

    state: str
    key: str
    people: int
    words: str
    advice: str = ""


@dataclass(frozen=True)
class Progress:
    """A campaign at one moment. ``state`` and ``reason`` are those of ``status``; ``why``: why nothing leaves now."""

    campaign: Campaign
    state: str
    reason: str
    at: datetime
    counts: Counts = field(default_factory=Counts)
    whole: bool = True
    reasons: tuple[Reason, ...] = ()
    why: tuple[str, ...] = ()
    next_retry: datetime | None = None
    hold: Hold = field(default_factory=lambda: Hold(""))
    speed: float | None = None  # emails a second

    @property
    def done(self) -> int:
        """How many people have an outcome."""
        return self.counts.recipients - self.counts.unfinished

    @property
    def is_over(self) -> bool:
        """Return whether nothing more happens by itself."""
        return self.state in ("finished", "cancelled")

    @property
    def quarter(self) -> int:
        """The part that is done, in quarters: what a screen reader is told of."""
        return 4 * self.done // self.counts.recipients if self.counts.recipients and self.whole else 0

    @cached_property
    def left(self) -> timedelta | None:
        """How long it takes from now at this speed; None while that is not known."""
        if self.state != "sending" or not self.whole or not self.speed:
            return None
        return timedelta(seconds=self.counts.unfinished / self.speed)

    @property
    def a_minute(self) -> int | None:
        """The speed in emails a minute, with two digits that matter."""
        if self.state != "sending" or self.speed is None:
            return None
        number = round(self.speed * 60)
        return number if number < 100 else round(number, 2 - len(str(number)))


class Observations:
    """The observations of this process: how many people had an outcome when, and why. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons: dict[tuple[int, Counts], tuple[Reason, ...]] = {}
        self._seen: dict[int, deque[tuple[datetime, int]]] = {}

    def note(self, campaign: int, done: int, now: datetime) -> float | None:
        """Note a number; return the speed in emails a second, None while it is not known."""
        with self._lock:
            seen = self._seen.pop(campaign, deque(maxlen=120))
            self._seen[campaign] = seen  # the last one that was looked at is the last one to be forgotten
            if len(self._seen) > MOST_KEPT:
                del self._seen[next(iter(self._seen))]
            while seen and (now - seen[0][0] > WINDOW or now < seen[0][0]):
                seen.popleft()
            if not seen or now > seen[-1][0]:
                seen.append((now, done))
            first, last = seen[0], seen[-1]
        if last[0] - first[0] < SHORTEST:
            return None
        return max(0.0, (last[1] - first[1]) / (last[0] - first[0]).total_seconds())

    def forget(self, campaign: int) -> None:
        """Forget a campaign that is not being sent now: a pause is no slow sending."""
        with self._lock:
            self._seen.pop(campaign, None)

    def reasons(self, conn: Connection, mailing: int, counts: Counts) -> tuple[Reason, ...]:
        """Return why people did not get it, the largest number first; read again only when a number is another."""
        if not counts.refused and not counts.skipped:
            return ()
        found = self._reasons.get((mailing, counts))
        if found is None:
            found = tuple(_in_words(*item) for item in outbox.reasons(conn, mailing))
            with self._lock:
                if len(self._reasons) >= MOST_KEPT:
                    self._reasons.clear()
                self._reasons[mailing, counts] = found
        return found


def read(conn: Connection, campaign: Campaign, seen: Observations, now: datetime) -> Progress:
    """Return the progress of a campaign."""
    state, reason = campaign.state.value, campaign.reason
    if campaign.mailing_id is None:
        why = tuple(report.why_nothing(conn, campaign, now))
        return Progress(campaign, state, reason, now, why=why)
    mailing = outbox.get(conn, campaign.mailing_id)
    if campaign.state is CampaignState.SENDING and mailing.state == "held":  # a rule has just held it
        state, reason = CampaignState.HELD.value, mailing.reason
    counts = mailing.counts
    found = Progress(campaign, state, reason, now, counts, mailing.audience_complete, hold=mailing.hold)
    later = outbox.next_retry(conn, mailing.id) if counts.retry and not found.is_over else None
    why = tuple(report.why_nothing(conn, campaign, now)) if state == "sending" else ()
    speed = None
    if state == "sending":
        speed = seen.note(campaign.id, found.done, now)
    else:
        seen.forget(campaign.id)
    return replace(found, reasons=seen.reasons(conn, mailing.id, counts), why=why, next_retry=later, speed=speed)


def of_slug(conn: Connection, slug: str, seen: Observations, now: datetime) -> Progress:
    """Return the progress of the campaign with that slug. Raises ``InputError``."""
    return read(conn, records.get(conn, slug), seen, now)


def _in_words(state: str, reason: str, people: int) -> Reason:
    from mailer.outcome import WORDS

    known = WORDS.get(reason) if state == "refused" else None
    return Reason(state, reason, people, report.reason_of(state, reason), known.advice if known else "")
