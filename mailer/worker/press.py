"""Where claimed deliveries become parcels: values are filled in, the message is composed, and signed if that is asked.

Promises (I5): every attempt of a delivery has the same Message-ID (made from mailing and recipient), the same Date (of
the first claim), the same snapshot and envelope sender; all of it comes from what was frozen on the mailing. What is
the same for all recipients of a mailing is made once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from mailer import archive
from mailer.errors import InputError, SettingsError
from mailer.letter.compose import Composer
from mailer.letter.dkim import Signer
from mailer.letter.plan import Stamp
from mailer.outbox import Claimed, Mailing
from mailer.returnpath import make as make_return_path
from mailer.signing import Key, Purpose, Token, seal, to_text
from mailer.transport.base import Parcel
from mailer.worker.values import Filled, WorkerDeps

N_ = str  # marks a text for the catalogue (domain cli)
KEY_GONE = N_("this mailing was begun with a DKIM signature, and POSTILJON_DKIM_KEY is gone; set it again")
DOMAIN_CHANGED = N_(
    "this mailing was begun with a DKIM signature of {begun}, and POSTILJON_DKIM_DOMAIN is {now}; "
    "set it back until this mailing has gone out"
)
_KEPT = 32
_SIGNERS = 2

Sign = Callable[[bytes, datetime], bytes]


@dataclass(slots=True)
class Made:
    """What became of claims: parcels, those who were erased, and those that cannot be composed (and why)."""

    parcels: list[tuple[Claimed, Parcel]] = field(default_factory=list)
    erased: list[Claimed] = field(default_factory=list)
    broken: list[tuple[Claimed, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Kit:
    """What all letters of one mailing share."""

    composer: Composer
    key: Key
    host: str
    from_address: str
    sign: Sign | None


class Press:
    """See the module. Used by the writing thread only."""

    def __init__(self, deps: WorkerDeps) -> None:
        self._deps = deps
        self._kits: OrderedDict[int, _Kit] = OrderedDict()
        self._signing: ThreadPoolExecutor | None = None

    def make(self, conn: Connection, mailing: Mailing, claims: Sequence[Claimed]) -> Made:
        """Parcels for claims of one mailing.

        Raises ``InputError`` or ``StorageError`` when the letter itself cannot be used: then nothing was made.
        """
        kit = self._kit(conn, mailing)
        filled = self._deps.slots.fill(conn, mailing, [claim.recipient for claim in claims])
        made = Made()
        for claim in claims:
            values = filled.get(claim.recipient)
            if values is None or not claim.address:
                made.erased.append(claim)
                continue
            try:
                made.parcels.append((claim, _parcel(kit, mailing, claim, values)))
            except InputError as error:
                made.broken.append((claim, str(error)))
        if kit.sign is not None:
            self._sign(kit.sign, made)
        return made

    def close(self) -> None:
        """End the signing threads."""
        if self._signing:
            self._signing.shutdown()

    def _sign(self, sign: Sign, made: Made) -> None:
        """RSA gives the interpreter free, so two threads sign on two cores."""
        if self._signing is None:
            self._signing = ThreadPoolExecutor(_SIGNERS, thread_name_prefix="dkim")
        halves = [made.parcels[start::_SIGNERS] for start in range(_SIGNERS)]
        signed = self._signing.map(lambda half: [_signed(sign, *item) for item in half], halves)
        made.parcels = sorted((item for half in signed for item in half), key=lambda item: item[0].delivery)

    def _kit(self, conn: Connection, mailing: Mailing) -> _Kit:
        known = self._kits.get(mailing.id)
        if known is None:
            known = self._kits[mailing.id] = self._make_kit(conn, mailing)
            if len(self._kits) > _KEPT:
                self._kits.popitem(last=False)
        self._kits.move_to_end(mailing.id)
        return known

    def _make_kit(self, conn: Connection, mailing: Mailing) -> _Kit:
        composer = Composer(archive.letter(conn, mailing.spec.snapshot))
        keys = self._deps.keyring.with_id(mailing.identity.key_id)
        if not keys:
            raise SettingsError("the secret key that this mailing was begun with is not in POSTILJON_SECRET_KEYS")
        address = composer.letter.from_address
        return _Kit(composer, keys[0], address.rpartition("@")[2], address, self._signer(mailing))

    def _signer(self, mailing: Mailing) -> Sign | None:
        """A mailing that was begun signed is signed to its end, by the same domain.

        The key may have been renewed meanwhile, with its selector (B44): both keys stand in DNS then.
        """
        identity, settings = mailing.identity, self._deps.settings
        if not identity.dkim_selector:
            return None
        pem = settings.dkim_pem()
        if pem is None:
            raise SettingsError(KEY_GONE)
        if _domain(identity.dkim_domain) != _domain(settings.dkim_domain):
            raise SettingsError(DOMAIN_CHANGED.format(begun=identity.dkim_domain, now=settings.dkim_domain))
        return Signer(pem, settings.dkim_selector, settings.dkim_domain).sign_composed


def _domain(text: str) -> str:
    return text.lower().removesuffix(".")


def _signed(sign: Sign, claim: Claimed, parcel: Parcel) -> tuple[Claimed, Parcel]:
    return claim, parcel._replace(content=sign(parcel.content, claim.first_claimed_at))


def _parcel(kit: _Kit, mailing: Mailing, claim: Claimed, filled: Filled) -> Parcel:
    token = Token(Purpose.MESSAGE_ID, mailing.id, claim.recipient)
    stamp = Stamp(
        address=claim.address,
        date=claim.first_claimed_at,
        message_id=f"{to_text(seal(kit.key, token))}@{kit.host}",
        name=filled.name,
        unsubscribe_url=filled.unsubscribe_url,
        unsubscribe_mailto=filled.unsubscribe_mailto,
    )
    content = kit.composer.message(filled.values, stamp)
    return_path = mailing.identity.return_path
    sender = make_return_path(return_path, kit.key, mailing.id, claim.recipient) if return_path else kit.from_address
    return Parcel(claim.delivery, sender, claim.address, content, not (sender.isascii() and claim.address.isascii()))
