"""``/c/…``: the choices after an opt-out, each by a fresh token for one purpose, valid 30 minutes (I7).

Promises: GET shows the form and changes nothing; POST acts, and a repeated POST changes nothing more. An expired
genuine token gets a page that says so (410); any other token gets the generic 404.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.signing import Purpose, Token
from templates import emphasised
from unsubscribe import details, optout, reasons
from unsubscribe.endpoint.context import ReaderContext
from unsubscribe.endpoint.detail_pages import DetailPages
from unsubscribe.endpoint.words import MONTHS, OFTEN, REASONS, day_fault, later, often_in_words, stays
from unsubscribe.optout import Subscriber
from unsubscribe.web import errors, forms
from unsubscribe.web.dates import day_in_words, parse_day, short_day, start_of
from unsubscribe.web.pages import View, respond

PURPOSES = {
    "undo": Purpose.UNDO,
    "less-often": Purpose.LESS_OFTEN,
    "pause": Purpose.PAUSE,
    "topics": Purpose.TOPICS,
    "reason": Purpose.REASON,
    "put-back": Purpose.UNDO_CHANGE,
}


class Choices:
    """The routes below ``/c/``."""

    def __init__(self, context: ReaderContext, detail_pages: DetailPages) -> None:
        self.context, self.web = context, context.web
        self.detail_pages = detail_pages

    def routes(self) -> list[Route]:
        """Return the one route, which serves every purpose."""
        return [Route("/c/{kind}/{token}", self.choice, methods=["GET", "POST"])]

    def fresh(self, kind: str, token: Token, change: int) -> str:
        """Return a link for one purpose, valid for half an hour from now.

        ``change`` is the opt-out that it may take back.
        """
        return self.web.url(f"/c/{kind}/{self.context.tokens.fresh(PURPOSES[kind], token, self.web.now, change)}")

    async def choice(self, request: Request) -> Response:
        """Show the form of a choice, or carry out the choice."""
        kind = request.path_params["kind"]
        purpose = PURPOSES.get(kind)
        if purpose is None:
            raise HTTPException(404)
        token, fresh = self.context.short_token(request.path_params["token"], purpose)
        if not fresh:
            return errors.expired(self.web, request)
        now = self.web.now
        reader = await self.web.read(lambda conn: optout.look(conn, token, now))
        view = self.web.view(request, reader.language)
        if request.method != "POST":
            return await self.form(view, kind, token, reader, self._here(request))
        acts = {
            "undo": self._undo,
            "less-often": self._less_often,
            "pause": self._pause,
            "topics": self.detail_pages.topics,
            "put-back": self._put_back,
            "reason": self._reason,
        }
        return await acts[kind](view, token, reader, await forms.form(request))

    async def form(self, view: View, kind: str, token: Token, reader: Subscriber, action: str = "") -> Response:
        """Return the form of a choice; without ``action`` it gets a fresh link."""
        action = action or self.fresh(kind, token, token.subject)
        if reader.stand == "gone":
            return self._gone(view)
        if kind == "less-often":
            return self._less_often_form(view, reader, action)
        if kind == "pause":
            return self._pause_form(view, reader, action)
        if kind == "undo":
            return self._undo_form(view, reader, action)
        if kind == "topics":
            return await self.detail_pages.topics_form(view, token, reader, action)
        if kind == "put-back":
            return self._put_back_form(view, reader, action)
        if kind == "reason":
            return self._reason_form(view, action)
        raise HTTPException(404)

    def _here(self, request: Request) -> str:
        return self.web.url(request.scope["path"])

    def _gone(self, view: View) -> Response:
        _ = view.gettext
        sentence = _("You no longer receive emails from us, so there is nothing to choose.")
        return self.web.done(view, _("You have unsubscribed"), (sentence,))

    def _stays_out(self, view: View, reader: Subscriber) -> Response:
        """Return the page that says that the choice is stored, but that the contact gets no mail all the same."""
        _ = view.gettext
        if reader.stand == "gone":
            return self._gone(view)
        told: str = _("You no longer receive our emails.")
        if reader.stand == "left_topic" and reader.topic:
            names = {"topic": reader.topic.name_in(view.language), "address": reader.masked}
            told = emphasised(_("You no longer receive %(topic)s at %(address)s."), **names)
        return self.web.done(view, _("You have unsubscribed"), (told,), kind="info")

    def _undo_form(self, view: View, reader: Subscriber, action: str) -> Response:
        _ = view.gettext
        told = emphasised(
            _("With this button you receive our emails again, as before, at %(address)s."), address=reader.masked
        )
        return self.web.ask(view, _("Was this a mistake?"), (told,), _("Undo"), action=action)

    async def _undo(self, view: View, token: Token, reader: Subscriber, fields: forms.Form) -> Response:  # noqa: ARG002
        now = self.web.now
        after = await self.web.write(lambda conn: optout.undo(conn, token, now))
        self.web.metrics.chose("undo")
        _ = view.gettext
        topic = reader.topic.name_in(view.language) if reader.topic else ""
        if after.stand == "gone":
            return self._gone(view)
        if after.stand == "left_topic" and reader.stand == "left_all":
            told = emphasised(
                _("You will receive our emails again, but not %(topic)s: you had unsubscribed from that before."),
                topic=topic,
            )
            return self.web.done(view, _("You are subscribed again, as before"), (told,))
        if after.stand != "on":
            return self.web.done(
                view, _("Not changed"), (_("Something else has been chosen since then, and that stays."),), kind="warn"
            )
        again = emphasised(_("You will receive %(topic)s again at %(address)s."), topic=topic, address=reader.masked)
        return self.web.done(view, _("You are subscribed again, as before"), (again,) if topic else ())

    def _put_back_form(self, view: View, reader: Subscriber, action: str) -> Response:
        _ = view.gettext
        asked = emphasised(_("Do you want to undo the change to your details for %(address)s?"), address=reader.masked)
        sentences = (asked, _("Anything that was changed since then stays."))
        return self.web.ask(view, _("Undo a change"), sentences, _("Undo the change"), action=action)

    async def _put_back(self, view: View, token: Token, reader: Subscriber, fields: forms.Form) -> Response:  # noqa: ARG002
        now = self.web.now
        done = (await self.web.write(lambda conn: details.undo(conn, token, now)))[1]
        self.web.metrics.chose("put_back")
        _ = view.gettext
        if not done:
            kept = _("Something else has been chosen since then, and that stays.")
            return self.web.done(view, _("Not changed"), (kept,), kind="warn")
        return self.web.done(
            view,
            _("The change was undone"),
            (_("Everything is as it was before, except for what was changed since then."),),
        )

    def _reason_form(self, view: View, action: str, error: str = "") -> Response:
        labels = tuple((key, view.gettext(label)) for key, label in REASONS.items())
        context = {"reasons": labels, "action": action, "errors": {"reason": error} if error else {}}
        return respond(self.web.pages.page("reason.html", view, context), 422 if error else 200)

    async def _reason(self, view: View, token: Token, reader: Subscriber, fields: forms.Form) -> Response:  # noqa: ARG002
        _ = view.gettext
        reason = forms.one(fields, "reason")
        if reason not in REASONS:
            return self._reason_form(view, self.fresh("reason", token, token.subject), _("Choose a reason"))
        await self.web.write(lambda conn: reasons.give(conn, token, reason))
        return self.web.done(view, _("Thank you"), (_("We use your answer to write better emails."),))

    def _less_often_form(self, view: View, reader: Subscriber, action: str, error: str = "") -> Response:
        errors_of = {"often": error} if error else {}
        context = {"address": reader.masked, "action": action, "chosen": "", "errors": errors_of}
        return respond(self.web.pages.page("less_often.html", view, context), 422 if error else 200)

    async def _less_often(self, view: View, token: Token, reader: Subscriber, fields: forms.Form) -> Response:
        _ = view.gettext
        days = OFTEN.get(forms.one(fields, "often"))
        if days is None:
            action = self.fresh("less-often", token, token.subject)
            return self._less_often_form(view, reader, action, _("Choose how often you want emails"))
        now = self.web.now
        over, after = await self._choose(
            token, lambda conn: details.less_often(conn, token, days, self.context.policy, now), now
        )
        if after.stand != "on":
            return self._stays_out(view, after)
        self.web.metrics.chose("less_often")
        again = self._again(view, "less-often", token)
        if over:
            return self.web.done(view, _("Saved"), stays(view), kind="info", link=again)
        return self.web.done(view, _("Saved"), (often_in_words(view, days, self.web.site.name),), link=again)

    def _again(self, view: View, kind: str, token: Token) -> tuple[str, str]:
        """Return a link to the same form, for the same purpose as the one that was just used."""
        return self.fresh(kind, token, token.subject) + view.keep, view.gettext("Change my choice")

    async def _choose(
        self, token: Token, act: Callable[[Connection], Subscriber], now: datetime
    ) -> tuple[bool, Subscriber]:
        """Make a choice; return first whether the day's forms were used up before it."""
        return await self.web.write(lambda conn: (details.is_over(conn, token.recipient, now), act(conn)))

    def _pause_form(
        self, view: View, reader: Subscriber, action: str, again: tuple[str, str, str] = ("", "", "")
    ) -> Response:
        chosen, until, error = again
        _ = view.gettext
        today = self.web.today
        choices = [
            ("1", _("One month, until %(day)s") % {"day": short_day(later(today, 1), view.language)}),
            ("3", _("Three months, until %(day)s") % {"day": short_day(later(today, 3), view.language)}),
            ("6", _("Half a year, until %(day)s") % {"day": short_day(later(today, 6), view.language)}),
            ("date", _("Until another date")),
        ]
        field = "until" if chosen == "date" else "pause"
        context = {
            "address": reader.masked,
            "action": action,
            "choices": choices,
            "chosen": chosen,
            "until": until,
            "example": short_day(later(today, 2), view.language),
            "errors": {field: error} if error else {},
        }
        return respond(self.web.pages.page("pause.html", view, context), 422 if error else 200)

    async def _pause(self, view: View, token: Token, reader: Subscriber, fields: forms.Form) -> Response:
        _ = view.gettext
        chosen, written = forms.one(fields, "pause"), forms.one(fields, "until")
        chosen = "date" if written and chosen not in MONTHS else chosen
        today = self.web.today
        day = later(today, MONTHS[chosen]) if chosen in MONTHS else parse_day(written, view.language, today)
        error = _("Choose for how long") if chosen not in MONTHS and chosen != "date" else day_fault(view, day, today)
        if error or day is None:
            again = self.fresh("pause", token, token.subject)
            return self._pause_form(view, reader, again, (chosen, written, error))
        until, now = start_of(day, self.web.deps.timezone), self.web.now
        over, after = await self._choose(
            token, lambda conn: details.pause(conn, token, until, self.context.policy, now), now
        )
        if after.stand != "on":
            return self._stays_out(view, after)
        self.web.metrics.chose("pause")
        back = self._again(view, "pause", token)
        if over:
            return self.web.done(view, _("Saved"), stays(view), kind="info", link=back)
        heading = _("Paused until %(day)s") % {"day": day_in_words(day, view.language)}
        told = (_("After that, our emails start again. You do not have to do anything."),)
        return self.web.done(view, heading, told, link=back)
