"""``/u/TOKEN``: the page that asks, and the POST that acts (RFC 8058).

Promises: GET shows the masked address, the topic, and one button, and changes nothing. POST with a genuine token opts
out and answers 200 with the page that follows, once it is on disk. This holds for one-click and the page's own button,
any content type, any charset, chunked or not. There is no cookie and no redirect, and a repeated POST gets the same
answer, also when the person or the campaign was deleted. The link of a letter can only opt out. Tokens that put
something back (I7) are only in the answer to the POST that acted. A later answer has none, nor has the answer to a
mailbox provider's robot, which nobody reads. The link of a test mail shows the same pages and does nothing
(:mod:`.trial_pages`). Where the organisation turned that on (``opt_out_mail``), the transaction of an opt-out also
holds one mail about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.errors import TokenError
from mailer.signing import Purpose, Token
from unsubscribe import optout
from unsubscribe.endpoint import trial_pages
from unsubscribe.endpoint.choices import Choices
from unsubscribe.endpoint.context import ReaderContext
from unsubscribe.endpoint.words import REASONS
from unsubscribe.optout import OptOutResult, Scope, Subscriber
from unsubscribe.web import forms
from unsubscribe.web.pages import View, respond

_PLACES = ("undo", "earlier", "less", "pause", "topics", "everything", "reason", "choices")


class OptOuts:
    """The routes below ``/u/``."""

    def __init__(self, context: ReaderContext, choices: Choices) -> None:
        self.context, self.web = context, context.web
        self.choices = choices

    def routes(self) -> list[Route]:
        """Return the routes; text that programs add to an address is removed before, so nothing redirects (B5)."""
        methods = ["GET", "POST"]
        return [
            Route("/u/{token}", self.opt_out, methods=methods),
            Route("/u/{token}/{other}", self.instead, methods=methods),
        ]

    async def opt_out(self, request: Request) -> Response:
        """Show the page, or opt out."""
        token = self._token(request)
        if trial_pages.trial_context(token):
            return await self._tried(request, token)
        if request.method != "POST":
            reader = await self.web.read_many(self._look, token)
            return respond(self._asked(self.web.view(request, reader.language), reader, request.path_params["token"]))
        data = await forms.body(request)
        how = "one-click" if b"List-Unsubscribe" in data else "page"
        scope, earlier = self._wanted(token, data, request)
        result = await self.carry_out(optout.OptOutRequest(token, scope, how, earlier))
        view = self.web.view(request, result.reader.language)
        return respond(self.page_after(view, result, request.path_params["token"]))

    async def carry_out(self, request: optout.OptOutRequest) -> OptOutResult:
        """Carry out a request; return its result once it is on disk."""
        await self._get_ready()
        result = await self.web.write_planned(self._plan, request)
        self.web.metrics.chose(f"opt_out_{result.scope}")
        return result

    async def instead(self, request: Request) -> Response:
        """Show *less often* or *pause* from the page that asks: one button first, as their forms need a fresh token."""
        token, other = self._token(request), request.path_params["other"]
        if other not in ("less-often", "pause"):
            raise HTTPException(404)
        if trial_pages.trial_context(token):
            view = self.web.view(request)
            if request.method == "POST":
                return trial_pages.nothing_done(self.web, view)
            return self._before(view, other, **trial_pages.CONTEXT)
        reader = await self.web.read_many(self._look, token)
        view = self.web.view(request, reader.language)
        if request.method == "POST":
            return await self.choices.form(view, other, token, reader)
        return self._before(view, other)

    async def _tried(self, request: Request, token: Token) -> Response:
        """Return the same pages for the link of a test mail."""
        now, text = self.web.now, request.path_params["token"]
        reader, _ = await self.web.read(lambda conn: trial_pages.look(conn, token, now))
        view = self.web.view(request)
        if request.method != "POST":
            return respond(self._asked(view, reader, text))
        return respond(self.page_after(view, OptOutResult(reader, "topic", True, 0, "one-click"), text))

    def _token(self, request: Request) -> Token:
        return self.context.tokens.read(request.path_params["token"], Purpose.OPT_OUT, self.web.now)

    def _wanted(self, token: Token, data: bytes, request: Request) -> tuple[Scope, int]:
        """Return the scope chosen in the form after an opt-out, and the act that its undo would take back."""
        if b"scope" not in data:
            return "topic", 0
        fields = forms.parse(data, request.headers.get("content-type", ""))
        if forms.one(fields, "scope") != "all":
            return "topic", 0
        try:
            undo = self.context.tokens.read(forms.one(fields, "earlier"), Purpose.UNDO, self.web.now)
        except TokenError:
            return "all", 0
        return "all", undo.subject if undo.recipient == token.recipient else 0

    def _look(self, conn: Connection, tokens: Sequence[Token]) -> list[Subscriber]:
        now = self.web.now
        return optout.look_many(conn, tokens, now)

    def _plan(self, requests: Sequence[optout.OptOutRequest]) -> Callable[[Connection], list[OptOutResult]]:
        """Plan the changes and write them to the journal before SQLite's lock is taken: this is most of the work."""
        db = self.web.deps.db
        with db.read() as conn:
            planned = optout.plan(conn, requests, self.web.now)
        db.journal_ahead(planned.lines())

        def carry_out_planned(conn: Connection) -> list[OptOutResult]:
            answers = optout.carry_out(conn, planned, journaled=True)
            if self.context.deps.settings.opt_out_mail:
                self._tell(conn, answers)
            return answers

        return carry_out_planned

    async def _get_ready(self) -> None:
        """Compile the mail about an opt-out in advance, if one follows, so that no transaction waits for that."""
        if self.context.deps.settings.opt_out_mail:
            sender = self.web.deps.contact_address or await self.web.read(self.context.service_mail.sender)
            await asyncio.to_thread(self.context.service_mail.prepare, "opted_out", self.web.now.date(), sender)

    def _tell(self, conn: Connection, answers: Sequence[OptOutResult]) -> None:
        """Send a mail to each contact that left by these opt-outs; a contact that had left already gets none."""
        for result in answers:
            if result.reader.contact and result.change and not result.already:
                self.context.service_mail.opted_out(conn, result.reader.contact, result.change, self.web.now)

    def _asked(self, view: View, reader: Subscriber, text: str) -> str:
        """Return the page that asks; for a contact that has left already, the page that says so."""
        fixed = {
            "topic": _topic(reader, view),
            "join": self.context.join(view, reader.topic),
        } | trial_pages.trial_context(reader.token)
        if reader.stand != "on":
            return self.web.pages.filled("optout_already.html", view, fixed, {"address": reader.masked})
        start = self.web.url(f"/u/{text}")
        places = {"address": reader.masked, "less": f"{start}/less-often", "pause": f"{start}/pause"}
        return self.web.pages.filled("optout.html", view, fixed, places)

    def page_after(self, view: View, result: OptOutResult, text: str) -> str:
        """Return the page that follows, with its fresh tokens.

        The answer to one-click has no tokens, only the link to the page with the choices.
        """
        reader = result.reader
        here = self.web.url(f"/u/{text}") if reader.stand != "gone" else ""
        robot = result.how == "one-click"
        own = {"choices": here} if robot else self._fresh(result, here)
        places = dict.fromkeys(_PLACES, "") | {"address": reader.masked} | own
        reasons = () if robot else tuple((key, view.gettext(label)) for key, label in REASONS.items())
        fixed = {"topic": _topic(reader, view), "all_mail": result.scope == "all", "reasons": reasons}
        fixed |= trial_pages.trial_context(reader.token)
        return self.web.pages.filled("left.html", view, fixed, places)

    def _fresh(self, result: OptOutResult, here: str) -> dict[str, str]:
        """Return the choices after an opt-out, each with its own link; ``here``: the link to leave all mail.

        Only the answer to the POST that acted holds the token to undo it (I7).
        """
        token, change, fresh = result.reader.token, result.change, self.choices.fresh
        own = {kind: fresh(kind, token, change) if change else "" for kind in ("undo", "less-often", "pause", "reason")}
        return {
            "undo": own["undo"],
            "earlier": own["undo"].rpartition("/")[2],
            "less": own["less-often"],
            "pause": own["pause"],
            "topics": fresh("topics", token, change) if here else "",
            "everything": here,
            "reason": own["reason"],
        }

    def _before(self, view: View, other: str, **more: object) -> Response:
        """Return the page between the question and the form."""
        _ = view.gettext
        if other == "less-often":
            told = _("You can receive at most one email a week, or at most one a month.")
            return self.web.ask(view, _("Would you prefer fewer emails?"), (told,), _("Choose how often"), **more)
        told = _(
            "You receive no emails until a date you choose. After that, they start again. You do not have to do "
            "anything."
        )
        return self.web.ask(view, _("Take a break"), (told,), _("Choose a date"), **more)


def _topic(reader: Subscriber, view: View) -> str:
    return reader.topic.name_in(view.language) if reader.topic else ""
