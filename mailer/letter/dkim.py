"""DKIM signatures over finished bytes (RFC 6376, RFC 8301; standards B37-B44), RSA-SHA-256, relaxed/relaxed.

Promises: :meth:`Signer.sign` puts one DKIM-Signature in front and changes nothing else. It covers every header of
``SIGNED`` that is present, List-Unsubscribe and List-Unsubscribe-Post among them (B2). It names those of ``OVERSIGNED``
once more, so that no further one can be added (B41; ``oversign=False`` for verifiers that cannot handle it). There is
no ``l=`` (B40) and no ``x=``: a retry days later still verifies (B43). Several threads may use a signer at once, and
the arithmetic runs outside Python's lock. The same message, key and second give the same bytes.

Raises ``SettingsError`` for a key, selector or domain that cannot be used, ``InputError`` for bytes that are no
message. Success does not mean that the key is in the DNS (:func:`matches` compares a record that the caller has
fetched).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from binascii import b2a_base64
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from mailer.address import parse
from mailer.errors import AddressError, InputError, SettingsError
from mailer.messages import Message, joined

BAD_SELECTOR = Message(
    "POSTILJON_DKIM_SELECTOR: {found} is not a selector; expected letters and digits, such as news2026"
)
TOO_SHORT = Message("POSTILJON_DKIM_KEY: {bits} bits; expected {least} or more. 'postiljon dkim key' makes a new one")
MIN_BITS = 2048
OVERSIGNED = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
SIGNED = (
    *OVERSIGNED,
    "Cc",
    "Sender",
    "In-Reply-To",
    "References",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Help",
    "List-Owner",
    "List-Post",
    "List-Archive",
    "List-Subscribe",
    "Feedback-ID",
    "CFBL-Address",
    "CFBL-Feedback-ID",
    "Auto-Submitted",
)
_SPELLED = {name.lower().encode("ascii"): name for name in SIGNED}
_SELECTOR = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_HEADER_END = re.compile(rb"\r\n(?![ \t])")
_NAME = re.compile(rb"[!-9;-~]+")
_WSP = re.compile(rb"[ \t]+")
_WSP_AT_END = re.compile(rb" \r\n")
_PADDING, _HASH = PKCS1v15(), SHA256()
_CACHED = 256


class Signer:
    """Signs messages with one key, as one selector of one domain."""

    def __init__(self, key_pem: bytes, selector: str, domain: str, *, oversign: bool = True) -> None:
        self._key = _load(key_pem)
        if not _SELECTOR.fullmatch(selector) or len(selector) > 63:
            raise SettingsError(BAD_SELECTOR.format(found=repr(selector[:80])))
        try:
            self.domain = parse(f"postmaster@{domain}").domain
        except AddressError as error:
            raise SettingsError(joined(": ", ["POSTILJON_DKIM_DOMAIN", str(error)])) from error
        self.selector = selector
        self._extra = OVERSIGNED if oversign else ()
        self._canonical: dict[bytes, tuple[bytes, bytes]] = {}
        self._starts: dict[bytes, tuple[tuple[bytes, ...], bytes, bytes]] = {}

    @property
    def dns_name(self) -> str:
        """The DNS name of the public key (RFC 6376 section 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    def sign(self, message: bytes, at: datetime) -> bytes:
        """Return the message (CRLF throughout) with its DKIM-Signature in front; ``t=`` is ``at``, to the second."""
        head, body = _halves(message)
        return self._signature(head, canonical_body(body), at) + message

    def sign_composed(self, message: bytes, at: datetime) -> bytes:
        """Return the result of :meth:`sign`, faster, for bytes of ``Composer.message``.

        Such a body is its own canonical form (``encode.quoted_printable``), so it need not be searched.
        """
        return self._signature(*_halves(message), at) + message

    def _signature(self, head: bytes, body: bytes, at: datetime) -> bytes:
        """Return the DKIM-Signature header with its CRLF, over headers and a canonical body."""
        if at.tzinfo is None:
            raise InputError("a signature needs a time with a zone")
        headers = [self._header(raw) for raw in _HEADER_END.split(head)]
        names = b":".join([name for name, _ in headers])
        order, raw_start, canonical_start = self._starts.get(names) or self._remember(names)
        found = dict(headers)
        body_hash = b2a_base64(hashlib.sha256(body).digest(), newline=False)
        end = b"t=%d; bh=%s;" % (int(at.timestamp()), body_hash)
        signed = b"".join([found[name] for name in order]) + canonical_start + end + b" b="
        signature = b2a_base64(self._key.sign(signed, _PADDING, _HASH), newline=False)
        folded = b"\r\n ".join([signature[place : place + 72] for place in range(0, len(signature), 72)])
        return b"".join((raw_start, end, b"\r\n b=", folded, b"\r\n"))

    def _header(self, raw: bytes) -> tuple[bytes, bytes]:
        """Return lower-case name and relaxed form (RFC 6376 section 3.4.2) with CRLF; constant headers are cached."""
        known = self._canonical.get(raw)
        if known is None:
            known = _relaxed_header(raw)
            if len(self._canonical) < _CACHED and known[0] not in _PERSONAL:
                self._canonical[raw] = known
        return known

    def _remember(self, names: bytes) -> tuple[tuple[bytes, ...], bytes, bytes]:
        """Return the headers to hash for a message with ``names``, and the beginning of its DKIM-Signature."""
        present = names.split(b":")
        for name in present:
            if name in _SPELLED and present.count(name) > 1:
                raise InputError(f"the header {_SPELLED[name]} stands there more than once")
        if b"from" not in present:
            raise InputError("a message without From cannot be signed")
        order = tuple(key for key in _SPELLED if key in present)
        listed = [name for key, name in _SPELLED.items() for _ in range((key in present) + (name in self._extra))]
        start = (
            f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={self.domain};\r\n s={self.selector};\r\n h={_fold(listed)};\r\n "
        )
        unfolded = start.replace("\r\n ", " ")
        known = (order, f"DKIM-Signature: {start}".encode("ascii"), f"dkim-signature:{unfolded}".encode("ascii"))
        if len(self._starts) < _CACHED:
            self._starts[names] = known
        return known


_PERSONAL = frozenset({b"to", b"subject", b"date", b"message-id", b"list-unsubscribe"})


def canonical_body(body: bytes) -> bytes:
    """Return the relaxed form of a body (RFC 6376 section 3.4.4).

    A body of ``Composer.message`` already has this form; quick checks confirm it.
    """
    if b"  " in body or b"\t" in body or b" \r\n" in body or body.endswith(b" "):
        body = _WSP_AT_END.sub(b"\r\n", _WSP.sub(b" ", body))
        body = body[:-1] if body.endswith(b" ") else body
    if body.endswith(b"\r\n") and not body.endswith(b"\r\n\r\n") and body != b"\r\n":
        return body
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n" if body else b""


def _halves(message: bytes) -> tuple[bytes, bytes]:
    head, separator, body = message.partition(b"\r\n\r\n")
    if not separator:
        raise InputError("there is nothing to sign: no empty line after the headers")
    return head, body


def new_key(bits: int = MIN_BITS) -> bytes:
    """Return a new private RSA key as PEM (PKCS #8)."""
    key = generate_private_key(public_exponent=65537, key_size=max(bits, MIN_BITS))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def dns_record(key_pem: bytes) -> str:
    """Return the text of the TXT record for a private key (RFC 6376 section 3.6.1)."""
    return f"v=DKIM1; k=rsa; p={base64.b64encode(_public(key_pem)).decode('ascii')}"


def dns_strings(record: str) -> list[str]:
    """Return a record cut into strings of 255 at most, as a zone file needs them (B44; RFC 1035 section 3.3.14)."""
    return [record[place : place + 255] for place in range(0, len(record), 255)]


def matches(record: str, key_pem: bytes) -> bool:
    """Return whether a TXT record from the DNS holds the public part of this private key."""
    tags = dict(part.strip().split("=", 1) for part in record.split(";") if "=" in part)
    given = {name.strip(): "".join(value.split()) for name, value in tags.items()}
    if given.get("v", "DKIM1") != "DKIM1" or given.get("k", "rsa") != "rsa":
        return False
    try:
        return base64.b64decode(given.get("p", ""), validate=True) == _public(key_pem)
    except (binascii.Error, ValueError):
        return False


def _public(key_pem: bytes) -> bytes:
    return _load(key_pem).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _load(key_pem: bytes) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError(Message("POSTILJON_DKIM_KEY: not a private key in PEM form without a password")) from None
    if not isinstance(key, RSAPrivateKey):
        raise SettingsError(Message("POSTILJON_DKIM_KEY: not an RSA key; 'postiljon dkim key' makes one"))
    if key.key_size < MIN_BITS:
        raise SettingsError(TOO_SHORT.format(bits=key.key_size, least=MIN_BITS))
    return key


def _relaxed_header(raw: bytes) -> tuple[bytes, bytes]:
    start, colon, value = raw.partition(b":")
    name = start.rstrip(b" \t").lower()
    if not colon or not _NAME.fullmatch(name):
        raise InputError("a line among the headers is none")
    if b"\r\n" in value:
        value = value.replace(b"\r\n", b"")
    if b"  " in value or b"\t" in value:
        value = _WSP.sub(b" ", value)
    return name, name + b":" + value.strip(b" ") + b"\r\n"


def _fold(names: list[str]) -> str:
    """Return ``From:From:To`` over lines of 76 at most (FWS is allowed around the colons)."""
    lines, current = [], " h="
    for index, name in enumerate(names):
        part = name if index == len(names) - 1 else f"{name}:"
        if len(current) + len(part) > 74:
            lines.append(current)
            current = " "
        current += part
    return "\r\n".join([*lines, current]).removeprefix(" h=")
