"""Signing up, another address, what is known, being forgotten: by links in letters, over the real server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailer.storage import Database
from tests.support import web, wire
from tests.support.site import NEWS, PEPPER, Town, WebServer, serving
from tests.support.wire import statuses
from unsubscribe import contacts, reasons, retention
from unsubscribe.endpoint import public_app
from unsubscribe.settings import ReaderSettings

LOOK = "Kijk in uw mailbox"


@pytest.fixture
def town(empty_database: Database) -> Town:
    return Town(empty_database, languages=("nl",))


@pytest.fixture
def lite_town(sqlite_database: Database) -> Town:
    return Town(sqlite_database, languages=("nl",))


def test_signing_up_takes_one_letter_and_one_button(town: Town) -> None:
    with serving(public_app(town.deps())) as site:
        form = {"email": "nieuw@gouda.example", "topic": ["nieuws", "agenda"]}
        assert LOOK in web.post(site.url("/subscribe"), data=form).text
        link = town.letter("optin_confirm", "confirm")
        before = town.everything()
        for method in ("GET", "HEAD", "OPTIONS"):
            assert web.request(method, site.url(link)).status_code in (200, 204)
        assert town.everything() == before
        for _ in range(2):
            done = web.post(site.url(link))
            assert "U bent aangemeld" in done.text
    with town.db.read() as conn:
        found = contacts.find(conn, "nieuw@gouda.example")
        assert found
        assert contacts.subscriptions(conn, found.id) == {"nieuws": "subscribed", "agenda": "subscribed"}


def test_every_address_gets_the_same_answer(lite_town: Town, site: WebServer) -> None:
    web.post(site.url(lite_town.path(reader=1)), data={"scope": "all"})
    addresses = [
        "nieuw@gouda.example",
        lite_town.readers[0].email,
        lite_town.readers[1].email,
        lite_town.readers[0].email.upper(),
    ]
    answers = []
    for one in addresses:
        answer = web.post(site.url("/subscribe"), data={"email": one, "topic": "nieuws"})
        assert f"<strong><bdi>{one}</bdi></strong>" in answer.text
        answers.append((answer.status_code, answer.text.replace(one, "TYPED")))
    assert len(set(answers)) == 1


def test_what_was_typed_as_an_address_is_shown_as_text(lite_town: Town, site: WebServer) -> None:
    typed = "<b>{{7*7}}</b>\ue000undo\ue001@gouda.example"
    answer = web.post(site.url("/subscribe"), data={"email": typed, "topic": "nieuws", "website": "x"})  # the trap
    assert "&lt;b&gt;{{7*7}}&lt;/b&gt;" in answer.text
    assert "<b>" not in answer.text


def test_a_thousand_sign_ups_for_one_address_send_one_letter(lite_town: Town, site: WebServer) -> None:
    with web.client() as client:
        for number in range(60):
            client.post(
                site.url("/subscribe"),
                data={"email": "doel@gouda.example", "topic": "nieuws"},
                headers={"x-forwarded-for": f"198.51.{number}.1"},
            )
    assert len(lite_town.letters("optin_confirm")) == 1


def test_a_machine_that_fills_in_everything_gets_the_same_answer_and_nothing_else(
    lite_town: Town, site: WebServer
) -> None:
    before = lite_town.everything()
    form = {"email": "bot@gouda.example", "topic": "nieuws", "website": "https://spam.example"}
    assert LOOK in web.post(site.url("/subscribe"), data=form).text
    assert lite_town.everything() == before


def test_an_empty_form_says_what_is_missing_and_nothing_is_ticked(lite_town: Town, site: WebServer) -> None:
    empty = web.get(site.url("/subscribe")).text
    assert "checked" not in empty
    answer = web.post(site.url("/subscribe"), data={"email": "<script>@x", "topic": "secret"})
    assert answer.status_code == 422
    assert "Vul uw mailadres in" in answer.text
    assert "Vink ten minste één onderwerp aan" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("email", ["a@b.example\r\nBcc: x@y.example", "a@b.example\nSubject: x", "a\x00@b.example"])
def test_no_header_gets_in_by_the_form(lite_town: Town, site: WebServer, email: str) -> None:
    assert web.post(site.url("/subscribe"), data={"email": email, "topic": "nieuws"}).status_code == 422
    assert lite_town.letters("optin_confirm") == []


def test_only_a_trusted_proxy_is_believed_about_who_asks(lite_town: Town) -> None:
    with serving(public_app(lite_town.deps(trusted_proxies=frozenset()))) as site, web.client() as client:
        for number in range(25):
            client.post(
                site.url("/subscribe"),
                data={"email": f"n{number}@gmail.com", "topic": "nieuws"},
                headers={"x-forwarded-for": f"198.51.100.{number}"},
            )
    assert len(lite_town.letters("optin_confirm")) == 20


@pytest.mark.parametrize(
    "said",
    [
        ("X-Forwarded-For: 198.51.{n}.1", "X-Forwarded-For: 203.0.113.7"),
        ("X-Forwarded-For: 198.51.{n}.1, 203.0.113.7:{n}",),
        ("X-Forwarded-For: [2001:db8::1:{n}]:4{n}",),
        ("X-Forwarded-For: unknown-{n}",),
        ("X-Forwarded-For: 198.51.{n}.1", "Forwarded: for=203.0.113.7"),
        ("Forwarded: for=198.51.{n}.1", 'Forwarded: for="203.0.113.7:{n}"'),
        (),
    ],
)
def test_one_visitor_behind_a_proxy_is_one_whatever_is_said_before_it(
    lite_town: Town, site: WebServer, said: tuple[str, ...]
) -> None:
    for number in range(25):
        lines = [line.format(n=number).encode() + b"\r\n" for line in said]
        body = b"email=n%d%%40gouda.example&topic=nieuws" % number
        head = b"POST /subscribe HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n" % len(body)
        assert statuses(wire.said(site, head + b"".join(lines) + b"\r\n" + body)) == [b"200"]
    assert len(lite_town.letters("optin_confirm")) == 20


@pytest.mark.parametrize("deleted", [False, True])
def test_an_expired_confirmation_leads_back_to_all_that_was_asked_for(
    lite_town: Town, site: WebServer, deleted: bool
) -> None:
    form = {"email": "nieuw@gouda.example", "topic": ["nieuws", "agenda"], "name": "Nieuw"}
    web.post(site.url("/subscribe?lang=fr"), data=form)
    link = lite_town.letter("optin_confirm", "confirm")
    assert link.endswith("?topic=agenda&topic=nieuws&lang=fr")
    lite_town.now += timedelta(days=60)
    if deleted:
        retention.tidy(lite_town.db, ReaderSettings(), PEPPER, lite_town.now)
    answers = [web.get(site.url(link)), web.post(site.url(link))]
    assert {answer.status_code for answer in answers} == {410}
    for answer in answers:
        assert 'href="/subscribe?topic=agenda&amp;topic=nieuws&amp;lang=fr"' in answer.text
        assert "Nieuw" not in answer.text
        assert "gouda" not in answer.text
    assert lite_town.letters("optin_confirm") == lite_town.letters("optin_confirm")[:1]


def test_an_older_link_that_names_no_topics_leads_back_while_the_request_is_kept(
    lite_town: Town, site: WebServer
) -> None:
    web.post(site.url("/subscribe"), data={"email": "nieuw@gouda.example", "topic": ["nieuws", "agenda"]})
    link = lite_town.letter("optin_confirm", "confirm").partition("?")[0]
    lite_town.now += timedelta(days=60)
    assert 'href="/subscribe?topic=agenda&amp;topic=nieuws"' in web.get(site.url(link)).text


def test_who_signs_up_is_told_what_a_topic_brings_and_how_often_in_their_language(
    lite_town: Town, site: WebServer
) -> None:
    assert NEWS["nl"] in web.get(site.url("/subscribe?lang=nl")).text
    assert NEWS["en"] in web.get(site.url("/subscribe?lang=en")).text
    french = web.get(site.url("/subscribe?lang=fr")).text
    assert not {text for text in NEWS.values() if text in french}
    assert NEWS["en"] in web.get(site.url(lite_town.path("d") + "?lang=en")).text


def test_topics_in_an_address_only_choose_which_stand_first(lite_town: Town, site: WebServer) -> None:
    strange = "/subscribe?topic=nix&topic=nieuws&topic=%22%3E%3Cb%3E&topic=agenda&lang=en"
    page = web.get(site.url(strange)).text
    assert "checked" not in page
    assert "<b>" not in page.partition("<main")[2].partition("</main>")[0]
    assert page.index('value="agenda"') < page.index('value="nieuws"')
    first = web.get(site.url("/subscribe?topic=nieuws&lang=en")).text
    assert first.index('value="nieuws"') < first.index('value="agenda"')
    assert 'href="?lang=de&amp;topic=nieuws"' in first
    again = web.post(site.url("/subscribe?topic=nieuws"), data={"email": "x", "topic": "agenda"}).text
    assert again.index('value="nieuws"') < again.index('value="agenda" checked')


def test_a_form_elsewhere_signs_up_for_the_text_that_it_shows_and_no_other(lite_town: Town, site: WebServer) -> None:
    page = web.get(site.url("/subscribe")).text
    version = page.partition('name="version" value="')[2].partition('"')[0]
    form = {"email": "nieuw@gouda.example", "topic": "nieuws", "version": version}
    elsewhere = {"origin": "https://www.gouda.example", "referer": "https://www.gouda.example/nieuws"}
    old = web.post(site.url("/subscribe"), data=form | {"version": "0" * 12}, headers=elsewhere)
    assert old.status_code == 422
    assert "De tekst waarmee u instemt, is veranderd" in old.text
    assert 'value="nieuw@gouda.example"' in old.text
    assert lite_town.letters("optin_confirm") == []
    assert LOOK in web.post(site.url("/subscribe"), data=form, headers=elsewhere).text
    assert len(lite_town.letters("optin_confirm")) == 1


@pytest.mark.parametrize("page", ["u", "d", "left"])
def test_who_holds_a_forwarded_letter_is_shown_the_way_to_sign_up(lite_town: Town, site: WebServer, page: str) -> None:
    path = lite_town.path("d" if page == "d" else "u")
    if page == "left":
        web.post(site.url(path))
    for asked, link in ((path, "/subscribe?topic=nieuws"), (f"{path}?lang=en", "/subscribe?topic=nieuws&amp;lang=en")):
        assert f'<a href="{link}">' in web.get(site.url(asked)).text
    with lite_town.db.write() as conn:
        contacts.describe_topic(conn, lite_town.topics[0].id, is_open=False)
    told = web.get(site.url(path)).text
    assert "Dan is deze mail aan iemand anders gestuurd. De keuze is dan aan diegene." in told
    assert "/subscribe" not in told


def test_agreeing_and_keeping_are_two_links_and_neither_does_what_the_other_does(
    lite_town: Town, site: WebServer
) -> None:
    web.post(site.url(lite_town.path("d")), data={"part": "address", "email": "anders@gouda.example"})
    agree, keep = lite_town.letter("address_change_old", "confirm"), lite_town.letter("address_change_old", "undo")
    before = lite_town.everything()
    assert web.post(site.url(agree.replace("agree-address", "keep-address"))).status_code == 404
    older = web.post(site.url(keep.replace("keep-address", "agree-address")))  # so were they in the first version
    assert older.status_code == 410
    assert "Gebruik dan de andere link in die mail" in older.text
    assert web.post(site.url("/c/agree-address/" + "A" * 48)).status_code == 404
    assert lite_town.everything() == before


def test_another_address_needs_the_new_mailbox_and_the_old_one(lite_town: Town, site: WebServer) -> None:
    asked = web.post(site.url(lite_town.path("d")), data={"email": "esther@nieuw.example"})
    assert "Bevestig het eerst" in asked.text
    assert "n•••.example" in asked.text
    new = lite_town.letter("address_change_new", "confirm")
    agree = lite_town.letter("address_change_old", "confirm")
    keep = lite_town.letter("address_change_old", "undo")
    before = lite_town.everything()
    for link in (new, agree, keep):
        assert web.get(site.url(link)).status_code == 200
    assert lite_town.everything() == before
    assert web.post(site.url(new)).status_code == 200
    assert email(lite_town) == "esther@vng.example"
    assert "Uw adres is gewijzigd" in web.post(site.url(agree)).text
    assert email(lite_town) == "esther@nieuw.example"
    assert "Uw oude adres blijft staan" in web.post(site.url(keep)).text
    assert email(lite_town) == "esther@vng.example"


def test_everything_that_is_known_is_shown_after_a_letter_and_a_button(lite_town: Town, site: WebServer) -> None:
    ask = lite_town.path("d") + "/my-data"
    assert "Esther" not in web.get(site.url(ask)).text
    assert LOOK in web.post(site.url(ask)).text
    link = lite_town.letter("my_data", "show")
    assert "esther@vng.example" not in web.get(site.url(link)).text
    page = web.post(site.url(link)).text
    assert "esther@vng.example" in page
    assert "Verenigingsnieuws" in page
    assert "In de rij: Verenigingsnieuws – een mail waarvan wij de tekst niet meer hebben" in page
    known = web.post(site.url(link), data={"format": "json"})
    assert known.headers["content-type"] == "application/json"
    assert known.json()["details"]["email"] == "esther@vng.example"
    assert known.json()["letters"][0]["mailing"] == "campaign:1"


def test_erasing_leaves_a_code_and_no_person(lite_town: Town, site: WebServer) -> None:
    web.post(site.url(lite_town.path("d") + "/my-data"))
    page = web.post(site.url(lite_town.letter("my_data", "show"))).text
    erase = page.split('href="/c/erase/')[1].split('"')[0]
    before = lite_town.everything()
    assert "kan niet worden teruggedraaid" in web.get(site.url(f"/c/erase/{erase}")).text
    assert lite_town.everything() == before
    assert 'class="code"' in web.post(site.url(f"/c/erase/{erase}")).text
    assert "esther@vng.example" not in repr(lite_town.everything())
    assert web.post(site.url(f"/c/erase/{erase}")).status_code == 200
    assert web.post(site.url(lite_town.path())).status_code == 200
    assert web.get(site.url(lite_town.path("d"))).status_code == 200


def test_a_link_for_one_thing_does_no_other(lite_town: Town, site: WebServer) -> None:
    web.post(site.url("/subscribe"), data={"email": "nieuw@gouda.example", "topic": "nieuws"})
    token = lite_town.letter("optin_confirm", "confirm").rpartition("/")[2]
    before = lite_town.everything()
    for start in (
        "/u/",
        "/d/",
        "/my-data/",
        "/c/erase/",
        "/c/new-address/",
        "/c/keep-address/",
        "/c/undo/",
        "/c/put-back/",
    ):
        assert web.post(site.url(start + token)).status_code == 404
    assert lite_town.everything() == before


def email(town: Town) -> str:
    """The address of the first reader."""
    with town.db.read() as conn:
        found = contacts.get(conn, town.readers[0].id)
    assert found
    return found.email


def test_a_reason_is_counted_once_and_names_nobody(lite_town: Town, site: WebServer) -> None:
    left = web.post(site.url(lite_town.path())).text
    link = left.split('action="/c/reason/')[1].split('"')[0]
    assert web.post(site.url(f"/c/reason/{link}"), data={"reason": "nothing"}).status_code == 422
    with serving(public_app(lite_town.deps())) as another_process:
        for one in (site, another_process, site):
            assert web.post(one.url(f"/c/reason/{link}"), data={"reason": "too_many"}).status_code == 200
    with lite_town.db.read() as conn:
        assert reasons.counts(conn, lite_town.mailing) == {"too_many": 1}


def test_the_page_with_the_button_shows_the_name_that_confirming_stores(lite_town: Town, site: WebServer) -> None:
    wanted = {"email": "new@gouda.example", "topic": "nieuws", "name": "Log in at evil.com <b>"}
    web.post(site.url("/subscribe"), data=wanted)
    link = site.url(lite_town.letter("optin_confirm", "confirm"))
    asked = web.get(link).text
    assert "Log in at evil.\u2060com &lt;b&gt;" in asked
    web.post(link)
    with lite_town.db.read() as conn:
        contact = contacts.find(conn, "new@gouda.example")
    assert contact is not None
    assert contact.name == wanted["name"]


def test_a_name_that_confirming_does_not_store_is_not_shown(lite_town: Town, site: WebServer) -> None:
    with lite_town.db.write() as conn:
        contacts.change(conn, lite_town.readers[0], lite_town.now, name="Anna")
    form = {"email": lite_town.readers[0].email, "topic": "nieuws", "name": "Somebody else"}
    web.post(site.url("/subscribe"), data=form)
    assert "Somebody else" not in web.get(site.url(lite_town.letter("optin_confirm", "confirm"))).text


@pytest.mark.parametrize("email", ['"log in at evil.com/x"@catchall.example', "v+www.evil.com@gmail.com"])
def test_a_mail_address_that_is_a_text_is_refused_at_both_forms(lite_town: Town, site: WebServer, email: str) -> None:
    assert web.post(site.url("/subscribe"), data={"email": email, "topic": "nieuws"}).status_code == 422
    assert web.post(site.url(lite_town.path("d")), data={"email": email}).status_code == 422
    assert lite_town.letters("optin_confirm") == lite_town.letters("address_change_new") == []
