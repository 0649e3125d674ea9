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


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "LOCALHOST", "app.localhost"])
def test_plain_http_is_taken_on_this_machine_alone(host: str) -> None:
    assert read(ReaderSettings, public_url=f"http://{host}:8000").public_url == f"http://{host.lower()}:8000"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://example.org/post/", "https://example.org/post"),
        ("https://Example.ORG//post//news/", "https://example.org/post/news"),
        ("https://example.org/p%6fst/é a", None),
        ("https://example.org/é", "https://example.org/%C3%A9"),
        ("https://example.org/%c3%a9", "https://example.org/%C3%A9"),
        ("https://müller.example/post", "https://xn--mller-kva.example/post"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("https://example.org/../etc", None),
        ("https://example.org/a%2Fb", None),
        ("https://example.org:99999", None),
        ("https://@example.org", None),
        ("https://exa mple.org", None),
        ("https://example.org\\post", None),
    ],
)
def test_an_address_is_kept_as_it_stands_in_a_letter_or_refused(typed: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(SettingsError, match="POSTILJON_PUBLIC_URL"):
            read(ReaderSettings, public_url=typed)
    else:
        assert read(ReaderSettings, public_url=typed).public_url == kept


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


def test_proxies_a_zone_and_a_token_are_read_from_text_and_the_token_is_not_shown() -> None:
    settings = read(
        ReaderSettings, trusted_proxies="192.0.2.1, 2001:DB8::1", timezone="Europe/Berlin", metrics_token="m" * 32
    )
    assert settings.trusted_proxies == {"192.0.2.1", "2001:db8::1"}
    assert settings.timezone == "Europe/Berlin"
    assert settings.metrics_token.get_secret_value() == "m" * 32
    assert "mmm" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", "192.0.2.1/24"),
        ("trusted_proxies", "proxy.example.org"),
        ("timezone", "Europe/Atlantis"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "Europe"),
        ("metrics_token", "secret"),
        ("metrics_token", "é" * 32),
    ],
)
def test_a_proxy_zone_or_token_that_cannot_be_meant_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"POSTILJON_{name.upper()}") as caught:
        read(ReaderSettings, **{name: value})
    assert "secret" not in str(caught.value)


def test_an_organisation_has_a_name_and_one_address() -> None:
    settings = read(ReaderSettings, organisation=" Vereniging  van Ümlaut ", contact=" Info@Bücher.example ")
    assert (settings.organisation, settings.contact) == ("Vereniging van Ümlaut", "Info@xn--bcher-kva.example")
    assert read(ReaderSettings).contact == ""


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("VNG <info@vng.example>", "POSTILJON_ORGANISATION"),
        ("a@vng.example, b@vng.example", "one bare address"),
        ("a@vng.example b@vng.example", "one bare address"),
        ("a@vng.example;b@vng.example", "one bare address"),
        ("info", "expected name@domain"),
        ("info@localhost", "domain name"),
        ("info@-vng.example", "domain name"),
        ("ïnfo@vng.example", "plain letters"),
        ("info@vng.example\nBcc: x@y.example", "one bare address"),
    ],
)
def test_what_cannot_be_a_sender_is_refused_as_a_contact(value: str, says: str) -> None:
    with pytest.raises(SettingsError, match="POSTILJON_CONTACT") as caught:
        read(ReaderSettings, contact=value)
    assert says in str(caught.value)


@pytest.mark.parametrize("value", ["VNG\r\nBcc: x@y.example", "x" * 101, "a\u202eb"])
def test_a_name_that_cannot_stand_in_a_header_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="POSTILJON_ORGANISATION"):
        read(ReaderSettings, organisation=value)


def test_a_change_of_address_waits_a_month_at_most() -> None:
    assert read(ReaderSettings, address_change_wait="30d").address_change_wait == timedelta(days=30)
    with pytest.raises(SettingsError, match="POSTILJON_ADDRESS_CHANGE_WAIT"):
        read(ReaderSettings, address_change_wait="31d")
