"""The own account: details, password, sessions, addresses, second factor; on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from campaigns.staff import sessions, users
from mailer.storage import Database
from tests.support.console import PASSWORD, ConsoleSetup, StaffBrowser, console, console_setup, signed_in, visitor
from tests.support.site import WebServer
from tests.support.staff_mail import last_link, waiting

NEW = "drie zwarte paarden dansen"


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path, 1)


@pytest.fixture
def server(setup: ConsoleSetup) -> Iterator[WebServer]:
    with console(setup) as running:
        yield running


@pytest.fixture
def sender(setup: ConsoleSetup, server: WebServer) -> Iterator[StaffBrowser]:
    with signed_in(setup, server, "sender") as browser:
        yield browser


def me(setup: ConsoleSetup) -> users.User:
    with setup.db.read() as conn:
        return users.named(conn, setup.staff("sender"))


def test_name_language_look_and_mails_are_kept(setup: ConsoleSetup, sender: StaffBrowser) -> None:
    sender.get("/account")
    given = {"name": "Vera <b>Zender</b>", "language": "nl", "look": "dark", "mails": ["held", "finished"]}
    sender.follow(sender.post("/account", given))
    assert 'data-look="dark"' in sender.page
    assert 'lang="nl"' in sender.page
    assert "<b>Zender" not in sender.page
    found = me(setup)
    assert (found.name, set(found.mails)) == ("Vera <b>Zender</b>", {"held", "finished"})


def test_a_form_cannot_set_more_than_its_fields(setup: ConsoleSetup, sender: StaffBrowser) -> None:
    sender.get("/account")
    more = {
        "roles": "administrator",
        "email": "x@voorbeeld.example",
        "verified_at": "",
        "password_hash": "x",
        "id": "1",
    }
    given = {"name": "Vera", "language": "xx", "look": "<script>", "mails": ["review_asked", "held", "nothing"]}
    before = me(setup)
    sender.post("/account", given | more)
    after = me(setup)
    assert (after.roles, after.email, after.verified_at) == (before.roles, before.email, before.verified_at)
    assert (after.language, after.look, set(after.mails)) == ("", "auto", {"held"})


def test_a_new_password_asks_for_the_old_one_and_ends_all_other_sessions(
    setup: ConsoleSetup, server: WebServer, sender: StaffBrowser
) -> None:
    with signed_in(setup, server, "sender") as other:
        sender.get("/account/password")
        assert sender.post("/account/password", {"old": "x", "password": NEW}).status_code == 422
        assert other.get("/account").status_code == 200
        before = dict(sender.client.cookies)
        assert sender.post("/account/password", {"old": PASSWORD, "password": NEW}).status_code == 303
        assert dict(sender.client.cookies) != before
        assert sender.get("/account").status_code == 200
        assert other.get("/account").status_code == 303
    assert waiting(setup)[-1].kind == "account_changed"


def test_old_passwords_cannot_be_guessed_for_ever(sender: StaffBrowser) -> None:
    sender.get("/account/password")
    tried = [sender.post("/account/password", {"old": "x", "password": NEW}).status_code for _ in range(11)]
    assert tried == [422] * 10 + [429]


def test_sessions_are_listed_and_end_one_by_one_or_all(
    setup: ConsoleSetup, server: WebServer, sender: StaffBrowser
) -> None:
    with signed_in(setup, server, "sender") as one, signed_in(setup, server, "sender") as two:
        with setup.db.read() as conn:
            first = sessions.living(conn, me(setup).id, setup.clock())
        sender.get("/account")
        assert sender.page.count("/account/sessions/") == 2
        ended = max(session.id for session in first)
        sender.post(f"/account/sessions/{ended}")
        assert sorted([one.get("/account").status_code, two.get("/account").status_code]) == [200, 303]
        sender.get("/account")
        sender.post("/account/sessions")
        assert [one.get("/account").status_code, two.get("/account").status_code] == [303, 303]
        assert sender.get("/account").status_code == 200


def test_nobody_ends_the_session_of_somebody_else(setup: ConsoleSetup, server: WebServer, sender: StaffBrowser) -> None:
    with signed_in(setup, server, "author") as author:
        with setup.db.read() as conn:
            number = sessions.living(conn, users.named(conn, setup.staff("author")).id, setup.clock())[0].id
        sender.get("/account")
        sender.post(f"/account/sessions/{number}")
        assert author.get("/account").status_code == 200


def test_a_further_address_counts_once_its_link_was_followed(
    setup: ConsoleSetup, server: WebServer, sender: StaffBrowser
) -> None:
    sender.get("/account")
    assert sender.post("/account/addresses", {"email": "geen adres"}).status_code == 422
    sender.follow(sender.post("/account/addresses", {"email": "Vera@thuis.example"}))
    assert "Not confirmed" in sender.text
    link = last_link(setup, "address")
    assert waiting(setup)[-1].address == "Vera@thuis.example"
    with visitor(server) as elsewhere:  # on the phone, where nobody has signed in
        elsewhere.get(link)
        assert addresses(setup) == [setup.staff("sender")]
        assert elsewhere.post(link).status_code == 200
        assert elsewhere.get(link).status_code == 404
        assert elsewhere.get("/account").status_code == 303  # the link opens nothing
    assert addresses(setup) == [setup.staff("sender"), "Vera@thuis.example"]
    sender.get("/account")
    sender.post("/account/addresses/remove", {"email": "vera@THUIS.example"})
    assert addresses(setup) == [setup.staff("sender")]


def addresses(setup: ConsoleSetup) -> list[str]:
    with setup.db.read() as conn:
        return users.addresses(conn, users.named(conn, setup.staff("sender")))


def switched_on(setup: ConsoleSetup, browser: StaffBrowser) -> tuple[str, list[str]]:
    browser.get("/account/second-factor")
    sealed = re.search(r'name="sealed" value="([^"]+)"', browser.page)
    secret = re.search(r'class="key">([A-Z2-7 ]+)<', browser.page)
    assert sealed is not None
    assert secret is not None
    text = secret[1].replace(" ", "")
    code = pyotp.TOTP(text).at(setup.clock())
    assert browser.post("/account/second-factor", {"sealed": sealed[1], "code": code}).status_code == 200
    return text, re.findall(r"<li><code>([a-z2-9-]+)</code>", browser.page)


def test_the_second_factor_counts_after_its_first_code_and_is_asked_at_the_next_sign_in(
    setup: ConsoleSetup, server: WebServer, sender: StaffBrowser
) -> None:
    sender.get("/account/second-factor")
    sealed = re.search(r'name="sealed" value="([^"]+)"', sender.page)
    assert sealed is not None
    assert sender.post("/account/second-factor", {"sealed": sealed[1], "code": "000000"}).status_code == 422
    assert sealed[1] not in (None, "")
    assert not me(setup).has_totp
    secret, codes = switched_on(setup, sender)
    assert (me(setup).has_totp, len(codes), len(set(codes))) == (True, 10, 10)
    setup.clock.now += timedelta(minutes=1)
    with visitor(server) as other:
        other.sign_in(setup.staff("sender"))
        assert "Second step" in other.text
        assert other.get("/campaigns").headers["location"] == "/console/sign-in/code"
        other.get("/sign-in/code")
        code = pyotp.TOTP(secret).at(setup.clock())
        assert other.post("/sign-in/code", {"code": code}).status_code == 303
        assert other.get("/campaigns").status_code == 200
    with visitor(server) as again:
        again.sign_in(setup.staff("sender"))
        assert again.post("/sign-in/code", {"code": code}).status_code == 422  # a code is used once
        assert again.post("/sign-in/code", {"code": codes[0]}).status_code == 303
    with visitor(server) as third:
        third.sign_in(setup.staff("sender"))
        assert third.post("/sign-in/code", {"code": codes[0]}).status_code == 422


def test_a_secret_that_was_made_for_somebody_else_is_not_taken(
    setup: ConsoleSetup, server: WebServer, sender: StaffBrowser
) -> None:
    with signed_in(setup, server, "author") as author:
        author.get("/account/second-factor")
        theirs = re.search(r'name="sealed" value="([^"]+)"', author.page)
        secret = re.search(r'class="key">([A-Z2-7 ]+)<', author.page)
        assert theirs is not None
        assert secret is not None
        code = pyotp.TOTP(secret[1].replace(" ", "")).at(setup.clock())
        sender.get("/account/second-factor")
        assert sender.post("/account/second-factor", {"sealed": theirs[1], "code": code}).status_code == 422
        assert sender.get("/account/second-factor/qr.svg", params={"s": theirs[1]}).status_code == 404
        mine = author.get("/account/second-factor/qr.svg", params={"s": theirs[1]})
    assert mine.headers["content-type"] == "image/svg+xml"
    assert mine.headers["cache-control"] == "no-store"
    assert "style" not in mine.text
    assert not me(setup).has_totp


def test_new_recovery_codes_replace_the_old_ones_and_switching_off_demands_a_proof(
    setup: ConsoleSetup, sender: StaffBrowser
) -> None:
    _secret, old = switched_on(setup, sender)
    sender.get("/account/second-factor/codes")
    sender.post("/account/second-factor/codes")
    fresh = re.findall(r"<li><code>([a-z2-9-]+)</code>", sender.page)
    assert (len(fresh), set(fresh) & set(old)) == (10, set())
    setup.clock.now += timedelta(minutes=16)
    sender.get("/account")
    assert sender.post("/account/second-factor/off").status_code == 403
    assert me(setup).has_totp
    sender.get("/account/prove")
    sender.post("/account/prove", {"answer": PASSWORD})
    sender.get("/account/second-factor/off")
    assert sender.post("/account/second-factor/off").status_code == 303
    assert not me(setup).has_totp


def test_a_code_of_the_app_is_a_proof_too(setup: ConsoleSetup, sender: StaffBrowser) -> None:
    secret, _codes = switched_on(setup, sender)
    setup.clock.now += timedelta(minutes=16)
    sender.get("/account/prove")
    code = pyotp.TOTP(secret).at(setup.clock())
    assert sender.post("/account/prove", {"answer": code, "next": "/campaigns"}).status_code == 303
    assert sender.get("/account/second-factor/off").status_code == 200


def test_proofs_cannot_be_guessed_for_ever(setup: ConsoleSetup, sender: StaffBrowser) -> None:
    setup.clock.now += timedelta(minutes=16)
    sender.get("/account/prove")
    tried = [sender.post("/account/prove", {"answer": "123456789012"}).status_code for _ in range(11)]
    assert tried == [422] * 10 + [429]


def test_a_sender_is_asked_for_a_second_factor_and_after_a_week_gets_nowhere_without(
    setup: ConsoleSetup, sender: StaffBrowser
) -> None:
    sender.get("")
    assert "you need a second factor from" in sender.text
    setup.clock.now += timedelta(days=7, minutes=1)
    sender.sign_in(setup.staff("sender"))
    assert sender.get("/campaigns").headers["location"].startswith("/console/account/second-factor")
    switched_on(setup, sender)
    assert sender.get("/campaigns").status_code == 200


def test_an_author_needs_no_second_factor(setup: ConsoleSetup, server: WebServer) -> None:
    with signed_in(setup, server, "author") as author:
        setup.clock.now += timedelta(days=7, minutes=1)
        author.sign_in(setup.staff("author"))
        assert author.get("/campaigns").status_code == 200
