"""Rule 13: every setting, command, route and state is documented, and nothing documented is missing."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import docs
from tests.support.docs import DOCS, ROOT
from tools import draw_states


def test_every_setting_has_its_place_and_no_page_names_one_that_is_not_there() -> None:
    assert docs.headings(DOCS / "settings.md", "POSTILJON_") == docs.settings()
    named = {
        word for page in docs.pages() for word in re.findall(r"\bPOSTILJON_[A-Z_]+[A-Z]\b", page.read_text("utf-8"))
    }
    assert named - docs.settings() == set()


def test_keys_of_postiljon_toml_in_the_docs_are_settings() -> None:
    names = {name.removeprefix("POSTILJON_").lower() for name in docs.settings()}
    found = {
        key
        for page in docs.pages()
        for block in re.findall(r"^ *```toml\n(.*?)^ *```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        if not block.startswith("# brand")
        for key in re.findall(r"^ *([a-z_]+) *=", block, re.MULTILINE)
    }
    assert found - names == set()


def test_every_key_of_a_campaign_file_is_in_its_table_and_no_other() -> None:
    from campaigns.source.definition import KEYS

    text = docs.section(DOCS / "campaign-file.md", "Front matter", level=2)
    assert set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE)) == set(KEYS)


def test_every_command_and_option_is_documented_as_its_help_says() -> None:
    command = [sys.executable, "-m", "tools.draw_commands", "--print"]
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert (DOCS / "commands.md").read_text("utf-8") == said, "run 'make docs-commands'"


def test_every_command_has_a_sentence_and_an_example() -> None:
    for name in docs.commands():
        text = docs.section(DOCS / "commands.md", name)
        assert (name, text.count("$ postiljon") > 0, len(text.strip().splitlines()[0]) > 20) == (name, True, True)


def test_commands_in_examples_exist() -> None:
    known = docs.commands()
    strange = []
    for page in docs.pages():
        for line in re.findall(
            r"(?:^\s*(?:\$ )?|`|[\w/]/)(postiljon(?: [a-z][a-z-]*){1,2})", page.read_text("utf-8"), re.MULTILINE
        ):
            words = line.split()
            if not {" ".join(words[:2]), " ".join(words[:3])} & known:
                strange.append(f"{page.name}: {line}")
    assert strange == []


def test_no_page_says_that_the_wheel_is_on_pypi() -> None:
    said = re.compile(r"\bpipx?3? install (?:-\S+ )*postiljon(?![\w-])")
    assert [page.name for page in docs.pages() if said.search(page.read_text("utf-8"))] == []
    assert "make wheel" in docs.section(DOCS / "howto" / "production.md", "Install", level=2)


def test_what_the_docs_tell_to_make_can_be_made() -> None:
    found = {
        (page.name, target)
        for page in docs.pages()
        for target in re.findall(r"(?:`|^\s*)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {item for item in found if item[1] not in docs.make_targets()} == set()


def test_every_state_is_documented_and_the_diagrams_are_those_of_the_tables() -> None:
    assert draw_states.PAGE.read_text("utf-8") == draw_states.page(), "run 'make docs-states'"


def test_every_state_of_a_delivery_is_in_the_glossary() -> None:
    from mailer.outbox import states

    text = (DOCS / "glossary.md").read_text("utf-8")
    spoken = {state.replace("_", " ") for state in states.DELIVERY_STATES} - {"waiting", "sending"}
    assert {word for word in spoken if f"| **{word}** |" not in text} == set()


def test_the_states_in_words_are_those_of_the_tables() -> None:
    from campaigns.lifecycle.states import CampaignState
    from mailer.outbox import states

    assert set(draw_states.CAMPAIGN) == {state.value for state in CampaignState}
    assert set(draw_states.DELIVERY) == set(states.DELIVERY_STATES)
    assert set(draw_states.MAILING) == set(states.MAILING_STATES)


def test_every_route_is_documented_and_no_other() -> None:
    from tests.support.routes import public_routes

    named = set(re.findall(r"^\| `(/[^`]*)`", (DOCS / "routes.md").read_text("utf-8"), re.MULTILINE))
    assert {route for route in named if not route.startswith("/console")} == public_routes()


def test_every_route_of_the_console_is_documented_with_its_right_and_no_other() -> None:
    from campaigns.console import console_routes

    rows = re.findall(r"^\| `(/console[^`]*)` \|([a-z, ]*)\|", (DOCS / "routes.md").read_text("utf-8"), re.MULTILINE)
    there = {(f"/console{route.path}".removesuffix("/"), route_rights(route)) for route in console_routes()}
    assert {(path, right.strip()) for path, right in rows} == there | {("/console/a/{name}", "")}


def route_rights(route: Any) -> str:
    """The rights that a route asks for: one, or that of GET and that of POST; none for an open one."""
    if route.access == "open":
        return ""
    return ", ".join(dict.fromkeys(route.right_for(method).value for method in route.methods))


def broken_links() -> Iterator[str]:
    for page in docs.pages():
        for link in docs.links(page):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            name = page.relative_to(ROOT)
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in docs.anchors(target)):
                yield f"{name}: {link}"


def test_every_link_in_the_docs_leads_somewhere() -> None:
    assert list(broken_links()) == []


def test_every_decision_is_in_the_index() -> None:
    text = (DOCS / "decisions" / "index.md").read_text("utf-8")
    dated = {path.name for path in (DOCS / "decisions").glob("2*.md")}
    assert {name for name in dated if f"({name})" not in text} == set()


def test_every_page_can_be_found_from_the_index() -> None:
    reached: set[Path] = set()
    todo = [DOCS / "index.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        inside = [(page.parent / link.partition("#")[0]).resolve() for link in docs.links(page) if ":" not in link]
        todo += [path for path in inside if path.suffix == ".md" and path.is_relative_to(DOCS) and path not in reached]
    assert {page.name for page in DOCS.rglob("*.md") if page not in reached} == set()


def test_every_fragment_has_a_number_or_plus_and_a_kind() -> None:
    names = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    kinds = "added|changed|fixed|security"
    assert [name for name in names if not re.fullmatch(rf"(\d+|\+[\w-]+)\.({kinds})(\.\d+)?\.md", name)] == []


@pytest.mark.parametrize("page", ["promises.md", "attacks.md"])
def test_tests_named_in_promises_and_attacks_exist(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    files = set(re.findall(r"`(tests/[\w/]+\.py)", text))
    assert files
    assert {file for file in files if not (ROOT / file).exists()} == set()


@pytest.mark.parametrize("word", ["sorry", "oops", "klik hier", "simply"])
def test_docs_do_not_say(word: str) -> None:
    assert [page.name for page in docs.pages() if word in docs.without_code(page).lower()] == []


def test_every_function_of_the_routes_exists() -> None:
    named = re.findall(r"^\| `([\w/]+\.py):([\w.]+)` \|", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE)
    assert len(named) > 25
    for file, name in named:
        *classes, function = name.split(".")
        node: ast.AST = ast.parse((DOCS.parent / file).read_text("utf-8"))
        for word in [*classes, function]:
            found = [child for child in ast.iter_child_nodes(node) if getattr(child, "name", "") == word]
            assert found, f"{file} has no {name}"
            node = found[0]
