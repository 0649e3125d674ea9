"""The settings of the reader's side say what is wrong before a letter leaves with a link that cannot be changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailer.errors import SettingsError
from mailer.settings import read
from unsubscribe.settings import ReaderSettings


def test_an_https_address_is_taken_without_its_last_slash() -> None:
    settings = read(ReaderSettings, public_url="https://mail.vng.example/")
    assert settings.public_url == "https://mail.vng.example"
    assert settings.public_url_warning == ""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_plain_http_on_loopback_is_taken_with_a_warning(host: str) -> None:
    settings = read(ReaderSettings, public_url=f"http://{host}:8000")
    assert "this machine only" in settings.public_url_warning


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.vng.example",
        "mail.vng.example",
        "ftp://x.example",
        "https://u:p@x.example",
        "https://x.example/?a=1",
        "",
    ],
)
def test_an_address_that_cannot_stand_in_a_letter_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="POSTILJON_PUBLIC_URL"):
        read(ReaderSettings, public_url=url)


def test_open_fields_and_times_are_read_from_text() -> None:
    settings = read(ReaderSettings, open_fields="salutation, organisation", address_change_wait="3d")
    assert settings.open_fields == ("salutation", "organisation")
    assert settings.address_change_wait == timedelta(days=3)
