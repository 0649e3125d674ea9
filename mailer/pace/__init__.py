"""How fast: limits that staff set, and what a relay or a domain that complains is found to take.

:mod:`mailer.pace.limits` keeps what was set (the table ``pace``), :mod:`mailer.pace.book` what was learnt (the table
``learnt``), for all senders together. :mod:`mailer.pace.learning` has the arithmetic of learning and
:mod:`mailer.pace.evidence` says whose limit a complaint is about; both are pure.
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
