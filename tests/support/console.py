"""The console as it is served, with an organisation behind it, and staff users with a browser each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from campaigns.app import whole_app
from campaigns.context import AppContext
from campaigns.settings.campaign import CampaignSettings
from campaigns.staff import users
from mailer.settings import MailerSettings
from mailer.signing import Keyring
from mailer.storage import Database
from tests.support import web
from tests.support.campaigning import PEPPER, CampaignSetup, SetClock
from tests.support.site import WebServer, serving
from tests.support.tables import migrated
from unsubscribe.settings import ReaderSettings

PASSWORD = "vier paarden lopen traag"
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{32})"')
PEOPLE = {
    "author": ("Anna Schrijver", ("author",)),
    "reviewer": ("Rob Keurder", ("reviewer",)),
    "sender": ("Vera Zender", ("sender",)),
    "administrator": ("Bas Beheer", ("administrator",)),
}


@dataclass
class ConsoleSetup(CampaignSetup):
    """A migrated database with contacts, a clock, and settings: an application context over them."""

    settings: dict[str, Any] = field(default_factory=dict)

    def context(self) -> AppContext:
        """The context of a web process."""
        campaign = {name: self.settings[name] for name in self.settings if name in CampaignSettings.model_fields}
        mailer = {name: self.settings[name] for name in self.settings if name in MailerSettings.model_fields}
        reader = {"organisation": "Vereniging van Voorbeeldgemeenten", "contact": "info@voorbeeld.example"}
        reader |= {name: self.settings[name] for name in self.settings if name in ReaderSettings.model_fields}
        return AppContext(
            campaign=CampaignSettings(data=self.folder, **campaign),
            mailer=MailerSettings(data=self.folder, **mailer),
            reader=ReaderSettings(data=self.folder, **reader),
            db=self.db,
            keyring=Keyring.of([b"k" * 32]),
            pepper=PEPPER,
            clock=self.clock,
        )

    def staff(self, role: str = "author", email: str = "") -> str:
        """Add a user with one role (or several, with spaces between); return the address."""
        first = role.split(maxsplit=1)[0]
        name, _roles = PEOPLE[first]
        address = email or f"{first}@voorbeeld.example"
        with self.db.write() as conn:
            if users.find(conn, address) is None:
                number = users.invite(conn, address, name, role.split(), self.clock(), "nl")
                users.set_password(conn, number, _kept(), self.clock())
                users.verify_address(conn, number, address, self.clock())
        return address


_HASHES: list[str] = []


def _kept() -> str:
    """The hash of the password, made once in a process."""
    from campaigns.staff import passwords

    if not _HASHES:
        _HASHES.append(passwords.hashed(PASSWORD))
    return _HASHES[0]


def console_setup(db: Database, folder: Path, people: int = 5, **settings: Any) -> ConsoleSetup:
    """Return a setup with a number of subscribers."""
    made = ConsoleSetup(migrated(db), folder, SetClock(), settings)
    if people:
        made.people(people)
    return made


class StaffBrowser:
    """A browser without script: it keeps cookies, follows no redirect by itself, and posts forms with their token."""

    def __init__(self, server: WebServer, language: str = "en") -> None:
        headers = {"accept-language": language, "sec-fetch-site": "same-origin"}
        self.client = web.client(base_url=server.url(), headers=headers)
        self.page = ""

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Open a page of the console."""
        return self._kept(self.client.get(f"/console{path}", **more))

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, csrf: str | None = None, **more: Any
    ) -> httpx.Response:
        """Post a form with the token of the page that is open (or ``csrf``)."""
        found = _CSRF.search(self.page)
        token = csrf if csrf is not None else found[1] if found else ""
        return self._kept(self.client.post(f"/console{path}", data={"csrf": token} | (data or {}), **more))

    def follow(self, response: httpx.Response) -> httpx.Response:
        """Follow redirects to their end."""
        while response.status_code == 303:
            response = self._kept(self.client.get(response.headers["location"]))
        return response

    def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Sign in; return the page that comes then."""
        self.get("/sign-in")
        return self.follow(self.post("/sign-in", {"email": email, "password": password}))

    @property
    def text(self) -> str:
        """The words of the page that is open, without tags, on one line."""
        body = re.sub(r"<(script|style|head).*?</\1>", " ", self.page, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())

    def _kept(self, response: httpx.Response) -> httpx.Response:
        if response.headers.get("content-type", "").startswith("text/html"):
            self.page = response.text
        return response


@contextmanager
def console(setup: ConsoleSetup) -> Iterator[WebServer]:
    """The whole application of a web process, served on loopback."""
    context = setup.context()
    with serving(whole_app(context)) as server:
        yield server


@contextmanager
def visitor(server: WebServer, language: str = "en") -> Iterator[StaffBrowser]:
    """A browser in which nobody has signed in."""
    browser = StaffBrowser(server, language)
    yield browser
    browser.client.close()


@contextmanager
def signed_in(
    setup: ConsoleSetup, server: WebServer, role: str = "author", language: str = "en"
) -> Iterator[StaffBrowser]:
    """A browser in which a user with that role has signed in."""
    browser = StaffBrowser(server, language)
    address = setup.staff(role)
    with setup.db.write() as conn:
        users.change(conn, users.named(conn, address).id, setup.clock(), language=language)
    try:
        browser.sign_in(address)
        yield browser
    finally:
        browser.client.close()
