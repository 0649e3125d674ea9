"""A letter with links that only this machine reaches is held where a relay elsewhere would take it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.lifecycle import control, launch, reachability, records
from campaigns.lifecycle.states import CampaignState
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.errors import FaultsError, StateError
from mailer.outbox import Identity, MailingSpec, Recipient
from mailer.storage import Database
from tests.support.campaigning import Stage


@pytest.fixture
def stage(house_database: Database, tmp_path: Path) -> Iterator[Stage]:
    """Three people."""
    found = Stage(house_database, tmp_path)
    found.people(3)
    return found


def test_what_the_clock_finds_due_with_such_links_is_held_and_planned_anew(stage: Stage) -> None:
    here = replace(stage.site, public_url="http://127.0.0.1:8000")
    path, at = stage.write(timezone="UTC"), stage.clock() + timedelta(hours=1)
    launch.plan(here, from_folder(path), stage.clock(), at.isoformat())
    away = replace(stage.site, relay="relay.vng.nl")
    now = stage.clock.forward(hours=1)
    assert launch.launch_due(away, now) == []
    with stage.db.read() as conn:
        held = records.get(conn, "denkt-u-mee")
    assert (held.state, held.reason) == (CampaignState.HELD, reachability.PLANNED)
    with pytest.raises(StateError, match="plan_again"):
        control.resume(away, held.slug, now)
    launch.plan(away, from_folder(path), now, (now + timedelta(hours=1)).isoformat())
    assert [one.slug for one in launch.launch_due(away, stage.clock.forward(hours=1))] == [held.slug]


def test_a_start_is_refused_and_nothing_is_stored(stage: Stage) -> None:
    away = replace(stage.site, public_url="https://localhost", relay="10.0.0.25")
    with pytest.raises(FaultsError, match="public_url"):
        launch.start(away, from_folder(stage.write()), stage.clock())
    with stage.db.read() as conn:
        assert records.all_campaigns(conn) == []


def test_open_mailings_with_such_links_are_held_or_taken_back_and_others_stay(stage: Stage) -> None:
    here, there = Identity("http://localhost:8000", "", 1), Identity("https://mail.vng.nl", "", 1)
    numbers = {}
    with stage.db.write() as conn:
        for key, kind, identity in (("c:1", "campaign", here), ("s:1", "service", here), ("c:2", "campaign", there)):
            mailing = outbox.open_mailing(conn, MailingSpec(key, kind, "", "x", identity), stage.clock())
            outbox.enqueue(
                conn, mailing.id, [Recipient(1, "a@example.org", b"h" * 32, "example.org")], 1, stage.clock()
            )
            numbers[key] = mailing.id
    way = reachability.Way("https://mail.vng.nl", "relay.vng.nl")
    assert reachability.hold_back(stage.db, replace(way, relay="127.0.0.1"), stage.clock()) == []
    assert {one.id for one in reachability.hold_back(stage.db, way, stage.clock())} == {numbers["c:1"], numbers["s:1"]}
    with stage.db.read() as conn:
        states = {key: outbox.get(conn, number).state for key, number in numbers.items()}
    assert states == {"c:1": "held", "s:1": "closed", "c:2": "open"}
