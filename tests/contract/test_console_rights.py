"""The rights on every route of the console, for every role and for nobody, by plain requests.

The routes are asked for here, not listed: a route that is added is covered by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from campaigns.console import console_routes
from campaigns.console.routing import ConsoleRoute
from campaigns.staff import audit
from campaigns.staff.rights import Right, Role, rights_of
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in, visitor
from tests.support.site import WebServer

ROUTES = [route for route in console_routes() if route.path != "/sign-out"]
NO_RIGHT = "You may not do this"
_NONE = "999999"  # a number that nothing has: an act on it changes nobody's session
_PLAUSIBLE = {"number": _NONE, "id": _NONE, "slug": "nieuws", "version": "1", "name": "foto.png", "token": "A" * 43}
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_EXAMPLES = {"int": _NONE, "path": "nieuws", "str": "nieuws", "": "nieuws"}


def path_of(route: ConsoleRoute) -> str:
    """The path of a route, with a plausible value for each parameter."""
    return _PARAMETER.sub(lambda found: _PLAUSIBLE.get(found[1], _EXAMPLES.get(found[2] or "", "1")), route.path)


@dataclass
class Staff:
    """A browser for each role, and one in which nobody has signed in."""

    setup: ConsoleSetup
    server: WebServer
    browsers: dict[Role | None, StaffBrowser]

    def status(self, role: Role | None, route: ConsoleRoute, method: str) -> int:
        """Ask for a route; a POST has the token of the browser's own page, and no field."""
        browser, token = self.browsers[role], self.token(role)
        if method == "GET":
            if route.stream:
                with browser.client.stream("GET", f"/console{path_of(route)}") as response:
                    return response.status_code
            return browser.get(path_of(route)).status_code
        return browser.post(path_of(route), csrf=token).status_code

    def token(self, role: Role | None) -> str:
        """The token of the forms of a browser."""
        browser = self.browsers[role]
        if role and browser.get("/account").status_code == 303:  # an act before ended the session
            browser.sign_in(self.setup.staff(role.value))
        browser.get("/account" if role else "/sign-in")
        found = re.search(r'name="csrf" value="([0-9a-f]{32})"', browser.page)
        assert found is not None
        return found[1]


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory, sqlite_module: Database) -> Iterator[Staff]:
    setup = console_setup(sqlite_module, tmp_path_factory.mktemp("rights"), 1)
    with ExitStack() as opened:
        server = opened.enter_context(console(setup))
        browsers: dict[Role | None, StaffBrowser] = {
            role: opened.enter_context(signed_in(setup, server, role.value)) for role in Role
        }
        browsers[None] = opened.enter_context(visitor(server))
        yield Staff(setup, server, browsers)


@pytest.fixture(scope="module")
def sqlite_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    from mailer.storage import open_database

    db = open_database(f"sqlite:///{tmp_path_factory.mktemp('db')}/postiljon.db")
    yield db
    db.close()


CASES = [(route, method) for route in ROUTES for method in route.methods]
CLOSED = [(route, method) for route, method in CASES if route.access != "open"]


@pytest.mark.parametrize(("route", "method"), CLOSED, ids=lambda case: getattr(case, "path", case))
def test_a_route_is_refused_to_every_role_that_lacks_its_right(staff: Staff, route: ConsoleRoute, method: str) -> None:
    right = route.right_for(method)
    for role in Role:
        status = staff.status(role, route, method)
        refused = status == 403 and NO_RIGHT in staff.browsers[role].text
        assert refused is (right not in rights_of([role])), f"{role.value} {method} {route.path}: {status}"
        assert status != 500


@pytest.mark.parametrize(("route", "method"), CASES, ids=lambda case: getattr(case, "path", case))
def test_nobody_gets_in_without_a_session(staff: Staff, route: ConsoleRoute, method: str) -> None:
    status = staff.status(None, route, method)
    if route.access == "open":
        assert status in (200, 303, 404, 409, 413, 422, 429)
        return
    assert status == 303, f"{method} {route.path}: {status}"
    response = staff.browsers[None].client.request(
        method, f"/console{path_of(route)}", data={"csrf": staff.token(None)} if method == "POST" else None
    )
    assert response.headers["location"].startswith("/console/sign-in")
    assert response.content == b""


@pytest.mark.parametrize("route", [route for route in console_routes() if route.act], ids=lambda route: route.path)
def test_a_form_is_taken_from_its_own_session_and_site_alone(staff: Staff, route: ConsoleRoute) -> None:
    mine, theirs = staff.token(Role.ADMINISTRATOR), staff.token(Role.AUTHOR)
    browser, path = staff.browsers[Role.ADMINISTRATOR], path_of(route)
    told: list[tuple[str, dict[str, str]]] = [
        ("", {}),
        ("0" * 32, {}),
        (theirs, {}),
        (mine, {"sec-fetch-site": "cross-site"}),
        (mine, {"sec-fetch-site": "same-site"}),
        (mine, {"sec-fetch-site": "none"}),
    ]
    for csrf, headers in told:
        response = browser.post(path, csrf=csrf, headers=headers)
        assert (response.status_code, "This page was too old" in browser.text) == (403, True), (csrf, headers)
    del browser.client.headers["sec-fetch-site"]  # an old browser: its Origin is looked at
    try:
        old = browser.post(path, csrf=mine, headers={"origin": "https://evil.example"})
        null = browser.post(path, csrf=mine, headers={"origin": "null"})
    finally:
        browser.client.headers["sec-fetch-site"] = "same-origin"
    assert [old.status_code, null.status_code] == [403, 403]


def test_an_act_that_is_refused_is_in_the_audit_trail(staff: Staff) -> None:
    staff.browsers[Role.AUTHOR].get("/people")
    with staff.setup.db.read() as conn:
        found = audit.acts(conn, kind="page", subject="/people", most=1)
    assert [(act.verb, act.outcome) for act in found] == [("visit", "refused")]


def test_the_rights_of_roles_are_those_of_the_issue() -> None:
    assert rights_of([Role.AUTHOR]) == {Right.READ, Right.WRITE, Right.TEST}
    assert rights_of([Role.REVIEWER]) == {Right.READ, Right.REVIEW}
    assert rights_of([Role.SENDER]) == {Right.READ, Right.TEST, Right.SEND, Right.CONTACTS}
    assert rights_of([Role.ADMINISTRATOR]) == set(Right)


def test_there_is_no_other_method(staff: Staff) -> None:
    client = staff.browsers[Role.ADMINISTRATOR].client
    assert {client.request(method, "/console/account").status_code for method in ("PUT", "PATCH", "DELETE")} == {405}
