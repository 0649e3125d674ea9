"""The user's story, typed: from a campaign file to mailboxes and back, through the real command line."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import pytest

from tests.support.commandline import fetch, free_port
from tests.support.installation import DEFERRED, REFUSED, Installation

pytestmark = pytest.mark.slow
LETTER = "denkt-u-mee.md"


def test_the_letter_reaches_everybody_whom_it_can_reach_once(installation: Installation) -> None:
    cli = installation.cli
    assert cli.do("check", LETTER, "--no-dns").out.endswith("warning.\n")
    ran = cli.do("send", LETTER, "--yes")
    assert "Left for a later attempt: 1" in ran.out
    got = sorted(caught.recipient for caught in installation.mailbox.all())
    assert got == ["communicatie@noordermeer.example", "ester@waterhoek.example", "jan@waterhoek.example"]
    status = cli.status("denkt-u-mee")
    assert (status["state"], status["recipients"]) == ("sending", 5)
    assert (status["accepted"], status["refused"], status["retry"], status["in_doubt"]) == (3, 1, 1, 0)
    again = cli.do("send", LETTER, "--yes")
    assert "Left for a later attempt: 1" in again.out
    assert len(installation.mailbox.all()) == 3
    assert cli.do("contacts", "show", REFUSED, "--json").json["suppressed"] is True
    assert cli.do("contacts", "show", DEFERRED, "--json").json["suppressed"] is False


def test_render_gives_the_bytes_that_arrived(installation: Installation) -> None:
    cli = installation.cli
    before = cli.do("render", LETTER, "--contact", "ester@waterhoek.example", "--out", "before.eml")
    assert "before.eml" in before.out
    assert b"/u/" + b"A" * 36 in (cli.folder / "before.eml").read_bytes()
    cli.do("send", LETTER, "--yes")
    cli.do("render", LETTER, "--contact", "ester@waterhoek.example", "--out", "after.eml")
    caught = next(item for item in installation.mailbox.all() if item.recipient == "ester@waterhoek.example")
    assert (cli.folder / "after.eml").read_bytes().rstrip() == caught.content.rstrip()


def test_each_reader_has_links_of_their_own_that_work(installation: Installation) -> None:
    port = free_port()
    installation.cli.environment["POSTILJON_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    installation.cli.do("send", LETTER, "--yes")
    letters = {item.recipient: item for item in installation.mailbox.all()}
    mine, other = letters["ester@waterhoek.example"], letters["jan@waterhoek.example"]
    assert mine.unsubscribe_url != other.unsubscribe_url
    assert "Geachte mevrouw Van der Mark," in mine.part("plain")
    assert "Geachte heer, mevrouw," in letters["communicatie@noordermeer.example"].part("html")
    with installation.cli.running("serve", "--public-only", "--port", str(port)):
        assert fetch(mine.unsubscribe_url)[0] == 200
        topics = installation.cli.do("contacts", "show", "ester@waterhoek.example", "--json").json["topics"]
        assert topics == {"verenigingsnieuws": "subscribed"}
        online = re.search(rf"http://127.0.0.1:{port}/o/[\w-]+", mine.part("plain"))
        assert online is not None
        status, page = fetch(online[0])
        assert (status, "mevrouw Van der Mark" in page, "Geachte heer, mevrouw," in page) == (200, False, True)
        assert fetch(mine.unsubscribe_url, b"List-Unsubscribe=One-Click")[0] == 200
    shown = installation.cli.do("contacts", "show", "ester@waterhoek.example", "--json").json
    assert shown["topics"] == {"verenigingsnieuws": "opted_out"}
    text = (installation.cli.folder / LETTER).read_text("utf-8").replace("slug: denkt-u-mee", "slug: tweede")
    installation.cli.write("tweede.md", text)
    installation.cli.do("send", "tweede.md", "--yes")
    assert sum(1 for item in installation.mailbox.all() if item.recipient == "ester@waterhoek.example") == 1


def test_a_file_that_differs_from_what_was_launched_is_refused(installation: Installation) -> None:
    installation.cli.do("send", LETTER, "--yes")
    path = installation.cli.folder / LETTER
    path.write_text(path.read_text("utf-8").replace("Andries Kok", "Iemand Anders"), "utf-8")
    ran = installation.cli.run("send", LETTER, "--yes")
    assert ran.code == 1
    assert "-Andries Kok" in ran.err
    assert "+Iemand Anders" in ran.err
    assert len(installation.mailbox.all()) == 3


def test_a_test_mail_says_that_it_is_one_and_counts_nowhere(installation: Installation) -> None:
    ran = installation.cli.do("test", LETTER, "ik@example.org", "ester@waterhoek.example")
    assert ran.out.count("accepted") == 2
    assert [item.message["Subject"] for item in installation.mailbox.all()] == [
        "[test] Denkt u mee over regionale samenwerking?"
    ] * 2
    assert installation.cli.do("status", "--json").json == []


def test_a_test_mail_is_a_mail_of_its_own_whose_links_lead_to_pages(installation: Installation) -> None:
    port = free_port()
    installation.cli.environment["POSTILJON_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    for _ in range(2):
        installation.cli.do("test", LETTER, "ester@waterhoek.example")
    first, second = installation.mailbox.all()
    assert first.message["Message-ID"] != second.message["Message-ID"]
    assert first.message["Message-ID"].startswith("<test-")
    assert "Geachte mevrouw Van der Mark," in first.part("plain")
    with installation.cli.running("serve", "--public-only", "--port", str(port)):
        links = set(re.findall(rf"http://127\.0\.0\.1:{port}/(?:u|d|o)/[\w-]+", first.part("plain")))
        assert {link.split("/")[3] for link in links} == {"u", "d", "o"}
        for link in [*links, first.unsubscribe_url]:
            status, page = fetch(f"{link}?lang=en")
            assert (status, "This is a test email." in page) == (200, True), link
        assert fetch(first.unsubscribe_url, b"List-Unsubscribe=One-Click")[0] == 200
        for image in set(re.findall(rf"http://127\.0\.0\.1:{port}/m/[\w.]+", first.part("html"))):
            assert fetch(image)[0] == 200
    shown = installation.cli.do("contacts", "show", "ester@waterhoek.example", "--json").json
    assert (shown["topics"], shown["suppressed"]) == ({"verenigingsnieuws": "subscribed"}, False)


def test_a_paused_campaign_is_not_sent_and_a_resumed_one_is(installation: Installation) -> None:
    cli = installation.cli
    cli.do("send", LETTER, "--yes")
    assert "1 person is still waiting" in cli.do("pause", "denkt-u-mee").out  # the one whose relay said: later
    ran = cli.run("send", LETTER, "--yes")
    assert (ran.code, "paused" in ran.err) == (3, True)
    cli.do("resume", "denkt-u-mee")
    assert cli.run("send", LETTER, "--yes").code == 0
    cli.do("cancel", "denkt-u-mee")
    status = cli.status("denkt-u-mee")
    assert (status["state"], status["skipped"], status["retry"]) == ("cancelled", 1, 0)
    assert cli.run("send", LETTER, "--yes").code == 1
    for command in ("pause", "resume"):
        ran = cli.run(command, "denkt-u-mee", "--json")
        assert (ran.code, ran.json["permanent"]) == (1, True), "it never works again, so it is no 3"
    assert status["details"]["finished_at"]


def test_the_date_in_the_header_is_the_moment_of_sending(installation: Installation) -> None:
    installation.cli.do("send", LETTER, "--yes")
    caught = installation.mailbox.all()[0]
    sent = parsedate_to_datetime(str(caught.message["Date"]))
    assert abs((caught.at - sent).total_seconds()) < 60


def test_serve_sends_a_planned_campaign_at_its_hour(installation: Installation) -> None:
    from datetime import UTC, datetime, timedelta

    from tests.support.waiting import wait_until

    cli, port = installation.cli, free_port()
    with cli.running("serve", "--port", str(port)):
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
        hour = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
        cli.do("schedule", LETTER, "--at", f"{hour:%Y-%m-%d %H:%M:%S}Z")
        wait_until(lambda: len(installation.mailbox.all()) == 3)
        assert min(item.at for item in installation.mailbox.all()) >= hour
    assert cli.status("denkt-u-mee")["accepted"] == 3
