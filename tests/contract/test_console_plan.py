"""Check answers and confirm: nothing is done but what was shown, and it is done once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.lifecycle import drafts, launch, records
from campaigns.lifecycle.records import Campaign
from campaigns.source.campaign_source import from_folder
from campaigns.source.writing import with_values
from campaigns.staff import audit
from mailer import suppression
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_way import a_draft, confirm, fields
from unsubscribe import contacts

SLUG = "denkt-u-mee"
PLAN = f"/campaigns/{SLUG}/plan"
HOUR = {"send_at": "2024-09-18 09:00", "timezone": "Europe/Amsterdam"}


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path, 12)


@pytest.fixture
def browser(setup: ConsoleSetup) -> Iterator[StaffBrowser]:
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        yield browser


def campaign(setup: ConsoleSetup, slug: str = SLUG) -> Campaign:
    with setup.db.read() as conn:
        return records.get(conn, slug)


def verbs(setup: ConsoleSetup, slug: str = SLUG) -> list[str]:
    with setup.db.read() as conn:
        return [act.verb for act in audit.acts(conn, kind="campaign", subject=slug)][::-1]


def hold(setup: ConsoleSetup, email: str, reason: str) -> None:
    with setup.db.write() as conn:
        contact = contacts.find(conn, email)
        assert contact
        suppression.suppress(conn, contact.address_hash, "", reason, setup.clock())  # type: ignore[arg-type]


def change(setup: ConsoleSetup, **values: str) -> None:
    with setup.db.write() as conn:
        draft = drafts.current(conn, SLUG)
        source = with_values(draft.version.source, values)
        drafts.save(conn, draft, (source, draft.version.images), "saved", "user:9", setup.clock.forward(seconds=5))


def test_the_page_says_in_one_sentence_who_gets_what_and_when(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR)
    hold(setup, "lezer3@example.org", "undeliverable")
    hold(setup, "lezer4@example.org", "manual")
    browser.get(PLAN)
    text = browser.text.replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "10 people will get “ Denkt u mee? ” on Wednesday 18 September 2024 at 09:00 , Amsterdam time (summer time)."
        in text
    )
    assert "2 people are left out:" in text
    assert "1 undeliverable" in text
    assert "1 held back by hand" in text
    assert "Plan for Wed 18 September, 09:00" in text
    assert campaign(setup).state.value == "draft"


def test_confirming_plans_it_and_leads_to_a_page_that_can_be_kept(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR)
    planned = confirm(browser, SLUG, "plan")
    assert planned.headers["location"] == f"/console/campaigns/{SLUG}/planned?note=planned"
    found = campaign(setup)
    assert (found.state.value, found.send_at) == ("scheduled", datetime(2024, 9, 18, 7, tzinfo=UTC))
    assert verbs(setup) == ["plan"]
    browser.follow(planned)
    assert "12 people will get this mail" in browser.text
    assert "Take back" in browser.text
    setup.clock.forward(hours=2)
    browser.get(f"/campaigns/{SLUG}/planned")
    assert "Planned. Nothing has left yet." not in browser.text
    assert "12 people will get this mail" in browser.text


def test_the_hour_can_be_put_into_a_calendar(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR | {"subject": "Eén, twee; drie " + "é" * 60})
    assert browser.get(f"/campaigns/{SLUG}/planned.ics").status_code == 404
    confirm(browser, SLUG, "plan")
    answer = browser.get(f"/campaigns/{SLUG}/planned.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert "\r\nDTSTART:20240918T070000Z\r\n" in answer.text
    assert "Eén\\, twee\\; drie" in answer.text
    assert max(len(line) for line in answer.content.split(b"\r\n")) <= 75


def test_a_second_click_changes_nothing(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR)
    browser.get(PLAN)
    form = fields(browser)
    assert browser.post(PLAN, form).status_code == 303
    before = campaign(setup)
    setup.clock.forward(seconds=2)
    again = browser.post(PLAN, form)
    assert again.headers["location"] == f"/console/campaigns/{SLUG}/planned"
    assert campaign(setup) == before
    assert verbs(setup) == ["plan"]


def test_two_clicks_at_the_same_moment_plan_it_once(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR)
    browser.get(PLAN)
    form, line, places = fields(browser), threading.Barrier(2), []

    def click() -> None:
        line.wait()
        places.append(browser.post(PLAN, form).headers["location"].partition("?")[0])

    clicks = [threading.Thread(target=click) for _ in range(2)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert places == [f"/console/campaigns/{SLUG}/planned"] * 2
    assert verbs(setup) == ["plan"]


def test_a_campaign_that_is_kept_in_a_file_is_taken_back_and_planned_by_the_console(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    launch.schedule(setup.config, from_folder(setup.write(**HOUR)), setup.clock())
    browser.get(f"/campaigns/{SLUG}/planned")
    setup.clock.forward(seconds=2)
    browser.follow(browser.post(f"/campaigns/{SLUG}/take-back"))
    assert "Taken back" in browser.text
    browser.get(f"/campaigns/{SLUG}/when")
    assert "Its hour is in that file" in browser.text
    assert confirm(browser, SLUG, "plan").status_code == 303
    found = campaign(setup)
    assert (found.state.value, found.origin) == ("scheduled", "file")
    assert verbs(setup) == ["take_back", "plan"]


def test_a_form_that_was_used_plans_nothing_after_the_campaign_was_taken_back(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    a_draft(setup, **HOUR)
    browser.get(PLAN)
    form = fields(browser)
    browser.post(PLAN, form)
    setup.clock.forward(seconds=2)
    assert browser.post(f"/campaigns/{SLUG}/take-back").status_code == 303
    assert browser.post(PLAN, form).status_code == 409
    assert campaign(setup).state.value == "draft"
    assert verbs(setup) == ["plan", "take_back"]


def test_what_was_changed_since_is_marked_and_nothing_is_planned(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR)
    browser.get(PLAN)
    form = fields(browser)
    change(setup, subject="Heel iets anders")
    assert browser.post(PLAN, form).status_code == 409
    assert "Heel iets anders changed it was: Denkt u mee?" in browser.text
    assert campaign(setup).state.value == "draft"
    assert browser.post(PLAN, fields(browser)).status_code == 303
    assert campaign(setup).subject == "Heel iets anders"


def test_many_more_people_than_were_shown_have_to_be_confirmed(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR)
    browser.get(PLAN)
    form = fields(browser)
    few, many = form | {"seen-people": "11"}, form | {"seen-people": "1"}
    assert browser.post(PLAN, many).status_code == 409
    assert "it was: 1" in browser.text
    assert browser.post(PLAN, few).status_code == 303


@pytest.mark.parametrize("values", [{"topic": "nergens"}, {"from": "geen adres"}, {"subject": ""}])
def test_a_fault_stops_it_and_leads_to_its_place(
    setup: ConsoleSetup, browser: StaffBrowser, values: dict[str, str]
) -> None:
    a_draft(setup, **HOUR | values)
    browser.get(PLAN)
    assert "This has to be mended first" in browser.text
    assert f'href="/console/campaigns/{SLUG}/text"' in browser.page
    assert fields(browser) == {}
    assert browser.post(PLAN, {"how": "plan"}).status_code == 422
    assert campaign(setup).state.value == "draft"


def test_an_hour_that_is_past_by_now_stops_it(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR | {"send_at": "2024-09-01 15:00"})
    browser.get(PLAN)
    form = fields(browser)
    setup.clock.forward(hours=2)
    assert browser.post(PLAN, form).status_code == 422
    assert "Its hour is past" in browser.text
    assert campaign(setup).state.value == "draft"


def test_sending_now_waits_so_that_it_can_be_taken_back(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup)
    browser.get(f"{PLAN}?how=now")
    assert "Send now to 12 people" in browser.text
    assert browser.follow(browser.post(PLAN, fields(browser))).status_code == 200
    found = campaign(setup)
    assert (found.state.value, found.send_at) == ("scheduled", setup.clock() + timedelta(minutes=5))
    assert "Sending starts in 5 minutes. Nothing has left yet." in browser.text
    assert verbs(setup) == ["send"]


def test_without_an_hour_the_page_to_choose_one_comes_first(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup)
    assert browser.get(PLAN).headers["location"] == f"/console/campaigns/{SLUG}/when?back=plan"


def test_a_text_that_looks_like_html_is_shown_as_text(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR | {"subject": "<img src=x onerror=alert(1)> " + "x" * 120, "name": "<b>naam</b>"})
    for path in ("", "/campaigns", PLAN, f"/campaigns/{SLUG}/when"):
        browser.get(path)
        assert "<img src=x" not in browser.page
        assert "<b>naam" not in browser.page


def test_an_author_may_neither_plan_nor_take_back(setup: ConsoleSetup) -> None:
    a_draft(setup, **HOUR)
    with console(setup) as server, signed_in(setup, server, "author") as author:
        author.get("/campaigns")
        for path in ("plan", "take-back", "pause", "resume", "stop", "doubt", "send-again"):
            assert author.post(f"/campaigns/{SLUG}/{path}", {"how": "plan"}).status_code == 403
    assert campaign(setup).state.value == "draft"


def test_a_form_without_the_token_of_the_session_plans_nothing(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, **HOUR)
    browser.get(PLAN)
    assert browser.post(PLAN, fields(browser), csrf="0" * 32).status_code == 403
    assert campaign(setup).state.value == "draft"


def test_without_a_span_to_take_back_sending_begins_at_once(empty_database: Database, tmp_path: Path) -> None:
    setup = console_setup(empty_database, tmp_path, undo=timedelta())
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        a_draft(setup)
        confirm(browser, SLUG)
        assert campaign(setup).state.value == "sending"
        assert verbs(setup) == ["send"]
