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
from tests.support.campaigning import CampaignSetup


@pytest.fixture
def campaign_setup(house_database: Database, tmp_path: Path) -> Iterator[CampaignSetup]:
    """Three people."""
    found = CampaignSetup(house_database, tmp_path)
    found.people(3)
    return found


def test_what_the_clock_finds_due_with_such_links_is_held_and_planned_anew(campaign_setup: CampaignSetup) -> None:
    here = replace(campaign_setup.config, public_url="http://127.0.0.1:8000")
    path, at = campaign_setup.write(timezone="UTC"), campaign_setup.clock() + timedelta(hours=1)
    launch.schedule(here, from_folder(path), campaign_setup.clock(), at.isoformat())
    away = replace(campaign_setup.config, relay="relay.vng.nl")
    now = campaign_setup.clock.forward(hours=1)
    assert launch.launch_due(away, now) == []
    with campaign_setup.db.read() as conn:
        held = records.get(conn, "denkt-u-mee")
    assert (held.state, held.reason) == (CampaignState.HELD, reachability.PLANNED)
    with pytest.raises(StateError, match="plan_again"):
        control.resume(away, held.slug, now)
    launch.schedule(away, from_folder(path), now, (now + timedelta(hours=1)).isoformat())
    assert [one.slug for one in launch.launch_due(away, campaign_setup.clock.forward(hours=1))] == [held.slug]


def test_a_start_is_refused_and_nothing_is_stored(campaign_setup: CampaignSetup) -> None:
    away = replace(campaign_setup.config, public_url="https://localhost", relay="10.0.0.25")
    with pytest.raises(FaultsError, match="public_url"):
        launch.start(away, from_folder(campaign_setup.write()), campaign_setup.clock())
    with campaign_setup.db.read() as conn:
        assert records.all_campaigns(conn) == []


def test_open_mailings_with_such_links_are_held_or_taken_back_and_others_stay(campaign_setup: CampaignSetup) -> None:
    here, there = Identity("http://localhost:8000", "", 1), Identity("https://mail.vng.nl", "", 1)
    numbers = {}
    with campaign_setup.db.write() as conn:
        for key, kind, identity in (("c:1", "campaign", here), ("s:1", "service", here), ("c:2", "campaign", there)):
            mailing = outbox.open_mailing(conn, MailingSpec(key, kind, "", "x", identity), campaign_setup.clock())
            outbox.enqueue(
                conn, mailing.id, [Recipient(1, "a@example.org", b"h" * 32, "example.org")], 1, campaign_setup.clock()
            )
            numbers[key] = mailing.id
    way = reachability.LinkTarget("https://mail.vng.nl", "relay.vng.nl")
    assert reachability.hold_back(campaign_setup.db, replace(way, relay="127.0.0.1"), campaign_setup.clock()) == []
    assert {one.id for one in reachability.hold_back(campaign_setup.db, way, campaign_setup.clock())} == {
        numbers["c:1"],
        numbers["s:1"],
    }
    with campaign_setup.db.read() as conn:
        states = {key: outbox.get(conn, number).state for key, number in numbers.items()}
    assert states == {"c:1": "held", "s:1": "closed", "c:2": "open"}
