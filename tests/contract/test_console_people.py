"""People of the console: invited, with roles, removed; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.staff import audit, users
from campaigns.staff.rights import Role
from mailer import outbox
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
def guest(server: WebServer) -> Iterator[StaffBrowser]:
    with visitor(server) as browser:
        yield browser


@pytest.fixture
def admin(setup: ConsoleSetup, server: WebServer) -> Iterator[StaffBrowser]:
    with signed_in(setup, server, "administrator") as browser:
        yield browser


def invite(browser: StaffBrowser, email: str = "nieuw@voorbeeld.example", **more: object) -> StaffBrowser:
    browser.get("/people/invite")
    browser.follow(browser.post("/people/invite", {"email": email, "name": "Nel Nieuw", "roles": ["author"]} | more))
    return browser


def test_an_invited_person_gets_a_mail_and_is_in_after_choosing_a_password(
    setup: ConsoleSetup, guest: StaffBrowser, admin: StaffBrowser
) -> None:
    invite(admin, roles=["author", "reviewer"])
    link = last_link(setup, "invitation")
    assert guest.get(link).status_code == 200
    assert guest.get(link).status_code == 200  # opening it does not use it up
    page = guest.follow(guest.post(link, {"name": "Nel Nieuw", "password": NEW}))
    assert (page.status_code, "Overview" in guest.text) == (200, True)
    with setup.db.read() as conn:
        found = users.named(conn, "nieuw@voorbeeld.example")
    assert (found.roles, found.verified_at is not None) == ((Role.AUTHOR, Role.REVIEWER), True)
    with_cookie = guest.get(link)
    assert with_cookie.status_code == 404


def test_while_no_mail_leaves_the_administrator_sees_the_link_to_hand_over(
    setup: ConsoleSetup, admin: StaffBrowser
) -> None:
    invite(admin)  # no sender runs
    assert last_link(setup, "invitation") in admin.page


def test_the_link_of_an_invitation_that_was_mailed_is_not_shown(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    invite(admin)
    with setup.db.write() as conn:
        [mailing] = outbox.open_ones(conn)
        outbox.cancel(conn, mailing.id, setup.clock())
    number = number_of(setup, "nieuw@voorbeeld.example")
    admin.get(f"/people/{number}/link")
    assert "/join/" in admin.page  # it was taken back: nobody has it
    with setup.db.write() as conn:
        conn.exec_driver_sql("UPDATE mailing SET accepted = 1, waiting = 0, skipped = 0")
    admin.get(f"/people/{number}/link")
    assert "/join/" not in admin.page


def test_a_second_invitation_ends_the_first_and_nothing_secret_lies_in_the_database(
    setup: ConsoleSetup, guest: StaffBrowser, admin: StaffBrowser
) -> None:
    invite(admin)
    first, number = last_link(setup, "invitation"), number_of(setup, "nieuw@voorbeeld.example")
    admin.post(f"/people/{number}/link")
    second = last_link(setup, "invitation")
    assert first != second
    assert guest.get(first).status_code == 404
    assert guest.get(second).status_code == 200
    assert [mail.link for mail in waiting(setup) if mail.kind == "invitation"] == [second]
    token = second.rpartition("/")[2]
    with setup.db.read() as conn:
        for table in ("staff_link", "mailing", "delivery", "audit", "snapshot"):
            assert token not in repr(conn.exec_driver_sql(f"SELECT * FROM {table}").all())


def test_an_invitation_ends_after_a_week(setup: ConsoleSetup, guest: StaffBrowser, admin: StaffBrowser) -> None:
    invite(admin)
    link = last_link(setup, "invitation")
    setup.clock.now += timedelta(days=7, seconds=1)
    assert guest.get(link).status_code == 404


def test_a_weak_password_is_refused_and_the_link_still_works(
    setup: ConsoleSetup, guest: StaffBrowser, admin: StaffBrowser
) -> None:
    invite(admin)
    link = last_link(setup, "invitation")
    guest.get(link)
    assert guest.post(link, {"name": "Nel", "password": "kort"}).status_code == 422
    assert 'value="Nel"' in guest.page
    assert guest.post(link, {"name": "Nel", "password": NEW}).status_code == 303


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"email": "geen adres"}, "email"), ({"email": ""}, "email"), ({"name": ""}, "name"), ({"roles": []}, "roles")],
)
def test_an_invitation_that_misses_something_says_what(
    setup: ConsoleSetup, admin: StaffBrowser, typed: dict[str, object], field: str
) -> None:
    admin.get("/people/invite")
    given = {"email": "x@voorbeeld.example", "name": "Xaveria", "roles": ["sender"]} | typed
    response = admin.post("/people/invite", given)
    assert response.status_code == 422
    assert f'id="{field}-e"' in admin.page
    assert waiting(setup) == []


def test_an_unknown_role_is_no_role(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    admin.get("/people/invite")
    given = {"email": "x@voorbeeld.example", "name": "X", "roles": ["owner"]}
    assert admin.post("/people/invite", given).status_code == 422


def test_other_roles_end_the_sessions_of_the_person(
    setup: ConsoleSetup, server: WebServer, admin: StaffBrowser
) -> None:
    with signed_in(setup, server, "author") as author:
        assert author.get("/campaigns").status_code == 200
        number = number_of(setup, setup.staff("author"))
        admin.get(f"/people/{number}")
        assert admin.post(f"/people/{number}", {"roles": ["author", "reviewer"]}).status_code == 303
        assert author.get("/campaigns").status_code == 303
        author.sign_in(setup.staff("author"))
        assert author.get("/people").status_code == 403


def test_an_administrator_who_changes_the_own_roles_goes_on_under_a_new_secret(
    setup: ConsoleSetup, admin: StaffBrowser
) -> None:
    setup.staff("administrator", "tweede@voorbeeld.example")
    number, before = number_of(setup, setup.staff("administrator")), dict(admin.client.cookies)
    admin.get(f"/people/{number}")
    page = admin.follow(admin.post(f"/people/{number}", {"roles": ["author"]}))
    assert page.status_code == 200
    assert dict(admin.client.cookies) != before
    assert admin.get("/people").status_code == 403


def test_the_last_administrator_keeps_the_role_and_stays(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    number = number_of(setup, setup.staff("administrator"))
    admin.get(f"/people/{number}")
    assert admin.post(f"/people/{number}", {"roles": ["author"]}).status_code == 422
    assert admin.post(f"/people/{number}/remove").status_code == 422
    assert admin.get("/people").status_code == 200


def test_a_removed_person_is_out_at_once_and_may_be_invited_again(
    setup: ConsoleSetup, server: WebServer, admin: StaffBrowser
) -> None:
    with signed_in(setup, server, "author") as author:
        address = setup.staff("author")
        number = number_of(setup, address)
        admin.get(f"/people/{number}/remove")
        admin.follow(admin.post(f"/people/{number}/remove"))
        assert "Anna Schrijver" not in admin.text
        assert author.get("").status_code == 303
        author.sign_in(address, PASSWORD)
        assert "not right" in author.text
    assert admin.get(f"/people/{number}").status_code == 404
    invite(admin, address)
    assert number_of(setup, address) == number


def test_acts_on_people_need_a_fresh_proof_and_then_go_on(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    number = number_of(setup, setup.staff("author"))
    admin.get(f"/people/{number}")
    setup.clock.now += timedelta(minutes=16)
    assert admin.get(f"/people/{number}/remove").headers["location"].startswith("/console/account/prove")
    refused = admin.post(f"/people/{number}", {"roles": ["reviewer"]})
    assert (refused.status_code, "Is it you?" in admin.text) == (403, True)
    kept = admin.page.partition('name="kept" value="')[2].partition('"')[0]
    assert admin.post("/account/prove", {"answer": "niet goed", "kept": kept}).status_code == 422
    assert admin.post("/account/prove", {"answer": PASSWORD, "kept": kept}).status_code == 200
    assert 'name="roles" value="reviewer"' in admin.page
    assert admin.post(f"/people/{number}", {"roles": ["reviewer"]}).status_code == 303
    with setup.db.read() as conn:
        assert users.get(conn, number).roles == (Role.REVIEWER,)


def test_after_a_proof_the_person_comes_back_to_the_page(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    number = number_of(setup, setup.staff("author"))
    setup.clock.now += timedelta(minutes=16)
    admin.follow(admin.get(f"/people/{number}/remove"))
    place = admin.page.partition('name="next" value="')[2].partition('"')[0]
    assert place == f"/people/{number}/remove"
    assert admin.post("/account/prove", {"answer": PASSWORD, "next": place}).headers["location"].endswith(place)
    admin.get("/account/prove")
    away = admin.post("/account/prove", {"answer": PASSWORD, "next": "//evil.example"})
    assert away.headers["location"] == "/console/account"


def test_a_lost_phone_is_mended_by_an_administrator(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    number = number_of(setup, setup.staff("sender"))
    with setup.db.write() as conn:
        users.change(conn, number, setup.clock(), totp="sealed")
    admin.get(f"/people/{number}/second-factor")
    assert admin.post(f"/people/{number}/second-factor").status_code == 303
    with setup.db.read() as conn:
        assert not users.get(conn, number).has_totp
    assert waiting(setup)[-1].kind == "account_changed"


def test_acts_on_people_are_in_the_audit_trail_without_names(setup: ConsoleSetup, admin: StaffBrowser) -> None:
    invite(admin)
    with setup.db.read() as conn:
        acts = audit.acts(conn)
    assert [act.verb for act in acts] == ["invite", "sign_in"]
    assert "nieuw@" not in repr(acts)
    assert "Nel" not in repr(acts)


def number_of(setup: ConsoleSetup, email: str) -> int:
    with setup.db.read() as conn:
        return users.named(conn, email).id
