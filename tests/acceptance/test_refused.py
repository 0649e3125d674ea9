"""A relay that refuses our readers, and what staff do about it: through the command line, on a real SMTP server."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.commandline import Catcher, Mailbox
from tests.support.installation import Installation, open_office

pytestmark = pytest.mark.slow
LETTER = "denkt-u-mee.md"
PEOPLE = [f"lezer{n}@d{n % 50}.example" for n in range(60)]
LIMIT = "550-Requested action not taken: mailbox unavailable\r\n550 Failure sending mail. Try again later."


class Limited(Catcher):
    """Takes ``room`` letters, then answers RCPT with ``says``; an address in ``only`` alone is always told so."""

    def __init__(self, says: str, room: int = 10, only: frozenset[str] = frozenset()) -> None:
        super().__init__(Mailbox())
        self.says, self.room, self.only = says, room, only

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.only if self.only else len(self.mailbox.all()) >= self.room:
            return self.says
        return await super().handle_RCPT(server, session, envelope, address, options)


@pytest.fixture
def relay(
    furnished: Callable[[str, Path], None], tmp_path: Path
) -> Callable[[Limited], contextmanager[Iterator[Installation]]]:  # type: ignore[valid-type]
    furnished("email\n" + "".join(f"{email}\n" for email in PEOPLE), tmp_path)
    return lambda catcher: open_office(tmp_path, catcher)  # type: ignore[arg-type,return-value]


def suppressed(installation: Installation) -> list[str]:
    return [item["address"] for item in installation.cli.do("suppression", "list", "--json").json]


def test_an_hourly_limit_of_the_relay_strikes_nobody_off_and_costs_nobody(relay) -> None:  # type: ignore[no-untyped-def]
    with relay(catcher := Limited(LIMIT)) as installation:
        ran = installation.cli.run("send", LETTER, "--yes")
        status = installation.cli.status("denkt-u-mee")
        assert (ran.code, status["state"], status["reason"]) == (3, "held", "many_alike")
        assert "Failure sending mail. Try again later." in ran.err
        assert "Failure sending mail. Try again later." in installation.cli.do("status", "denkt-u-mee").out
        assert suppressed(installation) == []
        assert status["refused"] == 0
        catcher.room = 1_000
        installation.cli.do("resume", "denkt-u-mee")
        installation.cli.do("send", LETTER, "--yes")
        status = installation.cli.status("denkt-u-mee")
        assert status["accepted"] + status["retry"] == 60
        assert status["retry"] <= 8  # a window: those who were told to come later
        assert sorted(item.recipient for item in catcher.mailbox.all())[:1] == ["lezer0@d0.example"]


@pytest.mark.parametrize(
    "says", ["550 Blocked", "550 5.7.1 Reject due to policy restrictions", "552 5.1.1 policy error"]
)
def test_a_block_of_the_relay_holds_the_campaign_and_all_wait(relay, says: str) -> None:  # type: ignore[no-untyped-def]
    with relay(Limited(says)) as installation:
        assert installation.cli.run("send", LETTER, "--yes").code == 3
        status = installation.cli.status("denkt-u-mee")
        assert (status["state"], status["refused"], status["waiting"]) == ("held", 0, 60 - status["accepted"])
        assert suppressed(installation) == []


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("550 5.7.0 Sending paused for this account", "account"),
        ("550 You have exceeded your hourly sending limit", "quota"),
        ("553 5.7.1 <info@vng.nl>: Sender address rejected: not owned by user vng", "sender_refused"),
    ],
)
def test_a_problem_of_ours_holds_at_the_first_reply(relay, says: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    with relay(Limited(says)) as installation:
        ran = installation.cli.run("send", LETTER, "--yes")
        status = installation.cli.status("denkt-u-mee")
        assert (ran.code, status["state"], status["reason"]) == (3, "held", reason)
        assert status["refused"] == 0
        assert ("It goes on by itself on" in ran.err) == (reason == "quota")


def test_staff_read_the_servers_words_and_send_again_once_it_is_mended(relay) -> None:  # type: ignore[no-untyped-def]
    only = frozenset({"lezer3@d3.example", "lezer4@d4.example"})
    with relay(catcher := Limited("550 5.7.1 Message refused by policy of this house", only=only)) as installation:
        cli = installation.cli
        cli.do("send", LETTER, "--yes")
        listed = cli.do("status", "denkt-u-mee", "policy", "--people")
        assert [line.split()[0] for line in listed.out.splitlines()[:-1]] == sorted(only)
        assert "550 5.7.1 Message refused by policy of this house" in listed.out
        found = cli.do("status", "denkt-u-mee", "refused", "--people", "--json").json["people"]
        assert [(item["address"], item["reason"], item["code"]) for item in found] == [
            (address, "policy", 550) for address in sorted(only)
        ]
        cli.do("status", "denkt-u-mee", "--people", "--out", "people.csv")
        rows = list(csv.DictReader((cli.folder / "people.csv").read_text("utf-8-sig").splitlines()))
        assert [row["address"] for row in rows] == sorted(only)
        catcher.only = frozenset({"nobody"})
        ran = cli.do("send", "denkt-u-mee", "--refused", "policy", "--yes")
        assert "Sent again to 2 people." in ran.out
        assert cli.status("denkt-u-mee")["accepted"] == 60
        assert len(catcher.mailbox.all()) == 60


def test_a_reason_or_state_that_nobody_has_is_told_with_those_that_there_are(relay) -> None:  # type: ignore[no-untyped-def]
    only = frozenset({"lezer3@d3.example"})
    with relay(Limited("552 5.2.2 Mailbox full", only=only)) as installation:
        installation.cli.do("send", LETTER, "--yes")
        ran = installation.cli.run("send", "denkt-u-mee", "--refused", "polcy", "--yes")
        assert (ran.code, "full" in ran.err) == (1, True)
        ran = installation.cli.run("status", "denkt-u-mee", "polcy", "--people")
        assert (ran.code, "full" in ran.err) == (1, True)
        assert installation.cli.run("status", "denkt-u-mee", "full").code == 2


def test_staff_undo_what_servers_said_and_nothing_that_readers_said(relay) -> None:  # type: ignore[no-untyped-def]
    dead = frozenset({"lezer3@d3.example", "lezer4@d4.example", "lezer5@d5.example"})
    with relay(Limited("550 5.1.1 User unknown", only=dead)) as installation:
        cli = installation.cli
        cli.do("send", LETTER, "--yes")
        assert suppressed(installation) == sorted(dead)
        cli.do("contacts", "suppress", "lezer4@d4.example")
        ran = cli.do("suppression", "lift", "lezer3@d3.example", "lezer4@d4.example")
        assert "lezer4@d4.example: still held back" in ran.out
        assert suppressed(installation) == ["lezer5@d5.example"]
        assert cli.do("contacts", "show", "lezer4@d4.example", "--json").json["suppressed"] is True
        assert cli.do("contacts", "show", "lezer3@d3.example", "--json").json["suppressed"] is False
        assert cli.do("suppression", "lift", "--campaign", "denkt-u-mee", "--json").json["lifted"] == 1
        assert suppressed(installation) == []
        assert cli.run("suppression", "lift").code == 2
