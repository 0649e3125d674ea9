"""A relay that asks us to wait, or is set wrongly, as who runs ``send``, ``status``, ``test`` or ``doctor`` sees it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine, Ran, free_port
from tests.support.faults import scripted
from tests.support.smtpd import Rule, Server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
LETTER, SLUG = "denkt-u-mee.md", "denkt-u-mee"
PEOPLE = 12
WAIT = "421 4.7.0 too busy, come back later"


@pytest.fixture
def cli(furnished: Callable[[str, Path], None], tmp_path: Path) -> CommandLine:
    """Twelve people and a letter."""
    people = "".join(f"lezer{one}@example.org,mevrouw Jansen\n" for one in range(PEOPLE))
    furnished(f"email,salutation\n{people}", tmp_path)
    return CommandLine(tmp_path, {"POSTILJON_BRAND": "vng.toml"})


def use(cli: CommandLine, server: Server, tls: str = "none") -> str:
    name = f"127.0.0.1:{server.port}"
    cli.environment["POSTILJON_SMTP_URL"] = f"smtp://{name}?connections=2&tls={tls}"
    return name


def started(cli: CommandLine) -> subprocess.Popen[bytes]:
    """``send`` at work."""
    command = [sys.executable, "-m", "campaigns", "send", LETTER, "--yes"]
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    return subprocess.Popen(command, cwd=cli.folder, env=cli.env(), stdin=quiet, stdout=pipe, stderr=pipe)


def ended(process: subprocess.Popen[bytes]) -> Ran:
    out, err = process.communicate(timeout=60)
    return Ran(process.returncode, out.decode(), err.decode())


def test_send_says_that_a_relay_asks_us_to_wait_and_when_it_takes_mail_again(cli: CommandLine) -> None:
    with scripted(Rule("greeting", text=WAIT, times=2)) as server:
        name = use(cli, server)
        ran = cli.do("send", LETTER, "--yes")
        assert ran.err.splitlines() == [
            f"The mail server {name} takes no mail now, it says: {WAIT}.",
            f"The mail server {name} takes mail again.",
        ]
        assert len(server.accepted) == PEOPLE


def test_status_says_since_when_and_in_which_words_while_send_waits(cli: CommandLine) -> None:
    with scripted(Rule("greeting", text=WAIT)) as server:
        use(cli, server)
        process = started(cli)
        wait_until(lambda: f"it says: {WAIT}. We keep trying." in cli.run("status", SLUG).out, 50)
        assert "has taken nothing since 20" in cli.run("status", SLUG).out
        assert WAIT in cli.run("status", SLUG, "--json").json["details"]["why_nothing"][0]
        assert "neemt sinds" in cli.run("status", SLUG, LC_ALL="nl_NL.UTF-8").out
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 3
    assert cli.status(SLUG)["waiting"] == PEOPLE


def test_doctor_and_test_name_what_is_wrong_with_the_relay(cli: CommandLine) -> None:
    cases = [
        (Rule("greeting", text=WAIT), "none", WAIT),
        (Rule("greeting", "close", text="HTTP/1.1 400 Bad Request"), "none", "this port speaks HTTP, not SMTP"),
        (Rule("quit"), "implicit", "this port does not speak TLS at once; use tls=starttls"),
    ]
    for rule, tls, words in cases:
        with scripted(rule) as server:
            name = use(cli, server, tls)
            assert f"relay: {name}: {words}" in cli.run("doctor").out
            ran = cli.run("test", LETTER, "me@example.org")
            assert (ran.code, ran.err) == (3, f"{name}: {words}.\n")


def test_doctor_says_what_to_do_next_about_a_relay_that_takes_no_mail(cli: CommandLine) -> None:
    login = {"POSTILJON_SMTP_USER": "u", "POSTILJON_SMTP_PASSWORD": "GeHeim"}
    port = free_port()
    cases: list[tuple[dict[str, str], list[str]]] = [
        (
            {"POSTILJON_SMTP_URL": f"smtp://127.0.0.1:{port}"},
            [f"nc -vz 127.0.0.1 {port}", "status postfix", "smtp_url"],
        ),
        (
            {"POSTILJON_SMTP_URL": "smtp://nosuch.invalid"},
            ["no address in DNS", "nc -vz nosuch.invalid 25", "smtp_url"],
        ),
    ]
    for more, words in cases:
        said = cli.run("doctor", **more).out
        assert [word for word in words if word not in said] == []
    with scripted() as server:
        use(cli, server, "opportunistic")
        said = cli.run("doctor", **login).out
        assert "no way to log in that we know. If it asks for no password, leave out smtp_user" in said
        assert "?tls=starttls" in said
    assert "kijk of hij draait" in cli.run("doctor", LC_ALL="nl_NL.UTF-8", **cases[0][0]).out


def test_a_test_mail_waits_for_a_relay_that_takes_one_connection_at_a_time_and_says_so(cli: CommandLine) -> None:
    with scripted(Rule("greeting", text=WAIT, session=2)) as server:
        use(cli, server)
        ran = cli.do("test", LETTER, "me@example.org")
        assert ran.err == f"The mail server takes no mail now, it says: {WAIT}. We keep waiting.\n"
        assert server.recipients == ["me@example.org"]
