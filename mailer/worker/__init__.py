"""The loop that sends: claim a window, personalise, compose, hand to the transport, settle its results."""

from mailer.letter.compiled import LetterLinks
from mailer.worker.relay_news import RelayNews, RelayReport
from mailer.worker.run import run
from mailer.worker.values import Clock, ExitReason, Filled, SendProgress, SlotSource, WorkerDeps

__all__ = [
    "Clock",
    "ExitReason",
    "Filled",
    "LetterLinks",
    "RelayNews",
    "RelayReport",
    "SendProgress",
    "SlotSource",
    "WorkerDeps",
    "run",
]
