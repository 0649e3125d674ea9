"""In which language a page is, and how it is filled."""

from __future__ import annotations

import pytest

from mailer.letter.brand import builtin_brand
from unsubscribe.web.metrics import masked
from unsubscribe.web.pages import Pages, View, accepted
from unsubscribe.web.site import look_of

PAGES = Pages(look_of(builtin_brand("VNG & co"), "https://mail.example/news", "info@vng.example").site)
PLACES = {"address": "e•••@v•••.nl", "less": "/l", "pause": "/p", "join": ""}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("nl", "nl"),
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("es, de;q=0.5, en;q=0.7", "en"),
        ("fr;q=0, de;q=0.1", "de"),
        ("*", ""),
        ("en;q=nonsense,fr;q=0.1", "fr"),
        ("x" * 10_000, ""),
        ("", ""),
    ],
)
def test_the_best_of_our_languages_is_taken_from_what_the_browser_asks(header: str, language: str) -> None:
    assert accepted(header) == language


def test_a_place_is_filled_with_escaped_text() -> None:
    text = PAGES.filled("optout.html", View("nl"), {"topic": "<b>"}, PLACES | {"address": "<img src=x>"})
    assert "<bdi>&lt;img src=x&gt;</bdi>" in text
    assert "<bdi>&lt;b&gt;</bdi>" in text


def test_what_hangs_on_an_empty_place_is_left_out() -> None:
    assert "/less" not in PAGES.filled("optout.html", View("nl"), {"topic": ""}, PLACES | {"less": ""})


def test_a_value_cannot_pretend_to_be_a_place() -> None:
    text = PAGES.filled("optout.html", View("nl"), {"topic": "\ue000address\ue001"}, PLACES)
    assert text.count("e•••@v•••.nl") == 1


def test_filling_gives_what_the_template_gives() -> None:
    fixed = {"topic": "Nieuws"}
    assert PAGES.filled("optout.html", View("de"), fixed, PLACES) == PAGES.page(
        "optout.html", View("de"), fixed | PLACES
    )


def test_links_begin_with_the_path_of_the_public_address() -> None:
    assert 'href="/news/a/pages-' in PAGES.page("optout.html", View("nl"), {"topic": ""} | PLACES)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/u/SECRET", "/u/…"),
        ("/c/undo/SECRET", "/c/…"),
        ("/health", "/health"),
        ("/SECRET", "/?"),
        ("/", "/"),
        ("//u/x", "/u/…"),
    ],
)
def test_a_path_is_logged_without_its_token(path: str, shown: str) -> None:
    assert masked(path) == shown
