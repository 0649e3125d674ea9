"""Days, hours and zones as people write them: a local time becomes one instant in UTC, or is refused with a remedy.

Promises: :func:`instant` never guesses. A local time that does not exist (the clock is put forward) is refused with
the hours around it. One that happens twice (the clock is put back) is refused until it is made explicit. That is done
by its offset (``2025-10-26 02:30+02:00``) or by a word (``summer time``, ``winter time``, ``first``, ``second``; Dutch
too). Raises ``ValueError`` with a sentence for the author (brief §1.4, no. 22). Values in, values out: no clock.

Source of the zones: the IANA data base, through ``zoneinfo``; folds and gaps as in PEP 495.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

from mailer.messages import Message

_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{1,2}-\d{1,2})[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
    r"\s*(?P<offset>Z|UTC|[+-]\d{2}:?\d{2})?\s*(?P<word>\(?[a-z][a-z ]*\)?)?",
    re.IGNORECASE,
)
_FIRST = frozenset({"first", "summer time", "summer", "eerste", "zomertijd"})
_SECOND = frozenset({"second", "winter time", "winter", "tweede", "wintertijd"})


class ClockChangeError(ValueError):
    """A local time that does not exist, or exists twice, because the clock is put forward or back.

    ``gap``: the hours between which there is none; None for a time that exists twice.
    """

    def __init__(self, words: str, gap: tuple[time, time] | None = None) -> None:
        super().__init__(words)
        self.gap = gap


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name; ``ValueError`` with names that look like it."""
    if name in _packaged() or name in available_timezones():  # the second walks through folders for 20 ms
        return ZoneInfo(name)
    raise ValueError(Message("a time zone by its place, such as Europe/Amsterdam"))


@cache
def _packaged() -> frozenset[str]:
    """Return the names that ``available_timezones`` has from the package ``tzdata``; nothing where that is missing."""
    try:
        return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split()) - {"posixrules"}
    except (ModuleNotFoundError, OSError):
        return frozenset()


def day(text: str) -> date:
    """Return ``2024-09-18`` as a day; raises ``ValueError``."""
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text)
    if not match:
        raise ValueError(Message("a day as year-month-day, such as 2024-09-18"))
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise ValueError(Message("a day that exists, as year-month-day")) from None


def instant(text: str, place: ZoneInfo) -> datetime:
    """Return the instant in UTC of a local time in ``place``; raises ``ValueError`` if there is none, or two."""
    match = _MOMENT.fullmatch(text.strip())
    if not match:
        raise ValueError(Message("a day and an hour, such as 2024-09-18 09:00"))
    try:
        clock = time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
    except ValueError:
        raise ValueError(Message("an hour between 00:00 and 23:59")) from None
    local = datetime.combine(day(match["day"]), clock)
    if match["offset"]:
        return _with_offset(local, match["offset"], place)
    word = (match["word"] or "").strip("() ").lower()
    if word and word not in _FIRST | _SECOND:
        raise ValueError(Message("a day and an hour, such as 2024-09-18 09:00"))
    return _resolve(local, place, word)


def _resolve(local: datetime, place: ZoneInfo, word: str) -> datetime:
    first, second = (local.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    if first.astimezone(UTC).astimezone(place).replace(tzinfo=None) != local:
        raise _gap(local, place)
    if word:
        return (first if word in _FIRST else second).astimezone(UTC)
    template = Message(
        "On {day} {hour} happens twice in {zone}, because the clock is put back; "
        "write {first} for the first (summer time) or {second} for the second (winter time)"
    )
    raise ClockChangeError(
        template.format(
            day=f"{local:%Y-%m-%d}", hour=f"{local:%H:%M}", zone=place.key, first=_iso(first), second=_iso(second)
        )
    )


def _gap(local: datetime, place: ZoneInfo) -> ClockChangeError:
    """Return the error for an hour that the clock skips, with the hours around it."""
    before, after = (local.replace(tzinfo=place, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    low, high = (local.replace(tzinfo=UTC) - offset for offset in (after, before))
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(place).utcoffset() == before else (low, middle)
    leap = high.replace(microsecond=0)
    start, end = (leap + offset for offset in (before, after))
    template = Message(
        "On {day} {hour} does not exist in {zone}, because the clock is put forward; "
        "choose a time before {start}, or {end} or later"
    )
    words = template.format(
        day=f"{local:%Y-%m-%d}", hour=f"{local:%H:%M}", zone=place.key, start=f"{start:%H:%M}", end=f"{end:%H:%M}"
    )
    return ClockChangeError(words, (start.time(), end.time()))


def _with_offset(local: datetime, text: str, place: ZoneInfo) -> datetime:
    """Read a time with its offset, which is one instant.

    The offset must be one that ``place`` has then (UTC is always right).
    """
    if text.upper() in ("Z", "UTC"):
        return local.replace(tzinfo=UTC)
    sign = -1 if text[0] == "-" else 1
    offset = sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    if abs(offset) >= timedelta(hours=24):
        raise ValueError(Message("an offset such as +02:00"))
    moment = local.replace(tzinfo=timezone(offset))
    if moment.astimezone(place).utcoffset() != offset and offset:
        template = Message("an offset that {zone} has at that time: {right}")
        raise ValueError(template.format(zone=place.key, right=_iso(moment.astimezone(place))))
    return moment.astimezone(UTC)


def _iso(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes" if moment.second == 0 else "seconds")


def local_text(moment: datetime, zone_name: str) -> str:
    """Return an instant as shown, ``2024-09-18 09:00 Europe/Amsterdam``.

    With its offset if the hour exists twice (I9).
    """
    place = ZoneInfo(zone_name)
    local = moment.astimezone(place)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    shown = f"{local:%Y-%m-%d %H:%M}" if local.second == 0 else f"{local:%Y-%m-%d %H:%M:%S}"
    offset = f"{local:%z}"
    return f"{shown}{offset[:3]}:{offset[3:]} {zone_name}" if twice else f"{shown} {zone_name}"
