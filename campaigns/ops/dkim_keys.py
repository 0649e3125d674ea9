"""DKIM keys as files: made once with mode 0600, read again for their DNS record.

Promises: :func:`make_or_read` never overwrites a file, and makes nothing for a selector or domain that cannot be used.
Raises ``SettingsError`` for a file that is no key, or a key that is too short (2048 bits or more; B37).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mailer import files
from mailer.errors import SettingsError
from mailer.letter.dkim import Signer, dns_record, dns_strings, new_key
from mailer.messages import Message
from mailer.settings import MailerSettings

FIRST_SELECTOR = "postiljon"
_LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """The key asked for: its file and the two halves of its name in DNS."""

    path: Path
    selector: str
    domain: str


@dataclass(frozen=True, slots=True)
class Published:
    """An existing key: whether it was made just now, and its name and record for DNS."""

    made: bool
    name: str
    record: str

    @property
    def zone_line(self) -> str:
        """The record as a zone file has it, in strings of 255 bytes at most (RFC 1035 section 3.3.14)."""
        strings = " ".join(f'"{part}"' for part in dns_strings(self.record))
        return f"{self.name}. IN TXT ( {strings} )"


def wanted(
    settings: MailerSettings, selector: str = "", domain: str = "", path: Path | None = None
) -> KeyRequest | None:
    """Return the key that is meant, from the settings where an argument is missing; None: no domain is known."""
    domain = domain or settings.dkim_domain
    chosen = selector or settings.dkim_selector or FIRST_SELECTOR
    same = settings.dkim_key if chosen == settings.dkim_selector else None
    return KeyRequest(path or same or Path(f"dkim-{chosen}.pem"), chosen, domain) if domain else None


def make_or_read(key: KeyRequest) -> Published:
    """Return the key in the file; it is made if there is none."""
    made = not key.path.exists()
    if made and not key.path.parent.is_dir():
        raise SettingsError(Message("there is no folder {folder}; make it first", folder=key.path.parent))
    pem = new_key() if made else _read(key.path)
    signer = Signer(pem, key.selector, key.domain)
    if made:
        _write(key.path, pem)
    return Published(made, signer.dns_name, dns_record(pem))


def _read(path: Path) -> bytes:
    try:
        return files.read(path, _LONGEST)
    except OSError as error:
        raise SettingsError(Message("{path} cannot be read: {why}", path=path, why=error.strerror)) from None


def _write(path: Path, pem: bytes) -> None:
    try:
        with os.fdopen(files.create(path), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SettingsError(Message("{path} cannot be written: {why}", path=path, why=error.strerror)) from None
