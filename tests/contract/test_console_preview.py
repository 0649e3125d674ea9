"""*See it*: of which version, as whom, and what a user without access to contacts gets to see."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.console import Console, routers
from campaigns.lifecycle import drafts
from campaigns.ops.work_pool import WorkLimits, WorkPool
from mailer.errors import InputError
from mailer.letter.brand import builtin_brand
from mailer.storage import Database
from tests.support import jobs
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_letters import BODY, draft, kept, reader, saved
from tests.support.site import WebServer, serving
from unsubscribe.web.application import web_application
from unsubscribe.web.context import WebContext, WebDeps

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path, 7)


@pytest.fixture
def server(setup: ConsoleSetup) -> Iterator[WebServer]:
    with console(setup) as running:
        yield running


@pytest.fixture
def author(setup: ConsoleSetup, server: WebServer) -> Iterator[StaffBrowser]:
    with signed_in(setup, server, "author") as browser:
        yield browser


@pytest.fixture
def sender(setup: ConsoleSetup, server: WebServer) -> Iterator[StaffBrowser]:
    with signed_in(setup, server, "sender") as browser:
        yield browser


def test_the_page_says_which_version_it_is_of(setup: ConsoleSetup, author: StaffBrowser) -> None:
    made = draft(setup)
    author.get("/campaigns/denkt-u-mee/preview")
    assert f"This is the saved version 1 ({made.version.hash[:8]})." in author.text
    now = saved(setup, made, BODY + "\nEen zin meer.\n")
    author.get("/campaigns/denkt-u-mee/preview")
    assert f"version 2 ({now.version.hash[:8]})" in author.text


def test_the_frame_shows_the_version_that_its_address_names_also_after_a_save(
    setup: ConsoleSetup, author: StaffBrowser
) -> None:
    made = draft(setup)
    saved(setup, made, "Heel iets anders.\n")
    old = author.get("/campaigns/denkt-u-mee/letter", params={"version": made.version.hash}).text
    new = author.get("/campaigns/denkt-u-mee/letter").text
    assert "Hierbij nodigen wij u uit." in old
    assert "Heel iets anders." in new
    author.get("/campaigns/denkt-u-mee/preview", params={"version": made.version.hash})
    assert "A newer version was saved since. See the newest" in author.text
    author.get("/campaigns/denkt-u-mee/preview")
    assert "A newer version" not in author.text
    assert author.get("/campaigns/denkt-u-mee/letter", params={"version": "0" * 64}).status_code == 404


def test_a_mailbox_shows_sender_subject_and_the_first_words(setup: ConsoleSetup, author: StaffBrowser) -> None:
    draft(setup, subject="Een {{ contact.role | default('lid') }} vraagt")
    author.get("/campaigns/denkt-u-mee/preview")
    assert "VNG <info@vng.nl> Een lid vraagt een dialoog" in author.text


def test_plain_text_is_shown_as_it_is_sent(setup: ConsoleSetup, author: StaffBrowser) -> None:
    draft(setup)
    page = author.get("/campaigns/denkt-u-mee/preview", params={"view": "text"}).text
    assert "<iframe" not in page
    assert "https://vng.example/voorstel" in author.text


def test_who_may_see_contacts_finds_one_by_name_or_address_and_sees_the_letter_for_it(
    setup: ConsoleSetup, sender: StaffBrowser
) -> None:
    draft(setup)
    person = reader(setup, salutation="mevrouw De Vries")
    for words in ("vries", "Ester@Example.org", "ester@"):
        page = sender.get("/campaigns/denkt-u-mee/preview", params={"q": words}).text
        assert "Ester de Vries" in page, words
        assert "lezer1@example.org" not in page
    frame = sender.get("/campaigns/denkt-u-mee/letter", params={"as": person.id}).text
    assert "Geachte mevrouw De Vries," in frame
    sender.get("/campaigns/denkt-u-mee/preview", params={"q": "Nobody"})
    assert "Nobody is known by that name or address." in sender.text


def test_wild_cards_of_a_search_mean_nothing(setup: ConsoleSetup, sender: StaffBrowser) -> None:
    draft(setup)
    reader(setup)
    sender.get("/campaigns/denkt-u-mee/preview", params={"q": "%"})
    assert "Nobody is known by that name or address." in sender.text


def test_who_may_not_sees_five_sample_people_with_masked_values_and_nobody_else(
    setup: ConsoleSetup, author: StaffBrowser
) -> None:
    draft(setup)
    stranger = reader(setup, salutation="mevrouw De Vries")
    setup.people(1, salutation="de heer Jansen")
    page = author.get("/campaigns/denkt-u-mee/preview", params={"q": "ester"}).text
    people = re.findall(r"as=(\d+)", page)
    assert len(set(people)) == 5
    assert "ester@example.org" not in page
    assert "l•••@e•••.org" in page
    for path in ("preview", "letter", "test"):
        assert author.get(f"/campaigns/denkt-u-mee/{path}", params={"as": stranger.id}).status_code == 404


def test_a_letter_for_a_masked_person_has_the_first_character_of_a_value_alone(
    empty_database: Database, tmp_path: Path
) -> None:
    setup = console_setup(empty_database, tmp_path, 1)
    setup.people(1, salutation="mevrouw De Vries", role="")
    draft(setup, body=BODY + '\nU bent {{ contact.role | default("lid") }}, {{ contact.email }}.\n')
    with console(setup) as server, signed_in(setup, server, "author") as author:
        page = author.get("/campaigns/denkt-u-mee/preview").text
        number = max(re.findall(r"as=(\d+)", page), key=int)
        frame = author.get("/campaigns/denkt-u-mee/letter", params={"as": number}).text
        text = author.get("/campaigns/denkt-u-mee/preview", params={"as": number, "view": "text"}).text
    for shown in (frame, text):
        assert "Geachte m•••," in shown
        assert "U bent lid, " in shown
        assert "De Vries" not in shown
        assert "lezer1@example.org" not in shown


def test_no_link_of_a_preview_works_for_anybody(setup: ConsoleSetup, sender: StaffBrowser) -> None:
    draft(setup)
    person = reader(setup)
    frame = sender.get("/campaigns/denkt-u-mee/letter", params={"as": person.id}).text
    assert set(re.findall(r"/[ud]/([A-Za-z0-9_-]{20,})", frame)) == {"A" * 36}


def test_dark_light_and_images_off_change_that_and_nothing_else(setup: ConsoleSetup, author: StaffBrowser) -> None:
    made = draft(setup)
    with setup.db.write() as conn:
        name, blob = drafts.add_image(conn, "Foto.png", PIXEL, {})
        source = made.version.source + f"\n![Een stip]({name})\n"
        drafts.save(conn, made, (source, {name: blob}), "saved", "user:1", setup.clock())
    light = author.get("/campaigns/denkt-u-mee/letter").text
    dark = author.get("/campaigns/denkt-u-mee/letter", params={"look": "dark"}).text
    bare = author.get("/campaigns/denkt-u-mee/letter", params={"images": "off"}).text
    assert "@media not all" in light
    assert light.replace("@media not all", "@media all").replace('content="light"', 'content="dark"') == dark
    data = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    assert light.count(data) == 1
    assert light.replace(data, "data:,") == bare
    author.get("/campaigns/denkt-u-mee/preview")
    assert "1 image, 0.1 kB, is fetched when the mail is opened." in author.text


def test_a_picture_of_many_pixels_in_few_bytes_is_refused_by_its_head(setup: ConsoleSetup) -> None:
    bomb = PIXEL[:16] + struct.pack(">II", 20_000, 20_000) + PIXEL[24:]
    with setup.db.write() as conn, pytest.raises(InputError, match="20000 by 20000 pixels"):
        drafts.add_image(conn, "bom.png", bomb, {})


def test_nothing_of_another_host_is_in_the_frame_to_be_fetched(setup: ConsoleSetup, author: StaffBrowser) -> None:
    draft(setup, body=BODY + "\n![Elders](https://elsewhere.example/x.png)\n")
    response = author.get("/campaigns/denkt-u-mee/letter")
    policy = response.headers["content-security-policy"]
    assert policy.split("; ")[:4] == [
        "sandbox",
        "default-src 'none'",
        "img-src 'self' data:",
        "style-src 'unsafe-inline'",
    ]
    assert {"form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'"} <= set(policy.split("; "))
    assert "allow" not in policy
    assert response.headers["x-frame-options"] == "SAMEORIGIN"
    assert response.headers["cache-control"] == "no-store"


def test_a_heavy_letter_is_told_what_gmail_does(setup: ConsoleSetup, author: StaffBrowser) -> None:
    draft(setup, body="\n\n".join(["Een alinea met woorden erin. " * 20] * 160))
    author.get("/campaigns/denkt-u-mee/preview")
    assert "Too heavy Gmail cuts a letter at 102 kB" in author.text


def test_a_letter_with_faults_is_not_shown_and_the_page_says_what_stops_it(
    setup: ConsoleSetup, author: StaffBrowser
) -> None:
    draft(setup, body="Beste {{ contact.name }}\n")
    response = author.get("/campaigns/denkt-u-mee/preview")
    assert response.status_code == 200
    assert "There is no letter yet" in author.text
    assert "a fallback for contacts that have no value" in author.text
    assert "/campaigns/denkt-u-mee/check" in author.page
    frame = author.get("/campaigns/denkt-u-mee/letter")
    assert frame.status_code == 409
    assert frame.headers["content-security-policy"].startswith("sandbox;")


def test_after_the_launch_the_letter_is_the_kept_one_with_present_values(
    setup: ConsoleSetup, sender: StaffBrowser
) -> None:
    kept(setup, "<!doctype html><html><head></head><body><p>Zoals verstuurd</p>")
    person = reader(setup, name="Nieuwe Naam")
    sender.get("/campaigns/verstuurd/preview", params={"as": person.id})
    assert "This is the letter as it was sent, filled with what is known of this person now." in sender.text
    frame = sender.get("/campaigns/verstuurd/letter", params={"as": person.id}).text
    assert "Zoals verstuurd" in frame
    assert "Nieuwe Naam" in frame


def test_a_campaign_of_a_file_is_shown_from_what_was_kept(setup: ConsoleSetup, author: StaffBrowser) -> None:
    kept(setup, "<!doctype html><html><head></head><body><p>Uit een bestand</p>", "bestand", origin="file")
    assert "Uit een bestand" in author.get("/campaigns/bestand/letter").text
    author.get("/campaigns/bestand/check")
    assert "The text of this campaign is in a file" in author.text


@pytest.mark.parametrize("path", ["preview", "letter", "check", "check/sender", "test"])
def test_an_unknown_campaign_is_not_found(author: StaffBrowser, path: str) -> None:
    assert author.get(f"/campaigns/nowhere/{path}").status_code == 404


@pytest.mark.parametrize("query", ["as=x", "as=99999999999999999999", "as=-1", "view=<b>&look=x&images=y", "version=x"])
def test_a_hostile_address_is_answered_in_words(setup: ConsoleSetup, sender: StaffBrowser, query: str) -> None:
    draft(setup)
    response = sender.get(f"/campaigns/denkt-u-mee/preview?{query}")
    assert response.status_code in (200, 404)
    assert "<b>" not in response.text.split("<main", 1)[1].split("view=")[0]


def test_a_letter_that_takes_too_long_is_told_in_words(setup: ConsoleSetup) -> None:
    draft(setup)
    context = setup.context()
    deps = WebDeps(db=setup.db, public_url=context.reader.public_url, brand=builtin_brand("VNG"), contact_address="")
    web = WebContext(deps)
    made = Console(context, web.metrics, pool=WorkPool(1, WorkLimits(seconds=0.001)))
    web.at_end(made.close)
    with serving(web_application(web, routers(made))) as server, signed_in(setup, server, "author") as author:
        response = author.get("/campaigns/denkt-u-mee/preview")
        assert response.status_code == 422
        assert "This took longer than 0.001 seconds, and was stopped; nothing was changed" in author.text
        assert author.get("/campaigns").status_code == 200


def test_no_helper_is_left_when_the_server_has_ended(setup: ConsoleSetup) -> None:
    draft(setup)
    with console(setup) as server, signed_in(setup, server, "author") as author:
        assert jobs.helpers_running() == []
        author.get("/campaigns/denkt-u-mee/preview")
        assert len(jobs.helpers_running()) == 1
    assert jobs.helpers_running() == []
