"""The acts of the holder of a forwarded letter: choices by its links, and a move of the address."""

from __future__ import annotations

import re

from mailer import suppression
from tests.support import web
from tests.support.site import Town, WebServer


def link(page: str, kind: str) -> str:
    """The first link of a kind below ``/c/`` in a page; empty where there is none."""
    found = re.search(rf"/c/{kind}/[A-Za-z0-9_-]+", page)
    return found[0] if found else ""


def limits(town: Town) -> dict[str, object]:
    """Return the limits that hold the first reader's mail back for a time."""
    with town.db.read() as conn:
        entries = suppression.entries(conn, town.readers[0].address_hash)
    return {entry.reason: entry.every_days or entry.until for entry in entries}


def choose(site: WebServer, town: Town, kind: str, **form: str) -> str:
    """Choose *less often* or *pause* by the link of the letter; the page that follows."""
    page = web.post(site.url(f"{town.path()}/{kind}")).text
    return web.post(site.url(link(page, kind)), data=form).text


def moved(town: Town, site: WebServer) -> None:
    """The first reader's address is moved to a stranger's."""
    web.post(site.url(town.path("d")), data={"email": "b@thief.example"})
    for notice in ("address_change_new", "address_change_old"):
        web.post(site.url(town.letter(notice, "confirm")))
