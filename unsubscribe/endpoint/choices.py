"""``/c/…``: what a reader may choose after an opt-out, each by a fresh token for one purpose, valid 30 minutes (I7).

Promises: GET shows the form and changes nothing; POST acts, and again is the same. A genuine token whose time is over
gets a page that says so (410); any other the same 404 as everywhere.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.errors import TokenError
from mailer.signing import Purpose, Token
from unsubscribe import optout
from unsubscribe.endpoint import errors, forms
from unsubscribe.endpoint.dates import day_in_words, parse_day, short_day, start_of
from unsubscribe.endpoint.desk import Desk
from unsubscribe.endpoint.pages import View, respond
from unsubscribe.optout import Reader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PURPOSES = {
    "undo": Purpose.UNDO,
    "less-often": Purpose.LESS_OFTEN,
    "pause": Purpose.PAUSE,
    "topics": Purpose.TOPICS,
    "reason": Purpose.REASON,
}
OFTEN = {"always": 0, "week": 7, "month": 30}
MONTHS = {"1": 1, "3": 3, "6": 6}


def N_(message: str) -> str:  # noqa: N802 - gettext's name for a text that is put into words later
    """Marks a text for the catalogue."""
    return message


REASONS = {
    "too_many": N_("I get too many mails"),
    "not_relevant": N_("The mails are not about what I am interested in"),
    "never_asked": N_("I never asked for this"),
    "changed_job": N_("I have other work or another address now"),
    "other": N_("Something else"),
}


class Choices:
    """The routes below ``/c/``."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def routes(self) -> list[Route]:
        """One for each purpose."""
        return [Route("/c/{kind}/{token}", self.choice, methods=["GET", "POST"])]

    def fresh(self, kind: str, token: Token, change: int) -> str:
        """A link for one purpose, from now on for half an hour; ``change`` is the opt-out that it may take back."""
        return self.desk.url(f"/c/{kind}/{self.desk.tokens.fresh(PURPOSES[kind], token, self.desk.now, change)}")

    async def choice(self, request: Request) -> Response:
        """Show or act."""
        kind = request.path_params["kind"]
        purpose = PURPOSES.get(kind)
        if purpose is None:
            raise HTTPException(404)
        text, now = request.path_params["token"], self.desk.now
        try:
            token = self.desk.tokens.read(text, purpose, now)
        except TokenError:
            self.desk.tokens.read(text, purpose, _EPOCH)  # raises again, unless only its time has passed
            return errors.expired(self.desk, request)
        reader = await self.desk.read(lambda conn: optout.look(conn, token, now))
        view = self.desk.view(request, reader.language)
        if request.method != "POST":
            return self.form(view, kind, token, reader, self._here(request))
        fields = await forms.form(request)
        act = {"undo": self._undo, "less-often": self._less_often, "pause": self._pause}[kind]
        return await act(view, token, reader, fields)

    def form(self, view: View, kind: str, token: Token, reader: Reader, action: str = "") -> Response:
        """The form of a choice; without ``action`` it gets a fresh link."""
        action = action or self.fresh(kind, token, token.subject)
        if reader.stand == "gone":
            return self._gone(view)
        if kind == "less-often":
            return self._less_often_form(view, reader, action)
        if kind == "pause":
            return self._pause_form(view, reader, action)
        if kind == "undo":
            return self._undo_form(view, reader, action)
        raise HTTPException(404)

    def _here(self, request: Request) -> str:
        return self.desk.url(request.url.path)

    def _gone(self, view: View) -> Response:
        _ = view.gettext
        sentence = _("You get no mail from us any more, so there is nothing to choose.")
        return self.desk.done(view, _("You have opted out"), (sentence,))

    def _undo_form(self, view: View, reader: Reader, action: str) -> Response:
        _ = view.gettext
        context = {
            "heading": _("Was this a mistake?"),
            "sentences": (_("With this button you are back on, as before: %(address)s.") % {"address": reader.masked},),
            "action": action,
            "hidden": {},
            "label": _("Put me back"),
            "kind": "primary",
        }
        return respond(self.desk.pages.page("ask.html", view, context))

    async def _undo(self, view: View, token: Token, reader: Reader, fields: forms.Form) -> Response:  # noqa: ARG002
        now = self.desk.now
        await self.desk.write(lambda conn: optout.undo(conn, token, now))
        self.desk.watch.chose("undo")
        _ = view.gettext
        topic = reader.topic.name_in(view.language) if reader.topic else ""
        again = (
            _("You get %(topic)s again at %(address)s.") % {"topic": topic, "address": reader.masked} if topic else ""
        )
        return self.desk.done(view, _("You are back on, as before"), (again,) if again else ())

    def _less_often_form(self, view: View, reader: Reader, action: str, error: str = "") -> Response:
        errors_of = {"often": error} if error else {}
        context = {"address": reader.masked, "action": action, "chosen": "", "errors": errors_of}
        return respond(self.desk.pages.page("less_often.html", view, context), 422 if error else 200)

    async def _less_often(self, view: View, token: Token, reader: Reader, fields: forms.Form) -> Response:
        _ = view.gettext
        days = OFTEN.get(forms.one(fields, "often"))
        if days is None:
            action = self.fresh("less-often", token, token.subject)
            return self._less_often_form(view, reader, action, _("Choose how often you want mail"))
        now = self.desk.now
        after = await self.desk.write(lambda conn: optout.less_often(conn, token, days, now))
        if after.stand == "gone":
            return self._gone(view)
        self.desk.watch.chose("less_often")
        return self.desk.done(view, _("Saved"), (often_in_words(view, days, self.desk.site.name),))

    def _pause_form(
        self, view: View, reader: Reader, action: str, again: tuple[str, str, str] = ("", "", "")
    ) -> Response:
        chosen, until, error = again
        _ = view.gettext
        today = self._today()
        choices = [
            ("1", _("One month, until %(day)s") % {"day": short_day(_later(today, 1), view.language)}),
            ("3", _("Three months, until %(day)s") % {"day": short_day(_later(today, 3), view.language)}),
            ("6", _("Half a year, until %(day)s") % {"day": short_day(_later(today, 6), view.language)}),
            ("date", _("Until another date")),
        ]
        field = "until" if chosen == "date" else "pause"
        context = {
            "address": reader.masked,
            "action": action,
            "choices": choices,
            "chosen": chosen,
            "until": until,
            "example": short_day(_later(today, 2), view.language),
            "errors": {field: error} if error else {},
        }
        return respond(self.desk.pages.page("pause.html", view, context), 422 if error else 200)

    async def _pause(self, view: View, token: Token, reader: Reader, fields: forms.Form) -> Response:
        _ = view.gettext
        chosen, written = forms.one(fields, "pause"), forms.one(fields, "until")
        chosen = "date" if written and chosen not in MONTHS else chosen
        today = self._today()
        day = _later(today, MONTHS[chosen]) if chosen in MONTHS else parse_day(written, view.language, today)
        error = _("Choose for how long") if chosen not in MONTHS and chosen != "date" else day_fault(view, day, today)
        if error or day is None:
            again = self.fresh("pause", token, token.subject)
            return self._pause_form(view, reader, again, (chosen, written, error))
        until, now = start_of(day, self.desk.deps.timezone), self.desk.now
        after = await self.desk.write(lambda conn: optout.pause(conn, token, until, now))
        if after.stand == "gone":
            return self._gone(view)
        self.desk.watch.chose("pause")
        heading = _("Paused until %(day)s") % {"day": day_in_words(day, view.language)}
        return self.desk.done(view, heading, (_("After that mail starts again; you need do nothing."),))

    def _today(self) -> date:
        return self.desk.now.astimezone(ZoneInfo(self.desk.deps.timezone)).date()


def often_in_words(view: View, days: int, name: str) -> str:
    """The sentence that confirms *less often* (brief.md 1.4 no. 30)."""
    _ = view.gettext
    texts = {
        0: _("You will get each mail from %(name)s."),
        7: _("You will get at most one mail a week from %(name)s."),
        30: _("You will get at most one mail a month from %(name)s."),
    }
    return texts[days] % {"name": name}


def day_fault(view: View, day: date | None, today: date) -> str:
    """What is wrong with the end of a pause; empty when nothing is."""
    _ = view.gettext
    if day is None:
        example = short_day(_later(today, 2), view.language)
        return _("Fill in a day, for example %(example)s") % {"example": example}
    if not today < day <= today + timedelta(days=365):
        return _("Choose a day after today and within a year")
    return ""


def _later(day: date, months: int) -> date:
    """The same day some months on; the last of the month where that day does not exist."""
    year, month = divmod(day.month - 1 + months, 12)
    last = (date(day.year + year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(day.year + year, month + 1, min(day.day, last))
