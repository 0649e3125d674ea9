"""The way of a campaign in the console: a draft, its plan, and a post office with an SMTP server and a real sender."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any, TypeVar

import httpx

from campaigns.lifecycle import drafts, report
from campaigns.lifecycle.drafts import Draft
from campaigns.lifecycle.schedule import Schedule
from mailer import worker
from mailer.settings import Relay
from mailer.storage import Database
from mailer.transport.smtp import SmtpTransport
from tests.support.campaigning import TOPIC, SetClock
from tests.support.console import ConsoleSetup, StaffBrowser, console_setup
from tests.support.sending import utc_now
from tests.support.smtpd import Rule, Server, smtp_server
from tests.support.waiting import wait_until

T = TypeVar("T")
VALUES = {"subject": "Denkt u mee?", "from": "VNG <info@vng.nl>", "language": "nl", "topic": TOPIC, "preheader": "een"}
BODY = "Geachte heer, mevrouw,\n\nHierbij nodigen wij u uit.\n"
_FIELDS = re.compile(r'<input type="hidden" name="((?:seen-[a-z]+)|key|how|seen)" value="([^"]*)"')
_NUMBERS = re.compile(r'data-number="(\w+)" data-value="(\d+)"')
_NAMES = (
    "recipients",
    "waiting",
    "sending",
    "accepted",
    "retry",
    "refused",
    "skipped",
    "in_doubt",
    "bounced",
    "complained",
)


class RunningClock(SetClock):
    """The wall clock, put forward by a test."""

    def __init__(self) -> None:
        super().__init__(utc_now())
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def forward(self, **span: float) -> datetime:
        """Put the clock forward."""
        self.ahead += timedelta(**span)
        return self()


def way_setup(db: Database, folder: Path, people: int = 5, **settings: Any) -> ConsoleSetup:
    """Return a setup whose clock runs."""
    setup = console_setup(db, folder, people, **settings)
    setup.clock = RunningClock()
    return setup


def a_draft(setup: ConsoleSetup, name: str = "Denkt u mee?", by: str = "user:1", **values: str) -> Draft:
    """A draft of the console, ready to be planned."""
    with setup.db.write() as conn:
        return drafts.create(conn, name, VALUES | values, BODY, by, setup.clock())


def fields(browser: StaffBrowser) -> dict[str, str]:
    """The fields that the open page would send with its form."""
    return {name: unescape(value) for name, value in _FIELDS.findall(browser.page)}


def confirm(browser: StaffBrowser, slug: str, how: str = "now") -> httpx.Response:
    """Open the page to confirm, and press its button."""
    browser.get(f"/campaigns/{slug}/plan?how={how}")
    return browser.post(f"/campaigns/{slug}/plan", fields(browser))


def shown_numbers(page: str) -> dict[str, int]:
    """The numbers on a page that follows a campaign; those that it leaves out are nought."""
    return dict.fromkeys(_NAMES, 0) | {name: int(value) for name, value in _NUMBERS.findall(page)}


def status(setup: ConsoleSetup, slug: str) -> dict[str, Any]:
    """The status, as ``postiljon status SLUG --json`` prints it."""
    with setup.db.read() as conn:
        found: dict[str, Any] = json.loads(json.dumps(report.status(conn, slug)))
    return found


def counts(setup: ConsoleSetup, slug: str) -> dict[str, int]:
    """The numbers in it."""
    found = status(setup, slug)
    return {name: found[name] for name in _NAMES}


class PostOffice:
    """An SMTP server and a sender in a thread of their own, and the clock's turns when a test asks for them."""

    def __init__(self, setup: ConsoleSetup) -> None:
        self.setup = setup
        self.server: Server
        self.loop = asyncio.new_event_loop()
        self._schedule = Schedule(setup.context().launch_config, setup.clock)
        self._stop: asyncio.Event | None = None
        self._task: asyncio.Task[Any] | None = None

    def turn(self) -> None:
        """Do the work that the clock of ``serve`` does some times a second."""
        self._schedule.look()
        self._schedule.freeze()
        self._schedule.follow()

    def until(self, slug: str, **wanted: Any) -> dict[str, Any]:
        """Let the clock turn until the status has these values; return it."""

        def is_so() -> bool:
            self.turn()
            found = status(self.setup, slug)
            return all(found[name] == value for name, value in wanted.items())

        wait_until(is_so)
        return status(self.setup, slug)

    def begin(self) -> None:
        """Start a sender."""

        async def start() -> None:
            self._stop = asyncio.Event()
            relay = Relay("127.0.0.1", self.server.port, tls="none", connections=1, window=1)
            deps = self.setup.context().worker_deps(SmtpTransport(relay, "sender.example"))
            self._task = asyncio.create_task(
                worker.run(deps, only=None, stop=self._stop, until_done=False, on_progress=lambda _turn: None)
            )

        self._run(start())

    def end(self) -> None:
        """Let the sender end."""

        async def stop() -> None:
            if self._task and self._stop:
                self._stop.set()
                await self._task
                self._task = None

        self._run(stop())

    def release(self) -> None:
        """Give the answers that the server held."""
        self.loop.call_soon_threadsafe(self.server.release)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


@contextmanager
def post_office(setup: ConsoleSetup, *rules: Rule) -> Iterator[PostOffice]:
    """A running SMTP server; ``begin`` starts a sender."""
    office = PostOffice(setup)
    opened, closing = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with smtp_server(*rules) as office.server:
            opened.set()
            await closing.wait()

    thread = threading.Thread(target=lambda: office.loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert opened.wait(20)
    try:
        yield office
    finally:
        office.end()
        office.loop.call_soon_threadsafe(closing.set)
        thread.join(20)
        office.loop.close()
