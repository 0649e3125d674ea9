"""Signing in and getting back in, attacked: guessing, fixation, enumeration, forms of a session that ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from campaigns.staff import links, sessions, totp, users
from mailer.storage import Database
from tests.support.console import PASSWORD, ConsoleSetup, StaffBrowser, console, console_setup, signed_in, visitor
from tests.support.site import WebServer
from tests.support.staff_mail import last_link, waiting
from tests.support.work import work_on

AUTHOR = "author@voorbeeld.example"
NEW = "drie zwarte paarden dansen"
HOSTILE = '"><script>alert(1)</script>\n<b>vet</b> ' + "x" * 300


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path, 1)


@pytest.fixture
def server(setup: ConsoleSetup) -> Iterator[WebServer]:
    with console(setup) as running:
        yield running


@pytest.fixture
def guest(server: WebServer) -> Iterator[StaffBrowser]:
    with visitor(server) as browser:
        yield browser


def test_a_wrong_password_and_an_unknown_address_have_the_same_answer(setup: ConsoleSetup, guest: StaffBrowser) -> None:
    pages = []
    for email in (setup.staff("author"), "niemand@voorbeeld.example"):
        guest.get("/sign-in")
        response = guest.post("/sign-in", {"email": email, "password": "fout fout fout"})
        pages.append((response.status_code, guest.page.replace(email, "")))
    assert pages[0] == pages[1]


def test_the_owner_is_told_once_when_the_limit_is_reached_and_is_not_locked_out_elsewhere(
    setup: ConsoleSetup, guest: StaffBrowser
) -> None:
    address = setup.staff("author")
    guest.get("/sign-in")
    wrong = {"email": address, "password": "fout fout fout"}
    tried = [guest.post("/sign-in", wrong).status_code for _ in range(12)]
    assert tried == [422] * 10 + [429] * 2
    assert guest.post("/sign-in", {"email": address.upper(), "password": PASSWORD}).status_code == 429
    assert [(mail.kind, mail.address) for mail in waiting(setup)] == [("sign_in_limit", address)]
    setup.clock.now += timedelta(minutes=16)
    assert guest.post("/sign-in", {"email": address, "password": PASSWORD}).status_code == 303


def test_the_limit_of_an_unknown_address_looks_the_same_and_mails_nobody(
    setup: ConsoleSetup, guest: StaffBrowser
) -> None:
    guest.get("/sign-in")
    wrong = {"email": "niemand@voorbeeld.example", "password": "fout fout fout"}
    assert [guest.post("/sign-in", wrong).status_code for _ in range(11)] == [422] * 10 + [429]
    assert waiting(setup) == []


def test_a_session_begins_with_a_secret_of_its_own(setup: ConsoleSetup, guest: StaffBrowser) -> None:
    planted = "A" * 43
    guest.client.cookies.set("postiljon-session", planted)
    guest.client.cookies.set("postiljon-visitor", planted)
    guest.get("/sign-in")
    guest.post("/sign-in", {"email": setup.staff("author"), "password": PASSWORD})
    values = [cookie.value for cookie in guest.client.cookies.jar if cookie.name == "postiljon-session"]
    assert len([value for value in values if value != planted]) == 1
    with setup.db.read() as conn:
        assert sessions.find(conn, planted, setup.clock()) is None


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil", "/sign-out"]
)
def test_after_signing_in_no_other_site_is_opened(setup: ConsoleSetup, guest: StaffBrowser, place: str) -> None:
    guest.get("/sign-in", params={"next": place})
    response = guest.post("/sign-in", {"email": setup.staff("author"), "password": PASSWORD, "next": place})
    assert response.headers["location"] in ("/console", "/console/")


def test_asking_for_a_new_password_has_one_answer(setup: ConsoleSetup, guest: StaffBrowser) -> None:
    pages = []
    for email in (setup.staff("author"), "niemand@voorbeeld.example"):
        guest.get("/reset")
        response = guest.post("/reset", {"email": email})
        pages.append((response.status_code, guest.page.replace(email, "")))
    assert pages[0] == pages[1]
    assert [(mail.kind, mail.address) for mail in waiting(setup)] == [("reset", setup.staff("author"))]


def test_a_new_password_by_mail_ends_all_sessions_and_all_links(
    setup: ConsoleSetup, server: WebServer, guest: StaffBrowser
) -> None:
    with signed_in(setup, server, "author") as author:
        guest.get("/reset")
        guest.post("/reset", {"email": setup.staff("author")})
        first = last_link(setup, "reset")
        guest.get("/reset")
        guest.post("/reset", {"email": setup.staff("author")})
        second = last_link(setup, "reset")
        assert first != second
        assert guest.get(first).status_code == 200  # a stranger who asks does not end the owner's link
        assert guest.get(second).status_code == 200
        assert guest.post(second, {"password": "kort"}).status_code == 422
        assert guest.post(second, {"password": NEW}).headers["location"] == "/console/sign-in?note=password_set"
        assert guest.get(first).status_code == 404
        assert author.get("/campaigns").status_code == 303
        assert waiting(setup) == []  # a mail whose link is of no use any more is not sent
        author.sign_in(setup.staff("author"), NEW)
        assert author.get("/campaigns").status_code == 200


def asked(browser: StaffBrowser, email: str) -> int:
    browser.get("/reset")
    return browser.post("/reset", {"email": email}).status_code


def test_a_link_for_one_thing_opens_no_other(setup: ConsoleSetup, guest: StaffBrowser) -> None:
    guest.get("/reset")
    guest.post("/reset", {"email": setup.staff("author")})
    token = last_link(setup, "reset").rpartition("/")[2]
    assert [guest.get(f"/{place}/{token}").status_code for place in ("join", "account/address")] == [404, 404]
    setup.clock.now += timedelta(hours=1, seconds=1)
    assert guest.get(f"/reset/{token}").status_code == 404


def test_new_passwords_are_limited_for_an_address_from_one_network(setup: ConsoleSetup, guest: StaffBrowser) -> None:
    for email in (setup.staff("author"), "niemand@voorbeeld.example"):
        assert [asked(guest, email) for _ in range(4)] == [200] * 3 + [429]


def test_a_mailbox_gets_no_more_than_ten_such_mails_a_day(setup: ConsoleSetup, guest: StaffBrowser) -> None:
    for _ in range(5):
        for _ in range(3):
            asked(guest, setup.staff("author"))
        setup.clock.now += timedelta(hours=1, seconds=1)
    with setup.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM mailing").scalar() == 10


def ended(setup: ConsoleSetup, browser: StaffBrowser, fields: dict[str, str], path: str = "/account") -> str:
    """Post a form after its session ended; return the sealed form that the page carries."""
    browser.get("/account")
    setup.clock.now += timedelta(hours=13)
    response = browser.post(path, fields)
    assert (response.status_code, "Your session has ended" in browser.text) == (403, True)
    found = re.search(r'name="kept" value="([^"]+)"', browser.page)
    assert found is not None
    return found[1]


def test_what_was_typed_when_the_session_had_ended_is_offered_again(setup: ConsoleSetup, server: WebServer) -> None:
    with signed_in(setup, server, "author") as author:
        kept = ended(setup, author, {"name": HOSTILE, "language": "en"})
        signing = {"email": setup.staff("author"), "kept": kept}
        assert author.post("/sign-in", signing | {"password": "fout fout fout"}).status_code == 422
        assert kept in author.page
        assert author.post("/sign-in", signing | {"password": PASSWORD}).status_code == 200
        assert "Nothing was lost" in author.text
        assert "<script>alert" not in author.page
        assert "&lt;script&gt;alert(1)" in author.page
        assert 'action="/console/account"' in author.page
        assert author.post("/account", {"name": "Anna", "language": "en"}).status_code == 303


def test_what_was_typed_is_for_its_own_user_alone_and_not_for_ever(setup: ConsoleSetup, server: WebServer) -> None:
    setup.staff("reviewer")
    with signed_in(setup, server, "author") as author:
        kept = ended(setup, author, {"name": "Geheim", "password": "in klare taal"})
        other = {"email": setup.staff("reviewer"), "password": PASSWORD, "kept": kept}
        assert author.post("/sign-in", other).headers["location"] in ("/console", "/console/")
        assert "in klare taal" not in kept
        author.client.cookies.clear()
        author.get("/sign-in")
        forged = {"email": setup.staff("author"), "password": PASSWORD, "kept": kept[:-2] + "AA"}
        assert author.post("/sign-in", forged).status_code == 303
        author.client.cookies.clear()
        setup.clock.now += timedelta(hours=12, seconds=1)
        author.get("/sign-in")
        assert author.post("/sign-in", forged | {"kept": kept}).status_code == 303


def test_another_site_cannot_have_a_form_kept(setup: ConsoleSetup, server: WebServer) -> None:
    with signed_in(setup, server, "author") as author:
        author.get("/account")
        setup.clock.now += timedelta(hours=13)
        foreign = author.post("/account", {"name": "x"}, headers={"sec-fetch-site": "cross-site"})
        assert (foreign.status_code, "kept" in foreign.text) == (403, False)
        without = author.post("/account", {"name": "x"}, csrf="0" * 32)
        assert (without.status_code, 'name="kept"' in without.text) == (403, False)


def test_old_sessions_and_links_are_deleted(setup: ConsoleSetup, server: WebServer, guest: StaffBrowser) -> None:
    with signed_in(setup, server, "author"):
        guest.get("/reset")
        guest.post("/reset", {"email": setup.staff("author")})
    context = setup.context()
    context.tidy(setup.clock.now + timedelta(days=30))
    assert rows(setup) == (1, 1)
    context.tidy(setup.clock.now + timedelta(days=38))
    assert rows(setup) == (0, 0)


def rows(setup: ConsoleSetup) -> tuple[int, ...]:
    with setup.db.read() as conn:
        tables = (sessions.STAFF_SESSION, links.STAFF_LINK)
        return tuple(len(conn.execute(table.select()).all()) for table in tables)


def test_a_removed_user_cannot_ask_for_a_new_password(setup: ConsoleSetup, guest: StaffBrowser) -> None:
    address = setup.staff("author")
    with setup.db.write() as conn:
        users.remove(conn, users.named(conn, address).id, setup.clock())
    guest.get("/reset")
    assert guest.post("/reset", {"email": address}).status_code == 200
    assert waiting(setup) == []


def test_what_was_typed_comes_along_over_the_second_step(setup: ConsoleSetup, server: WebServer) -> None:
    with signed_in(setup, server, "author") as author:
        kept = ended(setup, author, {"name": "Anna <b>S</b>", "language": "en"})
        secret = pyotp.random_base32()
        with setup.db.write() as conn:
            number = users.named(conn, AUTHOR).id
            totp.switch_on(conn, number, setup.context().keyring, secret, 0, setup.clock())
        author.post("/sign-in", {"email": AUTHOR, "password": PASSWORD, "kept": kept})
        assert ("Second step" in author.text, kept in author.page) == (True, True)
        assert author.post("/sign-in/code", {"code": "000000", "kept": kept}).status_code == 422
        code = pyotp.TOTP(secret).at(setup.clock())
        assert author.post("/sign-in/code", {"code": code, "kept": kept}).status_code == 200
        assert "Nothing was lost" in author.text
        assert 'value="Anna &lt;b&gt;S&lt;/b&gt;"' in author.page


def test_a_known_and_an_unknown_address_cause_the_same_work(setup: ConsoleSetup, guest: StaffBrowser) -> None:
    work: dict[str, list[list[str]]] = {}
    for email in (setup.staff("author"), "niemand@voorbeeld.example"):
        work[email] = []
        for path in ["/reset", *["/sign-in"] * 10]:  # the last one reaches the limit
            guest.get(path)
            with work_on(setup.db.engine) as done:
                guest.post(path, {"email": email, "password": "fout fout fout"})
            work[email].append(done)
    known, unknown = work.values()
    assert known == unknown
