"""``/d/TOKEN``: change details; and the choice of topics after an opt-out.

Promises: GET shows the masked address and an empty form, and no stored value, since letters get forwarded. POST stores
the filled-in values, leaves the others, and lists the changes in words. Each change is announced to the mailbox with an
undo (:mod:`unsubscribe.details`). A form with a fault comes back with 422, all values kept, and each message at its
field and above the form. An erased reader gets the answer of a successful act.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.errors import FaultsError
from mailer.signing import Purpose, Token
from unsubscribe import details, moving, notices, optout
from unsubscribe.contacts import Topic
from unsubscribe.details import DetailsForm
from unsubscribe.endpoint import trial_pages
from unsubscribe.endpoint.address_pages import AddressPages
from unsubscribe.endpoint.context import ReaderContext
from unsubscribe.endpoint.words import OFTEN, Shown, day_fault, later, stays
from unsubscribe.moving import AddressChangeStatus
from unsubscribe.optout import Subscriber
from unsubscribe.typed_text import is_address, says_where
from unsubscribe.web import forms
from unsubscribe.web.dates import parse_day, short_day, start_of
from unsubscribe.web.pages import NAMES, View, respond
from unsubscribe.web.response_time import evenly

Offer = tuple[Subscriber, Sequence[Topic]]
_SWITCH = {"on": True, "off": False}


@dataclass(frozen=True, slots=True)
class _Form:
    """The values of a form, and their faults, by field."""

    values: Mapping[str, str]
    faults: Mapping[str, str]
    path: str = ""


class DetailPages:
    """The routes below ``/d/``."""

    def __init__(self, context: ReaderContext, addresses: AddressPages) -> None:
        self.context, self.web = context, context.web
        self.addresses = addresses

    def routes(self) -> list[Route]:
        """Return the one route."""
        return [Route("/d/{token}", self.change, methods=["GET", "POST"])]

    async def change(self, request: Request) -> Response:
        """Show the form, or store the changes."""
        token = self.context.tokens.read(request.path_params["token"], Purpose.DETAILS, self.web.now)
        tried, now = bool(trial_pages.trial_context(token)), self.web.now
        offer = (lambda conn: trial_pages.look(conn, token, now)) if tried else partial(self._offer, token)
        reader, topics = await self.web.read(offer)
        view = self.web.view(request, reader.language)
        if tried and request.method == "POST":
            return trial_pages.nothing_done(self.web, view)
        if reader.stand == "gone":
            return self._gone(view)
        path = self.web.url(request.scope["path"].rstrip("/"))
        if request.method != "POST":
            return self._page(view, reader, topics, _Form({}, {}, path))
        fields = await forms.form(request)
        values = {name: given[-1] for name, given in fields.items()}
        filled, faults = self._filled_form(view, values, topics)
        return await self._save(view, (token, filled), (reader, topics), _Form(values, faults, path))

    async def topics(self, view: View, token: Token, reader: Subscriber, fields: forms.Form) -> Response:
        """Store the topics that were chosen after an opt-out."""
        chosen = {name.removeprefix("topic-"): forms.one(fields, name) for name in fields if name.startswith("topic-")}
        filled = DetailsForm(topics={slug: _SWITCH[value] for slug, value in chosen.items() if value in _SWITCH})
        return await self._save(view, (token, filled), (reader, ()), _Form({}, {}))

    async def topics_form(self, view: View, token: Token, reader: Subscriber, action: str) -> Response:
        """Return the form to choose topics."""
        _, topics = await self.web.read(partial(self._offer, token))
        shown = [Shown(topic.slug, topic.name_in(view.language), topic.about(view.language)) for topic in topics]
        context = {"address": reader.masked, "action": action, "topics": shown}
        return respond(self.web.pages.page("topics.html", view, context))

    def _offer(self, token: Token, conn: Connection) -> Offer:
        reader = optout.look(conn, token, self.web.now)
        return reader, details.offered(conn, reader)

    def _is_refused(self, token: Token, filled: DetailsForm, email: str, conn: Connection) -> bool:
        """Return whether the contact's forms of today are used up, so that one more is refused; takes no lock."""
        contact, now = token.recipient, self.web.now
        return details.is_refused(conn, contact, filled, now) or (bool(email) and moving.is_refused(conn, contact, now))

    async def _save(self, view: View, sent: tuple[Token, DetailsForm], offer: Offer, form: _Form) -> Response:
        (token, filled), (reader, topics), now = sent, offer, self.web.now
        faults = dict(form.faults)
        if not faults:
            try:
                email = form.values.get("email", "")
                async with evenly():  # the time does not reveal stored values or a known address
                    if await self.web.read(partial(self._is_refused, token, filled, email)):
                        raise HTTPException(429)
                    lines, move, over = await self.web.write(
                        partial(_save, (token, filled), email, (self.context, view.language, now))
                    )
            except FaultsError as error:
                faults = {self._field(fault.field): self._fault_text(view, fault.field) for fault in error.faults}
            else:
                return self._saved(view, lines, (move, over), form.path)
        if not topics and not form.values:
            _ = view.gettext
            sentence = _("This address receives no emails at all. Sign up again to change that.")
            return self.web.done(view, _("Not changed"), (sentence,), kind="warn")
        return self._page(view, reader, topics, _Form(form.values, faults, form.path))

    def _saved(
        self, view: View, lines: Sequence[str], done: tuple[AddressChangeStatus | None, bool], path: str
    ) -> Response:
        """Return the page after storing; it is the same for a new and an unchanged value, so it confirms no guess."""
        _ = view.gettext
        move, over = done
        again = (path + view.keep, _("Change something else")) if path else None
        if move and move.stand == "waiting":
            self.web.metrics.chose("address")
            told = (self.addresses.asked(view, move), *((_("What you filled in now applies:"),) if lines else ()))
            return self.web.done(view, _("Not changed yet"), told, kind="info", changes=lines, link=again)
        if not lines:
            return self.web.done(
                view, _("Nothing was changed"), (_("You left everything as it was."),), kind="info", link=again
            )
        self.web.metrics.chose("details")
        if over:
            return self.web.done(view, _("Saved"), stays(view), kind="info", link=again)
        mailed = _("If anything differs from before, we send you an email with which you can undo it.")
        told = (_("What you filled in now applies:"),)
        return self.web.done(view, _("Saved"), told, changes=lines, after=mailed, link=again)

    def _gone(self, view: View) -> Response:
        _ = view.gettext
        return self.web.done(view, _("You receive no emails from us"), (_("So there are no details to change."),))

    def _page(self, view: View, reader: Subscriber, topics: Sequence[Topic], form: _Form) -> Response:
        _ = view.gettext
        fields = {name: _label(name) for name in self.context.deps.settings.open_fields}
        context = {
            "address": reader.masked,
            "open_fields": fields,
            "language_choices": list(NAMES.items()),
            "topics": [Shown(topic.slug, topic.name_in(view.language), topic.about(view.language)) for topic in topics],
            "values": defaultdict(str, form.values),
            "example": short_day(later(self.web.today, 2), view.language),
            "address_change": True,
            "join": self.context.join(view, reader.topic),
            "more": ((f"{form.path}/my-data{view.keep}", _("See what we know about you")),) if form.path else (),
            "errors": dict(sorted(form.faults.items(), key=lambda fault: _place(fault[0]))),
        } | trial_pages.trial_context(reader.token)
        return respond(self.web.pages.page("details.html", view, context), 422 if form.faults else 200)

    def _filled_form(
        self, view: View, values: Mapping[str, str], topics: Sequence[Topic]
    ) -> tuple[DetailsForm, dict[str, str]]:
        """Return the choices of a form, and the faults that the form alone shows."""
        faults: dict[str, str] = {}
        written, day = values.get("until", ""), None
        if written:
            day = parse_day(written, view.language, self.web.today)
            fault = day_fault(view, day, self.web.today)
            faults |= {"until": fault} if fault else {}
        long = self._fault_text(view, "name")
        texts = ["name", *(f"own-{name}" for name in self.context.deps.settings.open_fields)]
        faults |= {name: long for name in texts if len(values.get(name, "")) > details.LONGEST_VALUE}
        faults |= {name: long for name in texts if says_where(values.get(name, ""))}
        if values.get("email") and not is_address(values["email"]):
            faults |= {"email": self._fault_text(view, "email")}
        chosen = {topic.slug: _SWITCH.get(values.get(f"topic-{topic.slug}", "")) for topic in topics}
        filled = DetailsForm(
            name=values.get("name") or None,
            language=values.get("language") or None,
            fields={
                name: values[f"own-{name}"]
                for name in self.context.deps.settings.open_fields
                if values.get(f"own-{name}")
            },
            topics={slug: on for slug, on in chosen.items() if on is not None},
            days=OFTEN.get(values.get("often", "")),
            until=start_of(day, self.web.deps.timezone) if day and not faults else None,
        )
        return filled, faults

    def _field(self, name: str) -> str:
        """Return the field of the form that a fault is about."""
        return f"own-{name}" if name in self.context.deps.settings.open_fields else name

    def _fault_text(self, view: View, field: str) -> str:
        _ = view.gettext
        if field == "topics":
            return _("This address receives no emails at all. Sign up again to change that.")
        if field == "email":
            return _("Enter your email address, for example name@example.org")
        if field == "language":
            return _("Choose a language from the list")
        return _("Use at most 200 letters, digits and other characters on one line, without links or email addresses")


def _save(
    sent: tuple[Token, DetailsForm], email: str, where: tuple[ReaderContext, str, datetime], conn: Connection
) -> tuple[list[str], AddressChangeStatus | None, bool]:
    """Store the choices; return the new state in the page's language, as the contact's own may just have changed."""
    (token, filled), (context, language, now) = sent, where
    over = details.is_over(conn, token.recipient, now)
    details.save(conn, token, filled, context.policy, now)
    move = moving.ask(conn, token, email, context.service_mail, context.deps.pepper, now) if email else None
    return notices.in_words(conn, filled.as_stored(), language), move, over


def _place(field: str) -> int:
    """Return the position of a field on the page, so that the summary lists faults from top to bottom."""
    order = ("own-salutation", "name", "own", "language", "topics", "often", "until", "email")
    return order.index(field if field in order else "own")


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
