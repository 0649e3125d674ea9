"""``/health``: whether an opt-out that came now would be kept.

Promises: 200 only when it would, tried by :mod:`unsubscribe.probe`, in the same queue and with the same patience as an
opt-out. Otherwise 503, with a few words that reveal no path and no secret. For any number of requests, one trial runs
at a time, and its answer counts for ``COUNTS_FOR`` seconds. The log names the fault and its remedy once for each
change, and reports its end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mailer.errors import StorageAway, StorageBusy, StorageError, StorageFull
from unsubscribe import probe
from unsubscribe.web.context import WebContext
from unsubscribe.web.metrics import log

COUNTS_FOR = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Trouble:
    """The reason why opt-outs are not kept: words for everybody, and the remedy for the log."""

    status: str
    mend: str


_LOCKED = Trouble("database locked", "another program holds the lock of the database: let it finish, or end it")
_FULL = Trouble("no room left", "make room on the disk of the data folder, or raise the quota")
_JOURNAL = Trouble(
    "journal cannot be written", "the user of the service must own the journal in the data folder, and may write there"
)
_AWAY = Trouble(
    "database away",
    "the database must be where the settings say, run, be writable (no recovery, no read-only disk), and belong to the "
    "user of the service",
)
_REFUSES = Trouble("database refuses", "'postiljon doctor' says what is wrong; 'postiljon init' migrates an old schema")


class Health:
    """The route, with the result of the last trial."""

    def __init__(self, web: WebContext) -> None:
        self._web = web
        self._found: Trouble | None = None
        self._until = float("-inf")  # the end of the last answer's validity (monotonic seconds)
        self._trial: asyncio.Task[None] | None = None

    async def answer(self, request: Request) -> Response:  # noqa: ARG002 - the signature of a route
        """Answer whether an opt-out could be kept now."""
        if time.monotonic() >= self._until:
            if self._trial is None or self._trial.done():
                self._trial = asyncio.get_running_loop().create_task(self._try())
            await asyncio.shield(self._trial)
        if self._found:
            return JSONResponse({"status": self._found.status}, 503, {"retry-after": "10"})
        return JSONResponse({"status": "ok"})

    async def _try(self) -> None:
        error: StorageError | None
        try:
            error = await self._web.write_planned(self._plan, None)
        except StorageError as raised:
            error = raised
        found, words = (_trouble(error), str(error)) if error else (None, "")
        if found != self._found:
            if found:
                log.error("opt_outs_cannot_be_kept", why=words, mend=found.mend)
            else:
                log.warning("opt_outs_are_kept_again")
        self._found, self._until = found, time.monotonic() + COUNTS_FOR

    def _plan(self, asked: Sequence[None]) -> Callable[[Connection], Sequence[StorageError | None]]:
        """Return a failure before the transaction as an answer.

        A raised error would fail all requests that share the transaction.
        """
        error: StorageError | None = None
        try:
            probe.look(self._web.deps.db)
        except StorageError as found:
            error = found

        def write(conn: Connection) -> Sequence[StorageError | None]:
            if error is None:
                probe.write(conn, self._web.now)
            return [error for _ in asked]

        return write


def _trouble(error: StorageError) -> Trouble:
    if isinstance(error, StorageFull):
        return _FULL
    if isinstance(error.__cause__, OSError):
        return _JOURNAL
    if isinstance(error, StorageBusy):
        return _LOCKED
    return _AWAY if isinstance(error, StorageAway) else _REFUSES
