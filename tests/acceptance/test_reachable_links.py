"""No letter leaves this machine while its links lead to this machine: check, send, schedule, serve, worker, resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commandline import Catcher, CommandLine, Mailbox, catching, free_port
from tests.support.installation import Installation

pytestmark = pytest.mark.slow
LETTER, SLUG = "denkt-u-mee.md", "denkt-u-mee"
AWAY = {"POSTILJON_SMTP_URL": "smtp://user:secret@relay.vng.nl:587"}
HERE = ["", "http://localhost:8000", "http://127.0.0.1:8000", "https://[::1]/", "https://0.0.0.0"]
HERE += ["https://localhost.localdomain", "https://LOCALHOST.", "https://[::ffff:127.0.0.1]"]


@pytest.fixture
def cli(furnished: Callable[[str, Path], None], tmp_path: Path) -> CommandLine:
    """Two people, a letter, and a relay that is not on this machine."""
    furnished("email\none@example.org\ntwo@example.org\n", tmp_path)
    return CommandLine(tmp_path, {"POSTILJON_BRAND": "vng.toml"} | AWAY)


@pytest.mark.parametrize("url", HERE)
def test_send_refuses_links_that_only_this_machine_can_reach_and_says_what_to_write(cli: CommandLine, url: str) -> None:
    ran = cli.run("send", LETTER, "--yes", POSTILJON_PUBLIC_URL=url)
    assert ran.code == 1
    assert "public_url" in ran.err
    assert 'public_url = "https://mail.example.org"' in ran.err
    assert "relay.vng.nl" in ran.err
    assert "secret" not in ran.err
    assert cli.do("status", "--json").json == []


@pytest.mark.parametrize("host", ["127.1", "2130706433"])
def test_a_number_that_some_programs_read_as_this_machine_is_no_public_address(cli: CommandLine, host: str) -> None:
    ran = cli.run("send", LETTER, "--yes", POSTILJON_PUBLIC_URL=f"https://{host}")
    assert ran.code == 1
    assert f"POSTILJON_PUBLIC_URL: '{host}' is not the name of a machine" in ran.err
    assert cli.do("status", "--json").json == []


@pytest.mark.parametrize(
    "command",
    [
        ("check", LETTER, "--no-dns"),
        ("schedule", LETTER, "--at", "2099-01-01 09:00 UTC"),
        ("serve", "--port", "0"),
        ("serve", "--public-only"),
        ("worker",),
        ("resume", SLUG),
        ("send", SLUG, "--refused", "mailbox_full", "--yes"),
    ],
)
def test_whatever_lets_letters_leave_refuses_them(cli: CommandLine, command: tuple[str, ...]) -> None:
    command = tuple(str(free_port()) if word == "0" else word for word in command)
    ran = cli.run(*command)
    assert ran.code == 1, ran
    assert 'public_url = "https://mail.example.org"' in ran.out + ran.err


def test_check_and_doctor_tell_it_beside_all_else(cli: CommandLine) -> None:
    told = cli.run("check", LETTER, "--no-dns", "--json")
    assert told.code == 1
    [fault] = [fault for fault in told.json["faults"] if fault["field"] == "public_url"]
    assert fault["severity"] == "error"
    findings = {item["subject"]: item for item in cli.run("doctor", "--json").json["findings"]}
    assert findings["public address"]["kind"] == "error"
    assert findings["relay"]["kind"] == "error", "it is told what else is wrong"


@pytest.mark.parametrize(
    ("url", "words"),
    [("https://mail.intern", "only a local network"), ("https://mail.example.org/post", "the name of an example")],
)
def test_a_local_network_and_an_example_are_warnings(cli: CommandLine, url: str, words: str) -> None:
    url = url.replace("intern", "lan")
    ran = cli.do("check", LETTER, "--no-dns", POSTILJON_PUBLIC_URL=url)
    assert words in ran.out
    assert "It can go out" in ran.out


def test_a_test_mail_may_leave_and_says_that_its_links_work_here_only(installation: Installation) -> None:
    ran = installation.cli.do("test", LETTER, "me@example.org")
    assert "this machine only" in ran.out
    assert [mail.recipient for mail in installation.mailbox.all()] == ["me@example.org"]


def test_a_relay_on_this_machine_takes_the_letters_and_the_consequence_is_named(installation: Installation) -> None:
    ran = installation.cli.do("send", LETTER, "--yes")
    assert "nobody can opt out" in ran.out
    assert "nobody can opt out" in installation.cli.do("check", LETTER, "--no-dns").out


def test_a_campaign_whose_frozen_links_lead_here_is_held_before_anything_leaves(cli: CommandLine) -> None:
    """Launched through a relay on this machine that was away; then the relay and the public address were set."""
    gone = {"POSTILJON_SMTP_URL": f"smtp://127.0.0.1:{free_port()}?connections=1"}
    with catching(Catcher(Mailbox(), defer=["one@example.org", "two@example.org"])) as port:
        cli.do("send", LETTER, "--yes", POSTILJON_SMTP_URL=f"smtp://127.0.0.1:{port}")
    real = {"POSTILJON_PUBLIC_URL": "https://mail.vng.nl"}
    ran = cli.run("send", LETTER, "--yes", **real)
    assert ran.code == 3
    assert "work on this machine only" in ran.err
    assert cli.status(SLUG)["state"] == "held"
    assert cli.status(SLUG)["reason"] == "links_stay_here"
    resumed = cli.run("resume", SLUG, **real)
    assert resumed.code == 1
    assert "under another slug" in resumed.err
    assert cli.run("resume", SLUG, **real, **gone).code == 0, "a relay on this machine may have it"


def test_a_campaign_that_was_planned_with_links_that_lead_here_is_planned_anew(cli: CommandLine) -> None:
    at = ("--at", "2099-01-01 09:00 UTC")
    cli.do("schedule", LETTER, *at, POSTILJON_SMTP_URL="smtp://127.0.0.1:25")
    real = {"POSTILJON_PUBLIC_URL": "https://mail.vng.nl"}
    assert json.loads(cli.do("schedule", LETTER, *at, "--json", **real).out)["state"] == "scheduled"
