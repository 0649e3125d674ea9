"""``send`` at work: the worker with a bar on standard error, signals, and the exit code for each way it ends."""

from __future__ import annotations

import asyncio
import signal
import sys
from types import TracebackType
from typing import TYPE_CHECKING

from campaigns.cli.output import _, complain, number, translated
from campaigns.lifecycle import report
from campaigns.runtime.sender import run_loop, send
from campaigns.terminal import on_one_line
from mailer.worker import RelayNews

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

    from campaigns.context import AppContext
    from campaigns.lifecycle.records import Campaign
    from mailer.worker import ExitReason, SendProgress


def send_with_progress(context: AppContext, campaign: Campaign) -> tuple[int, str]:
    """Send until done; return the exit code, and a sentence when it is not 0."""
    with Bar(campaign, context.mailer.smtp_url.name) as bar:
        ending = run_loop(_send(context, campaign, bar))
    return _meaning(context, campaign, ending)


async def _send(context: AppContext, campaign: Campaign, bar: Bar) -> ExitReason:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, _stop_once, loop, stop)
    return await send(context, campaign, bar.turn, stop)


def _stop_once(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """End in order at the first signal (E23), at once at the second."""
    stop.set()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(name)
        signal.signal(name, signal.SIG_DFL)


def _meaning(context: AppContext, campaign: Campaign, ending: ExitReason) -> tuple[int, str]:
    from campaigns.lifecycle import records

    if ending.kind == "done":
        return 0, ""
    with context.db.read() as conn:
        now = records.get(conn, campaign.slug)
    if ending.kind == "held":
        return 3, _held(context, now)
    if ending.kind == "relay_away":
        return 3, report.relay_away(ending.words, context.mailer.smtp_url.name)
    return 3, _("Stopped. Run it again to carry on; nobody gets anything twice.")


def _held(context: AppContext, campaign: Campaign) -> str:
    from campaigns.lifecycle import report

    with context.db.read() as conn:
        return report.why_not(conn, campaign)


def columns() -> tuple[ProgressColumn, ...]:
    """Return the columns of the bar; a relay's words are not read as markup."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    slug, more = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[more]}", markup=False)
    return slug, BarColumn(), MofNCompleteColumn(), more, TimeRemainingColumn()


class Bar:
    """A progress bar on a terminal; elsewhere only the end is printed. Trouble with the relay is reported at once."""

    def __init__(self, campaign: Campaign, relay: str) -> None:
        self._campaign, self._relay = campaign, relay
        self._news = RelayNews()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(*columns(), console=Console(stderr=True))
            self._task = self._progress.add_task(self._campaign.slug, total=None, more="")
            self._progress.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def turn(self, turn: SendProgress) -> None:
        """Show the progress."""
        news = self._news.of(turn)
        if news is not None:
            complain(report.relay_news(news, self._relay))
        counts = turn.counts.get(self._campaign.mailing_id or 0)
        if self._progress is None or self._task is None or counts is None:
            return
        done = counts.recipients - counts.waiting - counts.sending
        parts = [(_("refused"), counts.refused), (_("later"), counts.retry), (_("in doubt"), counts.in_doubt)]
        more = ", ".join(f"{number(count)} {word}" for word, count in parts if count)
        words = translated(report.relay_words(turn.words))
        self._progress.update(self._task, total=counts.recipients, completed=done, more=on_one_line(words or more))
