"""Following a campaign that a real sender sends through a real SMTP server: numbers, pause, stop, doubt, refusals."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from campaigns.console import live
from campaigns.staff import audit, sessions
from campaigns.staff.sessions import STAFF_SESSION
from mailer.settings import Relay
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, signed_in
from tests.support.console_way import (
    PostOffice,
    a_draft,
    confirm,
    counts,
    post_office,
    shown_numbers,
    status,
    way_setup,
)
from tests.support.site import WebServer
from tests.support.smtpd import Rule
from tests.support.waiting import wait_until

SLUG = "denkt-u-mee"
FOLLOW = f"/campaigns/{SLUG}/follow"


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    relay = Relay("127.0.0.1", 25, tls="none", connections=1, window=1)  # one letter at a time
    return way_setup(empty_database, tmp_path, undo=timedelta(), smtp_url=relay)


@pytest.fixture
def server(setup: ConsoleSetup) -> Iterator[WebServer]:
    with console(setup) as server:
        yield server


@pytest.fixture
def browser(setup: ConsoleSetup, server: WebServer) -> Iterator[StaffBrowser]:
    with signed_in(setup, server, "sender") as browser:
        a_draft(setup)
        yield browser


class Watcher:
    """A page that is open: what its stream said, and whether it has ended."""

    def __init__(self, browser: StaffBrowser, path: str = f"{FOLLOW}/live") -> None:
        self.events: list[str] = []
        self.headers: dict[str, str] = {}
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(browser, path), daemon=True)
        self._thread.start()

    @property
    def parts(self) -> list[dict[str, int]]:
        """The numbers of each part that came."""
        return [shown_numbers(event) for event in self.events if "event:" not in event and "data:" in event]

    def _listen(self, browser: StaffBrowser, path: str) -> None:
        try:
            with httpx.Client(cookies=browser.client.cookies, trust_env=False, timeout=60) as client:
                url = str(browser.client.base_url.join(f"/console{path}"))
                with client.stream("GET", url, headers={"sec-fetch-site": "same-origin"}) as answer:
                    self.headers = dict(answer.headers)
                    text = ""
                    for piece in answer.iter_text():
                        text += piece
                        *whole, text = text.split("\n\n")
                        self.events += whole
        except httpx.HTTPError:
            pass
        finally:
            self.ended.set()


@contextmanager
def going(setup: ConsoleSetup, browser: StaffBrowser, *rules: Rule) -> Iterator[PostOffice]:
    """A campaign that was begun, and a sender at work."""
    assert confirm(browser, SLUG).status_code == 303
    with post_office(setup, *rules) as office:
        office.turn()
        office.begin()
        yield office


def verbs(setup: ConsoleSetup) -> list[str]:
    with setup.db.read() as conn:
        return [act.verb for act in audit.acts(conn, kind="campaign", subject=SLUG)][::-1]


def test_what_is_planned_goes_out_by_itself_while_it_is_watched(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    with post_office(setup) as office:
        a_draft(setup, "Morgen", send_at=f"{setup.clock() + timedelta(hours=2):%Y-%m-%d %H:%M}", timezone="UTC")
        assert confirm(browser, "morgen", "plan").status_code == 303
        office.begin()
        office.turn()
        assert office.server.accepted == []
        watcher = Watcher(browser, "/campaigns/morgen/follow/live")
        wait_until(lambda: watcher.parts)
        setup.clock.forward(hours=2)
        office.until("morgen", state="finished", accepted=5)
        wait_until(lambda: watcher.parts[-1]["accepted"] == 5)
        assert sorted(office.server.recipients) == sorted(f"lezer{at}@example.org" for at in range(5))
        browser.get("/campaigns/morgen/follow")
        assert shown_numbers(browser.page) == counts(setup, "morgen")
        assert "Sent 5 of 5 people accepted." in browser.text


def test_nothing_reaches_the_mail_server_when_taking_back_won(
    setup: ConsoleSetup, server: WebServer, browser: StaffBrowser
) -> None:
    with post_office(setup) as office:
        a_draft(setup, "Terug", send_at=f"{setup.clock() + timedelta(hours=2):%Y-%m-%d %H:%M}", timezone="UTC")
        confirm(browser, "terug", "plan")
        office.begin()
        browser.get("/campaigns/terug/planned")
        done = browser.follow(browser.post("/campaigns/terug/take-back"))
        assert done.status_code == 200
        assert "Taken back. Nothing was sent" in browser.text
        setup.clock.forward(hours=3)
        office.turn()
        office.turn()
        assert office.server.accepted == []
        assert status(setup, "terug")["state"] == "draft"


def test_who_is_too_late_to_take_it_back_gets_the_numbers(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    setup.people(4)
    with going(setup, browser, Rule("dot", "hold", nth=3)) as office:
        wait_until(lambda: office.server.held and counts(setup, SLUG)["accepted"] == 2)
        browser.get(FOLLOW)
        assert browser.post(f"/campaigns/{SLUG}/take-back").status_code == 409
        assert "3 emails have left. Stopping now holds the other 6." in browser.text
        office.release()


def test_numbers_on_the_page_are_those_of_status_at_every_stop(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    rules = (Rule("dot", "hold", nth=2), Rule("rcpt", text="550 5.1.1 no such user", recipient="lezer3@"))
    with going(setup, browser, *rules) as office:
        wait_until(lambda: office.server.held and counts(setup, SLUG)["accepted"] == 1)
        browser.get(FOLLOW)
        assert shown_numbers(browser.page) == counts(setup, SLUG)
        assert shown_numbers(browser.page)["waiting"] == 3
        office.release()
        office.until(SLUG, state="finished")
        browser.get(FOLLOW)
        assert shown_numbers(browser.page) == counts(setup, SLUG)
        assert shown_numbers(browser.page)["refused"] == 1
        assert "Address does not exist: 1" in browser.text


def test_a_pause_holds_and_carrying_on_sends_the_rest_once(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    with going(setup, browser, Rule("dot", "hold", nth=2)) as office:
        wait_until(lambda: office.server.held and counts(setup, SLUG)["accepted"] == 1)
        browser.get(FOLLOW)
        browser.follow(browser.post(f"/campaigns/{SLUG}/pause"))
        assert "Paused 4 people are still waiting." in browser.text
        assert "Paused by Vera Zender." in browser.text
        office.release()
        wait_until(lambda: counts(setup, SLUG)["accepted"] == 2)
        office.turn()
        assert len(office.server.dots) == 2
        assert browser.post(f"/campaigns/{SLUG}/pause").status_code == 303
        browser.follow(browser.post(f"/campaigns/{SLUG}/resume"))
        office.until(SLUG, state="finished", accepted=5)
        assert sorted(office.server.recipients) == sorted(f"lezer{at}@example.org" for at in range(5))
    assert verbs(setup) == ["send", "pause", "resume"]


def test_stopping_says_what_follows_and_is_for_good(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    with going(setup, browser, Rule("dot", "hold", nth=2)) as office:
        wait_until(lambda: office.server.held and counts(setup, SLUG)["accepted"] == 1)
        browser.get(f"/campaigns/{SLUG}/stop")
        assert "Stopping is final: 4 people will not get this mail." in browser.text
        browser.follow(browser.post(f"/campaigns/{SLUG}/stop"))
        office.release()
        office.until(SLUG, state="cancelled", skipped=3)
        wait_until(lambda: counts(setup, SLUG)["accepted"] == 2)
        browser.get(FOLLOW)
        assert "Stopped 3 people do not get this mail." in browser.text
        assert shown_numbers(browser.page) == counts(setup, SLUG)
        assert browser.post(f"/campaigns/{SLUG}/resume").status_code == 409
    assert verbs(setup) == ["send", "stop"]


def test_a_doubt_is_decided_for_the_chosen_people(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    with going(setup, browser, Rule("dot", "drop", nth=2)) as office:
        office.until(SLUG, in_doubt=1)
        office.until(SLUG, accepted=4)
        browser.get("")
        assert "Of 1 person we do not know whether the mail arrived." in browser.text
        browser.get(f"/campaigns/{SLUG}/doubt")
        (address,) = {message.recipient for message in office.server.dots} - set(office.server.recipients)
        assert "1 person : we do not know" in browser.text.replace(":", " :").replace("  ", " ")
        assert address in browser.text
        page = browser.page
        assert browser.post(f"/campaigns/{SLUG}/doubt", {"choice": "send_again:some"}).status_code == 422
        assert "Tick the people" in browser.text
        who = page.split('name="who" value="')[1].split('"')[0]
        browser.follow(browser.post(f"/campaigns/{SLUG}/doubt", {"choice": "send_again:some", "who": who}))
        office.until(SLUG, state="finished", accepted=5)
        assert office.server.recipients.count(address) == 1
    assert verbs(setup) == ["send", "decide"]


def test_those_who_were_refused_are_shown_in_the_servers_words_and_sent_to_again(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    rule = Rule("rcpt", text="550 5.7.1 <b>not</b> today", recipient="lezer1@", times=1)
    with going(setup, browser, rule) as office:
        office.until(SLUG, refused=1)
        office.until(SLUG, state="finished")
        browser.get(f"/campaigns/{SLUG}/hold")
        assert "5.7.1 <b>not</b> today" in browser.text
        assert "<b>not" not in browser.page
        assert "lezer1@example.org" in browser.text
        reason = browser.page.split('name="reason" value="')[1].split('"')[0]
        browser.follow(browser.post(f"/campaigns/{SLUG}/send-again", {"reason": reason}))
        office.until(SLUG, state="finished", accepted=5)
    assert verbs(setup) == ["send", "send_again"]


def test_a_stream_ends_with_its_session(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    confirm(browser, SLUG)
    watcher = Watcher(browser)
    wait_until(lambda: watcher.parts)
    assert watcher.headers["x-accel-buffering"] == "no"
    assert watcher.headers["content-type"].startswith("text/event-stream")
    assert watcher.headers["cache-control"] == "no-store"
    with setup.db.write() as conn:
        for (user,) in conn.execute(STAFF_SESSION.select().with_only_columns(STAFF_SESSION.c.user_id)).all():
            sessions.end_all(conn, user, setup.clock())
    assert watcher.ended.wait(60)
    assert "event: ended" in watcher.events[-1]


def test_streams_end_when_the_server_stops(setup: ConsoleSetup) -> None:
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        a_draft(setup)
        confirm(browser, SLUG)
        watcher = Watcher(browser)
        wait_until(lambda: watcher.parts)
    assert watcher.ended.wait(1)


def test_a_stream_has_the_token_of_its_own_session_in_its_forms(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    confirm(browser, SLUG)
    browser.get(FOLLOW)
    token = browser.page.split('name="csrf" value="')[1].split('"')[0]
    watcher = Watcher(browser)
    wait_until(lambda: watcher.parts)
    whole = "".join(watcher.events)
    assert f'value="{token}"' in whole
    assert live.TOKEN.decode() not in whole + browser.page


def test_a_page_that_shows_the_present_numbers_gets_no_event_until_one_changes(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    confirm(browser, SLUG)
    browser.get(FOLLOW)
    shown = browser.page.split("/follow/live?shown=")[1].split('"')[0]
    watcher = Watcher(browser, f"{FOLLOW}/live?shown={shown}")
    wait_until(lambda: any("event: beat" in event for event in watcher.events))
    assert watcher.parts == []


def test_a_session_has_only_a_few_streams(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    confirm(browser, SLUG)
    watchers = [Watcher(browser) for _ in range(live.MOST_A_SESSION)]
    wait_until(lambda: all(watcher.parts for watcher in watchers))
    assert browser.get(f"{FOLLOW}/live").status_code == 204


def test_a_stranger_gets_no_stream(setup: ConsoleSetup, server: WebServer, browser: StaffBrowser) -> None:
    confirm(browser, SLUG)
    stranger = StaffBrowser(server)
    assert stranger.get(f"{FOLLOW}/live").status_code == 303
    stranger.client.close()
