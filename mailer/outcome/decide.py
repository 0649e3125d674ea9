"""The decision after a result. Only this module decides; its callers carry it out.

The decision depends on the group of the class (:mod:`mailer.outcome.classes`):

========================  ==================================================================================
clear, unclear            refused; the statement about the mailbox is passed on (4xx: tried again)
sender, relay, quota      the campaign is held at the first reply, and the delivery waits
speed                     the delivery waits for the pace, and it costs no try
greylist                  this letter again after five minutes, up to three times; then on the schedule
reputation                refused (4xx: tried again), and the domain rests
policy, content, size,    refused (4xx: tried again)
full, unknown
later                     tried again on the schedule of the settings, also when a 5xx says so
========================  ==================================================================================

Before RCPT every 5xx holds the campaign, and every other 4xx slows down the mail to the relay. If the reply is missing
after the final dot, the delivery is in doubt; before the dot, nothing happened. Our own refusal (stage ``local``)
neither holds the campaign nor strikes the address off.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mailer.outcome.classes import HOLDING
from mailer.outcome.classify import Class, classify
from mailer.outcome.decision import Context, Decision, Pace
from mailer.outcome.quota import until
from mailer.outcome.results import BEFORE_RCPT, NotWritten, RelayEvent, Replied, Result, Unknown

SOON = timedelta(minutes=5)
SOON_TIMES = 3
_JITTER = 0.2


def decide(result: Result, context: Context) -> Decision:
    """Return the decision for one delivery. Never raises for any reply."""
    if isinstance(result, NotWritten):
        return Decision("waiting", "handed_back", text=result.why)
    if isinstance(result, Unknown):
        return Decision("in_doubt", "in_doubt", text=result.why)
    found = classify(result.code, result.text, result.stage)
    if found.key == "accepted":
        return Decision("accepted", "accepted", code=result.code, text=result.text)
    if result.stage == "local":
        return _refused(result, found) if found.permanent else _later(result, found, context)
    if found.group in HOLDING or (result.code >= 500 and result.stage in BEFORE_RCPT and found.permanent):
        return _held(result, found, context)
    if found.group == "speed" or result.stage in BEFORE_RCPT:
        return _paced(result)
    if not found.permanent:
        return _later(result, found, context)
    return _refused(result, found)


def hold_for(event: RelayEvent) -> str | None:
    """Return the key under which an event of the relay holds its campaigns, or None."""
    if event.kind != "refused":
        return None
    return {"tls": "relay_tls", "starttls": "relay_tls", "auth": "relay_auth"}.get(event.stage, "relay_refused")


def retry_at(context: Context, soon: timedelta | None = None) -> datetime | None:
    """Return the time of the next attempt; None if that is after ``give_up``, or after ``send_before``."""
    delays = context.retry
    if not delays:
        return None
    delay = delays[min(max(context.attempt, 1), len(delays)) - 1]
    delay = delay if soon is None else min(soon, delay)
    at = context.now + delay * (1 + _JITTER * min(max(context.jitter, 0.0), 1.0))
    too_late = at > context.first_claimed_at + context.give_up
    too_late = too_late or (context.send_before is not None and at > context.send_before)
    return None if too_late else at


def _held(result: Replied, found: Class, context: Context) -> Decision:
    ends = until(result.text, context.now) if found.group == "quota" else None
    return Decision("waiting", found.key, hold=found.key, until=ends, code=result.code, text=result.text)


def _paced(result: Replied) -> Decision:
    pace: Pace = "slow_relay" if result.stage in BEFORE_RCPT else "slow"
    return Decision("waiting", "speed", pace=pace, code=result.code, text=result.text)


def _refused(result: Replied, found: Class) -> Decision:
    stated = found.group if found.group in ("clear", "unclear") and result.stage != "local" else ""
    pace: Pace = "rest" if found.group == "reputation" else ""
    return Decision("refused", found.key, mailbox=stated, pace=pace, code=result.code, text=result.text)


def _later(result: Replied, found: Class, context: Context) -> Decision:
    """Decide on a temporary refusal. A vague first one counts as greylisting while the domain accepts other letters."""
    vague = found.group in ("later", "policy", "unknown", "unclear") and result.code != 421
    first_alone = context.attempt == 1 and context.passing and vague
    key = "greylist" if first_alone else found.key
    soon = SOON if key == "greylist" and context.attempt <= SOON_TIMES else None
    at = retry_at(context, soon)
    return Decision(
        "refused" if at is None else "retry",
        key,
        retry_at=at,
        gave_up=at is None,
        pace="rest" if found.group == "reputation" else "",
        code=result.code,
        text=result.text,
    )
