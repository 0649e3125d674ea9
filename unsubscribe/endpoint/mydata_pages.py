"""*What do you know about me* and *erase me*, after a letter to the mailbox.

Promises: ``/d/TOKEN/my-data`` only has a link sent to the mailbox. ``/my-data/TOKEN`` shows nothing on GET but a button
(a link scanner reads no mail of others); the POST shows everything, as a page or as JSON. Erasing has a page of its own
that says what it means, by a fresh token; the answer holds a code that proves it without saying who it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.signing import Purpose, Token
from unsubscribe import mydata
from unsubscribe.endpoint import errors, forms
from unsubscribe.endpoint.desk import Desk
from unsubscribe.endpoint.pages import View, respond
from unsubscribe.endpoint.words import N_

Rows = list[tuple[str, str]]
_OUTCOMES = {
    "waiting": N_("In the queue"),
    "sending": N_("Being offered"),
    "accepted": N_("Accepted by your mail server"),
    "retry": N_("Will be tried again"),
    "refused": N_("Refused by your mail server"),
    "skipped": N_("Left out: not sent to you"),
    "in_doubt": N_("In doubt: offered, but no answer came"),
    "bounced": N_("Came back"),
    "complained": N_("Reported as spam"),
}


class MyDataPages:
    """The routes of the rights to know and to be forgotten."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def routes(self) -> list[Route]:
        """Before the general routes of ``/d/`` and ``/c/``."""
        methods = ["GET", "POST"]
        return [
            Route("/d/{token}/my-data", self.ask, methods=methods),
            Route("/my-data/{token}", self.show, methods=methods),
            Route("/c/erase/{token}", self.erase, methods=methods),
        ]

    async def ask(self, request: Request) -> Response:
        """Have the link sent."""
        now = self.desk.now
        token = self.desk.tokens.read(request.path_params["token"], Purpose.DETAILS, now)
        view = self.desk.view(request)
        _ = view.gettext
        if request.method != "POST":
            told = _(
                "We send a mail with a link to your mailbox. With it you see everything, and you can have it erased."
            )
            return self._question(view, _("What do you know of me?"), (told,), _("Send me the link"))
        await self.desk.write(lambda conn: mydata.ask(conn, token, self.desk.post, now))
        self.desk.watch.chose("my_data")
        told = _("If we know this address, there is a mail with a link. At most one a day is sent.")
        return self.desk.done(view, _("Look in your mailbox"), (told,), kind="info")

    async def show(self, request: Request) -> Response:
        """A button; then everything."""
        token, fresh = self.desk.short_token(request.path_params["token"], Purpose.MY_DATA)
        if not fresh:
            return errors.expired(self.desk, request)
        view = self.desk.view(request)
        _ = view.gettext
        if request.method != "POST":
            return self._question(
                view, _("What we know of you"), (_("With this button you see everything."),), _("Show me")
            )
        fields = await forms.form(request)
        known = await self.desk.read(partial(_everything, token))
        if known is None:
            return self.desk.done(view, _("We know nothing of you"), (_("Your data were erased."),))
        if forms.one(fields, "format") == "json":
            headers = {"content-disposition": 'attachment; filename="my-data.json"'}
            text = json.dumps(known, ensure_ascii=False, indent=2)
            return Response(text.encode(), 200, headers, "application/json")
        erase = self.desk.tokens.fresh(Purpose.ERASE, token, self.desk.now)
        context = {"parts": _parts(view, known), "erase": self.desk.url(f"/c/erase/{erase}")}
        return respond(self.desk.pages.page("mydata.html", View(view.language), context))

    async def erase(self, request: Request) -> Response:
        """What erasing means; then it."""
        token, fresh = self.desk.short_token(request.path_params["token"], Purpose.ERASE)
        if not fresh:
            return errors.expired(self.desk, request)
        view = self.desk.view(request)
        _ = view.gettext
        if request.method != "POST":
            told = (
                _("We delete your name, your address, your topics and everything that you told us."),
                _("You get no more mail from us. Only you yourself can sign up again."),
                _("What stays is a code that cannot be turned back into your address, so that nobody puts you back."),
                _("This cannot be undone."),
            )
            return self._question(view, _("Erase my data"), told, _("Erase my data"), "danger")
        now = self.desk.now
        done = await self.desk.write(lambda conn: mydata.erase(conn, token, now))
        self.desk.watch.chose("erase")
        code = (_("Keep this code if you want to be able to refer to it:"), done.code) if done else None
        return self.desk.done(view, _("Your data were erased"), (_("You get no more mail from us."),), code=code)

    def _question(self, view: View, heading: str, told: tuple[str, ...], label: str, kind: str = "primary") -> Response:
        context = {"heading": heading, "sentences": told, "action": "", "hidden": {}, "label": label, "kind": kind}
        return respond(self.desk.pages.page("ask.html", view, context))


def _everything(token: Token, conn: Connection) -> dict[str, Any] | None:
    return mydata.everything(conn, token)


def _parts(view: View, known: Mapping[str, Any]) -> list[tuple[str, Rows]]:
    """The same as in the JSON, under headings; technical values stay as they are."""
    _ = view.gettext
    details = {**known["details"], **known["details"]["attributes"]}
    details.pop("attributes")
    return [
        (_("Your details"), [(_plain(name), _text(value)) for name, value in details.items()]),
        (_("Your topics"), [(item["name"], f"{item['state']}, {item['since'][:10]}") for item in known["topics"]]),
        (_("What holds mail back"), [(item["reason"], _text(item)) for item in known["held_back"]]),
        (_("What was changed"), [(item["at"][:10], _text(item)) for item in known["changes"]]),
        (_("What you agreed to"), [(_plain(name), _text(value)) for name, value in known["consent"].items()]),
        (_("Mail to you"), _letters(view, known)),
    ]


def _letters(view: View, known: Mapping[str, Any]) -> Rows:
    """A line for each: when, about what, and what became of it."""
    names = {item["topic"]: item["name"] for item in known["topics"]}
    rows = []
    for item in known["letters"]:
        what = names.get(item["topic"], item["topic"]) if item["topic"] else view.gettext("A message about your data")
        outcome = _OUTCOMES[item["state"]]
        rows.append(((item["at"] or "–")[:10], f"{what} ({item['mailing']}): {view.gettext(outcome)}"))
    return rows


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _text(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, Mapping):
        return "; ".join(
            f"{_plain(str(name))}: {_text(item)}" for name, item in value.items() if item not in (None, "")
        )
    if isinstance(value, list):
        return " · ".join(_text(item) for item in value)
    return "" if value is None else str(value)
