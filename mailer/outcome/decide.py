"""What follows from a result. The one place; others carry it out (rule 6 of the house).

A 4xx is tried again on the schedule of the settings until time is up (B50); a 5xx is final; a problem of the sender
holds the campaign and hands the delivery back, since it says nothing about the recipient; only a dead address asks
to be suppressed (B64). No reply after the dot is in doubt, before it nothing happened.
"""

from __future__ import annotations

import re
from datetime import datetime

from mailer.outcome.classes import KINDS
from mailer.outcome.classify import Class, classify
from mailer.outcome.decision import Context, Decision
from mailer.outcome.results import NotWritten, RelayEvent, Replied, Result, Unknown

_JITTER = 0.2
SPEED = "speed"
_SPEED = re.compile(
    r"throttl|slow(er)? down|too (many|much|fast|quick)|rate.?limit|rate (is |was )?exceed|busy|unusual rate"
    r"|(at a|message|sending|delivery) rate|per (second|minute)",
    re.IGNORECASE,
)
_NO_SPEED = re.compile(r"grey.?list|recipients|hops|per (hour|day)|(hour|dai)ly", re.IGNORECASE)
_REPUTATION = re.compile(r"4\.7\.(28|650)\b|block ?list", re.IGNORECASE)


def decide(result: Result, context: Context) -> Decision:
    """The decision for one delivery. Never raises for any reply."""
    if isinstance(result, NotWritten):
        return Decision("waiting", "handed_back", text=result.why)
    if isinstance(result, Unknown):
        return Decision("in_doubt", "in_doubt", text=result.why)
    found = classify(result.code, result.text, result.stage)
    if found.key == "accepted":
        return Decision("accepted", "accepted", code=result.code, text=result.text)
    speed = _speed(result)
    if speed:
        return speed
    if found.permanent:
        return _final(result, found)
    return _later(result, found, context)


def hold_for(event: RelayEvent) -> str | None:
    """The key under which an event of the relay holds its campaigns, or None."""
    if event.kind != "refused":
        return None
    return {"tls": "relay_tls", "starttls": "relay_tls", "auth": "relay_auth"}.get(event.stage, "relay_refused")


def retry_at(context: Context) -> datetime | None:
    """When the next attempt is due; None if that is after giving up, or after ``send_before``."""
    delays = context.retry
    if not delays:
        return None
    delay = delays[min(max(context.attempt, 1), len(delays)) - 1]
    at = context.now + delay * (1 + _JITTER * min(max(context.jitter, 0.0), 1.0))
    too_late = at > context.first_claimed_at + context.give_up
    too_late = too_late or (context.send_before is not None and at > context.send_before)
    return None if too_late else at


def _speed(result: Replied) -> Decision | None:
    """Too fast: the letter goes back to waiting for when the pace allows, and that costs no try."""
    words = result.text
    if not _SPEED.search(words) or _NO_SPEED.search(words) or _REPUTATION.search(words) or result.stage == "local":
        return None
    if result.code >= 500 and not re.search(r"per (second|minute)", words, re.IGNORECASE):
        return None
    return Decision(
        "waiting", SPEED, pace="slow_relay" if result.stage == "mail" else "slow", code=result.code, text=result.text
    )


def _final(result: Replied, found: Class) -> Decision:
    if KINDS[found.key].holds and result.stage != "local":
        return Decision("waiting", found.key, hold=found.key, code=result.code, text=result.text)
    return Decision(
        "refused",
        found.key,
        suppress=found.dead and result.stage != "local",
        code=result.code,
        text=result.text,
    )


def _later(result: Replied, found: Class, context: Context) -> Decision:
    at = retry_at(context)
    return Decision(
        "refused" if at is None else "retry",
        found.key,
        retry_at=at,
        gave_up=at is None,
        pace="rest" if _REPUTATION.search(result.text) and result.stage != "local" else "",
        code=result.code,
        text=result.text,
    )
