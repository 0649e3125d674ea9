"""The age format (age-encryption.org/v1) for archives: the only module that knows pyrage.

An archive is encrypted for a key of its own, as a stream; that key is encrypted with the passphrase (scrypt). So
``age -d -i key.age FILE`` opens it without Postiljon. Promises: a byte that was changed or is missing is found. The
passphrase is in no error. Raises ``WrongPassphrase``, ``BrokenArchive``, and the ``OSError`` of the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pyrage

from campaigns.ops.backup.tar_stream import BrokenArchive
from mailer import files
from mailer.errors import SettingsError
from mailer.messages import Message

_LONGEST = 10_000  # bytes of a file with a passphrase
LARGEST_KEY = 10_000  # bytes of an encrypted key


class WrongPassphrase(ValueError):
    """The key of the archive does not open with this passphrase."""


class Passphrase:
    """A passphrase; shown nowhere."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def closed(self, key: bytes) -> bytes:
        """Encrypt a key."""
        return bytes(pyrage.passphrase.encrypt(key, self._text))

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
