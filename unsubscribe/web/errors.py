"""Errors in words for visitors: the fault, its result, the next step. No code, no trace."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from unsubscribe.web.context import WebContext
from unsubscribe.web.pages import View


def page(web: WebContext, request: Request, status: int, number: str) -> Response:
    """Return the page for a status. The 404 page is the same for every link that is not genuine."""
    view = web.view(request)
    heading, sentences = texts(view, status)
    return web.message(view, heading, sentences, status, number if status in (500, 503) else "")


def expired(web: WebContext, request: Request) -> Response:
    """Return the page for a genuine link whose time has passed: 410."""
    view = web.view(request)
    _ = view.gettext
    sentences = (
        _("For your safety, this link worked for a short time only. Nothing was changed."),
        _("Open the link in the email again and choose once more."),
    )
    return web.message(view, _("This link has expired"), sentences, 410)


def texts(view: View, status: int) -> tuple[str, tuple[str, ...]]:
    """Return heading and sentences for a status."""
    _ = view.gettext
    if status == 404:
        return _("This link does not work (any more)"), (
            _("Nothing was changed."),
            _("Use the link in a newer email. If your email program cut the link in two, copy the whole link."),
        )
    if status == 503:
        return _("We cannot save your choice right now"), (_("Nothing was changed. Try again in a few minutes."),)
    if status == 501:
        return _("This is not possible yet"), (
            _("Nothing was changed. We would have to send you an email about it, and we cannot do that yet."),
            _("Ask the organisation itself: its contact details are at the bottom of its emails."),
        )
    if status == 405:
        return _("That is not possible here"), (_("Nothing was changed. Go back and use a button on the page."),)
    if status in (408, 413, 400, 422):
        return _("We could not read what you sent"), (_("Nothing was changed. Go back and try again."),)
    if status == 429:
        return _("This was asked too often"), (_("Nothing was changed. Try again tomorrow."),)
    return _("Something went wrong on our side"), (
        _("We have noted it. Check whether your choice was saved, or try again in a few minutes."),
    )
