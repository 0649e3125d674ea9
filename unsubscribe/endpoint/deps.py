"""The inputs of the public endpoint: those of the web kit, keys, pepper, the reader's settings and a sender."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailer.outbox import Identity
from mailer.signing import Keyring
from unsubscribe.settings import ReaderSettings
from unsubscribe.web.context import WebDeps


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDeps(WebDeps):
    """Values and callables for the endpoint, set by the composition root and read nowhere else.

    ``contact_address`` is the sender of service letters too. While it is empty signing up is closed.
    """

    keyring: Keyring = field(repr=False)
    pepper: bytes = field(repr=False)
    settings: ReaderSettings = field(default_factory=ReaderSettings)
    identity: Identity | None = None  # for service letters; without it they leave unsigned, without a return path

    @property
    def sender_identity(self) -> Identity:
        """Return the identity that sends service letters (:class:`unsubscribe.notices.ServiceMailer`)."""
        return self.identity or Identity(self.public_url, "", self.keyring.current.id)
