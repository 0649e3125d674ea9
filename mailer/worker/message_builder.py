"""Where claimed deliveries become messages: values are filled in, the message is composed, and signed if that is asked.

Promises (I5): every attempt of a delivery has the same Message-ID (made from mailing and recipient), Date (of the first
claim), snapshot and envelope sender. All of it comes from the values frozen on the mailing. Parts
that all recipients of a mailing share are made once. A letter is composed when the transport takes it, so that the
writing thread hands over a claim as soon as it is on disk. A letter that is signed is made before, in threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from mailer import archive
from mailer.errors import InputError, SettingsError
from mailer.letter.compiled import LetterLinks, MessageMeta
from mailer.letter.compose import Composer
from mailer.letter.flat_message import finished, flatten
from mailer.messages import Message
from mailer.outbox import Claimed, Mailing
from mailer.return_path import maker
from mailer.signing import TEXT_SIZE, Key, letter_sealer
from mailer.transport.base import OutgoingMessage
from mailer.worker.values import Filled, WorkerDeps

KEY_GONE = Message("this mailing was begun with a DKIM signature, and POSTILJON_DKIM_KEY is gone; set it again")
DOMAIN_CHANGED = Message(
    "this mailing was begun with a DKIM signature of {begun}, and POSTILJON_DKIM_DOMAIN is {now}; "
    "set it back until this mailing has gone out"
)
_KEPT = 32
_SIGNERS = 2

Sign = Callable[[bytes, datetime], bytes]


Make = Callable[[], OutgoingMessage]


@dataclass(slots=True)
class BuiltBatch:
    """The result for claims: the maker of each message (it may raise ``InputError``), and claims of erased contacts.

    ``slow``: they are signed, so they are to be made in a thread (:meth:`MessageBuilder.in_thread`).
    """

    slow: bool = False
    ready: list[tuple[Claimed, Make]] = field(default_factory=list)
    erased: list[Claimed] = field(default_factory=list)


class _MailingContext:
    """The parts that all letters of one mailing share."""

    def __init__(
        self, composer: Composer, key: Key, mailing: Mailing, links: LetterLinks | None, sign: Sign | None
    ) -> None:
        self.sign = sign
        self._composer, self._from = composer, composer.letter.from_address
        self._host = "@" + self._from.rpartition("@")[2]
        self._links, self._tokens = links, letter_sealer(key, mailing.id)
        self._flat = flatten(composer, links, self._host) if links else None
        return_path = mailing.identity.return_path
        self._sender = maker(return_path, key, mailing.id) if return_path else None

    def message(self, claim: Claimed, filled: Filled) -> OutgoingMessage:
        """Return the finished message.

        Raises ``InputError`` for values that cannot be read or cannot stand in a header.
        """
        name, values, _, mailto, fault = filled
        if fault:
            raise InputError(fault)
        address, at = claim.address, claim.first_claimed_at
        tokens = self._tokens(claim.recipient)
        sender = self._sender(claim.recipient) if self._sender else self._from
        plain = address.isascii() and sender.isascii()
        try:
            written = self._flat.message(name, address, at, values, tokens) if self._flat and not mailto else None
        except Exception:  # the slow path raises the precise error
            written = None
        content = self._slowly(claim, filled, tokens) if written is None else written
        if self.sign is not None:
            content = self.sign(content, at)
        return OutgoingMessage(claim.delivery, sender, address, content, not plain, plain)

    def _slowly(self, claim: Claimed, filled: Filled, tokens: bytes) -> bytes:
        """Return the same bytes as :mod:`mailer.letter.flat_message`; also for letters whose links are finished."""
        values, optout = filled.values, filled.unsubscribe_url
        if self._links:
            links = finished(self._links, tokens)
            values, optout = {**values, "links": links}, links["optout"]
        message_id = tokens[2 * TEXT_SIZE :].decode("ascii") + self._host
        ways = optout, filled.unsubscribe_mailto
        stamp = MessageMeta(claim.address, claim.first_claimed_at, message_id, filled.name, *ways)
        return self._composer.message(values, stamp)


def at_once(make: Make) -> Make:
    """Make the message now; return a maker that gives this message or raises its error, in no time."""
    try:
        message = make()
    except Exception as error:
        return partial(_raise, error)
    return lambda: message


def _raise(error: Exception) -> OutgoingMessage:
    raise error


class MessageBuilder:
    """See the module. Used by the holder of the turn alone."""

    def __init__(self, deps: WorkerDeps) -> None:
        self._deps = deps
        self._contexts: OrderedDict[int, _MailingContext] = OrderedDict()
        self._signing: ThreadPoolExecutor | None = None

    def make(self, conn: Connection, mailing: Mailing, claims: Sequence[Claimed]) -> BuiltBatch:
        """Return the makers of the messages for claims of one mailing; it may be called on another thread.

        Raises ``InputError`` or ``StorageError`` when the letter itself cannot be used: then nothing was made.
        """
        context = self._context(conn, mailing)
        filled = self._deps.slots.fill(conn, mailing, [claim.recipient for claim in claims])
        made = BuiltBatch(slow=context.sign is not None)
        for claim in claims:
            values = filled.get(claim.recipient)
            if values is None or not claim.address:
                made.erased.append(claim)
            else:
                made.ready.append((claim, partial(context.message, claim, values)))
        return made

    def close(self) -> None:
        """End the signing threads."""
        if self._signing:
            self._signing.shutdown()

    def in_thread(self, call: Callable[[], object]) -> None:
        """Run the call soon in a thread. RSA releases the interpreter lock, so two threads sign on two cores."""
        if self._signing is None:
            self._signing = ThreadPoolExecutor(_SIGNERS, thread_name_prefix="dkim")
        self._signing.submit(call)

    def _context(self, conn: Connection, mailing: Mailing) -> _MailingContext:
        known = self._contexts.get(mailing.id)
        if known is None:
            known = self._contexts[mailing.id] = self._make_context(conn, mailing)
            if len(self._contexts) > _KEPT:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(mailing.id)
        return known

    def _make_context(self, conn: Connection, mailing: Mailing) -> _MailingContext:
        composer = Composer(archive.letter(conn, mailing.spec.snapshot))
        keys = self._deps.keyring.with_id(mailing.identity.key_id)
        if not keys:
            raise SettingsError("the secret key that this mailing was begun with is not in POSTILJON_SECRET_KEYS")
        return _MailingContext(composer, keys[0], mailing, self._deps.slots.links(conn, mailing), self._signer(mailing))

    def _signer(self, mailing: Mailing) -> Sign | None:
        """Return the signer of a mailing: one that was begun signed is signed to its end, by the same domain.

        The key may have been renewed meanwhile, with its selector (B44): then both keys are in DNS.
        """
        identity, settings = mailing.identity, self._deps.settings
        if not identity.dkim_selector:
            return None
        pem = settings.dkim_pem()
        if pem is None:
            raise SettingsError(KEY_GONE)
        if _domain(identity.dkim_domain) != _domain(settings.dkim_domain):
            raise SettingsError(DOMAIN_CHANGED.format(begun=identity.dkim_domain, now=settings.dkim_domain))
        from mailer.letter.dkim import Signer  # 10 ms at the start, only where a key is set

        return Signer(pem, settings.dkim_selector, settings.dkim_domain).sign_composed


def _domain(text: str) -> str:
    return text.lower().removesuffix(".")
