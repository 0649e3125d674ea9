"""A forwarded letter: in other hands its links give nothing back, tell nothing, and confirm no guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailer import suppression
from mailer.storage import Database
from tests.support import web
from tests.support.site import PEPPER, Site, Town, serving
from unsubscribe import contacts
from unsubscribe.endpoint import public_app


@pytest.fixture
def town(empty_database: Database) -> Town:
    return Town(empty_database, languages=("nl",))


@pytest.fixture
def site(town: Town) -> Iterator[Site]:
    with serving(public_app(town.deps())) as site:
        yield site


def link(page: str, kind: str) -> str:
    """The first link of a kind below ``/c/`` in a page; empty where there is none."""
    found = re.search(rf"/c/{kind}/[A-Za-z0-9_-]+", page)
    return found[0] if found else ""


def limits(town: Town) -> dict[str, object]:
    """What holds the first reader's mail back for a time."""
    with town.db.read() as conn:
        entries = suppression.entries(conn, town.readers[0].address_hash)
    return {entry.reason: entry.every_days or entry.until for entry in entries}


def choose(site: Site, town: Town, kind: str, **form: str) -> str:
    """Choose *less often* or *pause* by the link of the letter; the page that follows."""
    page = web.post(site.url(f"{town.path()}/{kind}")).text
    return web.post(site.url(link(page, kind)), data=form).text


def test_only_the_answer_to_the_post_that_acted_hands_out_the_undo(town: Town, site: Site) -> None:
    owner = web.post(site.url(town.path())).text
    stranger = web.post(site.url(town.path())).text
    assert link(owner, "undo")
    for kind in ("undo", "less-often", "pause", "reason"):
        assert not link(stranger, kind)
    shown = web.get(site.url(town.path())).text
    assert "/c/" not in shown


def test_leaving_all_mail_in_the_owners_place_does_not_give_the_topic_back(town: Town, site: Site) -> None:
    web.post(site.url(town.path()))
    stranger = web.post(site.url(town.path()), data={"scope": "all", "earlier": "x" * 48}).text
    said = web.post(site.url(link(stranger, "undo"))).text
    assert town.state() == "opted_out"
    assert "maar niet" in said


def test_who_left_a_topic_and_then_all_on_one_page_gets_one_undo_for_both(town: Town, site: Site) -> None:
    first = web.post(site.url(town.path())).text
    earlier = re.search(r'name="earlier" value="([^"]+)"', first)
    assert earlier
    second = web.post(site.url(town.path()), data={"scope": "all", "earlier": earlier[1]}).text
    web.post(site.url(link(second, "undo")))
    assert town.state() == "subscribed"


def test_a_stricter_choice_by_the_link_of_a_letter_is_made_at_once_and_not_announced(town: Town, site: Site) -> None:
    choose(site, town, "less-often", often="week")
    choose(site, town, "less-often", often="month")
    choose(site, town, "pause", pause="1")
    choose(site, town, "pause", pause="6")
    assert limits(town)["less_often"] == 30
    assert town.letters("details_changed") == []


def test_a_looser_limit_is_announced_with_an_undo(town: Town, site: Site) -> None:
    choose(site, town, "less-often", often="month")
    choose(site, town, "less-often", often="always")
    assert "less_often" not in limits(town)
    web.post(site.url(town.letter("details_changed", "undo")))
    assert limits(town)["less_often"] == 30


def test_a_shorter_pause_is_announced_with_an_undo(town: Town, site: Site) -> None:
    choose(site, town, "pause", pause="6")
    long = limits(town)["pause"]
    choose(site, town, "pause", pause="1")
    assert limits(town)["pause"] != long
    web.post(site.url(town.letter("details_changed", "undo")))
    assert limits(town)["pause"] == long


def test_a_looser_limit_by_way_of_an_opt_out_is_announced_too(town: Town, site: Site) -> None:
    choose(site, town, "less-often", often="month")
    left = web.post(site.url(town.path())).text
    web.post(site.url(link(left, "less-often")), data={"often": "always"})
    assert len(town.letters("details_changed")) == 1


def test_looser_choices_end_when_they_come_too_often(town: Town, site: Site) -> None:
    answers = []
    for _ in range(12):
        for often in ("month", "always"):
            page = web.post(site.url(f"{town.path()}/less-often")).text
            answers.append(web.post(site.url(link(page, "less-often")), data={"often": often}).status_code)
    assert set(answers) == {200, 429}
    assert limits(town)["less_often"] == 30


def test_another_address_brings_the_same_page_whether_it_is_known_unknown_or_ones_own(town: Town, site: Site) -> None:
    targets = ["x@vng.example", town.readers[1].email, town.readers[0].email]
    pages = []
    for reader, target in zip((0, 1, 2), (targets[0], targets[2], town.readers[2].email), strict=True):
        page = web.post(site.url(town.path("d", reader)), data={"email": target})
        pages.append((page.status_code, page.text.replace(target[0], "•", 0)))
    shown = {(status, re.sub(r"<bdi>[^<]*</bdi>", "", text)) for status, text in pages}
    assert len(shown) == 1
    assert len(town.letters("address_change_new")) == 3


def test_a_guess_of_what_is_stored_is_not_confirmed(town: Town, site: Site) -> None:
    with town.db.write() as conn:
        contact = contacts.get(conn, town.readers[0].id)
        assert contact
        contacts.change(conn, contact, town.now, name="Esther")
    right = web.post(site.url(town.path("d")), data={"name": "Esther", "topic-nieuws": "on", "often": "always"})
    wrong = web.post(site.url(town.path("d", 1)), data={"name": "Esther", "topic-nieuws": "on", "often": "always"})
    assert right.text.replace(town.path("d"), "") == wrong.text.replace(town.path("d", 1), "")


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)  # PostgreSQL forgets when it vacuums
def test_erasing_on_the_web_leaves_neither_name_nor_address_in_the_bytes_of_the_files(town: Town, site: Site) -> None:
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


def test_a_former_address_of_an_erased_person_is_kept_out_as_well(town: Town, site: Site) -> None:
    web.post(site.url(town.path("d")), data={"email": "esther@nieuw.example"})
    for notice in ("address_change_new", "address_change_old"):
        web.post(site.url(town.letter(notice, "confirm")))
    town.now += timedelta(days=20)
    web.post(site.url(town.path("d") + "/my-data"))
    page = web.post(site.url(town.letter("my_data", "show"))).text
    web.post(site.url(link(page, "erase")))
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) == "erased"


def test_a_link_to_keep_an_address_that_comes_too_late_says_so(town: Town, site: Site) -> None:
    web.post(site.url(town.path("d")), data={"email": "esther@nieuw.example"})
    keep = town.letter("address_change_old", "undo")
    for notice in ("address_change_new", "address_change_old"):
        web.post(site.url(town.letter(notice, "confirm")))
    town.now += timedelta(days=20)
    said = web.post(site.url(keep)).text
    assert "kan met deze link niet meer teruggezet worden" in said
    with town.db.read() as conn:
        assert contacts.find(conn, "esther@nieuw.example")


def test_an_address_of_another_contact_is_said_to_be_known_to_its_own_mailbox_alone(town: Town, site: Site) -> None:
    with town.db.write() as conn:
        contacts.add(conn, contacts.Person("jan@gouda.example"), PEPPER, town.now)
    web.post(site.url(town.path("d")), data={"email": "jan@gouda.example"})
    agree = town.letter("address_change_old", "confirm")
    assert "staat al op onze lijst" in web.post(site.url(town.letter("address_change_new", "confirm"))).text
    assert "staat al op onze lijst" not in web.post(site.url(agree)).text
