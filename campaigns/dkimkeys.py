"""DKIM keys as files: made once with mode 0600, read again for their DNS record.

Raises ``SettingsError`` for a file that is no key, or one that is too short (2048 bits or more).
"""

from __future__ import annotations

import os
from pathlib import Path

from mailer.letter.dkim import dns_record, new_key

from mailer.errors import SettingsError


def make_or_read(path: Path) -> tuple[bool, str]:
    """Whether a key was made, and the DNS record of the key in ``path``. Never writes over a file."""
    if path.exists():
        return False, dns_record(read(path))
    pem = new_key()
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return True, dns_record(pem)


def read(path: Path) -> bytes:
    """The key in a file; raises ``SettingsError`` when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"POSTILJON_DKIM_KEY: {path} cannot be read: {error.strerror}") from None
