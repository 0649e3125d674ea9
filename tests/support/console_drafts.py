"""A draft of the console for tests of its pages, made and saved as a browser without script does it."""

from __future__ import annotations

import re
from typing import Any

import httpx

from campaigns.lifecycle import drafts
from campaigns.lifecycle.drafts import Draft
from mailer.storage import Database
from tests.support.console import StaffBrowser

SLUG = "denkt-u-mee"
BODY = "Beste lezer,\n\nHierbij nodigen wij u uit.\n"
WHOLE = {"subject": "Denkt u mee?", "preheader": "een dialoog", "from": "VNG <info@vng.nl>", "text": BODY}
_READ = re.compile(r'name="read" value="([^"]*)"')


def begin(browser: StaffBrowser, name: str = "Denkt u mee?", **more: str) -> httpx.Response:
    """Make a draft by the form."""
    browser.get("/campaigns/new")
    return browser.post("/campaigns/new", {"name": name, "topic": "verenigingsnieuws", "start": ""} | more)


def save(
    browser: StaffBrowser, fields: dict[str, Any], read: str = "", slug: str = SLUG, **more: Any
) -> httpx.Response:
    """Save the text by the form; ``read``: another version than the present one."""
    browser.get(f"/campaigns/{slug}/text")
    return browser.post(f"/campaigns/{slug}/text", {"read": read or hash_on(browser)} | fields, **more)


def hash_on(browser: StaffBrowser) -> str:
    """The version that the form of the open page was made from."""
    found = _READ.search(browser.page)
    return found[1] if found else ""


def present(db: Database, slug: str = SLUG) -> Draft:
    """The draft as it is stored."""
    with db.read() as conn:
        return drafts.current(conn, slug)
