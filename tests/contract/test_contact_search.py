"""Contacts are found by the beginning of their address, their name, or their last name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.storage import Database
from tests.support.campaigning import CampaignSetup, campaign_setup
from tests.support.plans import plans_of
from tests.support.reported import add
from unsubscribe import contacts


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    made = campaign_setup(empty_database, tmp_path, 0)
    add(made, "anna@gouda.example", "Anna Jansen")
    add(made, "J.deVries@gouda.example", "Jan de Vries")
    add(made, "elise@gouda.example", "Élise van den Berg")
    add(made, "100%@gouda.example", "Per_cent")
    add(made, "info@gouda.example", "")
    return made


def found(setup: CampaignSetup, text: str, most: int = 10) -> list[str]:
    with setup.db.read() as conn:
        return [one.email.partition("@")[0] for one in contacts.starting_with(conn, text, most)]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("anna", ["anna"]),
        ("ANNA J", ["anna"]),
        ("jans", ["anna"]),
        ("vries", ["J.deVries"]),
        ("jan de v", ["J.deVries"]),
        ("j.devries@GOUDA", ["J.deVries"]),
        ("élise", ["elise"]),
        ("Élise", ["elise"]),
        ("berg", ["elise"]),
        ("  info@gouda.example ", ["info"]),
        ("100%", ["100%"]),
        ("per_c", ["100%"]),
        ("perxc", []),
        ("gouda", []),
        ("%%%", []),
        ("___", []),
        ("ja", []),
        ("", []),
    ],
)
def test_the_beginning_of_an_address_a_name_or_a_last_name_finds_a_person(
    setup: CampaignSetup, text: str, people: list[str]
) -> None:
    assert found(setup, text) == people


def test_an_exact_address_comes_first_and_no_more_come_than_are_asked_for(setup: CampaignSetup) -> None:
    add(setup, "anna@gouda.example.org", "Aaltje Annas")
    add(setup, "info2@gouda.example", "Anna@gouda.example")
    assert found(setup, "anna@gouda.example")[0] == "anna"
    assert len(found(setup, "anna", most=2)) == 2


def test_names_are_read_by_number_and_erased_ones_are_missing(setup: CampaignSetup) -> None:
    with setup.db.read() as conn:
        number = contacts.starting_with(conn, "anna", 1)[0].id
        assert [one.name for one in contacts.names(conn, [number, 999, number]).values()] == ["Anna Jansen"]
        assert contacts.names(conn, []) == {}


def test_on_sqlite_a_search_reads_indexes_alone(sqlite_database: Database, tmp_path: Path) -> None:
    setup = campaign_setup(sqlite_database, tmp_path, 3)
    with setup.db.read() as conn, plans_of(conn, "contact") as plans:
        contacts.starting_with(conn, "Élise", 10)
    assert len(plans) == 3
    assert not any("SCAN contact" in plan for plan in plans)
    assert "contact_name" in plans[1]
    assert "contact_last_name" in plans[2]
