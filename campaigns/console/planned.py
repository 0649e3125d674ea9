"""A campaign that was planned: what will happen, and taking it back. The page can be kept: it shows today's state.

Promises: taking back is one conditional update that races the start. When the start was faster, the page says how many
emails have left and how many *stop* still holds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from starlette.responses import Response

from campaigns.console import parts
from campaigns.console.confirming import OPEN
from campaigns.console.following import noted
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.console.when import zone_of
from campaigns.lifecycle import control, drafts, records
from campaigns.lifecycle.control import TooLateError
from campaigns.lifecycle.states import CampaignState
from campaigns.staff.audit import Verb
from campaigns.staff.rights import Right
from mailer.errors import InputError, PostiljonError

LENGTH = timedelta(minutes=15)  # of the entry in a calendar
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": ""})
_LINE = 75  # bytes of a line of a calendar file


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    base = "/campaigns/{slug}"
    return [
        ConsoleRoute(f"{base}/planned", show=show),
        ConsoleRoute(f"{base}/planned.ics", show=calendar),
        ConsoleRoute(f"{base}/take-back", act=take_back, right=Right.SEND),
    ]


def show(visit: Visit) -> Response:
    """Show what will happen, or how it stands by now."""
    slug = visit.path["slug"]
    with visit.read() as conn:
        draft = drafts.current(conn, slug)
        campaign, definition = draft.campaign, draft.definition
        part = parts.for_page(visit, conn, "follow", slug) if campaign.state not in OPEN else {}
        tally = None
        if campaign.state is CampaignState.SCHEDULED:
            tally = visit.console.tallies.of(conn, definition.topic, definition.segment, campaign.language, visit.now)
    return visit.page(
        "planned.html",
        campaign=campaign,
        is_draft=campaign.state in OPEN,
        is_planned=campaign.state is CampaignState.SCHEDULED,
        zone=zone_of(visit, draft),
        tally=tally,
        **part,
    )


def take_back(visit: Visit) -> Response:
    """Make it a draft again, if it has not begun."""
    slug = visit.path["slug"]
    try:
        control.take_back(visit.console.db, slug, visit.now, noted(visit, Verb.TAKE_BACK))
    except TooLateError as error:
        with visit.read() as conn:
            campaign = records.get(conn, slug)
        return visit.page("too_late.html", 409, campaign=campaign, left=error.left, rest=error.rest)
    except PostiljonError as error:
        with visit.read() as conn:
            campaign = records.get(conn, slug)
            if campaign.state in OPEN and campaign.reason == control.TAKEN_BACK:  # a second click
                return visit.go(f"/campaigns/{slug}/planned", "taken_back")
        return visit.problem(error, 409, f"/campaigns/{slug}/planned")
    return visit.go(f"/campaigns/{slug}/planned", "taken_back")


def calendar(visit: Visit) -> Response:
    """Return the hour as an entry for a calendar (RFC 5545)."""
    with visit.read() as conn:
        campaign = records.get(conn, visit.path["slug"])
    if campaign.send_at is None or campaign.state in OPEN:
        raise InputError("it is not planned")
    host = urlsplit(visit.console.base_url).hostname or "localhost"
    title = visit.words.gettext("“{subject}” goes out").format(subject=campaign.subject or campaign.shown)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Postiljon//console//EN",
        "BEGIN:VEVENT",
        f"UID:campaign-{campaign.id}@{host}",
        f"DTSTAMP:{_utc(visit.now)}",
        f"DTSTART:{_utc(campaign.send_at)}",
        f"DTEND:{_utc(campaign.send_at + LENGTH)}",
        f"SUMMARY:{title.translate(_ESCAPED)}",
        f"URL:{visit.console.base_url}/campaigns/{campaign.slug}/planned",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    data = "".join(f"{_folded(line)}\r\n" for line in lines).encode()
    response = visit.answer(data, 200, "text/calendar; charset=utf-8")
    response.headers["content-disposition"] = f'attachment; filename="{campaign.slug}.ics"'
    return response


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _folded(line: str) -> str:
    """Return a line in pieces of 75 bytes at most, each but the first after a space; no letter is cut in two."""
    pieces, piece = [], ""
    for sign in line:
        if len((piece + sign).encode()) > _LINE:
            pieces.append(piece)
            piece = " "
        piece += sign
    return "\r\n".join([*pieces, piece])
