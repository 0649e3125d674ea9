"""The overview and the list of campaigns: what is next, what waits, and why nothing happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.lifecycle import drafts, launch
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_way import a_draft, confirm
from unsubscribe import contacts

HOUR = {"send_at": "2024-09-05 09:00", "timezone": "Europe/Amsterdam"}


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path)


@pytest.fixture
def browser(setup: ConsoleSetup) -> Iterator[StaffBrowser]:
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        yield browser


def part(browser: StaffBrowser, heading: str, until: str) -> str:
    """The words of the overview between two headings."""
    browser.get("")
    return browser.text.partition(f" {heading} ")[2].partition(f" {until} ")[0]


def test_when_nothing_happens_it_says_why(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    assert part(browser, "Now", "Next 7 days").startswith("Nothing is going out now, and nothing is planned.")
    assert "No sender runs" in browser.text
    a_draft(setup, **HOUR)
    confirm(browser, "denkt-u-mee", "plan")
    now = part(browser, "Now", "Next 7 days").replace("\N{NO-BREAK SPACE}", " ")
    assert now.startswith("Nothing is going out now. Next is “Denkt u mee?”, Thu 5 Sept 2024, 09:00.")
    assert "Denkt u mee?" in part(browser, "Next 7 days", "Waits for you")


def test_a_campaign_that_runs_is_there_with_its_numbers(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    launch.start(setup.config, from_folder(setup.write()), setup.clock())
    now = part(browser, "Now", "Next 7 days")
    assert "Being sent" in now
    assert "No sender runs" in now or "being listed" in now


def test_what_is_planned_for_later_than_a_week_is_not_among_what_comes(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    a_draft(setup, **HOUR | {"send_at": "2024-09-20 09:00"})
    confirm(browser, "denkt-u-mee", "plan")
    assert part(browser, "Next 7 days", "Waits for you") == "Nothing is planned for the next 7 days."


def test_drafts_wait_for_the_user_who_wrote_them_last(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, "Van mij", by="user:1")
    a_draft(setup, "Van een ander", by="user:2")
    assert "Van mij" in part(browser, "Waits for you", "Sent last")
    assert "Van een ander" not in part(browser, "Waits for you", "Sent last")


def test_a_campaign_that_a_rule_holds_waits_for_a_decision(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    path = setup.write(send_at="2024-09-02 09:00", timezone="Europe/Amsterdam")
    launch.schedule(setup.config, from_folder(path), setup.clock())
    launch.launch_due(setup.config, setup.clock() + timedelta(days=3))
    assert "Held by a rule" in part(browser, "Waits for you", "Sent last")


def test_the_list_is_filtered_by_topic_and_by_what_was_put_away(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    a_draft(setup, "Nieuws")
    a_draft(setup, "Agenda", topic="agenda")
    a_draft(setup, "Weg ermee")
    with setup.db.write() as conn:
        contacts.ensure_topic(conn, "agenda", "Agenda", setup.clock())
        drafts.put_away(conn, "weg-ermee", setup.clock())
    browser.get("/campaigns?topic=agenda")
    assert ">Agenda</bdi></a></th>" in browser.page
    assert ">Nieuws</bdi></a></th>" not in browser.page
    browser.get("/campaigns")
    assert "Weg ermee" not in browser.text
    assert "show=away" in browser.page
    browser.get("/campaigns?show=away")
    assert "Weg ermee" in browser.text
    assert ">Nieuws</bdi></a></th>" not in browser.page


def test_no_page_reads_all_deliveries(setup: ConsoleSetup) -> None:
    launch.start(setup.config, from_folder(setup.write()), setup.clock())
    with setup.db.read() as conn:
        prefix = "EXPLAIN QUERY PLAN " if setup.db.is_sqlite else "EXPLAIN "
        if not setup.db.is_sqlite:
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        seen: list[str] = []

        def note(_conn: object, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
            if "delivery" in statement and not statement.startswith("EXPLAIN"):
                plan = conn.exec_driver_sql(prefix + statement, parameters).all()  # type: ignore[arg-type]
                seen.append(" ".join(str(line[-1]) for line in plan))

        from sqlalchemy import event

        event.listen(conn, "before_cursor_execute", note)
        outbox.reasons(conn, 1)
        outbox.first_refusals(conn, 1, 3)
        outbox.in_doubt(conn)
        outbox.doubts(conn, 1)
        outbox.next_retry(conn, 1)
        event.remove(conn, "before_cursor_execute", note)
    assert len(seen) >= 6
    names = ("delivery_set_apart", "delivery_in_doubt", "delivery_retry")
    assert [plan for plan in seen if not any(name in plan for name in names)] == []
