"""The sending rate: limits set by staff, and learnt limits of a relay or a domain that complains.

:mod:`mailer.pace.limits` enforces the set limits (the table ``pace``), :mod:`mailer.pace.book` stores the learnt ones
(the table ``learnt``), both for all senders together. :mod:`mailer.pace.learning` has the arithmetic of learning, and
:mod:`mailer.pace.evidence` decides whether a complaint is about the relay or a domain; both are pure.
"""

from mailer.pace.book import LEARNT, Book, known
from mailer.pace.book import forget as forget_learnt
from mailer.pace.evidence import Evidence, PaceVerdict
from mailer.pace.learning import AnswerCounts, ClaimSlots, Learnt, rate_now, slots
from mailer.pace.limits import (
    PACE,
    RELAY,
    WHOLE,
    Room,
    domain_bucket,
    forget,
    held_up,
    mailing_bucket,
    room,
    take,
)

__all__ = [
    "LEARNT",
    "PACE",
    "RELAY",
    "WHOLE",
    "AnswerCounts",
    "Book",
    "ClaimSlots",
    "Evidence",
    "Learnt",
    "PaceVerdict",
    "Room",
    "domain_bucket",
    "forget",
    "forget_learnt",
    "held_up",
    "known",
    "mailing_bucket",
    "rate_now",
    "room",
    "slots",
    "take",
]
