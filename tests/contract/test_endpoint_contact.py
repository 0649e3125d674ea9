"""The organisation's own address: without it nobody signs up, and readers' rights still work."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import Connection

from mailer import archive, outbox
from mailer.storage import Database
from tests.support.site import Town, serving
from unsubscribe.endpoint import public_app

FORM = {"email": "nieuw@gouda.example", "topic": "nieuws"}
CLOSED = {
    "nl": "Aanmelden kan nog niet",
    "en": "Signing up is not possible yet",
    "de": "Die Anmeldung ist noch nicht möglich",
    "fr": "L’inscription n’est pas encore possible",
}


@pytest.fixture
def lite_town(sqlite_database: Database) -> Town:
    return Town(sqlite_database, languages=("nl",))


class Latest:
    """The From address of the latest campaign, as the test sets it."""

    def __init__(self, address: str = "") -> None:
        self.address = address

    def __call__(self, _: Connection) -> str:
        return self.address


def sender(town: Town, notice: str) -> str:
    """Return the sender of the last letter of a kind."""
    with town.db.read() as conn:
        mailing = outbox.get(conn, town.letters(notice)[-1])
        letter = archive.letter(conn, mailing.spec.snapshot)
    assert letter.from_address == mailing.spec.from_address
    return f"{letter.from_name} <{letter.from_address}>"


@pytest.mark.parametrize("language", sorted(CLOSED))
def test_without_a_contact_the_form_says_that_signing_up_is_not_possible_yet(lite_town: Town, language: str) -> None:
    with serving(public_app(lite_town.deps(contact_address=""))) as site:
        shown = httpx.get(site.url(f"/subscribe?lang={language}"))
        before = lite_town.everything()
        sent = httpx.post(site.url(f"/subscribe?lang={language}"), data=FORM)
        assert lite_town.everything() == before
    assert (shown.status_code, sent.status_code) == (200, 403)
    assert CLOSED[language] in shown.text
    assert CLOSED[language] in sent.text
    assert "<form" not in shown.text


def test_without_a_contact_no_page_leads_to_the_form(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps(contact_address=""))) as site:
        pages = [httpx.get(site.url("/")).text, httpx.post(site.url(lite_town.path())).text]
    with serving(public_app(lite_town.deps())) as site:
        assert "/subscribe" in httpx.get(site.url("/")).text
    assert ["/subscribe" in page for page in pages] == [False, False]


def test_a_link_to_confirm_that_was_sent_before_still_works(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps())) as site:
        httpx.post(site.url("/subscribe"), data=FORM)
    with serving(public_app(lite_town.deps(contact_address=""))) as site:
        assert "U bent aangemeld" in httpx.post(site.url(lite_town.letter("optin_confirm", "confirm"))).text


def test_service_mail_comes_from_the_contact_in_the_organisations_name(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps(latest_sender=Latest("nieuws@vng.example")))) as site:
        httpx.post(site.url("/subscribe"), data=FORM)
        httpx.post(site.url(lite_town.path("d") + "/my-data"))
    ours = "Vereniging van Voorbeeldgemeenten <info@voorbeeld.example>"
    assert [sender(lite_town, "optin_confirm"), sender(lite_town, "my_data")] == [ours, ours]


def test_without_a_contact_rights_work_from_the_address_of_the_latest_campaign(lite_town: Town) -> None:
    latest = Latest("nieuws@vng.example")
    with serving(public_app(lite_town.deps(contact_address="", latest_sender=latest))) as site:
        httpx.post(site.url(lite_town.path("d") + "/my-data"))
        assert sender(lite_town, "my_data").endswith("<nieuws@vng.example>")
        latest.address = "post@vng.example"  # a campaign from another address, and no restart
        httpx.post(site.url(lite_town.path("d")), data={"name": "Esther"})
        assert sender(lite_town, "details_changed").endswith("<post@vng.example>")
    with serving(public_app(lite_town.deps(contact_address="", latest_sender=latest))) as site:
        assert "Contact: mailto:post@vng.example\n" in httpx.get(site.url("/.well-known/security.txt")).text
        assert "mailto:post@vng.example" in httpx.get(site.url("/privacy")).text


@pytest.mark.parametrize("what", ["my-data", "details", "address"])
def test_without_any_address_the_page_says_so_and_nothing_is_changed(lite_town: Town, what: str) -> None:
    form = {"name": "Esther"} if what == "details" else {"email": "nieuw@gouda.example"}
    path = lite_town.path("d") + ("/my-data" if what == "my-data" else "")
    with serving(public_app(lite_town.deps(contact_address=""))) as site:
        before = lite_town.everything()
        answer = httpx.post(site.url(path), data=form)
        assert lite_town.everything() == before
    assert answer.status_code == 501
    assert "Dit kan nog niet" in answer.text


def test_an_opt_out_counts_also_where_no_mail_about_it_can_be_written(lite_town: Town) -> None:
    settings = lite_town.deps().settings.model_copy(update={"opt_out_mail": True})
    with serving(public_app(lite_town.deps(contact_address="", settings=settings))) as site:
        assert httpx.post(site.url(lite_town.path())).status_code == 200
    assert lite_town.state() == "opted_out"
    assert lite_town.letters("opted_out") == []


def test_pages_never_show_an_address_that_nobody_set(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps(contact_address=""))) as site:
        texts = [httpx.get(site.url(path)).text for path in ("/", "/privacy", "/.well-known/security.txt", "/x")]
    assert [text for text in texts if "postmaster@" in text or "mailto:" in text] == []


def test_metrics_count_service_letters_that_wait_and_those_that_are_stopped(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps())) as site:
        httpx.post(site.url("/subscribe"), data=FORM)
        with lite_town.db.write() as conn:
            outbox.service.stop(conn, outbox.service.EVERY, outbox.Hold("relay_auth", "535 no"), lite_town.now)
        text = httpx.get(site.url("/metrics")).text
    assert "postiljon_service_letters_waiting 1.0" in text
    assert "postiljon_service_letters_stopped 1.0" in text
