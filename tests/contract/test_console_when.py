"""The hour of a campaign in the console: saved with the draft, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.lifecycle import drafts
from campaigns.staff import audit
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_way import a_draft, confirm, fields

SLUG = "denkt-u-mee"
WHEN = f"/campaigns/{SLUG}/when"


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path)


@pytest.fixture
def browser(setup: ConsoleSetup) -> Iterator[StaffBrowser]:
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        a_draft(setup)
        browser.get(WHEN)
        yield browser


def saved(setup: ConsoleSetup) -> drafts.Draft:
    with setup.db.read() as conn:
        return drafts.current(conn, SLUG)


def choose(browser: StaffBrowser, day: str, hour: str, **more: str) -> int:
    return browser.post(WHEN, fields(browser) | {"day": day, "hour": hour} | more).status_code


def test_an_hour_is_saved_in_the_text_with_its_zone(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    assert choose(browser, "2024-09-18", "09:00") == 303
    definition = saved(setup).definition
    assert (definition.send_at, definition.timezone) == (datetime(2024, 9, 18, 7, tzinfo=UTC), "Europe/Amsterdam")
    assert "send_at: 2024-09-18 09:00\n" in saved(setup).version.source
    with setup.db.read() as conn:
        (act,) = audit.acts(conn, kind="campaign", subject=SLUG)
    assert (act.verb, act.fields) == ("save", ("send_at", "timezone"))
    assert 'value="2024-09-18"' in browser.get(WHEN).text


@pytest.mark.parametrize(
    ("day", "hour"), [("18-9-2024", "9"), ("18 September 2024", "9.00"), ("18 sept", "9h"), ("2024-09-18", "09:00")]
)
def test_a_day_and_an_hour_may_be_typed_as_people_write_them(
    setup: ConsoleSetup, browser: StaffBrowser, day: str, hour: str
) -> None:
    assert choose(browser, day, hour) == 303
    assert saved(setup).definition.send_at == datetime(2024, 9, 18, 7, tzinfo=UTC)


def test_an_hour_that_the_clock_skips_is_refused_with_the_hours_around_it(browser: StaffBrowser) -> None:
    assert choose(browser, "2025-03-30", "02:30") == 422
    assert (
        "On 30 March 2025 02:30 does not exist, because summer time begins. Choose a time before 02:00, or 03:00 or "
        "later."
    ) in browser.text.replace("\N{NO-BREAK SPACE}", " ")
    assert 'value="2025-03-30"' in browser.page
    assert 'value="02:30"' in browser.page


@pytest.mark.parametrize(("which", "hour"), [("first", 0), ("second", 1)])
def test_of_an_hour_that_comes_twice_it_is_asked_which(
    setup: ConsoleSetup, browser: StaffBrowser, which: str, hour: int
) -> None:
    assert choose(browser, "2025-10-26", "02:30") == 422
    assert "happens twice" in browser.text
    assert 'name="which"' in browser.page
    assert choose(browser, "2025-10-26", "02:30", which=which) == 303
    assert saved(setup).definition.send_at == datetime(2025, 10, 26, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hour", "said"),
    [
        ("2024-08-31", "09:00", "This hour is past"),
        ("2024-09-01", "13:59", "This hour is past"),
        ("", "09:00", "Fill in a day"),
        ("someday", "09:00", "This is not a day"),
        ("2024-02-31", "09:00", "This is not a day"),
        ("2024-09-18", "", "Fill in an hour"),
        ("2024-09-18", "25:00", "This is not an hour"),
        ("2024-09-18", "<b>", "This is not an hour"),
    ],
)
def test_what_is_no_hour_to_come_is_an_error_and_stays_in_the_field(
    setup: ConsoleSetup, browser: StaffBrowser, day: str, hour: str, said: str
) -> None:
    assert choose(browser, day, hour) == 422
    assert said in browser.text
    assert not day or f'value="{day}"' in browser.page
    assert "<b>" not in browser.page.split("<main", 1)[1].split('name="hour"')[1][:200]
    assert saved(setup).definition.send_at is None


def test_a_quick_choice_takes_tomorrow_at_nine(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    assert browser.post(WHEN, fields(browser) | {"quick": "tomorrow"}).status_code == 303
    assert saved(setup).definition.send_at == datetime(2024, 9, 2, 7, tzinfo=UTC)


def test_an_hour_that_a_colleague_chose_meanwhile_is_not_overwritten(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    old = fields(browser)
    assert choose(browser, "2024-09-18", "09:00") == 303
    assert browser.post(WHEN, old | {"day": "2024-09-19", "hour": "10:00"}).status_code == 409
    assert "Nothing was overwritten" in browser.text
    assert saved(setup).definition.send_at == datetime(2024, 9, 18, 7, tzinfo=UTC)
    assert choose(browser, "2024-09-19", "10:00") == 303
    assert saved(setup).definition.send_at == datetime(2024, 9, 19, 8, tzinfo=UTC)


def test_other_campaigns_of_that_day_are_named(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, "Ook die dag", send_at="2024-09-18 15:00", timezone="Europe/Amsterdam")
    assert confirm(browser, "ook-die-dag", "plan").status_code == 303
    browser.get(WHEN)
    assert choose(browser, "2024-09-18", "09:00") == 303
    browser.get(WHEN)
    assert "these go out too: Ook die dag , 15:00" in browser.text


def test_the_hour_of_a_planned_campaign_is_not_changed(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    assert choose(browser, "2024-09-18", "09:00") == 303
    old = fields(browser)
    assert confirm(browser, SLUG, "plan").status_code == 303
    assert (
        browser.post(
            WHEN, old | {"day": "2024-09-19", "hour": "10:00", "seen": "2024-09-18T07:00:00+00:00"}
        ).status_code
        == 409
    )
    assert saved(setup).definition.send_at == datetime(2024, 9, 18, 7, tzinfo=UTC)
    browser.get(WHEN)
    assert "cannot be changed now" in browser.text
