"""A served picture is the picture alone, without metadata, and as large as it is shown."""

from __future__ import annotations

import io
import struct
import zlib

import PIL.Image
import pytest

from mailer.letter.picture import colours, picture
from mailer.letter.picture_metadata import bare, orientation

SECRET = b"GPS 52.09 N 5.12 E"
SCAN = b"\x12\xff\x00\x34\xff\xd0\x56"


def segment(marker: int, held: bytes, fill: int = 0) -> bytes:
    return b"\xff" * fill + bytes([0xFF, marker]) + struct.pack(">H", len(held) + 2) + held


def exif(turned: int) -> bytes:
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 274, 3, 1, turned, 0, 0) + SECRET
    return segment(0xE1, b"Exif\0\0" + tiff)


def jpeg(*beside: bytes, fill: int = 0, tail: bytes = b"\xff\xd9") -> bytes:
    frame = segment(0xC2, b"\x08" + struct.pack(">HH", 30, 40) + b"\x01\x01\x11\0", fill)
    scans = (segment(0xDA, b"\x01\x01\0\0\x3f\0") + SCAN) * 2
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0rest") + b"".join(beside) + frame + scans + tail


def chunk(kind: bytes, held: bytes) -> bytes:
    return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))


def png(*beside: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(beside) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


def webp(*beside: bytes, flags: int = 0) -> bytes:
    frame = b"VP8X" + struct.pack("<I", 10) + bytes([flags]) + b"\0\0\0" + b"\x27\0\0\x1d\0\0"
    body = b"WEBP" + frame + b"VP8L" + struct.pack("<I", 3) + b"abc\0" + b"".join(beside)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(*beside: bytes) -> bytes:
    frame = b"," + bytes(4) + struct.pack("<HH", 40, 30) + b"\0\x02\x01x\0"
    return b"GIF89a" + struct.pack("<HH", 40, 30) + b"\x80\0\0" + bytes(6) + b"".join(beside) + frame + b";"


NETSCAPE = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"


@pytest.mark.parametrize(
    ("with_it", "alone"),
    [
        (jpeg(exif(1), segment(0xFE, SECRET), segment(0xED, b"Photoshop " + SECRET)), jpeg()),
        (jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)), jpeg()),
        (jpeg(tail=b"\xff\xd9" + jpeg(exif(1))), jpeg()),
        (jpeg(exif(1), tail=b""), jpeg()),
        (jpeg(segment(0xE2, b"ICC_PROFILE\0x"), segment(0xEE, b"Adobe\0x")),) * 2,
        (png(chunk(b"eXIf", SECRET), chunk(b"tEXt", SECRET), chunk(b"iTXt", SECRET)) + SECRET, png()),
        (png(chunk(b"iCCP", b"p"), chunk(b"acTL", b"a")),) * 2,
        (webp(b"EXIF" + struct.pack("<I", len(SECRET)) + SECRET, flags=0x1C), webp(flags=0x10)),
        (gif(b"!\xfe" + bytes([len(SECRET)]) + SECRET + b"\0"), gif()),
        (gif(NETSCAPE),) * 2,
    ],
)
def test_what_was_written_beside_a_picture_goes_and_the_picture_stays_to_the_byte(with_it: bytes, alone: bytes) -> None:
    assert bare(with_it) == alone
    assert bare(alone) == alone
    assert (picture(with_it).width, picture(with_it).height) == (40, 30)
    assert picture(with_it).image.data == alone


@pytest.mark.parametrize("turned", [2, 3, 6, 8])
def test_a_turned_photo_keeps_how_it_is_turned_and_has_the_size_that_is_shown(turned: int) -> None:
    kept = picture(jpeg(exif(turned)))
    assert SECRET not in kept.image.data
    assert orientation(kept.image.data) == turned
    assert (kept.width, kept.height) == ((30, 40) if turned >= 5 else (40, 30))


def test_fill_bytes_before_a_segment_are_no_fault() -> None:
    filled = jpeg(b"\xff\xff" + segment(0xFE, b"x"), fill=3)
    assert (picture(filled).width, picture(filled).height) == (40, 30)
    assert bare(filled) == jpeg()


@pytest.mark.parametrize(
    "between",
    [
        b"\0\0\0" + exif(1) + b"\0",
        b"padding \xff\0" + exif(1),
        b"\xff\x01\xff\xd0" + exif(1),
        segment(0xFE, b"note") * 1200 + exif(1),
        exif(1) + segment(0xE2, bytes(65_533)) * 40 + segment(0xC4, bytes(20)),
    ],
    ids=["zeros", "words", "markers without content", "1200 comments", "large segments"],
)
def test_bytes_that_decoders_skip_are_no_fault_and_hide_no_metadata(between: bytes) -> None:
    beside = jpeg(between)
    assert (picture(beside).width, picture(beside).height, colours(beside)) == (40, 30, 1)
    kept = picture(beside).image.data
    assert SECRET not in kept
    assert kept == bare(kept)
    after = beside.replace(between, b"").replace(SCAN + b"\xff\xda", SCAN + between + b"\xff\xda", 1)
    assert between in after
    assert SECRET not in picture(after).image.data


@pytest.mark.parametrize("progressive", [False, True])
def test_a_photo_with_padding_shows_the_same_pixels_without_its_metadata(progressive: bool) -> None:
    made = io.BytesIO()
    shown = PIL.Image.radial_gradient("L").convert("RGB")
    shown.save(made, "JPEG", progressive=progressive)
    at = made.getvalue().index(b"\xff\xc4")
    padded = made.getvalue()[:at] + b"\0\0" + exif(1) + b"\0" + made.getvalue()[at:]
    kept = picture(padded)
    assert (kept.width, kept.height) == shown.size
    assert SECRET not in kept.image.data
    decoded = [PIL.Image.open(io.BytesIO(data)).tobytes() for data in (padded, kept.image.data)]
    assert decoded[0] == decoded[1]


@pytest.mark.parametrize("data", [b"\xff\xd8" + b"\xff\xe0\0\2" * 400_000, b"\xff\xd8" + bytes(400_000)])
def test_a_jpeg_without_a_frame_is_refused_and_stays_as_it_is(data: bytes) -> None:
    with pytest.raises(ValueError, match="ends too early"):
        picture(data)
    assert bare(data) == data
    assert colours(data) == 0


@pytest.mark.parametrize(
    "data", [b"\xff\xd8xx" + jpeg()[2:15], png()[:40], webp()[:30] + b"\xff" * 9, gif()[:20], b"", b"no picture"]
)
def test_what_cannot_be_told_apart_stays_as_it_is(data: bytes) -> None:
    assert bare(data) == data
    assert orientation(data) == 1
