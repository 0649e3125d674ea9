"""A new campaign: its name, its topic, empty or a copy; as a browser without script sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.lifecycle import records
from campaigns.staff import audit
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_drafts import BODY, SLUG, WHOLE, begin, present, save
from unsubscribe import contacts


@pytest.fixture
def lite(sqlite_database: Database, tmp_path: Path) -> Iterator[tuple[ConsoleSetup, StaffBrowser]]:
    """An author on SQLite, where the kind of database does not matter."""
    setup = console_setup(sqlite_database, tmp_path)
    with console(setup) as server, signed_in(setup, server, "author") as browser:
        yield setup, browser


def test_a_name_that_is_taken_proposes_another(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    _setup, author = lite
    begin(author)
    answer = begin(author)
    assert answer.status_code == 422
    assert 'There is a campaign "Denkt u mee?" already' in author.text
    assert 'value="Denkt u mee? 2"' in author.page
    assert "<title>Error: " in author.page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "Fill in a name"),
        ({"name": "x" * 151}, "150 characters"),
        ({"topic": "nothing"}, "Choose a topic"),
        ({"start": "gone"}, "does not exist any more"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_what_was_typed_is_kept(
    lite: tuple[ConsoleSetup, StaffBrowser], fields: dict[str, str], words: str
) -> None:
    setup, author = lite
    answer = begin(author, **({"name": "Een naam"} | fields))
    assert answer.status_code == 422
    assert words in author.text
    assert fields.get("name", "Een naam") in author.page
    with setup.db.read() as conn:
        assert records.all_campaigns(conn) == []


def test_without_a_topic_one_is_made_with_the_campaign(sqlite_database: Database, tmp_path: Path) -> None:
    setup = console_setup(sqlite_database, tmp_path, 1)
    with setup.db.write() as conn:
        conn.exec_driver_sql("DELETE FROM subscription")
        conn.exec_driver_sql("DELETE FROM topic")
    with console(setup) as server, signed_in(setup, server, "author") as author:
        author.get("/campaigns/new")
        assert "There is no topic yet" in author.text
        assert begin(author, new_topic="").status_code == 422
        begin(author, new_topic="Nieuws van ons")
    with setup.db.read() as conn:
        assert [(topic.slug, topic.name) for topic in contacts.topics(conn)] == [("nieuws-van-ons", "Nieuws van ons")]
    assert present(setup.db).campaign.topic == "nieuws-van-ons"


def test_a_copy_is_found_by_search_and_has_the_text_of_the_earlier_one(
    lite: tuple[ConsoleSetup, StaffBrowser],
) -> None:
    setup, author = lite
    begin(author)
    save(author, WHOLE)
    for number in range(11):
        begin(author, f"Ander {number}")
    author.get("/campaigns/new")
    assert "Denkt u mee?" not in author.text
    author.get("/campaigns/new?q=denkt")
    assert f'value="{SLUG}"' in author.page
    assert begin(author, "", start=SLUG, topic="").status_code == 422
    assert 'value="Denkt u mee? 2"' in author.page
    begin(author, "Nog eens", start=SLUG, topic="")
    assert present(setup.db, "nog-eens").definition.body == BODY
    with setup.db.read() as conn:
        (act,) = audit.acts(conn, kind="campaign", subject="nog-eens")
    assert (act.verb, act.fields) == ("copy", ("name", "topic"))
