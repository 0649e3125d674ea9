"""The overview: what goes out next, what runs now, what waits for the user, what came of the last ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import records, report
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState
from mailer import outbox
from mailer.outbox import Counts

SOON, LAST = timedelta(days=7), 3


@dataclass(frozen=True, slots=True)
class Running:
    """A campaign that is being sent, paused or held, with its numbers and why nothing leaves."""

    campaign: Campaign
    counts: Counts
    why: list[str]


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/", show=show)]


def show(visit: Visit) -> Response:
    """Show the overview."""
    with visit.read() as conn:
        now = [_running(conn, campaign, visit) for campaign in _in(conn, "sending", "paused", "held")]
        planned = _in(conn, "scheduled")
        last = records.finished(conn, LAST)
        finished = [(campaign, _counts(conn, campaign)) for campaign in last]
        drafts = records.drafts(conn, 5)
    return visit.page("overview.html", running=now, planned=planned, finished=finished, drafts=drafts)


def _in(conn: Connection, *states: str) -> list[Campaign]:
    return records.in_states(conn, [CampaignState(state) for state in states])


def _running(conn: Connection, campaign: Campaign, visit: Visit) -> Running:
    why = [visit.words.said(sentence) for sentence in report.why_nothing(conn, campaign, visit.now)]
    return Running(campaign, _counts(conn, campaign), why)


def _counts(conn: Connection, campaign: Campaign) -> Counts:
    return outbox.get(conn, campaign.mailing_id).counts if campaign.mailing_id is not None else Counts()
