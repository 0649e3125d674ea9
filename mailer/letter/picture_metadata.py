"""Pictures without the metadata of a camera or program: place, device, author, comments, a second picture.

Promises: the picture data stays the same to the byte (no picture is decoded), with its colours and animation. Of the
camera's metadata, only the orientation is kept, since the picture is shown by it. A file whose parts cannot be
separated stays as it is; nothing here raises.
"""

from __future__ import annotations

import struct

from mailer.letter import jpeg

_KEPT_APPS = {0xE0: (b"JFIF", b"JFXX"), 0xE2: (b"ICC_PROFILE",), 0xEE: (b"Adobe",)}
_PNG_TOLD = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})
_WEBP_TOLD = frozenset({b"EXIF", b"XMP "})


def bare(data: bytes) -> bytes:
    """Return the picture without metadata."""
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:4] == b"GIF8":
            return _gif(data)
    except (IndexError, struct.error, ValueError):
        pass
    return data


def orientation(data: bytes) -> int:
    """Return the orientation of a JPEG (TIFF tag 274): 1 is upright, 5 to 8 lie on a side."""
    try:
        if data[:2] != b"\xff\xd8":
            return 1
        for marker, start, end in jpeg.segments(data):
            if marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
                return _turned(data[start + 6 : end])
    except (IndexError, struct.error, ValueError):
        pass
    return 1


def _jpeg(data: bytes) -> bytes:
    turned = orientation(data)
    parts = [b"\xff\xd8"]
    told = turned == 1
    framed = False
    for marker, start, end in jpeg.segments(data):
        if not told and marker != 0xE0:
            parts.append(_exif(turned))
            told = True
        dropped = marker == 0xFE or (
            0xE0 <= marker <= 0xEF and not data[start:end].startswith(_KEPT_APPS.get(marker, ()))
        )
        if not dropped:
            parts.append(b"\xff" + bytes([marker]) + data[start - 2 : end])
        framed = framed or marker in jpeg.FRAMES
    if not framed:
        raise ValueError
    return b"".join([*parts, b"\xff\xd9"])


def _exif(turned: int) -> bytes:
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 274, 3, 1, turned, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff


def _turned(tiff: bytes) -> int:
    order = "<" if tiff[:2] == b"II" else ">"
    at = struct.unpack(f"{order}I", tiff[4:8])[0]
    for number in range(struct.unpack(f"{order}H", tiff[at : at + 2])[0]):
        entry = tiff[at + 2 + 12 * number :][:12]
        tag, kind, _count, value = struct.unpack(f"{order}HHIH", entry[:10])
        if (tag, kind) == (274, 3):
            return value if 1 <= value <= 8 else 1
    return 1


def _png(data: bytes) -> bytes:
    parts, at = [data[:8]], 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + length
        if end > len(data):
            raise ValueError
        if kind not in _PNG_TOLD:
            parts.append(data[at:end])
        at = end
        if kind == b"IEND":
            break
    return b"".join(parts)


def _webp(data: bytes) -> bytes:
    parts, at = [], 12
    end = min(len(data), 8 + struct.unpack("<I", data[4:8])[0])
    while at + 8 <= end:
        kind, length = struct.unpack("<4sI", data[at : at + 8])
        whole = data[at : at + 8 + length + length % 2]
        if len(whole) < 8 + length:
            raise ValueError
        if kind == b"VP8X":
            whole = whole[:8] + bytes([whole[8] & ~0x0C]) + whole[9:]
        if kind not in _WEBP_TOLD:
            parts.append(whole)
        at += 8 + length + length % 2
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(data: bytes) -> bytes:
    at = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    parts = [data[:at]]
    while data[at] != 0x3B:
        start = at
        if data[at] == 0x21:
            told = data[at + 1] == 0xFE or (data[at + 1] == 0xFF and data[at + 3 : at + 14] == b"XMP DataXMP")
            at = _blocks_end(data, at + 2)
        elif data[at] == 0x2C:
            told = False
            table = 3 * 2 ** ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0
            at = _blocks_end(data, at + 11 + table)
        else:
            raise ValueError
        if not told:
            parts.append(data[start:at])
    return b"".join([*parts, b";"])


def _blocks_end(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1
