"""A logo that would vanish on a ground is known, gets a plate, and is told."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from mailer.letter.brand import Brand, brand_from_toml
from mailer.letter.logo import needs_plate, share_lost

LIGHT, DARK = "#ffffff", "#18212b"
NAVY, WHITE, ORANGE = (10, 24, 64, 255), (255, 255, 255, 255), (255, 140, 0, 255)


def mark(*colours: tuple[int, int, int, int], mode: str = "RGBA", **options: object) -> bytes:
    """A transparent picture with a square of each colour."""
    image = Image.new("RGBA", (120 * len(colours), 40), (0, 0, 0, 0))
    for number, colour in enumerate(colours):
        ImageDraw.Draw(image).rectangle((120 * number + 10, 5, 120 * number + 90, 35), fill=colour)
    data = io.BytesIO()
    image.convert(mode).save(data, str(options.get("kind", "PNG")))
    return data.getvalue()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_dark_mark_on_nothing_is_lost_in_the_dark_alone(mode: str) -> None:
    assert share_lost(mark(NAVY, mode=mode), DARK) == 1
    assert share_lost(mark(NAVY, mode=mode), LIGHT) == 0
    assert share_lost(mark(WHITE, mode=mode), LIGHT) == 1


def test_words_beside_a_bright_emblem_are_lost_too() -> None:
    assert share_lost(mark(ORANGE, NAVY), DARK) == pytest.approx(0.5)
    assert needs_plate(mark(ORANGE, NAVY), DARK)
    assert not needs_plate(mark(ORANGE, WHITE), DARK)


def test_a_picture_with_a_ground_of_its_own_needs_none() -> None:
    assert not needs_plate(mark(NAVY, mode="RGB"), DARK)
    assert not needs_plate(mark(NAVY, mode="RGB", kind="JPEG"), DARK)


@pytest.mark.parametrize(
    "broken", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", mark(NAVY)[:60], b"\x89PNG\r\n\x1a\nxxxxIHDR"]
)
def test_what_cannot_be_read_stands_on_a_plate(broken: bytes) -> None:
    assert share_lost(broken, DARK) in (None, 0)
    assert needs_plate(broken, DARK) is (share_lost(broken, DARK) is None)


def brand(**files: bytes) -> Brand:
    """A brand with these pictures, by the keys that name them."""
    text = 'name = "x"\n' + "".join(f'{key} = "{key}.png"\n' for key in files)
    return brand_from_toml(text, "brand.toml", {f"{key}.png": data for key, data in files.items()})


def test_a_brand_is_warned_of_a_logo_that_vanishes_and_not_of_one_with_a_light_twin() -> None:
    dark, twin, white = brand(logo=mark(NAVY)), brand(logo=mark(NAVY), logo_dark=mark(WHITE)), brand(logo=mark(WHITE))
    assert [(fault.field, fault.severity) for fault in dark.warnings] == [("logo", "warning")]
    assert "logo_dark" in dark.warnings[0].hint
    assert dark.has_plate
    assert not twin.warnings
    assert not twin.has_plate
    assert [fault.found[:5] for fault in white.warnings] == ["100 %"]
