"""SMTP replies out of a stream of bytes (RFC 5321 section 4.2). Pure: bytes in, replies out.

Promises: a reply comes out once, whole, in order, however the bytes were cut. Memory is bounded (a line of 64 KiB, a
reply of 64 KiB). Bytes that are no reply set :attr:`Replies.broken`, and everything before them still comes out. A
reply that is read in one go with the last due answer, behind it, was sent before its question. It never comes out, and
sets :attr:`Replies.early`, before the answers in front of it are acted on. Says nothing else about which question a
reply answers.
"""

from __future__ import annotations

import re

from mailer.control_characters import IN_SHOWN_LINE

LINE_LIMIT = 65_536
TEXT_LIMIT = 1_000
_PLAIN = rb"[!-~]++(?: [!-~]++)*+"  # nothing that clean() would change
_USUAL = re.compile(rb"250 (" + _PLAIN + rb")\r\n250 [^\n]*+\n250 [^\n]*+\n354 [^\n]*+\n")
_ENHANCED = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\s")


class Replies:
    """A reader of replies: bytes go in, ``(code, raw text)`` comes out, lines of one reply joined by a line feed."""

    __slots__ = ("_lines", "_rest", "_size", "broken", "early")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._size = 0
        self.broken = ""
        self.early: tuple[int, bytes] | None = None  # the first such answer; code 0 for the beginning of one

    @property
    def begun(self) -> bool:
        """Return whether a part of a reply has come."""
        return bool(self._rest or self._lines)

    def usual(self, data: bytes) -> str | None:
        """Return the clean text of the first, if these bytes are 250, 250, 250 and 354, a line each, and nothing waits.

        Then :meth:`feed` would give just these four. Else None: nothing was consumed, and :meth:`feed` is to read it.
        """
        if len(data) > TEXT_LIMIT or self._rest or self._lines or self.broken or self.early:
            return None
        found = _USUAL.fullmatch(data)
        return found[1].decode("ascii") if found else None

    def feed(self, data: bytes, due: int = 1 << 30) -> list[tuple[int, bytes]]:
        """Return the replies that these bytes complete, ``due`` at most. Once one was early or broken: nothing more."""
        if self.broken or self.early:
            return []
        replies = self._read(data)
        if len(replies) > due:
            self.early = replies[due]
        elif len(replies) == due and self.begun:
            self.early = 0, b"\n".join([*self._lines, self._rest])
        return replies[:due]

    def _read(self, data: bytes) -> list[tuple[int, bytes]]:
        lines = (self._rest + data if self._rest else data).split(b"\n")
        self._rest = lines.pop()
        replies: list[tuple[int, bytes]] = []
        for line in lines:
            code = line[:3]
            if len(code) < 3 or not code.isdigit() or not b"200" <= code <= b"599":
                self.broken = f"not an SMTP reply: {clean(line[:80])!r}"
                return replies
            mark = line[3:4]
            if mark == b" " and not self._lines:
                replies.append((int(code), line[4:]))
            elif mark in (b" ", b"", b"\r"):
                replies.append((int(code), b"\n".join([*self._lines, line[4:]])))
                self._lines, self._size = [], 0
            elif mark == b"-":
                self._lines.append(line[4:])
                self._size += len(line)
            else:
                self.broken = f"not an SMTP reply: {clean(line[:80])!r}"
                return replies
            if self._size > LINE_LIMIT:
                break
        if len(self._rest) > LINE_LIMIT or self._size > LINE_LIMIT:
            self.broken = "an endless reply"
            self._rest, self._lines = b"", []
        return replies


def clean(raw: bytes) -> str:
    """Return the text as it may be stored and shown: one line, no control characters, at most 1,000 characters (B55).

    An enhanced status code that each line repeats is kept once.
    """
    if len(raw) < 200 and raw.isascii():  # nearly always
        plain = raw.decode("ascii").strip()
        if plain.isprintable() and "  " not in plain:
            return plain
    first, *others = raw[: 8 * TEXT_LIMIT].split(b"\n")
    repeated = _ENHANCED.match(first)
    if repeated:
        prefix = repeated[1]
        others = [line.lstrip().removeprefix(prefix) for line in others]
    text = b" ".join([first, *others]).decode("utf-8", "replace")
    return " ".join(IN_SHOWN_LINE.sub(" ", text).split())[:TEXT_LIMIT]
