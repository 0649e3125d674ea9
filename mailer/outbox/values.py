"""The values that the outbox takes and returns. All are frozen; times are aware and in UTC.

Values that exist once a letter are named tuples, which are created three times as fast.
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
    """The data that all attempts of all deliveries of a mailing share (I5); frozen when the mailing is opened."""

    public_url: str
    return_path: str
    key_id: int
    dkim_selector: str = ""
    dkim_domain: str = ""


@dataclass(frozen=True, slots=True)
class MailingSpec:
    """The definition of a mailing. ``key`` makes opening it idempotent; ``scope`` is the topic ("" for service mail).

    ``recipient``: the only recipient, if there is one (service mail); look-ups for other recipients leave it out.
    ``asked_for``: the address itself asked for it, so a dead address does not hold it back (a sign-up's confirmation).
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
        """The number of rows that a sender still has to process."""
        return self.waiting + self.sending + self.retry


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a rule holds a mailing.

    ``reason``: a key of ``outcome.WORDS``. ``words``: the relay's words, without addresses. ``until``: the end of a
    quota, if that is known.
    """

    reason: str
    words: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mailing:
    """A mailing in the database. ``reason``: why it is held, or that it was cancelled.

    ``hold``: the note of the rule that held the mailing. ``resumed_words``: the relay's words after which a person
    released it.
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
        """The same as ``spec.identity``."""
        return self.spec.identity

    @property
    def is_service(self) -> bool:
        """Return whether it is service mail, which goes first; only a dead address can hold it back."""
        return self.spec.kind == "service"

    @property
    def finished(self) -> bool:
        """Return whether the audience is complete and no row waits, is sent or in retry; in doubt does not count."""
        return self.audience_complete and not self.counts.unfinished


@dataclass(frozen=True, slots=True)
class Recipient:
    """One member of an audience: the contact's number, from the caller, and the address of the letter."""

    number: int
    address: str
    address_hash: bytes = field(repr=False)
    domain: str


class Claimed(NamedTuple):
    """A delivery that this sender has claimed. ``tries``: temporary refusals before this attempt."""

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
    """The outcome of a claimed delivery. ``state`` is a target of the event *settle*; ``reason`` is a class key."""

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
    """A delivery that was offered and got no answer: its recipient, its time, and the facts that the log has."""

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
    """A letter to one contact. ``address``: its destination; ``snapshot``: its text in the archive. The other fields
    give its outcome, as in :class:`Delivery`, and the number of its mailing."""

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
    mailing: int = 0
