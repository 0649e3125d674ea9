"""*What do you know about me* and *erase me*, after a letter to the mailbox.

Promises: ``/d/TOKEN/my-data`` only sends a link to the mailbox. ``/my-data/TOKEN`` shows only a button on GET, so a
link scanner gets no personal data. The POST shows everything, as a page or as JSON. Erasing has a page of its own that
explains the consequences, by a fresh token. The answer holds a code that proves the erasure without naming the person.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.signing import Purpose, Token
from unsubscribe import contacts, erasing, my_data
from unsubscribe.endpoint import trial_pages
from unsubscribe.endpoint.context import ReaderContext
from unsubscribe.endpoint.known_data import parts
from unsubscribe.web import errors, forms
from unsubscribe.web.pages import respond

SOON, LATER = 0.5, 120.0  # seconds to erase the bytes in files: before the answer; after it if the log was busy


class MyDataPages:
    """The routes for the rights of access and erasure."""

    def __init__(self, context: ReaderContext) -> None:
        self.context, self.web = context, context.web

    def routes(self) -> list[Route]:
        """Return the routes, to be placed before the general routes of ``/d/`` and ``/c/``."""
        methods = ["GET", "POST"]
        return [
            Route("/d/{token}/my-data", self.ask, methods=methods),
            Route("/my-data/{token}", self.show, methods=methods),
            Route("/c/erase/{token}", self.erase, methods=methods),
        ]

    async def ask(self, request: Request) -> Response:
        """Show a button, then send the link."""
        now = self.web.now
        token = self.context.tokens.read(request.path_params["token"], Purpose.DETAILS, now)
        view = self.web.view(request)
        _ = view.gettext
        if request.method != "POST":
            link = _(
                "We send you an email with a link. It shows you everything, and there you can also have it deleted."
            )
            where = _("Was the address changed in the last two weeks? Then the email goes to the old one.")
            more = trial_pages.trial_context(token)
            return self.web.ask(view, _("See what we know about you"), (link, where), _("Send me the link"), **more)
        if trial_pages.trial_context(token):
            return trial_pages.nothing_done(self.web, view)
        if await self.web.read(lambda conn: my_data.may_ask(conn, token, self.context.service_mail, now)):
            await self.web.write(lambda conn: my_data.ask(conn, token, self.context.service_mail, now))
        self.web.metrics.chose("my_data")
        told = _(
            "If we know this address, you will find an email with a link there. We send at most one a day. Nothing "
            "there? Look in your spam folder."
        )
        return self.web.told(view, _("Check your inbox"), told)

    async def show(self, request: Request) -> Response:
        """Show a button, then all data."""
        token, fresh = self.context.short_token(request.path_params["token"], Purpose.MY_DATA)
        if not fresh:
            return errors.expired(self.web, request)
        view = self.web.view(request, await self.web.read(partial(_language, token)))
        _ = view.gettext
        if request.method != "POST":
            return self.web.ask(
                view, _("What we know about you"), (_("This button shows you everything."),), _("Show my data")
            )
        fields = await forms.form(request)
        known = await self.web.read(partial(_everything, token, view.language))
        if known is None:
            return self.web.done(view, _("We know nothing about you"), (_("Your data has been deleted."),))
        if forms.one(fields, "format") == "json":
            headers = {"content-disposition": 'attachment; filename="my-data.json"'}
            text = json.dumps(known, ensure_ascii=False, indent=2)
            return Response(text.encode(), 200, headers, "application/json")
        erase = self.context.tokens.fresh(Purpose.ERASE, token, self.web.now)
        context = {"parts": parts(view, known), "erase": self.web.url(f"/c/erase/{erase}")}
        return respond(self.web.pages.page("mydata.html", view, context))

    async def erase(self, request: Request) -> Response:
        """Show the consequences of erasing; then erase."""
        token, fresh = self.context.short_token(request.path_params["token"], Purpose.ERASE)
        if not fresh:
            return errors.expired(self.web, request)
        view = self.web.view(request, await self.web.read(partial(_language, token)))
        _ = view.gettext
        if request.method != "POST":
            told = (
                _("We delete your name, your address, your topics and everything that you told us."),
                _("You will receive no more emails from us. Only you can sign up again."),
                _(
                    "What stays is a code that cannot be turned back into your address, so that nobody else can sign "
                    "you up again."
                ),
                _("This cannot be undone."),
            )
            return self.web.ask(view, _("Delete my data"), told, _("Delete my data"), kind="danger")
        now = self.web.now
        done = await self.web.write(lambda conn: my_data.erase(conn, token, now))
        forget = partial(erasing.forget_files, self.web.deps.db)
        gone = await asyncio.to_thread(forget, SOON)
        self.web.metrics.chose("erase")
        code = (_("Keep this code, so that you can refer to it later:"), done.code) if done else None
        answer = self.web.done(
            view, _("Your data has been deleted"), (_("You will receive no more emails from us."),), code=code
        )
        answer.background = None if gone else BackgroundTask(forget, LATER)
        return answer


def _language(token: Token, conn: Connection) -> str:
    found = contacts.get(conn, token.recipient)
    return found.language if found else ""


def _everything(token: Token, language: str, conn: Connection) -> dict[str, Any] | None:
    return my_data.everything(conn, token, language)
