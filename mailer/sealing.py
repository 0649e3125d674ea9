"""Sealed texts: values that must come back in clear (a password of a relay, the secret of a second factor), encrypted.

Promises: a sealed text is of use only with the secret key that sealed it and for the purpose that it was sealed for; a
changed byte, another purpose or another key raises ``SettingsError``. Keys rotate: the newest seals, all unseal. Pure
but for the random nonce.

Source: ChaCha20-Poly1305 (RFC 8439), with a key derived from the signing key by HMAC (RFC 2104).
"""

from __future__ import annotations

import base64
import binascii
import os

from mailer.errors import SettingsError
from mailer.messages import Message
from mailer.signing import Key, Keyring

VERSION = 1
_NONCE, _TAG = 12, 16


def seal(keyring: Keyring, purpose: str, text: str) -> str:
    """Return ``text`` encrypted for ``purpose``, in base64url."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    key, nonce = keyring.current, os.urandom(_NONCE)
    head = bytes([VERSION, key.id])
    sealed = ChaCha20Poly1305(_derived(key)).encrypt(nonce, text.encode(), head + purpose.encode())
    return base64.urlsafe_b64encode(head + nonce + sealed).decode()


def unseal(keyring: Keyring, purpose: str, sealed: str) -> str:
    """Return the text that :func:`seal` encrypted. Raises ``SettingsError``."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        data = base64.urlsafe_b64decode(sealed)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) < 2 + _NONCE + _TAG or data[0] != VERSION:
        raise SettingsError(Message("a sealed value in the database is damaged; set it again"))
    head, nonce, content = data[:2], data[2 : 2 + _NONCE], data[2 + _NONCE :]
    for key in keyring.with_id(head[1]):
        try:
            return ChaCha20Poly1305(_derived(key)).decrypt(nonce, content, head + purpose.encode()).decode()
        except InvalidTag:
            continue
    raise SettingsError(
        Message("a sealed value in the database needs a secret key that is not in POSTILJON_SECRET_KEYS; set it again")
    )


def _derived(key: Key) -> bytes:
    """Return 32 bytes for encryption; no token is as long as these messages, so no MAC of one is part of them."""
    return key.mac(b"postiljon sealing key v1, first half") + key.mac(b"postiljon sealing key v1, second half")
