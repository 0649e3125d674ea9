"""The inputs of the public endpoint: values and callables, set by the composition root and read nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailer.letter.brand import Brand
from mailer.outbox import Identity
from mailer.signing import Keyring
from mailer.storage import Database
from unsubscribe.notices import LatestSender, nobody
from unsubscribe.settings import ReaderSettings

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class EndpointDeps:
    """Values and callables for the endpoint.

    ``contact_address``: the organisation's own, for mail from readers and as the sender of service letters. While it is
    empty signing up is closed, and ``latest_sender`` gives the From address of the latest campaign instead.
    ``metrics_token`` gives access to ``/metrics`` from anywhere (empty: loopback only).
    """

    db: Database
    keyring: Keyring = field(repr=False)
    pepper: bytes = field(repr=False)
    public_url: str
    brand: Brand
    contact_address: str
    default_language: str = "nl"
    timezone: str = "Europe/Amsterdam"
    clock: Clock = utc_now
    settings: ReaderSettings = field(default_factory=ReaderSettings)
    trusted_proxies: frozenset[str] = frozenset({"127.0.0.1", "::1"})
    metrics_token: str = field(default="", repr=False)
    latest_sender: LatestSender = nobody
    identity: Identity | None = None  # for service letters; without it they leave unsigned, without a return path

    @property
    def sender_identity(self) -> Identity:
        """Return the identity that sends service letters (:class:`unsubscribe.notices.ServiceMailer`)."""
        return self.identity or Identity(self.public_url, "", self.keyring.current.id)
