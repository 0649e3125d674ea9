"""Acts in haste, and what a reviewer found about them: nothing is sent, said or logged that was not meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from campaigns.lifecycle import control, launch, records
from campaigns.lifecycle.states import CampaignEvent, CampaignState
from mailer import archive, outbox
from mailer.errors import StateHeld
from mailer.letter.personalise import render_public
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_way import a_draft, confirm, way_setup


def planned(setup: ConsoleSetup) -> str:
    """A campaign of the console that is planned for tomorrow; its slug."""
    at = setup.clock() + timedelta(days=1)
    slug = a_draft(setup, send_at=f"{at:%Y-%m-%d %H:%M}", timezone="UTC").campaign.slug
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        confirm(browser, slug, "plan")
    return slug


def test_a_campaign_that_missed_its_hour_can_be_taken_back_and_planned_again(
    empty_database: Database, tmp_path: Path
) -> None:
    setup = console_setup(empty_database, tmp_path)
    slug = planned(setup)
    setup.clock.forward(days=3)
    launch.launch_due(setup.context().launch_config, setup.clock())
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        page = browser.get(f"/campaigns/{slug}/hold").text
        assert "Send now to 5 people" in page
        browser.follow(browser.post(f"/campaigns/{slug}/take-back"))
    with setup.db.read() as conn:
        assert records.get(conn, slug).state is CampaignState.DRAFT


def test_sending_again_to_the_refused_never_releases_a_held_campaign(empty_database: Database, tmp_path: Path) -> None:
    setup = console_setup(empty_database, tmp_path)
    slug = planned(setup)
    setup.clock.forward(days=1, minutes=1)
    launch.launch_due(setup.context().launch_config, setup.clock())
    with setup.db.write() as conn:
        campaign = records.get(conn, slug)
        records.change_state(conn, campaign, CampaignEvent.HOLD, setup.clock(), reason="refusals")
        outbox.hold(conn, campaign.mailing_id or 0, "refusals", setup.clock())
    with pytest.raises(StateHeld, match="let it go on first"):
        control.send_refused(setup.db, slug, "no_address", setup.clock(), releases=False)
    with setup.db.read() as conn:
        assert records.get(conn, slug).state is CampaignState.HELD


def test_send_now_without_undo_has_the_day_of_today_whatever_hour_was_saved(
    empty_database: Database, tmp_path: Path
) -> None:
    setup = way_setup(empty_database, tmp_path, undo=timedelta())
    later = setup.clock() + timedelta(days=40)
    slug = a_draft(setup, send_at=f"{later:%Y-%m-%d %H:%M}", timezone="UTC").campaign.slug
    with console(setup) as server, signed_in(setup, server, "sender") as browser:
        confirm(browser, slug)
    with setup.db.read() as conn:
        campaign = records.get(conn, slug)
        text = archive.public_text(conn, campaign.snapshot)
        assert campaign.is_launched
        assert render_public(archive.letter(conn, campaign.snapshot).subject, "nl") == "Denkt u mee?"
    assert str(setup.clock().year) in text
    assert f"{later.day} " not in text.replace(f"{setup.clock().day} ", "")


def test_no_token_of_a_link_is_in_the_log_when_a_form_is_refused(empty_database: Database, tmp_path: Path) -> None:
    setup = console_setup(empty_database, tmp_path)
    token = "t" * 43
    with console(setup) as server, capture_logs() as lines:
        browser = StaffBrowser(server)
        browser.post(f"/reset/{token}", {"password": "x"}, csrf="0" * 32)
        browser.client.close()
    assert [line["event"] for line in lines].count("console_form_refused") == 1
    assert token[:20] not in repr(lines)
