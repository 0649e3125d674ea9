"""One sender: the transport on the event loop, the database in a thread of its own, and the end of both.

Promises: when :func:`run` returns, everything that the transport reported is settled, unwritten rows are handed back,
and the sender's lock is free. Set ``stop`` to end gracefully: nothing more is claimed, content that is being written is
finished. Raises the error that made going on impossible (``StorageError``, or a fault of our own). Rows that were on
their way then become in doubt at the next sweep.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from mailer.worker.dispatcher import Dispatcher
from mailer.worker.send_queue import SendQueue
from mailer.worker.sender_state import SenderState
from mailer.worker.turn_scheduler import TurnScheduler
from mailer.worker.values import ExitReason, SendProgress, WorkerDeps

STOPPED = ExitReason("stopped")
TOGETHER = 20


async def run(
    deps: WorkerDeps,
    *,
    only: int | None,
    stop: asyncio.Event,
    until_done: bool,
    on_progress: Callable[[SendProgress], None],
) -> ExitReason:
    """Send until ``stop`` is set, or with ``until_done`` until nothing waits or is being sent any more.

    ``only``: the one mailing to work for. ``on_progress`` is called on the loop some times a second.
    """
    loop = asyncio.get_running_loop()
    done, halt = asyncio.Event(), asyncio.Event()
    turns = TurnScheduler(loop, may_run_on_loop=deps.db.is_sqlite)
    outbound = turns.outbound = SendQueue(turns, _enough(deps.settings.smtp_url.window))
    state = SenderState.of(deps, outbound, only, _post(loop))
    dispatcher = Dispatcher(state, turns)

    def turned(turn: SendProgress) -> None:
        on_progress(turn)
        if state.error or (until_done and dispatcher.reads.ending):
            done.set()

    dispatcher.reads.on_progress = turned
    transport = loop.create_task(deps.transport.run(outbound, halt))
    thread = threading.Thread(target=dispatcher.run, name="postiljon-writer", daemon=True)
    thread.start()
    writing = loop.create_task(asyncio.to_thread(thread.join))
    try:
        await _first(transport, writing, loop.create_task(stop.wait()), loop.create_task(done.wait()))
    finally:
        state.stopping = True
        halt.set()
        results = await asyncio.gather(transport, return_exceptions=True)
        state.finishing = True
        turns.event.set()
        await writing
    for error in (state.error, *results):
        if isinstance(error, BaseException):
            raise error
    ending = dispatcher.reads.ending
    return ending if until_done and done.is_set() and ending else STOPPED


def _enough(window: int) -> int:
    """Return how many results ask for a turn: below twenty, a transaction costs more a letter (docs/benchmarks.md)."""
    return max(1, window // 4, min(window // 2, TOGETHER))


async def _first(*tasks: asyncio.Task[object]) -> None:
    """Wait for the first task to end; then the helpers are cancelled, the transport and the thread are not."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks[2:]:
        task.cancel()


def _post(loop: asyncio.AbstractEventLoop) -> Callable[[Callable[[], object]], object]:
    """Return a function that runs a call on the loop; once the loop is closed, it does nothing."""

    def post(call: Callable[[], object]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call)

    return post
