"""A picture that cannot be shown is told of in words that help, however its name is written."""

from __future__ import annotations

import pytest

from mailer.errors import Fault, FaultsError
from mailer.letter.compile import compile_letter
from tests.support.letters import pictures, small

PNG = pictures()["gevels.png"]
JPEG = b"\xff\xd8\xff\xc0\x00\x14\x08\x00\x10\x00\x10" + b"%c" + b"\x01\x11\x00" * 4 + b"\xff\xd9"


def _faults(body: str, name: str, data: bytes) -> list[Fault]:
    try:
        return list(compile_letter(small(body, images={name: data, "gevels.png": PNG})).warnings)
    except FaultsError as error:
        return list(error.faults)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg/>', "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "AVIF"),
        (b"BM\x36\0\0\0", "BMP"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_another_kind_of_file_is_named_with_what_to_save_it_as(data: bytes, kind: str) -> None:
    [fault] = _faults("![x](foto.png)", "foto.png", data)
    assert (fault.severity, fault.found) == ("error", "foto.png")
    assert fault.hint == f"This is {kind}, which mail programs do not show: save it as PNG or JPEG."


def test_a_file_that_is_no_picture_or_ends_too_early_is_told_of() -> None:
    assert _faults("![x](a.png)", "a.png", b"geen")[0].hint == "This file is no such picture."
    for start in (PNG[:20], JPEG[:8], b"GIF89a\1", b"RIFF\0\0\0\0WEBPVP8 "):
        assert _faults("![x](a.png)", "a.png", start)[0].hint == "This picture ends too early."


def test_colours_for_print_are_warned_of() -> None:
    [warning] = _faults("Tekst.\n\n![x](a.jpg)", "a.jpg", JPEG.replace(b"%c", b"\4"))
    assert (warning.severity, warning.line, "CMYK" in warning.hint) == ("warning", 12, True)
    assert _faults("Tekst.\n\n![x](a.jpg)", "a.jpg", JPEG.replace(b"%c", b"\3")) == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("./foto.png", "foto.png"),
        ("mijn%20foto.png", "mijn foto.png"),
        ("<mijn foto.png>", "mijn foto.png"),
        ("<./mijn foto.png>", "mijn foto.png"),
        ("Foto.PNG", "Foto.PNG"),
        ("caf%C3%A9.png", "café.png"),
    ],
)
def test_a_name_is_known_however_it_is_written(written: str, name: str) -> None:
    assert _faults(f"Tekst.\n\n![x]({written})", name, PNG) == []


def test_a_name_with_a_blank_is_shown_as_it_must_be_written() -> None:
    [fault] = [each for each in _faults("![x](mijn foto.png)", "mijn foto.png", PNG) if each.severity == "error"]
    assert (fault.line, fault.found) == (10, "![x](mijn foto.png)")
    assert "![description](<mijn foto.png>)" in fault.expected
