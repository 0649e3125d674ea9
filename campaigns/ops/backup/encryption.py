"""The age format (age-encryption.org/v1) for archives: the only module that knows pyrage.

An archive is encrypted for a key of its own, as a stream; that key is encrypted with the passphrase (scrypt). So
``age -d -i key.age FILE`` opens it without Postiljon. Promises: a byte that was changed or is missing is found. The
passphrase is in no error. Raises ``WrongPassphrase``, ``BrokenArchive``, and the ``OSError`` of the files.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pyrage
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from campaigns.ops.backup.tar_stream import BrokenArchive
from mailer import files
from mailer.errors import SettingsError
from mailer.messages import Message

_LONGEST = 10_000  # bytes of a file with a passphrase
LARGEST_KEY = 10_000  # bytes of an encrypted key
COST = 17  # of scrypt, as its logarithm: 128 MB of memory, the least that OWASP advises
_SCRYPT = b"age-encryption.org/v1/scrypt"


class WrongPassphrase(ValueError):
    """The key of the archive does not open with this passphrase."""


class Passphrase:
    """A passphrase; shown nowhere."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def closed(self, key: bytes) -> bytes:
        """Encrypt a key: the age format with one scrypt recipient and a payload of one chunk.

        pyrage would do the same, but chooses a cost by the speed of the machine: 535 MB of memory on a usual one, where
        a small server is killed for it. What is written here is read back by pyrage each time.
        """
        file_key, salt, nonce = secrets.token_bytes(16), secrets.token_bytes(16), secrets.token_bytes(16)
        scrypt = Scrypt(salt=_SCRYPT + salt, length=32, n=1 << COST, r=8, p=1)
        wrapped = ChaCha20Poly1305(scrypt.derive(self._text.encode())).encrypt(bytes(12), file_key, None)
        head = b"age-encryption.org/v1\n-> scrypt %b %d\n%b\n---" % (_base64(salt), COST, _base64(wrapped))
        mac = hmac.digest(_derived(file_key, b"", b"header"), head, "sha256")
        last = bytes(11) + b"\x01"  # the nonce of a chunk: its number, and a mark that it is the last
        payload = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(last, key, None)
        return b"%b %b\n%b%b" % (head, _base64(mac), nonce, payload)

    def opened(self, key: bytes) -> bytes:
        """Decrypt a key. Raises ``WrongPassphrase``."""
        try:
            return bytes(pyrage.passphrase.decrypt(key, self._text))
        except pyrage.DecryptError:
            raise WrongPassphrase from None


def passphrase_in(path: Path) -> Passphrase:
    """Read the one line of a passphrase file. Raises ``SettingsError``, which repeats no part of it."""
    try:
        text = files.read(path, _LONGEST).decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SettingsError(Message("the file with the passphrase {path} is not text in UTF-8", path=path)) from None
    except (OSError, ValueError) as error:
        words = Message("the file with the passphrase {path} cannot be read: {why}")
        why = getattr(error, "strerror", "") or Message("that is not the name of a file")
        raise SettingsError(words.format(path=path, why=why)) from None
    if not text.strip() or "\n" in text:
        raise SettingsError(Message("{path}: expected a file with one line: the passphrase", path=path))
    return Passphrase(text)


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt or None, info).derive(key)


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


class _Source:
    """Chunks, read as a file. The first error is kept, since pyrage reports it as one of its own."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._rest = iter(chunks), b""
        self.error: Exception | None = None

    def read(self, size: int = -1, /) -> bytes:
        try:
            while not self._rest:
                self._rest = next(self._chunks)
        except StopIteration:
            return b""
        except Exception as error:
            self.error = error
            raise
        found, self._rest = (self._rest[:size], self._rest[size:]) if size >= 0 else (self._rest, b"")
        return found


class _Target:
    """A file that is written; the first error is kept."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self.error: Exception | None = None

    def write(self, data: bytes) -> int:
        try:
            self._write(data)
        except Exception as error:
            self.error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Do nothing: the file is flushed by its owner."""


class ArchiveKey:
    """A new key for one archive. ``closed``: the same, encrypted with the passphrase."""

    def __init__(self, passphrase: Passphrase) -> None:
        self._identity = pyrage.x25519.Identity.generate()
        self.closed = passphrase.closed(f"{self._identity}\n".encode())

    def encrypt(self, chunks: Iterator[bytes], write: Callable[[bytes], object]) -> None:
        """Encrypt a stream. Raises the errors of ``chunks`` and of ``write``."""
        source, target = _Source(chunks), _Target(write)
        try:
            pyrage.encrypt_io(source, target, [self._identity.to_public()])
        except pyrage.EncryptError as error:
            raise source.error or target.error or BrokenArchive(str(error)) from None


def decrypted(source: BinaryIO, write: Callable[[bytes], object], key: bytes, passphrase: Passphrase) -> None:
    """Decrypt a stream whose encrypted key is ``key``."""
    try:
        identity = pyrage.x25519.Identity.from_str(passphrase.opened(key).decode().strip())
    except (pyrage.IdentityError, UnicodeDecodeError):
        raise BrokenArchive(Message("the key in it is none")) from None
    target = _Target(write)
    try:
        pyrage.decrypt_io(source, target, [identity])
    except (pyrage.DecryptError, OSError) as error:
        raise target.error or BrokenArchive(str(error)) from None
