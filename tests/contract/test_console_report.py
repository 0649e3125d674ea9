"""The report, the people of each number, and a person's page, as staff get them: rights, words, files, audit."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.lifecycle import launch
from campaigns.source.campaign_source import from_folder
from campaigns.staff import audit
from mailer import suppression
from mailer.outbox import Claimed
from mailer.storage import Database
from tests.support.campaigning import TOPIC
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.reported import GONE, YES, Answer, add, by_address, launched, read, sent
from tests.support.site import WebServer
from unsubscribe import erasing, reasons

PATH = "/campaigns/denkt-u-mee"
FORMULA = '=HYPERLINK("https://evil.example","x")'


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path, 12)


@pytest.fixture
def small(sqlite_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(sqlite_database, tmp_path, 12)


@pytest.fixture
def server(small: ConsoleSetup) -> Iterator[WebServer]:
    with console(small) as running:
        yield running


def gone(setup: ConsoleSetup, email: str = "anna@gouda.example", name: str = "Anna Jansen") -> int:
    """Send the campaign; the letter to one person is refused. Return her number."""
    contact = add(setup, email, name)
    words = ("refused", "no_address", 550, f"5.1.1 <{email}>: no such user Anna or JANSEN here")
    sent(setup, answer=lambda one: words if one.recipient == contact.id else YES)
    return contact.id


def acts(setup: ConsoleSetup) -> list[tuple[str, str, str, tuple[str, ...], str]]:
    with setup.db.read() as conn:
        return [(act.verb, act.kind, act.subject, act.fields, act.outcome) for act in audit.acts(conn)]


def rows(browser: StaffBrowser, path: str) -> list[list[str]]:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def sheet(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "".join(book.read(name).decode() for name in book.namelist() if "sheet" in name or "Strings" in name)


def test_a_report_says_in_one_sentence_what_came_of_it_and_why_not_in_words(setup: ConsoleSetup) -> None:
    held = add(setup, "kees@gouda.example", "Kees")
    with setup.db.write() as conn:
        suppression.suppress(conn, held.address_hash, TOPIC, "opt_out", setup.clock())
    gone(setup)
    mailing = read(setup).mailing_id or 0
    with setup.db.write() as conn:
        reasons.count_left(conn, {mailing: 2})
    with console(setup) as server, signed_in(setup, server, "reviewer") as browser:
        assert browser.get(f"{PATH}/report").status_code == 200
    text = browser.text
    assert "Mail servers accepted this letter for 12 of 14 people; 1 was left out, 1 was refused." in text
    assert "Address does not exist Refused No more mail goes there. Change the address if you know the new one." in text
    assert "Opted out Left out Nothing to do: they chose this." in text
    assert "2 people opted out" in text
    assert "Sun 1 Sept 2024, 14:00" in text
    assert "example.org 12 12 (100 %) 0" in text
    assert "are not read yet" in text
    assert not any(word in text for word in ("Delivered", "Success rate", "anna@", "Anna"))


def test_a_report_hides_a_number_that_would_point_at_a_person(sqlite_database: Database, tmp_path: Path) -> None:
    setup = console_setup(sqlite_database, tmp_path, 5)
    sent(setup)
    with console(setup) as server, signed_in(setup, server) as browser:
        browser.get(f"{PATH}/report")
    assert "Not shown: too few were reached" in browser.text


def test_a_campaign_that_is_being_sent_says_as_of_when(small: ConsoleSetup, server: WebServer) -> None:
    launched(small)
    with signed_in(small, server) as browser:
        browser.get(f"{PATH}/report")
    assert "Answers are still arriving: as of Sun 1 Sept 2024, 14:00." in browser.text
    assert "12 are still to come" in browser.text


def test_a_campaign_that_was_not_sent_has_no_report_yet(small: ConsoleSetup, server: WebServer) -> None:
    launch.schedule(
        small.config, from_folder(small.write(timezone="Europe/Amsterdam")), small.clock(), at="2024-09-18 09:00"
    )
    with signed_in(small, server, "sender") as browser:
        assert browser.get(f"{PATH}/report").status_code == 200
        assert "There is no report yet: this campaign goes out on Wed 18 Sept 2024, 09:00" in browser.text
        assert browser.get(f"{PATH}/people?outcome=refused").status_code == 404
        assert browser.get("/campaigns/no-such/report").status_code == 404


def test_people_of_a_number_are_whole_for_senders_and_masked_for_others(setup: ConsoleSetup) -> None:
    number = gone(setup)
    path = f"{PATH}/people?outcome=refused&why=no_address"
    with console(setup) as server:
        with signed_in(setup, server, "sender") as browser:
            browser.get(path)
            assert f"/contacts/{number}?campaign=denkt-u-mee" in browser.page
            assert "Anna Jansen anna@gouda.example Sun 1 Sept 2024, 14:00 Show Anna Jansen 550 5.1.1" in browser.text
        with signed_in(setup, server, "author") as browser:
            browser.get(path)
            assert "A••• a•••@g•••.example" in browser.text
            assert "550 5.1.1 …: no such user … or … here" in browser.text
            assert f"/contacts/{number}" not in browser.page


def test_people_come_page_by_page(small: ConsoleSetup, server: WebServer) -> None:
    small.people(60)
    sent(small, answer=GONE)
    with signed_in(small, server, "sender") as browser:
        browser.get(f"{PATH}/people?outcome=refused")
        assert browser.page.count('scope="row"') == 50
        following = next(part.split('"')[0] for part in browser.page.split('href="') if "after=" in part)
        browser.get(following.replace("&amp;", "&").removeprefix("/console"))
        assert browser.page.count('scope="row"') == 22
        assert "after=" not in browser.page


def test_an_outcome_that_does_not_exist_has_no_page(small: ConsoleSetup, server: WebServer) -> None:
    sent(small)
    with signed_in(small, server, "sender") as browser:
        for path in ("people?outcome=delivered", "people.csv?outcome=delivered", "people.xlsx?outcome=x'--"):
            assert browser.get(f"{PATH}/{path}").status_code == 404
    assert not [act for act in acts(small) if act[0] == "download"]


def test_files_are_safe_to_open_and_each_is_in_the_audit_trail(setup: ConsoleSetup) -> None:
    gone(setup, "anna@gouda.example", FORMULA)
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        found = rows(browser, f"{PATH}/people.csv?outcome=refused")
        assert [row[:4] for row in found[1:]] == [
            [f"'{FORMULA}", "anna@gouda.example", "Refused", "Address does not exist"]
        ]
        answer = browser.get(f"{PATH}/people.xlsx?outcome=refused")
        assert answer.headers["content-disposition"] == 'attachment; filename="denkt-u-mee-refused-2024-09-01.xlsx"'
        assert "<f>" not in sheet(answer.content)
        assert "hyperlink" not in sheet(answer.content).replace("HYPERLINK", "")
        assert "=HYPERLINK(" in sheet(answer.content)
        numbers = rows(browser, f"{PATH}/report.csv")
        assert ["Result", "Accepted", "", "12"] in numbers
        assert ["Not reached", "Refused", "Address does not exist", "1"] in numbers
        assert "Address does not exist" in sheet(browser.get(f"{PATH}/report.xlsx").content)
    assert [act for act in acts(setup) if act[0] == "download"] == [
        ("download", "campaign", "denkt-u-mee", ("report",), "done"),
        ("download", "campaign", "denkt-u-mee", ("report",), "done"),
        ("download", "campaign", "denkt-u-mee", ("people", "refused"), "done"),
        ("download", "campaign", "denkt-u-mee", ("people", "refused"), "done"),
    ]


def test_a_file_of_many_people_has_each_once(
    small: ConsoleSetup, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.console.people_pages.FILE_PAGE", 5)
    sent(small)
    with signed_in(small, server, "sender") as browser:
        found = rows(browser, f"{PATH}/people.csv?outcome=accepted")
    assert len({row[1] for row in found[1:]}) == len(found) - 1 == 12


@pytest.mark.parametrize("role", ["author", "reviewer"])
def test_names_are_for_those_with_the_right_to_contacts(small: ConsoleSetup, server: WebServer, role: str) -> None:
    number = gone(small)
    with signed_in(small, server, role) as browser:
        for path in (
            "/contacts",
            "/contacts?q=anna",
            f"/contacts/{number}",
            f"{PATH}/people.csv?outcome=refused",
            f"{PATH}/people.xlsx?outcome=refused",
        ):
            assert browser.get(path).status_code == 403
            assert "anna@" not in browser.page
    assert ("visit", "page", "/contacts/{number}", (), "refused") in acts(small)


def test_a_search_finds_a_person_and_says_when_it_is_too_short_or_finds_nobody(setup: ConsoleSetup) -> None:
    add(setup, "anna@gouda.example", "Anna Jansen")
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        browser.get("/contacts?q=jans")
        assert (
            "1 person found. People that were found Name Address Topics Anna Jansen anna@gouda.example" in browser.text
        )
        assert browser.get("/contacts?q=ja").status_code == 422
        assert "Type at least three letters" in browser.text
        assert 'value="ja"' in browser.page
        browser.get("/contacts?q=gouda")
        assert "Nobody found." in browser.text
        browser.get("/contacts?q=%27%3B%3Cscript%3Ealert(1)%3C/script%3E")
        assert "<script>alert" not in browser.page


def test_the_answer_to_why_stands_at_the_top_of_a_persons_page_and_the_look_up_is_recorded(setup: ConsoleSetup) -> None:
    number = gone(setup)
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        browser.get(f"/contacts/{number}?campaign=denkt-u-mee")
    text = browser.text
    answer = "The mail server refused this letter on Sun 1 Sept 2024, 14:00: Address does not exist."
    assert text.index("Anna Jansen") < text.index(answer) < text.index("What holds mail back")
    assert "Everything sent to this person" in text
    assert "Verenigingsnieuws Subscribed" in text
    looked_up = [act for act in acts(setup) if act[0] == "look_up"]
    assert looked_up == [("look_up", "contact", str(number), (), "done")]
    assert not any("anna" in " ".join(map(str, act)) for act in acts(setup))


def test_a_persons_page_says_what_holds_mail_back_and_what_can_be_done(small: ConsoleSetup, server: WebServer) -> None:
    anna = add(small, "anna@gouda.example", "Anna")
    with small.db.write() as conn:
        suppression.suppress(conn, anna.address_hash, "", "undeliverable", small.clock())
    with signed_in(small, server, "sender") as browser:
        browser.get(f"/contacts/{anna.id}")
    assert "Mail to this address was refused on Sun 1 Sept 2024, 14:00, so no more is sent there." in browser.text
    assert "an administrator can lift this" in browser.text


def test_an_erased_person_and_numbers_that_nobody_has(small: ConsoleSetup, server: WebServer) -> None:
    number = gone(small)
    with small.db.write() as conn:
        erasing.erase(conn, number, small.clock())
    with signed_in(small, server, "sender") as browser:
        assert browser.get(f"/contacts/{number}").status_code == 410
        assert "This person was erased on Sun 1 Sept 2024, 14:00." in browser.text
        for other in ("99999", "0", "-1", "x", "9" * 25, "1e3", "١٢"):
            assert browser.get(f"/contacts/{other}").status_code == 404
        browser.get(f"{PATH}/people?outcome=refused")
        assert "erased" in browser.text
        assert "anna" not in browser.text.lower()


def test_values_of_others_are_shown_as_text(small: ConsoleSetup, server: WebServer) -> None:
    name = "<img src=x onerror=alert(1)>{{7*7}}"
    anna = add(small, "anna@gouda.example", name)

    def answer(one: Claimed) -> Answer:
        said: Answer = ("refused", "policy", 550, "<script>alert(1)</script>")
        return said if one.recipient == anna.id else YES

    sent(small, answer=answer)
    with signed_in(small, server, "sender") as browser:
        for path in (f"{PATH}/people?outcome=refused", f"/contacts/{anna.id}?campaign=denkt-u-mee", "/contacts?q=anna"):
            browser.get(path)
            assert "<img src=x" not in browser.page
            assert "<script>alert" not in browser.page
            assert "{{7*7}}" in browser.page


def test_answers_of_servers_come_in_the_readers_language_around_them(small: ConsoleSetup, server: WebServer) -> None:
    sent(small, answer=by_address({"lezer1@example.org": GONE}))
    with signed_in(small, server, "sender", "nl") as browser:
        browser.get(f"{PATH}/report")
        assert '<html lang="nl"' in browser.page
