"""The address of a database: a password in it is taken as it is or refused without a word of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.database_url import parse, sqlite_file
from mailer.errors import SettingsError
from mailer.storage import map_error, open_database

PASSWORDS = [
    *(f"Ge{sign}Heim" for sign in "/?#[]%@: \\"),
    "Ge/Heim?Woord#",
    "@GeHeim",
    "Ge%zzHeim",
    "//GeHeim",
    "Ge@/Heim",
]


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_is_taken_as_it_is_or_refused_without_a_part_of_it(password: str) -> None:
    words, parsed = "", None
    try:
        parsed = parse(f"postgresql://u:{password}@db.example/x")
    except SettingsError as error:
        words = str(error)
    assert not [part for part in ("Ge/", "Heim", "Woord") if part in words]
    if parsed is None:
        assert "percent-encoded" in words
        assert "\n" not in words
    else:
        assert (parsed.password, parsed.host, parsed.database) == (password, "db.example", "x")
        assert "Heim" not in parsed.render_as_string()


@pytest.mark.parametrize(
    "url", ["", "x", "mysql://h/x", "postgresql://h:0/x", "postgresql://h:99999/x", "postgresql://é..x/x"]
)
def test_an_address_that_leads_to_no_database_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="POSTILJON_DATABASE_URL"):
        open_database(url)


def test_a_host_beyond_ascii_is_looked_up_as_dns_has_it() -> None:
    assert parse("postgresql://bücher.example/x").host == "xn--bcher-kva.example"


@pytest.mark.parametrize("name", ["", ":memory:", ".", "one", "x" * 300])
def test_a_file_that_can_hold_no_database_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(SettingsError):
        sqlite_file(parse(f"sqlite:///{name}"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ('connection failed: FATAL:  password authentication failed for user "u"', 1),
        ('connection failed: FATAL:  database "x" does not exist', 1),
        ('connection failed: FATAL:  role "u" does not exist', 1),
        ("fe_sendauth: no password supplied", 1),
        ("connection failed: Connection refused", 3),
        ("failed to resolve host 'db.example': [Errno -2] Name or service not known", 3),
    ],
)
def test_a_database_that_lets_nobody_in_is_a_fault_and_one_that_is_away_is_tried_again(words: str, code: int) -> None:
    import psycopg
    from sqlalchemy.exc import OperationalError

    assert map_error(OperationalError("", {}, psycopg.OperationalError(words))).exit_code == code
