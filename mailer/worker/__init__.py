"""The loop that sends: claim a window, personalise, compose, hand to the transport, settle what it says."""

from mailer.letter.plan import Links
from mailer.worker.news import News, RelayNews
from mailer.worker.run import run
from mailer.worker.values import Clock, Ending, Filled, SlotSource, Turn, WorkerDeps

__all__ = ["Clock", "Ending", "Filled", "Links", "News", "RelayNews", "SlotSource", "Turn", "WorkerDeps", "run"]
