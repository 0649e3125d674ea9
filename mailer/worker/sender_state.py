"""The state that the parts of one sender share. Only the holder of the turn changes it, except for the three flags.

``stopping``: claim nothing more. ``finishing``: the transport has ended; settle, and end. ``error``: why going on is
impossible. The event loop sets the first two, any part sets the last. Each is read at the beginning of the next turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mailer.worker.mailing_cache import MailingCache
from mailer.worker.pacing import Pacing
from mailer.worker.pending_writes import PendingWrites
from mailer.worker.read_connection import ReadConnection
from mailer.worker.reply_handler import ReplyHandler
from mailer.worker.send_queue import SendQueue
from mailer.worker.values import WorkerDeps
from mailer.worker.window_size import WindowSize

RunOnLoop = Callable[[Callable[[], object]], object]
"""Runs a call on the thread of the event loop."""


@dataclass(slots=True)
class SenderState:
    """See the module."""

    deps: WorkerDeps
    outbound: SendQueue
    cache: MailingCache
    pacing: Pacing
    reply_handler: ReplyHandler
    reader: ReadConnection
    window_size: WindowSize
    post: RunOnLoop
    pending: PendingWrites = field(default_factory=PendingWrites)
    stopping: bool = False
    finishing: bool = False
    error: BaseException | None = None

    @classmethod
    def of(cls, deps: WorkerDeps, outbound: SendQueue, only: int | None, post: RunOnLoop) -> SenderState:
        """Make the state of a new sender. ``only``: the one mailing to work for, or None for all."""
        settings = deps.settings
        cache, pacing, handler = MailingCache(only, settings.give_up), Pacing(settings), ReplyHandler(settings)
        return cls(
            deps, outbound, cache, pacing, handler, ReadConnection(deps.db), WindowSize(settings.smtp_url.window), post
        )

    def free_places(self, leaving: int = 0) -> int:
        """How many rows may be claimed now; ``leaving``: rows on their way that this turn settles."""
        if self.stopping or self.finishing:
            return 0
        on_their_way = len(self.outbound.flights) - leaving
        window_size = self.window_size.at(time.monotonic(), self.outbound.late, on_their_way)
        return (1 if self.reply_handler.away_since else window_size) - on_their_way

    def stop_mailings(self, mailings: set[int]) -> None:
        """Give out no more letters of these mailings, nor of those that are not open any more."""
        self.cache.drop(mailings)
        unwanted = self.cache.unwanted
        self.post(lambda: self.outbound.set_stopped_mailings(unwanted))
