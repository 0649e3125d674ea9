"""The files that ``service install`` writes for other programs: units of systemd, and blocks for nginx and Caddy.

Promises: the text of each file is in ``files/``, and the pages of the documentation show the same text (tested). A
written file begins with a seal, a checksum of the rest. So a file that an administrator changed is recognised without
a record elsewhere: :func:`is_unchanged`. Nothing here touches the machine.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

FILES = Path(__file__).parent / "files"
_SEAL = re.compile(r"\A# Written by 'postiljon service install'\. Your changes are kept\. Seal: ([0-9a-f]{16})\n")
_DIGITS = 16


def filled(file: str, /, **values: object) -> str:
    """Return the text of a file with its places, such as ``{port}``, filled; other braces stay as they are."""
    text = (FILES / file).read_text("utf-8")
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", str(value))
    return text


def sealed(body: str) -> str:
    """Return the text with its seal in front."""
    return f"# Written by 'postiljon service install'. Your changes are kept. Seal: {_checksum(body)}\n{body}"


def is_unchanged(text: str) -> bool:
    """Return whether a text is exactly as some version of ``service install`` wrote it."""
    seal = _SEAL.match(text)
    return bool(seal) and seal[1] == _checksum(text[seal.end() :]) if seal else False


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:_DIGITS]
