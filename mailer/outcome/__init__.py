"""The one place that decides what an SMTP reply means. Pure: values in, values out; no I/O, no clock.

:func:`classify` says what a reply is about and whose fault it is, :func:`decide` what follows for the delivery,
:func:`hold_for` whether an event of the relay holds campaigns, :class:`Spikes` what follows from many alike.
:data:`WORDS` has the sentences for people, in English (message ids of the domain ``cli``).
"""

from __future__ import annotations

from mailer.outcome.classes import KINDS, WORDS, Blame, Kind, Words
from mailer.outcome.classify import Class, classify
from mailer.outcome.decide import decide, hold_for, retry_at
from mailer.outcome.decision import Context, Decision, State
from mailer.outcome.results import EventKind, NotWritten, RelayEvent, Replied, Result, Stage, Unknown
from mailer.outcome.spikes import Seen, Spikes, worn_out

__all__ = [
    "KINDS",
    "WORDS",
    "Blame",
    "Class",
    "Context",
    "Decision",
    "EventKind",
    "Kind",
    "NotWritten",
    "RelayEvent",
    "Replied",
    "Result",
    "Seen",
    "Spikes",
    "Stage",
    "State",
    "Unknown",
    "Words",
    "classify",
    "decide",
    "hold_for",
    "retry_at",
    "worn_out",
]
