"""The search in the archive: letters that have each of the words, anywhere in subject or text, in any case.

Promises: the same letters are found on SQLite and PostgreSQL. Upper and lower case are one in every script
(``str.casefold``: *STRASSE* finds *Straße*), and a word is found within longer words (*gemeente* finds
*gemeenteraad*). At most ``most`` bytes are kept in memory: the folded texts of the newest letters that fit. Texts of
older letters are read for each search.

No full-text index: those of SQLite and PostgreSQL find whole words or their beginnings only, fold the case differently
from each other, and would need a column that repeats each text. Raises ``StorageError``.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from campaigns.lifecycle.records import Campaign
from mailer import archive

MOST = 16 * 1024 * 1024  # bytes; some 2,000 letters of 8 KiB of text


class ArchiveSearch:
    """The search of one application, with its texts. Only the thread that reads may call it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[str, bytes] = {}  # UTF-8 by snapshot, which never changes

    @property
    def size(self) -> int:
        """Return how many bytes of text are kept."""
        return sum(map(len, self._kept.values()))

    def find(self, conn: Connection, campaigns: Sequence[Campaign], wanted: str) -> list[Campaign]:
        """Return those of the campaigns, given from new to old, that have each word of ``wanted``."""
        words = [_folded(word) for word in wanted.split()]
        if not words:
            return list(campaigns)
        found, kept, size = [], dict[str, bytes](), 0
        for campaign in campaigns:
            text = self._text(conn, campaign.snapshot)
            if campaign.snapshot not in kept and size + len(text) <= self._most:
                kept[campaign.snapshot] = text
                size += len(text)
            subject = _folded(campaign.subject)
            if all(word in subject or word in text for word in words):
                found.append(campaign)
        self._kept = kept
        return found

    def _text(self, conn: Connection, snapshot: str) -> bytes:
        known = self._kept.get(snapshot)
        return _folded(archive.public_text(conn, snapshot)) if known is None else known


def _folded(text: str) -> bytes:
    """Return a text without differences of case; part of a text in UTF-8 is part of its bytes, and the reverse."""
    return text.casefold().encode("utf-8", "surrogatepass")
