"""The report of a campaign: what came of it, over time and by domain, opt-outs, and earlier campaigns of the topic.

Promises: it reads counters, one row of figures (:mod:`.figures`), and counted opt-outs; never each delivery of a large
campaign. Numbers that would point at a person are left out: opt-outs where few people were reached, reasons where few
were given. The counters are those of ``status --json``; the figures are those of ``figures.at``. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.lifecycle import figures, records
from campaigns.lifecycle.records import Campaign
from mailer import outbox
from mailer.outbox import Counts, Figures
from unsubscribe import reasons

FEWEST_REACHED = 10  # people: with fewer the number of opt-outs is not shown
FEWEST_REASONS = 5
EARLIER = 6
MOST_ROWS = 24  # of a timeline
NOT_REACHED = ("refused", "skipped", "in_doubt", "retry", "bounced", "complained")
_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 10, 30, 60, 180, 360, 1_440))
_LONGER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class OptOutFigures:
    """The opt-outs through a letter. ``people`` and ``reasons``: None where they are too few to show."""

    people: int | None
    reasons: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A campaign of the same topic beside this one. ``left``: opt-outs, None where they are too few to show."""

    campaign: Campaign
    counts: Counts
    left: int | None


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """The report. ``figures``: None before the first count of a large campaign. ``is_open``: letters still leave."""

    campaign: Campaign
    counts: Counts
    figures: Figures | None
    opt_outs: OptOutFigures
    earlier: tuple[Earlier, ...]
    is_open: bool

    @property
    def is_behind(self) -> bool:
        """Return whether the figures are older than the counters."""
        return self.figures is None or self.figures.counts != self.counts

    @property
    def not_reached(self) -> list[tuple[str, str, int]]:
        """The outcomes but *accepted* and those that are still to come: state, reason, people."""
        found = self.figures.outcomes if self.figures else ()
        return [outcome for outcome in found if outcome[0] in NOT_REACHED]

    @property
    def unproven(self) -> list[tuple[str, str, int]]:
        """The accepted ones that a person or a proof decided, not the answer of a server."""
        found = self.figures.outcomes if self.figures else ()
        return [outcome for outcome in found if outcome[0] == "accepted" and outcome[1]]


def of_campaign(conn: Connection, campaign: Campaign, now: datetime) -> CampaignReport | None:
    """Return the report of a campaign; None before it was launched."""
    if campaign.mailing_id is None:
        return None
    mailing = outbox.get(conn, campaign.mailing_id)
    before = records.earlier(conn, campaign, EARLIER)
    numbers = [one.mailing_id for one in before if one.mailing_id is not None]
    left = reasons.left(conn, [mailing.id, *numbers])
    counts = outbox.counts_of(conn, numbers)
    given = reasons.counts(conn, mailing.id)
    return CampaignReport(
        campaign,
        mailing.counts,
        figures.of_mailing(conn, mailing, now),
        OptOutFigures(
            _shown(left.get(mailing.id, 0), mailing.counts),
            given if sum(given.values()) >= FEWEST_REASONS else None,
        ),
        tuple(
            Earlier(one, counts[one.mailing_id], _shown(left.get(one.mailing_id, 0), counts[one.mailing_id]))
            for one in before
            if one.mailing_id in counts
        ),
        not mailing.finished and mailing.state != "closed",
    )


@dataclass(frozen=True, slots=True)
class Span:
    """The letters that were accepted in a span of time that begins at ``start``."""

    start: datetime
    people: int


def timeline(accepted: Sequence[tuple[datetime, int]], zone: str) -> tuple[timedelta, list[Span]]:
    """Return the numbers in at most :data:`MOST_ROWS` spans, and their length; spans without a letter are left out.

    A span begins at a whole hour, or at midnight, of the zone.
    """
    place = ZoneInfo(zone or "UTC")
    step = _STEPS[0]
    spans: dict[datetime, int] = {}
    for step in (*_STEPS, *(_LONGER * times for times in (1, 4, 13, 52))):
        spans = {}
        for moment, people in accepted:
            start = _start(moment, step, place)
            spans[start] = spans.get(start, 0) + people
        if len(spans) <= MOST_ROWS:
            break
    return step, [Span(start, people) for start, people in sorted(spans.items())]


def _start(moment: datetime, step: timedelta, place: ZoneInfo) -> datetime:
    local = moment.astimezone(place)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if step > timedelta(days=1):
        return midnight - timedelta(days=local.toordinal() % (step // timedelta(days=1)))
    seconds = local.hour * 3_600 + local.minute * 60
    into = timedelta(seconds=seconds % round(step.total_seconds()))
    return local.replace(second=0, microsecond=0) - into


def _shown(people: int, counts: Counts) -> int | None:
    return people if counts.accepted >= FEWEST_REACHED else None
