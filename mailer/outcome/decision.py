"""What follows from a result: the values that :func:`mailer.outcome.decide` takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

State = Literal["accepted", "retry", "refused", "in_doubt", "waiting"]
PaceWord = Literal["", "slow_relay", "slow_domain", "slow", "rest"]


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision needs to know of the delivery.

    ``attempt`` counts the answered attempts, this one included, from 1 (hand-backs do not count). ``jitter`` is a
    number from 0 to 1 that the caller draws; up to a fifth of the delay is added by it.
    """

    now: datetime
    attempt: int
    first_claimed_at: datetime
    retry: tuple[timedelta, ...]
    give_up: timedelta
    send_before: datetime | None = None
    jitter: float = 0.0


class Decision(NamedTuple):
    """What to do, for others to carry out. ``reason`` is the key of a class (:mod:`mailer.outcome.classes`).

    ``retry_at`` is set with ``retry`` only. ``suppress``: the address itself is dead (the caller asks
    :class:`mailer.outcome.Spikes` first). ``hold``: a key of :data:`mailer.outcome.WORDS`; the mailing is held at
    once. ``pace``: whom to send to more slowly; ``slow`` where the words do not say whom, ``rest`` where our
    reputation is meant and the domain rests. ``gave_up``: a temporary refusal whose time is over.
    ``code`` and ``text`` are what the server said (0 and the cause when it said nothing).
    """

    state: State
    reason: str
    retry_at: datetime | None = None
    suppress: bool = False
    hold: str | None = None
    pace: PaceWord = ""
    gave_up: bool = False
    code: int = 0
    text: str = ""
