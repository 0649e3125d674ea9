"""Settings of the sending side: where they come from, and what is refused (contract.md, Settings)."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import SettingsError
from mailer.settings import MailerSettings, Relay, parse_duration, parse_relay, parse_secret, read

SECRET = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
OTHER = base64.urlsafe_b64encode(b"o" * 32).decode()


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://127.0.0.1", Relay("127.0.0.1", 25)),
        ("smtp://localhost:2525", Relay("localhost", 2525)),
        ("smtp://[::1]:2525", Relay("::1", 2525)),
        ("smtp://relay.example", Relay("relay.example", 25, tls="starttls")),
        ("smtp://u:p@relay.example", Relay("relay.example", 587, "u", "p", "starttls")),
        ("smtps://u:p@relay.example", Relay("relay.example", 465, "u", "p", "implicit")),
        ("smtp://relay.example?tls=implicit", Relay("relay.example", 465, tls="implicit")),
        ("smtp://u:p@relay.example:465", Relay("relay.example", 465, "u", "p", "implicit")),
        ("smtp://127.0.0.1:465", Relay("127.0.0.1", 465, tls="implicit")),
        ("smtp://relay.example:465?tls=starttls", Relay("relay.example", 465, tls="starttls")),
        ("smtps://relay.example:587", Relay("relay.example", 587, tls="implicit")),
        ("smtp://relay.example?tls=none&connections=20", Relay("relay.example", 25, "", "", "none", 20, 80)),
        ("smtp://relay.example?window=100", Relay("relay.example", 25, "", "", "starttls", 10, 100)),
        ("smtp://u%40x:p%2Fq@relay.example:26", Relay("relay.example", 26, "u@x", "p/q", "starttls")),
    ],
)
def test_a_relay_is_read_from_its_address(url: str, relay: Relay) -> None:
    assert parse_relay(url) == relay


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://relay.example", "expected smtp://"),
        ("relay.example", "expected smtp://"),
        ("smtp://", "expected smtp://"),
        ("smtp://relay.example?conections=3", "unknown option conections"),
        ("smtp://relay.example?tls=ssl", "expected one of implicit"),
        ("smtp://u:p@relay.example?tls=none", "in the clear"),
        ("smtp://relay.example?connections=0", "from 1 to 10000"),
        ("smtp://relay.example?connections=", "from 1 to 10000"),
        ("smtp://relay.example?window=x", "from 1 to 10000"),
        ("smtp://relay.example:99999", "[Pp]ort"),
    ],
)
def test_a_relay_that_cannot_be_read_is_refused(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_relay(url)


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_user_and_password_may_be_anything_percent_encoded(user: str, password: str) -> None:
    relay = parse_relay(f"smtp://{quote(user, safe='')}:{quote(password, safe='')}@relay.example")
    assert (relay.user, relay.password) == (user, password)


def test_a_relay_does_not_show_its_password() -> None:
    assert "geheim" not in repr(parse_relay("smtp://u:geheim@relay.example"))


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), (" 6h ", 21600), ("4d", 345600)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "m", "-1m", "1.5h", "1w", "1h30m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_a_secret_is_32_bytes_and_is_not_repeated_in_a_message() -> None:
    assert parse_secret(SECRET) == parse_secret(f" {SECRET}= ") == b"s" * 32
    for wrong in ("", "c2VjcmV0", "!geheim!", SECRET + "AAAA"):
        with pytest.raises(ValueError, match="a secret") as caught:
            parse_secret(wrong)
        assert not wrong or wrong not in str(caught.value)


def test_without_settings_the_defaults_of_the_contract_hold() -> None:
    settings = read(MailerSettings)
    assert settings.data == Path("data")
    assert settings.smtp_url == Relay()
    assert settings.retry == tuple(timedelta(minutes=minutes) for minutes in (30, 60, 180, 360, 720))
    assert settings.give_up == timedelta(days=4)
    assert settings.in_doubt == "hold"
    assert (settings.rate, settings.domain_rate, settings.return_path) == (None, None, "")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "postiljon.toml").write_text('in_doubt = "send_again"\nrate = 100\nretry = "1m,2h"\n')
    monkeypatch.setenv("POSTILJON_RATE", "200")
    settings = read(MailerSettings)
    assert (settings.in_doubt, settings.rate) == ("send_again", 200)
    assert settings.retry == (timedelta(minutes=1), timedelta(hours=2))


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTILJON_RATE", "")
    assert read(MailerSettings).rate is None


def test_what_the_caller_gives_wins_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTILJON_RATE", "200")
    assert read(MailerSettings, rate=3).rate == 3


def test_secrets_come_from_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "elders"
    folder.mkdir()
    (folder / "secrets.toml").write_text(f'secret_keys = "{SECRET},{OTHER}"\npepper = "{OTHER}"\n')
    monkeypatch.setenv("POSTILJON_DATA", str(folder))
    settings = read(MailerSettings)
    assert [key.get_secret_value() for key in settings.secret_keys] == [b"s" * 32, b"o" * 32]
    assert settings.pepper is not None
    assert settings.pepper.get_secret_value() == b"o" * 32


def test_secrets_of_the_environment_win_and_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTILJON_SECRET_KEYS", SECRET)
    monkeypatch.setenv("POSTILJON_PEPPER", OTHER)
    settings = read(MailerSettings)
    assert settings.secret_keys[0].get_secret_value() == b"s" * 32
    assert "sss" not in repr(settings)
    assert SECRET not in repr(settings)


def test_every_fault_is_named_at_once_with_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTILJON_SMTP_URL", "http://x")
    monkeypatch.setenv("POSTILJON_GIVE_UP", "never")
    monkeypatch.setenv("POSTILJON_RETURN_PATH", "x" * 19 + "@vng.example")
    monkeypatch.setenv("POSTILJON_PEPPER", "geheim")
    with pytest.raises(SettingsError) as caught:
        read(MailerSettings)
    words = str(caught.value)
    for name in ("POSTILJON_SMTP_URL", "POSTILJON_GIVE_UP", "POSTILJON_RETURN_PATH", "POSTILJON_PEPPER"):
        assert name in words
    assert "geheim" not in words


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postiljon.toml").write_text("rate = = 3")
    with pytest.raises(SettingsError, match=r"postiljon\.toml"):
        read(MailerSettings)


def test_settings_are_frozen() -> None:
    settings = read(MailerSettings)
    with pytest.raises(ValueError, match="frozen"):
        settings.rate = 3
