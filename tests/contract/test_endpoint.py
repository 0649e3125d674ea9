"""The public door as mailbox providers, scanners and dumb clients knock on it (b1, C25, E29, E30, E40, E51)."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from io import StringIO

import pytest

from mailer.signing import Purpose
from mailer.storage import Database, open_database
from tests.support import web
from tests.support.site import ANOTHER_RING, KEYRING, Town, WebServer, serving
from unsubscribe import changes, contacts
from unsubscribe.endpoint import public_app
from unsubscribe.notices import MOST_A_DAY
from unsubscribe.tokens import Tokens

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
MULTIPART = b'--b0\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b0--\r\n'
BODIES = [
    ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
    ("application/x-www-form-urlencoded; charset=utf-8", b"List-Unsubscribe=One-Click"),
    ("application/x-www-form-urlencoded;charset=ISO-8859-1", b"List-Unsubscribe=One-Click"),
    ("multipart/form-data; boundary=b0", MULTIPART),
    ("multipart/form-data; boundary=b0; charset=utf-8", MULTIPART),
    ("multipart/form-data", MULTIPART),
    ("", b"List-Unsubscribe=One-Click"),
    ("application/json", b"{}"),
    ("", b""),
]


@pytest.fixture
def town(empty_database: Database) -> Town:
    return Town(empty_database)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("content_type", "body"), BODIES)
def test_one_click_works_with_every_way_to_write_it(
    lite_town: Town, site: WebServer, content_type: str, body: bytes, chunked: bool
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    content = iter([body[:5], body[5:]]) if chunked else body
    answer = web.post(site.url(lite_town.path()), content=content, headers=headers)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert lite_town.state() == "opted_out"
    assert lite_town.state(topic="agenda") == "subscribed"


def test_the_opt_out_counts_on_both_databases(town: Town) -> None:
    with serving(public_app(town.deps())) as site:
        assert web.post(site.url(town.path()), data=ONE_CLICK).status_code == 200
    assert town.state() == "opted_out"
    assert town.state(1) == "subscribed"


def test_again_and_at_the_same_time_gives_the_same_answer(lite_town: Town, site: WebServer) -> None:
    first = web.post(site.url(lite_town.path()), data=ONE_CLICK)
    kept = lite_town.everything()
    again = [web.post(site.url(lite_town.path()), data=ONE_CLICK) for _ in range(3)]
    assert {answer.text for answer in again} == {first.text}
    assert lite_town.everything() == kept


def test_a_slash_at_the_end_neither_redirects_nor_fails(lite_town: Town, site: WebServer) -> None:
    assert web.post(site.url(lite_town.path() + "/"), data=ONE_CLICK).status_code == 200
    assert lite_town.state() == "opted_out"


def test_who_comes_without_a_link_is_told_what_this_place_is(lite_town: Town, site: WebServer) -> None:
    told = web.get(site.url("/"))
    assert told.status_code == 200
    assert "Mail van" in told.text
    assert "/archive" not in told.text, "these pages run without it here"
    assert 'href="/subscribe"' in told.text
    with lite_town.db.write() as conn:
        for topic in contacts.topics(conn):
            contacts.describe_topic(conn, topic.id, is_open=False)
    assert 'href="/subscribe"' not in web.get(site.url("/")).text


def test_get_head_and_options_change_nothing(lite_town: Town, site: WebServer) -> None:
    before = lite_town.everything()
    start = lite_town.path()
    paths = [start, f"{start}/", f"{start}/less-often", f"{start}/pause", lite_town.path("d"), "/health", "/privacy"]
    with web.client() as client:
        for path in paths:
            for method in ("GET", "HEAD", "OPTIONS"):
                for headers in ({}, {"purpose": "prefetch"}, {"sec-purpose": "prefetch;prerender"}):
                    answer = client.request(method, site.url(path), headers=headers)
                    assert answer.status_code in (200, 204)
    assert lite_town.everything() == before


def test_fresh_links_change_nothing_until_a_button_is_used(lite_town: Town, site: WebServer) -> None:
    left = web.post(site.url(lite_town.path()))
    before = lite_town.everything()
    for path in links(left.text):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert web.request(method, site.url(path)).status_code in (200, 204)
    assert lite_town.everything() == before


def test_every_changed_character_of_a_token_fails_with_the_same_answer(lite_town: Town, site: WebServer) -> None:
    generic = web.get(site.url("/u/x")).text
    path = lite_town.path()
    before = lite_town.everything()
    with web.client() as client:
        for place in range(3, len(path)):
            forged = path[:place] + ("A" if path[place] != "A" else "B") + path[place + 1 :]
            answer = client.post(site.url(forged), data=ONE_CLICK)
            assert (answer.status_code, answer.text) == (404, generic)
    assert lite_town.everything() == before


def test_no_other_spelling_purpose_or_key_opens_the_door(lite_town: Town, site: WebServer) -> None:
    path, before = lite_town.path(), lite_town.everything()
    foreign = Tokens(ANOTHER_RING).optout_url("", ANOTHER_RING.current.id, lite_town.mailing, lite_town.readers[0].id)
    undo = lite_town.tokens.fresh(
        Purpose.UNDO, lite_town.tokens.read(path[3:], Purpose.OPT_OUT, lite_town.now), lite_town.now
    )
    forged = [
        path[:-1],
        path + "A",
        path + "%00",
        path + "=",
        path.upper(),
        lite_town.path("d").replace("/d/", "/u/"),
        path.replace("/u/", "/d/"),
        foreign,
        f"/u/{undo}",
        f"/c/pause/{undo}",
        "/u/",
        "/u",
        "/u/..%2fu%2f" + path[3:],
        "//u/" + path[3:] + "A",
        path + "-",
        path + "_A",
        "/U/" + path[3:],
        "/u/" + "A" * 36,
        "/u/" + "é" * 36,
        "/u/" + "A" * 5000,
        "/c/undo/" + "A" * 48,
        "/c/nothing/" + undo,
        path + "/nothing",
    ]
    for item in forged:
        answer = web.post(site.url(item), data=ONE_CLICK)
        assert answer.status_code == 404, item
    assert lite_town.everything() == before


def test_the_link_of_an_address_that_left_with_its_person_is_answered_as_done(lite_town: Town, site: WebServer) -> None:
    gone = lite_town.tokens.optout_url("", KEYRING.current.id, 4_000_000, 5_000_000)
    assert web.get(site.url(gone)).status_code == 200
    assert web.post(site.url(gone), data=ONE_CLICK).status_code == 200


def test_a_link_made_under_an_older_key_works_for_years(lite_town: Town) -> None:
    old = lite_town.path()
    rotated = lite_town.deps(keyring=type(KEYRING)((*ANOTHER_RING.keys, *KEYRING.keys)))
    lite_town.now += timedelta(days=3650)
    with serving(public_app(rotated)) as site:
        assert web.post(site.url(old), data=ONE_CLICK).status_code == 200
    assert lite_town.state() == "opted_out"


def test_nothing_that_is_not_on_disk_is_called_done(tmp_path: pytest.TempPathFactory, lite_town: Town) -> None:
    away = open_database("postgresql://nobody@/nothing?host=/nowhere/at/all")
    with serving(public_app(lite_town.deps(db=away))) as site:
        answer = web.post(site.url(lite_town.path()), data=ONE_CLICK)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "lukt nu niet om uw keuze te bewaren" in answer.text
        assert web.get(site.url("/health")).status_code == 503
        assert web.post(site.url("/u/forged"), data=ONE_CLICK).status_code == 404
    assert lite_town.state() == "subscribed"


def test_a_body_that_is_too_large_is_refused_and_changes_nothing(lite_town: Town, site: WebServer) -> None:
    for content in (b"a" * 200_000, iter([b"a" * 50_000] * 4)):
        assert web.post(site.url(lite_town.path()), content=content).status_code == 413
    assert lite_town.state() == "subscribed"


def test_a_half_sent_body_changes_nothing(lite_town: Town, site: WebServer) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as client:
        client.sendall(f"POST {lite_town.path()} HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nList-Un".encode())
    assert web.get(site.url("/health")).status_code == 200
    assert lite_town.state() == "subscribed"


def test_nobody_is_limited_by_the_address_they_come_from(sqlite_database: Database) -> None:
    town = Town(sqlite_database, people=300)
    with serving(public_app(town.deps())) as site, web.client() as client:
        codes = {client.post(site.url(town.path(reader=number)), data=ONE_CLICK).status_code for number in range(300)}
    assert codes == {200}
    assert {town.state(number) for number in range(300)} == {"opted_out"}


def test_every_answer_carries_the_headers_that_protect(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps(public_url="https://mail.vng.example"))) as site:
        answers = [
            web.get(site.url(path))
            for path in (lite_town.path(), "/u/forged", "/privacy", "/health", "/nothing", "/robots.txt")
        ]
        answers.append(web.post(site.url(lite_town.path())))
        answers.append(web.request("DELETE", site.url(lite_town.path())))
        answers.append(web.options(site.url(lite_town.path())))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    for answer in (answers[0], answers[1], answers[6]):
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
    assert answers[7].status_code == 405
    assert answers[8].status_code == 204


def test_a_fault_of_ours_shows_a_number_and_nothing_else(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps(clock=lambda: 1 // 0))) as site:
        answer = web.get(site.url(lite_town.path()))
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    assert "Traceback" not in answer.text
    assert 'class="code"' in answer.text


def test_a_robot_that_clicks_once_gets_no_token_but_the_way_to_the_choices(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps())) as site:
        robot = web.post(site.url(lite_town.path()), data=ONE_CLICK)
        assert robot.status_code == 200
        assert "/c/" not in robot.text
        assert f'href="{lite_town.path()}"' in robot.text
        person = web.post(site.url(lite_town.path()))
        assert "/c/topics/" in person.text


def test_metrics_are_for_neighbours_and_for_who_has_the_token(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps(metrics_token="m" * 20))) as site:
        url = site.url("/metrics")
        assert "postiljon_web_requests_total" in web.get(url).text
        assert web.get(url, headers={"x-forwarded-for": "127.0.0.1"}).status_code == 404
        assert web.get(url, headers={"forwarded": "for=127.0.0.1"}).status_code == 404
        token = {"x-forwarded-for": "8.8.8.8", "authorization": "Bearer " + "m" * 20}
        assert web.get(url, headers=token).status_code == 200
        assert web.get(url, headers=token | {"authorization": "Bearer x"}).status_code == 404


def test_counters_and_logs_name_no_token_and_no_address(lite_town: Town, logged: StringIO) -> None:
    """Expected: of an opt-out that works, and of requests that fail, which are logged with their path and traceback."""
    works = True
    with serving(public_app(lite_town.deps(clock=lambda: lite_town.now if works else 1 // 0))) as site:
        assert web.post(site.url(lite_town.path())).status_code == 200
        works = False
        paths = [lite_town.path(reader=1), lite_town.path("d"), f"/subscribe?email={lite_town.readers[0].email}"]
        assert [web.get(site.url(path)).status_code for path in paths][:2] == [500, 500]
        works = True
        counters = web.get(site.url("/metrics")).text
    log = logged.getvalue()
    assert log.count("request_failed") >= 2
    assert "ZeroDivisionError" in log
    assert "postiljon_web_requests_total" in counters
    for text in (counters, log):
        assert not [path for path in paths if path[3:] in text]
        assert "esther" not in text


def test_weaknesses_can_be_reported(site: WebServer) -> None:
    text = web.get(site.url("/.well-known/security.txt")).text
    assert "Contact: mailto:info@voorbeeld.example\n" in text
    assert "Expires: 2025-03-17T00:00:00Z\n" in text


def test_the_style_sheet_is_kept_for_ever_under_its_content(site: WebServer) -> None:
    page = web.get(site.url("/privacy")).text
    name = page.split('<link rel="stylesheet" href="')[1].split('"')[0]
    sheet = web.get(site.url(name))
    assert "immutable" in sheet.headers["cache-control"]
    assert sheet.headers["content-encoding"] == "gzip"
    assert len(page) + len(sheet.content) < 50_000
    assert web.get(site.url("/a/..%2f..%2fpyproject.toml")).status_code == 404


def links(page: str) -> list[str]:
    """Our own links in a page."""
    return [part.split('"')[0] for part in page.split('href="')[1:] if part.startswith("/")]


def test_details_show_nothing_stored_and_change_what_is_filled_in(town: Town) -> None:
    with serving(public_app(town.deps())) as site:
        page = web.get(site.url(town.path("d"))).text
        assert "Esther" not in page
        assert "esther" not in page
        assert "checked" not in page.replace('value="" checked', "")
        form = {
            "name": "Esther de Vries",
            "language": "en",
            "topic-agenda": "off",
            "topic-nieuws": "",
            "often": "month",
        }
        saved = web.post(site.url(town.path("d")), data=form)
        assert saved.status_code == 200
        assert "Uw naam" in saved.text
    with town.db.read() as conn:
        contact = contacts.get(conn, town.readers[0].id)
    assert contact
    assert (contact.name, contact.language) == ("Esther de Vries", "en")
    assert town.state(topic="agenda") == "opted_out"
    assert town.state() == "subscribed"


def test_a_change_can_be_undone_by_the_letter_that_announces_it(lite_town: Town, site: WebServer) -> None:
    web.post(site.url(lite_town.path("d")), data={"name": "Somebody Else"})
    with lite_town.db.read() as conn:
        change = changes.of_contact(conn, lite_town.readers[0].id)[-1]
    letter = (KEYRING.current.id, lite_town.mailing, lite_town.readers[0].id)
    undo = lite_town.tokens.lasting(Purpose.UNDO_CHANGE, letter, lite_town.now + timedelta(days=14), change.id)
    before = lite_town.everything()
    assert web.get(site.url(f"/c/put-back/{undo}")).status_code == 200
    assert lite_town.everything() == before
    assert web.post(site.url(f"/c/put-back/{undo}")).status_code == 200
    with lite_town.db.read() as conn:
        contact = contacts.get(conn, lite_town.readers[0].id)
    assert contact
    assert contact.name == "Esther Jansen"


def test_a_form_with_a_fault_comes_back_with_what_was_filled_in(lite_town: Town, site: WebServer) -> None:
    before = lite_town.everything()
    form = {"name": "a" * 201 + "<b>", "language": "xx", "until": "gisteren"}
    answer = web.post(site.url(lite_town.path("d")), data=form)
    assert answer.status_code == 422
    assert "<title>Fout: " in answer.text
    assert 'value="gisteren"' in answer.text
    assert "&lt;b&gt;" in answer.text
    assert re.findall(r'<li><a href="#(\w+)">', answer.text) == ["name", "until"]  # from top to bottom
    assert lite_town.everything() == before


def test_topics_can_be_joined_again_after_leaving(lite_town: Town, site: WebServer) -> None:
    left = web.post(site.url(lite_town.path()))
    topics = next(path for path in links(left.text) if path.startswith("/c/topics/"))
    assert web.get(site.url(topics)).status_code == 200
    assert web.post(site.url(topics), data={"topic-nieuws": "on"}).status_code == 200
    assert lite_town.state() == "subscribed"


def test_who_changes_too_often_in_a_day_is_told_so(lite_town: Town, site: WebServer) -> None:
    codes = [web.post(site.url(lite_town.path("d")), data={"name": f"N {number}"}).status_code for number in range(12)]
    most = MOST_A_DAY["details_changed"]
    assert codes == [200] * most + [429] * (12 - most)


def test_undo_puts_back_what_the_opt_out_took(lite_town: Town, site: WebServer) -> None:
    left = web.post(site.url(lite_town.path()))
    undo = left.text.split('action="/c/undo/')[1].split('"')[0]
    for _ in range(2):
        assert web.post(site.url(f"/c/undo/{undo}")).status_code == 200
        assert lite_town.state() == "subscribed"


def test_an_old_undo_is_told_that_it_is_too_old(lite_town: Town, site: WebServer) -> None:
    left = web.post(site.url(lite_town.path()))
    undo = left.text.split('action="/c/undo/')[1].split('"')[0]
    lite_town.now += timedelta(minutes=31)
    assert web.post(site.url(f"/c/undo/{undo}")).status_code == 410
    assert lite_town.state() == "opted_out"


def test_all_mail_can_be_left_with_the_link_of_the_letter(lite_town: Town, site: WebServer) -> None:
    assert web.post(site.url(lite_town.path()), data={"scope": "all"}).status_code == 200
    assert (lite_town.state(), lite_town.state(topic="agenda")) == ("opted_out", "opted_out")
