"""``/subscribe`` and ``/confirm/TOKEN``: signing up with one letter and one button.

Promises: the answer to a sign-up is the same for every valid address, also in time (D8); nothing is ticked beforehand.
While the organisation has no address of its own for the letter, a page says that signing up is closed. The sentence of
consent is stored as it was shown, with its version (D5, D6). A robot that fills in the trap field gets the usual
answer, and nothing is done (D22). The link to confirm shows a button; only the POST confirms (B7).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.errors import Fault
from mailer.signing import Purpose, Token
from templates import emphasised
from unsubscribe import contacts, signup
from unsubscribe.endpoint.context import ReaderContext
from unsubscribe.endpoint.drop_counter import DropCounter
from unsubscribe.endpoint.words import Shown
from unsubscribe.limits import Limit, Spent
from unsubscribe.signup import SignUp, SignUpForm
from unsubscribe.typed_text import apart
from unsubscribe.web import forms
from unsubscribe.web.pages import View, also, respond
from unsubscribe.web.peers import peer_of
from unsubscribe.web.response_time import evenly

MOST_NAMED = 50
LONGEST_ADDRESS = 254


class SignUpPages:
    """The routes of signing up."""

    def __init__(self, context: ReaderContext, drops: DropCounter) -> None:
        self.context, self.web = context, context.web
        self.drops = drops
        self._spent = Spent()

    def routes(self) -> list[Route]:
        """Return the routes of the form, and of the link in the letter."""
        methods = ["GET", "POST"]
        return [
            Route("/subscribe", self.subscribe, methods=methods),
            Route("/confirm/{token}", self.confirm, methods=methods),
        ]

    async def subscribe(self, request: Request) -> Response:
        """Show the form, or take the request."""
        view = self.web.view(request)
        if not self.context.signs_up:
            return await self._closed(request, view)
        if request.method != "POST":
            return await self._form(request, view, {}, {}, ())
        fields = await forms.form(request)
        if forms.one(fields, "website"):
            return self._asked(view, fields)
        form = self._filled_form(request, view, fields)
        typed = {"email": form.email, "name": form.name}
        if forms.one(fields, "version") not in ("", form.version):  # an outdated page, or a form on another site (D5)
            return await self._form(request, view, typed, {"consent": self._fault_text(view, "consent")}, form.topics)
        async with evenly():
            faults = await self._request(form)
        if faults:
            told = {fault.field: self._fault_text(view, fault.field) for fault in faults}
            return await self._form(request, view, typed, told, form.topics)
        self.web.metrics.chose("sign_up")
        return self._asked(view, fields)

    async def _request(self, form: SignUpForm) -> Sequence[Fault]:
        """Store the request, unless a read without any lock already excludes it; return its faults."""
        post, pepper, now = self.context.service_mail, self.context.deps.pepper, self.web.now
        uses = signup.uses(form, pepper, now)
        if form.topics and self._spent.knows(uses, now):
            return self._dropped(self._spent.which(uses, now))
        found = await self.web.read(lambda conn: signup.consider(conn, form, uses, self._spent, now))
        if isinstance(found, list):
            return found
        if found:
            return self._dropped(await self.web.write(lambda conn: signup.request(conn, form, post, pepper, now)))
        return self._dropped(self._spent.which(uses, now))

    def _dropped(self, limit: Limit | None) -> Sequence[Fault]:
        """Count a request that a limit turned away; the reader gets the usual answer."""
        if limit:
            self.drops.drop(limit)
        return ()

    async def confirm(self, request: Request) -> Response:
        """Show the button, or confirm."""
        now = self.web.now
        token, fresh = self.context.short_token(request.path_params["token"], Purpose.CONFIRM)
        found = await self.web.read(partial(_look, token))
        view = self.web.view(request, found.language)
        if not fresh or found.stand == "gone":
            return self._too_late(request, view, found)
        if found.stand == "confirmed":
            return self._confirmed(view, found)
        if request.method != "POST":
            return self._question(request, view, found)
        done = await self.web.write(lambda conn: signup.confirm(conn, token, now))
        self.web.metrics.chose("confirm")
        return self._confirmed(view, done) if done.stand == "confirmed" else self._too_late(request, view, done)

    def consent(self, view: View) -> tuple[str, str]:
        """Return the sentence of consent for signing up, and its version, which is derived from the text."""
        _ = view.gettext
        text = _(
            "By signing up, you agree that %(name)s sends you emails about the topics you ticked. You can stop at any "
            "time, with the link in each email."
        ) % {"name": self.web.site.name}
        return text, hashlib.sha256(text.encode()).hexdigest()[:12]

    def _filled_form(self, request: Request, view: View, fields: forms.Form) -> SignUpForm:
        text, version = self.consent(view)
        peer = peer_of(request, self.web.deps.trusted_proxies)
        source = self.web.deps.public_url + "/subscribe"
        topics = tuple(dict.fromkeys(fields.get("topic", ())))
        email, name = forms.one(fields, "email"), forms.one(fields, "name")[:200]
        return SignUpForm(email, topics, text, version, source, name, view.language, peer)

    async def _form(
        self,
        request: Request,
        view: View,
        values: Mapping[str, str],
        faults: Mapping[str, str],
        chosen: tuple[str, ...],
    ) -> Response:
        first = _named(request)
        topics = await self.web.read(lambda conn: contacts.topics(conn, only_open=True))
        topics.sort(key=lambda one: one.slug not in first)  # topics named by the link come first, not ticked (D6)
        context = {
            "topics": [
                Shown(one.slug, one.name_in(view.language), one.about(view.language), "x" if one.slug in chosen else "")
                for one in topics
            ],
            "values": defaultdict(str, values),
            "consent": self.consent(view)[0],
            "version": self.consent(view)[1],
            "also": also(request),
            "errors": faults,
        }
        headers = {} if faults else {"x-robots-tag": "noarchive"}
        return respond(self.web.pages.page("subscribe.html", view, context), 422 if faults else 200, headers)

    async def _closed(self, request: Request, view: View) -> Response:
        """Return the page for a closed sign-up: no From address for the letter to confirm is set yet."""
        await self.web.find_contact()
        _ = view.gettext
        sentences = (
            _("We cannot send the email that confirms a sign-up yet. Nothing was sent, and nothing was stored."),
            _("Try again in a few days."),
        )
        status = 403 if request.method == "POST" else 200
        return self.web.message(view, _("Signing up is not possible yet"), sentences, status)

    def _asked(self, view: View, fields: forms.Form) -> Response:
        """Return the answer, the same for every address except for the typed address itself (1.4 no. 35)."""
        again = self.context.subscribe(view, [slug[:64] for slug in fields.get("topic", ())[:MOST_NAMED]])
        places = {"address": forms.one(fields, "email")[:LONGEST_ADDRESS], "again": again}
        return respond(self.web.pages.filled("asked.html", View(view.language, view.keep), {}, places))

    def _question(self, request: Request, view: View, found: SignUp) -> Response:
        _ = view.gettext
        topics = ", ".join(topic.name_in(view.language) for topic in found.topics)
        asked = emphasised(_("Do you want to receive %(topics)s at %(address)s?"), topics=topics, address=found.masked)
        named = [emphasised(_("Your name: %(name)s"), name=apart(found.name))] if found.name else []
        return self.web.ask(view, _("Confirm your sign-up"), (asked, *named), _("Confirm"), also=also(request))

    def _confirmed(self, view: View, done: SignUp) -> Response:
        _ = view.gettext
        topics = ", ".join(topic.name_in(view.language) for topic in done.topics)
        told = emphasised(
            _("From now on, you will receive %(topics)s at %(address)s."), topics=topics, address=done.masked
        )
        stop = _("You can stop at any time, with the link in each email.")
        return self.web.done(view, _("You have signed up"), (told,), after=stop)

    def _too_late(self, request: Request, view: View, found: SignUp) -> Response:
        """Return a link to sign up again for the same topics: the old link names them, even after deletion."""
        _ = view.gettext
        sentences = (_("Nothing was changed. Sign up again, and we will send you a new email."),)
        slugs = _named(request) or [topic.slug for topic in found.topics]
        form = self.context.subscribe(view, slugs)
        link = (form, _("Sign up")) if form else None
        return self.web.done(view, _("This link has expired"), sentences, kind="warn", link=link, status=410)

    def _fault_text(self, view: View, field: str) -> str:
        _ = view.gettext
        if field == "topics":
            return _("Tick at least one topic")
        if field == "consent":
            return _("The text that you agree to has changed. Read it, and sign up again.")
        if field == "name":
            return _(
                "Use at most 200 letters, digits and other characters on one line, without links or email addresses"
            )
        return _("Enter your email address, for example name@example.org")


def _named(request: Request) -> list[str]:
    """Return the topics that a link names: they only set an order."""
    return [forms.clean(slug)[:64] for slug in request.query_params.getlist("topic")[:MOST_NAMED]]


def _look(token: Token, conn: Connection) -> SignUp:
    return signup.look(conn, token)
