"""The end of a quota, as far as the relay's words state it. Pure.

Promises nothing about the relay's behaviour at that time: most count over the last hour or day, some by the calendar.
A limit of a plan has no hour (None).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_IN = re.compile(
    r"(?:in|after|for|within|wait|next)\W{1,3}(\d{1,4}(?:\.\d{1,3})?)\W{0,2}(sec|s\b|min|m\b|hour|h\b|hr|day|d\b)"
)
_HOUR = re.compile(r"\bhour|hourly|stunde|stündlich|\buur\b|heure")
_DAY = re.compile(r"\bday|daily|24.?h|\btag\b|täglich|\bdag\b|\bjour|per diem")


def until(text: str, now: datetime) -> datetime | None:
    """Return the earliest useful time for a retry; None if the words do not state one."""
    words = text.lower()
    said = _IN.search(words)
    if said:
        return now + timedelta(seconds=float(said[1]) * _UNITS[said[2][0]])
    if _HOUR.search(words):
        return now + timedelta(hours=1)
    if _DAY.search(words):
        return now + timedelta(days=1)
    return None
