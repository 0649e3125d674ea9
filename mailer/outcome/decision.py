"""The values that :func:`mailer.outcome.decide` takes and returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

DecidedState = Literal["accepted", "retry", "refused", "in_doubt", "waiting"]
MailboxFinding = Literal["", "clear", "unclear"]
Pace = Literal["", "slow_relay", "slow", "rest"]


@dataclass(frozen=True, slots=True)
class Context:
    """The facts about the delivery that a decision needs.

    ``attempt`` counts the attempts with a temporary refusal, this one included, from 1. Attempts that were handed back
    or told to slow down do not count. ``jitter`` is a number from 0 to 1 that the caller draws; it adds up to a fifth
    of the delay. ``passing``: the domain has accepted letters of other recipients lately.
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
    """The decision, for the caller to carry out. ``reason`` is the key of a class (:mod:`mailer.outcome.classes`).

    ``retry_at`` is set with ``retry`` only. ``mailbox``: the reply's statement about the mailbox;
    :mod:`mailer.undeliverable`, which has the earlier statements, decides whether it strikes the address off.
    ``hold``: a key of :data:`mailer.outcome.WORDS`; the mailing is held at once, ``until`` a quota ends, if known.
    ``pace``: slow down mail to the relay, or (``slow``) to the relay or the domain, as the other answers show. With
    ``rest`` the domain gets nothing for a while. ``gave_up``: a temporary refusal whose time is over. ``code`` and
    ``text`` are the server's reply (0 and the cause when there was none).
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
