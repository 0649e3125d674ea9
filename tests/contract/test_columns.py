"""The contact tags of a letter, compared with the attributes of its contacts; on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.review import columns
from campaigns.review.columns import Findings
from campaigns.source.definition import parse
from mailer.storage import Database
from tests.support.campaigning import PEPPER, TOPIC, CampaignSetup
from tests.support.tables import migrated
from unsubscribe import contacts
from unsubscribe.contacts import Person

HEAD = (
    "---\nslug: a\nsubject: {subject}\nfrom: VNG <info@vng.nl>\nlanguage: nl\ntopic: verenigingsnieuws\n---\n{body}\n"
)


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    return CampaignSetup(migrated(empty_database), tmp_path)


def found(setup: CampaignSetup, body: str, subject: str = "Nieuws") -> Findings:
    with setup.db.read() as conn:
        return columns.examine(conn, parse(HEAD.format(subject=subject, body=body), "a.md"))


@pytest.mark.parametrize(
    ("body", "line", "hint"),
    [
        ('Dag {{ contact.voornam | default("lezer") }}', 8, "Did you mean contact.voornaam?"),
        ('Dag\n\n{{ contact.Voornaam | default("lezer") }}', 10, "Did you mean contact.voornaam?"),
        ('{% if contact.vornaam == "Els" %}x{% endif %}', 8, "Did you mean contact.voornaam?"),
        ("{% for x in contact.cursus %}{{ x }}{% endfor %}", 8, "Did you mean contact.cursussen?"),
        ('{{ contact["e-mail"] | default("x") }}', 8, "Did you mean contact.email?"),
        ('{{ contact.schoenmaat | default("42") }}', 8, "Known names: cursussen, email, language, name, voornaam"),
    ],
)
def test_a_column_that_nobody_has_is_told_with_its_line_and_what_was_meant(
    setup: CampaignSetup, body: str, line: int, hint: str
) -> None:
    setup.people(2, voornaam="Els", cursussen="a")
    [warning] = found(setup, body).warnings
    assert (warning.line, warning.field, warning.hint, warning.severity) == (line, "body", hint, "warning")


def test_a_slip_in_the_subject_is_told_there(setup: CampaignSetup) -> None:
    setup.people(1, voornaam="Els")
    [warning] = found(setup, "x", 'Dag {{ contact.vornaam | default("lezer") }}').warnings
    assert (warning.field, warning.line) == ("subject", 3)


def test_it_says_how_many_read_the_fallback_and_nothing_when_nobody_does(setup: CampaignSetup) -> None:
    setup.people(3, salutation="mevrouw")
    setup.people(2)
    body = 'Geachte {{ contact.salutation | default("heer, mevrouw") }} {% if contact.salutation %}x{% endif %}'
    assert found(setup, body) == Findings((), ("People without salutation: 2 of 5. They read “heer, mevrouw”.",))
    assert found(setup, "Aan {{ contact.email }}") == Findings()
    assert found(setup, 'Dag {{ contact.name | default("lezer") }}').notes == (
        "People without name: 5 of 5. They read “lezer”.",
    )


def test_a_count_of_one_reads_well(setup: CampaignSetup) -> None:
    setup.people(1)
    assert found(setup, 'Dag {{ contact.name | default("lezer") }}').notes == (
        "People without name: 1 of 1. They read “lezer”.",
    )


def test_a_column_of_people_outside_the_topic_alone_is_told_as_such_by_its_exact_name(setup: CampaignSetup) -> None:
    setup.people(1, voornaam="Els")
    with setup.db.write() as conn:
        contacts.add(conn, Person("x@example.org", attributes={"lidnummer": "1"}), PEPPER, setup.clock())
    warnings = found(setup, '{{ contact.lidnummer | default("") }} {{ contact.Lidnummer | default("") }}').warnings
    assert [warning.hint.split(":")[0] for warning in warnings] == [
        "People outside this topic have one.",
        "Known names",
    ]


def test_values_that_are_no_number_day_or_address_are_told_with_one_of_them(setup: CampaignSetup) -> None:
    setup.people(1, bedrag="1.234,50", dag="18-03-2026", site="www.example.org")
    setup.people(2, bedrag="12%", dag="46099", site="geen")
    body = (
        '{{ contact.bedrag | default("0") | number(2) }} {{ contact.dag | default("2026-01-01") | date }} '
        '[uw site]({{ contact.site | default("https://example.org") }})'
    )
    warnings = found(setup, body).warnings
    assert [warning.expected for warning in warnings] == ["a number", "a day", "an address"]
    assert warnings[0].found == "a bedrag such as “12%” (lezer1@example.org), people: 2 of 3"


def test_beyond_so_many_people_it_looks_at_the_first_and_still_finds_a_rare_column(
    setup: CampaignSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "MOST", 4)
    monkeypatch.setattr(columns, "PAGE", 2)
    setup.people(6, voornaam="Els")
    setup.people(1, rol="lid")
    assert found(setup, '{{ contact.rol | default("lezer") }}') == Findings(
        (), ("People without rol: 4 of the first 4. They read “lezer”.",)
    )
    assert [warning.hint for warning in found(setup, '{{ contact.roll | default("x") }}').warnings] != []


def test_without_people_or_topic_there_is_nothing_to_say(setup: CampaignSetup) -> None:
    assert found(setup, '{{ contact.rol | default("lezer") }}') == Findings()
    with setup.db.write() as conn:
        contacts.ensure_topic(conn, TOPIC, "", setup.clock())
    assert found(setup, '{{ contact.rol | default("lezer") }}') == Findings()
