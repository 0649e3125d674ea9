"""The organisation's address is set once, and staff can see which service mail waits, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.lifecycle import report
from mailer import outbox
from mailer.storage import open_database
from tests.support.commandline import CommandLine
from tests.support.installation import Installation

pytestmark = pytest.mark.slow
CONTACT = "info@vng.example"


def findings(cli: CommandLine, subject: str) -> list[tuple[str, str]]:
    """Return the findings of ``doctor`` about a subject."""
    found = cli.run("doctor", "--json").json["findings"]
    return [(item["kind"], item["words"]) for item in found if item["subject"] == subject]


def test_init_writes_down_the_organisation_and_says_what_is_missing(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    assert "postiljon init --organisation" in cli.do("init").out
    cli.write("postiljon.toml", 'data = "data"\n')
    named = cli.do("init", "--organisation", 'VNG "Noord"', "--contact", CONTACT)
    assert "postiljon.toml" in named.out
    assert (tmp_path / "postiljon.toml").read_text("utf-8") == (
        f'organisation = "VNG \\"Noord\\""\ncontact = "{CONTACT}"\ndata = "data"\n'
    )
    assert "--contact" not in cli.do("init", "--contact", CONTACT).out
    assert findings(cli, "organisation") == [("ok", f'VNG "Noord" <{CONTACT}>')]


@pytest.mark.parametrize("address", ["VNG <info@vng.example>", "a@x.example, b@x.example", "ïnfo@vng.example", "x"])
def test_init_refuses_an_address_that_letters_cannot_come_from(tmp_path: Path, address: str) -> None:
    cli = CommandLine(tmp_path)
    ran = cli.run("init", "--contact", address)
    assert ran.code == 1
    assert "POSTILJON_CONTACT" in ran.err
    assert not (tmp_path / "postiljon.toml").exists()


def test_init_does_not_change_an_address_that_is_there(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.do("init", "--contact", CONTACT)
    ran = cli.run("init", "--contact", "post@vng.example")
    assert ran.code == 1
    assert "change it there" in ran.err
    assert CONTACT in (tmp_path / "postiljon.toml").read_text("utf-8")


def test_doctor_and_check_say_what_to_write_where_until_there_is_an_address(installation: Installation) -> None:
    cli = installation.cli
    ((kind, words),) = findings(cli, "organisation")
    assert kind == "warning"
    assert 'contact = "info@example.org"' in words
    checked = cli.do("check", "denkt-u-mee.md", "--no-dns", "--json").json
    fields = [fault["field"] for fault in checked["faults"] if fault["file"] == "postiljon.toml"]
    assert fields == ["contact", "public_url"]
    assert "postiljon.toml: contact: " in cli.do("check", "denkt-u-mee.md", "--no-dns").out
    cli.environment["POSTILJON_CONTACT"] = CONTACT
    checked = cli.do("check", "denkt-u-mee.md", "--no-dns", "--json").json
    fields = [fault["field"] for fault in checked["faults"] if fault["file"] == "postiljon.toml"]
    assert fields == ["public_url"]


def test_status_and_doctor_say_which_service_mail_waits_since_when_and_why(installation: Installation) -> None:
    cli, now = installation.cli, datetime.now(UTC)
    db = open_database(f"sqlite:///{cli.folder}/data/postiljon.db")
    identity = outbox.Identity("http://127.0.0.1:8000", "", 1)
    spec = outbox.MailingSpec("optin_confirm:1", "service", "", "0" * 64, identity, from_address=CONTACT)
    with db.write() as conn:
        mailing = outbox.open_mailing(conn, spec, now)
        outbox.enqueue(conn, mailing.id, [outbox.Recipient(1, "a@b.example", b"a", "b.example")], 1, now)
        outbox.audience_complete(conn, mailing.id)
    assert "1 waiting since" in cli.do("status").out
    assert "no sender runs" in cli.do("status").out
    with db.write() as conn:
        outbox.service.stop(conn, outbox.service.EVERY, outbox.Hold("relay_auth", "535 5.7.8 no"), now)
    db.close()
    said = cli.do("status").out
    assert "1 waiting since" in said
    assert "does not let us log in" in said
    assert "535 5.7.8 no" in said
    assert cli.do("status", "--json").json == []
    ((kind, words),) = findings(cli, "service mail")
    assert (kind, "535 5.7.8 no" in words) == ("warning", True)


def test_service_mail_whose_time_was_over_is_said(installation: Installation) -> None:
    db = open_database(f"sqlite:///{installation.cli.folder}/data/postiljon.db")
    now = datetime.now(UTC)
    identity = outbox.Identity("http://127.0.0.1:8000", "", 1)
    with db.write() as conn:
        mailing = outbox.open_mailing(conn, outbox.MailingSpec("my_data:1", "service", "", "0" * 64, identity), now)
        outbox.enqueue(conn, mailing.id, [outbox.Recipient(1, "a@b.example", b"a", "b.example")], 1, now)
        outbox.audience_complete(conn, mailing.id)
        outbox.service.expire(conn, mailing.id, now)
        (line,) = report.service_mail(conn, now, "UTC")
    db.close()
    assert line.words == "1 not sent in the last 7 days: the time for sending was over."
    assert line.words in installation.cli.do("status").out
