"""The mark of a restore that has not ended: until it has, nothing else uses the installation.

Promises: :func:`refuse` raises ``StateHeld`` while the mark is there. The mark is made before the first change and
taken away after the last, so a restore that was killed in between cannot be mistaken for a whole installation.
"""

from __future__ import annotations

from pathlib import Path

from mailer.errors import StateHeld
from mailer.messages import Message

MARK = "restoring.json"
SENTENCE = Message(
    "a restore into {data} was stopped before its end. Do it again: postiljon restore ARCHIVE, with the same archive"
)


def refuse(data: Path) -> None:
    """Raise ``StateHeld`` where a restore has not ended."""
    if (data / MARK).exists():
        raise StateHeld(SENTENCE.format(data=data))
