"""Links in the letters about a change of mail address: confirm from the new mailbox, agree or keep from the old one.

Promises: a GET shows one button. Only a POST acts, and a repeated POST changes nothing more; a link does one thing
(I7). :mod:`unsubscribe.moving` decides the result; the page shows the state of the change, with both addresses masked.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.errors import TokenError
from mailer.signing import Purpose, Token
from templates import emphasised
from unsubscribe import moving
from unsubscribe.endpoint.context import ReaderContext
from unsubscribe.moving import AddressChangeStatus
from unsubscribe.web import errors
from unsubscribe.web.dates import day_in_words
from unsubscribe.web.pages import View

PURPOSES = {
    "new-address": Purpose.ADDRESS_NEW,
    "agree-address": Purpose.ADDRESS_AGREE,
    "keep-address": Purpose.ADDRESS_KEEP,
}


class AddressPages:
    """The routes for a change of address."""

    def __init__(self, context: ReaderContext) -> None:
        self.context, self.web = context, context.web

    def routes(self) -> list[Route]:
        """Return the routes, to be placed before the general route of ``/c/``."""
        methods = ["GET", "POST"]
        return [
            Route("/c/new-address/{token}", self.new, methods=methods),
            Route("/c/agree-address/{token}", self.agree, methods=methods),
            Route("/c/keep-address/{token}", self.keep, methods=methods),
        ]

    async def new(self, request: Request) -> Response:
        """Confirm from the new mailbox."""
        return await self._step(request, "new-address")

    async def agree(self, request: Request) -> Response:
        """Agree from the old mailbox."""
        return await self._step(request, "agree-address")

    async def keep(self, request: Request) -> Response:
        """Keep the old address, from the old mailbox."""
        return await self._step(request, "keep-address")

    def asked(self, view: View, move: AddressChangeStatus) -> str:
        """Return the text after a request for another address: the same for every address."""
        _ = view.gettext
        text = _(
            "Your address has not changed yet. First confirm it, with the email that we send to %(address)s. Until "
            "then, the old address stays. Nothing there within an hour? Look in your spam folder, or try again "
            "tomorrow."
        )
        return emphasised(text, address=move.new)

    async def _step(self, request: Request, kind: str) -> Response:
        try:
            token, fresh = self.context.short_token(request.path_params["token"], PURPOSES[kind])
        except TokenError:
            if kind != "agree-address":
                raise
            return self._older(request)
        move = await self.web.read(lambda conn: moving.look(conn, token))
        view = self.web.view(request, move.language)
        if not fresh:
            return errors.expired(self.web, request)
        if request.method != "POST":
            return self._question(view, kind, move)
        after = await self.web.write(lambda conn: self._act(conn, kind, token))
        self.web.metrics.chose(kind.replace("-", "_"))
        return self._stand(view, after, kind)

    def _act(self, conn: Connection, kind: str, token: Token) -> AddressChangeStatus:
        pepper, now = self.context.deps.pepper, self.web.now
        wait = self.context.deps.settings.address_change_wait
        if kind == "new-address":
            return moving.confirm(conn, token, pepper, now, wait)
        if kind == "agree-address":
            return moving.agree(conn, token, pepper, now, wait)
        return moving.keep(conn, token, pepper, now)

    def _older(self, request: Request) -> Response:
        """Answer an agree link of the first version, in which both links could only refuse. Raises ``TokenError``."""
        self.context.short_token(request.path_params["token"], Purpose.ADDRESS_KEEP)
        view = self.web.view(request)
        _ = view.gettext
        sentences = (
            _(
                "Nothing was changed. You do not have to do anything: without an answer, the new address takes effect "
                "by itself."
            ),
            _("Do you want to keep your old address? Use the other link in that email."),
        )
        return self.web.message(view, _("This link no longer works"), sentences, 410)

    def _question(self, view: View, kind: str, move: AddressChangeStatus) -> Response:
        _ = view.gettext
        if move.stand == "gone":
            return self._stand(view, move, kind)
        asks = {
            "new-address": (_("Confirm your new address"), _("Confirm")),
            "agree-address": (_("Agree to a new address"), _("I agree")),
            "keep-address": (_("Keep your address"), _("Keep my old address")),
        }
        heading, label = asks[kind]
        told = _("Somebody asked us to write to %(new)s from now on, and no longer to %(old)s.")
        new = move.new if kind == "new-address" else move.new_in_full  # in full for the old mailbox, which has to agree
        return self.web.ask(view, heading, (emphasised(told, new=new, old=move.old),), label)

    def _stand(self, view: View, move: AddressChangeStatus, kind: str) -> Response:
        """Return the page with the state after the button; acts that did not happen are not mentioned."""
        _ = view.gettext
        shown = {"old": move.old, "new": move.new, "here": move.here}
        if move.stand == "waiting":
            return self._waits(view, move)
        texts = {
            "moved": (_("Your address was changed"), _("We now have %(new)s as your address.")),
            "kept": (_("Your old address stays"), _("We still have %(old)s as your address.")),
            "elsewhere": (_("This change no longer applies"), _("We now have %(here)s as your address.")),
            "taken": (_("Not changed"), _("%(new)s is already on our list, with its own choices.")),
            "apart": (
                _("Your old address stays"),
                _("%(old)s is on our list again, and that stays as it is. What we kept for %(here)s was deleted."),
            ),
            "gone": (_("You receive no emails from us"), _("So there is no address to change.")),
        }
        heading, text = texts[move.stand]
        told = [emphasised(text, **shown)]
        late = kind == "keep-address" and move.stand in ("moved", "elsewhere")
        if late:
            told.append(_("This link can no longer restore the old address. Was this not you? Write to us."))
        warns = late or move.stand == "taken"
        return self.web.done(view, heading, tuple(told), kind="warn" if warns else "ok")

    def _waits(self, view: View, move: AddressChangeStatus) -> Response:
        _ = view.gettext
        if not move.confirmed:
            waits = emphasised(
                _("We are waiting for the new address to be confirmed, with the email to %(new)s."), new=move.new
            )
        else:
            latest = (self.web.now + self.context.deps.settings.address_change_wait + timedelta(days=1)).date()
            text = _("The change takes effect when %(old)s agrees, or on %(day)s at the latest.")
            waits = emphasised(text, old=move.old, day=day_in_words(latest, view.language))
        return self.web.done(view, _("Noted"), (waits,), kind="info")
