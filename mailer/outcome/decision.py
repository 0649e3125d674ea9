"""What follows from a result: the values that :func:`mailer.outcome.decide` takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

DecidedState = Literal["accepted", "retry", "refused", "in_doubt", "waiting"]
MailboxFinding = Literal["", "clear", "unclear"]
Pace = Literal["", "slow_relay", "slow", "rest"]


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision needs to know of the delivery.

    ``attempt`` counts the attempts that were answered with a refusal for now, this one included, from 1 (what was
    handed back, or told to go slower, does not count). ``jitter`` is a number from 0 to 1 that the caller draws; up to
    a fifth of the delay is added by it. ``passing``: the domain has accepted letters of other recipients lately.
    """

    now: datetime
    attempt: int
    first_claimed_at: datetime
    retry: tuple[timedelta, ...]
    give_up: timedelta
    send_before: datetime | None = None
    jitter: float = 0.0
    passing: bool = False


class Decision(NamedTuple):
    """What to do, for others to carry out. ``reason`` is the key of a class (:mod:`mailer.outcome.classes`).

    ``retry_at`` is set with ``retry`` only. ``mailbox``: what the reply states about the mailbox; whether it strikes
    the address off is decided where the earlier statements are (:mod:`mailer.undeliverable`). ``hold``: a key of
    :data:`mailer.outcome.WORDS`; the mailing is held at once, ``until`` a quota is over, if that is known.
    ``pace``: the relay is to be sent to more slowly, or (``slow``) it or the domain, as the other answers show;
    ``rest``: the domain gets nothing for a while. ``gave_up``: a temporary refusal whose time is over. ``code`` and
    ``text`` are what the server said (0 and the cause when it said nothing).
    """

    state: DecidedState
    reason: str
    retry_at: datetime | None = None
    mailbox: MailboxFinding = ""
    hold: str | None = None
    until: datetime | None = None
    pace: Pace = ""
    gave_up: bool = False
    code: int = 0
    text: str = ""
