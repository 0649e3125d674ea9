"""Rows that another program has broken: the letter of that one person is refused and said; all others go on."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from campaigns.lifecycle import freezing, launch, records
from campaigns.lifecycle.slot_values import ContactSlots
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.storage import Database
from mailer.transport.memory import MemoryTransport
from tests.support import web
from tests.support.campaigning import CampaignSetup, campaign_setup
from tests.support.sending import RING, deps, send
from tests.support.site import Town, serving
from unsubscribe import contacts, exporting, my_data
from unsubscribe.endpoint import public_app
from unsubscribe.tokens import Tokens

BROKEN = [
    "{",
    "null",
    "[]",
    '"x"',
    "5",
    '{"a": 5}',
    '{"a": {"b": "c"}}',
    '{"a": ["x", 1]}',
    '{"a": null}',
    "[" * 100_000,
]


def spoil(db: Database, number: int, column: str, value: str) -> None:
    with db.write() as conn:
        conn.execute(text(f"UPDATE contact SET {column} = :value WHERE id = :id"), {"value": value, "id": number})


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    made = campaign_setup(empty_database, tmp_path)
    made.people(len(BROKEN), salutation="mevrouw")
    return made


async def sent(setup: CampaignSetup) -> tuple[outbox.Mailing, MemoryTransport, list[Any]]:
    """Launch the campaign and send it; the mailing afterwards, what left, and each delivery that was refused."""
    site = launch.LaunchConfig(setup.db, "https://mail.example.org", "bounce@example.org", RING.current.id)
    campaign = launch.start(site, from_folder(setup.write()), setup.clock())
    freezing.freeze(site.db, campaign, setup.clock, lambda: True)
    transport, number = MemoryTransport(), campaign.mailing_id or 0
    await send(
        replace(deps(setup.db, setup.folder, transport, clock=setup.clock), slots=ContactSlots(Tokens(RING))),
        only=number,
    )
    with setup.db.read() as conn:
        refused = conn.execute(text("SELECT recipient, reason, reply FROM delivery WHERE state = 'refused'")).all()
        assert records.get(conn, campaign.slug).mailing_id == number
        return outbox.get(conn, number), transport, list(refused)


async def test_attributes_that_cannot_be_read_refuse_that_one_delivery(setup: CampaignSetup) -> None:
    with setup.db.read() as conn:
        people = [person.id for person in contacts.everyone(conn)]
    for number, value in zip(people, BROKEN, strict=False):
        spoil(setup.db, number, "attributes", value)
    mailing, transport, refused = await sent(setup)
    assert (mailing.state, mailing.counts.unfinished) == ("open", 0)
    assert (mailing.counts.accepted, mailing.counts.refused) == (len(people) - len(BROKEN), len(BROKEN))
    assert len(transport.letters) == len(people) - len(BROKEN)
    assert sorted(row[0] for row in refused) == people[: len(BROKEN)]
    for number, reason, reply in refused:
        assert reason == "unsendable"
        assert reply == f"what is kept of contact {number} cannot be read; import the person again, or mend the row"


async def test_a_value_that_makes_a_letter_too_large_refuses_that_one_delivery(setup: CampaignSetup) -> None:
    with setup.db.read() as conn:
        people = [person.id for person in contacts.everyone(conn)]
    spoil(setup.db, people[0], "attributes", json.dumps({"salutation": "mevrouw " * 1_500_000}))
    mailing, transport, refused = await sent(setup)
    assert (mailing.state, mailing.counts.unfinished) == ("open", 0)
    assert len(transport.letters) == mailing.counts.accepted == len(people) - 1
    words = "with the values of this contact the letter is larger than 10,000,000 bytes"
    assert refused == [(people[0], "unsendable", words)]


async def test_a_name_or_language_with_control_signs_holds_nobody_up(setup: CampaignSetup) -> None:
    with setup.db.read() as conn:
        people = [person.id for person in contacts.everyone(conn)]
    odd = (
        "a\r\nBcc: x@y.example\x1b\u2028\ufffe"
        if not setup.db.is_sqlite
        else "a\r\nBcc: x@y.example\x00\x1b\u2028\ufffe"
    )
    spoil(setup.db, people[0], "name", odd)
    spoil(setup.db, people[1], "language", odd)
    mailing, transport, _ = await sent(setup)
    assert (mailing.state, mailing.counts.unfinished) == ("open", 0)
    assert mailing.counts.accepted >= len(people) - 1
    assert not [letter for letter in transport.letters if b"\nBcc:" in letter.content]


async def test_bytes_that_are_no_text_refuse_that_one_delivery(sqlite_database: Database, tmp_path: Path) -> None:
    setup = campaign_setup(sqlite_database, tmp_path, 3)
    with setup.db.write() as conn:
        conn.exec_driver_sql("UPDATE contact SET name = CAST(x'ff41' AS TEXT) WHERE id = (SELECT min(id) FROM contact)")
    mailing, _, refused = await sent(setup)
    assert (mailing.state, mailing.counts.accepted, mailing.counts.refused) == ("open", 2, 1)
    assert "cannot be read" in refused[0][2]


@pytest.mark.parametrize("value", BROKEN)
def test_an_export_has_the_person_without_attributes_and_says_so(lite_town: Town, value: str) -> None:
    spoil(lite_town.db, lite_town.readers[0].id, "attributes", value)
    out = io.StringIO(newline="")
    done = exporting.export(lite_town.db, out)
    assert done.broken == ("esther@vng.example",)
    assert len(list(csv.reader(io.StringIO(out.getvalue(), newline="")))) == 1 + len(lite_town.readers)


def test_the_pages_of_that_person_work_and_tell_what_is_kept(lite_town: Town) -> None:
    spoil(lite_town.db, lite_town.readers[0].id, "attributes", "{broken")
    with lite_town.db.read() as conn:
        person = contacts.get(conn, lite_town.readers[0].id)
    assert person
    assert my_data._details(person)["attributes"] == {"unreadable": "{broken"}
    with serving(public_app(lite_town.deps())) as site:
        for path in (lite_town.path("u"), lite_town.path("d")):
            assert web.get(site.url(path)).status_code == 200
        assert web.post(site.url(lite_town.path("d")), data={"name": "Nieuwe Naam"}).status_code == 200
        assert web.post(site.url(lite_town.path("u"))).status_code == 200
    with lite_town.db.read() as conn:
        kept = conn.execute(text("SELECT attributes FROM contact WHERE id = :id"), {"id": person.id}).scalar_one()
    assert kept == "{broken"  # not written over


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE topic SET names = '{', descriptions = '[]'",
        "UPDATE change SET before = '{', after = '{'",
        "UPDATE consent_event SET detail = '{'",
    ],
)
def test_other_broken_json_stops_no_page(lite_town: Town, statement: str) -> None:
    with serving(public_app(lite_town.deps())) as site:
        assert web.post(site.url(lite_town.path("u"))).status_code == 200
        with lite_town.db.write() as conn:
            conn.exec_driver_sql(statement)
        for path in (lite_town.path("u"), lite_town.path("d"), "/subscribe"):
            assert web.get(site.url(path)).status_code == 200
        assert web.post(site.url(lite_town.path("d", 1)), data={"name": "Nieuw"}).status_code == 200
        assert web.post(site.url(lite_town.path("u", 1))).status_code == 200
