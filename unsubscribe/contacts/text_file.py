"""A file of contacts before it is read: whether it is text, and its encoding.

Promises: UTF-8 with or without BOM, UTF-16 with BOM and Windows-1252 are detected. Where some bytes are not UTF-8, the
encoding that explains more of them is chosen. Input from a pipe (``-``, ``/dev/stdin``, a process substitution) is read
like a file. A file of another kind is refused with the name of that kind.

Raises ``FaultsError`` for a file that cannot be opened or is not text, ``InputError`` for an unknown encoding.
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import BinaryIO

from mailer import files
from mailer.errors import Fault, FaultsError, InputError
from mailer.messages import Message

MOST_BYTES = 1 << 32  # from a pipe
GUESS = "cp1252"
_AS_CSV = Message("Save it as CSV (UTF-8) first")
_MAGIC = (
    (b"PK\x03\x04", Message("an Excel workbook or a zip file")),
    (b"PK\x05\x06", Message("an empty zip file")),
    (b"\xd0\xcf\x11\xe0", Message("an old Excel file")),
    (b"%PDF", Message("a PDF document")),
    (b"\x1f\x8b", Message("a file that is packed with gzip")),
    (b"BZh", Message("a file that is packed with bzip2")),
    (b"\xfd7zXZ", Message("a file that is packed with xz")),
    (b"7z\xbc\xaf", Message("a file that is packed with 7-Zip")),
    (b"Rar!", Message("a file that is packed with RAR")),
    (b"{\\rtf", Message("a document in RTF")),
    (b"SQLite format 3\0", Message("a database")),
    (b"BEGIN:VCARD", Message("address cards (vCard)")),
)
_PAGES = (b"<!doctype", b"<html", b"<table", b"<?xml")
_OPEN_DOCUMENT = b"mimetypeapplication/vnd.oasis.opendocument"
_BLOCK = 1 << 20
_START = 512


def opened(path: Path, encoding: str = "") -> tuple[str, bool, BinaryIO]:
    """Return a file's encoding, whether it is a guess, and the file at its beginning, to be read again."""
    said = _known(encoding) if encoding else ""
    source = _open(path)
    try:
        start = source.read(_START)
        _refuse_others(start, path.name, said)
        source.seek(0)
        found = said or find_encoding(source)
        source.seek(0)
    except BaseException:
        source.close()
        raise
    return found, not said and found == GUESS, source


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "é".encode(name, "ignore").decode(name)
    except (LookupError, UnicodeError, ValueError):
        expected = Message(
            "--encoding {name} is not known: expected utf-8, windows-1252, windows-1250, iso-8859-15 or the like"
        )
        raise InputError(expected.format(name=repr(encoding[:40]))) from None
    return "utf-8-sig" if name == "utf-8" else name


def _open(path: Path) -> BinaryIO:
    try:
        return files.stream(path, MOST_BYTES)
    except OSError as error:
        fault = Fault(path.name, 0, "file", error.strerror or "an error", Message("a file that can be read"))
        raise FaultsError([fault]) from error


def find_encoding(file: BinaryIO) -> str:
    """Return the encoding of a file; where some bytes are not UTF-8, the one that explains more."""
    start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    strange = foreign = 0
    block = start
    while block:
        text = decoder.decode(block)
        if not text.isascii():
            read = text.encode("utf-8", "ignore").decode()  # without the bytes that are not UTF-8
            strange += len(text) - len(read)
            foreign += len(read) - len(read.encode("ascii", "ignore"))
        block = file.read(_BLOCK)
    return GUESS if strange > foreign else "utf-8-sig"


def _refuse_others(start: bytes, name: str, said: str) -> None:
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            found = Message("an OpenDocument file") if start[30:].startswith(_OPEN_DOCUMENT) else kind
            raise FaultsError([Fault(name, 0, "file", found, "CSV", _AS_CSV)])
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        raise FaultsError([Fault(name, 0, "file", Message("a web page or XML"), "CSV", _AS_CSV)])
    if (
        b"\0" not in start[:8]
        or start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        or said.startswith("utf-")
    ):
        return
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(start) > 4 and not any(start[place:40:2]) and all(start[1 - place : 40 : 2]):
            hint = Message("Save it as CSV (UTF-8), or add --encoding {encoding}", encoding=encoding)
            raise FaultsError([Fault(name, 0, "file", Message("UTF-16 without its mark (BOM)"), "CSV", hint)])
    raise FaultsError([Fault(name, 0, "file", Message("bytes that are no text"), "CSV")])
