"""A forwarded letter: in other hands its links give nothing back, tell nothing, and confirm no guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailer import suppression
from mailer.storage import Database
from tests.support import web
from tests.support.forwarded import choose, limits, link
from tests.support.site import Town, WebServer, serving
from unsubscribe import contacts, details, notices, optout
from unsubscribe.endpoint import public_app
from unsubscribe.settings import ReaderSettings


@pytest.fixture
def town(empty_database: Database) -> Town:
    return Town(empty_database, languages=("nl",))


@pytest.fixture
def site(town: Town) -> Iterator[WebServer]:
    with serving(public_app(town.deps())) as site:
        yield site


def told(page: str) -> str:
    """A page without the ways on, which lead back by the reader's own link."""
    return re.sub(r'<ul class="links ways">.*?</ul>', "", page, flags=re.DOTALL)


def test_only_the_answer_to_the_post_that_acted_hands_out_the_undo(town: Town, site: WebServer) -> None:
    owner = web.post(site.url(town.path())).text
    stranger = web.post(site.url(town.path())).text
    assert link(owner, "undo")
    for kind in ("undo", "less-often", "pause", "reason"):
        assert not link(stranger, kind)
    shown = web.get(site.url(town.path())).text
    assert "/c/" not in shown


def test_leaving_all_mail_in_the_owners_place_does_not_give_the_topic_back(town: Town, site: WebServer) -> None:
    web.post(site.url(town.path()))
    stranger = web.post(site.url(town.path()), data={"scope": "all", "earlier": "x" * 48}).text
    said = web.post(site.url(link(stranger, "undo"))).text
    assert town.state() == "opted_out"
    assert "maar niet" in said


def test_who_left_a_topic_and_then_all_on_one_page_gets_one_undo_for_both(town: Town, site: WebServer) -> None:
    first = web.post(site.url(town.path())).text
    earlier = re.search(r'name="earlier" value="([^"]+)"', first)
    assert earlier
    second = web.post(site.url(town.path()), data={"scope": "all", "earlier": earlier[1]}).text
    web.post(site.url(link(second, "undo")))
    assert town.state() == "subscribed"


def test_a_stricter_choice_by_the_link_of_a_letter_is_made_at_once_and_not_announced(
    town: Town, site: WebServer
) -> None:
    choose(site, town, "less-often", often="week")
    choose(site, town, "less-often", often="month")
    choose(site, town, "pause", pause="1")
    choose(site, town, "pause", pause="6")
    assert limits(town)["less_often"] == 30
    assert town.letters("details_changed") == []


def test_a_looser_limit_is_announced_with_an_undo(town: Town, site: WebServer) -> None:
    choose(site, town, "less-often", often="month")
    choose(site, town, "less-often", often="always")
    assert "less_often" not in limits(town)
    web.post(site.url(town.letter("details_changed", "undo")))
    assert limits(town)["less_often"] == 30


def test_a_shorter_pause_is_announced_with_an_undo(town: Town, site: WebServer) -> None:
    choose(site, town, "pause", pause="6")
    long = limits(town)["pause"]
    choose(site, town, "pause", pause="1")
    assert limits(town)["pause"] != long
    web.post(site.url(town.letter("details_changed", "undo")))
    assert limits(town)["pause"] == long


def test_a_looser_limit_by_way_of_an_opt_out_is_announced_too(town: Town, site: WebServer) -> None:
    choose(site, town, "less-often", often="month")
    left = web.post(site.url(town.path())).text
    web.post(site.url(link(left, "less-often")), data={"often": "always"})
    assert len(town.letters("details_changed")) == 1


def test_looser_choices_end_when_they_come_too_often(town: Town, site: WebServer) -> None:
    answers = []
    for _ in range(12):
        for often in ("month", "always"):
            page = web.post(site.url(f"{town.path()}/less-often")).text
            answers.append(web.post(site.url(link(page, "less-often")), data={"often": often}).status_code)
    assert set(answers) == {200, 429}
    assert limits(town)["less_often"] == 30


def test_another_address_brings_the_same_page_whether_it_is_known_unknown_or_ones_own(
    town: Town, site: WebServer
) -> None:
    targets = ["x@vng.example", town.readers[1].email, town.readers[0].email]
    pages = []
    for reader, target in zip((0, 1, 2), (targets[0], targets[2], town.readers[2].email), strict=True):
        page = web.post(site.url(town.path("d", reader)), data={"email": target})
        pages.append((page.status_code, told(page.text)))
    shown = {(status, re.sub(r"<bdi>[^<]*</bdi>", "", text)) for status, text in pages}
    assert len(shown) == 1
    assert len(town.letters("address_change_new")) == 3


def test_a_guess_of_what_is_stored_is_not_confirmed(town: Town, site: WebServer) -> None:
    with town.db.write() as conn:
        contact = contacts.get(conn, town.readers[0].id)
        assert contact
        contacts.change(conn, contact, town.now, name="Esther")
    right = web.post(site.url(town.path("d")), data={"name": "Esther", "topic-nieuws": "on", "often": "always"})
    wrong = web.post(site.url(town.path("d", 1)), data={"name": "Esther", "topic-nieuws": "on", "often": "always"})
    assert right.text.replace(town.path("d"), "") == wrong.text.replace(town.path("d", 1), "")


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)  # PostgreSQL forgets when it vacuums
def test_erasing_on_the_web_leaves_neither_name_nor_address_in_the_bytes_of_the_files(
    town: Town, site: WebServer
) -> None:
    for number, name in enumerate(("Esther van der Mark", "Esther de Wit", "Esther")):
        town.now += timedelta(hours=number)
        web.post(site.url(town.path("d")), data={"name": name, "email": f"esther{number}@nieuw.example"})
    web.post(site.url(town.path()))
    web.post(site.url(town.path("d") + "/my-data"))
    page = web.post(site.url(town.letter("my_data", "show"))).text
    assert "Esther de Wit" in page
    done = web.post(site.url(link(page, "erase")))
    assert 'class="code"' in done.text
    assert town.db.sqlite_path
    files = {path.name: path.read_bytes().lower() for path in town.db.sqlite_path.parent.rglob("*") if path.is_file()}
    words = (town.readers[0].email, "van der mark", "de wit", "nieuw.example")
    assert {(name, word) for name, data in files.items() for word in words if word.lower().encode() in data} == set()


@pytest.mark.parametrize("wish", ["page", "one-click", "all", "details"])
def test_a_stranger_who_left_first_cannot_take_back_that_the_owner_wished_it_too(
    town: Town, site: WebServer, wish: str
) -> None:
    stranger = link(web.post(site.url(town.path())).text, "undo")
    if wish == "details":
        web.post(site.url(town.path("d")), data={"topic-nieuws": "off"})
    else:
        form = {"one-click": {"List-Unsubscribe": "One-Click"}, "all": {"scope": "all"}}.get(wish, {})
        web.post(site.url(town.path()), data=form)
    said = web.post(site.url(stranger)).text
    assert town.state() == "opted_out"
    assert "Niet gewijzigd" in said


def test_undoing_ends_when_it_comes_too_often_and_leaving_does_not(town: Town, site: WebServer) -> None:
    codes = set()
    for _ in range(optout.UNDONE.most + 2):
        left = web.post(site.url(town.path()))
        assert left.status_code == 200
        codes.add(web.post(site.url(link(left.text, "undo"))).status_code if link(left.text, "undo") else 0)
    assert codes == {200, 429, 0}
    assert town.state() == "opted_out"


@pytest.mark.parametrize("guess", ["Esther", "Anna"])
def test_how_often_one_may_change_something_confirms_no_guess_either(town: Town, site: WebServer, guess: str) -> None:
    with town.db.write() as conn:
        contact = contacts.get(conn, town.readers[0].id)
        assert contact
        contacts.change(conn, contact, town.now, name="Esther")
    url = site.url(town.path("d"))
    codes = [web.post(url, data={"name": guess}).status_code]
    codes += [web.post(url, data={"name": f"Filler {number}"}).status_code for number in range(10)]
    assert codes == [200] * details.DETAILS.most + [429] * (11 - details.DETAILS.most)


def test_a_limit_that_is_stored_does_not_show_in_what_is_refused(town: Town, site: WebServer) -> None:
    choose(site, town, "less-often", often="month")
    answers: dict[int, list[int]] = {}
    for reader in (0, 1):
        url = site.url(town.path("d", reader))
        for number in range(details.DETAILS.most):
            web.post(url, data={"name": f"Filler {number}"})
        for often in ("always", "week"):
            page = web.post(site.url(f"{town.path(reader=reader)}/less-often")).text
            said = web.post(site.url(link(page, "less-often")), data={"often": often})
            answers.setdefault(reader, []).append(said.status_code)
    assert answers[0] == answers[1] == [429, 200]
    assert limits(town)["less_often"] == 30


def test_who_only_wants_less_is_never_turned_away(town: Town, site: WebServer) -> None:
    url = site.url(town.path("d"))
    for number in range(details.DETAILS.most + 1):
        web.post(url, data={"name": f"Filler {number}"})
    assert web.post(url, data={"topic-nieuws": "off", "often": "month"}).status_code == 200
    assert town.state() == "opted_out"


def test_signing_up_for_one_topic_after_leaving_everything_brings_no_other_back(town: Town, site: WebServer) -> None:
    first = link(web.post(site.url(town.path())).text, "undo")
    web.post(site.url(town.path()), data={"scope": "all"})
    web.post(site.url(first))
    web.post(site.url("/subscribe"), data={"email": town.readers[0].email, "topic": "agenda"})
    web.post(site.url(town.letter("optin_confirm", "confirm")))
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "agenda", town.now) is None
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) == "opt_out"


@pytest.mark.parametrize("wish", ["page", "one-click", "details"])
def test_the_first_answer_does_not_take_back_a_repeated_wish_by_way_of_leaving_everything(
    town: Town, site: WebServer, wish: str
) -> None:
    first = web.post(site.url(town.path())).text
    earlier = re.search(r'name="earlier" value="([^"]+)"', first)
    assert earlier
    if wish == "details":
        web.post(site.url(town.path("d")), data={"topic-nieuws": "off"})
    else:
        web.post(site.url(town.path()), data={"List-Unsubscribe": "One-Click"} if wish == "one-click" else {})
    second = web.post(site.url(town.path()), data={"scope": "all", "earlier": earlier[1]}).text
    web.post(site.url(link(second, "undo")))
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) == "opt_out"


def test_the_letter_about_an_opt_out_is_the_way_back_from_those_that_a_stranger_made_after_it(town: Town) -> None:
    with serving(public_app(town.deps(settings=ReaderSettings(opt_out_mail=True)))) as site:
        for _ in range(notices.MOST_A_DAY["opted_out"] + 1):
            left = web.post(site.url(town.path())).text
            undo = link(left, "undo")
            web.post(site.url(undo))
        web.post(site.url(town.path()))
        assert town.state() == "opted_out"
        web.post(site.url(town.letter("opted_out", "undo")))
        assert town.state() == "subscribed"


def test_undoing_a_change_twice_says_the_same_twice(town: Town, site: WebServer) -> None:
    web.post(site.url(town.path("d")), data={"name": "Somebody"})
    undo = site.url(town.letter("details_changed", "undo"))
    assert web.post(undo).text == web.post(undo).text


def test_over_the_limit_of_the_day_a_page_promises_neither_a_change_nor_a_mail(town: Town, site: WebServer) -> None:
    said = []
    for reader in (0, 1):
        if reader == 0:
            choose(site, town, "less-often", often="month")
        url = site.url(town.path("d", reader))
        for number in range(details.DETAILS.most):
            web.post(url, data={"name": f"Filler {number}"})
        page = web.post(site.url(f"{town.path(reader=reader)}/less-often")).text
        said.append(told(web.post(site.url(link(page, "less-often")), data={"often": "week"}).text))
        said.append(told(web.post(url, data={"often": "week"}).text))
    assert len(set(said)) == 1
    assert "Daarom sturen wij u hierover geen mail" in said[0]
    assert limits(town)["less_often"] == 30
