"""The document of the preview's frame: four changes to the letter, and no other."""

from __future__ import annotations

import pytest

from campaigns.console import letter_frame
from campaigns.console.letter_frame import FRAME_POLICY, MOST_PICTURES, document
from mailer.letter.compiled import Image

ADDRESS = "https://mail.example.org/m/" + "0" * 64 + ".png"
PAGE = (
    '<html><head><meta name="color-scheme" content="light dark"><style>@media (prefers-color-scheme: dark) { p {} }'
    f'</style></head><body><source media="(prefers-color-scheme: dark)" srcset="{ADDRESS}"><img src="{ADDRESS}">'
    '<a href="https://vng.example/?look=dark">x</a></body></html>'
)


def picture(size: int = 3) -> Image:
    return Image("0" * 64, "image/png", b"x" * size)


@pytest.mark.parametrize(("dark", "rule"), [(True, "all"), (False, "not all")])
def test_a_look_is_switched_in_rules_pictures_and_schemes(dark: bool, rule: str) -> None:
    page = document(PAGE, {}, dark=dark, pictures=True)
    assert f"@media {rule} {{ p {{}} }}" in page
    assert f'<source media="{rule}"' in page
    assert f'content="{"dark" if dark else "light"}"' in page
    assert "prefers-color-scheme" not in page
    assert 'href="https://vng.example/?look=dark"' in page


def test_pictures_come_along_as_data() -> None:
    page = document(PAGE, {ADDRESS: picture()}, dark=False, pictures=True)
    assert page.count("data:image/png;base64,eHh4") == 2
    assert ADDRESS not in page


def test_pictures_are_left_out_when_they_are_off_or_too_large_together() -> None:
    large = {ADDRESS: picture(MOST_PICTURES), ADDRESS.replace("0.", "1."): picture(1)}
    assert "base64" not in document(PAGE, {ADDRESS: picture()}, dark=False, pictures=False)
    assert letter_frame.left_out(large) == 1
    assert letter_frame.left_out({ADDRESS: picture(MOST_PICTURES + 1)}) == 1
    assert "base64" not in document(PAGE, {ADDRESS: picture(MOST_PICTURES + 1)}, dark=False, pictures=True)


def test_links_open_nothing() -> None:
    assert document(PAGE, {}, dark=False, pictures=True).count('<base target="_blank">') == 1


def test_the_policy_is_that_of_the_brief() -> None:
    assert FRAME_POLICY.content_security_policy == (
        "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'self'"
    )
