"""A tar archive as a stream: written and read member by member, without the whole of it in memory or on disk.

Promises: each archive opens with GNU tar and Python's ``tarfile``. Only ordinary files with a plain header are read,
in the order in which they come: no link, no device, no extended header, so no name or size can come from elsewhere.
Raises ``BrokenArchive``, a ``ValueError``, for all else.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from mailer.messages import Message

BLOCK = tarfile.BLOCKSIZE
CHUNK = 1 << 20
LEVEL = 3  # of gzip: a database of 100 MB is packed at some 90 MB a second; level 6 takes three times as long
_GZIP = 16 + zlib.MAX_WBITS


class BrokenArchive(ValueError):
    """The stream ends too soon, or has a header that a backup never has."""


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""


def header(name: str, size: int, seconds: int) -> bytes:
    """Return the header of a private file; ``seconds``: its time, since 1970."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, seconds, 0o600
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def padding(size: int) -> bytes:
    """Return the zeros that fill the last block of a member."""
    return b"\0" * (-size % BLOCK)


def end() -> bytes:
    """Return the end of an archive."""
    return b"\0" * (2 * BLOCK)


def gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks in the format of gzip."""
    packer = zlib.compressobj(LEVEL, wbits=_GZIP)
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


class Unzipped:
    """A gzip stream, read as the bytes in it. Raises ``BrokenArchive`` where it is damaged or cut off."""

    def __init__(self, source: Readable) -> None:
        self._source, self._unpacker = source, zlib.decompressobj(_GZIP)

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        while not self._unpacker.eof:
            data = self._unpacker.unconsumed_tail or self._source.read(CHUNK)
            try:
                found = self._unpacker.decompress(data, max(size, 0))
            except zlib.error as error:
                raise BrokenArchive(str(error)) from None
            if found:
                return found
            if not data and not self._unpacker.eof:
                raise BrokenArchive(Message("cut off"))
        if self._unpacker.unused_data or self._source.read(1):
            raise BrokenArchive(Message("bytes behind its end"))
        return b""


class Member:
    """A member of the stream: its name, its size, and its bytes, to be read before the next one."""

    def __init__(self, name: str, size: int, source: Readable) -> None:
        self.name, self.size = name, size
        self._source, self._left = source, size

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes."""
        while self._left:
            found = self._source.read(min(CHUNK, self._left))
            if not found:
                raise BrokenArchive(Message("cut off"))
            self._left -= len(found)
            yield found

    def skip(self) -> None:
        """Read the rest of it, and the zeros behind it."""
        for _chunk in self.chunks():
            pass
        exactly(self._source, -self.size % BLOCK)


def members(source: Readable) -> Iterator[Member]:
    """Yield each member; the bytes that the caller leaves are skipped. Ends behind the end of the archive."""
    while (block := exactly(source, BLOCK)) != b"\0" * BLOCK:
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise BrokenArchive(str(error)) from None
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.size < 0:
            raise BrokenArchive(Message("a member that is no ordinary file"))
        member = Member(info.name, info.size, source)
        yield member
        member.skip()
    while source.read(CHUNK):  # to the end: only there the checksum is compared
        pass


def exactly(source: Readable, size: int) -> bytes:
    """Return ``size`` bytes. Raises ``BrokenArchive`` when there are fewer."""
    parts, left = [], size
    while left:
        part = source.read(left)
        if not part:
            raise BrokenArchive(Message("cut off"))
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def file_chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield exactly ``size`` bytes of a file. Raises ``BrokenArchive`` when there are fewer."""
    left = size
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise BrokenArchive(Message("cut off"))
        left -= len(chunk)
        yield chunk
