"""Drafts as files and back, byte for byte; and which versions stay."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from campaigns.lifecycle import draft_files, drafts, records, versions
from campaigns.lifecycle.records import CAMPAIGN
from campaigns.lifecycle.versions import APART, CAMPAIGN_VERSION, KEPT_WHOLE, Kind
from mailer.storage import Database
from tests.support.campaigning import CampaignSetup, campaign_setup
from tests.support.commandline import EXAMPLES

ME = "user:1"
PNG = (EXAMPLES / "vng-logo.png").read_bytes()
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=60)
ENDS = st.sampled_from(["\n", "\r\n"])
HEAD = "---{end}slug: brief{end}subject: {subject}{end}own-key: kept{end}from: VNG <info@vng.nl>{end}---{end}"


@pytest.fixture
def setup(sqlite_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(sqlite_database, tmp_path, 1)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=TEXTS, body=TEXTS, end=ENDS, mark=st.sampled_from(["", "\ufeff"]))
def test_a_file_that_is_taken_is_exported_byte_for_byte(
    setup: CampaignSetup, subject: str, body: str, end: str, mark: str
) -> None:
    text = mark + HEAD.format(end=end, subject="".join(subject.splitlines())) + body + " ![x](media/foto.png)"
    folder = setup.folder / "given"
    (folder / "media").mkdir(parents=True, exist_ok=True)
    (folder / "brief.md").write_bytes(text.encode())
    (folder / "media" / "foto.png").write_bytes(PNG)
    file = draft_files.read_file(folder / "brief.md")
    with setup.db.write() as conn:
        conn.execute(delete(CAMPAIGN))
        conn.execute(delete(CAMPAIGN_VERSION))
        assert draft_files.take(conn, file, ME, setup.clock()).is_new
        first = draft_files.exported(conn, "brief")
    assert first.files["brief.md"] == text.encode()
    again = setup.folder / "again"
    for name, data in first.files.items():
        (again / name).parent.mkdir(parents=True, exist_ok=True)
        (again / name).write_bytes(data)
    with setup.db.write() as conn:
        taken = draft_files.take(conn, draft_files.read_file(again / "brief.md"), ME, setup.clock())
        assert (taken.is_new, taken.draft.version.number) == (False, 1)
        assert draft_files.exported(conn, "brief").files == first.files
    assert list(first.images) == ["media/foto.png"]


SAVES = st.lists(
    st.tuples(st.integers(0, 4 * 24 * 60), st.sampled_from(["autosave", "autosave", "saved", "planned", "sent"])),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(saves=SAVES)
def test_thinning_leaves_one_autosave_in_ten_minutes_and_all_that_a_person_saved(
    setup: CampaignSetup, saves: list[tuple[int, Kind]]
) -> None:
    start = setup.clock()
    now = start + timedelta(days=4)
    with setup.db.write() as conn:
        conn.execute(delete(CAMPAIGN))
        conn.execute(delete(CAMPAIGN_VERSION))
        campaign = drafts.create(conn, "Brief", {}, "", ME, start).campaign.id
        for number, (minute, kind) in enumerate(sorted(saves)):
            versions.add(conn, campaign, (f"text {number}", {}), kind, ME, start + timedelta(minutes=minute))
        before = versions.all_of(conn, campaign)
        versions.thin(conn, campaign, now)
        after = versions.all_of(conn, campaign)
        assert versions.thin(conn, campaign, now) == 0
        assert records.get(conn, "brief").version == 1

    def slot(at: datetime) -> int:
        return int(at.timestamp() // APART.total_seconds())

    stayed = [version for version in before if version.kind != "autosave" or now - version.made_at <= KEPT_WHOLE]
    assert [version for version in after if version in stayed] == stayed
    assert after[0] == before[0]
    old = [version for version in before if version not in stayed]
    left = [slot(version.made_at) for version in after if version not in stayed]
    assert sorted(set(left)) == sorted(left)
    assert set(left) == {slot(version.made_at) for version in old}
