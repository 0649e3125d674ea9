"""Service letters, which the house itself writes to one person: announcements, requests to confirm, requested data.

Promises: each letter is a *service* mailing of its own with an idempotency key, opened in the caller's transaction. So
a change and its announcement are kept together or not at all. A service letter goes before other mail, and only a dead
address holds it back. Even that does not hold back the letter to confirm a sign-up, which the address itself requested.
It comes from the organisation's own address (``POSTILJON_CONTACT``), else from that of the latest campaign at that
moment. It expires when its link ends.

Its content is read from the act again for each attempt (I5). It repeats no typed text, because a stranger may have
typed it. It has no name (neither in *To* nor in the salutation), no field value, no address. It names the fields, and
the topics of the house. Its links are made under the key that was frozen on the mailing, and end some days after the
act. The link to confirm a sign-up also names its topics and language, which anybody may know and may write there. They
only choose the first choices of a form.

A mailbox gets at most a fixed number of each letter within a day (:data:`MOST_A_DAY`). All requesters, contacts and
spellings of the address share that count. A second limit (:data:`BY_LINK`) covers all letters that links in its own
letters cause, since one forwarded letter has all these links. A letter that a stranger can cause without such a link,
to confirm a sign-up or a new address, has only its own limit. So neither sort uses up the other's limit. Over a limit,
a letter that only informs or asks is left out. :meth:`ServiceMailer.send` then returns False to its caller, which
answers as if the letter had gone (D8). An announcement is never left out (:data:`ANNOUNCES`), and letters sent for
others never cause a refusal. Over its own limit the change itself is refused, and before that by the limit of forms of
:mod:`.details` and :mod:`.moving`.

Raises ``ContactMissing`` where there is no address to write from, ``StateError`` where an announcement would exceed its
limit: then the caller rolls back. :func:`fill` returns the values for the sender; a recipient whose contact or act was
deleted is missing from the result. Success of :meth:`ServiceMailer.send` means that the letter is in the outbox, not
that it left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from sqlalchemy import Connection

from mailer import archive, outbox
from mailer.address import mailbox_of
from mailer.errors import ContactMissing, StateError
from mailer.letter.brand import Brand
from mailer.letter.compiled import Compiled
from mailer.letter.source import LetterSource
from mailer.outbox import Identity, Mailing, MailingSpec, Recipient
from mailer.signing import Purpose
from mailer.worker import Filled
from templates.service import service_letter
from templates.words import LANGUAGES, primary, words
from unsubscribe import changes, contacts, limits, moves
from unsubscribe.changes import Change
from unsubscribe.contacts import Contact
from unsubscribe.history import standing_in
from unsubscribe.limits import Limit, LimitUse
from unsubscribe.moves import Former
from unsubscribe.tokens import Tokens

NoticeKind = Literal[
    "details_changed", "optin_confirm", "address_change_new", "address_change_old", "my_data", "opted_out"
]
LatestSender = Callable[[Connection], str]
"""The From address of the latest campaign; empty where there is none yet."""
FORMER = "former"
"""The start of the key of a letter to a former mailbox, before the number of the change that left that mailbox."""
UNDO_DAYS = 14
KEEP_LINK = timedelta(days=60)  # longer than an address can be put back (:mod:`.moves`)
MY_DATA_DAYS = 3
ASKED_FOR: frozenset[NoticeKind] = frozenset({"optin_confirm", "address_change_old"})
"""Letters sent to an undeliverable address too: it asked for the letter itself, or its silence counts as agreement."""
MOST_A_DAY: Mapping[NoticeKind, int] = {
    "optin_confirm": 1,
    "my_data": 1,
    "address_change_new": 2,
    "address_change_old": 3,
    "opted_out": 3,
    "details_changed": 5,
}
BY_LINK: frozenset[NoticeKind] = frozenset({"details_changed", "address_change_old", "opted_out", "my_data"})
"""Letters caused by a link in a letter to the same mailbox; counted together too."""
MOST_BY_LINK = 8
TO_THE_CONTACT: frozenset[NoticeKind] = frozenset({"details_changed", "opted_out", "my_data"})
ANNOUNCES: frozenset[NoticeKind] = frozenset({"details_changed", "address_change_old"})
"""Letters with an undo: the change must not be carried out without the letter."""
_LINKS: Mapping[NoticeKind, Mapping[str, tuple[str, Purpose]]] = {
    "details_changed": {"undo": ("/c/put-back/", Purpose.UNDO_CHANGE)},
    "optin_confirm": {"confirm": ("/confirm/", Purpose.CONFIRM)},
    "address_change_new": {"confirm": ("/c/new-address/", Purpose.ADDRESS_NEW)},
    "address_change_old": {
        "confirm": ("/c/agree-address/", Purpose.ADDRESS_AGREE),
        "undo": ("/c/keep-address/", Purpose.ADDRESS_KEEP),
    },
    "opted_out": {"undo": ("/c/undo/", Purpose.UNDO)},
    "my_data": {"show": ("/my-data/", Purpose.MY_DATA)},
}


_LIMITS = {notice: Limit(f"letter {notice}", most, limits.A_DAY) for notice, most in MOST_A_DAY.items()}
_TOGETHER = Limit("letters by link", MOST_BY_LINK, limits.A_DAY)


@dataclass(frozen=True, slots=True)
class _Made:
    """The key of a compiled letter; the day is part of it because the letter shows the day."""

    notice: NoticeKind
    language: str
    day: date
    from_address: str


def nobody(_: Connection) -> str:
    """Return no fallback address: there is no campaign."""
    return ""


class ServiceMailer:
    """Writes service letters in the house's name. Safe to share between threads; compiles each letter once a day.

    ``contact``: the From address of the letters; where it is empty, that of the ``latest`` campaign. ``pepper`` keys
    the hash by which letters to a mailbox are counted.
    """

    def __init__(
        self,
        identity: Identity,
        brand: Brand,
        contact: str,
        default_language: str = "nl",
        latest: LatestSender = nobody,
        *,
        pepper: bytes,
    ) -> None:
        from mailer.letter.compile import compile_letter  # costs 0.1 s; a sender, which only fills, does not need it

        self.identity = identity
        self._compile = compile_letter
        self._pepper = pepper
        self._brand = brand
        self._contact = contact
        self._default_language = default_language
        self._latest = latest
        self._compiled: dict[_Made, Compiled] = {}

    def sender(self, conn: Connection) -> str:
        """Return the address that a letter would come from now; empty when there is none."""
        return self._contact or self._latest(conn)

    def send(
        self, conn: Connection, notice: NoticeKind, change: Change, to: Recipient | Former, language: str, now: datetime
    ) -> bool:
        """Put a letter about an act into the outbox, once for the same notice, act and mailbox.

        Returns False, after the same work, when that mailbox has had its letters of the day. Raises ``ContactMissing``,
        and ``StateError`` for an announcement over the limit.
        """
        key = f"{notice}:{change.id}"
        if isinstance(to, Former):
            key, to = f"{FORMER}{to.change}:{key}", to.recipient
        sender = self.sender(conn)
        if not sender:
            raise ContactMissing("POSTILJON_CONTACT is not set, and there is no campaign: no letter can be written")
        if outbox.find(conn, key):
            return True
        snapshot = archive.keep(conn, self.letter(notice, language, now.date(), sender), now)
        spec = MailingSpec(
            key,
            "service",
            "",
            snapshot,
            self.identity,
            send_before=_ends(notice, change),
            recipient=to.number,
            asked_for=notice in ASKED_FOR,
            from_address=sender,
        )
        with conn.begin_nested() as step:
            _enqueue(conn, spec, to, now)
            taken = [limits.take(conn, use, now) for use in self._uses(notice, to)]
            if taken[0] and (all(taken) or notice in ANNOUNCES):
                return True
            step.rollback()
        if notice in ANNOUNCES:
            raise StateError("so many changes were announced to this mailbox today; try again tomorrow")
        return False

    def spent(self, conn: Connection, notice: NoticeKind, to: Recipient, now: datetime) -> bool:
        """Return whether a limit would stop a letter of this kind. Reads only, so it can be called before any lock."""
        return limits.spent(conn, self._uses(notice, to)[: 1 if notice in ANNOUNCES else None], now)

    def _uses(self, notice: NoticeKind, to: Recipient) -> list[LimitUse]:
        counted = [_LIMITS[notice], *([_TOGETHER] if notice in BY_LINK else [])]
        return [limits.use(limit, self._pepper, mailbox_of(to.address)) for limit in counted]

    def announce(self, conn: Connection, notice: NoticeKind, change: Change, contact: Contact, now: datetime) -> None:
        """Tell a contact of an act in their name, and every mailbox that may still put its former address back."""
        self.send(conn, notice, change, recipient_of(contact), contact.language, now)
        for former in moves.former_mailboxes(conn, contact, now):
            self.send(conn, notice, change, former, contact.language, now)

    def opted_out(self, conn: Connection, contact: Contact, change: int, now: datetime) -> None:
        """Confirm an opt-out to its mailbox, with an undo: only where a sender address is known. A few a day."""
        act = changes.get(conn, change)
        if act is not None and self.sender(conn):
            self.announce(conn, "opted_out", act, contact, now)

    def letter(self, notice: NoticeKind, language: str, day: date, sender: str = "") -> Compiled:
        """Return the compiled letter in a supported language (else the default one)."""
        known = primary(language) if primary(language) in LANGUAGES["letter"] else self._default_language
        made = _Made(notice, known, day, sender or self._contact)
        found = self._compiled.get(made)
        if found is None:
            found = self._compile(self._source(made))
            self._compiled = {key: kept for key, kept in self._compiled.items() if key.day == day} | {made: found}
        return found

    def prepare(self, notice: NoticeKind, day: date, sender: str) -> None:
        """Compile a letter in every language, so that no transaction has to wait for it. Raises ``FaultsError``."""
        for language in LANGUAGES["letter"] if sender else ():
            self.letter(notice, language, day, sender)

    def _source(self, made: _Made) -> LetterSource:
        letter = service_letter(made.notice, made.language)
        return LetterSource(
            file=f"{made.notice}.md",
            slug=made.notice.replace("_", "-"),
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


def _enqueue(conn: Connection, spec: MailingSpec, to: Recipient, now: datetime) -> None:
    mailing = outbox.open_mailing(conn, spec, now)
    outbox.enqueue(conn, mailing.id, [to], to.number, now)
    outbox.audience_complete(conn, mailing.id)


def recipient_of(contact: Contact) -> Recipient:
    """Return the recipient for a letter to a contact."""
    return Recipient(contact.id, contact.email, contact.address_hash, contact.domain)


def fill(conn: Connection, mailing: Mailing, recipients: Sequence[int], tokens: Tokens) -> dict[int, Filled]:
    """Return the values of a service letter for its recipient; empty when the contact or the act was deleted."""
    name, number, former = _parts(mailing.spec.key)
    links = next((made for notice, made in _LINKS.items() if notice == name), None)
    change = changes.get(conn, number) if links is not None else None
    if change is not None and change.undone_at and change.kind == "opt_out":
        acts = changes.standing(conn, [change.contact_id], "opt_out").get(change.contact_id, ())
        change = standing_in(acts, change)
    if links is None or change is None or change.undone_at:
        return {}
    found = contacts.get_many(conn, [number for number in recipients if number == change.contact_id])
    identity = mailing.identity
    filled = {}
    for contact in found.values():
        address = outbox.service_address(conn, mailing.id, contact.id) or ""
        say = moves.say_of(conn, contact, address, change.at)
        if say == "none" and name in TO_THE_CONTACT:
            continue  # the address was put back meanwhile: the other mailbox is no longer told
        letter = (identity.key_id, mailing.id, contact.id)
        asked = _asked(change, contact)
        urls = {}
        for slot, (path, purpose) in links.items():
            if former and purpose is Purpose.ADDRESS_AGREE:
                continue  # a former mailbox can take the change back, not agree for the present mailbox
            if say != "undo" and purpose in (Purpose.UNDO, Purpose.UNDO_CHANGE):
                continue  # while the original mailbox may put its address back, only that one may undo
            ends, about = _ends(name, change), change.id
            if purpose is Purpose.ADDRESS_KEEP:
                ends, about = change.at + KEEP_LINK, former or change.id
            urls[slot] = f"{identity.public_url}{path}{tokens.lasting(purpose, letter, ends, about)}{asked}"
        values = {**_about(conn, change, contact), **urls}
        filled[contact.id] = Filled("", {"contact": values, "links": {}}, "", "")
    return filled


def _parts(key: str) -> tuple[str, int, int]:
    """Split a key: notice, act, and the change that left a former mailbox (0: the letter is for the present one)."""
    head, _, rest = key.partition(":") if key.startswith(FORMER) else ("", "", key)
    name, _, act = rest.partition(":")
    former = head.removeprefix(FORMER)
    return name, int(act) if act.isdecimal() else 0, int(former) if former.isdecimal() else 0


def _ends(notice: str, change: Change) -> datetime:
    """Return the time at which the links in a letter, and so its use, end."""
    return change.at + timedelta(days=MY_DATA_DAYS if notice == "my_data" else UNDO_DAYS)


def _asked(change: Change, contact: Contact) -> str:
    """Return the query of the link to confirm a sign-up: it leads back to the form once the request is deleted."""
    if change.kind != "sign_up":
        return ""
    language = [("lang", primary(contact.language))] if contact.language else []
    return "?" + urlencode([("topic", slug) for slug in sorted(change.after["topics"])] + language)


def _about(conn: Connection, change: Change, contact: Contact) -> dict[str, object]:
    """Return the values of the letter about the act."""
    told: dict[str, object] = {"changes": in_words(conn, change.after, contact.language)}
    if change.kind == "opt_out":
        told["left"] = [_left(conn, change.after["scope"], contact.language)]
    if "topics" in change.after:
        names = {topic.slug: topic.name_in(contact.language) for topic in contacts.topics(conn)}
        told["topic"] = ", ".join(names.get(slug, slug) for slug in sorted(change.after["topics"]))
    return told


def _left(conn: Connection, scope: str, language: str) -> str:
    topic = contacts.find_topic(conn, scope)
    return topic.name_in(language) if topic else scope or words(language, "letter").gettext("All our emails")


def in_words(conn: Connection, after: Mapping[str, Any], language: str) -> list[str]:
    """Return the values that an act set (its *after* side), one line each.

    Fields and topics by name, never typed text.
    """
    _ = words(language, "letter").gettext
    texts = {
        "name": _("Your name"),
        "language": _("The language of our emails"),
        "days": _("How often you receive emails"),
        "until": _("Until when you receive no emails"),
    }
    lines = [text for field, text in texts.items() if field in after]
    own = {"salutation": _("How we address you")}
    lines += [own.get(field, field.replace("_", " ").capitalize()) for field in sorted(after.get("fields", ()))]
    names = {topic.slug: topic.name_in(language) for topic in contacts.topics(conn)}
    for slug, joined in sorted(after.get("topics", {}).items()):
        text = _("{topic}: you receive it from now on") if joined else _("{topic}: you no longer receive it")
        lines.append(text.format(topic=names.get(slug, slug)))
    return lines
