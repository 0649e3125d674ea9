"""Senders in a process: one that sends a campaign and ends, and one that serves until it is told to stop.

Promises: while a campaign is sent, its audience is frozen at the same time. At the end the campaign follows its mailing
(finished, held). ``stop`` ends both in order: nothing new is claimed, answers on the wire are read and settled.
Raises the errors of the database and the relay (``StorageError``, ``TransportError``), and ``MachineShort``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from campaigns.context import AppContext
from campaigns.lifecycle import control, freezing, reachability, report
from campaigns.lifecycle.records import Campaign
from mailer import outcome, resource_limits, worker
from mailer.worker import ExitReason, SendProgress

Result = TypeVar("Result")
log = logging.getLogger("postiljon.relay")


def run_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop where there is one. Raises ``MachineShort`` when a thread that is needed cannot be had (E18)."""
    runner = asyncio.Runner(loop_factory=_loop_factory())
    try:
        with resource_limits.named():
            runner.get_loop().set_exception_handler(_without_trace)
            return runner.run(main)
    finally:
        _close(runner)


def _without_trace(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error of a callback: exhaustion (E18) in a sentence, any other as usual."""
    error = context.get("exception")
    short = resource_limits.meant(error) if error else None
    if short:
        log.error("%s", short)
    else:
        loop.default_exception_handler(context)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


def _close(runner: asyncio.Runner) -> None:
    """Close the loop. To wait for its threads it starts one; where it cannot, they end with the process."""
    try:
        runner.close()
    except RuntimeError as error:
        if not resource_limits.is_thread(error):
            raise


async def send(
    context: AppContext, campaign: Campaign, on_progress: Callable[[SendProgress], None], stop: asyncio.Event
) -> ExitReason:
    """Send one launched campaign until nothing is waiting or being sent, it is held, or ``stop``."""
    await asyncio.to_thread(_hold_back, context)
    freeze_task = asyncio.create_task(_freeze(context, campaign, stop))
    try:
        ending = await worker.run(
            context.worker_deps(), only=campaign.mailing_id, stop=stop, until_done=True, on_progress=on_progress
        )
    except BaseException:
        stop.set()
        await asyncio.gather(freeze_task, return_exceptions=True)  # the error that stopped one mostly stopped the other
        raise
    stop.set()
    await freeze_task
    await asyncio.to_thread(control.reconcile, context.db, context.clock(), context.staff_news)
    return ending


def teller(relay: str) -> Callable[[SendProgress], None]:
    """Return a function that logs trouble with the relay, and when it is well again."""
    news = worker.RelayNews()

    def tell(turn: SendProgress) -> None:
        found = news.of(turn)
        if found is not None:
            log.warning(report.relay_news(found, relay))

    return tell


def _hold_back(context: AppContext) -> None:
    """Hold back letters whose links only this machine reaches, before anything is claimed. Raises ``FaultsError``."""
    reachability.refuse(context.launch_config.link_target)
    for mailing in reachability.hold_back(context.db, context.launch_config.link_target, context.clock()):
        words = "%s is held back: its links lead to %s, which only this machine can reach"
        log.warning(words, mailing.spec.key, mailing.identity.public_url)


async def _freeze(context: AppContext, campaign: Campaign, stop: asyncio.Event) -> None:
    try:
        await asyncio.to_thread(freezing.freeze, context.db, campaign, context.clock, lambda: not stop.is_set())
        await asyncio.to_thread(outcome.get_ready)
    except BaseException:
        stop.set()  # else the sender would wait for ever for the rest of the audience
        raise


async def serve(context: AppContext, stop: asyncio.Event, *, with_clock: bool = True) -> ExitReason:
    """Send all that is due, until ``stop``; with the clock that launches planned campaigns, unless told otherwise."""
    from campaigns.lifecycle.schedule import Schedule

    await asyncio.to_thread(_hold_back, context)
    await asyncio.to_thread(outcome.get_ready)
    schedule = Schedule(context.launch_config, context.clock, context.tidy, context.staff_news)
    if with_clock:
        schedule.start()
    try:
        tell = teller(context.mailer.smtp_url.name)
        return await worker.run(context.worker_deps(), only=None, stop=stop, until_done=False, on_progress=tell)
    finally:
        if with_clock:
            await asyncio.to_thread(schedule.close)
