"""The first hour: the one-time link, the first administrator, first contacts, and the checklist."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from campaigns.ops import first_steps
from campaigns.staff import audit, links, users
from campaigns.staff.links import STAFF_LINK, LinkPurpose
from mailer.storage import Database
from tests.support.console import PASSWORD, ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from unsubscribe import contacts

FORM = {"name": "Bas Beheer", "email": "bas@voorbeeld.example", "password": PASSWORD}
HERE = "http://127.0.0.1:8000/"


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConsoleSetup:
    """An installation without staff, whose environment names the data folder alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTILJON_DATA", str(tmp_path))
    return console_setup(empty_database, tmp_path, 0)


def token(setup: ConsoleSetup) -> str:
    said = first_steps.invitation(setup.context(), HERE)
    assert said is not None
    found = re.search(r"http://127\.0\.0\.1:8000/console/setup\?token=([\w-]{43})$", said)
    assert found
    return found[1]


def make(browser: StaffBrowser, secret: str, **other: str) -> int:
    browser.get(f"/setup?token={secret}")
    return browser.post("/setup", {"token": secret, **FORM, **other}).status_code


@contextmanager
def strangers(setup: ConsoleSetup) -> Iterator[Callable[[], StaffBrowser]]:
    """The console, and browsers in which nobody has signed in."""
    with console(setup) as server, ExitStack() as opened:

        def stranger() -> StaffBrowser:
            browser = StaffBrowser(server)
            opened.callback(browser.client.close)
            return browser

        yield stranger


def administrators(setup: ConsoleSetup) -> list[str]:
    with setup.db.read() as conn:
        return [user.email for user in users.everybody(conn)]


def test_the_link_makes_the_first_administrator_who_is_signed_in_then(setup: ConsoleSetup) -> None:
    secret = token(setup)
    with strangers(setup) as stranger:
        browser = stranger()
        assert make(browser, secret) == 303
        browser.get("/setup")
        assert "1 of 6 steps done" in browser.text
    with setup.db.read() as conn:
        user = users.named(conn, "bas@voorbeeld.example")
        act = audit.acts(conn)[0]
    assert [role.value for role in user.roles] == ["administrator"]
    assert (act.verb, act.actor, act.fields) == ("set_up", f"user:{user.id}", ())


def test_the_database_keeps_only_the_hash_of_the_link(setup: ConsoleSetup) -> None:
    secret = token(setup)
    with setup.db.read() as conn:
        rows = [str(row) for row in conn.execute(STAFF_LINK.select())]
    assert len(rows) == 1
    assert secret not in rows[0]


def test_the_link_works_once_and_not_for_a_second_administrator(setup: ConsoleSetup) -> None:
    secret = token(setup)
    with strangers(setup) as stranger:
        first, second = stranger(), stranger()
        second.get(f"/setup?token={secret}")
        assert make(first, secret) == 303
        assert second.post("/setup", {"token": secret, **FORM, "email": "eva@x.example"}).status_code == 404
        assert second.get(f"/setup?token={secret}").status_code == 404
    assert administrators(setup) == ["bas@voorbeeld.example"]


def test_of_two_uses_at_once_one_makes_the_administrator(setup: ConsoleSetup) -> None:
    secret = token(setup)
    with strangers(setup) as stranger:
        browsers = [stranger(), stranger()]
        found: list[int] = []
        for browser in browsers:
            browser.get(f"/setup?token={secret}")

        def post(browser: StaffBrowser, email: str) -> None:
            found.append(browser.post("/setup", {"token": secret, **FORM, "email": email}).status_code)

        pairs = zip(browsers, ("a@x.example", "b@x.example"), strict=True)
        threads = [threading.Thread(target=post, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [303, 404]
    assert len(administrators(setup)) == 1


def test_a_new_start_replaces_the_link_before(setup: ConsoleSetup) -> None:
    old, new = token(setup), token(setup)
    with strangers(setup) as stranger:
        browser = stranger()
        assert browser.get(f"/setup?token={old}").status_code == 404
        assert browser.get(f"/setup?token={new}").status_code == 200


def test_after_an_hour_the_link_works_no_more(setup: ConsoleSetup) -> None:
    secret = token(setup)
    with strangers(setup) as stranger:
        browser = stranger()
        browser.get(f"/setup?token={secret}")
        setup.clock.forward(hours=1, seconds=1)
        assert browser.post("/setup", {"token": secret, **FORM}).status_code == 404
    assert administrators(setup) == []


def test_a_link_that_was_open_stops_working_when_an_administrator_is_made_elsewhere(setup: ConsoleSetup) -> None:
    secret = token(setup)
    with strangers(setup) as stranger:
        browser = stranger()
        browser.get(f"/setup?token={secret}")
        setup.staff("administrator")
        assert browser.post("/setup", {"token": secret, **FORM}).status_code == 404
        assert browser.get(f"/setup?token={secret}").status_code == 404
    assert administrators(setup) == ["administrator@voorbeeld.example"]
    assert first_steps.invitation(setup.context(), HERE) is None


@pytest.mark.parametrize("guess", ["x", "A" * 43, "%00", "' OR 1=1 --", "é" * 40])
def test_a_guessed_link_opens_nothing(setup: ConsoleSetup, guess: str) -> None:
    token(setup)
    with strangers(setup) as stranger:
        browser = stranger()
        browser.get("/sign-in")
        assert browser.get("/setup", params={"token": guess}).status_code == 404
        assert browser.post("/setup", {"token": guess, **FORM}).status_code in (403, 404)
    assert administrators(setup) == []


def test_a_link_for_another_purpose_makes_no_administrator(setup: ConsoleSetup) -> None:
    token(setup)
    setup.staff("author")
    with setup.db.write() as conn:
        reset = links.make(conn, LinkPurpose.RESET, 1, "author@voorbeeld.example", setup.clock())
    with strangers(setup) as stranger:
        assert stranger().get(f"/setup?token={reset}").status_code == 404


def test_without_a_link_a_stranger_is_sent_to_sign_in(setup: ConsoleSetup) -> None:
    token(setup)
    with strangers(setup) as stranger:
        response = stranger().get("/setup")
    assert response.headers["location"] == "/console/sign-in?next=%2Fsetup"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "kort"}, "password"),
        ({"password": "wachtwoord123"}, "password"),
        ({"email": "x"}, "email"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_value_is_told_at_its_field_and_the_link_still_works(
    setup: ConsoleSetup, change: dict[str, str], field: str
) -> None:
    secret = token(setup)
    with strangers(setup) as stranger:
        browser = stranger()
        assert make(browser, secret, **change) == 422
        assert f'href="#{field}"' in browser.page
        assert FORM["password"] not in browser.page
        assert make(browser, secret) == 303


def test_a_form_of_another_site_makes_no_administrator(setup: ConsoleSetup) -> None:
    secret = token(setup)
    with strangers(setup) as stranger:
        browser = stranger()
        browser.get(f"/setup?token={secret}")
        response = browser.post("/setup", {"token": secret, **FORM}, headers={"sec-fetch-site": "cross-site"})
        assert response.status_code == 403
    assert administrators(setup) == []


def test_first_contacts_are_taken_from_a_pasted_list_with_the_basis_and_nobody_is_mailed(setup: ConsoleSetup) -> None:
    with setup.db.write() as conn:
        contacts.ensure_topic(conn, "nieuws", "Nieuws", setup.clock())
    with console(setup) as server, signed_in(setup, server, "administrator") as browser:
        browser.get("/setup/contacts")
        pasted = "anna@example.org, Anna\nbob@example.org\nno address\n"
        browser.post(
            "/setup/contacts", {"topic": "nieuws", "basis": "member", "source": "ledenlijst", "pasted": pasted}
        )
        assert "2 added, 0 updated, 0 as they were, 1 rejected. Nobody was mailed." in browser.text
        assert "3 'no address' is not a mail address" in browser.text
    with setup.db.read() as conn:
        assert contacts.audience_count(conn, "nieuws") == 2
        anna = contacts.find(conn, "anna@example.org")
        act = audit.acts(conn, kind="topic", subject="nieuws")[0]
    assert anna is not None
    assert anna.name == "Anna"
    assert (act.verb, act.fields) == ("import", ())


def test_first_contacts_are_taken_from_a_file_of_which_nothing_stays(setup: ConsoleSetup) -> None:
    with setup.db.write() as conn:
        contacts.ensure_topic(conn, "nieuws", "Nieuws", setup.clock())
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        browser.get("/setup/contacts")
        files = {"file": ("../../leden.csv", io.BytesIO(b"naam;e-mail\nAnna;anna@example.org\n"), "text/csv")}
        browser.post("/setup/contacts", {"topic": "nieuws", "basis": "consent"}, files=files)
        assert "1 added" in browser.text
    assert not list(setup.folder.glob("import-*"))
    assert not list(setup.folder.parent.glob("leden.csv"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"topic": "none"}, "topic"),
        ({"basis": "because"}, "basis"),
        ({"pasted": " "}, "pasted"),
        ({"pasted": "a;b"}, "pasted"),
    ],
)
def test_a_list_without_topic_basis_or_addresses_is_not_taken(
    setup: ConsoleSetup, change: dict[str, str], field: str
) -> None:
    with setup.db.write() as conn:
        contacts.ensure_topic(conn, "nieuws", "Nieuws", setup.clock())
    with console(setup) as server, signed_in(setup, server, "administrator") as browser:
        browser.get("/setup/contacts")
        form = {"topic": "nieuws", "basis": "member", "pasted": "anna@example.org"}
        assert browser.post("/setup/contacts", form | change).status_code == 422
        assert f'href="#{field}"' in browser.page
    with setup.db.read() as conn:
        assert contacts.audience_count(conn, "nieuws") == 0


def test_the_steps_are_done_when_the_data_say_so(setup: ConsoleSetup) -> None:
    def done() -> list[str]:
        with setup.db.read() as conn:
            return [step.key for step in first_steps.steps(conn) if step.is_done]

    assert done() == []
    setup.staff("administrator")
    setup.people(1)
    assert done() == ["administrator", "topic", "contacts"]
    with setup.db.write() as conn:
        first_steps.note_test_mail(conn, audit.Origin("user:1"), setup.clock())
    assert done() == ["administrator", "topic", "contacts", "test_mail"]
