"""What the public endpoint is given: values and doors, wired by the composition root, read nowhere else."""

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
    """Values and doors.

    ``contact_address``: the organisation's own, where readers may write and from which they get service letters; while
    it is empty signing up is closed, and ``latest_sender`` gives the From address of the latest campaign instead.
    Whoever has ``metrics_token`` sees ``/metrics`` from anywhere (empty: loopback alone).
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
    identity: Identity | None = None  # of the service letters; without one they leave unsigned, without a return path

    @property
    def sender_identity(self) -> Identity:
        """What service letters are sent as (:class:`unsubscribe.notices.ServiceMailer`)."""
        return self.identity or Identity(self.public_url, "", self.keyring.current.id)
