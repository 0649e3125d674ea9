"""Whatever the settings: a sentence that names the setting, exit 1, no trace, no secret, and nothing launched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns.cli import run
from tests.support.commandline import CommandLine, Ran, free_port
from tests.support.installation import Installation

LETTER = "denkt-u-mee.md"
BAD: list[tuple[str, str]] = [
    *(("SMTP_URL", f"smtp://u:Ge{sign}Heim@relay.example") for sign in "/?#[]%"),
    ("SMTP_URL", "smtp://u:GeHeim@é..x"),
    ("SMTP_URL", "smtp://u:GeHeim@a..b"),
    ("SMTP_URL", "smtp://u:GeHeim@relay.example:70000"),
    ("SMTP_URL", "smtp://u:GeHeim@" + "x" * 64),
    ("SMTP_URL", "smtp://u:GeHeim@[::::]"),
    ("SMTP_URL", "GeHeim"),
    ("SMTP_PASSWORD", "GeHeim"),
    ("SMTP_PASSWORD_FILE", "/GeHeim"),
    ("PUBLIC_URL", "https://é..x"),
    ("PUBLIC_URL", "https://x.example:99999"),
    ("PUBLIC_URL", "https://[::1"),
    ("PUBLIC_URL", "https://x.example/a b"),
    ("PUBLIC_URL", "https://u:GeHeim@x.example"),
    ("HELLO_NAME", " "),
    ("HELLO_NAME", "a_b"),
    ("HELLO_NAME", "192.0.2.1"),
    ("HELLO_NAME", "x" * 64),
    ("HELLO_NAME", "mail.example\n"),
    ("DATABASE_URL", "postgresql://u:Ge@Heim@db.example/x"),
    ("DATABASE_URL", "postgresql://u:GeHeim@db.example:99999/x"),
    ("DATABASE_URL", "postgresql://u:GeHeim@é..x/x"),
    ("DATABASE_URL", "mysql://u:GeHeim@db.example/x"),
    ("DATABASE_URL", "GeHeim"),
    ("BRAND", "gone.toml"),
    ("BRAND", "data"),
    ("DKIM_KEY", "gone.pem"),
    ("TIMEZONE", "Mars"),
    ("RATE", "fast"),
    ("GIVE_UP", "99999999999d"),
    ("METRICS_TOKEN", "GeHeim"),
    ("PEPPER", "GeHeim"),
    ("SECRET_KEYS", "GeHeim"),
    ("SMPT_URL", "smtp://u:GeHeim@x"),
]


@pytest.fixture
def cli(installation: Installation) -> CommandLine:
    """A house with contacts, in which a campaign could be launched."""
    return installation.cli


def launched(cli: CommandLine) -> int:
    """How many campaigns there are."""
    with sqlite3.connect(cli.folder / "data" / "postiljon.db") as conn:
        return int(conn.execute("SELECT count(*) FROM campaign").fetchone()[0])


def sentence(ran: Ran, code: int = 1) -> str:
    """The sentence of the command."""
    assert ran.code == code, ran
    assert "Traceback" not in ran.err + ran.out
    assert not [part for part in ("GeHeim", "Heim@", "Ge/", "Ge%", "Ge#") if part in ran.err + ran.out], ran
    return ran.err + ran.out


def test_a_bad_setting_is_named_and_nothing_is_launched(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(cli.folder)
    for name, value in BAD:
        with monkeypatch.context() as only:
            only.setenv(f"POSTILJON_{name}", value)
            code = run(["send", LETTER, "--yes"])
        told = capsys.readouterr()
        words = sentence(Ran(code, told.out, told.err))
        named = "SMTP_" if name.startswith("SMTP_") else name
        assert f"POSTILJON_{named}" in words, (name, value, words)
    assert launched(cli) == 0


def test_all_faults_are_told_at_once_by_a_command_by_serve_and_by_doctor(cli: CommandLine) -> None:
    cli.write(
        "postiljon.toml",
        'smtp-url = "smtp://u:GeHeim@x"\nhello_name = "a_b"\n[relay]\nhost = "x"\n',
    )
    more = {"POSTILJON_BRAND": "gone.toml", "POSTILJON_DKIM_KEY": "gone.pem", "POSTILJON_LATE": "soon"}
    names = [
        "smtp-url",
        "relay.host",
        "POSTILJON_HELLO_NAME",
        "POSTILJON_BRAND",
        "POSTILJON_DKIM_KEY",
        "POSTILJON_LATE",
    ]
    for command in (
        ("send", LETTER, "--yes"),
        ("serve", "--port", str(free_port())),
        ("status", "--json"),
        ("doctor",),
    ):
        words = sentence(cli.run(*command, **more))
        assert [name for name in names if name not in words] == []
    faults = cli.run("status", "--json", **more).json["faults"]
    assert ("postiljon.toml", 1, "smtp-url") in {(fault["file"], fault["line"], fault["field"]) for fault in faults}
    found = cli.run("doctor", "--json", **more).json["findings"]
    assert len([item for item in found if (item["kind"], item["subject"]) == ("error", "settings")]) == len(names)
    assert "ok" in {item["kind"] for item in found if item["subject"] == "database"}
    assert launched(cli) == 0


def test_doctor_without_a_database_still_looks_at_the_relay(tmp_path: Path) -> None:
    found = CommandLine(tmp_path).run("doctor", "--json", POSTILJON_SMTP_URL="smtp://127.0.0.1:1").json["findings"]
    assert {item["subject"] for item in found if item["kind"] == "error"} == {"settings", "relay"}


@pytest.mark.parametrize("where", ["before", "behind", "joined", "variable"])
def test_the_file_of_settings_is_named_before_or_behind_a_command_or_in_a_variable(tmp_path: Path, where: str) -> None:
    cli = CommandLine(tmp_path)
    (tmp_path / "etc").mkdir()
    cli.write("etc/p.toml", 'data = "data"\norganisation = "VNG"\n')
    cli.write("postiljon.toml", "nonsense = 1\n")
    option, more = ["--config", "etc/p.toml"], {}
    command = {
        "before": [*option, "init"],
        "behind": ["init", *option],
        "joined": ["init", "--config=etc/p.toml"],
        "variable": ["init"],
    }[where]
    if where == "variable":
        more = {"POSTILJON_CONFIG": "etc/p.toml"}
    cli.do(*command, **more)
    assert (tmp_path / "etc" / "data" / "postiljon.db").exists()
    assert not (tmp_path / "data").exists()
    cli.do("init", "--contact", "info@vng.nl", POSTILJON_CONFIG="etc/p.toml")
    assert 'contact = "info@vng.nl"' in (tmp_path / "etc" / "p.toml").read_text()
    words = cli.run("doctor", POSTILJON_CONFIG="etc/p.toml").out
    assert "complete; read from etc/p.toml" in words


def test_a_password_in_a_named_file_that_all_can_read_is_told_by_doctor(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init")
    (tmp_path / "etc").mkdir()
    cli.write("etc/p.toml", f'data = "{tmp_path}/data"\nsmtp_user = "u"\nsmtp_password = "GeHeim"\n')
    (tmp_path / "etc" / "p.toml").chmod(0o644)
    assert "chmod o= etc/p.toml" in sentence(cli.run("--config", "etc/p.toml", "doctor"))


def test_a_file_that_was_named_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    for command in (
        ("--config", "gone.toml", "init"),
        ("init", "--config", str(tmp_path)),
        ("status", "--config=gone.toml"),
    ):
        assert "cannot be read" in sentence(cli.run(*command))
    assert "--config needs" in sentence(cli.run("status", "--config"), 2)
    assert list(tmp_path.iterdir()) == []


def test_init_with_a_bad_address_makes_nothing(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    assert "POSTILJON_CONTACT" in sentence(cli.run("init", "--contact", "nobody", "--organisation", "VNG"))
    assert list(tmp_path.iterdir()) == []


def test_serve_stops_at_the_start_where_a_page_could_not_be_made(cli: CommandLine) -> None:
    cli.write("bad.toml", 'nam = "x"\n')
    for brand in ("gone.toml", "bad.toml", "data"):
        assert sentence(cli.run("serve", "--port", str(free_port()), POSTILJON_BRAND=brand))


def test_an_address_that_cannot_be_listened_on_is_told(cli: CommandLine) -> None:
    for host in ("192.0.2.77", "a..b", "é é", "x" * 300, "nosuch.invalid"):
        assert "cannot listen on" in sentence(cli.run("serve", "--host", host, "--port", str(free_port())))


def test_a_database_that_is_none_is_told_and_left_as_it_is(cli: CommandLine) -> None:
    text = "no database at all, but a long text\n" * 100
    cli.write("text", text)
    for command in (("status",), ("init",), ("doctor",), ("serve", "--port", str(free_port()))):
        assert sentence(cli.run(*command, POSTILJON_DATABASE_URL="sqlite:///text"))
        assert sentence(cli.run(*command, POSTILJON_DATABASE_URL="sqlite:///data"))
    assert (cli.folder / "text").read_text() == text


def test_a_data_folder_that_is_none_is_told(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.write("file", "")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for folder in ("file", "file/below", "x" * 300, "one", "/proc/none"):
        for command in ("init", "status", "doctor"):
            assert sentence(cli.run(command, POSTILJON_DATA=folder))


def test_a_setting_that_is_nearly_right_is_told_with_what_was_meant(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cases = [
        ("DATA", "/dev/null", "Set data to a folder of your own"),
        *((name, "~/x", "write the whole path") for name in ("DATA", "BRAND", "DKIM_KEY", "SMTP_PASSWORD_FILE")),
        ("TRUSTED_PROXIES", "10.0.0.5/8", "did you mean 10.0.0.0/8"),
        ("DATABASE_URL", "postgresql://u:Ge@Heim@db.example/x", "more than one @"),
        ("DATABASE_URL", "postgresql://u:GeHeim@db.example:99999/x", "no number from 1 to 65535"),
        ("DATABASE_URL", "postgresql://u:GeHeim@é..x/x", "not the name of a machine"),
        ("DATABASE_URL", "mysql://u:GeHeim@db.example/x", "no database that Postiljon knows"),
        ("TRUSTED_PROXIES", "2001:db8::5/32", "did you mean 2001:db8::/32"),
    ]
    for name, value, words in cases:
        said = sentence(cli.run("init", **{f"POSTILJON_{name}": value}))
        assert words in said
        assert f"POSTILJON_{name}" in said
    assert not (tmp_path / "~").exists()
    cli.do("init")
    for network in ("0.0.0.0/0", "::/0"):
        said = cli.run("doctor", POSTILJON_TRUSTED_PROXIES=network).out
        assert f"trusted_proxies has {network}: everybody is believed" in said
    said = sentence(cli.run("status", POSTILJON_DKIM_DOMAIN="vng.nl"))
    assert "not set: POSTILJON_DKIM_KEY, POSTILJON_DKIM_SELECTOR" in said


def test_a_dkim_key_is_made_with_a_warning_about_a_setting_that_there_is_not(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.write("postiljon.toml", "dkim_domian = 1\n")
    ran = cli.do("dkim", "key", "--domain", "vng.nl", "--json")
    assert "dkim_domian: there is no such setting (postiljon.toml:1)" in ran.err
    assert ran.json["made"]


SHELL = [
    ("{} status >&-", 0),
    ("{} status >&- 2>&- <&-", 0),
    ("{} status > /dev/full", 3),
    ("{} status --json > /dev/full", 3),
    ("{} doctor <&- | cat", 0),
    ("{} status nosuch 2> /dev/full", None),
    ("mkdir gone; cd gone; rmdir ../gone; {} status", 1),
    ("env -i {} status", 0),
    ("unset HOME TERM TMPDIR; {} status", 0),
    ("LC_ALL=xx_YY.none LANG=! {} status", 0),
    *((f"ulimit -n {most}; {{}} status", None) for most in (5, 6, 7)),
    ("LC_ALL=nl_NL.UTF-8; export LC_ALL; ulimit -n 6; {} status", None),
    ("ulimit -f 1; POSTILJON_DATA=small {} init", 3),
]


@pytest.mark.parametrize(("line", "code"), SHELL, ids=[line for line, _code in SHELL])
def test_an_odd_surrounding_ends_without_a_trace(tmp_path: Path, line: str, code: int | None) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init")
    program = str(Path(sys.executable).with_name("postiljon"))  # 'python -m' says of itself that a folder is gone
    done = subprocess.run(
        ["/bin/sh", "-c", line.format(program)],
        check=False,
        cwd=tmp_path,
        env=cli.env(),
        capture_output=True,
        timeout=120,
    )
    said = (done.stdout + done.stderr).decode()
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert code is None or done.returncode == code, said


def test_the_version_is_printed_whatever_the_settings_are(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.write("postiljon.toml", "= broken")
    for command in (("--version",), ("--config", "gone.toml", "--version")):
        ran = cli.run(*command)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("postiljon ")
        assert ran.out.strip()[-1].isdigit()
