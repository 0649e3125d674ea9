"""Mails to staff: invitations, links, and news of campaigns, as service mailings of the outbox.

Promises: a mail is a *service* mailing of its own, opened in the caller's transaction, once for the same kind, user and
subject. A mail by choice goes only to a user who wants it, has the right to its page, and has a verified address.
Its text is read again for each attempt (I5): no name, no address and no secret is in the snapshot or the outbox. A
link is derived again from its row (:mod:`campaigns.staff.links`); a mail whose link was used or replaced, or whose
user was removed, is not sent. The address of the console is frozen on the mailing as its public address.

A recipient is numbered :data:`STAFF` plus the user: contacts never get that far, so no look-up of a contact finds a
staff mail. Raises the errors of the brand (``FaultsError``) when a letter is compiled. :meth:`StaffMailer.send` returns
False where nothing was sent: not wanted, or no address to write from. True means that it is in the outbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from campaigns.lifecycle import records
from campaigns.staff import links, users
from campaigns.staff.mails import StaffMail
from campaigns.staff.users import User
from mailer import archive, outbox
from mailer.address import parse
from mailer.errors import InputError
from mailer.letter.brand import Brand
from mailer.letter.compiled import Compiled
from mailer.letter.source import LetterSource
from mailer.outbox import Identity, Mailing, MailingSpec, Recipient, service
from mailer.signing import Keyring, address_hash
from mailer.worker import Filled
from templates.service import staff_letter
from templates.words import LANGUAGES, primary
from unsubscribe.notices import LatestSender

STAFF = 1 << 39  # of the 40 bits of a number in a token
PREFIX = "staff:"
LASTS = timedelta(days=3)  # how long a mail without a link is worth sending
NOBODY = User(
    0, "nobody@example.org", "", (), "", "auto", frozenset(), False, False, datetime.min.replace(tzinfo=UTC), None, None
)
_PATHS = {StaffMail.INVITATION: "/join/", StaffMail.RESET: "/reset/", StaffMail.ADDRESS: "/account/address/"}
_OF_CAMPAIGNS = frozenset(
    {
        *(StaffMail.REVIEW_ASKED, StaffMail.APPROVED, StaffMail.RETURNED),
        *(StaffMail.HELD, StaffMail.IN_DOUBT, StaffMail.FINISHED),
    }
)
_PAGES = {
    StaffMail.SIGN_IN_LIMIT: "/account",
    StaffMail.ACCOUNT_CHANGED: "/account",
    StaffMail.IMPORT_DONE: "/contacts",
    StaffMail.RELAY_AWAY: "",
}
Way = Literal["gone", "leaving", "stuck"]


@dataclass(frozen=True, slots=True)
class _Made:
    """The key of a compiled letter."""

    kind: StaffMail
    language: str
    day: date
    from_address: str


@dataclass(frozen=True, slots=True)
class _Mail:
    """A mail to write. ``email``: the mailbox of a link, "" for the user's own; ``ends_at``: the end of its link."""

    kind: StaffMail
    user: User
    about: str
    email: str = ""
    ends_at: datetime | None = None


class StaffMailer:
    """Writes mails to staff. Safe to share between threads; compiles each letter once a day.

    ``identity``: its public address is that of the console. ``contact``: the From address; where it is empty, that of
    the ``latest`` campaign.
    """

    def __init__(
        self,
        identity: Identity,
        brand: Brand,
        contact: str,
        latest: LatestSender,
        *,
        keyring: Keyring,
        pepper: bytes,
    ) -> None:
        self.identity = identity
        self.keyring = keyring
        self._brand = brand
        self._contact = contact
        self._latest = latest
        self._pepper = pepper
        self._compiled: dict[_Made, Compiled] = {}

    def sender(self, conn: Connection) -> str:
        """Return the address that a mail would come from now; empty when there is none."""
        return self._contact or self._latest(conn)

    def prepare(self, conn: Connection, kind: StaffMail, now: datetime) -> None:
        """Compile a letter in every language, so that no transaction has to wait for it. Raises ``FaultsError``."""
        sender = self.sender(conn)
        for language in LANGUAGES["console"] if sender else ():
            self._letter(_Made(kind, language, now.date(), sender))

    def send(self, conn: Connection, kind: StaffMail, user: User, about: str, now: datetime) -> bool:
        """Put a mail to a user into the outbox, unless the user leaves that kind out.

        ``about``: the number of the campaign or link, with another number behind ``-`` where the same may happen again.
        """
        sender = self.sender(conn)
        if not sender or not users.wants(user, kind):
            return False
        self._enqueue(conn, _Mail(kind, user, about), now)
        return True

    def tell(self, conn: Connection, kind: StaffMail, about: str, now: datetime) -> None:
        """Send a mail to every user who wants that kind."""
        for user in users.wanting(conn, kind):
            self.send(conn, kind, user, about, now)

    def send_link(self, conn: Connection, kind: StaffMail, user: User, email: str, now: datetime) -> links.Issued:
        """Make a link for one of the user's mailboxes and send it there; without a sender address, only the link."""
        made = links.issue(conn, self.keyring, links.LinkPurpose(kind.value), user.id, email, now)
        if self.sender(conn):
            self._enqueue(conn, _Mail(kind, user, str(made.id), email, made.ends_at), now)
        return made

    def pretend(self, conn: Connection, kind: StaffMail, now: datetime) -> None:
        """Do the work of :meth:`send_link` or :meth:`send` for nobody, and take it back."""
        with conn.begin_nested() as step:
            if kind in _PATHS:
                self.send_link(conn, kind, NOBODY, NOBODY.email, now)
            elif self.sender(conn):
                self._enqueue(conn, _Mail(kind, NOBODY, "0"), now)
            step.rollback()

    def was_told(self, conn: Connection, kind: StaffMail, user: User, about: str) -> bool:
        """Return whether this mail is in the outbox or has left. Reads only."""
        return outbox.find(conn, key_of(kind, user, about)) is not None

    def way(self, conn: Connection, kind: StaffMail, user: User, about: str) -> Way:
        """Return how far a mail is: gone, on its way, or stuck (no sender address, no relay, refused)."""
        mailing = outbox.find(conn, key_of(kind, user, about))
        if mailing is None:
            return "stuck"
        if mailing.counts.accepted or mailing.counts.in_doubt or mailing.counts.sending:
            return "gone"
        waits = mailing.counts.waiting and mailing.state == "open"
        return "leaving" if waits and not any(found.reason for found in service.waiting(conn)) else "stuck"

    def _enqueue(self, conn: Connection, mail: _Mail, now: datetime) -> None:
        kind, user = mail.kind, mail.user
        key = key_of(kind, user, mail.about)
        if outbox.find(conn, key):
            return
        language = primary(user.language) if primary(user.language) in LANGUAGES["console"] else "nl"
        made = _Made(kind, language, now.date(), self.sender(conn))
        snapshot = archive.keep(conn, self._letter(made), now)
        number = STAFF + user.id
        spec = MailingSpec(
            key,
            "service",
            "",
            snapshot,
            self.identity,
            send_before=mail.ends_at or now + LASTS,
            recipient=number,
            asked_for=kind is StaffMail.RESET,
            from_address=made.from_address,
        )
        mailing = outbox.open_mailing(conn, spec, now)
        address = parse(mail.email or user.email)
        to = Recipient(number, str(address), address_hash(self._pepper, address.key), address.domain)
        outbox.enqueue(conn, mailing.id, [to], number, now)
        outbox.audience_complete(conn, mailing.id)

    def _letter(self, made: _Made) -> Compiled:
        found = self._compiled.get(made)
        if found is None:
            from mailer.letter.compile import compile_letter  # 0.1 s; most processes write none

            found = compile_letter(self._source(made))
            self._compiled = {key: kept for key, kept in self._compiled.items() if key.day == made.day} | {made: found}
        return found

    def _source(self, made: _Made) -> LetterSource:
        letter = staff_letter(made.kind.value, made.language)
        return LetterSource(
            file=f"{made.kind.value}.md",
            slug=f"staff-{made.kind.value.replace('_', '-')}",
            subject=letter.subject,
            preheader=letter.preheader,
            from_name=self._brand.name,
            from_address=made.from_address,
            language=made.language,
            date=made.day,
            body=letter.body,
            body_line=letter.body_line,
            brand=self._brand,
            public_url=self.identity.public_url,
            online=False,
            kind="service",
        )


def key_of(kind: StaffMail, user: User, about: str) -> str:
    """Return the key of a mail's mailing."""
    return f"{PREFIX}{kind.value}:{user.id}:{about}"


def is_staff(mailing: Mailing) -> bool:
    """Return whether a mailing is a mail to staff."""
    return mailing.spec.key.startswith(PREFIX)


def fill(conn: Connection, mailing: Mailing, recipients: Sequence[int], keyring: Keyring) -> dict[int, Filled]:
    """Return the values of a mail to staff for its recipient; empty when the user, link or campaign is gone."""
    kind, number, about = _parts(mailing.spec.key)
    wanted = [each for each in recipients if each == STAFF + number]
    with suppress(InputError):
        user = users.get(conn, number)
        values = _values(conn, kind, about, mailing.identity.public_url, keyring)
        if user.removed_at is None and values:
            return {each: Filled("", {"contact": values, "links": {}}, "", "") for each in wanted}
    return {}


def _values(conn: Connection, kind: StaffMail, about: int, console: str, keyring: Keyring) -> dict[str, object]:
    if kind in _PATHS:
        link = links.again(conn, keyring, about)
        return {"link": f"{console}{_PATHS[kind]}{link.token}"} if link else {}
    if kind in _OF_CAMPAIGNS:
        campaign = records.numbered(conn, about)
        return {"link": f"{console}/campaigns/{campaign.slug}", "campaign": campaign.shown} if campaign else {}
    return {"link": console + _PAGES[kind]}


def _parts(key: str) -> tuple[StaffMail, int, int]:
    """Split a key: kind, user, and the number that the mail is about."""
    _prefix, kind, user, about = key.split(":", 3)
    return StaffMail(kind), int(user), int(about.partition("-")[0])
