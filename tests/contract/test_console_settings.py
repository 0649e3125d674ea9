"""Settings made in the console: the order of sources, what a page shows of them, passwords, colours, topics."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.context import with_stored_settings
from campaigns.settings import made_in_console, stored
from campaigns.staff import audit
from mailer.errors import SettingsError, SettingsFaults
from mailer.settings import MailerSettings, read
from mailer.signing import Keyring
from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.hostile_letters import png
from unsubscribe import contacts

KEYRING = Keyring.of([b"k" * 32])
SECRET = "een heel geheim wachtwoord"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConsoleSetup:
    """An installation whose environment names the data folder alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTILJON_DATA", str(tmp_path))
    return console_setup(empty_database, tmp_path, 2)


@pytest.fixture
def browser(setup: ConsoleSetup) -> Iterator[StaffBrowser]:
    """An administrator who has signed in."""
    with console(setup) as server, signed_in(setup, server, "administrator") as signed:
        yield signed


def save(setup: ConsoleSetup, **changes: str) -> list[str]:
    with setup.db.write() as conn:
        return made_in_console.save(conn, changes, KEYRING, "cli:test", setup.clock())


def kept(setup: ConsoleSetup) -> dict[str, stored.Stored]:
    with setup.db.read() as conn:
        return stored.everything(conn)


def test_a_stored_setting_is_used_where_environment_and_file_are_silent(setup: ConsoleSetup) -> None:
    save(
        setup,
        timezone="Europe/London",
        contact="info@example.org",
        smtp_url="smtp://relay.example.org:587?tls=starttls",
    )
    found = with_stored_settings(setup.context())
    assert (found.reader.timezone, found.reader.contact) == ("Europe/London", "info@example.org")
    assert (found.mailer.smtp_url.host, found.mailer.smtp_url.port) == ("relay.example.org", 587)


def test_the_file_wins_over_the_console_and_the_environment_over_both(
    setup: ConsoleSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(setup, timezone="Europe/London", organisation="From the console")
    (tmp_path / "postiljon.toml").write_text('timezone = "Europe/Paris"\norganisation = "From the file"\n')
    monkeypatch.setenv("POSTILJON_ORGANISATION", "From the environment")
    found = with_stored_settings(setup.context()).reader
    assert (found.timezone, found.organisation) == ("Europe/Paris", "From the environment")


def test_a_relay_set_above_gets_no_password_of_the_console(
    setup: ConsoleSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(setup, smtp_url="smtp://relay.example.org?tls=starttls", smtp_user="anna", smtp_password=SECRET)
    assert with_stored_settings(setup.context()).mailer.smtp_url.password == SECRET
    monkeypatch.setenv("POSTILJON_SMTP_URL", "smtp://other.example.org")
    found = with_stored_settings(setup.context()).mailer.smtp_url
    assert (found.host, found.user, found.password) == ("other.example.org", "", "")


def test_a_wrong_stored_value_names_the_page_of_the_console(setup: ConsoleSetup) -> None:
    with setup.db.write() as conn:
        stored.put(conn, "timezone", "Mars/Olympus", "cli:test", setup.clock())
    with pytest.raises(SettingsFaults, match=r"POSTILJON_TIMEZONE: .*Mars/Olympus.*\(page Settings of the console\)"):
        with_stored_settings(setup.context())


def test_a_password_is_sealed_in_the_database_and_opens_under_its_own_key_alone(setup: ConsoleSetup) -> None:
    save(setup, smtp_user="anna", smtp_password=SECRET)
    item = kept(setup)["smtp_password"]
    assert SECRET not in item.value
    assert SECRET not in repr(item)
    assert made_in_console.opened(item, KEYRING) == SECRET
    with pytest.raises(SettingsError, match="secret key"):
        made_in_console.opened(item, Keyring.of([b"x" * 32]))


def test_a_password_whose_key_was_lost_is_mended_by_the_file_of_settings(setup: ConsoleSetup, tmp_path: Path) -> None:
    save(setup, smtp_url="smtp://relay.example.org", smtp_user="anna", smtp_password=SECRET)
    lost = replace(setup.context(), keyring=Keyring.of([b"x" * 32]))
    with pytest.raises(SettingsError, match="secret key"):
        with_stored_settings(lost)
    (tmp_path / "postiljon.toml").write_text('smtp_url = "smtp://127.0.0.1"\n')
    assert with_stored_settings(lost).mailer.smtp_url.password == ""


def test_a_key_that_is_not_on_the_list_cannot_be_stored(setup: ConsoleSetup) -> None:
    with pytest.raises(KeyError):
        save(setup, secret_keys="x")
    assert kept(setup) == {}


def test_each_change_and_no_other_gives_another_revision(setup: ConsoleSetup) -> None:
    def revision() -> str:
        with setup.db.read() as conn:
            return stored.revision(conn)

    first = revision()
    save(setup, timezone="Europe/London")
    second = revision()
    assert save(setup, timezone="Europe/London") == []
    assert revision() == second != first
    save(setup, timezone="")
    assert revision() not in (first, second)
    assert "timezone" not in kept(setup)


def test_stored_values_change_nothing_for_who_reads_settings_without_them(setup: ConsoleSetup) -> None:
    save(setup, smtp_url="smtp://relay.example.org")
    with_stored_settings(setup.context())
    assert read(MailerSettings).smtp_url.host == "127.0.0.1"


def test_the_organisation_is_saved_and_shown_and_noted_without_its_values(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    browser.get("/settings/organisation")
    form = {"organisation": "Gemeente Waterhoek", "contact": "info@waterhoek.example", "timezone": "Europe/London"}
    response = browser.post("/settings/organisation", form | {"address": "Plein 1\n\n 1234 AB  Waterhoek "})
    assert response.headers["location"].startswith("/console/settings?note=settings_saved")
    browser.follow(response)
    assert "Gemeente Waterhoek" in browser.text
    assert "Plein 1, 1234 AB Waterhoek" in browser.text
    with setup.db.read() as conn:
        act = audit.acts(conn, kind="setting", subject="organisation")[0]
    assert (act.verb, act.fields) == ("change_setting", ("organisation", "contact", "timezone", "address"))


def test_what_is_set_above_is_shown_with_its_place_and_not_changed(
    setup: ConsoleSetup, browser: StaffBrowser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "postiljon.toml").write_text('\ncontact = "info@example.org"\n')
    monkeypatch.setenv("POSTILJON_ORGANISATION", "From the environment")
    browser.get("/settings/organisation")
    assert "Set in the file postiljon.toml, line 2. It can be changed only there." in browser.text
    assert "Set in the environment of the server, as POSTILJON_ORGANISATION." in browser.text
    assert 'name="contact"' not in browser.page
    form = {"organisation": "Other", "contact": "other@example.org", "timezone": "Europe/London"}
    browser.post("/settings/organisation", form)
    assert kept(setup).keys() == {"timezone"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contact", "no address"),
        ("contact", "Anna <anna@example.org>"),
        ("organisation", "x" * 101),
        ("timezone", "Mars/Olympus"),
        ("address", "\n".join("abcdefg")),
    ],
)
def test_a_wrong_value_is_refused_at_its_field_and_the_others_are_kept(
    setup: ConsoleSetup, browser: StaffBrowser, field: str, value: str
) -> None:
    browser.get("/settings/organisation")
    form = {"organisation": "Gemeente Waterhoek", "contact": "info@waterhoek.example", "timezone": "Europe/London"}
    response = browser.post("/settings/organisation", form | {field: value})
    assert response.status_code == 422
    assert f'href="#{field}"' in browser.page
    assert kept(setup) == {}


def test_a_form_sets_no_setting_that_it_does_not_show(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    browser.get("/settings/organisation")
    extra = {"public_url": "https://evil.example", "smtp_url": "smtp://evil.example", "secret_keys": "x", "brand": "/x"}
    browser.post("/settings/organisation", {"timezone": "Europe/London", "is_secret": "1"} | extra)
    assert kept(setup).keys() == {"timezone"}


RELAY = {"host": "relay.example.org", "port": "587", "tls": "starttls", "user": "anna", "password": SECRET}


def test_the_relay_is_saved_in_parts_and_its_password_never_comes_back(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    browser.get("/settings/relay")
    browser.follow(browser.post("/settings/relay", RELAY))
    found = with_stored_settings(setup.context()).mailer.smtp_url
    assert (found.name, found.user, found.password, found.tls) == (
        "relay.example.org:587", "anna", SECRET, "starttls",
    )  # fmt: skip
    for path in ("/settings", "/settings/relay"):
        browser.get(path)
        assert SECRET not in browser.page
        assert re.search(r"is set", browser.text)
    with setup.db.read() as conn:
        rows = audit.acts(conn, most=500)
    assert not any(SECRET in repr(row) for row in rows)
    assert rows[0].fields == ("smtp_url", "smtp_user", "smtp_password")


def test_an_empty_password_keeps_the_one_that_is_set(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    browser.get("/settings/relay")
    browser.post("/settings/relay", RELAY)
    browser.get("/settings/relay")
    browser.post("/settings/relay", RELAY | {"password": "", "return_path": "bounce@example.org"})
    found = with_stored_settings(setup.context()).mailer
    assert (found.smtp_url.password, found.return_path) == (SECRET, "bounce@example.org")


@pytest.mark.parametrize("path", ["/settings/relay", "/settings/relay/test"])
@pytest.mark.parametrize(
    "change", [{"host": "evil.example"}, {"port": "2525"}, {"tls": "opportunistic"}, {"user": "eva"}]
)
def test_a_kept_password_is_given_to_no_other_server(
    setup: ConsoleSetup, browser: StaffBrowser, path: str, change: dict[str, str]
) -> None:
    browser.get("/settings/relay")
    browser.post("/settings/relay", RELAY)
    browser.get("/settings/relay")
    assert browser.post(path, RELAY | {"password": ""} | change).status_code == 422
    assert "Type the password again" in browser.text
    assert with_stored_settings(setup.context()).mailer.smtp_url.host == "relay.example.org"


def test_without_a_user_the_password_goes_too(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    browser.get("/settings/relay")
    browser.post("/settings/relay", RELAY)
    browser.get("/settings/relay")
    browser.post("/settings/relay", RELAY | {"user": "", "password": ""})
    assert kept(setup).keys() == {"smtp_url"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": "relay.example.org/x?connections=9999"}, "host"),
        ({"host": "a b"}, "host"),
        ({"port": "70000"}, "port"),
        ({"port": "x"}, "port"),
        ({"tls": "none"}, "tls"),
        ({"user": ""}, "user"),
        ({"return_path": "nobody"}, "return_path"),
    ],
)
def test_a_wrong_part_of_the_relay_is_refused_at_its_field(
    setup: ConsoleSetup, browser: StaffBrowser, change: dict[str, str], field: str
) -> None:
    browser.get("/settings/relay")
    assert browser.post("/settings/relay", RELAY | change).status_code == 422
    assert f'href="#{field}"' in browser.page
    assert SECRET not in browser.page
    assert kept(setup) == {}


def test_a_colour_that_cannot_be_read_is_refused_and_the_nearest_that_can_is_offered_and_taken(
    setup: ConsoleSetup, browser: StaffBrowser
) -> None:
    browser.get("/settings/brand")
    typed = {"light_action": "#9ec5f0", "light_on_action": "#ffffff"}
    assert browser.post("/settings/brand", typed).status_code == 422
    offered = re.search(r'name="take" value="light_action=(#[0-9A-F]{6})"', browser.page)
    assert offered
    browser.post("/settings/brand", typed | {"take": f"light_action={offered[1]}"})
    assert f'value="{offered[1]}"' in browser.page
    assert kept(setup) == {}
    assert browser.post("/settings/brand", typed | {"light_action": offered[1]}).status_code == 303
    assert "brand" in kept(setup)


def test_a_colour_that_vanishes_on_the_page_is_refused(browser: StaffBrowser) -> None:
    browser.get("/settings/brand")
    assert browser.post("/settings/brand", {"light_action": "#fafafa", "light_on_action": "#000000"}).status_code == 422
    assert "This colour can hardly be told from the page" in browser.text


def test_the_brand_of_the_console_is_that_of_letters_and_pages(
    setup: ConsoleSetup, browser: StaffBrowser, tmp_path: Path
) -> None:
    save(setup, organisation="Gemeente Waterhoek", contact="info@waterhoek.example")
    browser.get("/settings/brand")
    files = {"logo": ("logo.png", io.BytesIO(png(40, 20)), "image/png")}
    assert browser.post("/settings/brand", {"light_action": "#7a1f5c"}, files=files).status_code == 303
    found = with_stored_settings(setup.context())
    from campaigns.source.campaign_source import house_brand

    brand = house_brand(found.campaign.brand, "-")
    assert (brand.name, brand.light.action, bool(brand.logo)) == ("Gemeente Waterhoek", "#7a1f5c", True)
    assert found.launch_config.brand == found.campaign.brand
    picture = browser.get("/settings/brand/logo/logo")
    assert picture.headers["content-type"] == "image/png"
    assert browser.post("/settings/brand", {"drop_logo": "yes"}).status_code in (303, 403)


def test_a_file_that_is_no_picture_is_refused_as_a_logo(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    browser.get("/settings/brand")
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    response = browser.post("/settings/brand", {}, files={"logo": ("logo.svg", io.BytesIO(drawing), "image/svg+xml")})
    assert response.status_code == 422
    assert kept(setup) == {}


def test_a_topic_is_added_and_described_in_languages(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    browser.get("/settings/topics/new")
    typed = {"name": "Nieuws uit de wijk", "name_en": "News of the district", "open": "yes"}
    browser.follow(browser.post("/settings/topics/new", typed))
    assert "Nieuws uit de wijk" in browser.text
    with setup.db.read() as conn:
        found = contacts.topic(conn, "nieuws-uit-de-wijk")
    assert (found.is_open, found.names) == (True, {"en": "News of the district"})
    browser.get("/settings/topics/nieuws-uit-de-wijk")
    browser.post("/settings/topics/nieuws-uit-de-wijk", typed | {"name": "Wijknieuws", "name_en": "", "open": ""})
    with setup.db.read() as conn:
        found = contacts.topic(conn, "nieuws-uit-de-wijk")
    assert (found.name, found.is_open, found.names) == ("Wijknieuws", False, {})


def test_a_second_topic_of_the_same_name_is_refused(browser: StaffBrowser) -> None:
    browser.get("/settings/topics/new")
    assert browser.post("/settings/topics/new", {"name": "Verenigingsnieuws"}).status_code == 422
    assert "There is a topic with this name already" in browser.text


def test_typed_texts_are_never_part_of_the_page(setup: ConsoleSetup, browser: StaffBrowser) -> None:
    forms = {
        "/settings/organisation": ("organisation", "contact", "timezone", "address"),
        "/settings/relay": ("host", "port", "tls", "user", "password", "return_path"),
        "/settings/brand": ("light_action", "light_on_action", "dark_action", "dark_on_action", "take"),
        "/settings/topics/new": ("name", "description", "name_nl", "description_fr"),
        "/setup/contacts": ("topic", "basis", "source", "pasted"),
    }
    for path, fields in forms.items():
        browser.get(path)
        browser.post(path, dict.fromkeys(fields, HOSTILE + "x" * 300))
        assert "<script>alert" not in browser.page, path
        assert "<img src=x" not in browser.page, path
    browser.get("/settings/organisation")
    browser.post("/settings/organisation", {"organisation": HOSTILE, "address": HOSTILE})
    for path in ("/settings", "/settings/organisation"):
        browser.get(path)
        assert "<script>alert" not in browser.page


@pytest.mark.parametrize("role", ["author", "reviewer", "sender"])
def test_only_an_administrator_sees_or_changes_settings(setup: ConsoleSetup, role: str) -> None:
    with console(setup) as server, signed_in(setup, server, role) as other:
        for path in ("/settings", "/settings/relay", "/settings/brand", "/settings/topics", "/setup/test"):
            assert other.get(path).status_code == 403
        assert other.post("/settings/relay", RELAY).status_code == 403
        assert other.post("/settings/relay/test", RELAY).status_code == 403
    assert kept(setup) == {}
