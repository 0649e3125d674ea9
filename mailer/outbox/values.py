"""The values that the outbox takes and gives. All are frozen; times are aware and in UTC.

Those that exist once a letter are named tuples, which are made three times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from mailer.outbox.states import DeliveryState, MailingState
from mailer.settings import InDoubt

MailingKind = Literal["campaign", "service"]
DoubtChoice = Literal["send_again", "treat_as_sent"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What every attempt of every delivery of a mailing shares (I5); frozen when the mailing is opened."""

    public_url: str
    return_path: str
    key_id: int
    dkim_selector: str = ""
    dkim_domain: str = ""


@dataclass(frozen=True, slots=True)
class MailingSpec:
    """What is to be sent. ``key`` makes opening it idempotent; ``scope`` is the topic ("" for service mail).

    ``recipient``: whom it is for alone, if it is for one (service mail): nobody else is looked for in it.
    ``asked_for``: by the address itself, so that a dead address does not hold it back (the confirmation of a sign-up).
    ``from_address``: of service mail; letters from one address wait for each other when the relay refuses it.
    """

    key: str
    kind: MailingKind
    scope: str
    snapshot: str
    identity: Identity
    priority: int = 0
    rate: int | None = None
    in_doubt: InDoubt = "hold"
    send_before: datetime | None = None
    recipient: int | None = None
    asked_for: bool = False
    from_address: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deliveries are in each state; the states add up to ``recipients``."""

    recipients: int = 0
    waiting: int = 0
    sending: int = 0
    accepted: int = 0
    retry: int = 0
    refused: int = 0
    skipped: int = 0
    in_doubt: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def unfinished(self) -> int:
        """Rows that a sender still has to do something with."""
        return self.waiting + self.sending + self.retry


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a rule holds a mailing.

    ``reason``: a key of ``outcome.WORDS``. ``words``: what the relay said, without addresses. ``until``: when a quota
    is over, if that is known.
    """

    reason: str
    words: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mailing:
    """A mailing as the database has it. ``reason`` says why it is held, or that it was cancelled.

    ``hold``: what a rule noted when it held the mailing. ``resumed_words``: what the relay had said when a person let
    it go on.
    """

    id: int
    spec: MailingSpec
    state: MailingState
    reason: str
    audience_complete: bool
    audience_position: int
    counts: Counts
    created_at: datetime
    changed_at: datetime
    hold: Hold = field(default_factory=lambda: Hold(""))
    resumed_words: str = ""

    @property
    def identity(self) -> Identity:
        """Short for ``spec.identity``."""
        return self.spec.identity

    @property
    def is_service(self) -> bool:
        """Whether it goes first, and is held back by a dead address at most."""
        return self.spec.kind == "service"

    @property
    def finished(self) -> bool:
        """The audience is whole, and no row is waiting, sending or in retry. In doubt does not keep it open."""
        return self.audience_complete and not self.counts.unfinished


@dataclass(frozen=True, slots=True)
class Recipient:
    """One member of an audience: a number from above (the contact), and where the letter goes."""

    number: int
    address: str
    address_hash: bytes = field(repr=False)
    domain: str


class Claimed(NamedTuple):
    """A delivery that this sender has taken. ``tries``: temporary refusals before this attempt."""

    delivery: int
    mailing: int
    recipient: int
    address: str
    address_hash: bytes
    domain: str
    attempt: int
    tries: int
    first_claimed_at: datetime


class Settlement(NamedTuple):
    """What became of a claimed delivery. ``state`` is a target of the move *settle*; reason is a class key."""

    delivery: int
    mailing: int
    attempt: int
    state: DeliveryState
    reason: str = ""
    code: int = 0
    text: str = ""
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A delivery that was offered and whose answer never came: who, when, and what the log knows."""

    delivery: int
    recipient: int
    address: str
    at: datetime | None
    attempt: int
    sender: str
    words: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row, for reports."""

    delivery: int
    recipient: int
    address: str
    domain: str
    state: DeliveryState
    reason: str
    attempt: int
    at: datetime | None
    retry_at: datetime | None
    code: int
    reply: str


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter to one person and what became of it. ``address``: where it went; ``snapshot``: what it said, in the
    archive; the rest as in :class:`Delivery`."""

    key: str
    kind: MailingKind
    scope: str
    address: str
    state: DeliveryState
    reason: str
    at: datetime | None
    code: int
    reply: str
    snapshot: str = ""
