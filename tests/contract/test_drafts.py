"""Drafts of the console: versions, conflicts, what is refused and when; on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns import migrations
from campaigns.lifecycle import drafts, freezing, launch, records, versions
from campaigns.lifecycle.drafts import Draft, DraftConflict
from campaigns.lifecycle.preparation import PreparedCampaign
from campaigns.lifecycle.records import Campaign, Wanted
from campaigns.lifecycle.states import CampaignEvent, CampaignState
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.errors import InputError, StateError, StateHeld
from mailer.storage import Database, open_database
from tests.conftest import BOTH
from tests.support.campaigning import TOPIC, CampaignSetup, campaign_setup
from tests.support.carried import carry
from tests.support.commandline import EXAMPLES
from tests.support.databases import PostgresServer
from tests.support.released import FOLDER

ME, OTHER = "user:1", "user:2"
HEAD = {"from": "VNG <info@vng.nl>", "language": "nl", "topic": TOPIC, "subject": "Denkt u mee?", "preheader": "x"}
BODY = "Beste lezer,\n\nHierbij nodigen wij u uit.\n"
PNG = (EXAMPLES / "vng-logo.png").read_bytes()


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(empty_database, tmp_path)


@pytest.fixture
def small(sqlite_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(sqlite_database, tmp_path)


def made(setup: CampaignSetup, name: str = "Denkt u mee?", body: str = BODY) -> Draft:
    with setup.db.write() as conn:
        return drafts.create(conn, name, HEAD, body, ME, setup.clock())


def present(setup: CampaignSetup, slug: str = "denkt-u-mee") -> Draft:
    with setup.db.read() as conn:
        return drafts.current(conn, slug)


def saved(setup: CampaignSetup, draft: Draft, words: str, kind: versions.Kind = "saved", by: str = ME) -> Draft:
    content = draft.version.source + words, draft.version.images
    with setup.db.write() as conn:
        return drafts.save(conn, draft, content, kind, by, setup.clock())


def numbers(setup: CampaignSetup, draft: Draft) -> list[int]:
    with setup.db.read() as conn:
        return [version.number for version in versions.all_of(conn, draft.campaign.id)]


def planned(setup: CampaignSetup, slug: str = "denkt-u-mee") -> Campaign:
    with setup.db.read() as conn:
        source = drafts.source_of(conn, drafts.current(conn, slug))
    at = f"{setup.clock.now:%Y-%m-%d} 20:00 UTC"
    return launch.schedule(setup.config, source, setup.clock(), at, by=ME)


def test_a_new_draft_has_one_version_and_the_columns_that_lists_show(setup: CampaignSetup) -> None:
    draft = made(setup)
    campaign = draft.campaign
    assert (campaign.slug, campaign.name, campaign.subject) == ("denkt-u-mee", "Denkt u mee?", "Denkt u mee?")
    assert (campaign.origin, campaign.version, campaign.state) == ("console", 1, CampaignState.DRAFT)
    assert (draft.version.number, draft.version.made_by, draft.version.kind) == (1, ME, "saved")
    assert draft.definition.body == BODY


def test_names_that_give_the_same_slug_get_numbers(setup: CampaignSetup) -> None:
    slugs = [made(setup, name).campaign.slug for name in ("Nieuws", "nieuws!", "Nieuws ", "日本", "中国", "new")]
    assert slugs == ["nieuws", "nieuws-2", "nieuws-3", "campaign", "campaign-2", "new-2"]


def test_a_name_that_is_taken_is_answered_with_a_free_one(small: CampaignSetup) -> None:
    made(small, "Nieuws")
    small_file = from_folder(small.write("oud-nieuws"))
    launch.start(small.config, small_file, small.clock())
    with small.db.read() as conn:
        found = [drafts.another_name(conn, name) for name in ("Nieuws", "Denkt u mee?", "Oud nieuws", "Vers")]
    assert found == ["Nieuws 2", "Denkt u mee? 2", "Oud nieuws 2", "Vers"]


@pytest.mark.parametrize("name", ["", " \n ", "x" * 151])
def test_a_name_is_needed_and_has_150_characters_at_most(small: CampaignSetup, name: str) -> None:
    with pytest.raises(InputError):
        made(small, name)


def test_a_new_campaign_takes_over_sender_and_language_of_the_newest_one(small: CampaignSetup) -> None:
    with small.db.read() as conn:
        assert drafts.defaults(conn) == {}
    made(small)
    with small.db.read() as conn:
        assert drafts.defaults(conn) == {"from": "VNG <info@vng.nl>", "language": "nl"}


def test_a_save_adds_a_version_and_the_same_again_adds_none(setup: CampaignSetup) -> None:
    first = made(setup)
    second = saved(setup, first, "Tot dan.\n")
    assert second.version.number == second.campaign.version == 2
    assert saved(setup, second, "").version.number == 2
    assert saved(setup, first, "Tot dan.\n").version.number == 2
    with setup.db.read() as conn:
        assert versions.get(conn, first.campaign.id, 1).source == first.version.source


def test_a_save_by_hand_of_a_text_that_was_saved_by_itself_makes_it_stay(setup: CampaignSetup) -> None:
    draft = saved(setup, made(setup), "Tot dan.\n", "autosave")
    assert draft.version.kind == "autosave"
    assert saved(setup, draft, "").version.kind == "saved"


def test_a_save_on_an_older_version_overwrites_nothing_and_names_the_present_one(setup: CampaignSetup) -> None:
    opened = made(setup)
    saved(setup, opened, "Van de ander.\n", by=OTHER)
    with pytest.raises(DraftConflict) as refused:
        saved(setup, opened, "Van mij.\n")
    assert refused.value.present.made_by == OTHER
    assert present(setup).version.source.endswith("Van de ander.\n")


def test_of_two_saves_at_once_one_is_a_conflict_and_both_texts_are_whole(setup: CampaignSetup) -> None:
    opened = made(setup)
    ready, conflicts, stored = threading.Barrier(4), [], []

    def save(words: str) -> None:
        ready.wait()
        try:
            stored.append(saved(setup, opened, words).version.source)
        except DraftConflict as conflict:
            conflicts.append(conflict.present.source)

    threads = [threading.Thread(target=save, args=(f"Van {number}.\n",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored) == 1
    assert conflicts == stored * 3
    assert numbers(setup, opened) == [2, 1]


@pytest.mark.parametrize("state", [CampaignState.IN_REVIEW, CampaignState.APPROVED])
def test_an_approval_ends_with_the_text_that_was_approved(setup: CampaignSetup, state: CampaignState) -> None:
    draft = made(setup)
    for event in (CampaignEvent.SUBMIT, CampaignEvent.APPROVE)[: 1 if state is CampaignState.IN_REVIEW else 2]:
        with setup.db.write() as conn:
            assert records.change_state(conn, records.get(conn, "denkt-u-mee"), event, setup.clock.forward(seconds=1))
    assert present(setup).campaign.state is state
    assert saved(setup, draft, "Nog iets.\n").campaign.state is CampaignState.DRAFT


def test_a_planned_campaign_is_not_saved_put_away_or_taken_over(setup: CampaignSetup) -> None:
    draft = made(setup)
    campaign = planned(setup)
    assert campaign.state is CampaignState.SCHEDULED
    with setup.db.write() as conn, pytest.raises(StateError, match="is planned"):
        drafts.save(conn, draft, (draft.version.source + "x", {}), "saved", ME, setup.clock())
    with setup.db.write() as conn, pytest.raises(StateError, match="only a draft"):
        drafts.put_away(conn, "denkt-u-mee", setup.clock())
    with setup.db.write() as conn, pytest.raises(StateError, match="is planned"):
        drafts.take_over(conn, "denkt-u-mee", ME, setup.clock())
    assert present(setup).campaign.snapshot == campaign.snapshot != ""


def test_a_launched_campaign_keeps_its_text_whoever_saves(setup: CampaignSetup) -> None:
    draft = made(setup)
    with setup.db.read() as conn:
        source = drafts.source_of(conn, drafts.current(conn, "denkt-u-mee"))
    launch.start(setup.config, source, setup.clock(), by=ME)
    with pytest.raises(StateError, match="launched already"):
        saved(setup, draft, "Te laat.\n")
    with setup.db.write() as conn, pytest.raises(StateError):
        drafts.put_away(conn, "denkt-u-mee", setup.clock())
    assert present(setup).version.source == draft.version.source


def test_a_draft_that_was_put_away_is_in_no_list_and_comes_back_as_it_was(setup: CampaignSetup) -> None:
    draft = made(setup)
    with setup.db.write() as conn:
        drafts.put_away(conn, "denkt-u-mee", setup.clock())
    with setup.db.read() as conn:
        assert records.drafts(conn, 5) == []
        assert records.search(conn, Wanted(), 5).campaigns == []
        assert [one.slug for one in records.search(conn, Wanted(put_away=True), 5).campaigns] == ["denkt-u-mee"]
    with pytest.raises(StateError, match="put away"):
        saved(setup, draft, "x")
    with pytest.raises(StateError, match="put away"):
        planned(setup)
    with setup.db.write() as conn:
        drafts.bring_back(conn, "denkt-u-mee", setup.clock())
    assert present(setup).version == draft.version
    assert present(setup).campaign.put_away_at is None


def test_a_copy_has_text_and_images_but_no_hour_and_no_brand_file(setup: CampaignSetup) -> None:
    head = HEAD | {"send_at": "2024-09-18 09:00", "timezone": "Europe/Amsterdam", "brand": "vng.toml", "rate": "50"}
    with setup.db.write() as conn:
        earlier = drafts.create(conn, "Eerder", head, BODY, ME, setup.clock())
        earlier, wrong = drafts.change_images(conn, "eerder", [("Foto 1.png", PNG)], (), ME, setup.clock())
        copied = drafts.copy(conn, earlier, "Later", "", OTHER, setup.clock())
    assert wrong == []
    assert (copied.campaign.slug, copied.campaign.name, copied.version.made_by) == ("later", "Later", OTHER)
    assert copied.version.images == earlier.version.images != {}
    assert copied.definition.body == BODY
    assert copied.definition.rate == 50
    assert (copied.definition.send_at, copied.definition.brand) == (None, "")


def test_images_get_safe_names_of_their_own_and_no_picture_is_told_apart(setup: CampaignSetup) -> None:
    made(setup)
    given = [("../Één foto.PNG", PNG), ("een-foto.png", PNG), ("b.svg", b"<svg/>"), ("c.png", b"GIF89a")]
    with setup.db.write() as conn:
        draft, wrong = drafts.change_images(conn, "denkt-u-mee", given, (), ME, setup.clock())
    assert list(draft.version.images) == ["een-foto.png"]
    assert len(wrong) == 2
    other = (EXAMPLES / "gevels.png").read_bytes()
    with setup.db.write() as conn:
        draft, _ = drafts.change_images(conn, "denkt-u-mee", [("een-foto.png", other)], (), ME, setup.clock())
        assert sorted(draft.version.images) == ["een-foto-2.png", "een-foto.png"]
        draft, _ = drafts.change_images(conn, "denkt-u-mee", [], {"een-foto.png"}, ME, setup.clock())
    assert list(draft.version.images) == ["een-foto-2.png"]


def test_a_campaign_of_a_file_is_taken_over_and_its_file_is_refused_then(setup: CampaignSetup) -> None:
    path = setup.write("denkt-u-mee", timezone="Europe/Amsterdam", send_at="2024-09-18 09:00")
    launch.schedule(setup.config, from_folder(path), setup.clock())
    with setup.db.write() as conn:
        campaign = records.get(conn, "denkt-u-mee")
        records.change_state(conn, campaign, CampaignEvent.TAKE_BACK, setup.clock(), send_at=None)
    with pytest.raises(StateError, match="take it over first"):
        saved(setup, present(setup), "x")
    with setup.db.write() as conn:
        draft = drafts.take_over(conn, "denkt-u-mee", ME, setup.clock())
    assert (draft.campaign.origin, draft.version.source) == ("console", path.read_text("utf-8"))
    with pytest.raises(InputError, match="is kept in the console"):
        launch.start(setup.config, from_folder(path), setup.clock())
    with pytest.raises(InputError, match="is kept in the console"):
        launch.schedule(setup.config, from_folder(path), setup.clock())
    assert saved(setup, draft, "Nog iets.\n").version.number == 2


def test_a_draft_of_the_console_is_planned_launched_and_frozen_like_any_other(setup: CampaignSetup) -> None:
    with setup.db.write() as conn:
        head = HEAD | {"rate": "1000"}
        drafts.create(conn, "Denkt u mee?", head, BODY + "\n![Een foto](foto.png)\n", ME, setup.clock())
        drafts.change_images(conn, "denkt-u-mee", [("foto.png", PNG)], (), ME, setup.clock())
    assert planned(setup).state is CampaignState.SCHEDULED
    assert present(setup).version.kind == "planned"
    setup.clock.forward(hours=8, minutes=1)
    (campaign,) = launch.launch_due(setup.config, setup.clock())
    freezing.freeze(setup.config.db, present(setup).campaign, setup.clock, lambda: True)
    with setup.db.read() as conn:
        mailing = outbox.get(conn, present(setup).campaign.mailing_id or 0)
    assert (campaign.slug, mailing.counts.waiting) == ("denkt-u-mee", 5)


def _another_text(setup: CampaignSetup) -> None:
    saved(setup, present(setup), "Nog iets.\n", by=OTHER)


def _another_image(setup: CampaignSetup) -> None:
    with setup.db.write() as conn:
        drafts.change_images(conn, "denkt-u-mee", [("foto.png", PNG)], (), OTHER, setup.clock())


@pytest.mark.parametrize("change", [_another_text, _another_image])
def test_a_save_between_prepare_and_plan_is_refused(setup: CampaignSetup, change: object) -> None:
    made(setup)
    with setup.db.read() as conn:
        source = drafts.source_of(conn, drafts.current(conn, "denkt-u-mee"))

    def meanwhile(_prepared: PreparedCampaign) -> None:
        assert callable(change)
        change(setup)

    with pytest.raises(StateHeld, match="changed by somebody else"):
        launch.schedule(setup.config, source, setup.clock(), "2024-09-18 09:00 UTC", meanwhile, ME)
    assert present(setup).campaign.state is CampaignState.DRAFT
    assert present(setup).campaign.source == present(setup).version.source


def test_whoever_is_first_a_save_or_a_plan_what_is_planned_is_the_present_version(setup: CampaignSetup) -> None:
    for turn in range(6):
        draft = made(setup, f"Ronde {turn}")
        slug, ready, errors = draft.campaign.slug, threading.Barrier(2), []

        def plan(slug: str = slug, ready: threading.Barrier = ready, errors: list[Exception] = errors) -> None:
            ready.wait()
            try:
                planned(setup, slug)
            except StateError as error:
                errors.append(error)

        planning = threading.Thread(target=plan)
        planning.start()
        ready.wait()
        try:
            saved(setup, draft, "Nog iets.\n")
        except StateError as error:
            errors.append(error)
        planning.join()
        found = present(setup, slug)
        assert found.campaign.source == found.version.source
        assert (found.campaign.state is CampaignState.SCHEDULED) == bool(found.campaign.snapshot)
        assert len(errors) <= 1
        if found.campaign.state is CampaignState.SCHEDULED:
            assert found.version.kind == "planned"


@pytest.fixture(params=BOTH)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The database of the last release before the console, carried to each kind of database and migrated."""
    kept = sorted(FOLDER.glob("issue-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    before = next(path for path in reversed(kept) if path.name == "issue-14") / "postiljon.db"
    shutil.copy(before, tmp_path / "released.db")
    if request.param == "sqlite":
        db = open_database(f"sqlite:///{tmp_path}/released.db")
        migrations.upgrade(db)
        yield db
        db.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.fresh()
    carry(tmp_path / "released.db", server.url(name))
    db = open_database(server.url(name))
    migrations.upgrade(db)
    yield db
    db.close()
    server.drop(name)


def test_campaigns_of_a_released_database_are_of_a_file_at_version_1_and_can_be_copied(
    released: Database, tmp_path: Path
) -> None:
    setup = CampaignSetup(released, tmp_path)
    draft = present(setup)
    assert (draft.campaign.origin, draft.campaign.version, draft.version.number) == ("file", 1, 1)
    assert draft.version.kind == "sent"
    assert draft.version.hash == versions.hash_of(draft.campaign.source, {})
    with released.write() as conn, pytest.raises(StateError, match="launched already"):
        drafts.take_over(conn, "denkt-u-mee", ME, setup.clock())
    with released.write() as conn:
        copied = drafts.copy(conn, draft, "Nog eens", "", ME, setup.clock())
    assert copied.definition.body == draft.definition.body
    assert replace(copied.definition, slug="", name="").subject == draft.definition.subject
