"""The hour of a campaign: chosen with its zone in words, and saved with the draft, so that nothing is forgotten.

Promises: an hour that does not exist, exists twice, or is past is never guessed: the page says what to choose. A day
may be typed as people write it. The hour is saved as a version of the text (keys ``send_at`` and ``timezone``); when
somebody else chose another hour meanwhile, nothing is overwritten. Choosing an hour plans nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.console.words import Words
from campaigns.lifecycle import drafts, records
from campaigns.lifecycle.drafts import Draft
from campaigns.lifecycle.records import Campaign
from campaigns.source.local_time import ClockChangeError, instant, local_text
from campaigns.source.writing import with_values
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from unsubscribe.web.dates import parse_day

_HOUR = re.compile(r"(\d{1,2})(?:[:.,h u]{0,2}(\d{2}))?\s*(?:uur|u|h|hrs)?", re.IGNORECASE)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
USUAL = time(9, 0)
_WORDS = {"first": " first", "second": " second"}


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of the form as they were typed. ``which``: of an hour that comes twice, the first or the second."""

    day: str = ""
    hour: str = ""
    which: str = ""

    @property
    def day_type(self) -> str:
        """The type of the field: a day that no calendar understands is shown as it was typed."""
        return "date" if not self.day or _ISO.fullmatch(self.day) else "text"

    @property
    def hour_type(self) -> str:
        """The same for the hour."""
        return "time" if not self.hour or re.fullmatch(r"\d{2}:\d{2}", self.hour) else "text"


class ChoiceError(Exception):
    """The hour cannot be taken: the field, the sentence, and whether it has to be asked which of two is meant."""

    def __init__(self, name: str, words: str, *, asks_which: bool = False) -> None:
        super().__init__(words)
        self.name, self.words, self.asks_which = name, words, asks_which


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/campaigns/{slug}/when", show=show, act=save, right=Right.SEND)]


def show(visit: Visit) -> Response:
    """Show the form, with the hour that was saved."""
    with visit.read() as conn:
        draft = drafts.current(conn, visit.path["slug"])
        at, zone = draft.definition.send_at, zone_of(visit, draft)
        typed = _typed(at, zone) if at else Typed(hour=f"{USUAL:%H:%M}")
        return _page(visit, conn, draft, typed)


def save(visit: Visit) -> Response:
    """Save an hour: that of a quick choice, or the typed one."""
    with visit.write() as conn:
        draft = drafts.current(conn, visit.path["slug"])
        zone = zone_of(visit, draft)
        typed = Typed(visit.form.one("day")[:60], visit.form.one("hour")[:20], visit.form.one("which"))
        quick = dict(quick_choices(visit.now, zone)).get(visit.form.one("quick"))
        if quick is not None:
            typed = _typed(quick, zone)
        try:
            at = moment(visit.words, typed, zone, visit.now)
        except ChoiceError as error:
            return _page(visit, conn, draft, typed, error=error)
        if visit.form.one("seen") != _seen(draft):
            return _page(visit, conn, draft, typed, conflict=True)
        source = with_values(draft.version.source, {"send_at": written(at, zone), "timezone": zone})
        drafts.save(conn, draft, (source, draft.version.images), "saved", visit.origin.actor, visit.now)
        visit.record(conn, Act(Verb.SAVE, "campaign", draft.campaign.slug, ("send_at", "timezone")))
    back = "/plan" if visit.query("back") == "plan" else ""
    return visit.go(f"/campaigns/{draft.campaign.slug}{back}", "hour_saved")


def zone_of(visit: Visit, draft: Draft) -> str:
    """Return the zone in which the hours of a campaign are meant: its own, else that of the house."""
    return draft.definition.timezone or draft.campaign.timezone or visit.console.app.reader.timezone


def written(at: datetime, zone: str) -> str:
    """Return an instant as a campaign file has it: local, with its offset where the hour comes twice."""
    return local_text(at, zone).removesuffix(zone).strip()


def moment(words: Words, typed: Typed, zone: str, now: datetime) -> datetime:
    """Return the instant that was typed. Raises :class:`ChoiceError`."""
    _, today = words.gettext, now.astimezone(ZoneInfo(zone)).date()
    if not typed.day:
        raise ChoiceError("day", _("Fill in a day."))
    day = parse_day(typed.day, words.language, today)
    if day is None:
        text = _("This is not a day: write it like {short} or {long}.")
        raise ChoiceError("day", text.format(short=f"{today:%-d-%-m-%Y}", long=words.long_day(today)))
    hour = _hour(typed.hour)
    if hour is None:
        text = _("Fill in an hour.") if not typed.hour else _("This is not an hour: write it like 09:00.")
        raise ChoiceError("hour", text)
    try:
        at = instant(f"{day.isoformat()} {hour:%H:%M}{_WORDS.get(typed.which, '')}", ZoneInfo(zone))
    except ClockChangeError as error:
        raise _explained(words, day, hour, error) from None
    if at <= now:
        field = "hour" if day == today else "day"
        raise ChoiceError(field, _("This hour is past. Choose one that is still to come."))
    return at


def _explained(words: Words, day: date, hour: time, error: ClockChangeError) -> ChoiceError:
    _, shown = words.gettext, words.long_day(day)
    if error.gap is None:
        text = _(
            "On {day} {hour} happens twice, because the clock is put back. "
            "Choose the first (summer time) or the second (winter time)."
        )
        return ChoiceError("which", text.format(day=shown, hour=f"{hour:%H:%M}"), asks_which=True)
    text = _(
        "On {day} {hour} does not exist, because summer time begins. Choose a time before {start}, or {end} or later."
    )
    start, end = (f"{each:%H:%M}" for each in error.gap)
    return ChoiceError("hour", text.format(day=shown, hour=f"{hour:%H:%M}", start=start, end=end))


def quick_choices(now: datetime, zone: str) -> list[tuple[str, datetime]]:
    """Return the quick choices: tomorrow at nine, and the next working day at nine if that is another day."""
    place = ZoneInfo(zone)
    tomorrow = now.astimezone(place).date() + timedelta(days=1)
    working = tomorrow
    while working.weekday() >= 5:
        working += timedelta(days=1)
    found = [("tomorrow", tomorrow)] + ([("working_day", working)] if working != tomorrow else [])
    return [(key, datetime.combine(day, USUAL, place).astimezone(UTC)) for key, day in found]


def same_day(conn: Connection, at: datetime, zone: str, but: str) -> list[Campaign]:
    """Return the other campaigns that are planned for the day of ``at`` in a zone."""
    place = ZoneInfo(zone)
    day = at.astimezone(place).date()
    end = datetime.combine(day + timedelta(days=1), time(), place)
    found = records.planned(conn, end)
    return [
        item for item in found if item.send_at and item.send_at.astimezone(place).date() == day and item.slug != but
    ]


def _hour(text: str) -> time | None:
    match = _HOUR.fullmatch(text.strip())
    if not match or int(match[1]) > 23 or int(match[2] or 0) > 59:
        return None
    return time(int(match[1]), int(match[2] or 0))


def _typed(at: datetime, zone: str) -> Typed:
    local = at.astimezone(ZoneInfo(zone))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    which = ("second" if local.fold else "first") if twice else ""
    return Typed(f"{local:%Y-%m-%d}", f"{local:%H:%M}", which)


def _seen(draft: Draft) -> str:
    """Return the saved hour as the form carries it: whether it is still the one that was shown."""
    at = draft.definition.send_at
    return at.isoformat() if at else ""


def _page(
    visit: Visit,
    conn: Connection,
    draft: Draft,
    typed: Typed,
    error: ChoiceError | None = None,
    conflict: bool = False,
) -> Response:
    zone, saved = zone_of(visit, draft), draft.definition.send_at
    others = same_day(conn, saved, zone, draft.campaign.slug) if saved else []
    return visit.page(
        "when.html",
        422 if error else 409 if conflict else 200,
        campaign=draft.campaign,
        draft=draft,
        typed=typed,
        zone=zone,
        saved=saved,
        seen=_seen(draft),
        others=others,
        quick=quick_choices(visit.now, zone),
        conflict=conflict,
        asks_which=bool(typed.which) or (error is not None and error.asks_which),
        errors={error.name: error.words} if error else {},
        back=visit.query("back"),
    )
