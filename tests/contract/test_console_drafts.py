"""The pages on which campaigns are made and written, as a browser without script sees them; on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.lifecycle import drafts, launch, records, versions
from campaigns.lifecycle.states import CampaignEvent, CampaignState
from campaigns.source.campaign_source import from_folder
from campaigns.staff import audit
from mailer.storage import Database
from tests.support.commandline import EXAMPLES
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_drafts import BODY, SLUG, WHOLE, begin, hash_on, present, save
from tests.support.site import WebServer

PNG = (EXAMPLES / "vng-logo.png").read_bytes()
HTML = "<img src=x onerror=alert(1)>{{7*7}}"


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path)


@pytest.fixture
def server(setup: ConsoleSetup) -> Iterator[WebServer]:
    with console(setup) as running:
        yield running


@pytest.fixture
def author(setup: ConsoleSetup, server: WebServer) -> Iterator[StaffBrowser]:
    with signed_in(setup, server, "author") as browser:
        yield browser


@pytest.fixture
def other(setup: ConsoleSetup, server: WebServer) -> Iterator[StaffBrowser]:
    """A second author, in another browser."""
    with signed_in(setup, server, "administrator") as browser:
        yield browser


@pytest.fixture
def lite(sqlite_database: Database, tmp_path: Path) -> Iterator[tuple[ConsoleSetup, StaffBrowser]]:
    """An author on SQLite, where the kind of database does not matter."""
    setup = console_setup(sqlite_database, tmp_path)
    with console(setup) as server, signed_in(setup, server, "author") as browser:
        yield setup, browser


def acts(setup: ConsoleSetup, slug: str = SLUG) -> list[tuple[str, tuple[str, ...]]]:
    with setup.db.read() as conn:
        return [(act.verb, act.fields) for act in audit.acts(conn, kind="campaign", subject=slug)]


def test_a_campaign_is_begun_written_and_found_ready_by_forms_alone(setup: ConsoleSetup, author: StaffBrowser) -> None:
    author.follow(begin(author))
    assert "Still missing: subject, text." in author.text
    assert "5 people, subscribed to Verenigingsnieuws" in author.text
    assert "info@voorbeeld.example" in present(setup.db).definition.from_address
    author.follow(save(author, WHOLE))
    assert "Saved." in author.text
    author.get(f"/campaigns/{SLUG}")
    assert "Text Done" in author.text
    assert author.page.count('class="btn"') == 1
    draft = present(setup.db)
    assert (draft.definition.subject, draft.definition.body) == ("Denkt u mee?", BODY)
    assert acts(setup) == [("save", ("from", "preheader", "subject", "text")), ("create", ("name", "topic"))]


def test_what_the_form_does_not_show_stays_byte_for_byte(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    begin(author)
    head = "\ufeff---\r\nrate:   7\r\nslug: denkt-u-mee\r\nmine: kept\r\n\r\nsubject:  Oud  \r\n---\r\n"
    text = head + "Een\r\n\r\n\r\nTwee\x0c\r\n"
    with setup.db.write() as conn:
        drafts.save(conn, drafts.current(conn, SLUG), (text, {}), "saved", "user:1", setup.clock())
    author.get(f"/campaigns/{SLUG}/text")
    shown = "Een\r\n\r\n\r\nTwee\r\n"
    save(author, {"subject": "Oud", "text": shown})
    assert present(setup.db).version.source == text
    save(author, {"subject": "Nieuw", "text": shown})
    assert present(setup.db).version.source == text.replace("subject:  Oud  ", "subject: Nieuw")
    save(author, {"text": shown + "Drie\r\n"})
    assert present(setup.db).version.source.endswith("Twee\r\nDrie\r\n")


def test_a_save_after_somebody_elses_is_a_page_to_compare_and_nothing_is_lost(
    setup: ConsoleSetup, author: StaffBrowser, other: StaffBrowser
) -> None:
    begin(author)
    save(author, WHOLE)
    opened = present(setup.db).version.hash
    save(other, {"text": BODY + "Van Bas.\n", "preheader": "van Bas"})
    answer = save(author, {"text": BODY + "Van Anna.\n", "subject": "Van Anna", "preheader": "een dialoog"}, opened)
    assert answer.status_code == 412
    assert "Bas Beheer changed this meanwhile" in author.text
    assert "Van Anna." in author.page
    assert "Van Bas." in author.page
    assert present(setup.db).definition.body == BODY + "Van Bas.\n"
    mine = {"read": hash_on(author), "text": BODY + "Van Anna.\n", "subject": "Van Anna", "preheader": "van Bas"}
    assert author.post(f"/campaigns/{SLUG}/text", mine).status_code == 303
    draft = present(setup.db)
    assert (draft.definition.body, draft.definition.subject) == (BODY + "Van Anna.\n", "Van Anna")
    assert draft.definition.preheader == "van Bas"
    with setup.db.read() as conn:
        theirs = versions.get(conn, draft.campaign.id, draft.version.number - 1)
    assert theirs.source.endswith("Van Bas.\n")


def test_the_page_to_compare_keeps_a_field_that_only_the_other_changed(
    lite: tuple[ConsoleSetup, StaffBrowser],
) -> None:
    setup, author = lite
    begin(author)
    save(author, WHOLE)
    opened = present(setup.db).version.hash
    save(author, {"preheader": "van de ander", "text": BODY})
    save(author, {"preheader": "een dialoog", "text": BODY + "Meer.\n"}, opened)
    assert '<input type="hidden" name="preheader" value="van de ander">' in author.page
    assert "Fields that differ" not in author.text


def test_an_unknown_or_missing_version_is_compared_too(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    begin(author)
    before = present(setup.db).version
    for read in ("0" * 64, "<script>"):
        assert save(author, {"text": "Iets."}, read).status_code == 412
    assert present(setup.db).version == before


def test_the_script_saves_with_if_match_and_hears_of_a_conflict(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    begin(author)
    author.get(f"/campaigns/{SLUG}/text")
    first = hash_on(author)
    path, fields = f"/campaigns/{SLUG}/text", {"text": "Vanzelf bewaard."}
    answer = author.post(path, fields, headers={"if-match": f'"{first}"'})
    assert (answer.status_code, answer.json()["said"]) == (200, "Saved at 14:00")
    draft = present(setup.db)
    assert (draft.version.kind, draft.version.hash) == ("autosave", answer.json()["read"])
    more = author.post(path, {"text": "En verder."}, headers={"if-match": answer.json()["read"]})
    assert (more.status_code, len(acts(setup))) == (200, 2)
    draft = present(setup.db)
    late = author.post(path, {"text": "Van een ander venster."}, headers={"if-match": f'"{first}"'})
    assert late.status_code == 412
    assert "Anna Schrijver changed this meanwhile" in late.json()["said"]
    long = author.post(path, {"name": "x" * 151}, headers={"if-match": f'"{first}"'})
    assert long.status_code == 422
    with setup.db.write() as conn:
        drafts.put_away(conn, SLUG, setup.clock())
    away = author.post(path, {"text": "x"}, headers={"if-match": f'"{draft.version.hash}"'})
    assert (away.status_code, away.headers["content-type"]) == (409, "application/json")
    assert present(setup.db).version == draft.version


def test_images_are_added_shown_as_images_only_and_removed_with_the_text_saved(
    setup: ConsoleSetup, author: StaffBrowser
) -> None:
    begin(author)
    files = [("images", (f"{HTML}.png", PNG, "image/png")), ("images", ("Stadhuis.png", PNG, "image/png"))]
    author.follow(save(author, WHOLE | {"act": "upload"}, files=files))
    names = sorted(present(setup.db).version.images)
    assert len(names) == 2
    assert present(setup.db).definition.body == BODY
    shown = author.get(f"/campaigns/{SLUG}/images/stadhuis.png")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert author.get(f"/campaigns/{SLUG}/images/other.png").status_code == 404
    save(author, WHOLE | {"act": "remove:stadhuis.png", "subject": "Ook bewaard"})
    assert "stadhuis.png" not in present(setup.db).version.images
    assert present(setup.db).definition.subject == "Ook bewaard"
    bad = save(author, WHOLE, files=[("images", ("a.svg", b"<svg onload='alert(1)'/>", "image/svg+xml"))])
    assert bad.status_code == 422
    assert "This is SVG" in author.text


def test_fields_that_the_form_does_not_have_change_nothing(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    begin(author)
    before = present(setup.db)
    hostile = dict.fromkeys(
        ("state", "origin", "slug", "mailing_id", "version", "id", "send_at", "rate", "made_by", "kind", "put_away_at"),
        "1",
    ) | dict.fromkeys(("segment", "hash", "source", "tracking", "brand", "images", "online_code"), "x")
    save(author, hostile)
    assert present(setup.db) == before
    save(author, WHOLE | hostile | {"subject": "Eén\nslug: other\norigin: file"})
    after = present(setup.db)
    assert (after.campaign.slug, after.campaign.origin, after.campaign.state) == (SLUG, "console", CampaignState.DRAFT)
    assert after.definition.subject == "Eén slug: other origin: file"
    assert set(after.definition.lines) <= {"slug", "name", "topic", "timezone", "language", *WHOLE}


def test_markup_in_every_field_is_shown_as_text(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    _setup, author = lite
    begin(author, HTML)
    slug = drafts.slug_for(HTML)
    fields = dict.fromkeys(("name", "subject", "preheader", "from", "reply_to", "topic", "language"), HTML + "'\"")
    save(author, fields | {"text": f"</textarea>{HTML}"}, slug=slug)
    save(author, {"text": "anders"}, "0" * 64, slug)
    compare = author.page
    pages = ["", "/text", "/versions", "/versions/1"]
    for page in [compare, *(author.get(f"/campaigns/{slug}{path}").text for path in pages)]:
        assert "<img src=x" not in page
        assert "</textarea><" not in page.replace("</textarea></", "")
        assert "49" not in author.text
    for path in ("/campaigns", "/campaigns/new", ""):
        assert "<img src=x" not in author.get(path).text


def test_a_version_is_compared_and_brought_back_as_a_new_one(setup: ConsoleSetup, author: StaffBrowser) -> None:
    begin(author)
    save(author, WHOLE)
    save(author, {"text": "Iets heel anders.\n"})
    author.get(f"/campaigns/{SLUG}/versions")
    assert "3 and what differs (present one)" in author.text
    author.get(f"/campaigns/{SLUG}/versions/2")
    assert "Hierbij nodigen wij u uit." in author.text
    stale = author.page
    author.follow(author.post(f"/campaigns/{SLUG}/versions/2", {"read": hash_on(author)}))
    assert "That version is the present one again." in author.text
    draft = present(setup.db)
    assert (draft.version.number, draft.definition.body) == (4, BODY)
    assert acts(setup)[0] == ("bring_back", ("version",))
    author.page = stale
    author.follow(author.post(f"/campaigns/{SLUG}/versions/1", {"read": hash_on(author)}))
    assert "Somebody saved this campaign meanwhile." in author.text
    assert present(setup.db).version.number == 4
    assert author.get(f"/campaigns/{SLUG}/versions/99").status_code == 404
    assert author.get(f"/campaigns/{SLUG}/versions/x").status_code == 404


def test_a_draft_is_put_away_says_so_and_is_brought_back(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    begin(author)
    author.follow(author.post(f"/campaigns/{SLUG}/put-away"))
    assert "This draft was put away" in author.text
    assert SLUG not in author.get("/campaigns").text
    assert SLUG in author.get("/campaigns?show=away").text
    assert "Bring it back to change it." in author.get(f"/campaigns/{SLUG}/text").text
    author.get(f"/campaigns/{SLUG}")
    author.follow(author.post(f"/campaigns/{SLUG}/bring-back"))
    assert "The draft is back." in author.text
    assert [verb for verb, _ in acts(setup)] == ["bring_back", "put_away", "create"]


def test_a_campaign_of_a_file_is_read_only_until_it_is_taken_over(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    path = setup.write(send_at="2024-09-18 09:00", timezone="Europe/Amsterdam")
    launch.schedule(setup.config, from_folder(path), setup.clock())
    author.get(f"/campaigns/{SLUG}")
    assert "This campaign is planned for Wed 18 Sept 2024, 09:00." in author.text
    author.get("/campaigns")
    assert author.post(f"/campaigns/{SLUG}/take-over").status_code == 409
    with setup.db.write() as conn:
        campaign = records.get(conn, SLUG)
        records.change_state(conn, campaign, CampaignEvent.TAKE_BACK, setup.clock(), send_at=None)
    author.get(f"/campaigns/{SLUG}")
    assert "Take it over to change it here" in author.text
    text = author.get(f"/campaigns/{SLUG}/text").text
    assert "<textarea" not in text
    author.get(f"/campaigns/{SLUG}")
    author.follow(author.post(f"/campaigns/{SLUG}/take-over"))
    assert "is changed here from now on" in author.text
    assert present(setup.db).is_editable


def test_a_launched_campaign_leads_to_its_progress_and_its_report(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    campaign = launch.start(setup.config, from_folder(setup.write()), setup.clock())
    assert f'href="/console/campaigns/{SLUG}/follow"' in author.get(f"/campaigns/{SLUG}").text
    with setup.db.write() as conn:
        records.change_state(conn, campaign, CampaignEvent.CANCEL, setup.clock())
    assert f'href="/console/campaigns/{SLUG}/report"' in author.get(f"/campaigns/{SLUG}").text
    assert "cannot change any more" in author.get(f"/campaigns/{SLUG}/text").text


@pytest.mark.parametrize("role", ["reviewer", "sender"])
def test_a_colleague_without_the_right_to_write_reads_and_changes_nothing(
    sqlite_database: Database, tmp_path: Path, role: str
) -> None:
    setup = console_setup(sqlite_database, tmp_path)
    with console(setup) as server:
        with signed_in(setup, server, "author") as author:
            begin(author)
        before = present(setup.db)
        with signed_in(setup, server, role) as browser:
            assert browser.get(f"/campaigns/{SLUG}").status_code == 200
            assert "<textarea" not in browser.get(f"/campaigns/{SLUG}/text").text
            assert browser.get("/campaigns/new").status_code == 403
            for path in ("/text", "/put-away", "/bring-back", "/take-over", "/versions/1"):
                browser.get("")
                assert browser.post(f"/campaigns/{SLUG}{path}", {"text": "x"}).status_code == 403
    assert present(setup.db) == before


def test_a_form_without_its_token_or_with_an_old_one_saves_nothing(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    begin(author)
    before = present(setup.db)
    for token in ("", "0" * 32):
        answer = author.post(f"/campaigns/{SLUG}/text", {"read": before.version.hash, "text": "x"}, csrf=token)
        assert answer.status_code == 403
    assert present(setup.db) == before


def test_problems_of_the_text_are_those_that_stop_a_plan_in_plain_words(
    lite: tuple[ConsoleSetup, StaffBrowser],
) -> None:
    _setup, author = lite
    begin(author)
    save(author, WHOLE | {"text": "Een\n\n<b>vet</b>\n\n![](nergens.png)\n"})
    author.get(f"/campaigns/{SLUG}")
    assert "Text Problem" in author.text
    assert "Line 3 of the text: found" in author.text
    assert "denkt-u-mee.md" not in author.text
    save(author, WHOLE | {"topic": "", "text": BODY})
    author.get(f"/campaigns/{SLUG}")
    assert "Who To do Choose a topic." in author.text


def test_words_of_the_script_come_with_the_page_in_dutch_too(sqlite_database: Database, tmp_path: Path) -> None:
    setup = console_setup(sqlite_database, tmp_path)
    with console(setup) as server, signed_in(setup, server, "author", "nl") as author:
        begin(author)
        page = author.get(f"/campaigns/{SLUG}/text").text
        answer = author.post(f"/campaigns/{SLUG}/text", {"text": "x"}, headers={"if-match": f'"{hash_on(author)}"'})
    assert "data-away=" in page
    assert json.loads(answer.text)["said"].endswith("14:00")


def test_a_large_body_is_read_from_users_alone(setup: ConsoleSetup, server: WebServer, author: StaffBrowser) -> None:
    begin(author)
    files = [("images", ("foto.png", PNG + bytes(600_000), "image/png"))]
    stranger = StaffBrowser(server)
    stranger.get("/sign-in")
    assert stranger.post(f"/campaigns/{SLUG}/text", {"text": "x"}, files=files).status_code == 413
    assert save(author, WHOLE, files=files).status_code == 303
    assert list(present(setup.db).version.images) == ["foto.png"]


def test_an_image_of_a_save_that_met_another_one_is_kept(lite: tuple[ConsoleSetup, StaffBrowser]) -> None:
    setup, author = lite
    begin(author)
    opened = present(setup.db).version.hash
    save(author, WHOLE)
    answer = save(author, {"text": "Anders."}, opened, files=[("images", ("foto.png", PNG, "image/png"))])
    assert answer.status_code == 412
    assert hash_on(author) == present(setup.db).version.hash
    assert list(present(setup.db).version.images) == ["foto.png"]
    assert present(setup.db).definition.body == BODY
