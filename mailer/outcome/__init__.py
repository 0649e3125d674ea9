"""The only package that decides the meaning of an SMTP reply. Pure: values in, values out; no I/O, no clock.

:func:`classify` finds the subject of a reply and the side at fault, and :func:`decide` the result for the delivery.
:func:`hold_for` decides whether a relay event holds campaigns; :class:`Series` interprets several answers together.
:data:`WORDS` has the sentences for users, in English (message ids of the domain ``cli``).
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
