"""The reader's half of the context: tokens, service letters, the policy on details, links to the sign-up form.

The other half, of every router, is :mod:`unsubscribe.web.context`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlencode

from mailer.errors import TokenError
from mailer.signing import Purpose, Token
from unsubscribe.contacts import Topic
from unsubscribe.details import DetailsPolicy
from unsubscribe.endpoint.deps import EndpointDeps
from unsubscribe.notices import ServiceMailer
from unsubscribe.tokens import Tokens
from unsubscribe.web.context import WebContext
from unsubscribe.web.pages import View

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReaderContext:
    """The context of the reader's routes, on top of that of the web kit. Made once for an application."""

    def __init__(self, web: WebContext, deps: EndpointDeps) -> None:
        self.web = web
        self.deps = deps
        self.tokens = Tokens(deps.keyring)
        self.service_mail = ServiceMailer(
            deps.sender_identity,
            deps.brand,
            deps.contact_address,
            deps.default_language,
            deps.latest_sender,
            pepper=deps.pepper,
        )
        self.policy = DetailsPolicy(self.service_mail, deps.settings.open_fields)

    @property
    def signs_up(self) -> bool:
        """Return whether people can sign up: the organisation has an address to send the letter from."""
        return bool(self.deps.contact_address)

    def short_token(self, text: str, purpose: Purpose) -> tuple[Token, bool]:
        """Return the content of a short-lived token, and whether it is still valid.

        Raises ``TokenError`` for any other token.
        """
        try:
            return self.tokens.read(text, purpose, self.web.now), True
        except TokenError:
            return self.tokens.read(text, purpose, _EPOCH), False  # raises again, unless it has only expired

    def join(self, view: View, topic: Topic | None) -> str:
        """Return the link to sign up for a topic; empty for a topic that is not open."""
        return self.subscribe(view, [topic.slug]) if topic and topic.is_open else ""

    def subscribe(self, view: View, slugs: Iterable[str]) -> str:
        """Return the link to the sign-up form with these topics first, in the chosen language, if any.

        Empty while signing up is closed.
        """
        if not self.signs_up:
            return ""
        query = [("topic", slug) for slug in slugs] + ([("lang", view.language)] if view.keep else [])
        return self.web.url("/subscribe") + (f"?{urlencode(query)}" if query else "")
