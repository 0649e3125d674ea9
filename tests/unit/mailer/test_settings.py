"""Settings of the sending side: where they come from, and what is refused."""

from __future__ import annotations

import base64
import os
import re
import string
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

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


SIGNS = "/?#[]%"
SECRET_URLS = [
    *(f"smtp://u:Ge{sign}Heim@relay.example:587" for sign in SIGNS),
    *(f"smtp://u:Ge{sign}Heim{sign}Woord@relay.example" for sign in SIGNS),
    *(f"smtp://u:{sign}GeHeim@relay.example?tls=starttls" for sign in SIGNS),
    *(f"smtp://Ge{sign}Heim:p@relay.example" for sign in SIGNS),
    "smtp://u:GeHeim",
    "smtp://u:p@Ge/Heim@relay.example",
    "smtp://u:Ge[Heim]@relay.example",
    "smtp://u:Ge Heim@relay.example",
    "smtp://u:Ge%zzHeim@relay.example",
    "smtp://u:p@relay.example/GeHeim",
    "smtp://u:p@relay.example#GeHeim",
    "smtp://u:p@relay.example:GeHeim",
    "smtp:/u:GeHeim@relay.example",
    "u:GeHeim@relay.example:587",
    "http://u:GeHeim@relay.example",
]


@pytest.mark.parametrize("url", SECRET_URLS)
def test_a_password_that_is_not_encoded_is_told_in_a_sentence_without_any_of_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTILJON_SMTP_URL", url)
    with pytest.raises(SettingsError) as caught:
        read(MailerSettings)
    words = str(caught.value)
    assert "percent-encoded" in words
    assert "\n" not in words
    assert not [part for part in ("Ge", "Heim", "Woord") if part in words]
    assert caught.value.__cause__ is None


@given(st.text(alphabet=string.printable + "é€", min_size=1, max_size=12))
def test_whatever_the_password_it_is_taken_as_it_is_or_refused_without_a_word_of_it(password: str) -> None:
    url, expected = f"smtp://user:Q{password}Q@relay.example:2525", parse_relay("smtp://relay.example:2525")
    plain = unquote(password)
    encoded = re.sub(r"%[0-9A-Fa-f]{2}", "", password)
    if set(encoded) & set(SIGNS + string.whitespace):
        with pytest.raises(ValueError, match=r"^expected smtp://"):
            parse_relay(url)
    else:
        assert parse_relay(url) == replace(expected, user="user", password=f"Q{plain}Q")


def test_user_and_password_may_be_settings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTILJON_SMTP_URL", "smtp://relay.example?connections=3")
    monkeypatch.setenv("POSTILJON_SMTP_USER", "me@example.org")
    monkeypatch.setenv("POSTILJON_SMTP_PASSWORD", "a/b?c#d[e]f%g@h:i j%41")
    relay = read(MailerSettings).smtp_url
    assert (relay.user, relay.password) == ("me@example.org", "a/b?c#d[e]f%g@h:i j%41")
    assert (relay.host, relay.port, relay.connections) == ("relay.example", 587, 3)
    assert "a/b" not in repr(read(MailerSettings))


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_password_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    (tmp_path / "secret").write_bytes(f" pass wörd {end}".encode())
    (tmp_path / "postiljon.toml").write_text('smtp_user = "me"\nsmtp_url = "smtp://relay.example"\n')
    monkeypatch.setenv("POSTILJON_SMTP_PASSWORD_FILE", "secret")
    assert read(MailerSettings).smtp_url.password == " pass wörd "
    assert "wörd" not in repr(read(MailerSettings))


def test_a_password_without_a_relay_of_its_own_goes_to_the_relay_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POSTILJON_SMTP_USER", "me")
    assert read(MailerSettings).smtp_url == Relay("127.0.0.1", 587, "me")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"SMTP_PASSWORD": "GeHeim"}, "POSTILJON_SMTP_USER is not"),
        ({"SMTP_USER": "u", "SMTP_PASSWORD": "GeHeim", "SMTP_PASSWORD_FILE": "secret"}, "one is enough"),
        ({"SMTP_USER": "u", "SMTP_URL": "smtp://v:GeHeim@relay.example"}, "a user of its own"),
        ({"SMTP_USER": "u", "SMTP_PASSWORD": "GeHeim", "SMTP_URL": "smtp://x?tls=none"}, "in the clear"),
        ({"SMTP_USER": "u", "SMTP_PASSWORD_FILE": "GeHeim"}, "cannot be read: No such file"),
        ({"SMTP_USER": "u", "SMTP_PASSWORD_FILE": "/dev/zero"}, "no ordinary file"),
        ({"SMTP_USER": "u", "SMTP_PASSWORD_FILE": "empty"}, "one line: the password"),
        ({"SMTP_USER": "u", "SMTP_PASSWORD_FILE": "two"}, "one line: the password"),
        ({"SMTP_USER": "u", "SMTP_PASSWORD_FILE": "latin"}, "not text in UTF-8"),
    ],
)
def test_user_and_password_that_do_not_fit_are_refused_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], words: str
) -> None:
    for name, data in {"secret": b"x\n", "empty": b"\n", "two": b"GeHeim\nb\n", "latin": b"GeHeim\xe9"}.items():
        (tmp_path / name).write_bytes(data)
    for name, value in given.items():
        monkeypatch.setenv(f"POSTILJON_{name}", value)
    with pytest.raises(SettingsError, match=words) as caught:
        read(MailerSettings)
    assert "GeHeim" not in str(caught.value)


def test_a_value_of_another_kind_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "postiljon.toml").write_text('smtp_password = ["GeHeim"]\nsmtp_url = { password = "GeHeim" }\n')
    with pytest.raises(SettingsError) as caught:
        read(MailerSettings)
    assert "GeHeim" not in str(caught.value)


@pytest.mark.parametrize("name", ["postiljon.toml", "data/secrets.toml"])
def test_a_file_of_settings_that_is_broken_or_endless_is_named_and_a_pipe_blocks_nothing(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / name
    for content in (b"rate = = 3", b"\xff", b"a = " + b"[" * 100_000, b"#" * 1_000_001):
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=f"{name} cannot be read"):
            read(MailerSettings)
    path.unlink()
    os.mkfifo(path)
    if name == "postiljon.toml":
        with pytest.raises(SettingsError, match="not an ordinary file"):
            read(MailerSettings)
    else:
        assert read(MailerSettings).rate is None
