"""The context of the console in a web process: the application's, threads for handlers, helpers, and the base of links.

Promises: work on letters and files is given to helper processes with limits (:mod:`campaigns.ops.work_pool`). Links in
pages and mails begin with ``POSTILJON_CONSOLE_URL``, never with the Host header of a request. A process has one
:class:`Console`, which the composition root makes and closes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from campaigns.console.progress import Observations
from campaigns.console.tallies import Tallies
from campaigns.context import AppContext
from campaigns.lifecycle.compile_cache import CompileCache
from campaigns.lifecycle.compiling import compile_here
from campaigns.lifecycle.preparation import LaunchConfig
from campaigns.ops.work_pool import WorkPool
from campaigns.source.campaign_source import house_brand
from mailer.letter.compiled import Compiled
from mailer.letter.source import LetterSource
from mailer.storage import Database
from unsubscribe.web.metrics import Metrics

T = TypeVar("T")
PREFIX = "/console"
THREADS = 4  # handlers at once in a process; more wait, and readers are answered meanwhile
SLOW_THREADS = 2  # for pages that wait for DNS, a relay or a compile: *pause* and *stop* never queue behind them


@dataclass(frozen=True)
class Console:
    """The shared objects of the console. ``metrics`` counts refused sign-ins and the like."""

    app: AppContext
    metrics: Metrics
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="postiljon-console")
    )

    slow_threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(SLOW_THREADS, thread_name_prefix="postiljon-console-slow")
    )
    pool: WorkPool = field(default_factory=WorkPool)
    made: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def db(self) -> Database:
        """The database."""
        return self.app.db

    @property
    def now(self) -> datetime:
        """The time, from the application's clock."""
        return self.app.clock()

    @cached_property
    def base_url(self) -> str:
        """The address of the console, without a slash at its end: ``https://mail.example.org/console``."""
        return self.app.console_url

    @cached_property
    def base(self) -> str:
        """The path of that address, which links within the console begin with."""
        return urlsplit(self.base_url).path

    @cached_property
    def origin(self) -> str:
        """The origin of that address (RFC 6454 section 6.2)."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_https(self) -> bool:
        """Return whether the console is reached by TLS: only then cookies have ``Secure`` and ``__Host-``."""
        return self.base_url.startswith("https:")

    @cached_property
    def organisation(self) -> str:
        """The name of the organisation, as pages show it."""
        named = self.app.reader.organisation
        host = urlsplit(self.app.reader.public_url).hostname or "Postiljon"
        return named or house_brand(self.app.campaign.brand, host).name

    @cached_property
    def launch_config(self) -> LaunchConfig:
        """The values of a launch, with a ``compile`` that works in a helper process and remembers its letters."""
        return replace(self.app.launch_config, compile=CompileCache(self._compiled))

    def _compiled(self, source: LetterSource) -> Compiled:
        return self.pool.run(compile_here, source)

    @cached_property
    def seen(self) -> Observations:
        """The observations of running campaigns that this process has made."""
        return Observations()

    @cached_property
    def tallies(self) -> Tallies:
        """The sizes of audiences that were counted in the last minute."""
        return Tallies()

    def once(self, make: Callable[[Console], T]) -> T:
        """Return what ``make`` made of this console at its first use; it is closed with the console."""
        if make not in self.made:
            self.made[make] = make(self)
        found: T = self.made[make]
        return found

    def url(self, path: str, **query: str) -> str:
        """Return a path within the console (``/campaigns``) as a link for a page."""
        asked = {name: value for name, value in query.items() if value}
        return f"{self.base}{path}" + (f"?{urlencode(asked)}" if asked else "")

    def close(self) -> None:
        """End helper processes and threads; a handler that runs is waited for."""
        self.pool.close()
        self.threads.shutdown()
        self.slow_threads.shutdown()
        for each in self.made.values():
            each.close()
