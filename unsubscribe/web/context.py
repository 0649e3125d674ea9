"""The context that all routers of a web process share: inputs, pages, and one queue for reading and one for writing.

Promises: :meth:`WebContext.write` returns after the commit (:mod:`unsubscribe.web.group_commit`). Reading and writing
never block the event loop. A process has one context; :mod:`unsubscribe.web.application` closes it with the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from mailer.clock import utc_now
from mailer.errors import StorageError
from mailer.letter.brand import Brand
from mailer.storage import Database
from unsubscribe.notices import LatestSender, nobody
from unsubscribe.web.group_commit import GroupCommit
from unsubscribe.web.metrics import Gauges, Metrics, no_gauges
from unsubscribe.web.pages import Pages, View, respond, view_of
from unsubscribe.web.site import SiteView, look_of

T = TypeVar("T")
Item = TypeVar("Item")
Clock = Callable[[], datetime]
LOOK_AGAIN = 5.0
WEB_WAITS = 5.0  # seconds to wait for SQLite's lock before a 503; mailbox providers wait about ten


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDeps:
    """The inputs of the web kit: values and callables, set by the composition root and read nowhere else.

    ``contact_address``: the organisation's own, for mail from readers. While it is empty ``latest_sender`` gives the
    From address of the latest campaign instead. ``metrics_token`` gives access to ``/metrics`` from anywhere (empty:
    loopback only). ``gauges``: further numbers for ``/metrics``, read at each request.
    """

    db: Database
    public_url: str
    brand: Brand
    contact_address: str
    default_language: str = "nl"
    timezone: str = "Europe/Amsterdam"
    clock: Clock = utc_now
    trusted_proxies: frozenset[str] = frozenset({"127.0.0.1", "::1"})
    metrics_token: str = field(default="", repr=False)
    latest_sender: LatestSender = nobody
    gauges: Gauges = no_gauges


class WebContext:
    """The context of the module. Made once for an application."""

    def __init__(self, deps: WebDeps) -> None:
        self.deps = deps
        self.theme = look_of(deps.brand, deps.public_url, deps.contact_address)
        self.pages = Pages(self.theme.site)
        self.metrics = Metrics()
        self._looked = float("-inf")  # when the contact address was last looked up (monotonic seconds)
        self._reads = GroupCommit(deps.db.read, "postiljon-web-read")
        self._ends: list[Callable[[], None]] = []
        self._writes = GroupCommit(lambda: deps.db.write(WEB_WAITS), "postiljon-web-write", linger=True)

    @property
    def site(self) -> SiteView:
        """Return the organisation's data that pages show."""
        return self.pages.site

    @property
    def now(self) -> datetime:
        """Return the time, from the given clock."""
        return self.deps.clock()

    @property
    def today(self) -> date:
        """Return the day in the organisation's time zone."""
        return self.now.astimezone(ZoneInfo(self.deps.timezone)).date()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return the result of ``work``, which only reads. Raises ``StorageError``."""
        await self.find_contact()
        return await self._reads.run(work)

    async def find_contact(self) -> None:
        """Show the latest campaign's address on pages where none is set; look it up once in ``LOOK_AGAIN`` seconds."""
        clock = time.monotonic()
        if self.deps.contact_address or clock - self._looked < LOOK_AGAIN:
            return
        self._looked = clock
        with suppress(StorageError):
            self.pages.show_contact(await self._reads.run(self.deps.latest_sender))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return the result of ``work``, once it is on disk. Raises ``StorageError``: then nothing was changed."""
        return await self._writes.run(work)

    async def read_many(self, work: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item) -> T:
        """Return the result for ``item`` of work that reads for many items at once."""
        return await self._reads.run_many(work, item)

    async def write_planned(
        self, plan: Callable[[Sequence[Item]], Callable[[Connection], Sequence[T]]], item: Item
    ) -> T:
        """Return the result for ``item`` from one transaction for all requests of this moment.

        ``plan`` runs before that transaction.
        """
        return await self._writes.run_planned(plan, item)

    def view(self, request: Request, own: str = "") -> View:
        """Return the view (language) for a page; ``own`` is the visitor's language, if known."""
        return view_of(request, self.deps.default_language, own)

    def url(self, path: str) -> str:
        """Return a path of this site as a link for a page."""
        return self.site.base + path

    def message(self, view: View, heading: str, sentences: tuple[str, ...], status: int, number: str = "") -> Response:
        """Return a page with only a message, and the address to write to; it offers no other language."""
        helped = view.gettext("Do you have a question? Email us:")
        fixed = {"heading": heading, "sentences": sentences, "help": helped}
        quiet = View(view.language, view.keep)
        return respond(self.pages.filled("message.html", quiet, fixed, {"number": number}), status)

    def done(self, view: View, heading: str, sentences: tuple[str, ...], status: int = 200, **more: object) -> Response:
        """Return a page that reports an act."""
        basis: dict[str, object] = {"kind": "ok", "changes": (), "after": "", "code": None, "link": None}
        context = basis | {"heading": heading, "sentences": sentences} | more
        return respond(self.pages.page("done.html", View(view.language, view.keep), context), status)

    def told(self, view: View, heading: str, *sentences: str) -> Response:
        """Return a page that is the same for everybody: rendered once, since a flood may request only this page."""
        fixed = {"kind": "info", "changes": (), "after": "", "code": None, "link": None}
        texts = {"heading": heading, "sentences": sentences}
        return respond(self.pages.filled("done.html", View(view.language, view.keep), fixed | texts, {}))

    def ask(self, view: View, heading: str, sentences: tuple[str, ...], label: str, **more: object) -> Response:
        """Return a page with one button that acts: by a POST to ``action``, else to the page's own address."""
        basis: dict[str, object] = {"kind": "primary", "action": ""}
        context = basis | {"heading": heading, "sentences": sentences, "label": label} | more
        return respond(self.pages.page("ask.html", view, context))

    def at_end(self, end: Callable[[], None]) -> None:
        """Call ``end`` when the context is closed, before its own threads end."""
        self._ends.append(end)

    def close(self) -> None:
        """Finish the waiting work and end the threads."""
        for end in self._ends:
            end()
        self._writes.close()
        self._reads.close()
