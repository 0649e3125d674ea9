"""The values that the worker takes, asks its caller for, and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from sqlalchemy import Connection

from mailer.letter.compiled import LetterLinks, Values
from mailer.outbox import Counts, Mailing
from mailer.settings import MailerSettings
from mailer.signing import Keyring
from mailer.storage import Database
from mailer.transport.base import Transport

Clock = Callable[[], datetime]


class Filled(NamedTuple):
    """The values of one recipient: display name, slot values, and the two opt-out addresses ("" for none).

    Where the mailing has :class:`LetterLinks`, links and ``unsubscribe_url`` are made with the letter, and left out
    here. ``fault``: why nothing can be filled in for this recipient. Then the delivery is refused in these words, and
    no other.
    """

    name: str
    values: Values
    unsubscribe_url: str = ""
    unsubscribe_mailto: str = ""
    fault: str = ""


class SlotSource(Protocol):
    """The source of contacts' values. Called by the holder of the turn, outside the claiming transaction."""

    def fill(self, conn: Connection, mailing: Mailing, recipients: Sequence[int]) -> Mapping[int, Filled]:
        """Return the present values of these recipients. One that is missing was erased, and is skipped."""
        ...

    def links(self, conn: Connection, mailing: Mailing) -> LetterLinks | None:
        """Return how the mailing's links begin; asked once a mailing. None: :meth:`fill` gives finished links."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerDeps:
    """All that a sender works with. ``clock`` gives aware UTC times."""

    db: Database
    data_dir: Path
    settings: MailerSettings
    slots: SlotSource
    keyring: Keyring
    clock: Clock
    transport: Transport


@dataclass(frozen=True, slots=True)
class SendProgress:
    """The progress, some times a second, for bars and logs. ``counts`` of the mailings that this sender sees.

    ``relay_away_since``: nothing leaves since then. ``words`` say why: the relay's own, or ours about the event seen.
    """

    at: datetime
    counts: Mapping[int, Counts]
    in_flight: int
    relay_away_since: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class ExitReason:
    """Why :func:`run` returned. ``words`` is an English sentence for the log; the caller words it for people."""

    kind: Literal["done", "stopped", "held", "relay_away"]
    words: str = ""
