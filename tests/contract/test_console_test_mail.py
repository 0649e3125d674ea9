"""*Test mail*: where it goes, through which relay, what it says, how often, and what is remembered of it."""

from __future__ import annotations

import email
import re
import socket
from collections.abc import Iterator
from email import policy
from pathlib import Path
from typing import Any

import pytest

from campaigns.staff import audit, users
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_letters import BODY, draft, reader
from tests.support.smtpd import Rule, Server
from tests.support.threaded_relay import threaded_relay

PATH = "/campaigns/denkt-u-mee/test"
AUTHOR, SENDER = "author@voorbeeld.example", "sender@voorbeeld.example"


@pytest.fixture
def relay() -> Iterator[Server]:
    with threaded_relay(Rule("rcpt", text="550 5.1.1 no such mailbox", recipient="refused@")) as server:
        yield server


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path, relay: Server) -> ConsoleSetup:
    made = console_setup(empty_database, tmp_path, 6, smtp_url=f"smtp://127.0.0.1:{relay.port}")
    draft(made)
    return made


@pytest.fixture
def author(setup: ConsoleSetup) -> Iterator[StaffBrowser]:
    with console(setup) as server, signed_in(setup, server, "author") as browser:
        yield browser


@pytest.fixture
def sender(setup: ConsoleSetup) -> Iterator[StaffBrowser]:
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        yield browser


def send(browser: StaffBrowser, *to: str, person: Any = "") -> Any:
    """Open the form and send."""
    browser.get(PATH)
    return browser.post("/campaigns/denkt-u-mee/test", {"to": list(to), "as": str(person)})


def mail(relay: Server, number: int = 0) -> Any:
    return email.message_from_bytes(relay.accepted[number].content, policy=policy.default)


def further(setup: ConsoleSetup, address: str, *, verified: bool = True) -> None:
    """Give the author a further address."""
    with setup.db.write() as conn:
        me = users.named(conn, AUTHOR).id
        users.add_address(conn, me, address)
        if verified:
            users.verify_address(conn, me, address, setup.clock())


def test_a_marked_mail_goes_through_the_relay_and_its_answer_is_told(author: StaffBrowser, relay: Server) -> None:
    author.get(PATH)
    assert 'value="author@voorbeeld.example" checked' in author.page
    send(author, AUTHOR)
    assert "author@voorbeeld.example : Taken by the mail server ." in author.text
    assert relay.recipients == [AUTHOR]
    found = mail(relay)
    assert found["Subject"] == "[test] Denkt u mee?"
    assert found["To"] == AUTHOR


def test_its_links_opt_nobody_out(author: StaffBrowser, relay: Server, setup: ConsoleSetup) -> None:
    send(author, AUTHOR)
    links = re.findall(r"/u/([A-Za-z0-9_-]+)", mail(relay).as_string())
    assert links
    with setup.db.read() as conn:
        assert not [row for row in conn.exec_driver_sql("SELECT state FROM subscription") if row[0] != "subscribed"]


def test_it_goes_to_own_verified_addresses_whatever_the_form_says(
    setup: ConsoleSetup, author: StaffBrowser, relay: Server
) -> None:
    further(setup, "mine@voorbeeld.example")
    further(setup, "unproven@voorbeeld.example", verified=False)
    response = send(author, "victim@elsewhere.example", "unproven@voorbeeld.example", SENDER)
    assert response.status_code == 422
    assert "Choose an address of your own." in author.text
    send(author, "mine@voorbeeld.example", "victim@elsewhere.example")
    assert relay.recipients == ["mine@voorbeeld.example"]


def test_it_is_filled_as_for_the_chosen_contact_and_addressed_to_the_user_alone(
    setup: ConsoleSetup, sender: StaffBrowser, relay: Server
) -> None:
    person = reader(setup, salutation="mevrouw De Vries")
    send(sender, SENDER, person=person.id)
    found = mail(relay)
    assert "Geachte mevrouw De Vries," in found.get_body(("plain",)).get_content()
    assert found["To"] == SENDER
    assert "ester" not in relay.accepted[0].content.decode().lower()


def test_without_access_to_contacts_the_values_are_masked_and_others_than_the_sample_refused(
    empty_database: Database, tmp_path: Path, relay: Server
) -> None:
    setup = console_setup(empty_database, tmp_path, 1, smtp_url=f"smtp://127.0.0.1:{relay.port}")
    setup.people(1, salutation="mevrouw De Vries")
    draft(setup, body=BODY)
    stranger = reader(setup, salutation="mevrouw Geheim")
    with console(setup) as server, signed_in(setup, server, "author") as author:
        numbers = re.findall(r'<option value="(\d+)"', author.get(PATH).text)
        send(author, AUTHOR, person=max(numbers, key=int))
        refused = send(author, AUTHOR, person=stranger.id)
    assert "Geachte m•••," in mail(relay).get_body(("plain",)).get_content()
    assert refused.status_code == 422
    assert len(relay.accepted) == 1


def test_a_refusal_is_told_in_the_words_of_the_mail_server(setup: ConsoleSetup, author: StaffBrowser) -> None:
    further(setup, "refused@voorbeeld.example")
    send(author, "refused@voorbeeld.example")
    assert "Refused by the mail server . It said: 550 5.1.1 no such mailbox" in author.text


def test_the_last_tests_of_this_version_are_remembered_without_an_address(
    setup: ConsoleSetup, author: StaffBrowser, relay: Server
) -> None:
    send(author, AUTHOR)
    author.get(PATH)
    assert "Anna Schrijver : Taken by the mail server: 1" in author.text
    with setup.db.read() as conn:
        (row,) = [row for row in audit.acts(conn, kind="campaign") if row.verb == "test"]
        assert list(audit.verify(conn)) == []
    assert (row.subject, row.fields) == ("denkt-u-mee", ("version:1", "accepted:1"))


def test_thirty_an_hour_go_out_and_no_more(setup: ConsoleSetup, author: StaffBrowser, relay: Server) -> None:
    for number in range(14):
        further(setup, f"mine{number}@voorbeeld.example")
    mine = [AUTHOR, *(f"mine{number}@voorbeeld.example" for number in range(14))]
    send(author, *mine)
    send(author, *mine)
    assert len(relay.accepted) == 30
    assert send(author, AUTHOR).status_code == 429
    assert "You sent 30 test mails within an hour." in author.text
    setup.clock.forward(minutes=61)
    assert send(author, AUTHOR).status_code == 200
    assert len(relay.accepted) == 31


def test_a_letter_with_faults_is_not_sent(setup: ConsoleSetup, author: StaffBrowser, relay: Server) -> None:
    draft(setup, "Kapot", body="Beste {{ contact.name }}\n")
    author.get("/campaigns/kapot/test")
    assert "There is no letter yet" in author.text
    author.get(PATH)
    assert author.post("/campaigns/kapot/test", {"to": AUTHOR}).status_code == 422
    assert relay.accepted == []


def test_a_relay_that_is_away_is_told_in_words(empty_database: Database, tmp_path: Path) -> None:
    with socket.socket() as held:  # bound, so that nobody else gets the port; it does not listen
        held.bind(("127.0.0.1", 0))
        setup = console_setup(empty_database, tmp_path, 1, smtp_url=f"smtp://127.0.0.1:{held.getsockname()[1]}")
        draft(setup)
        with console(setup) as server, signed_in(setup, server, "author") as author:
            response = send(author, AUTHOR)
            said = author.text
    assert response.status_code == 200
    assert "author@voorbeeld.example : Not sent ." in said
    assert "If it lasts, tell your administrator." in said


def test_a_reviewer_may_not_send_one(setup: ConsoleSetup) -> None:
    with console(setup) as server, signed_in(setup, server, "reviewer") as reviewer:
        assert reviewer.get(PATH).status_code == 403
        assert reviewer.get("/campaigns/denkt-u-mee/preview").status_code == 200
        assert "Send a test mail" not in reviewer.text
        assert reviewer.post("/campaigns/denkt-u-mee/test", {"to": "reviewer@voorbeeld.example"}).status_code == 403
