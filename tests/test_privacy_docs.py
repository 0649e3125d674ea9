"""The page for the privacy officer is whole: every table, every column, and the terms that the code keeps to."""

from __future__ import annotations

import re

import pytest

from campaigns import migrations
from tests.support import docs
from tests.support.docs import DOCS
from unsubscribe import limits, retention
from unsubscribe.settings import ReaderSettings

PAGE = DOCS / "privacy.md"
TABLES = {table.name: {column.name for column in table.columns} for table in migrations.metadata().sorted_tables}
WITHOUT_PEOPLE = set(re.findall(r"`(\w+)`", docs.section(PAGE, "Tables without people")))
PERSONAL = re.compile(r"contact|address|mail$|email|recipient$|peer|password|attributes|detail")


def described() -> set[str]:
    """The tables that have a section of their own."""
    return set(re.findall(r"^### (\w+)$", PAGE.read_text("utf-8"), re.MULTILINE))


def test_every_table_is_described_or_named_as_one_without_people() -> None:
    assert described() | WITHOUT_PEOPLE == set(TABLES)
    assert described() & WITHOUT_PEOPLE == set()


@pytest.mark.parametrize("table", sorted(described()))
def test_every_column_of_a_table_about_people_is_described_and_no_other(table: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", docs.section(PAGE, table), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(TABLES[table])


@pytest.mark.parametrize("table", sorted(described()))
def test_every_table_about_people_says_why_and_how_long(table: str) -> None:
    text = docs.section(PAGE, table)
    assert (table, "**Why:**" in text, "**How long:**" in text) == (table, True, True)


def test_a_table_that_is_said_to_be_without_people_has_no_column_for_one() -> None:
    found = {(table, name) for table in WITHOUT_PEOPLE for name in TABLES[table] if PERSONAL.search(name)}
    assert found == set()


def test_the_terms_are_those_of_the_code() -> None:
    kept = {name: docs.section(PAGE, name) for name in ("change", "subscription", "allowance", "delivery")}
    assert f"{retention.ACTS_DAYS} days" in kept["change"]
    assert f"({ReaderSettings.model_fields['pending_days'].default} days)" in kept["subscription"]
    assert f"({ReaderSettings.model_fields['deliveries_days'].default} days" in kept["delivery"]
    assert (limits.A_DAY.days, "one day" in kept["allowance"]) == (1, True)
