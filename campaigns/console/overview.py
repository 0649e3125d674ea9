"""The overview: what goes out next, what runs now, what waits for the user, what came of the last ones.

Promises: when nothing happens, it says why: nothing is planned, no sender runs, the mail server does not answer. What
runs is live. No query reads all campaigns' deliveries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console import parts, setup
from campaigns.console.following import streamed
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import records, versions
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState
from campaigns.staff.rights import Right
from mailer import outbox
from mailer.outbox import Counts

SOON, LAST, DRAFTS, LOOKED_AT = timedelta(days=7), 3, 5, 30


@dataclass(frozen=True, slots=True)
class Waits:
    """The work that waits for staff: campaigns with people in doubt (and how many), held ones, drafts of this user."""

    doubts: list[tuple[Campaign, int]]
    held: list[Campaign]
    drafts: list[Campaign]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        return not (self.doubts or self.held or self.drafts)


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [ConsoleRoute("/", show=show), ConsoleRoute("/overview/live", stream=stream)]


def show(visit: Visit) -> Response:
    """Show the overview."""
    with visit.read() as conn:
        part = parts.for_page(visit, conn, "now")
        planned = records.planned(conn, visit.now + SOON)
        last = records.finished(conn, LAST)
        counts = outbox.counts_of(conn, [item.mailing_id for item in last if item.mailing_id is not None])
        finished = [(item, counts.get(item.mailing_id or 0, Counts())) for item in last]
        waits = _waits(visit, conn)
    steps = setup.checklist(visit)
    return visit.page("overview.html", planned=planned, finished=finished, waits=waits, steps=steps, **part)


async def stream(visit: Visit) -> Response:
    """Send what runs now each time it is another."""
    return streamed(visit, "now")


def _waits(visit: Visit, conn: Connection) -> Waits:
    decides = visit.may(Right.SEND)
    numbers = outbox.in_doubt(conn) if decides else {}
    doubts = [
        (item, numbers[item.mailing_id or 0])
        for item in sorted(records.of_mailings(conn, list(numbers)).values(), key=lambda one: -one.id)
        if item.state is not CampaignState.CANCELLED
    ]
    held = records.in_states(conn, [CampaignState.HELD], brief=True) if decides else []
    latest = records.drafts(conn, LOOKED_AT)
    mine = versions.made_by(conn, [(item.id, item.version) for item in latest], visit.origin.actor)
    return Waits(doubts, held, [item for item in latest if item.id in mine][:DRAFTS])
