"""A forwarded letter: in other hands its links give nothing back, tell nothing, and confirm no guess."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailer import outbox, suppression
from mailer.signing import Purpose, address_hash
from mailer.storage import Database
from tests.support import web
from tests.support.site import PEPPER, Site, Town, serving
from unsubscribe import contacts, details, moving, notices, optout, retention
from unsubscribe.endpoint import public_app
from unsubscribe.settings import ReaderSettings


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


@pytest.mark.parametrize("wish", ["page", "one-click", "all", "details"])
def test_a_stranger_who_left_first_cannot_take_back_that_the_owner_wished_it_too(
    town: Town, site: Site, wish: str
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


def test_undoing_ends_when_it_comes_too_often_and_leaving_does_not(town: Town, site: Site) -> None:
    codes = set()
    for _ in range(optout.UNDONE.most + 2):
        left = web.post(site.url(town.path()))
        assert left.status_code == 200
        codes.add(web.post(site.url(link(left.text, "undo"))).status_code if link(left.text, "undo") else 0)
    assert codes == {200, 429, 0}
    assert town.state() == "opted_out"


@pytest.mark.parametrize("guess", ["Esther", "Anna"])
def test_how_often_one_may_change_something_confirms_no_guess_either(town: Town, site: Site, guess: str) -> None:
    with town.db.write() as conn:
        contact = contacts.get(conn, town.readers[0].id)
        assert contact
        contacts.change(conn, contact, town.now, name="Esther")
    url = site.url(town.path("d"))
    codes = [web.post(url, data={"name": guess}).status_code]
    codes += [web.post(url, data={"name": f"Filler {number}"}).status_code for number in range(10)]
    assert codes == [200] * details.DETAILS.most + [429] * (11 - details.DETAILS.most)


def test_a_limit_that_is_stored_does_not_show_in_what_is_refused(town: Town, site: Site) -> None:
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


def test_who_only_wants_less_is_never_turned_away(town: Town, site: Site) -> None:
    url = site.url(town.path("d"))
    for number in range(details.DETAILS.most + 1):
        web.post(url, data={"name": f"Filler {number}"})
    assert web.post(url, data={"topic-nieuws": "off", "often": "month"}).status_code == 200
    assert town.state() == "opted_out"


def test_signing_up_for_one_topic_after_leaving_everything_brings_no_other_back(town: Town, site: Site) -> None:
    first = link(web.post(site.url(town.path())).text, "undo")
    web.post(site.url(town.path()), data={"scope": "all"})
    web.post(site.url(first))
    web.post(site.url("/subscribe"), data={"email": town.readers[0].email, "topic": "agenda"})
    web.post(site.url(town.letter("optin_confirm", "confirm")))
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "agenda", town.now) is None
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) == "opt_out"


def moved(town: Town, site: Site) -> None:
    """The first reader's address is moved to a stranger's."""
    web.post(site.url(town.path("d")), data={"email": "b@thief.example"})
    for notice in ("address_change_new", "address_change_old"):
        web.post(site.url(town.letter(notice, "confirm")))


def test_a_mailbox_in_dispute_gets_no_undo_and_the_original_one_can_still_undo(town: Town, site: Site) -> None:
    web.post(site.url(town.path("d")), data={"name": "Before"})
    before = town.letter("details_changed", "undo")
    moved(town, site)
    web.post(site.url(town.path("d")), data={"often": "week"})
    with town.db.read() as conn:
        present = outbox.get(conn, town.letters("details_changed")[-1])
        filled = notices.fill(conn, present, [town.readers[0].id], town.tokens)
    assert "undo" not in filled[town.readers[0].id].values["contact"]
    web.post(site.url(before))
    with town.db.read() as conn:
        contact = contacts.get(conn, town.readers[0].id)
    assert contact
    assert contact.name != "Before"


def test_going_back_to_ones_own_address_by_the_form_leaves_the_other_mailbox_no_way_to_keep(
    town: Town, site: Site
) -> None:
    moved(town, site)
    web.post(site.url(town.path("d")), data={"email": town.readers[0].email})
    keep = town.letter("address_change_old", "undo")
    web.post(site.url(town.letter("address_change_new", "confirm")))
    town.now += timedelta(days=7)
    retention.tidy(town.db, ReaderSettings(), PEPPER, town.now)
    web.post(site.url(keep))
    with town.db.read() as conn:
        assert contacts.find(conn, town.readers[0].email)


def test_what_the_other_mailbox_had_for_itself_does_not_come_back_with_the_owner(town: Town, site: Site) -> None:
    hashed = address_hash(PEPPER, "b@thief.example")
    with town.db.write() as conn:
        suppression.suppress(conn, hashed, "", "opt_out", town.now - timedelta(days=400))
    moved(town, site)
    town.now += timedelta(days=1)
    with town.db.read() as conn:
        old = next(number for number in town.letters("address_change_old"))
        values = notices.fill(conn, outbox.get(conn, old), [town.readers[0].id], town.tokens)
    keep = str(values[town.readers[0].id].values["contact"]["undo"]).partition("/c/")[2]  # type: ignore[index]
    web.post(site.url(f"/c/{keep}"))
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) is None
        assert suppression.why(conn, hashed, "nieuws", town.now) == "opt_out"


def test_the_old_mailbox_sees_in_full_what_it_is_to_agree_to(town: Town, site: Site) -> None:
    web.post(site.url(town.path("d")), data={"email": "esther@nieuw.example"})
    assert "esther@nieuw.example" in web.get(site.url(town.letter("address_change_old", "confirm"))).text
    assert "esther@nieuw.example" not in web.get(site.url(town.letter("address_change_new", "confirm"))).text


def test_the_tidying_does_not_carry_out_a_move_that_is_kept_meanwhile(town: Town, site: Site) -> None:
    web.post(site.url(town.path("d")), data={"email": "b@thief.example"})
    web.post(site.url(town.letter("address_change_new", "confirm")))
    token = town.tokens.read(
        town.letter("address_change_old", "undo").rpartition("/")[2], Purpose.ADDRESS_KEEP, town.now
    )
    later = town.now + timedelta(days=8)
    tidying = threading.Thread(target=lambda: retention.tidy(town.db, ReaderSettings(), PEPPER, later))
    with town.db.write() as conn:
        contacts.lock(conn, [token.recipient])
        tidying.start()
        tidying.join(0.5)  # on PostgreSQL it has read the change and waits for the contact; on SQLite for the lock
        assert moving.keep(conn, token, PEPPER, later).stand == "kept"
    tidying.join()
    with town.db.read() as conn:
        assert contacts.find(conn, town.readers[0].email)


@pytest.mark.parametrize("wish", ["page", "one-click", "details"])
def test_the_first_answer_does_not_take_back_a_repeated_wish_by_way_of_leaving_everything(
    town: Town, site: Site, wish: str
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


def test_leaving_while_the_address_is_moved_holds_the_former_address_too_and_the_undo_gives_both_back(
    town: Town, site: Site
) -> None:
    moved(town, site)
    left = web.post(site.url(town.path())).text
    hashes = (town.readers[0].address_hash, address_hash(PEPPER, "b@thief.example"))
    with town.db.read() as conn:
        assert [suppression.why(conn, hashed, "nieuws", town.now) for hashed in hashes] == ["opt_out"] * 2
    web.post(site.url(link(left, "undo")))
    with town.db.read() as conn:
        assert [suppression.why(conn, hashed, "nieuws", town.now) for hashed in hashes] == [None] * 2


def test_a_pause_stays_at_the_former_address_while_it_can_be_put_back(town: Town, site: Site) -> None:
    choose(site, town, "pause", pause="6")
    moved(town, site)
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) == "pause"


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


def test_confirming_ones_own_address_says_that_nothing_changes(town: Town, site: Site) -> None:
    web.post(site.url(town.path("d")), data={"email": town.readers[0].email})
    said = web.post(site.url(town.letter("address_change_new", "confirm"))).text
    assert "Uw oude adres blijft staan" in said


def test_undoing_a_change_twice_says_the_same_twice(town: Town, site: Site) -> None:
    web.post(site.url(town.path("d")), data={"name": "Somebody"})
    undo = site.url(town.letter("details_changed", "undo"))
    assert web.post(undo).text == web.post(undo).text


def test_a_letter_to_the_other_mailbox_that_has_not_left_when_the_address_is_put_back_is_not_sent(
    town: Town, site: Site
) -> None:
    moved(town, site)
    web.post(site.url(town.path("d")), data={"name": "Thief"})
    other = town.letters("details_changed")[-1]
    with town.db.read() as conn:
        keep = notices.fill(
            conn, outbox.get(conn, town.letters("address_change_old")[0]), [town.readers[0].id], town.tokens
        )
    link_of = str(keep[town.readers[0].id].values["contact"]["undo"])  # type: ignore[index]
    web.post(site.url("/c/" + link_of.partition("/c/")[2]))
    with town.db.read() as conn:
        assert notices.fill(conn, outbox.get(conn, other), [town.readers[0].id], town.tokens) == {}
        own = outbox.find(conn, f"former1:details_changed:{outbox.get(conn, other).spec.key.rpartition(':')[2]}")
        assert own
        values = notices.fill(conn, own, [town.readers[0].id], town.tokens)[town.readers[0].id].values["contact"]
    assert "undo" in values
