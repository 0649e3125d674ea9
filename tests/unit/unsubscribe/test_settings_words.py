"""Faults of the settings of the reader's side, in the reader's language."""

from __future__ import annotations

import pytest

from mailer.errors import SettingsFaults
from mailer.settings import read
from tests.support.translated import in_language
from unsubscribe.settings import ReaderSettings


def said(name: str, value: object) -> str:
    with pytest.raises(SettingsFaults) as raised:
        read(ReaderSettings, **{name: value})
    return raised.value.faults[0].expected


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("public_url", "http://mail.example.org", "verwacht: https"),
        ("public_url", "https://mail.example.org?x", "alleen https://"),
        ("public_url", "https://mail.example.org/../x", "zonder . en .."),
        ("contact", "Info <info@example.org>", "kaal adres"),
        ("contact", "ïnfo@example.org", "gewone letters"),
        ("organisation", "a\nb", "op één regel"),
        ("timezone", "Amsterdam", "geen tijdzone"),
        ("trusted_proxies", "10.0.0.0/33", "geen IP-adres of netwerk"),
        ("metrics_token", "short", "minstens 16 tekens"),
        ("address_change_wait", "90d", "meer dan 30 dagen"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_in_dutch(name: str, value: object, words: str) -> None:
    """Expected: the catalogue's sentence, with its places filled."""
    assert words in in_language(said(name, value), "nl")


def test_no_part_of_a_password_in_the_public_address_is_repeated() -> None:
    """Expected: the address is shown without what stands before @, also where that cannot be read."""
    for value in ("https://user:ge heim@mail.example.org", "https://user:ge@h/eim@mail .example.org"):
        assert "ge" not in said("public_url", value).replace("…@", "").partition(" is not")[0]
