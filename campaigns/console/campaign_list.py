"""The list of campaigns: search, filters as links, states in words; fifty on a page, the newest first."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import records
from campaigns.lifecycle.records import Found, Wanted
from mailer import outbox
from unsubscribe import contacts

PAGE = 50
FILTERS: dict[str, tuple[str, ...]] = {
    "": (),
    "drafts": ("draft", "in_review", "approved"),
    "planned": ("scheduled",),
    "running": ("sending", "paused", "held"),
    "sent": ("finished", "cancelled"),
}


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/campaigns", show=show)]


def show(visit: Visit) -> Response:
    """Show a page of the list."""
    chosen, words, topic = visit.query("show"), visit.query("q"), visit.query("topic")
    away = chosen == "away"
    before = visit.query("before")
    wanted = Wanted(
        states=FILTERS.get(chosen, ()),
        words=words,
        topic=topic,
        put_away=away,
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
    )
    with visit.read() as conn:
        found: Found = records.search(conn, wanted, PAGE)
        mailings = [campaign.mailing_id for campaign in found.campaigns if campaign.mailing_id is not None]
        counts = outbox.counts_of(conn, mailings)
        topics = contacts.topics(conn)
    return visit.page(
        "campaigns.html",
        found=found,
        counts=counts,
        chosen=chosen,
        q=words,
        topic=topic,
        filters=list(FILTERS),
        topics=topics,
    )
