"""The one place that decides what an SMTP reply means. Pure: values in, values out; no I/O, no clock.

:func:`classify` says what a reply is about and whose fault it is, :func:`decide` what follows for the delivery,
:func:`hold_for` whether an event of the relay holds campaigns, :class:`Series` what several answers mean together.
:data:`WORDS` has the sentences for people, in English (message ids of the domain ``cli``).
"""

from __future__ import annotations

from mailer.outcome.classes import HOLDING, KINDS, WORDS, ClassGroup, ClassWords, ReplyClass
from mailer.outcome.classify import Class, classify, get_ready
from mailer.outcome.decide import decide, hold_for, retry_at
from mailer.outcome.decision import Context, DecidedState, Decision
from mailer.outcome.results import EventKind, NotWritten, RelayEvent, Replied, Result, Stage, Unknown
from mailer.outcome.series import ReplyDecision, Seen, Series, shown

__all__ = [
    "HOLDING",
    "KINDS",
    "WORDS",
    "Class",
    "ClassGroup",
    "ClassWords",
    "Context",
    "DecidedState",
    "Decision",
    "EventKind",
    "NotWritten",
    "RelayEvent",
    "Replied",
    "ReplyClass",
    "ReplyDecision",
    "Result",
    "Seen",
    "Series",
    "Stage",
    "Unknown",
    "classify",
    "decide",
    "get_ready",
    "hold_for",
    "retry_at",
    "shown",
]
