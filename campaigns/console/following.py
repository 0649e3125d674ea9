"""Following a campaign: its numbers, live; and the acts on it while it is sent: pause, carry on, stop.

Promises: the page is whole without script (*Refresh*). Numbers come first from the server, then by the stream. Each act
is a use case of :mod:`campaigns.lifecycle.control`, with its row in the audit trail; stopping, which is for good, has a
page of its own that says what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console import parts, progress, proof
from campaigns.console.live import Listener, Part
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import audience, control, records
from campaigns.lifecycle.states import CampaignState
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from mailer.errors import PostiljonError

_OPEN = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED)


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    base = "/campaigns/{slug}"
    return [
        ConsoleRoute(f"{base}/follow", show=show),
        ConsoleRoute(f"{base}/follow/live", stream=stream),
        ConsoleRoute(f"{base}/pause", act=pause, right=Right.SEND),
        ConsoleRoute(f"{base}/resume", act=resume, right=Right.SEND),
        ConsoleRoute(f"{base}/stop", show=confirm_stop, act=stop, right=Right.SEND),
    ]


def show(visit: Visit) -> Response:
    """Show where a campaign stands; a draft has nothing to follow."""
    slug = visit.path["slug"]
    with visit.read() as conn:
        campaign = records.get(conn, slug)
        if campaign.state in _OPEN:
            return visit.go(f"/campaigns/{slug}", visit.query("note"))
        part = parts.for_page(visit, conn, "follow", slug)
    return visit.page("follow.html", campaign=campaign, **part)


async def stream(visit: Visit) -> Response:
    """Send the same part each time it is another."""
    return streamed(visit, "follow", visit.path["slug"])


def streamed(visit: Visit, name: str, slug: str = "") -> Response:
    """Return the stream of a part for this user."""
    assert visit.session is not None  # noqa: S101 - the routing has looked
    shown = visit.request.headers.get("last-event-id") or visit.query("shown")
    part = Part(name, slug, visit.words.language, visit.may(Right.SEND))
    listener = Listener(part, visit.session.id, visit.csrf.encode(), shown)
    return visit.console.once(parts.live).answer(visit.request, listener)


def noted(visit: Visit, verb: Verb, *fields: str) -> Callable[[Connection], None]:
    """Return what adds an act on this campaign to the audit trail, in the transaction of the act."""

    def note(conn: Connection) -> None:
        visit.record(conn, Act(verb, "campaign", visit.path["slug"], fields))

    return note


def acted(visit: Visit, act: Callable[[], Any], note: str) -> Response:
    """Act, and go to the page that follows the campaign; say in words why it could not be."""
    place = f"/campaigns/{visit.path['slug']}/follow"
    try:
        act()
    except PostiljonError as error:
        return visit.problem(error, 409, place)
    return visit.go(place, note)


def pause(visit: Visit) -> Response:
    """Pause it."""
    slug, note = visit.path["slug"], noted(visit, Verb.PAUSE)
    with visit.read() as conn:
        is_paused = records.get(conn, slug).state is CampaignState.PAUSED
    if is_paused:  # a second click
        return visit.go(f"/campaigns/{slug}/follow", "paused")
    return acted(visit, lambda: control.pause(visit.console.db, slug, visit.me.shown, visit.now, note), "paused")


def resume(visit: Visit) -> Response:
    """Carry on where it was."""
    slug, note = visit.path["slug"], noted(visit, Verb.RESUME)
    return acted(visit, lambda: control.resume(visit.console.app.launch_config, slug, visit.now, note), "resumed")


def confirm_stop(visit: Visit) -> Response:
    """Show what stopping means, and for how many people; *Pause*, which stops at once, asks nothing before."""
    if asked := proof.demanded(visit):
        return asked
    with visit.read() as conn:
        found = progress.of_slug(conn, visit.path["slug"], visit.console.seen, visit.now)
        left = found.counts.unfinished
        if not found.whole:
            left = max(left, audience.count_planned(conn, found.campaign) - found.done)
    if found.is_over or found.campaign.state in _OPEN:
        return visit.go(f"/campaigns/{found.campaign.slug}/follow")
    return visit.page("stop.html", campaign=found.campaign, p=found, left=left)


def stop(visit: Visit) -> Response:
    """Stop it for good."""
    if asked := proof.demanded(visit):
        return asked
    slug, note = visit.path["slug"], noted(visit, Verb.STOP)
    return acted(visit, lambda: control.cancel(visit.console.db, slug, visit.now, note), "stopped")
