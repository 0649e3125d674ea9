"""The parts of pages that are live: the progress of a campaign, and what runs now.

Promises: a part is rendered in one way for the page and for the stream, so that both show the same, and an open page
gets no event until something is another. It depends on nothing but the database, its language and the right to send.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from campaigns.console import follow_words, progress
from campaigns.console.context import Console
from campaigns.console.live import TOKEN, Live, Part, identity
from campaigns.console.progress import Progress
from campaigns.console.visit import Visit
from campaigns.console.words import Words
from campaigns.lifecycle import records, report
from campaigns.lifecycle.states import CampaignState
from campaigns.staff.rights import Right
from mailer import outbox
from templates import render_console, safe

RUNNING = (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.HELD)
MOST_RUNNING = 20


def live(console: Console) -> Live:
    """Return the listeners of a console."""
    zone = Words("en", console.app.reader.timezone)

    def hour() -> str:
        return zone.hour(console.now)

    return Live(console, lambda conn, part: html(console, conn, part), hour)


def for_page(visit: Visit, conn: Connection, name: str, slug: str = "") -> dict[str, Any]:
    """Return a part for the page that shows it: ``part``, and the address of its stream."""
    part = Part(name, slug, visit.words.language, visit.may(Right.SEND))
    text = html(visit.console, conn, part)
    path = f"/campaigns/{slug}/follow/live" if slug else "/overview/live"
    shown = safe(text.replace(TOKEN.decode(), visit.csrf))
    return {"part": shown, "stream": visit.url(path, shown=identity(text)), "read_at": visit.now}


def html(console: Console, conn: Connection, part: Part) -> str:
    """Return a part as HTML, with a stand-in for the token of its forms."""
    words = Words(part.language, console.app.reader.timezone)
    basis = {
        "w": words,
        "url": console.url,
        "may_send": part.may_send,
        "form_token": lambda: safe(f'<input type="hidden" name="csrf" value="{TOKEN.decode()}">'),
        "errors": {},
        "f": follow_words,
    }
    now = console.now
    own = _follow(console, conn, part.slug, now) if part.name == "follow" else _now(console, conn, words, now)
    return render_console(f"{part.name}_live.html", part.language, basis | own)


def _follow(console: Console, conn: Connection, slug: str, now: datetime) -> dict[str, Any]:
    return {"p": progress.of_slug(conn, slug, console.seen, now)}


def _now(console: Console, conn: Connection, words: Words, now: datetime) -> dict[str, Any]:
    """Return what runs now, and when nothing does, why, and what comes next."""
    running = records.in_states(conn, RUNNING, brief=True)[:MOST_RUNNING]
    found: list[Progress] = [progress.read(conn, campaign, console.seen, now) for campaign in running]
    following = records.planned(conn, now + timedelta(days=3_650))[:1] if not found else []
    lines = report.service_mail(conn, now, words.zone)
    keys = {why.key: why for why in outbox.no_mail(conn)}
    return {"running": found, "following": following, "service": lines, "no_mail": keys, "today": now}
