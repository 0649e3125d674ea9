"""Keys, keyed hashes and tokens: bytes in, bytes out.

Promises: a token contains its purpose, mailing and recipient, and the id of its key. With one changed byte, another
purpose or another key, :func:`unseal` raises ``TokenError``. The sizes are fixed, 27 and 36 bytes, so that base64url
has no spare bits (36 and 48 characters). The key id is derived from the key itself, so that adding and
dropping keys renumbers nothing. If two keys share an id, both are tried. A token is verified without the database.

Success does not mean that the mailing or the recipient still exists.

Source of the primitive: HMAC-SHA-256 (RFC 2104, RFC 6234), truncated to 128 bits (RFC 2104 section 5).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any

from mailer.errors import SettingsError, TokenError

VERSION = 1
_TO_URL = bytes.maketrans(b"+/", b"-_")
_BASE32 = [high + low for high in "abcdefghijklmnopqrstuvwxyz234567" for low in "abcdefghijklmnopqrstuvwxyz234567"]
_TO_BASE32 = b"abcdefghijklmnopqrstuvwxyz234567" * 8
_IN_FIVES, _IN_EIGHTS = struct.Struct(">5s5s5s5s5s2s").unpack, struct.Struct(">3x5s3x5s3x5s3x5s3x5s3x5s").pack
_HALVES = [
    (int.from_bytes(upper.to_bytes(8, "big") * 6, "big"), int.from_bytes(lower.to_bytes(8, "big") * 6, "big"), by)
    for upper, lower, by in (
        (0x000000FFFFF00000, 0x00000000000FFFFF, 12),
        (0x000FFC00000FFC00, 0x000003FF000003FF, 6),
        (0x03E003E003E003E0, 0x001F001F001F001F, 3),
    )
]
_HEAD = struct.Struct(">BBIBI")  # version and purpose, key id, mailing, recipient (40 bits as 8 + 32)
_PREFIX = struct.Struct(">BBI")
_SHORT = struct.Struct(">IBI")  # expiry (UNIX seconds), subject (40 bits as 8 + 32)
_MAC = 16
LONG_SIZE = _HEAD.size + _MAC
SHORT_SIZE = _HEAD.size + _SHORT.size + _MAC
MAX_MAILING = 2**32 - 1
MAX_NUMBER = 2**40 - 1
TEXT_SIZE = 36  # base64url characters (letters, digits, - and _) of a token that does not expire
_TOO_LARGE = "a number does not fit into a token"


class Purpose(IntEnum):
    """The purpose of a token. A number is never reused for another purpose. At most 31."""

    OPT_OUT = 1  # /u/, also the List-Unsubscribe address: can only take subscriptions away
    DETAILS = 2  # /d/: shows the masked address and the form; outputs no other stored data
    RETURN_PATH = 3  # local part of the envelope sender: bounces
    MESSAGE_ID = 4  # left side of the Message-ID: identifies a reply or report, permits nothing
    MAILTO_OPT_OUT = 5  # local part of the mailto: in List-Unsubscribe
    UNDO = 6  # short-lived: undo an opt-out
    LESS_OFTEN = 7  # short-lived
    PAUSE = 8  # short-lived
    TOPICS = 9  # short-lived
    CONFIRM = 10  # short-lived: double opt-in
    UNDO_CHANGE = 11  # short-lived: undo a change of details, in the mail that announces it
    ADDRESS_NEW = 12  # short-lived: confirm a new address, sent to the new one
    ADDRESS_KEEP = 13  # short-lived: refuse a change of address, sent to the old one
    MY_DATA = 14  # short-lived: show the stored data about the contact
    ERASE = 15  # short-lived
    REASON = 16  # short-lived: give the reason of an opt-out
    ADDRESS_AGREE = 17  # short-lived: agree to a change of address, sent to the old one; earlier this was 13 too


LETTER_TOKENS = (Purpose.OPT_OUT, Purpose.DETAILS, Purpose.MESSAGE_ID)
"""Purposes of the tokens in every campaign letter, in the order of :func:`letter_sealer`."""


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key. ``id`` (0-255) is derived from the secret, not from its place in a list."""

    id: int
    _inner: Any = field(repr=False, compare=False)
    _outer: Any = field(repr=False, compare=False)

    @classmethod
    def of(cls, secret: bytes) -> Key:
        """Make a key of 32 secret bytes; raises ``SettingsError`` for any other length."""
        if len(secret) != 32:
            raise SettingsError(f"a secret key has 32 bytes, this one {len(secret)}; make one with 'postiljon init'")
        derived = hmac.digest(secret, b"postiljon token key v1", "sha256")
        block = derived.ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        return cls(hashlib.sha256(b"postiljon key id" + derived).digest()[0], inner, outer)

    @property
    def inner(self) -> Callable[[], Any]:
        """A function that copies the inner hash, which has the key as its first block."""
        return self._inner.copy  # type: ignore[no-any-return]

    @property
    def outer(self) -> Callable[[], Any]:
        """A function that copies the outer hash, which has the key as its first block."""
        return self._outer.copy  # type: ignore[no-any-return]

    def mac(self, message: bytes) -> bytes:
        """Return the first 16 bytes of HMAC-SHA-256. The key is hashed once: 0.6 us a call (``hmac.digest``: 2.6)."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        mac: bytes = outer.digest()[:_MAC]
        return mac


@dataclass(frozen=True, slots=True)
class Keyring:
    """Signing keys, newest first. The first one signs; all of them verify, for years."""

    keys: tuple[Key, ...]

    @classmethod
    def of(cls, secrets: Iterable[bytes]) -> Keyring:
        """Return a ring of 32-byte secrets, newest first; raises ``SettingsError`` when there is none."""
        keys = tuple(Key.of(secret) for secret in secrets)
        if not keys:
            raise SettingsError("POSTILJON_SECRET_KEYS is empty; 'postiljon init' makes one")
        return cls(keys)

    @property
    def current(self) -> Key:
        """The key that signs."""
        return self.keys[0]

    def with_id(self, key_id: int) -> tuple[Key, ...]:
        """Return all keys with that id, newest first; more than one only by chance."""
        return tuple(key for key in self.keys if key.id == key_id)


@dataclass(frozen=True, slots=True)
class Token:
    """The content of a token. ``expires`` (UNIX seconds) and ``subject`` are 0 in a token that does not expire."""

    purpose: Purpose
    mailing: int
    recipient: int
    expires: int = 0
    subject: int = 0


def seal(key: Key, token: Token) -> bytes:
    """Seal ``token`` under ``key``: 27 bytes, or 36 if it expires. Raises ``ValueError`` for a number out of range."""
    if not (
        0 <= token.mailing <= MAX_MAILING and 0 <= token.recipient <= MAX_NUMBER and 0 <= token.subject <= MAX_NUMBER
    ):
        raise ValueError(_TOO_LARGE)
    if token.subject and not token.expires:
        raise ValueError("only a token that expires has a subject")
    recipient = token.recipient
    body = _HEAD.pack(VERSION << 5 | token.purpose, key.id, token.mailing, recipient >> 32, recipient & 0xFFFFFFFF)
    if token.expires:
        body += _SHORT.pack(token.expires, token.subject >> 32, token.subject & 0xFFFFFFFF)
    return body + key.mac(body)


def sealer(key: Key, purpose: Purpose, mailing: int) -> Callable[[int], bytes]:
    """Return a function like :func:`seal` for many recipients of one mailing; it hashes the common part once.

    It takes half the time. Raises ``ValueError`` for a mailing out of range; the function does for a recipient.
    """
    prefix, inner = _begun(key, purpose, mailing)
    outer = key.outer

    def seal_one(recipient: int) -> bytes:
        tail = _tail(recipient)
        hashed, mac = inner(), outer()
        hashed.update(tail)
        mac.update(hashed.digest())
        sealed: bytes = prefix + tail + mac.digest()[:_MAC]
        return sealed

    return seal_one


def letter_sealer(key: Key, mailing: int) -> Callable[[int], bytes]:
    """Return a function from recipient to the three tokens in a letter, each in the form of :func:`to_text`.

    They are ``LETTER_TOKENS`` in that order, 36 ASCII characters each, 108 bytes together. One base64 call encodes all
    three, since 27 bytes leave no bits over. Raises as :func:`sealer`.
    """
    (first, inner1), (second, inner2), (third, inner3) = (_begun(key, purpose, mailing) for purpose in LETTER_TOKENS)
    outer, encode = key.outer, binascii.b2a_base64

    def seal_three(recipient: int) -> bytes:
        tail = _tail(recipient)
        hashed, mac1 = inner1(), outer()
        hashed.update(tail)
        mac1.update(hashed.digest())
        hashed, mac2 = inner2(), outer()
        hashed.update(tail)
        mac2.update(hashed.digest())
        hashed, mac3 = inner3(), outer()
        hashed.update(tail)
        mac3.update(hashed.digest())
        one, two, three = mac1.digest()[:_MAC], mac2.digest()[:_MAC], mac3.digest()[:_MAC]
        sealed = b"".join((first, tail, one, second, tail, two, third, tail, three))
        text: bytes = encode(sealed, newline=False).translate(_TO_URL)
        return text

    return seal_three


def _begun(key: Key, purpose: Purpose, mailing: int) -> tuple[bytes, Callable[[], Any]]:
    """Return the common prefix of a mailing's tokens, and a function that copies the inner hash of that prefix."""
    if not 0 <= mailing <= MAX_MAILING:
        raise ValueError(_TOO_LARGE)
    prefix = _PREFIX.pack(VERSION << 5 | purpose, key.id, mailing)
    hashed = key.inner()
    hashed.update(prefix)
    return prefix, hashed.copy


def _tail(recipient: int) -> bytes:
    """Return a recipient's number in its form in a token: 40 bits."""
    try:
        return recipient.to_bytes(5, "big")
    except OverflowError:
        raise ValueError(_TOO_LARGE) from None


def unseal(ring: Keyring, data: bytes, purpose: Purpose) -> Token:
    """Return the content of ``data``, if a key of ``ring`` sealed it for ``purpose``; else raise ``TokenError``.

    The caller, which has the clock, must check the expiry.
    """
    if len(data) not in (LONG_SIZE, SHORT_SIZE):
        raise TokenError("this link is damaged")
    body, mac = data[:-_MAC], data[-_MAC:]
    first, key_id, mailing, high, low = _HEAD.unpack_from(body)
    genuine = False
    for key in ring.with_id(key_id):
        genuine |= hmac.compare_digest(key.mac(body), mac)
    if not genuine or first != (VERSION << 5 | purpose):
        raise TokenError("this link is not one of ours, or does something else")
    expires, subject_high, subject = _SHORT.unpack_from(body, _HEAD.size) if len(data) == SHORT_SIZE else (0, 0, 0)
    return Token(purpose, mailing, high << 32 | low, expires, subject_high << 32 | subject)


def to_text(data: bytes) -> str:
    """Encode as base64url without padding (RFC 4648 section 5), for paths of URLs."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).decode("ascii").rstrip("=")


def from_text(text: str) -> bytes:
    """Decode a canonical text of :func:`to_text`; raises ``TokenError`` for any other text."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenError("this link is damaged") from error
    if to_text(data) != text:
        raise TokenError("this link is damaged")
    return data


def to_local_part(data: bytes) -> str:
    """Encode as lower-case base32 without padding (RFC 4648 section 6), for local parts, which get lower-cased."""
    if len(data) == LONG_SIZE:
        return _spread(data)
    characters = -(-8 * len(data) // 5)
    pairs = -(-characters // 2)
    number = int.from_bytes(data, "big") << 10 * pairs - 8 * len(data)
    text = "".join([_BASE32[number >> place & 1023] for place in range(10 * pairs - 10, -1, -10)])
    return text[:characters]


def _spread(data: bytes) -> str:
    """Encode the 27 bytes of a token in a letter like :func:`to_local_part`, moving all groups of five bits at once.

    Five bytes (eight characters) are spread over eight, then each half is split until every byte has five bits.
    """
    number = int.from_bytes(_IN_EIGHTS(*_IN_FIVES(data)), "big")
    for upper, lower, by in _HALVES:
        number = (number & upper) << by | number & lower
    return number.to_bytes(48, "big").translate(_TO_BASE32)[:44].decode("ascii")


def from_local_part(text: str) -> bytes:
    """Decode a canonical text of :func:`to_local_part`, in any case; raises ``TokenError`` for any other text."""
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError) as error:
        raise TokenError("this address is damaged") from error
    if to_local_part(data) != text.lower():
        raise TokenError("this address is damaged")
    return data


def address_hash(pepper: bytes, address_key: str) -> bytes:
    """Return the 16-byte hash of an address in ``suppression`` (D11). ``address_key``: from ``address.key_of``."""
    states = _hash_states(pepper)
    inner, outer = states[0].copy(), states[1].copy()
    inner.update(address_key.encode("utf-8"))
    outer.update(inner.digest())
    hashed: bytes = outer.digest()[:_MAC]
    return hashed


@lru_cache(maxsize=4)
def _hash_states(pepper: bytes) -> tuple[Any, Any]:
    """Return the inner and outer HMAC-SHA-256 states of the common prefix; an import hashes a million (RFC 2104)."""
    block = (pepper if len(pepper) <= 64 else hashlib.sha256(pepper).digest()).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + b"postiljon address v1\0")
    return inner, hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


def fingerprint(secret: bytes) -> bytes:
    """Return 16 bytes that identify a secret without storing it."""
    return hmac.digest(secret, b"postiljon fingerprint v1", "sha256")[:_MAC]
