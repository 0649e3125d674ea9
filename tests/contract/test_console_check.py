"""*Check*: what must be mended, what to look at, what is in order, where; and what nobody else may read there."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.storage import Database
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_letters import draft

FAULTY = """Beste {{ contact.name }},

![](foto.png)

Lees [hier](https://vng.example/) meer.
"""


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> Iterator[ConsoleSetup]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:  # a name server that answers nothing
        held.bind(("127.0.0.1", 0))
        made = console_setup(empty_database, tmp_path, 2, dns=f"127.0.0.1:{held.getsockname()[1]}")
        yield made


@pytest.fixture
def author(setup: ConsoleSetup) -> Iterator[StaffBrowser]:
    with console(setup) as server, signed_in(setup, server, "author") as browser:
        yield browser


def part(page: str, name: str) -> str:
    """The section with that heading."""
    found = re.search(rf'<section aria-labelledby="{name}">.*?</section>', page, re.DOTALL)
    return found[0] if found else ""


def test_a_fault_is_told_with_why_how_and_its_line(setup: ConsoleSetup, author: StaffBrowser) -> None:
    draft(setup, "Kapot", body=FAULTY)
    page = author.get("/campaigns/kapot/check").text
    must = part(page, "must")
    assert "Personal fields and conditions" in must
    assert "A field that cannot be read would be printed as it stands, for everybody to see." in must
    assert "a fallback for contacts that have no value" in must
    assert re.search(r'href="[^"]*/campaigns/kapot/text#line-1">Go to line 1<', must)
    assert re.search(r'href="[^"]*/campaigns/kapot/text#line-3">Go to line 3<', must)
    assert "3 things stop this campaign." in must
    assert "more may be found" in must
    assert "Error" not in author.text.split("Must be mended")[0]


def test_a_warning_stops_nothing_and_is_in_a_list_of_its_own(setup: ConsoleSetup, author: StaffBrowser) -> None:
    draft(setup, "Bijna", body="Lees [hier](https://vng.example/) meer.\n")
    page = author.get("/campaigns/bijna/check").text
    assert not part(page, "must")
    assert "Links and buttons" in part(page, "look")
    assert "Links and buttons" not in part(page, "fine")
    assert "Images" in part(page, "fine")


def test_an_unknown_topic_must_be_mended_and_is_no_warning(setup: ConsoleSetup, author: StaffBrowser) -> None:
    draft(setup, "Onbekend", topic="nergens")
    page = author.get("/campaigns/onbekend/check").text
    assert "The topic" in part(page, "must")
    assert re.search(r'href="[^"]*/campaigns/onbekend/text#topic">Go to the field<', page)


def test_what_could_not_be_looked_at_is_not_in_order(setup: ConsoleSetup, author: StaffBrowser) -> None:
    draft(setup, "Kapot", body=FAULTY)
    draft(setup, "Goed")
    assert "The preheader" not in part(author.get("/campaigns/kapot/check").text, "fine")
    assert "The preheader" in part(author.get("/campaigns/goed/check").text, "fine")


def test_values_of_people_are_masked_for_who_may_not_see_them(setup: ConsoleSetup) -> None:
    setup.people(1, amount="twaalf euro")
    draft(setup, "Bedrag", body='U betaalt {{ contact.amount | number | default("niets") }}.\n')
    with console(setup) as server:
        with signed_in(setup, server, "author") as author:
            masked = author.get("/campaigns/bedrag/check").text
        with signed_in(setup, server, "sender") as sender:
            whole = sender.get("/campaigns/bedrag/check").text
    assert "twaalf euro" in whole
    assert "lezer2@example.org" in whole
    assert "twaalf euro" not in masked
    assert "lezer2@example.org" not in masked
    assert "t•••" in masked


def test_a_silent_name_server_is_something_to_look_at_and_never_in_order(
    setup: ConsoleSetup, author: StaffBrowser
) -> None:
    draft(setup)
    whole = author.get("/campaigns/denkt-u-mee/check/sender").text
    assert "<html" in whole
    fragment = author.get("/campaigns/denkt-u-mee/check/sender", headers={"hx-request": "true"}).text
    assert "<html" not in fragment
    for page in (whole, fragment):
        assert "The domain name system answers" in page
        assert "found nothing" not in page


def test_the_check_fetches_no_address_of_the_letter(setup: ConsoleSetup, author: StaffBrowser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        text = f"[een link]({url})\n\n![Een plaatje](https://127.0.0.1:{trap.getsockname()[1]}/x.png)\n"
        draft(setup, "Val", body=text)
        for path in ("check", "check/sender", "preview", "letter", "test"):
            assert author.get(f"/campaigns/val/{path}").status_code == 200
        with pytest.raises(TimeoutError):
            trap.accept()
    author.get("/campaigns/val/check")
    assert "Whether the pages behind links work is not looked at" in author.text
