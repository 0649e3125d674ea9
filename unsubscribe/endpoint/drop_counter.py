"""The counters of a web process for staff: sign-ups that a limit turned away, and untrusted forwarding peers.

Promises: counted at once for Prometheus. The database gets the counts ``LATER`` after the first of several, in one
transaction, so that a flood writes no more often. Counts that the database does not take then are added to the next
write. At most ``MOST_KNOWN`` untrusted peers are kept in memory. The log names an untrusted peer once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta

from prometheus_client import Counter as Shown
from sqlalchemy import Connection
from starlette.types import Scope

from mailer.errors import StorageError
from unsubscribe import dropped
from unsubscribe.limits import Limit
from unsubscribe.web.context import WebContext
from unsubscribe.web.metrics import log
from unsubscribe.web.peers import forwards_unbelieved

LATER = timedelta(seconds=5)
MOST_KNOWN = 64


class DropCounter:
    """The counters of one application."""

    def __init__(self, web: WebContext) -> None:
        self._web = web
        self._drops: Counter[str] = Counter()
        self._peers: Counter[str] = Counter()
        self._told: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()
        registry = web.metrics.registry
        self._dropped = Shown(
            "postiljon_web_signups_dropped", "Sign-ups turned away by a limit", ("limit",), registry=registry
        )
        self._unbelieved = Shown(
            "postiljon_web_forwarded_unbelieved",
            "Requests with X-Forwarded-For or Forwarded from a peer that is no trusted proxy",
            registry=registry,
        )

    def drop(self, limit: Limit) -> None:
        """Count a sign-up that was turned away."""
        self._dropped.labels(limit.what).inc()
        self._drops[limit.what] += 1
        self._soon()

    def heard(self, scope: Scope) -> None:
        """Count a request if an untrusted peer sent it with forwarding headers."""
        peer = forwards_unbelieved(scope, self._web.deps.trusted_proxies)
        if not peer:
            return
        self._unbelieved.inc()
        if peer in self._peers or len(self._peers) < MOST_KNOWN:
            self._peers[peer] += 1
            self._soon()
        if peer not in self._told and len(self._told) < MOST_KNOWN:
            self._told.add(peer)
            log.warning("forwarded_by_a_peer_that_is_not_trusted", peer=peer, see="postiljon doctor")

    def _soon(self) -> None:
        """Start the timer, unless it runs: after ``LATER``, one write takes all counts until then."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATER.total_seconds(), self._begin)

    def _begin(self) -> None:
        self._timer = None
        task = asyncio.get_running_loop().create_task(self._write())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self) -> None:
        drops, peers = self._drops, self._peers
        self._drops, self._peers = Counter(), Counter()

        def keep(conn: Connection) -> None:
            dropped.keep(conn, drops, peers, self._web.now)

        with suppress(StorageError):
            await self._web.write(keep)
            return
        self._drops += drops
        self._peers += peers
