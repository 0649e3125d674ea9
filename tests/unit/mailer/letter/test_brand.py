# ruff: noqa: E501 - a table of cases is read by its rows
"""A brand file gives a whole, readable brand, or says all that is wrong with it."""

from __future__ import annotations

import struct

import pytest

from mailer.errors import FaultsError
from mailer.letter.brand import DARK, LIGHT, Brand, LocalizedText, brand_from_toml, builtin_brand, shown_width
from mailer.letter.colour import contrast, normal, readable
from mailer.letter.picture import picture
from tests.support.letters import pictures, vng


def _brand(text: str) -> Brand:
    return brand_from_toml(text, "brand.toml", {"logo.png": pictures()["vng-logo.png"], "notes.txt": b"hoi"})


def test_the_example_brand_says_who_sends_and_where_to_go() -> None:
    brand = vng()
    assert brand.name == "VNG"
    assert "Den Haag" in brand.address[1]
    assert brand.website_label == "vng.nl"
    assert brand.contact_url.startswith("https://")
    assert brand.legal.of("nl-NL") == "Dit bericht is verzonden door de VNG."
    assert brand.proclaimer.of("nl") == "Lees onze proclamer."
    assert brand.proclaimer.of("fr") == "Read our proclaimer."
    assert brand.logo == pictures()["vng-logo.png"]
    assert brand.warnings == ()


def test_without_a_file_there_is_a_quiet_brand_with_the_from_name() -> None:
    assert builtin_brand("Gemeente Ons Dorp") == Brand("Gemeente Ons Dorp", LIGHT, DARK)


def test_one_colour_is_enough_and_every_derived_one_can_be_read() -> None:
    for action in ("#00487a", "#c8102e", "#ffd200", "#00a651", "#111111", "#eeeeee"):
        brand = _brand(f'name = "X"\n[colours]\naction = "{action}"')
        for scheme in (brand.light, brand.dark):
            assert contrast(scheme.on_action, scheme.action) >= 4.5
            assert contrast(scheme.link, scheme.surface) >= 4.5
            assert contrast(scheme.link, scheme.page) >= 4.5
        assert contrast(brand.dark.action, brand.dark.surface) >= 4.5


def test_a_pair_that_cannot_be_read_is_a_warning_with_the_nearest_shade() -> None:
    (warning,) = _brand('name = "X"\n[colours]\ntext = "#999999"\npage = "#ffffff"\n').warnings[:1]
    assert (warning.file, warning.line, warning.field, warning.severity) == ("brand.toml", 3, "colours.text", "warning")
    shade = warning.hint.removesuffix(".").split()[-1]
    assert 4.5 <= contrast(shade, "#ffffff") < 4.7


@pytest.mark.parametrize(
    ("text", "line", "field", "found", "expected", "hint"),
    [
        ("name = ", 1, "brand", "", "a TOML file", ""),
        ('naam = "X"', 1, "naam", "naam", "a key of a brand file", "Did you mean name?"),
        ("[colours]\naction = 'red'", 2, "colours.action", "'red'", "a colour such as #14508c", ""),
        ("[colours.dark]\nactoin = '#fff'", 2, "colours.dark.actoin", "", "a key of a brand file", "Did you mean colours.dark.action?"),
        ("logo = 'logo.pgn'", 1, "logo", "'logo.pgn'", "a file beside the brand file", "Did you mean logo.png?"),
        ("logo = 'notes.txt'", 1, "logo", "", "a PNG, JPEG, GIF or WebP picture", "This file is no such picture."),
        ("logo_width = 5000", 1, "logo_width", "5000", "a whole number from 16 to 600", ""),
        ("[links]\ncontact = 'vng.nl'", 2, "links.contact", "'vng.nl'", "an address that begins with https://, mailto: or tel:", ""),
        ("[links]\ncontact = 'javascript:x'", 2, "links.contact", "", "an address that begins with https://, mailto: or tel:", ""),
        ("[sender]\naddress = 12", 2, "sender.address", "12", "a list of lines of text", ""),
        ("[words]\nlegal = 12", 2, "words.legal", "12", 'a line of text, or a table of them such as { nl = "…", en = "…" }', ""),
        ('logo_alt = "a\\nb"', 1, "logo_alt", "", "one line of text", ""),
    ],
)  # fmt: skip
def test_a_fault_of_the_file_has_its_line(
    text: str, line: int, field: str, found: str, expected: str, hint: str
) -> None:
    with pytest.raises(FaultsError) as raised:
        _brand(text if text == "name = " or text.startswith("naam") else f"{text}\n")
    fault = next(fault for fault in raised.value.faults if fault.field == field)
    assert (fault.line, fault.expected, fault.hint) == (line, expected, hint)
    assert found in fault.found


def test_all_faults_are_told_at_once_and_a_name_is_needed() -> None:
    with pytest.raises(FaultsError) as raised:
        _brand("logo_width = 1\n[colours]\naction = 'x'\n")
    assert {fault.field for fault in raised.value.faults} == {"name", "logo_width", "colours.action"}


def test_words_fall_back_from_dialect_to_language_to_all_to_english() -> None:
    words = LocalizedText({"nl": "a", "nl-be": "b", "en": "c"})
    assert [words.of(tag) for tag in ("nl-BE", "nl-NL", "fr")] == ["b", "a", "c"]
    assert LocalizedText({"": "x", "en": "c"}).of("fr") == "x"
    assert LocalizedText().of("nl") == ""


def test_a_logo_is_shown_at_half_its_size_unless_the_brand_says() -> None:
    logo = picture(pictures()["vng-logo.png"])
    assert shown_width(builtin_brand("X"), logo) == 104
    assert shown_width(vng(), logo) == 104


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + struct.pack(">II", 30, 20)
JPEG = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 20, 30) + b"\0" * 8
GIF = b"GIF89a" + struct.pack("<HH", 30, 20)
WEBP = (
    b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 30, 20),
    b"RIFF\0\0\0\0WEBPVP8L" + b"\0" * 5 + struct.pack("<I", 29 | 19 << 14),
    b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + (29).to_bytes(3, "little") + (19).to_bytes(3, "little"),
)


@pytest.mark.parametrize("data", [PNG, JPEG, GIF, *WEBP], ids=["png", "jpeg", "gif", "vp8", "vp8l", "vp8x"])
def test_the_size_of_a_picture_is_read_from_its_first_bytes(data: bytes) -> None:
    found = picture(data)
    assert (found.width, found.height) == (30, 20)
    assert found.shown(15) == (15, 10)
    assert found.shown(100) == (30, 20)
    assert found.image.file_name.endswith(("png", "jpg", "gif", "webp"))


@pytest.mark.parametrize("data", [b"", PNG[:20], JPEG[:8], GIF[:8], PNG[:16] + b"\0" * 8, b"\xff\xd8" + b"x" * 9])
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="picture"):
        picture(data)


def test_a_drawing_is_refused_with_what_to_save_it_as() -> None:
    with pytest.raises(ValueError, match=r"SVG.*save it as PNG or JPEG"):
        picture(b"<svg/>")


@pytest.mark.parametrize(("text", "colour"), [("#ABC", "#aabbcc"), (" #AABBCC ", "#aabbcc")])
def test_colours_are_written_in_one_way(text: str, colour: str) -> None:
    assert normal(text) == colour


@pytest.mark.parametrize("text", ["red", "#12", "#gggggg", "", "rgb(1,2,3)"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        normal(text)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast(readable("#777777", "#ffffff"), "#ffffff") >= 4.5
    assert readable("#000", "#fff") == "#000000"
